"""Who may ask: the token, and the names that the server answers under."""

import logging
from pathlib import Path

import anyio
import pytest

pytest.importorskip("fastapi", reason="the server needs the extra 'web'")

from starlette.testclient import TestClient

from carina.errors import UsageError
from carina.inference.bundle import load_classifier
from carina.settings import Settings
from carina.web import create_app
from carina.web.access import chosen_token, host_name, own_names
from making import uploads
from making.classifiers import write_tiny_classifier

TOKEN = "a-token-of-this-test"
FREE = ("/", "/docs", "/openapi.json", "/static/icon.svg", "/livez", "/readyz")
GUARDED = (("GET", "/v1/model"), ("POST", "/v1/predict"), ("GET", "/metrics"), ("GET", "/v1/none"))


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    folder = tmp_path_factory.mktemp("access")
    classifier = load_classifier(write_tiny_classifier(folder / "tiny"))
    settings = Settings(folder / "cache", folder / "config")
    return create_app(
        classifier, settings, token=TOKEN, names=own_names("127.0.0.1", ["films.example"])
    )


@pytest.fixture
def client(app):
    return TestClient(app, base_url="http://127.0.0.1:8000")


@pytest.mark.parametrize("path", FREE)
def test_the_page_and_the_health_checks_need_no_token(client, path):
    assert client.get(path).status_code == 200


@pytest.mark.parametrize(("method", "path"), GUARDED)
@pytest.mark.parametrize(
    "said", [None, f"Bearer {TOKEN}x", "Bearer ", f"Basic {TOKEN}", "Bearer é"]
)
def test_answers_and_counts_need_the_right_token(client, method, path, said):
    headers = {} if said is None else {"Authorization": said.encode("latin-1")}
    response = client.request(method, path, headers=headers)
    assert response.status_code == 401
    assert response.json()["code"] == "token"
    assert response.headers["www-authenticate"].startswith("Bearer")
    assert ("invalid_token" in response.headers["www-authenticate"]) == (said is not None)
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert TOKEN not in response.text


def test_the_right_token_opens(client):
    headers = {"Authorization": f"bearer {TOKEN}"}
    assert client.get("/v1/model", headers=headers).status_code == 200
    assert client.get("/metrics", headers=headers).status_code == 200
    films = {"file": ("film.png", uploads.png())}
    assert client.post("/v1/predict", files=films, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:8000", "[::1]:8000", "localhost", "LOCALHOST:1", "films.example", "10.1.2.3"],
)
def test_own_names_and_numeric_addresses_are_answered(client, host):
    assert client.get("/livez", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", ""]
)
def test_other_names_are_refused_as_a_rebound_page_would_come_under_one(client, host):
    response = client.get("/v1/model", headers={"Host": host, "Authorization": f"Bearer {TOKEN}"})
    assert response.status_code == 421
    assert response.json()["code"] == "host"
    assert "tiny" not in response.text


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_a_health_check_over_http_1_0_has_no_host_and_is_answered(app, path):
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http", "http_version": "1.0", "method": "GET", "path": path,
        "query_string": b"", "headers": [],
    }  # fmt: skip
    anyio.run(app, scope, receive, send)
    assert sent[0]["status"] == 200


def test_names_are_compared_without_ports_and_brackets():
    assert host_name("Films.Example:8000") == "films.example"
    assert host_name("[FE80::1]:80") == "fe80::1"
    assert {"localhost", "0.0.0.0", "films.example"} <= own_names("0.0.0.0", ["Films.example:80"])


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_this_machine_alone_needs_no_token(host):
    assert chosen_token(host, token_file=None, token="") == ("", False)
    assert chosen_token(host, token_file=None, token=TOKEN) == (TOKEN, False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "films.example", "127.0.0.2"])
def test_any_other_address_gets_a_token_made_if_none_is_given(host):
    made, is_new = chosen_token(host, token_file=None, token="")
    assert is_new
    assert len(made) >= 40
    assert made != chosen_token(host, token_file=None, token="")[0]
    assert chosen_token(host, token_file=None, token=TOKEN) == (TOKEN, False)


def test_a_token_file_goes_before_the_environment(tmp_path):
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    assert chosen_token("0.0.0.0", token_file=file, token="another-token-here") == (TOKEN, False)


@pytest.mark.parametrize(
    "content", [b"", b"short", b"\xff\xfe-not-a-text-token", b"two\x00words-and-more"]
)
def test_a_token_that_is_no_safe_one_is_refused(tmp_path, content):
    file = tmp_path / "token"
    file.write_bytes(content)
    with pytest.raises(UsageError, match=r"token"):
        chosen_token("127.0.0.1", token_file=file, token="")


def test_a_token_file_that_is_not_there_is_named():
    with pytest.raises(UsageError, match=r"--token-file .*none cannot be read"):
        chosen_token("0.0.0.0", token_file=Path("none"), token="")


def test_the_token_is_not_logged(client, caplog):
    with caplog.at_level(logging.DEBUG):
        client.get("/v1/model", headers={"Authorization": f"Bearer {TOKEN}"})
        client.get("/v1/model", headers={"Authorization": f"Bearer {TOKEN}1"})
    assert TOKEN not in "".join(
        r.getMessage() for r in caplog.records if r.name.startswith("carina")
    )
