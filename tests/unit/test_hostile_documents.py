"""Files of a run that somebody wrote by hand: refused in words, before they take time or stack."""

import json
import os
import time

import pytest

from carina.domain.audit import Audit
from carina.errors import DownloadError, EvaluationError, RecipeError, RunError
from carina.files.documents import read_document, write_document
from carina.files.downloads import download
from carina.files.plain_json import parse_json
from carina.files.recipes import read_recipe
from carina.runs import Run
from making.file_server import serving

AUDIT = '{"images": {"train": {"Normal": 3}}, "findings": []}'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"images": {}, "images": {}}', "'images' stands twice"),
        ('{"images": {"train": {"Normal": NaN}}}', "NaN is no number"),
        ('{"images": {"train": {"Normal": -Infinity}}}', "-Infinity is no number"),
        ('{"images": {"train": {"Normal": 1e400}}}', "larger than any number"),
        ('{"images": {"train": {"Normal": ' + "9" * 5_000 + "}}}", "cannot be read as JSON"),
        ("[" * 200_000, "nested more than 100 deep"),
        ('{"a":' * 101 + "1" + "}" * 101, "nested more than 100 deep"),
        ('{"format_version": -1, "images": {}}', "format_version"),
        ('{"format_version": true, "images": {}}', "format_version"),
        ('{"images": {}, "surprise": 1}', "surprise"),
        ('"\\ud800"', "not a valid audit"),
        (b"\xff\xfe", "cannot be read as JSON"),
    ],
)
def test_an_audit_that_is_no_plain_document_is_refused(tmp_path, text, words):
    file = tmp_path / "audit.json"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(RunError, match=words):
        read_document(file, Audit, error=RunError)


def test_brackets_within_strings_are_no_nesting(tmp_path):
    words = json.dumps({"a": "[" * 500, "b": '\\"{' * 200})
    assert parse_json(words, name="x", error=RunError)["a"] == "[" * 500
    with pytest.raises(RunError, match="nested"):
        parse_json('{"a": "\\"", "b": ' + "[" * 200 + "]" * 200 + "}", name="x", error=RunError)


@pytest.mark.parametrize("name", ["environment.json", "audit.json", "evaluation.json"])
def test_a_run_names_the_file_that_is_wrong(tmp_path, name):
    (tmp_path / "recipe.toml").write_text("")
    (tmp_path / name).write_text('{"a": 1, "a": 2}')
    run = Run.open(tmp_path)
    with pytest.raises((RunError, EvaluationError), match=rf"{name}.*'a' stands twice"):
        getattr(run, name.removesuffix(".json"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no pipes")
def test_a_pipe_in_place_of_a_document_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "audit.json")
    os.mkfifo(tmp_path / "own.toml")
    with pytest.raises(RunError, match="it is a pipe"):
        read_document(tmp_path / "audit.json", Audit, error=RunError)
    with pytest.raises(RecipeError, match="it is a pipe"):
        read_recipe(str(tmp_path / "own.toml"))


def test_a_document_that_was_written_is_read_again(tmp_path):
    audit = Audit.model_validate_json(AUDIT)
    write_document(tmp_path / "audit.json", audit)
    assert read_document(tmp_path / "audit.json", Audit, error=RunError) == audit


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a." * 30_000 + "a = 1", "30,000 dots"),
        ("[" + "a." * 30_000 + "a]", "30,000 dots"),
        ("x = {" + "a . " * 20_000 + "a = 1}", "20,000 dots"),
        ("x = " + "[" * 20_000, "not valid TOML"),
        ("x = " + "{a=" * 5_000, "not valid TOML"),
        ("x = " + "9" * 5_000, "not valid TOML"),
        ("name = 'a'\nname = 'b'", "not valid TOML"),
        ("#" * 300_000, "262.1 kB are the most"),
        ("[train]\nlearning_rate = nan", "learning_rate"),
        ("[train]\nepochs = 1e999", "epochs"),
        (b"\xff", "cannot be read"),
    ],
)
def test_a_recipe_that_would_take_its_reader_long_is_refused_at_once(tmp_path, text, words):
    file = tmp_path / "own.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    began = time.process_time()
    with pytest.raises(RecipeError, match=words):
        read_recipe(str(file))
    assert time.process_time() - began < 5  # hours without the limit on parts


def test_comments_and_numbers_in_a_recipe_may_have_dots(tmp_path):
    file = tmp_path / "own.toml"
    file.write_text("# " + "." * 80 + "\n[evaluate]\n# 1.0\n\n[train]\nepochs = 2\n")
    assert read_recipe(str(file)).train.epochs == 2


@pytest.mark.parametrize("says_its_size", [True, False])
def test_a_download_that_is_larger_than_it_may_be_is_refused(tmp_path, says_its_size):
    with serving({"w.h5": bytes(3_000_000)}) as server:
        server.lengths = says_its_size
        with pytest.raises(DownloadError, match="more than 1 MB"):
            download(server.url("w.h5"), tmp_path / "w.h5", most_bytes=1_000_000)
    assert not (tmp_path / "w.h5").exists()
    assert not (tmp_path / "w.h5.part").exists()
