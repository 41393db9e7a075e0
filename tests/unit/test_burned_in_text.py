"""Lines of writing in the pixels are found; markers, wires, rulers and noise are no writing."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from carina.data import open_dataset
from carina.data.scan import scan_films
from carina.domain.audit import Audit
from carina.imaging.burned_in_text import (
    FEWEST_LETTERS,
    WRITING_CAUTION,
    film_cautions,
    n_letters_in_lines,
    text_lines,
)
from carina.imaging.read import read_radiograph
from carina.inference.bundle import load_classifier
from carina.reporting.audit_page import build_audit_report
from carina.reporting.render import render_html
from carina.workflows.audit import audit
from carina.workflows.predict import predict
from making.classifiers import write_tiny_classifier
from making.datasets import TEST_KEY
from making.films import film_of
from making.page_films import phantom

NAME = "DOE, JANE 1954-03-12"


@pytest.fixture(scope="module")
def film():
    return np.rint(phantom(3, height=640, width=600) * 255).astype(np.uint8)


def written(film, text, *, place=(20, 30), size=14, fill=255):
    picture = Image.fromarray(film.copy())
    ImageDraw.Draw(picture).text(place, text, fill=fill, font=ImageFont.load_default(size))
    return np.asarray(picture)


@pytest.mark.parametrize("size", [10, 14, 22, 36])
@pytest.mark.parametrize("text", [NAME, "Müller, Anna-Maria", "ID 4711-0815 22/11/2026"])
def test_a_name_or_number_in_the_picture_is_found_where_it_stands(film, text, size):
    (line, *_) = sorted(text_lines(written(film, text, size=size)), key=lambda one: -one.n_letters)
    assert 20 <= line.left < 60
    assert abs(line.top - 30 - size / 4) < size / 2
    assert n_letters_in_lines(written(film, text, size=size)) >= FEWEST_LETTERS


def test_dark_writing_on_a_light_ground_is_found(film):
    light = np.maximum(film, 190)
    assert n_letters_in_lines(written(light, NAME, fill=0)) >= FEWEST_LETTERS


def test_writing_on_a_large_film_is_found_and_placed_in_its_own_pixels(film):
    large = np.kron(film, np.ones((4, 4), np.uint8))
    lines = text_lines(written(large, NAME, place=(1200, 2200), size=56))
    assert sum(line.n_letters for line in lines) >= FEWEST_LETTERS
    assert all(line.left > 1100 and 2150 < line.top < 2300 for line in lines)


@pytest.mark.parametrize("marker", ["", "R", "L", "PORTABLE", "AP ERECT", "SUPINE"])
def test_usual_markers_are_no_writing_that_may_name_a_patient(film, marker):
    assert n_letters_in_lines(written(film, marker, size=20)) < FEWEST_LETTERS


def test_rulers_wires_and_noise_are_no_writing(film):
    ruler, wires = film.copy(), film.copy()
    ruler[600:612, 40:560:8] = 255
    for column in range(60, 560, 40):
        wires[50:600, column : column + 3] = 255
    rng = np.random.default_rng(1)
    noisy = np.clip(film + rng.normal(0, 60, film.shape), 0, 255).astype(np.uint8)
    # Grain of the size of letters, in which some rows look like writing by chance.
    grain = np.clip(rng.normal(128, 60, film.shape), 0, 255).astype(np.uint8)
    grain = np.asarray(Image.fromarray(grain).filter(ImageFilter.GaussianBlur(2)), float)
    grainy = np.clip(100 + 75 * (grain - grain.mean()) / grain.std(), 0, 255)
    for picture in (ruler, wires, noisy, grainy, rng.integers(0, 255, film.shape)):
        assert n_letters_in_lines(np.asarray(picture, dtype=np.uint8)) < FEWEST_LETTERS


@pytest.mark.parametrize("shape", [(8, 8), (8, 400), (33, 33), (5000, 9), (40, 3000)])
def test_a_film_of_any_shape_is_looked_at(shape):
    assert text_lines(np.zeros(shape, np.uint8)) == ()


def test_a_film_with_a_name_has_a_caution_beside_its_others(film):
    facts = {"cautions": ("a colour picture, read as grey",)}
    bare, named = (film_of(one / 255, **facts) for one in (film, written(film, NAME)))
    assert film_cautions(bare) == bare.cautions
    assert film_cautions(named) == (*bare.cautions, WRITING_CAUTION)


def test_every_way_to_ask_gives_the_caution(film, tmp_path, settings):
    testclient = pytest.importorskip("fastapi.testclient", reason="needs the extra 'web'")
    from carina.web import create_app

    tiny = write_tiny_classifier(tmp_path / "tiny")
    file = tmp_path / "film.png"
    Image.fromarray(written(film, NAME)).save(file)
    (answer,) = predict(tiny, file).answers
    loaded = load_classifier(tiny)
    client = testclient.TestClient(create_app(loaded, settings))
    (sent,) = client.post("/v1/predict", files={"file": file.read_bytes()}).json()["predictions"]
    python = loaded.predict(read_radiograph(file)).cautions
    assert list(answer.cautions) == sent["cautions"] == list(python) == [WRITING_CAUTION]


def test_the_audit_names_the_films_that_carry_writing(film, tmp_path, settings):
    for number in range(4):
        place = tmp_path / "data" / "XY"[number % 2] / f"{number}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        own = np.roll(film[::4, ::4], number * 9, axis=1)
        Image.fromarray(written(own, NAME, size=11) if number == 3 else own).save(place)
    dataset = open_dataset([tmp_path / "data"], patient_key=TEST_KEY)
    scan = scan_films(dataset, spec=None, cache_dir=settings.cache_dir)
    assert [WRITING_CAUTION in scan.facts[r.key].cautions for r in dataset.records].count(True) == 1
    result = audit(tmp_path / "data", settings=settings, progress=lambda _: None)
    assert result.audit.writing == ("Y/3.png",)
    (finding,) = (one for one in result.audit.findings if one.about == "writing")
    assert finding.severity == "warning"
    assert "1 of 4 films" in finding.sentence
    assert "Y/3.png" in finding.sentence
    assert (
        "Films with writing that may name a patient" in (result.folder / "audit.html").read_text()
    )


def test_a_page_without_such_films_says_nothing_of_writing():
    page = render_html(build_audit_report(Audit(images={"all": {"X": 1}}), title="t"))
    assert "writing" not in page
