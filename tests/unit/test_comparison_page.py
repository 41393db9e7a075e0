"""The page of a comparison: complete, plain about what may not be ranked, and safe."""

import re
from dataclasses import replace

import pytest

from carina.domain.comparison import AreaTest, ComparedPair, PairedCounts, PairedTest
from carina.domain.estimate import Estimate
from carina.reporting.comparison_page import build_comparison_report
from carina.reporting.comparison_wording import pair_sentence
from carina.reporting.render import render_html
from carina.workflows.compare import compare
from conftest import settings_in
from making.runs import ExampleRun, write_example_run

FILMS = (("train", (9, 9)), ("validation", (6, 6)), ("test", (20, 16)))
HOSTILE = ExampleRun(
    labels=("<script>alert(1)</script>", '$x_1 & "y"'),
    sources=("<b>ward</b>",),
    films=FILMS,
    resamples=100,
    pictures=False,
    separation=1.0,
)
PLAIN = replace(HOSTILE, labels=("COVID", "Normal"), sources=("one",))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="module")
def page_of(place):
    """Return a function that compares runs by example and name, and returns the page."""

    def build(out, **examples):
        runs = [write_example_run(place / out / name, one) for name, one in examples.items()]
        result = compare(runs, out=place / out / "page", settings=settings_in(place / out))
        return (result.folder / "comparison.html").read_text()

    return build


@pytest.fixture(scope="module")
def page(page_of):
    return page_of("plain", first=PLAIN, second=replace(PLAIN, separation=0.3))


@pytest.fixture(scope="module")
def hostile(page_of):
    return page_of("hostile", **{'<i>one" run': HOSTILE, "two": replace(HOSTILE, separation=0.4)})


def test_the_page_stands_alone(page):
    assert "<script" not in page
    assert not re.findall(r'(?:src|href)="(?!#|data:)', page)


def test_names_of_classes_sources_and_runs_are_escaped(hostile):
    assert "<script>alert" not in hostile
    assert "<b>ward" not in hostile
    assert "<i>one" not in hostile
    assert "&lt;i&gt;one" in hostile


def test_ids_are_unique_and_every_link_of_the_page_leads_somewhere(page):
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)


def test_both_parts_both_runs_curves_and_matrices_are_there(page):
    for text in ("On validation", "On test", "How they learned", "What stands against"):
        assert text in page
    assert page.count('role="img"') == 1 + 4  # curves, and a matrix for each run and part
    for text in ("Sensitivity (recall)", "272 images a second", "21,253,443", "bf16, cpu"):
        assert text in page


def test_the_same_comparison_gives_the_same_page(place, page):
    comparison = compare(
        [place / "plain" / "first", place / "plain" / "second"],
        out=place / "again",
        settings=settings_in(place),
    )
    assert (comparison.folder / "comparison.html").read_text() == page


def test_runs_with_other_classes_must_not_be_ranked_and_no_test_is_shown(page_of):
    text = page_of("described", custom=PLAIN, vgg16=replace(PLAIN, labels=("COVID", "Pneumonia")))
    assert "Serious:" in text
    assert "Do not rank custom and vgg16 by these numbers" in text
    assert "their losses have no common scale" in text
    assert "McNemar" not in text
    assert "First minus second" not in text


@pytest.mark.slow
def test_of_many_runs_the_first_screen_says_how_many_pairs_differ(page_of):
    text = page_of(
        "many",
        **{f"run-{i}": replace(PLAIN, separation=share) for i, share in enumerate((3.0, 2.9, 0.0))},
        other=replace(PLAIN, labels=("COVID", "Pneumonia")),
    )
    assert "3 of 6 pairs must not be ranked" in text
    assert re.search(
        r"[0-3] of 3 pairs on the same films differ in accuracy by more than luck", text
    )


def test_runs_without_a_history_have_no_curves(place, page_of):
    page_of("no-history", first=PLAIN, second=replace(PLAIN, separation=0.3))
    for name in ("first", "second"):
        (place / "no-history" / name / "history.csv").unlink()
    result = compare(
        [place / "no-history" / name for name in ("first", "second")],
        out=place / "without",
        settings=settings_in(place),
    )
    assert "How they learned" not in (result.folder / "comparison.html").read_text()
    assert render_html(build_comparison_report(result.comparison, [[], []]))


