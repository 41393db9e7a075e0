"""The page in a browser: films in, answers, pictures and maps out."""

import base64
import csv

import numpy as np
import pytest

pytest.importorskip("playwright", reason="needs the package playwright")
pytest.importorskip("fastapi", reason="the server needs the extra 'web'")

from playwright.sync_api import expect

from carina.domain.estimate import Estimate
from carina.domain.explanation_scores import SCORE_TITLES, ExplanationScores, MethodScores
from carina.domain.rules import Rules
from carina.domain.thresholds import Thresholds
from carina.imaging.read import read_radiograph_bytes
from carina.inference.bundle import load_classifier, write_card
from making.browser import drop, served, visited, wait_until
from making.classifiers import write_tiny_classifier
from making.page_films import TEXT, blank_film, dicom_film, png_film

pytestmark = pytest.mark.slow

# The pixel of the canvas that is farthest from grey, and how light it is, in [0, 255].
COLOUR = """() => {
  const canvas = document.getElementById("canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let [colour, grey] = [0, 0];
  for (let place = 0; place < data.length; place += 4) {
    colour = Math.max(colour, Math.abs(data[place] - data[place + 2]));
    grey += data[place];
  }
  return { colour, grey: (4 * grey) / data.length };
}"""
DECODE = """async (text) => {
  const { decodeGreyPng } = await import("/static/grey_png.js");
  const { bytesOf } = await import("/static/elements.js");
  const { width, height, levels } = await decodeGreyPng(bytesOf(text));
  return { width, height, levels: [...levels] };
}"""


SCORES = ExplanationScores(
    data="the test part of made for tests",
    methods={
        "grad-cam": MethodScores(
            title="Grad-CAM",
            n_films=12,
            scores={
                "deletion": Estimate(value=0.312, low=0.25, high=0.374, n=12, method="mean"),
                "heat_in_lungs": Estimate.undefined("not scored: no lung masks", n=12),
            },
        )
    },
    not_scored={"occlusion": "it is too slow for this network"},
    cautions=("most of the heat lies outside the lungs",),
)


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    folder = write_tiny_classifier(tmp_path_factory.mktemp("page") / "tiny")
    rule = Thresholds(rule="at-least", positive=0, threshold=0.25)
    card = load_classifier(folder).card.answering_by(Rules(thresholds=rule))
    write_card(folder, card.model_copy(update={"explanation_scores": SCORES}), readme="# tiny\n")
    return folder


@pytest.fixture(scope="module")
def address(classifier, tmp_path_factory):
    with served(classifier, tmp_path_factory.mktemp("server")) as said:
        yield said


def answer_of(classifier, film):
    radiograph = read_radiograph_bytes(film["buffer"], name=film["name"])
    return load_classifier(classifier).predict(radiograph)


def film_is_shown(page):
    expect(page.locator("#view-facts")).not_to_be_empty()
    wait_until(page, f"({COLOUR})().grey > 5")


@pytest.mark.parametrize("film", [png_film(), dicom_film()], ids=["png", "dicom"])
def test_a_film_is_answered_with_its_picture_its_map_and_its_probabilities(page, classifier, film):
    drop(page, film)
    wanted = answer_of(classifier, film)
    expect(page.locator("#decision")).to_have_text(wanted.decision)
    shown = f"{100 * wanted.probabilities[wanted.decision]:.1f} %"
    expect(page.locator("#remark")).to_have_text(f"Probability {shown}")
    expect(page.locator("#kicker")).to_have_text(
        "Answer by the threshold (COVID-19 from 25.0 % on)"
    )
    expect(page.locator("#bars .chance")).to_have_count(2)
    expect(page.locator("#bars .tick")).to_have_count(1)
    expect(page.locator("#operating-point")).to_contain_text(
        "COVID-19 is the answer from 25.0 % on"
    )
    expect(page.locator("#facts")).to_have_text(film["name"])
    bits = "12 bit, PA" if film["name"].endswith("dcm") else "8 bit"
    expect(page.locator("#view-facts")).to_contain_text(f"288 × 320 pixels, {bits}")
    expect(page.locator("#film-note")).to_be_hidden()
    film_is_shown(page)


