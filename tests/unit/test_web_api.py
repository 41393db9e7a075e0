"""REST: every kind of film is answered, and nothing that is sent makes the server fail."""

import base64
import hashlib
import io
import logging
import math
import tempfile
from dataclasses import replace

import anyio
import httpx2
import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastapi", reason="the server needs the extra 'web'")

from starlette.testclient import TestClient

from carina.domain.prediction import CAVEAT
from carina.imaging.pictures import film_png, heat_png
from carina.imaging.read import read_radiograph_bytes
from carina.inference.bundle import load_classifier
from carina.settings import ServiceSettings, Settings
from carina.web import api_description, create_app
from carina.web.uploads import shown_name
from making import uploads
from making.classifiers import write_tiny_classifier
from making.served import Broken, Held

LABELS = ("COVID-19", "Normal")
FILMS = {
    "JPEG": uploads.jpeg,
    "PNG": uploads.png,
    "PNG of 16 bit": uploads.png_16_bit,
    "DICOM": uploads.dicom,
}
SAFE_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    return load_classifier(write_tiny_classifier(tmp_path_factory.mktemp("web") / "tiny"))


@pytest.fixture
def client(classifier, settings):
    return TestClient(create_app(classifier, settings))


def client_with_limit(classifier, settings, n_bytes):
    limited = Settings(settings.cache_dir, settings.config_dir, max_upload_bytes=n_bytes)
    return TestClient(create_app(classifier, limited))


def send(client, *files, query=""):
    return client.post(f"/v1/predict{query}", files=[("file", file) for file in files])


def problem_of(response, status, code):
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document = response.json()
    assert document.keys() >= {"type", "title", "status", "detail", "code"}
    assert (document["status"], document["code"]) == (status, code)
    assert document["type"] == f"/docs#{code}"
    assert "Traceback" not in response.text
    return document


@pytest.mark.parametrize("kind", FILMS)
def test_a_film_is_answered_as_in_python(client, classifier, kind):
    content = FILMS[kind]()
    response = send(client, ("film.bin", content))
    assert response.status_code == 200
    body = response.json()
    expected = classifier.predict(read_radiograph_bytes(content, name="film.bin"))
    (answer,) = body["predictions"]
    assert answer["decision"] == answer["predicted"] == expected.decision
    assert answer["probabilities"] == pytest.approx(dict(expected.probabilities), abs=1e-9)
    assert math.isclose(sum(answer["probabilities"].values()), 1)
    assert answer["sha256"] == hashlib.sha256(content).hexdigest()
    assert body["classifier"] == {"name": "tiny", "digest": classifier.digest}
    assert body["caveat"] == CAVEAT
    assert body["cautions"] == list(classifier.card.cautions)
    assert body["errors"] == []
    assert body["runtime"]["name"] == classifier.runtime.name == "onnxruntime"


def test_what_the_file_says_is_answered_but_not_who_it_shows(client):
    response = send(client, ("film.dcm", uploads.dicom()))
    film = response.json()["predictions"][0]["film"]
    assert film == {"file_format": "DICOM", "width": 80, "height": 96, "bits": 12, "view": "PA"}
    assert "Secret" not in response.text


def test_an_abstention_has_no_decision_but_a_reason(client):
    blank = uploads.png(np.full((64, 64), 90, np.uint8))
    (answer,) = send(client, ("blank.png", blank)).json()["predictions"]
    assert answer["abstained"] is True
    assert answer["decision"] is None
    assert "blank" in answer["reason"]
    assert answer["reason_code"] == "gate/blank"


def test_cautions_of_reading_stand_in_the_answer(client):
    colours = np.zeros((64, 64, 3), np.uint8)
    colours[:, :32, 0] = 250
    (answer,) = send(client, ("photo.png", uploads.png(colours))).json()["predictions"]
    assert any("colour" in caution for caution in answer["cautions"])


def test_a_bad_file_among_good_ones_is_listed(client):
    response = send(client, ("a.jpg", uploads.jpeg()), ("b.txt", b"no film"))
    assert response.status_code == 200
    body = response.json()
    assert [answer["name"] for answer in body["predictions"]] == ["a.jpg"]
    (error,) = body["errors"]
    assert (error["name"], error["code"]) == ("b.txt", "image/unknown-format")


