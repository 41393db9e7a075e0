"""The page of a run: complete, honest, self-contained, and safe with hostile names."""

import itertools
import re
import shutil

import pytest

from carina.domain.estimate import Estimate
from carina.files.documents import write_document
from carina.reporting.build import build_report
from carina.reporting.figures import draw_figures
from carina.reporting.pictures import picture_name, worst_errors
from carina.reporting.render import render_html
from carina.reporting.sections import SECTIONS
from carina.reporting.wording import interval_of, value_of
from making.pages import Elements, assert_stands_alone
from making.runs import ExampleRun, write_example_run

HOSTILE = ExampleRun(
    labels=("<script>alert(1)</script>", '$x_1 & "y"', "Normal"),
    sources=("<b>ward</b>",),
    folder_name="<img src=x onerror=alert(2)>",
    separation=1.0,
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_example_run(tmp_path_factory.mktemp("example") / "run")


@pytest.fixture(scope="module")
def page(run):
    return render_html(build_report(run))


@pytest.fixture(scope="module")
def hostile_page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile") / "run"
    return render_html(build_report(write_example_run(folder, HOSTILE)))


def text_of(run):
    return Elements(render_html(build_report(run))).text


def test_the_page_needs_nothing_beside_it(page):
    assert_stands_alone(page)
    assert len(page) < 2_000_000


def test_hostile_names_are_text(hostile_page):
    assert_stands_alone(hostile_page)
    elements = Elements(hostile_page)
    assert "<script>alert(1)</script>" in elements.text
    assert "<img src=x onerror=alert(2)>" in elements.text
    assert all(image["src"].startswith("data:image/jpeg") for image in elements.of("img"))
    assert elements.of("b") == []


def test_no_percent_sign_breaks_from_its_number(page):
    drawn = re.compile(r"<svg.*?</svg>|<style>.*?</style>", re.DOTALL)
    written = drawn.sub("", page)
    assert len(re.findall("[0-9]\N{NO-BREAK SPACE}%", written)) > 60
    assert not re.findall(r".{20}[0-9] %", written)


def test_how_an_interval_was_made_is_told_in_words(run):
    made = {estimate.method for estimate in run.evaluation.metrics.values()}
    (table,) = [
        block
        for block in SECTIONS.get("results").write(run).blocks
        if getattr(block, "caption", "") == "Metrics over all films"
    ]
    told = {row[-1] for row in table.rows}
    assert len(told) > 3
    assert not told & (made - {"wilson"})
    assert not [words for words in told if re.search(r"[a-z]-[a-z]", words)]


def test_the_same_run_gives_the_same_page(run, page):
    assert render_html(build_report(run)) == page


def test_ids_are_unique_and_links_on_the_page_lead_somewhere(page):
    elements = Elements(page)
    ids = [attributes["id"] for _, attributes in elements.found if "id" in attributes]
    assert len(set(ids)) == len(ids)
    for link in elements.of("a"):
        assert link["href"].removeprefix("#") in ids
    for use in elements.of("use"):
        assert use["xlink:href"].removeprefix("#") in ids


def test_the_page_can_be_read_by_those_who_cannot_see_it(page):
    elements = Elements(page)
    assert elements.of("html") == [{"lang": "en"}]
    levels = [int(tag[1]) for tag, _ in elements.found if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))
    assert all(image["alt"] for image in elements.of("img"))
    assert all(header["scope"] in ("col", "row") for header in elements.of("th"))
    drawings = [a for _, a in elements.found if a.get("role") == "img"]
    assert len(drawings) >= 3
    assert all(drawing["aria-label"] for drawing in drawings)


def test_every_metric_stands_in_the_evaluation(run, page):
    text, evaluation = Elements(page).text, run.evaluation
    for name in ("accuracy", "balanced_accuracy", "roc_auc_macro", "log_loss"):
        assert value_of(name, evaluation.metrics[name]) in text
        assert interval_of(name, evaluation.metrics[name]) in text
    for estimates in evaluation.per_class.values():
        for name in ("precision", "recall", "f1", "specificity", "roc_auc", "average_precision"):
            assert f"{value_of(name, estimates[name])} {interval_of(name, estimates[name])}" in text


def test_every_number_of_the_metric_tables_is_in_the_files(run):
    evaluation = run.evaluation
    every = [
        evaluation.metrics,
        evaluation.last_epoch.metrics,
        *evaluation.per_class.values(),
        *evaluation.parts.values(),
    ]
    printed = {
        number
        for estimates in every
        for name, estimate in estimates.items()
        for text in (value_of(name, estimate), interval_of(name, estimate), f"{estimate.n:,}")
        for number in re.findall(r"[\d.,]+", text)
    }
    tables = [
        block
        for name in ("headline", "results", "training")
        for block in SECTIONS.get(name).write(run).blocks
        if type(block).__name__ in ("Table", "KeyFigures")
    ]
    cells = [
        cell
        for block in tables
        for cell in (
            [text for row in block.rows for text in row[1:]]
            if hasattr(block, "rows")
            else [text for figure in block.figures for text in (figure.value, figure.interval)]
        )
    ]
    numbers = {number for cell in cells for number in re.findall(r"(?<![A-Za-z])\d[\d.,]*", cell)}
    assert len(numbers) > 60
    assert numbers <= printed


def test_the_first_screen_has_the_number_with_its_interval_and_its_cautions(run):
    headline = build_report(run).sections[0]
    assert headline.anchor == "headline"
    accuracy = run.evaluation.metrics["accuracy"]
    figures = headline.blocks[1].figures
    assert figures[0].value == value_of("accuracy", accuracy)
    assert figures[0].interval == interval_of("accuracy", accuracy)
    n_right = round(accuracy.value * 66)
    assert figures[0].note == f"{n_right} of 66 test films right"
    words = " ".join(getattr(block, "text", "") for block in headline.blocks)
    claims = next(block.pairs for block in headline.blocks if type(block).__name__ == "Facts")
    assert "not tested on another source" in dict(claims)["Elsewhere"]
    assert "The test is small: 66 films" in words