def test_the_heat_map_follows_its_slider_its_key_its_class_and_its_method(page, classifier):
    film = png_film()
    drop(page, film)
    film_is_shown(page)
    decision = answer_of(classifier, film).decision
    expect(page.locator("#shown-class")).to_have_value(decision)
    expect(page.locator("#method option:checked")).to_have_text("Grad-CAM (usual)")
    wait_until(page, f"({COLOUR})().colour > 40")
    page.locator("#opacity").fill("0")
    wait_until(page, f"({COLOUR})().colour < 2")
    page.locator("#opacity").fill("80")
    wait_until(page, f"({COLOUR})().colour > 40")
    page.locator("#stage").press("h")
    wait_until(page, f"({COLOUR})().colour < 2")
    expect(page.locator("#opacity-value")).to_have_text("hidden")
    page.locator("#stage").press("h")
    for method in ("grad-cam++", "ablation-cam", "occlusion"):
        with page.expect_response(
            lambda response, m=method: f"method={_quoted(m)}" in response.url
        ):
            page.locator("#method").select_option(method)
    other = next(name for name in ("COVID-19", "Normal") if name != decision)
    with page.expect_response(lambda response: f"class={other}" in response.url):
        page.locator("#shown-class").select_option(other)
    expect(page.locator("#map")).to_have_attribute("aria-busy", "false")
    expect(page.locator("#decision")).to_have_text(decision)


def test_each_method_says_how_far_it_can_be_believed(page):
    drop(page, png_film())
    expect(page.locator("#map-cautions")).to_have_text("Most of the heat lies outside the lungs.")
    summary = page.locator("#scores-title")
    expect(summary).to_have_text("Grad-CAM scored on 12 films (the test part of made for tests)")
    summary.click()
    rows = page.locator("#scores-rows tr")
    expect(rows).to_have_text(
        [
            f"{SCORE_TITLES['deletion']}0.31 (0.25 to 0.37)",
            "Heat inside the lungsnot scored: no lung masks",
        ]
    )
    page.locator("#method").select_option("occlusion")
    expect(page.locator("#not-scored")).to_have_text(
        "Occlusion was not scored on this classifier: it is too slow for this network."
    )
    expect(page.locator("#scores")).to_be_hidden()


def _quoted(method):
    return method.replace("+", "%2B")


@pytest.mark.parametrize("film", [png_film(), dicom_film()], ids=["8 bit", "12 bit"])
def test_the_browser_gets_every_grey_level_of_a_film(page, address, film):
    radiograph = read_radiograph_bytes(film["buffer"], name=film["name"])
    answer = page.request.post(f"{address}/v1/predict?film=levels", multipart={"file": film})
    (sent,) = answer.json()["predictions"]
    found = page.evaluate(DECODE, sent["levels_png"])
    levels = np.array(found["levels"]).reshape(found["height"], found["width"])
    assert np.array_equal(levels, np.rint(radiograph.pixels * 65535))
    assert len(np.unique(levels)) > (1000 if radiograph.bits > 8 else 100)
    assert len(base64.b64decode(sent["thumbnail_png"])) < 30_000


def test_zoom_and_window_change_the_film_by_button_wheel_and_drag(page):
    drop(page, dicom_film())
    film_is_shown(page)
    zoom, width, level = (
        page.locator(f"#{name}") for name in ("zoom", "width-value", "level-value")
    )
    expect(width).to_have_text("4,095")
    fitted = zoom.text_content()
    page.locator("#actual").click()
    expect(zoom).to_have_text("100 %")
    page.locator("#zoom-in").click()
    expect(zoom).to_have_text("125 %")
    box = page.locator("#stage").bounding_box()
    centre = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(*centre)
    page.mouse.wheel(0, -300)
    expect(zoom).not_to_have_text("125 %")
    page.locator("#fit").click()
    expect(zoom).to_have_text(fitted)
    page.mouse.move(*centre)
    page.mouse.down(button="right")
    page.mouse.move(centre[0] - 100, centre[1] + 60)
    page.mouse.up(button="right")
    expect(width).not_to_have_text("4,095")
    expect(level).not_to_have_text("2,048")
    page.locator("#reset").click()
    expect(width).to_have_text("4,095")
    before = page.evaluate(COLOUR)["grey"]
    page.locator("#invert").click()
    expect(page.locator("#invert")).to_have_attribute("aria-pressed", "true")
    wait_until(page, f"Math.abs(({COLOUR})().grey - {before}) > 3")


def test_an_abstained_film_shows_its_reason_and_no_class_as_an_answer(page):
    drop(page, blank_film())
    expect(page.locator("#decision")).to_have_text("No answer on this film")
    expect(page.locator("#kicker")).to_have_text("Carina abstains")
    expect(page.locator("#remark")).to_contain_text("Reason: Blank")
    expect(page.locator("#map")).to_be_hidden()
    expect(page.locator("#bars")).to_be_hidden()  # in a closed box that says it is no answer
    expect(page.locator("#films .short")).to_have_text("no answer")
    assert not {"COVID-19", "Normal"} & set(page.locator("#result").inner_text().split())
    page.locator("#chances-title").click()
    expect(page.locator("#chances-title")).to_have_text("The network’s output, which is no answer")
    expect(page.locator("#bars .chosen")).to_have_count(0)
    film_is_shown(page)