def test_several_bad_files_are_a_problem_that_lists_each(client):
    document = problem_of(
        send(client, ("a.txt", b"no film"), ("b.jpg", b"")), 422, "image/unknown-format"
    )
    assert [error["code"] for error in document["errors"]] == [
        "image/unknown-format",
        "image/empty-file",
    ]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "image/empty-file"),
        (b"%PDF-1.7 not a film", "image/unknown-format"),
        (uploads.jpeg()[:300], "image/damaged"),
        (uploads.png(np.zeros((4, 4), np.uint8)), "image/too-small"),
    ],
)
def test_an_unreadable_file_is_a_problem_with_its_code(client, content, code):
    problem_of(send(client, ("film.jpg", content)), 422, code)


def test_a_hostile_file_name_is_only_a_name(client):
    name = "../../etc/<img src=x onerror=alert(1)>.jpg"
    response = send(client, (name, uploads.jpeg()))
    assert response.headers["content-type"] == "application/json"
    assert response.json()["predictions"][0]["name"] == "<img src=x onerror=alert(1)>.jpg"
    document = problem_of(send(client, (name, b"x")), 422, "image/unknown-format")
    assert ".." not in document["detail"]
    assert "etc" not in document["detail"]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("C:\\films\\a.jpg", "a.jpg"),
        ("../..", "film"),
        ("", "film"),
        (None, "film"),
        ("a\r\nb\x00.jpg", "a\\r\\nb\\x00.jpg"),
        ("\u202egpj.\u200b1\x9b2J", "\\u202egpj.\\u200b1\\x9b2J"),
        ("x" * 500, "x" * 500),
    ],
)
def test_names_are_shown_without_folders_and_harmless(given, shown):
    assert shown_name(given) == shown


def test_a_form_without_the_field_says_what_came(client):
    response = client.post("/v1/predict", files={"image": ("film.jpg", uploads.jpeg())})
    document = problem_of(response, 422, "missing-file")
    assert "'file'" in document["detail"]
    assert "'image'" in document["detail"]


def test_a_text_in_the_field_is_told_how_to_send_the_file(client):
    text_only = client.post("/v1/predict", files={"file": (None, "film.jpg")})  # curl -F file=...
    document = problem_of(text_only, 422, "missing-file")
    assert "came as text" in document["detail"]
    assert "write an @" in document["detail"]


@pytest.mark.parametrize(
    ("media_type", "make"),
    [
        ("application/dicom", uploads.dicom),
        ("image/jpeg", uploads.jpeg),
        ("IMAGE/PNG; q=1", uploads.png),
    ],
)
def test_a_body_that_is_one_film_is_answered(client, classifier, media_type, make):
    content = make()
    response = client.post("/v1/predict", content=content, headers={"content-type": media_type})
    (answer,) = response.json()["predictions"]
    assert answer["name"] == "film"
    assert answer["sha256"] == hashlib.sha256(content).hexdigest()
    expected = classifier.predict(read_radiograph_bytes(content, name="film"))
    assert answer["probabilities"] == pytest.approx(dict(expected.probabilities), abs=1e-9)


def test_a_body_that_is_neither_form_nor_film_is_refused(client):
    headers = {"content-type": "application/json"}
    problem = problem_of(
        client.post("/v1/predict", content=b"{}", headers=headers), 415, "media-type"
    )
    assert "not as 'application/json'" in problem["detail"]
    problem = problem_of(client.post("/v1/predict"), 415, "media-type")
    assert "not without a content type" in problem["detail"]


@pytest.mark.parametrize(
    ("media_type", "body", "status", "code"),
    [
        ("multipart/form-data", b"x", 400, "form"),
        ("multipart/form-data; boundary=b", b"nonsense", 400, "form"),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\nhalf',
            400,
            "form",
        ),
    ],
)
def test_a_damaged_form_is_a_problem(client, media_type, body, status, code):
    response = client.post("/v1/predict", content=body, headers={"content-type": media_type})
    problem_of(response, status, code)


def test_too_many_files_are_a_problem(client):
    files = [("film.jpg", b"x")] * 65
    problem_of(send(client, *files), 413, "too-many-films")


def test_a_body_over_the_limit_is_refused(classifier, settings):
    client = client_with_limit(classifier, settings, 20_000)
    problem_of(send(client, ("large.jpg", bytes(30_000))), 413, "too-large")
    assert send(client, ("small.jpg", uploads.jpeg())).status_code == 200


