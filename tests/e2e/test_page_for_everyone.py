"""The page for everyone: keyboard, screen reader, dark and light, any width, on paper."""

import re

import pytest

pytest.importorskip("playwright", reason="needs the package playwright")
pytest.importorskip("fastapi", reason="the server needs the extra 'web'")
pytest.importorskip("axe_playwright_python", reason="needs the package axe-playwright-python")

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from making.browser import drop, served, visited, wait_until
from making.classifiers import write_tiny_classifier
from making.page_films import TEXT, blank_film, dicom_film, png_film

pytestmark = pytest.mark.slow

LONG = (
    "From the outer frame of the picture alone, without a look at the lungs, 97 of 100 films can "
    "be put into the right class (balanced accuracy 0.97, 0.93 to 0.98; guessing reaches 0.50)."
)
PHONE = {"width": 360, "height": 740}
SIZES = (PHONE, {"width": 768, "height": 1024}, {"width": 1280, "height": 800},
         {"width": 2560, "height": 1440})  # fmt: skip


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = write_tiny_classifier(
        tmp_path_factory.mktemp("page") / "tiny", cautions=(LONG, "not tested on another source")
    )
    with served(folder, tmp_path_factory.mktemp("server")) as said:
        yield said


def serious_findings(page):
    found = Axe().run(page).response["violations"]
    return [
        (one["id"], [node["html"][:120] for node in one["nodes"]])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_any_state(chromium, address, scheme):
    with visited(chromium, address, color_scheme=scheme) as page:
        assert serious_findings(page) == []
        drop(page, png_film(), TEXT, blank_film(), dicom_film())
        expect(page.locator("#progress")).to_have_text("3 of 4 films answered, 1 not read")
        expect(page.locator("#view-facts")).not_to_be_empty()
        assert serious_findings(page) == []
        for place in (1, 2):
            page.locator("#films .film").nth(place).click()
            assert serious_findings(page) == []
        page.locator("#chances-title").click()
        page.evaluate("document.getElementById('token-form').hidden = false")
        assert serious_findings(page) == []
        page.set_viewport_size(PHONE)
        assert serious_findings(page) == []
        page.goto(f"{address}/docs")
        assert serious_findings(page) == []


def test_a_film_is_read_with_the_keyboard_alone(page):
    films = [png_film("a.png"), dicom_film("b.dcm")]
    # From the start on: Chromium is a while in learning that its dialogue is not to be shown.
    page.on("filechooser", lambda chooser: chooser.set_files(films))
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    press_until(page, "#choose")
    page.keyboard.press("Enter")
    expect(page.locator("#progress")).to_have_text("2 of 2 films answered")
    expect(page.locator("#status")).to_contain_text("2 of 2 films answered")
    press_until(page, "#stage")
    fitted = page.locator("#zoom").inner_text()
    page.keyboard.press("+")
    expect(page.locator("#zoom")).not_to_have_text(fitted)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("0")
    expect(page.locator("#zoom")).to_have_text(fitted)
    page.keyboard.press("1")
    expect(page.locator("#zoom")).to_have_text("100 %")
    page.keyboard.press("i")
    expect(page.locator("#invert")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Shift+ArrowLeft")
    expect(page.locator("#width-value")).not_to_have_text("255")
    page.keyboard.press("r")
    expect(page.locator("#width-value")).to_have_text("255")
    press_until(page, "#films .film")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#facts")).to_have_text("b.dcm")
    expect(page.locator("#films [aria-selected=true] .name")).to_have_text("b.dcm")
    page.keyboard.press("Home")
    expect(page.locator("#facts")).to_have_text("a.png")
    press_until(page, "#shown-class")
    page.keyboard.press("ArrowDown")
    press_until(page, "#opacity")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#opacity-value")).to_have_text("60 %")
    press_until(page, "#print")


def press_until(page, selector, *, most=40):
    """Press Tab until an element that matches has the focus."""
    for _ in range(most):
        if page.evaluate("(wanted) => document.activeElement.matches(wanted)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{selector} cannot be reached with the keyboard")


def test_the_answer_is_announced_to_a_screen_reader(page):
    drop(page, png_film("chest.png"))
    status = page.locator("#status")
    expect(status).to_have_text(
        re.compile(r"^chest\.png: (COVID-19|Normal)\. Probability [\d.]+ %")
    )
    assert status.get_attribute("role") == "status"
    expect(page.locator("#stage")).to_have_attribute(
        "aria-label", re.compile("chest.png, PNG, 288")
    )
    drop(page, blank_film())
    expect(status).to_have_text(re.compile("No answer on this film. Reason: Blank"))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: str(size["width"]))
def test_no_width_needs_scrolling_sideways(chromium, address, size):
    with visited(chromium, address, viewport=size) as page:
        overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(overflow) == 0
        name = "a-very-long-name-without-any-place-to-break-" * 3 + ".png"
        drop(page, png_film(name), *(png_film(f"{n}.png") for n in range(12)))
        expect(page.locator("#progress")).to_have_text("13 of 13 films answered")
        assert page.evaluate(overflow) == 0
        stage = page.locator("#stage").bounding_box()
        assert stage["height"] >= 300
        assert stage["width"] >= 300
        assert page.locator("#decision").bounding_box()["width"] > 0
        page.goto(f"{address}/docs")
        assert page.evaluate(overflow) == 0


def test_two_fingers_zoom_the_film_on_a_phone(chromium, address):
    with visited(chromium, address, viewport=PHONE, has_touch=True) as page:
        drop(page, png_film())
        expect(page.locator("#view-facts")).not_to_be_empty()
        fitted = page.locator("#zoom").inner_text()
        box = page.locator("#stage").bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        fingers = page.context.new_cdp_session(page)

        def touch(kind, spread):
            points = [{"x": x - spread, "y": y, "id": 0}, {"x": x + spread, "y": y, "id": 1}]
            at = points if kind != "touchEnd" else []
            fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

        touch("touchStart", 20)
        for spread in (30, 50, 80):
            touch("touchMove", spread)
        touch("touchEnd", 80)
        expect(page.locator("#zoom")).not_to_have_text(fitted)


def test_nothing_moves_for_those_who_asked_for_no_motion(page):
    moves = "getComputedStyle(document.querySelector('.pulse'), '::before').animationName"
    assert page.evaluate(moves) == "none"
    page.emulate_media(reduced_motion="no-preference")
    assert page.evaluate(moves) == "pass"


@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_a_film_is_printed_on_one_page(page, paper, tmp_path):
    drop(page, png_film("ward-3.png"))
    expect(page.locator("#view-facts")).not_to_be_empty()
    expect(page.locator("#map")).to_have_attribute("aria-busy", "false")
    wait_until(page, "document.getElementById('canvas').width > 0")
    printed = page.pdf(format=paper, path=tmp_path / "summary.pdf", print_background=True)
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    text = page.locator("body").inner_text()
    for wanted in ("ward-3.png", LONG, "not a medical device", "SHA-256", "UTC", "20 films"):
        assert wanted in text
    assert page.locator("#print-decision").inner_text() == page.locator("#decision").text_content()
    assert len(set(re.findall(r"[0-9a-f]{64}", text))) == 2  # of the film and of the classifier
    for canvas in ("#print-film", "#print-heat"):
        assert page.locator(canvas).bounding_box()["height"] > 200
    expect(page.locator("#viewer")).to_be_hidden()


def test_an_abstention_is_printed_without_a_map_and_without_an_answer(page):
    drop(page, blank_film())
    expect(page.locator("#view-facts")).not_to_be_empty()
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(page.locator("#print-decision")).to_have_text("No answer on this film")
    expect(page.locator("#print-remark")).to_contain_text("Blank")
    expect(page.locator("#print-map")).to_be_hidden()
    expect(page.locator("#print-chances")).to_contain_text("which is no answer")
