from functools import cache

import numpy as np
import pytest

from carina import runs
from carina.domain.estimate import Estimate
from carina.domain.evaluation import ConfusionMatrix, EvaluatedData, Evaluation, WithoutLeaks
from carina.domain.recipe import EvaluateSection
from carina.domain.report import Bullets, Figure, Notice, Paragraph, Table
from carina.domain.thresholds import Thresholds
from carina.evaluation.decision_curve import decision_curves
from carina.evaluation.operating_points import operating_points
from carina.evaluation.threshold_choice import choose_thresholds
from carina.files.documents import write_document
from carina.reporting.sections import SECTIONS
from carina.runs import Run
from making.runs import ExampleRun, write_example_run
from making.scored import drawn_films, scored

SECTION = EvaluateSection(resamples=100)


def films_of(n_classes, *, seed, n=120):
    if n_classes <= 3:
        return drawn_films(n, n_classes=n_classes, seed=seed)
    rng = np.random.default_rng(seed)
    y_true = np.arange(n) % n_classes
    shares = np.exp(rng.normal(size=(n, n_classes)) + 3 * np.eye(n_classes)[y_true])
    labels = [f"class {number}" for number in range(n_classes)]
    return scored(y_true, shares / shares.sum(axis=1, keepdims=True), labels=labels)


@cache
def evaluation_of(n_classes, *, with_thresholds=True):
    """Return an evaluation that holds no more than this section reads."""
    chosen = choose_thresholds(films_of(n_classes, seed=1), SECTION) if with_thresholds else ()
    films = films_of(n_classes, seed=2)
    counts = np.bincount(films.y_true)
    return Evaluation(
        classifier="ab",
        labels=films.labels,
        data=EvaluatedData(name="films", part="test", n_images=len(films)),
        metrics={},
        per_class={
            label: {"support": Estimate.count(int(count), n=len(films))}
            for label, count in zip(films.labels, counts, strict=True)
        },
        confusion_matrix=ConfusionMatrix(labels=films.labels, counts=()),
        operating_points=operating_points(films, chosen, SECTION),
        decision_curves=decision_curves(films, SECTION),
    )


def blocks_of(folder, evaluation):
    folder.mkdir(exist_ok=True)
    test = runs.TestFolder(folder)
    write_document(test.evaluation_file, evaluation)
    section = SECTIONS.get("operating-points").write_of_test(test)
    return None if section is None else section.blocks


def of(kind, blocks):
    return [block for block in blocks if isinstance(block, kind)]


def words(blocks):
    texts = [block.text for block in of(Paragraph, blocks)]
    return " ".join([*texts, *(item for block in of(Bullets, blocks) for item in block.items)])


def test_what_a_threshold_reaches_stands_beside_what_validation_promised(tmp_path):
    evaluation = evaluation_of(2)
    rates, counts, _ = of(Table, blocks_of(tmp_path, evaluation))
    point = evaluation.operating_points[1]
    row = next(row for row in rates.rows if "Youden" in row[0])
    assert row[0].startswith("Covid\n")
    promised = point.chosen.on_validation["sensitivity"].value
    assert row[2].startswith(f"{100 * promised:.1f} %\n")
    assert row[3].startswith(f"{100 * point.achieved['sensitivity'].value:.1f} %\n")
    assert row[5].startswith(f"{100 * point.achieved['specificity'].value:.1f} %\n")
    assert counts.rows[1][1:5] == tuple(
        f"{point.achieved[name].value:.0f}" for name in ("tp", "fn", "fp", "tn")
    )


def test_every_sentence_of_two_classes_is_on_the_page(tmp_path):
    evaluation = evaluation_of(2)
    said = words(blocks_of(tmp_path, evaluation))
    for point in evaluation.operating_points:
        assert point.sentence in said
    assert evaluation.decision_curves["Covid"].sentence in said
    assert "Where 1 film in 100 is of Covid" in said


@pytest.mark.parametrize(("n_classes", "n_figures", "n_rows"), [(2, 2, 6), (3, 6, 6), (8, 12, 8)])
def test_many_classes_stay_readable(tmp_path, n_classes, n_figures, n_rows):
    blocks = blocks_of(tmp_path, evaluation_of(n_classes))
    tables, figures = of(Table, blocks), of(Figure, blocks)
    assert len(tables) == 3
    assert len(tables[2].rows) == n_rows
    assert len(tables[2].columns) <= 7
    assert len(figures) == n_figures
    ids = [part.split('"')[0] for figure in figures for part in figure.svg.split('id="')[1:]]
    assert len(set(ids)) == len(ids)


def test_without_thresholds_none_is_chosen_on_the_films_tested(tmp_path):
    blocks = blocks_of(tmp_path, evaluation_of(2, with_thresholds=False))
    assert of(Table, blocks) == []
    assert len(of(Figure, blocks)) == 1
    assert "chosen on the films it is tested on flatters" in words(blocks)


def test_films_known_from_training_are_a_warning(tmp_path):
    without = WithoutLeaks(n_removed=3, metrics={}, sentence="3 films were known")
    leaky = evaluation_of(2).model_copy(update={"without_leaks": without})
    assert [notice.severity for notice in of(Notice, blocks_of(tmp_path, leaky))] == ["warning"]


def test_answers_without_probabilities_have_no_such_section(tmp_path):
    evaluation = evaluation_of(2, with_thresholds=False)
    without = evaluation.model_copy(update={"decision_curves": {}})
    assert blocks_of(tmp_path, without) is None


def test_a_run_says_by_which_rule_its_classifier_answers(tmp_path):
    run = write_example_run(tmp_path, ExampleRun(resamples=100, pictures=False))
    write_document(run.evaluation_file, evaluation_of(2))
    write = SECTIONS.get("operating-points").write
    assert "answers with the most probable class;" in words(write(run).blocks)
    file = run.classifier_dir / "card.json"
    rule = Thresholds(rule="at-least", positive=1, threshold=0.21)
    write_document(file, Run(tmp_path).card.model_copy(update={"thresholds": rule}))
    assert "answers Normal from a probability of 21.0 % on" in words(write(run).blocks)
