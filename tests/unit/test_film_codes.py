"""One closed list of reasons why a film cannot be read, the same wherever it is told."""

import csv
import importlib.util
import json
import os
from pathlib import Path

import pytest

from carina.domain.film_codes import FILM_CODES
from carina.errors import IMAGE_CODES, ImageError
from carina.imaging.read import read_radiograph
from making.classifiers import write_tiny_classifier
from making.dicom_files import dicom_bytes, dicom_dataset
from making.hostile.bombs import deflated_bomb, lying_dicom, nested_dicom
from making.hostile.pictures import grey
from making.hostile.pngs import chunks_of, grey_png, png_of
from making.rasters import png_8_bit, several_pictures

ROOT = Path(__file__).parents[2]


def test_every_code_has_one_row_in_the_order_of_the_list_and_there_are_25_at_most():
    assert tuple(FILM_CODES) == IMAGE_CODES
    assert len(IMAGE_CODES) <= 25
    for kind in FILM_CODES.values():
        assert kind.meaning.endswith(".")
        assert kind.advice.endswith(".")
        assert kind.example


def test_the_page_of_the_docs_is_made_from_the_list():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    page = (ROOT / "docs" / "reference" / "film-codes.md").read_text(encoding="utf-8")
    assert page == generate.film_codes_page(), "run: make docs"
    rows = [line.split("`")[1] for line in page.splitlines() if line.startswith("| `")]
    assert tuple(row for row in rows if row in IMAGE_CODES) == IMAGE_CODES


def test_no_code_is_on_the_list_that_nothing_tells():
    told = "".join(
        file.read_text(encoding="utf-8")
        for folder in ("imaging", "files")
        for file in (ROOT / "src" / "carina" / folder).rglob("*.py")
    )
    assert [code for code in IMAGE_CODES if f'"{code}"' not in told] == []


def spoilt_png():
    """Return a PNG whose pixels have changed on the way, as their checksum tells."""
    chunks = chunks_of(grey_png(24, 20))
    return png_of([c._replace(crc=1) if c.kind == b"IDAT" else c for c in chunks])


HOSTILE = {
    "empty.png": (b"", "empty-file"),
    "words.png": (b"no film at all, only words" * 9, "unknown-format"),
    "cut.png": (png_8_bit(grey())[:200], "damaged"),
    "checksum.png": (spoilt_png(), "bad-checksum"),
    "huge.dcm": (lying_dicom(rows=65535, columns=65535), "too-large"),
    "icon.png": (grey_png(7, 7), "too-small"),
    "nested.dcm": (nested_dicom(1000), "nested-too-deep"),
    "pages.tif": (several_pictures("TIFF"), "several-frames"),
    "bomb.dcm": (deflated_bomb(20_000_000), "inflates-too-far"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Hostile films in a class folder, and honest ones beside them."""
    place = tmp_path_factory.mktemp("hostile")
    for name, top in (("a", 255), ("b", 200)):
        (place / name).mkdir()
        for n in range(3):
            film = dicom_bytes(dicom_dataset(grey(top - n)))
            (place / name / f"honest{n}.dcm").write_bytes(film)
    for name, (data, _) in HOSTILE.items():
        (place / "a" / name).write_bytes(data)
    if hasattr(os, "symlink") and os.name != "nt":
        (place / "a" / "loop.png").symlink_to("loop.png")
    return place


@pytest.fixture
def expected(folder):
    codes = {name: code for name, (_, code) in HOSTILE.items()}
    return codes | ({"loop.png": "broken-link"} if os.path.lexists(folder / "a/loop.png") else {})


@pytest.fixture
def classifier(tmp_path):
    return write_tiny_classifier(tmp_path / "tiny")


def in_python(path):
    with pytest.raises(ImageError) as caught:
        read_radiograph(path)
    return caught.value.image_code


def test_a_hostile_file_has_the_same_code_in_python_on_the_command_line_and_in_a_table(
    folder, expected, classifier, carina_command, tmp_path
):
    assert {name: in_python(folder / "a" / name) for name in expected} == expected

    exit_code, out, _ = carina_command("predict", classifier, folder / "a", "--json")
    assert exit_code == 3
    unreadable = json.loads(out)["unreadable"]
    assert {Path(file["path"]).name: file["code"] for file in unreadable} == expected

    table = tmp_path / "answers.csv"
    assert carina_command("predict", classifier, folder / "a", "--csv", table)[0] == 3
    with table.open(encoding="utf-8", newline="") as stream:
        codes = {Path(row["path"]).name: row["reason_code"] for row in csv.DictReader(stream)}
    assert {name: codes[name] for name in expected} == {
        name: f"file/{code}" for name, code in expected.items()
    }


@pytest.mark.slow
def test_a_hostile_file_has_the_same_code_in_an_audit(folder, expected, carina_command, tmp_path):
    pytest.importorskip("sklearn", reason="an audit needs the extra 'study'")
    exit_code, out, err = carina_command("audit", folder, "--json", "--out", tmp_path / "audit")
    assert exit_code == 3, err
    unreadable = json.loads(out)["unreadable"]
    assert {Path(file["path"]).name: file["code"] for file in unreadable} == expected


def test_a_hostile_file_has_the_same_code_over_http_and_on_the_page(classifier, settings):
    pytest.importorskip("fastapi", reason="the server needs the extra 'web'")
    from starlette.testclient import TestClient

    from carina.inference.bundle import load_classifier
    from carina.web import create_app

    client = TestClient(create_app(load_classifier(classifier), settings))
    page = client.get("/").text
    for name, (data, code) in HOSTILE.items():
        answer = client.post("/v1/predict", files={"file": (name, data)})
        assert (answer.status_code, answer.json()["code"]) == (422, f"image/{code}"), name
        raw = client.post(
            "/v1/predict", content=data, headers={"content-type": "application/dicom"}
        )
        assert (raw.status_code, raw.json()["code"]) == (422, f"image/{code}"), name
        assert f"image/{code}" in page
