"""The page when the server asks for a token, is busy, is gone, or is many films behind."""

import re

import pytest

pytest.importorskip("playwright", reason="needs the package playwright")
pytest.importorskip("fastapi", reason="the server needs the extra 'web'")

from playwright.sync_api import expect

from making.browser import drop, served, visited
from making.classifiers import write_tiny_classifier
from making.page_films import png_film

pytestmark = pytest.mark.slow

TOKEN = "a-token-for-the-tests-of-the-page"
PREDICT = re.compile("/v1/predict")
ANSWERS = re.compile("/v1/predict.*film=(levels|thumbnail)")  # and no heat maps


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    return write_tiny_classifier(tmp_path_factory.mktemp("page") / "tiny")


@pytest.fixture(scope="module")
def guarded(classifier, tmp_path_factory):
    limits = {"CARINA_TOKEN": TOKEN, "CARINA_MAX_FILM_MB": "1"}
    with served(classifier, tmp_path_factory.mktemp("server"), **limits) as address:
        yield address


@pytest.fixture
def page(chromium, guarded):
    """A page that has the token already."""
    with visited(chromium, guarded) as opened:
        opened.evaluate(f"sessionStorage.setItem('carina-token', '{TOKEN}')")
        yield opened


def problem(status, code, detail, **headers):
    document = f'{{"status": {status}, "code": "{code}", "title": "x", "detail": "{detail}"}}'
    return {
        "status": status, "body": document, "headers": headers,
        "content_type": "application/problem+json",
    }  # fmt: skip


def test_the_page_asks_for_the_token_and_keeps_it_for_this_tab_alone(chromium, guarded):
    with visited(chromium, guarded) as page:
        drop(page, png_film("a.png"), png_film("b.png", seed=2))
        field = page.get_by_label("Token", exact=True)
        expect(field).to_be_focused()
        assert field.get_attribute("type") == "password"
        field.fill("not the right one, but long")
        page.keyboard.press("Enter")
        expect(page.locator("#token-note")).to_contain_text("refused this token")
        field.fill(TOKEN)
        page.keyboard.press("Enter")
        expect(page.locator("#progress")).to_have_text("2 of 2 films answered")
        expect(page.locator("#token-form")).to_be_hidden()
        assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
        with page.expect_request(PREDICT) as asked:
            drop(page, png_film("c.png", seed=3))
        assert asked.value.headers["authorization"] == f"Bearer {TOKEN}"
        assert TOKEN not in asked.value.url


def test_a_busy_server_is_asked_again_and_the_page_says_so(page):
    asked = []

    def busy_at_first(route):
        asked.append(route.request.url)
        if len(asked) <= 2:
            return route.fulfill(
                **problem(503, "busy", "the queue is full", **{"Retry-After": "1"})
            )
        return route.continue_()

    page.route(ANSWERS, busy_at_first)
    drop(page, png_film())
    expect(page.locator("#working-title")).to_have_text("The server is busy")
    expect(page.locator("#working-note")).to_contain_text("follows in 1 s")
    expect(page.locator("#answer")).to_be_visible()
    assert len(asked) == 3


def test_a_server_that_is_gone_is_named_and_the_films_can_be_sent_again(page):
    page.route(PREDICT, lambda route: route.abort("connectionrefused"))
    drop(page, *(png_film(f"{n}.png", seed=n) for n in range(5)))
    expect(page.locator("#failure-title")).to_have_text("The server is gone")
    expect(page.locator("#failure")).to_have_text("The server does not answer.")
    expect(page.locator("#progress")).to_contain_text("stopped: the server does not answer")
    page.unroute(PREDICT)
    page.locator("#again").click()
    expect(page.locator("#progress")).to_have_text("5 of 5 films answered")
    expect(page.locator("#answer")).to_be_visible()
    expect(page.locator("#again")).to_be_hidden()


@pytest.mark.parametrize(
    ("status", "code", "detail"),
    [
        (413, "film-too-large", "film.png has 70 MB, and 64 MB is the most; send it smaller"),
        (415, "media-type", "films come as multipart/form-data"),
        (422, "image/damaged", "film.png is damaged; export it again"),
        (500, "internal", "the server failed on this request; its log says where"),
    ],
)
def test_a_refusal_is_shown_in_the_words_of_the_server(page, status, code, detail):
    page.route(PREDICT, lambda route: route.fulfill(**problem(status, code, detail)))
    drop(page, png_film())
    expect(page.locator("#failure")).to_contain_text(detail[1:])
    expect(page.locator("#answer")).to_be_hidden()


def test_a_proxy_that_answers_without_a_problem_document_is_no_riddle(page):
    page.route(PREDICT, lambda route: route.fulfill(status=502, body="<h1>Bad Gateway</h1>"))
    drop(page, png_film())
    expect(page.locator("#failure-title")).to_have_text("The server failed")
    expect(page.locator("#failure")).to_contain_text("502")


def test_many_films_travel_two_at_a_time(page):
    at_once, most = [0], [0]

    def begins(request):
        if ANSWERS.search(request.url):
            at_once[0] += 1
            most[0] = max(most[0], at_once[0])

    def ends(request):
        if ANSWERS.search(request.url):
            at_once[0] -= 1

    page.on("request", begins)
    page.on("requestfinished", ends)
    drop(page, *(png_film(f"{n}.png", seed=n % 3) for n in range(16)))
    expect(page.locator("#progress")).to_have_text("16 of 16 films answered")
    assert 1 <= most[0] <= 2
    thumbnails = page.locator("#films img")
    expect(thumbnails).to_have_count(16)


def test_a_file_over_the_limit_is_refused_before_it_travels(page):
    asked = []
    page.route(PREDICT, lambda route: asked.append(route.request.url) or route.abort())
    drop(page, {"name": "huge.dcm", "mimeType": "", "buffer": bytes(1_200_000)})
    expect(page.locator("#failure")).to_have_text("huge.dcm has 1.2 MB, and 1.0 MB is the most.")
    expect(page.locator("#failure-hint")).to_contain_text("Send a smaller file")
    assert asked == []


def test_more_films_than_the_page_takes_are_counted_as_left_out(page):
    add = """async () => {
      const { Films, MOST_FILMS } = await import("/static/films.js");
      const { progress } = await import("/static/strip.js");
      const films = new Films({ maxBytes: 0, changed() {}, brought() {} });
      const files = Array.from({ length: MOST_FILMS + 2 }, (_, n) => new File(["x"], `${n}.png`));
      films.add(files);
      return progress(films);
    }"""
    assert page.evaluate(add) == (
        "0 of 500 films answered, 500 not read; 2 files left out: 500 at once are the most"
    )