def test_a_body_of_unknown_length_is_stopped_while_it_is_read(classifier, settings):
    app = client_with_limit(classifier, settings, 20_000).app
    form = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
    n_read, answered = 0, []

    async def receive():
        nonlocal n_read
        n_read += 1
        body = form if n_read == 1 else bytes(1000)
        return {"type": "http.request", "body": body, "more_body": True}

    async def send_back(message):
        answered.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/predict",
        "query_string": b"",
        "headers": [(b"content-type", b"multipart/form-data; boundary=b")],
    }
    anyio.run(app, scope, receive, send_back)
    assert answered[0]["status"] == 413
    assert b"too-large" in answered[1]["body"]
    assert n_read < 25


def test_a_film_over_its_own_limit_is_refused(classifier, settings):
    service = ServiceSettings(max_film_bytes=20_000)
    client = TestClient(create_app(classifier, replace(settings, service=service)))
    problem_of(send(client, ("large.jpg", bytes(30_000))), 413, "film-too-large")
    raw = client.post(
        "/v1/predict", content=bytes(30_000), headers={"content-type": "application/dicom"}
    )
    problem_of(raw, 413, "film-too-large")
    assert send(client, ("small.jpg", uploads.jpeg())).status_code == 200


def test_pictures_come_on_request_and_match_in_size(client, classifier):
    content = uploads.png()
    (plain,) = send(client, ("film.png", content)).json()["predictions"]
    assert plain["film_png"] is plain["heat_map_png"] is plain["explained"] is None
    (answer,) = send(client, ("film.png", content), query="?explain=true").json()["predictions"]
    radiograph = read_radiograph_bytes(content, name="film.png")
    film = base64.b64decode(answer["film_png"])
    assert film == film_png(radiograph)
    heat = base64.b64decode(answer["heat_map_png"])
    assert Image.open(io.BytesIO(heat)).size == Image.open(io.BytesIO(film)).size == (80, 96)
    assert answer["explained"] == answer["predicted"]
    expected = classifier.explain(radiograph, answer["predicted"]).heat
    assert heat == heat_png(expected)


@pytest.mark.parametrize("label", LABELS)
def test_the_class_that_is_explained_can_be_chosen(client, classifier, label):
    query = f"?explain=true&class={label}"
    (answer,) = send(client, ("film.png", uploads.png()), query=query).json()["predictions"]
    assert answer["explained"] == label
    radiograph = read_radiograph_bytes(uploads.png(), name="film.png")
    heat = classifier.explain(radiograph, label).heat
    if heat.any():
        assert base64.b64decode(answer["heat_map_png"]) == heat_png(heat)
    else:
        assert answer["heat_map_png"] is None
        assert label in answer["heat_map_note"]


def test_the_usual_method_explains_where_none_is_asked_for(client, classifier, settings):
    film = ("film.png", uploads.png())
    query = "?explain=true&film=none"
    (answer,) = send(client, film, query=query).json()["predictions"]
    assert answer["method"] == classifier.card.explained_by(answer["explained"])[0] == "grad-cam"
    card = classifier.card.model_copy(update={"explanations": {}})
    headless = TestClient(create_app(classifier.with_card(card, digest="d"), settings))
    (answer,) = send(headless, film, query=query).json()["predictions"]
    assert answer["method"] == "occlusion"
    assert answer["heat_map_note"] == "" or "nothing on this film" in answer["heat_map_note"]


@pytest.mark.parametrize("said", ["bytes=0-3", "bytes=9999999-", "bytes=x", "lines=1", "bytes=5-2"])
def test_the_page_s_files_come_whole_whatever_range_is_asked_for(client, said):
    whole = client.get("/static/icon.svg")
    part = client.get("/static/icon.svg", headers={"Range": said})
    assert (part.status_code, part.content) == (200, whole.content)
    assert part.headers["accept-ranges"] == "none"


def test_an_unknown_class_or_parameter_is_a_problem(client):
    film = ("film.png", uploads.png())
    document = problem_of(send(client, film, query="?class=Norml"), 422, "unknown-class")
    assert "Normal" in document["detail"]
    problem_of(send(client, film, query="?explain=perhaps"), 422, "parameter")
    problem_of(send(client, film, query="?method=gradcam"), 422, "unknown-method")


