import pytest

from carina.data.answer_rows import AnswerRow, FileState, answer_columns, read_answers
from carina.data.answer_table import open_answer_table
from carina.data.predictions import prediction_columns, read_predictions
from carina.domain.prediction import Prediction
from carina.errors import StorageError, UsageError
from carina.files.names import one_line

resource = pytest.importorskip("resource", reason="limits of a process are a thing of Unix")
LABELS = ("COVID", "Normal")
STATE = FileState(n_bytes=10, modified_ns=5_000_000_001)


def row(path="a.png", *, state=STATE, code="", sha256="ab" * 32, **facts):
    return AnswerRow(
        Prediction(
            path=path,
            probabilities={} if code.startswith("file/") else {"COVID": 0.1 + 0.2, "Normal": 0.7},
            logits={} if code.startswith("file/") else {"COVID": -1e-300, "Normal": 3.0},
            predicted="" if code.startswith("file/") else "Normal",
            abstained=bool(code),
            reason_code=code,
            sha256=sha256,
            **facts,
        ),
        state,
        ("maps/a.png.Normal.png",),
    )


def table_in(path, *, classifier="c" * 64, made_with="f32", labels=LABELS):
    return open_answer_table(path, labels=labels, classifier=classifier, made_with=made_with)


@pytest.fixture
def csv(tmp_path):
    """A table with the answers on a.png and b.png."""
    with table_in(tmp_path / "answers.csv") as table:
        table.append([row("a.png"), row("b.png")])
    return tmp_path / "answers.csv"


def test_rows_are_read_as_they_were_written_whatever_their_names_hold(tmp_path):
    rows = [row('a, "b".png'), row("two\\nlines.png", reason='no, "none"'), row("ä.png")]
    with table_in(tmp_path / "a.csv") as table:
        table.append(rows[:1])
        table.append(rows[1:])
    assert list(read_answers(tmp_path / "a.csv")) == rows
    assert [file.name for file in tmp_path.iterdir()] == ["a.csv"]


def test_the_table_begins_with_the_columns_of_every_predictions_file(csv):
    assert answer_columns(LABELS)[: len(prediction_columns(LABELS))] == prediction_columns(LABELS)
    labels, predictions = read_predictions(csv)
    assert labels == LABELS
    assert [film.path for film in predictions] == ["a.png", "b.png"]


def test_one_row_is_one_line_even_where_a_reason_has_several(tmp_path):
    with table_in(tmp_path / "a.csv") as table:
        table.append([row(reason="first\nsecond\r\nthird")])
    assert len((tmp_path / "a.csv").read_bytes().splitlines()) == 2


def test_a_table_is_gone_on_with(csv):
    before = csv.read_bytes()
    with table_in(csv) as table:
        assert table.n_before == 2
        assert table.answered.is_same("a.png", STATE)
        assert not table.answered.is_same("c.png", STATE)
        table.append([row("c.png")])
    assert csv.read_bytes().startswith(before)
    assert [r.prediction.path for r in read_answers(csv)] == ["a.png", "b.png", "c.png"]


@pytest.mark.parametrize("torn", [b"c.png,,,", b'c.png,"', b"\0\0\0\0", b"c.png,x\0\0\n"])
def test_a_last_line_that_was_torn_is_cut_off(csv, torn):
    whole = csv.read_bytes()
    csv.write_bytes(whole + torn)
    with table_in(csv) as table:
        assert table.n_before == 2
        assert csv.read_bytes() == whole
        assert table.cut_off == one_line(torn.decode())


@pytest.mark.parametrize("n_bytes", [0, 1, 30])
def test_a_file_of_which_only_a_part_of_the_header_was_written_is_begun_anew(csv, n_bytes):
    whole = csv.read_bytes()
    csv.write_bytes(whole[:n_bytes])
    with table_in(csv) as table:
        assert table.n_before == 0
        table.append([row("a.png"), row("b.png")])
    assert csv.read_bytes() == whole


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"classifier": "d" * 64}, "another classifier .cccccccccccc, this is dddddddddddd"),
        ({"made_with": "bf16"}, "other options .'f32', asked for is 'bf16'"),
        ({"labels": ("COVID", "Pneumonia")}, "its columns are path, source"),
    ],
)
def test_answers_of_another_kind_are_refused_and_left_as_they_are(csv, options, said):
    before = csv.read_bytes()
    with pytest.raises(UsageError, match=said), table_in(csv, **options):
        pass
    assert csv.read_bytes() == before


