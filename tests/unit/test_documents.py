import json

import pytest

from carina.domain.audit import Audit, Finding
from carina.errors import RunError
from carina.files.documents import read_document, write_document


def test_a_document_is_read_as_it_was_written(tmp_path):
    audit = Audit(
        images={"train": {"Normal": 3}}, findings=(Finding(severity="note", sentence="x"),)
    )
    write_document(tmp_path / "audit.json", audit)
    assert read_document(tmp_path / "audit.json", Audit, error=RunError) == audit


def test_a_newer_format_is_refused_and_the_update_is_named(tmp_path):
    values = {"format_version": 99, "carina_version": "7.0", "images": {}}
    (tmp_path / "audit.json").write_text(json.dumps(values))
    with pytest.raises(RunError, match=r"format version 99, written by Carina 7\.0.*update"):
        read_document(tmp_path / "audit.json", Audit, error=RunError)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "not a valid audit file"),
        ('{"images": {}, "surprise": 1}', "surprise"),
    ],
)
def test_a_damaged_document_says_what_is_wrong(tmp_path, text, sentence):
    (tmp_path / "audit.json").write_text(text)
    with pytest.raises(RunError, match=sentence):
        read_document(tmp_path / "audit.json", Audit, error=RunError)


def test_a_missing_document_names_the_folder(tmp_path):
    with pytest.raises(RunError, match="does not exist"):
        read_document(tmp_path / "audit.json", Audit, error=RunError)