def test_the_heat_layer_is_clear_where_it_is_cold_and_opaque_where_it_is_hot():
    heat = np.zeros((40, 30), np.float32)
    heat[10:20, 5:15] = 1
    layer = np.asarray(Image.open(io.BytesIO(heat_png(heat))))
    assert layer.shape == (40, 30, 4)
    assert layer[0, 0, 3] == 0
    assert layer[15, 10, 3] == 255
    assert Image.open(io.BytesIO(heat_png(heat, longer_side=20))).size == (15, 20)


def test_the_card_is_answered(client, classifier):
    body = client.get("/v1/model").json()
    assert body["classifier"]["digest"] == classifier.digest
    assert body["labels"] == list(LABELS)
    assert body["n_train"] == {"COVID-19": 10, "Normal": 10}
    assert body["sources"] == ["made for tests"]
    assert body["cautions"] == ["not tested on another source"]
    assert body["caveat"] == CAVEAT


def test_health_is_answered(client, classifier):
    assert client.get("/livez").json() == {"status": "alive"}
    ready = client.get("/readyz").json()
    assert ready["status"] == "ready"
    assert ready["reload"] == "none"
    assert ready["classifier"]["digest"] == classifier.digest


def test_unknown_addresses_and_methods_are_problems(client):
    problem_of(client.get("/v1/nothing"), 404, "not-found")
    problem_of(client.get("/static/../app.py"), 404, "not-found")
    response = client.get("/v1/predict")
    problem_of(response, 405, "method-not-allowed")
    assert response.headers["allow"] == "POST"


def test_a_bug_is_a_500_without_a_trace_and_the_log_holds_no_name(classifier, settings, caplog):
    client = TestClient(create_app(Broken(classifier), settings))
    response = send(client, ("secret-name.png", uploads.png()))
    problem_of(response, 500, "internal")
    assert "bug" not in response.text
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "RuntimeError" in caplog.text
    assert "secret-name" not in caplog.text


def test_no_film_is_kept_and_no_name_logged(client, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))  # writing there would fail
    large = uploads.png(np.random.default_rng(0).integers(0, 255, (1500, 1500), dtype=np.uint8))
    assert len(large) > 2_000_000
    with caplog.at_level(logging.DEBUG, logger="carina"):
        assert send(client, ("secret-name.png", large)).status_code == 200
    assert "secret-name" not in caplog.text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/docs"),
        ("GET", "/openapi.json"),
        ("GET", "/v1/model"),
        ("GET", "/livez"),
        ("GET", "/static/carina.js"),
        ("GET", "/nothing"),
        ("POST", "/v1/predict"),
        ("POST", "/livez"),
    ],
)
def test_every_answer_carries_the_safe_headers(client, method, path):
    headers = client.request(method, path).headers
    for name, value in SAFE_HEADERS.items():
        assert headers[name] == value
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


def test_a_refused_body_carries_the_safe_headers(classifier, settings):
    response = send(client_with_limit(classifier, settings, 100), ("a.jpg", uploads.jpeg()))
    assert response.status_code == 413
    assert "default-src 'none'" in response.headers["content-security-policy"]


def test_the_description_names_every_endpoint_and_needs_no_classifier(client):
    description = api_description()
    assert description == client.get("/openapi.json").json()
    assert set(description["paths"]) == {
        "/v1/predict", "/v1/model", "/livez", "/readyz", "/metrics",
    }  # fmt: skip
    responses = description["paths"]["/v1/predict"]["post"]["responses"]
    assert set(responses) == {
        "200", "400", "401", "408", "413", "415", "422", "500", "503",
    }  # fmt: skip
    for status, response in responses.items():
        expected = "application/json" if status == "200" else "application/problem+json"
        assert set(response["content"]) == {expected}


def test_the_server_answers_others_while_a_film_is_read(classifier, settings):
    slow = Held(classifier)
    statuses = []

    async def both():
        transport = httpx2.ASGITransport(app=create_app(slow, settings))
        async with (
            httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client,
            anyio.create_task_group() as tasks,
        ):

            async def read():
                films = {"file": ("film.png", uploads.png())}
                statuses.append((await client.post("/v1/predict", files=films)).status_code)

            tasks.start_soon(read)
            await anyio.to_thread.run_sync(slow.reached.wait, 20)
            assert (await client.get("/livez")).status_code == 200
            assert statuses == []
            slow.let_go.set()

    anyio.run(both)
    assert statuses == [200]
