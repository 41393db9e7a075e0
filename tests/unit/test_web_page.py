"""The page: usable without a mouse, free of inline code and of requests to other hosts."""

import re
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest

pytest.importorskip("fastapi", reason="the server needs the extra 'web'")

from starlette.testclient import TestClient

from carina.domain.prediction import CAVEAT
from carina.domain.rules import Rules
from carina.domain.thresholds import Thresholds
from carina.inference.bundle import load_classifier, write_card
from carina.web import create_app
from making import uploads
from making.classifiers import write_tiny_classifier

PAGES = ("/", "/docs")
ASSETS = ("/static/carina.js", "/static/carina.css", "/static/icon.svg")
HOSTILE = ("<script>alert(1)</script>", '"><img src=x onerror=alert(2)>')
VOID = {"meta", "link", "input", "img", "br", "hr", "path", "rect"}


class Elements(HTMLParser):
    """The elements of a page with their attributes, and their texts."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.texts = []
        self.inside = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.inside.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.inside.pop() == tag

    def handle_data(self, data):
        if data.strip():
            self.texts.append((self.inside[-1] if self.inside else "", " ".join(data.split())))

    def of(self, *tags):
        return [attributes for tag, attributes in self.found if tag in tags]

    def with_id(self, name):
        (found,) = [attributes for _, attributes in self.found if attributes.get("id") == name]
        return found

    @property
    def text(self):
        return " ".join(text for _, text in self.texts)


def client_of(folder, settings, **card):
    return TestClient(create_app(load_classifier(write_tiny_classifier(folder, **card)), settings))


@pytest.fixture
def client(tmp_path, settings):
    return client_of(tmp_path / "tiny", settings)


@pytest.fixture
def hostile(tmp_path, settings):
    return client_of(tmp_path / "hostile", settings, labels=HOSTILE, cautions=HOSTILE)


def page_of(client, path="/"):
    response = client.get(path)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    return Elements(response.text)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_no_inline_code_or_style(client, path):
    page = page_of(client, path)
    for tag, attributes in page.found:
        assert tag != "style"
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
        if tag == "script":
            assert attributes["src"].startswith("/static/")
    assert not [text for tag, text in page.texts if tag == "script"]


@pytest.mark.parametrize("path", [*PAGES, *ASSETS, "/openapi.json"])
def test_nothing_that_is_served_names_another_host(client, path):
    text = client.get(path).text
    addresses = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w[^\s\"')]*", text))
    assert addresses <= {"http://www.w3.org/2000/svg"}


@pytest.mark.parametrize("path", PAGES)
def test_every_address_on_a_page_is_here_and_works(client, path):
    page = page_of(client, path)
    ids = {attributes.get("id") for _, attributes in page.found}
    for attributes in page.of("a", "link", "script", "img"):
        address = attributes.get("href") or attributes.get("src")
        if address is None:
            continue
        parts = urlsplit(address)
        assert not parts.netloc
        if parts.path:
            assert client.get(parts.path).status_code == 200
        else:
            assert parts.fragment in ids


def test_the_script_never_makes_html_of_data(client):
    script = client.get("/static/carina.js").text
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert way not in script


def test_the_script_finds_every_element_that_it_asks_for(client):
    page = page_of(client)
    script = client.get("/static/carina.js").text
    ids = {attributes["id"] for _, attributes in page.found if "id" in attributes}
    asked = set(re.findall(r'element\("([\w-]+)"\)', script))
    asked |= {name for found in re.findall(r"of \[([^\]]+)\]\) element", script)
              for name in re.findall(r'"([\w-]+)"', found)}  # fmt: skip
    asked |= set(re.findall(r'"(\w+)"', re.search(r"STATES = \[([^\]]+)\]", script)[1]))
    assert len(asked) > 15
    assert asked <= ids


@pytest.mark.parametrize("path", PAGES)
def test_the_caveat_stands_on_every_page(client, path):
    assert CAVEAT in page_of(client, path).text.replace("&#39;", "'")


def test_the_page_says_what_the_classifier_was_trained_and_tested_on(client):
    text = page_of(client).text
    assert "made for tests" in text
    assert "No test is recorded on its card." in text
    assert "not tested on another source" in text
    assert re.search(r"COVID-19 10 Normal 10 Together 20", text)


def test_the_page_names_the_rule_that_answers(tmp_path, settings):
    folder = write_tiny_classifier(tmp_path / "tiny")
    page = page_of(TestClient(create_app(load_classifier(folder), settings)))
    assert page.with_id("kicker")["data-rule"] == "Answer by the most probable class"
    card = load_classifier(folder).card
    rule = Thresholds(rule="at-least", positive=0, threshold=0.091)
    write_card(folder, card.answering_by(Rules(thresholds=rule)), readme="# tiny\n")
    client = TestClient(create_app(load_classifier(folder), settings))
    by = "the threshold (COVID-19 from 9.10 % on)"
    assert page_of(client).with_id("kicker")["data-rule"] == f"Answer by {by}"
    assert client.get("/v1/model").json()["answered_by"] == by
    sent = client.post("/v1/predict", files=[("file", ("a.png", uploads.png()))])
    assert sent.json()["answered_by"] == by
    script = client.get("/static/carina.js").text
    assert "kicker.dataset.rule" in script
    assert "Most probable class" not in script


def test_hostile_names_are_only_text(hostile):
    for path in PAGES:
        page = page_of(hostile, path)
        assert all("src" in attributes for attributes in page.of("script"))
        assert not [a for a in page.of("img") if a.get("src") == "x"]
    page = page_of(hostile)
    assert {a["value"] for a in page.of("option")} == set(HOSTILE)
    for name in HOSTILE:
        assert name in page.text


def test_controls_have_labels_and_the_answer_is_announced(client):
    page = page_of(client)
    labelled = {attributes.get("for") for attributes in page.of("label")}
    for control in page.of("input", "select"):
        assert control["id"] in labelled
    assert page.with_id("result")["aria-live"] == "polite"
    assert page.with_id("file")["type"] == "file"
    assert "hidden" not in page.with_id("file")  # else the keyboard cannot reach it


def test_no_answer_is_shown_before_there_is_one(client):
    page = page_of(client)
    for name in ("answer", "failed", "chances", "map", "stage"):
        assert "hidden" in page.with_id(name)


def test_the_page_fits_small_screens_and_dark_rooms(client):
    page = page_of(client)
    assert page.of("html") == [{"lang": "en"}]
    metas = {meta.get("name"): meta.get("content") for meta in page.of("meta")}
    assert "width=device-width" in metas["viewport"]
    style = client.get("/static/carina.css").text
    assert "prefers-color-scheme: dark" in style
    assert ":focus-visible" in style


def test_the_page_tells_the_limit_of_the_server(client):
    assert page_of(client).with_id("desk")["data-max-bytes"] == "64000000"
    assert "up to 64 MB" in page_of(client).text


def test_the_list_of_endpoints_names_each_with_its_parameters(client):
    text = page_of(client, "/docs").text
    for path in ("/v1/predict", "/v1/model", "/livez", "/readyz"):
        assert path in text
    for name in ("file", "explain", "class", "413", "heat_map_png"):
        assert name in text