@pytest.mark.slow
def test_leaks_stand_beside_the_accuracy_they_explain(tmp_path):
    run = write_example_run(tmp_path / "run", ExampleRun(leaks=5, pictures=False))
    headline = build_report(run).sections[0]
    without = run.evaluation.without_leaks.metrics["accuracy"]
    assert [figure.name for figure in headline.blocks[1].figures][:2] == [
        "Accuracy",
        "Accuracy without leaks",
    ]
    assert headline.blocks[1].figures[1].value == value_of("accuracy", without)
    assert headline.blocks[1].figures[1].interval == interval_of("accuracy", without)
    leaked = next(block for block in headline.blocks if type(block).__name__ == "Notice")
    assert leaked.severity == "critical"
    assert "5 of 66 test films were known from training" in leaked.text


def test_an_external_test_replaces_the_caution_and_shows_its_own(run, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(run.folder, folder)
    other = type(run)(folder)
    data = run.evaluation.data.model_copy(update={"name": "elsewhere", "external": True})
    external = run.evaluation.model_copy(update={"cautions": ("a small test",), "data": data})
    write_document(other.external_dir / "elsewhere" / "evaluation.json", external)
    text = text_of(other)
    assert "not tested on another source" not in text
    assert "It has not been tested on another source" not in text
    assert "On elsewhere" in text
    assert "Test on elsewhere: a small test." in text


def test_a_test_on_known_films_does_not_replace_the_caution(run, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(run.folder, folder)
    other = type(run)(folder)
    data = run.evaluation.data.model_copy(update={"name": "again", "external": False})
    known = run.evaluation.model_copy(update={"data": data})
    write_document(other.external_dir / "again" / "evaluation.json", known)
    text = text_of(other)
    assert "not tested on another source" in text
    assert "It has not been tested on another source" in text
    assert "some of them known from training" in text


def test_what_is_undefined_says_why(tmp_path):
    films = (("train", (9, 9, 9)), ("validation", (3, 3, 3)), ("test", (0, 8, 8)))
    text = text_of(write_example_run(tmp_path / "run", ExampleRun(films=films, pictures=False)))
    assert "not defined" in text
    assert "there is no film of Covid." in text
    assert "every class needs films of its own and films of others" in text
    assert "nan" not in text.lower().split()


def test_the_page_is_built_without_any_picture(tmp_path):
    run = write_example_run(tmp_path / "run", ExampleRun(pictures=False, separation=1.0))
    page = Elements(render_html(build_report(run)))
    assert page.of("img") == []
    worst = worst_errors(run.predictions("test")[1], limit=1)[0]
    assert worst.path in page.text


def test_the_worst_error_comes_first_with_its_film_and_its_heat_map(tmp_path):
    run = write_example_run(tmp_path / "run", ExampleRun(separation=1.0))
    section = SECTIONS.get("errors").write(run)
    galleries = section.blocks[1:]
    assert len(galleries) == run.recipe.evaluate.worst_errors == 12
    worst = worst_errors(run.predictions("test")[1], limit=12)
    for gallery, film in zip(galleries, worst, strict=True):
        assert [picture.caption for picture in gallery.pictures] == [
            "The film",
            f"What spoke for {film.predicted}",
        ]
        assert film.path in gallery.caption
    given = [film.probabilities[film.label] for film in worst]
    assert given == sorted(given)


def test_pictures_are_named_after_the_film(run):
    row = run.manifest[0]
    assert picture_name(row.sha256) == f"{row.sha256[:12]}.png"


@pytest.mark.slow
def test_a_run_without_errors_says_so(tmp_path):
    run = write_example_run(tmp_path / "run", ExampleRun(separation=40.0))
    assert "No test film was answered wrongly." in text_of(run)


@pytest.mark.slow
def test_limits_depend_on_the_run(tmp_path):
    known = ExampleRun(films_per_patient=2, pictures=False)
    unknown = ExampleRun(pictures=False)
    words = [
        text_of(write_example_run(tmp_path / str(number), example))
        for number, example in enumerate((known, unknown))
    ]
    assert "the patient is unknown" not in words[0]
    assert "For 317 films of 317 the patient is unknown" in words[1]


def test_figures_are_png_files_by_name(run):
    figures = draw_figures(run)
    assert sorted(figures) == [
        "confusion_matrix.png",
        "curves.png",
        "precision_recall.png",
        "roc.png",
    ]
    assert all(data.startswith(b"\x89PNG") for data in figures.values())
    assert draw_figures(run) == figures


@pytest.mark.parametrize(
    ("name", "estimate", "value", "interval"),
    [
        ("accuracy", Estimate(value=64 / 66, low=0.8961, high=0.9917, n=66, method="wilson"),
         "97.0 %", "89.6 to 99.2 %"),
        ("roc_auc", Estimate(value=0.98765, low=0.95, high=1.0, n=66, method="newcombe"),
         "0.988", "0.950 to 1.000"),
        ("tp", Estimate.count(1234, n=2000), "1,234", ""),
        ("recall", Estimate.undefined("there is no film", n=0), "not defined", ""),
        ("log_loss", Estimate(value=0.25, n=1, method="none"), "0.250", ""),
    ],
)  # fmt: skip
def test_numbers_are_printed_as_a_reader_expects(name, estimate, value, interval):
    assert value_of(name, estimate) == value
    assert interval_of(name, estimate) == interval
