"""The sections on films without an answer and on where a classifier fails."""

from dataclasses import replace

import numpy as np
import pytest

from carina import runs
from carina.data.predictions import write_predictions
from carina.domain.estimate import Estimate
from carina.domain.evaluation import EvaluatedData, WithoutLeaks
from carina.domain.failures import ErrorAgreement
from carina.domain.recipe import EvaluateSection
from carina.domain.report import Bullets, Figure, Notice, Paragraph, Table
from carina.domain.rules import FittedRules, Rules
from carina.evaluation.conformal import deployed_abstention, fit_conformal
from carina.evaluation.evaluate import evaluate
from carina.files.documents import write_document
from carina.reporting.sections import SECTIONS
from carina.reporting.sections.abstention import abstention_blocks
from carina.reporting.sections.failures import failure_blocks
from making.runs import ExampleRun, write_example_run
from making.scored import drawn_films

SECTION = EvaluateSection(resamples=100, abstain=0.1)


def evaluated(films, rules=None):
    data = EvaluatedData(name="made", part="test", n_images=0)
    return evaluate(films, data=data, classifier="none", section=SECTION, rules=rules)


def groups_of(n, right, **values):
    """Return films of one class whose first `right` of each group of `n` are right."""
    films = drawn_films(2 * n, n_classes=2)
    wrong = np.tile(np.arange(n), 2) >= np.repeat(right, n)
    predicted = np.where(wrong, 1 - films.y_true, films.y_true)
    return replace(films, predicted=predicted, **values)


def words(blocks):
    found = [block.text for block in blocks if isinstance(block, Paragraph)]
    return " ".join([*found, *(i for b in blocks if isinstance(b, Bullets) for i in b.items)])


def test_groups_stand_in_one_table_and_only_intervals_that_lie_apart_are_a_difference():
    ages = ("under 5",) * 60 + ("40 to 64",) * 60
    films = groups_of(60, (30, 57), subgroups={"age": ages, "sex": ("F", "M") * 60})
    blocks = failure_blocks(evaluated(films))
    (table,) = (block for block in blocks if isinstance(block, Table))
    names = [row[0] for row in table.rows]
    assert names == ["All films", "Sex F", "Sex M", "Age 40 to 64", "Age under 5"]
    assert table.rows[-1][1:3] == ("60", "50.0 %\n37.7 to 62.3 %")
    text = words(blocks)
    assert "By age, fewer answers are right for under 5 (50.0 % (37.7 to 62.3 %)) than for" in text
    assert "By sex" not in text
    assert "All films are of one source. View is not known of these films" in text


def test_where_intervals_overlap_no_difference_is_claimed():
    films = groups_of(60, (50, 57), sources=("a",) * 60 + ("b",) * 60)
    text = words(failure_blocks(evaluated(films)))
    assert "No group's interval lies apart from that of another" in text
    assert "fewer answers are right" not in text


def test_a_small_group_is_counted_and_nothing_else_is_said_of_it():
    sources = ("small",) * 29 + ("large",) * 91
    films = groups_of(
        60, (60, 60), sources=sources, subgroups={"view": ("PA",) * 29 + ("AP",) * 91}
    )
    blocks = failure_blocks(evaluated(films))
    (table,) = (block for block in blocks if isinstance(block, Table))
    assert [row[0] for row in table.rows] == ["All films", "Source large", "View AP"]
    assert (
        "Nothing is claimed of a group with fewer than 30 films: source small (29 films) and "
        "view PA (29 films)." in words(blocks)
    )


def agreement(signal, difference):
    missing = Estimate.undefined("only 4 films; nothing is claimed below 30", n=4)
    share = Estimate(value=0.9, low=0.8, high=0.95, n=60, method="wilson")
    return ErrorAgreement(
        signal=signal,
        n_right=60,
        n_wrong=40,
        accuracy_where_right=share,
        accuracy_where_wrong=share,
        difference=difference or missing,
        within_classes=difference or missing,
        n_errors=10,
        n_errors_alike=7,
        sentence=f"What the {signal} says.",
    )