@pytest.mark.parametrize(
    "content", [b"no table", b"path,label\na.png,COVID\n", b"a\n\0\nb\n", b"\xff\xfe\n"]
)
def test_any_other_file_is_refused_and_left_as_it_is(tmp_path, content):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(UsageError, match="nothing in it was touched"), table_in(tmp_path / "a.csv"):
        pass
    assert (tmp_path / "a.csv").read_bytes() == content


def test_a_line_that_is_damaged_with_others_behind_it_is_refused(csv):
    first, second, third = csv.read_bytes().splitlines(keepends=True)
    csv.write_bytes(first + second[:20] + b"\n" + third)
    with pytest.raises(UsageError, match=r"line 2 has .* cells"), table_in(csv):
        pass


def test_only_one_writer_has_a_table_at_a_time(csv):
    refused = pytest.raises(UsageError, match="being written by another carina")
    with table_in(csv), refused, table_in(csv):
        pass
    with table_in(csv) as table:
        assert table.n_before == 2


def test_a_film_of_another_time_but_the_same_content_was_answered(csv):
    later = FileState(STATE.n_bytes, STATE.modified_ns + 1)
    with table_in(csv) as table:
        assert not table.answered.holds("a.png", later, lambda: "cd" * 32)
        assert table.answered.holds("a.png", later, lambda: "ab" * 32)
        assert table.answered.is_same("a.png", later)
        longer = FileState(STATE.n_bytes + 1, STATE.modified_ns + 2)
        assert not table.answered.holds("a.png", longer, lambda: pytest.fail("size says enough"))


def test_a_film_that_could_not_be_read_is_tried_again_where_the_reason_may_pass(tmp_path):
    with table_in(tmp_path / "a.csv") as table:
        damaged = row("damaged.png", code="file/damaged", sha256="")
        table.append([damaged, row("locked.png", code="file/no-permission", sha256="")])
    with table_in(tmp_path / "a.csv") as table:
        assert table.answered.is_same("damaged.png", STATE)
        assert not table.answered.is_same("locked.png", STATE)
    assert next(read_answers(tmp_path / "a.csv")) == damaged


def test_of_several_rows_of_a_film_the_last_counts(csv):
    with table_in(csv) as table:
        table.append([row("a.png", state=FileState(11, 6))])
    assert [(r.prediction.path, r.state.n_bytes) for r in read_answers(csv)] == [
        ("b.png", 10),
        ("a.png", 11),
    ]
    assert [r.prediction.path for r in read_answers(csv, names={"b.png"})] == ["b.png"]


def test_where_there_is_no_room_the_rows_so_far_stay_whole(csv):
    before = csv.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with table_in(csv) as table:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 100, hard))
        try:
            with pytest.raises(StorageError, match=r"its rows so far .2. stay"):
                table.append([row("c.png")])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert csv.read_bytes() == before
        table.append([row("c.png")])
    assert len(list(read_answers(csv))) == 3


def test_a_table_that_another_program_writes_to_is_not_written_over(csv):
    with table_in(csv) as table:
        with csv.open("a") as stream:
            stream.write("a note\n")
        with pytest.raises(StorageError, match="changed by another program"):
            table.append([row("c.png")])
    assert csv.read_text().endswith("a note\n")


def test_a_table_that_was_taken_away_is_begun_anew(csv):
    with table_in(csv) as table:
        csv.rename(csv.with_name("kept.csv"))
        table.append([row("c.png")])
        assert table.answered.is_same("a.png", STATE)
    assert [r.prediction.path for r in read_answers(csv)] == ["c.png"]