def area_test(label, apart, p_value, *, p_holm=None, n_tests=1, needed=None):
    """Return the test of an area of 0.9 and another."""
    made = {"n": 50, "method": "made"}
    difference = Estimate(value=apart, low=apart - 0.1, high=apart + 0.1, **made)
    return AreaTest(
        label=label,
        first=Estimate(value=0.9, low=0.8, high=0.95, **made),
        second=Estimate(value=0.9 - apart, low=0.6, high=0.99, **made),
        difference=difference,
        standard_error=0.05,
        bootstrap=difference,
        p_value=p_value,
        p_value_holm=p_value if p_holm is None else p_holm,
        n_tests=n_tests,
        films_needed=needed,
    )


def pair(*, both=10, first=0, second=0, wrong=5, p=1.0, tests=1, needed=None, areas=()):
    """Return a tested pair with these counts."""
    n = both + first + second + wrong
    none = Estimate(value=0.0, low=-0.1, high=0.1, n=n, method="paired-bootstrap-films")
    lead = (first - second) / n
    own = {"accuracy": Estimate(value=(both + first) / n, n=n, method="wilson")}
    other = {"accuracy": Estimate(value=(both + second) / n, n=n, method="wilson")}
    accuracy = Estimate(value=lead, low=lead - 0.1, high=lead + 0.1, n=n, method="made")
    test = PairedTest(
        n_images=n,
        n_patients=None,
        unit="films",
        clustered=False,
        identical=False,
        first=own,
        second=other,
        differences={"accuracy": accuracy, "roc_auc_macro": none},
        areas=tuple(areas),
        counts=PairedCounts(
            both_right=both, only_first_right=first, only_second_right=second, both_wrong=wrong
        ),
        p_value=p / tests,
        p_value_films=p / tests,
        p_value_holm=p,
        n_tests=tests,
        films_needed=needed,
    )
    return ComparedPair(
        part="test",
        first="A",
        second="B",
        n_first=n,
        n_second=n,
        n_shared=n,
        test=test,
        more_than_luck=p < 0.05,
    )


def test_the_sentence_names_the_better_run_first_whichever_it_is():
    assert pair_sentence(pair(first=30, second=5, p=0.001)).startswith("A answered 80.0 % of 50")
    assert pair_sentence(pair(first=5, second=30, p=0.001)).startswith("B answered 80.0 % of 50")


def test_the_sentence_says_how_large_the_difference_could_be():
    clear = pair_sentence(pair(first=5, second=30, p=0.001))
    assert "That is more than luck (exact McNemar test, p = 0.001)" in clear
    assert "40.0 to 60.0 points in favour of B" in clear
    unclear = pair_sentence(pair(both=35, first=6, second=4, p=0.75, needed=1962))
    assert "between 6.0 points in favour of B and 14.0 in favour of A" in unclear
    assert "about 2,000 films of different patients would be needed; there are 50" in unclear


def test_with_several_pairs_the_corrected_p_value_stands_beside_the_own_one():
    text = pair_sentence(pair(both=35, first=8, second=2, p=0.06, tests=3, needed=99))
    assert "p = 0.020, p = 0.060 after Holm" in text
    assert "could be luck" in text


def test_an_area_that_says_otherwise_is_not_kept_quiet():
    areas = [area_test("", -0.05, 0.004, needed=40)]
    text = pair_sentence(pair(both=35, first=6, second=4, p=0.75, needed=99, areas=areas))
    assert "That could be luck (exact McNemar test, p = 0.750)" in text
    assert (
        "By ROC AUC, B has 0.950 and A 0.900: that is more than luck (DeLong's test, p = 0.004)."
    ) in text


def test_an_area_that_could_be_luck_says_how_many_films_would_show_it():
    areas = [area_test("", 0.03, 0.3, needed=812)]
    text = pair_sentence(pair(both=35, first=6, second=4, p=0.75, needed=99, areas=areas))
    assert "that could be luck (DeLong's test, p = 0.300). About 810 films like these" in text
    assert "there are 50" in text


def test_of_several_classes_the_sentence_names_those_that_are_more_than_luck():
    many = [
        area_test("Covid", 0.2, 0.001, p_holm=0.003, n_tests=3),
        area_test("Normal", 0.02, 0.6, p_holm=0.6, n_tests=3, needed=900),
        area_test("Other", 0.1, 0.04, p_holm=0.08, n_tests=3, needed=120),
    ]
    text = pair_sentence(pair(both=35, first=6, second=4, p=0.75, needed=99, areas=many))
    assert "A is ahead for Covid by 0.200 (0.100 to 0.300, p = 0.001, p = 0.003 after" in text
    assert "Normal" not in text
    none = pair_sentence(pair(both=35, first=6, second=4, p=0.75, needed=99, areas=many[1:]))
    assert "no class shows more than luck (DeLong's test; the smallest p is that of Other" in none
    assert "About 120 films like these" in none
