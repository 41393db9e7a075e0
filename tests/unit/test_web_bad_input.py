"""What must not be sent, sent: a clear code and sentence, 4xx, and never a trace."""

import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the server needs the extra 'web'")

from starlette.testclient import TestClient

from carina.errors import IMAGE_CODES
from carina.inference.bundle import load_classifier
from carina.settings import Settings
from carina.web import create_app
from carina.web.problem_codes import PROBLEM_CODES
from making import uploads
from making.classifiers import write_tiny_classifier
from making.served import form_of

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "serve.md"
MB = 1_000_000


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad")
    settings = Settings(folder / "cache", folder / "config", max_upload_bytes=2 * MB)
    classifier = load_classifier(write_tiny_classifier(folder / "tiny"))
    return TestClient(create_app(classifier, settings))


def cut_short(body):
    return body[0][: len(body[0]) // 2], body[1]


UNKNOWN = "image/unknown-format"
FORM = "multipart/form-data; boundary=cut"
BAD = {
    "not an image": (form_of(b"%PDF-1.7 a report"), 422, UNKNOWN),
    "a text with the name of an image": (form_of(b"hello", name="a.png"), 422, UNKNOWN),
    "0 bytes": (form_of(b""), 422, "image/empty-file"),
    "0 bytes, raw": ((b"", "application/dicom"), 422, "image/empty-file"),
    "an empty body": ((b"", FORM), 400, "form"),
    "half a film": (form_of(uploads.jpeg()[:400]), 422, "image/damaged"),
    "half a DICOM film": (form_of(uploads.dicom()[:2000]), 422, "image/damaged"),
    "half a form": (cut_short(form_of(uploads.jpeg())), 400, "form"),
    "too many bytes": (form_of(bytes(3 * MB)), 413, "too-large"),
    "too many bytes, raw": ((bytes(3 * MB), "application/dicom"), 413, "too-large"),
    "a wrong content type": ((uploads.jpeg(), "text/html"), 415, "media-type"),
    "a form that is none": ((uploads.jpeg(), FORM), 400, "form"),
    "a form without a boundary": ((uploads.jpeg(), "multipart/form-data"), 400, "form"),
    "a form with a boundary that is too long": (
        (b"x", "multipart/form-data; boundary=" + 300 * "b"), 400, "form",
    ),
    "no film in the field": (form_of(uploads.jpeg(), field="picture"), 422, "missing-file"),
    "a name that leads elsewhere": (form_of(b"x", name="../../etc/passwd"), 422, UNKNOWN),
    "a name with HTML": (form_of(b"x", name="<script>alert(1)</script>.png"), 422, UNKNOWN),
    "a name with other bytes": (
        form_of(b"x", name="\u202efilm\x1b[31m\x00.png"), 422, UNKNOWN,
    ),
    "a film of four pixels": (
        form_of(uploads.png(np.zeros((2, 2), np.uint8))), 422, "image/too-small",
    ),
    "a bomb that says it is huge": (form_of(uploads.huge_png()), 422, "image/too-large"),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_bad_input_gets_its_code_and_a_sentence(client, what):
    (body, media_type), status, code = BAD[what]
    response = client.post("/v1/predict", content=body, headers={"content-type": media_type})
    problem = response.json()
    assert (response.status_code, problem["code"]) == (status, code)
    assert response.headers["content-type"] == "application/problem+json"
    assert len(problem["detail"]) > 20
    for hidden in ("Traceback", "..", "<script", "\\u001b", "\x1b", "/work/", "site-packages"):
        assert hidden not in response.text, hidden


def test_a_picture_that_is_no_film_is_answered_with_an_abstention(client):
    body, media_type = form_of(uploads.png(np.zeros((20, 400), np.uint8)))
    response = client.post("/v1/predict", content=body, headers={"content-type": media_type})
    (answer,) = response.json()["predictions"]
    assert answer["decision"] is None
    assert answer["reason_code"].startswith("gate/")
    assert answer["reason"]


def test_every_code_is_told_where_its_type_leads(client):
    page = client.get("/docs").text
    for code in PROBLEM_CODES:
        assert f'id="{code}"' in page


def test_the_how_to_lists_every_code_with_its_status_and_no_other():
    page = PAGE.read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([a-z/-]+)` \| (\d+) \|", page, re.M)
    of_films = {f"image/{code}" for code in IMAGE_CODES}  # they have a page of their own
    assert dict(listed) == {
        code: str(kind.status) for code, kind in PROBLEM_CODES.items() if code not in of_films
    }
    assert len(listed) == len(PROBLEM_CODES) - len(of_films)
    assert "| [`image/CODE`](../reference/film-codes.md) | 422 |" in page
