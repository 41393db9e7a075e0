"""The page: usable without a mouse, free of inline code and of requests to other hosts."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest

pytest.importorskip("fastapi", reason="the server needs the extra 'web'")

from starlette.testclient import TestClient

from carina import web
from carina.domain.estimate import Estimate
from carina.domain.evaluation import ConfusionMatrix, EvaluatedData, Evaluation
from carina.domain.prediction import CAVEAT
from carina.domain.rules import Rules
from carina.domain.thresholds import Thresholds
from carina.inference.bundle import load_classifier, write_card
from carina.web import create_app
from carina.web.problem_codes import PROBLEM_CODES
from making import uploads
from making.classifiers import write_tiny_classifier

LABELS = ("COVID-19", "Normal")
PAGES = ("/", "/docs")
STATIC = Path(web.__file__).with_name("static")
ASSETS = tuple(f"/static/{file.name}" for file in sorted(STATIC.iterdir()))
SCRIPTS = tuple(name for name in ASSETS if name.endswith(".js"))
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


@pytest.mark.parametrize("path", SCRIPTS)
def test_a_script_never_makes_html_of_data(client, path):
    script = client.get(path).text
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert way not in script
    assert "javascript" in client.get(path).headers["content-type"]


def test_the_scripts_find_every_element_that_they_ask_for(client):
    page = page_of(client)
    ids = {attributes["id"] for _, attributes in page.found if "id" in attributes}
    asked = set()
    for path in SCRIPTS:
        script = client.get(path).text
        asked |= set(re.findall(r'\b(?:element|say|list|on)\(\s*"([\w-]+)"', script))
    assert len(asked) > 40
    assert asked <= ids


def test_every_script_that_is_imported_is_there(client):
    for path in SCRIPTS:
        for name in re.findall(r'from "\./(\w+\.js)"', client.get(path).text):
            assert f"/static/{name}" in SCRIPTS
            assert len(client.get(f"/static/{name}").text.splitlines()) < 400


@pytest.mark.parametrize("path", PAGES)
def test_the_caveat_stands_on_every_page(client, path):
    assert CAVEAT in page_of(client, path).text.replace("&#39;", "'")


def test_the_page_says_what_the_classifier_was_trained_and_tested_on(client):
    text = page_of(client).text
    assert "made for tests" in text
    assert "No test is recorded on its card." in text
    assert "Not tested on another source." in text
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


def test_the_page_and_rest_tell_the_tests_on_other_films(tmp_path, settings):
    loaded = load_classifier(write_tiny_classifier(tmp_path / "classifier"))
    client = TestClient(create_app(loaded, settings, place=tmp_path))
    assert "No test on films of another source is known here." in page_of(client).text
    accuracy = Estimate(value=0.7312, low=0.61, high=0.83, n=67, method="wilson")
    test = Evaluation(
        classifier=loaded.digest,
        labels=LABELS,
        data=EvaluatedData(name="<b>other</b>", part="all", external=True, n_images=67),
        metrics={"accuracy": accuracy},
        per_class={},
        confusion_matrix=ConfusionMatrix(labels=LABELS, counts=((40, 9), (9, 9))),
    )
    known = test.model_copy(update={"data": test.data.model_copy(update={"external": False})})
    for name, made in (("other", test), ("training films", known)):
        (tmp_path / "external" / name).mkdir(parents=True)
        file = tmp_path / "external" / name / "evaluation.json"
        file.write_text(made.model_dump_json(), encoding="utf-8")
    said = "On 67 films of <b>other</b> accuracy is 73.1 % (61.0 to 83.0 %)."
    assert client.get("/v1/model").json()["external_tests"] == [said]
    page = page_of(client)
    assert page.text.count(said) == 3  # beside the answer, below it, and on paper
    assert page.of("b") == []


def test_hostile_names_are_only_text(hostile):
    for path in PAGES:
        page = page_of(hostile, path)
        assert all("src" in attributes for attributes in page.of("script"))
        assert not [a for a in page.of("img") if a.get("src") == "x"]
    page = page_of(hostile)
    assert {a["value"] for a in page.of("option")} >= set(HOSTILE)
    for name in HOSTILE:
        assert name in page.text


def test_controls_have_labels_and_the_answer_is_announced(client):
    page = page_of(client)
    labelled = {attributes.get("for") for attributes in page.of("label")}
    for control in page.of("input", "select"):
        assert control["id"] in labelled or control["aria-label"]
    assert page.with_id("status")["role"] == "status"
    assert page.with_id("file")["type"] == "file"
    assert "hidden" in page.with_id("file")  # the button beside it is what the keyboard reaches
    assert page.with_id("choose")["type"] == "button"


def test_no_answer_is_shown_before_there_is_one(client):
    page = page_of(client)
    for name in ("answer", "failed", "chances", "map", "stage", "tools", "tray", "token-form"):
        assert "hidden" in page.with_id(name)


def test_the_page_fits_small_screens_and_dark_rooms(client):
    page = page_of(client)
    assert page.of("html") == [{"lang": "en"}]
    metas = {meta.get("name"): meta.get("content") for meta in page.of("meta")}
    assert "width=device-width" in metas["viewport"]
    style = client.get("/static/carina.css").text
    assert "prefers-color-scheme: dark" in style
    assert ":focus-visible" in style
    assert "prefers-reduced-motion" in client.get("/static/reading.css").text


def test_the_page_tells_the_limit_of_the_server(client):
    assert page_of(client).with_id("desk")["data-max-bytes"] == "64000000"
    assert "up to 64 MB" in page_of(client).text


def test_every_code_of_an_error_is_told_of_where_its_address_points(client):
    ids = {attributes.get("id") for _, attributes in page_of(client, "/docs").found}
    assert set(PROBLEM_CODES) <= ids


def test_the_list_of_endpoints_names_each_with_its_parameters(client):
    text = page_of(client, "/docs").text
    for path in ("/v1/predict", "/v1/model", "/livez", "/readyz"):
        assert path in text
    for name in ("file", "explain", "class", "413", "heat_map_png"):
        assert name in text
