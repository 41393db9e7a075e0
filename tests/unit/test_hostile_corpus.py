"""Small files that once broke something, or were odd: each is read, or has its code."""

import json
from pathlib import Path

import pytest

from carina.errors import IMAGE_CODES, ImageError
from carina.imaging.read import read_radiograph_bytes

CORPUS = Path(__file__).parents[1] / "corpus"
EXPECTED = json.loads((CORPUS / "expected.json").read_text(encoding="utf-8"))


def test_every_file_has_an_expected_outcome_and_a_reason_and_is_small():
    files = {file.name for file in CORPUS.iterdir()} - {"expected.json"}
    assert {row["file"] for row in EXPECTED} == files
    for row in EXPECTED:
        assert row["outcome"] in ("read", *IMAGE_CODES)
        assert row["why"]
        assert (CORPUS / row["file"]).stat().st_size < 25_000


@pytest.mark.parametrize("row", EXPECTED, ids=lambda row: row["file"])
def test_a_file_that_once_broke_something_has_its_outcome(row):
    data = (CORPUS / row["file"]).read_bytes()
    outcome = "read"
    try:
        film = read_radiograph_bytes(data, name=row["file"])
        assert 0 <= film.pixels.min() <= film.pixels.max() <= 1
    except ImageError as error:
        outcome = error.image_code
    assert outcome == row["outcome"]