def test_a_file_that_is_no_film_says_what_to_do_and_stops_no_other(page):
    drop(page, png_film("a.png"), TEXT, blank_film("c.png"), png_film("d.png", seed=5), TEXT)
    expect(page.locator("#progress")).to_have_text("3 of 5 films answered, 2 not read")
    states = page.locator("#films .film")
    expect(states).to_have_count(5)
    shown = [state.get_attribute("data-state") for state in states.all()]
    assert shown == ["answered", "failed", "abstained", "answered", "failed"]
    states.nth(1).click()
    expect(page.locator("#failed")).to_be_visible()
    expect(page.locator("#failure")).to_contain_text("letter.txt")
    expect(page.locator("#answer")).to_be_hidden()
    expect(page.locator("#chances")).to_be_hidden()
    states.nth(3).click()
    expect(page.locator("#answer")).to_be_visible()
    expect(page.locator("#facts")).to_have_text("d.png")
    film_is_shown(page)


def test_a_film_can_be_dropped_and_pasted(page):
    carry = """([name, bytes, kind]) => {
      const carried = new DataTransfer();
      carried.items.add(new File([new Uint8Array(bytes)], name, { type: "image/png" }));
      const options = { bubbles: true, cancelable: true };
      document.body.dispatchEvent(kind === "paste"
        ? new ClipboardEvent("paste", { ...options, clipboardData: carried })
        : new DragEvent("drop", { ...options, dataTransfer: carried }));
    }"""
    for kind in ("drop", "paste"):
        film = png_film(f"{kind}.png")
        page.evaluate(carry, [film["name"], list(film["buffer"]), kind])
        expect(page.locator("#facts")).to_have_text(f"{kind}.png")
        expect(page.locator("#answer")).to_be_visible()
    expect(page.locator("#films .film")).to_have_count(2)


def test_the_answers_are_saved_as_a_table_without_formulas(page, classifier):
    formula, plain = png_film("=1+1.png"), png_film("a, b.png", seed=4)
    drop(page, formula, plain, blank_film(), TEXT)
    expect(page.locator("#progress")).to_have_text("3 of 4 films answered, 1 not read")
    with page.expect_download() as download:
        page.locator("#save").click()
    with download.value.path().open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["file"] for row in rows] == ["'=1+1.png", "a, b.png", "blank.png", "letter.txt"]
    wanted = answer_of(classifier, plain)
    assert rows[1]["answer"] == wanted.decision
    assert float(rows[1]["p_Normal"]) == pytest.approx(wanted.probabilities["Normal"], abs=1e-5)
    assert (rows[2]["answer"], rows[2]["abstained"]) == ("", "true")
    assert rows[3]["error_code"] == "image/unknown-format"


def test_a_hostile_name_is_only_a_name(page):
    shown = {
        "<img src=x onerror=alert(1)>.png": "<img src=x onerror=alert(1)>.png",
        "\u202egnp.\x1b[31m\u200b.png": r"\u202egnp.\x1b[31m\u200b.png",
        "صدر.png": "صدر.png",
    }
    drop(page, *map(png_film, shown))
    expect(page.locator("#progress")).to_have_text("3 of 3 films answered")
    names = page.locator("#films bdi.name")
    expect(names).to_have_text(list(shown.values()))
    for place, name in enumerate(shown.values()):
        names.nth(place).click()
        expect(page.locator("#facts bdi")).to_have_text(name)
    assert page.locator("img[src=x]").count() == 0
    drop(page, {**TEXT, "name": "رسالة.txt"})
    expect(page.locator("#failure bdi")).to_have_text("رسالة.txt")


def test_removing_all_films_leaves_nothing_of_them(page):
    drop(page, png_film("ward-3.png"), blank_film())
    expect(page.locator("#progress")).to_have_text("2 of 2 films answered")
    page.locator("#clear").click()
    expect(page.locator("#waiting")).to_be_visible()
    expect(page.locator("#drop")).to_be_visible()
    expect(page.locator("#films .film")).to_have_count(0)
    expect(page.locator("#choose")).to_be_focused()
    drop(page, png_film("next.png"))
    expect(page.locator("#answer")).to_be_visible()


def test_two_users_at_once_see_their_own_films_alone(chromium, address):
    with visited(chromium, address) as one, visited(chromium, address) as other:
        drop(one, *(png_film(f"one-{n}.png", seed=n) for n in range(4)))
        drop(other, *(dicom_film(f"other-{n}.dcm", seed=n) for n in range(4)))
        for page, name in ((one, "one"), (other, "other")):
            expect(page.locator("#progress")).to_have_text("4 of 4 films answered")
            names = page.locator("#films .name").all_inner_texts()
            assert all(shown.startswith(f"{name}-") for shown in names)