def test_agreement_with_confounders_is_tabled_where_it_is_claimed_and_said_where_not():
    difference = Estimate(value=0.2, low=0.05, high=0.33, n=100, method="square-and-add")
    found = evaluated(drawn_films(60)).model_copy(
        update={"error_agreement": (agreement("frame", difference), agreement("corners", None))}
    )
    blocks = failure_blocks(found)
    table = [block for block in blocks if isinstance(block, Table)][-1]
    assert [row[0] for row in table.rows] == ["Frame of the image"]
    assert table.rows[0][5] == "20.0 points\n5.0 to 33.0"
    assert table.rows[0][7] == "7 of 10"
    assert blocks[-1] == Bullets("For these the films do not suffice:", ("What the corners says.",))
    assert "What the frame says." in words(blocks)


@pytest.fixture(scope="module")
def abstaining():
    validation, films = drawn_films(120, seed=1), drawn_films(90, seed=2)
    conformal = fit_conformal(validation, SECTION)
    deployed = deployed_abstention(conformal, films.labels, SECTION)
    unsure = np.array([bool(one) for one in deployed.apply(films.probabilities)])
    rules = Rules(abstention=deployed, fitted=FittedRules(conformal=conformal))
    return evaluated(replace(films, abstained=unsure), rules)


def test_the_section_on_abstention_shows_rules_sets_curve_and_what_they_rest_on(abstaining):
    figures = abstaining.abstention
    blocks = abstention_blocks(figures)
    assert blocks[0].text.startswith("The rule of this classifier: a film gets an answer only if")
    assert blocks[1].text == figures.sentence
    sets, by_class = (block for block in blocks if isinstance(block, Table))
    assert len(sets.rows) == len(by_class.rows) == 4
    assert by_class.columns[1:] == abstaining.labels
    (drawing,) = (block for block in blocks if isinstance(block, Figure))
    assert drawing.alt.startswith("Risk-coverage curve: ")
    assert "wrong" in drawing.alt
    for caution in figures.cautions:
        assert caution in words(blocks)


@pytest.mark.parametrize("name", ["calibration", "operating-points", "abstention", "failures"])
def test_films_known_from_training_are_told_where_they_count(name, abstaining, tmp_path):
    folder = runs.TestFolder(tmp_path)
    write = SECTIONS.get(name).write_of_test
    write_document(folder.evaluation_file, abstaining)
    assert not any(isinstance(block, Notice) for block in write(folder).blocks)
    known = WithoutLeaks(n_removed=7, metrics={}, sentence="7 films were known")
    leaky = abstaining.model_copy(update={"without_leaks": known})
    write_document(folder.evaluation_file, leaky)
    assert write(folder).blocks[0] == Notice(
        "warning",
        "7 of the 90 films tested here were known from training. The numbers of this section "
        "include them, and are too good for it.",
    )


def test_a_test_without_a_run_has_the_same_sections(abstaining, tmp_path):
    films = ExampleRun(pictures=False)
    run = write_example_run(tmp_path / "run", films)
    folder = runs.TestFolder(tmp_path / "test")
    write_document(folder.evaluation_file, abstaining)
    write_predictions(folder.folder / "predictions.csv", *run.predictions("test"))
    for name in ("abstention", "failures", "errors"):
        section = SECTIONS.get(name).write_of_test(folder)
        assert section is not None
        assert section.anchor == name
    (table,) = (b for b in SECTIONS.get("errors").write_of_test(folder).blocks if type(b) is Table)
    errors = [film for film in run.predictions("test")[1] if film.predicted != film.label]
    assert len(table.rows) == min(12, len(errors))
    answers = [replace(film, probabilities={}, logits={}) for film in run.predictions("test")[1]]
    write_predictions(folder.folder / "predictions.csv", films.labels, answers)
    assert SECTIONS.get("errors").write_of_test(folder) is None
