"""A reader's table: which films, which column, and what is refused."""

import pytest

from carina.data.reader_answers import named_reader, read_reader_answers
from carina.errors import EvaluationError, UsageError


def written(tmp_path, text, name="readers.csv"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_the_only_column_beside_those_of_the_film_is_the_readers(tmp_path):
    path = written(tmp_path, "path,label,dr ada\na.png,COVID,Normal\n.\\b.png,COVID,\n")
    found = read_reader_answers(path)
    assert (found.column, found.film_column) == ("dr ada", "path")
    assert found.answers == {"a.png": "Normal"}
    assert found.n_blank == 1


def test_films_may_be_named_by_their_digest_and_cells_by_semicolons(tmp_path):
    found = read_reader_answers(written(tmp_path, "SHA256;path;ada\nABC1;a.png;COVID\n"))
    assert found.film_column == "sha256"
    assert found.answers == {"abc1": "COVID"}


def test_of_several_readers_one_must_be_named(tmp_path):
    path = written(tmp_path, "path,ada,bo\na.png,COVID,Normal\n")
    with pytest.raises(EvaluationError, match=r"ada, bo.*--reader readers\.csv:ada"):
        read_reader_answers(path)
    assert read_reader_answers(path, "Bo").answers == {"a.png": "Normal"}
    with pytest.raises(EvaluationError, match="no column 'cy'"):
        read_reader_answers(path, "cy")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("film,ada\na.png,COVID\n", "expected 'path' or 'sha256' .found: film, ada"),
        ("path,label\na.png,COVID\n", "no column of answers"),
        ("path,ada\na.png,\n", "every cell is blank"),
        ("path,ada\na.png,COVID\na.png,Normal\n", "line 3: 'a.png' is answered with 'Normal'"),
    ],
)
def test_what_cannot_be_a_readers_table_is_refused_with_what_to_do(tmp_path, text, told):
    with pytest.raises(EvaluationError, match=told):
        read_reader_answers(written(tmp_path, text))


def test_a_column_is_named_after_a_colon(tmp_path):
    path = written(tmp_path, "path,ada\na.png,COVID\n", name="all readers.csv")
    assert named_reader(str(path)) == (path, None)
    assert named_reader(f"{path}:dr ada") == (path, "dr ada")
    with pytest.raises(UsageError, match="there is no file"):
        named_reader(str(tmp_path / "none.csv:ada"))
