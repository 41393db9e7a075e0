"""What the page says of other films and of folds."""

import pytest

from carina import runs
from carina.domain.evaluation import WithoutLeaks
from carina.domain.folds import Fold, FoldFigures
from carina.domain.report import Notice, Paragraph, Table
from carina.evaluation.external import against_internal
from carina.evaluation.independent import mean_of
from carina.files.documents import write_document
from carina.reporting.external_wording import drop_sentence, is_tested_elsewhere
from carina.reporting.folds_wording import folds_sentence
from carina.reporting.sections.external import external
from carina.reporting.sections.folds import folds
from carina.workflows.fold_figures import comparable_means
from carina.workflows.members import mean_and_range
from making.runs import ExampleRun, write_example_run

SMALL = (("train", (9, 9, 9)), ("validation", (3, 3, 3)), ("test", (14, 12, 12)))


@pytest.fixture
def run(tmp_path):
    return write_example_run(tmp_path / "run", ExampleRun(films=SMALL, leaks=4, pictures=False))


@pytest.fixture
def elsewhere(tmp_path):
    """The evaluation of other films, on which the classifier does worse."""
    example = ExampleRun(films=SMALL, separation=0.8, pictures=False, sources=("far-away",))
    evaluation = write_example_run(tmp_path / "other", example).evaluation
    data = evaluation.data.model_copy(update={"external": True, "part": "all"})
    return evaluation.model_copy(update={"data": data})


def beside(test, run):
    found = against_internal(test, run.evaluation, name="the internal test part")
    found = found.model_copy(update={"sentence": drop_sentence(test, found)})
    return test.model_copy(update={"against_internal": found})


def tables(section):
    return [block for block in section.blocks if isinstance(block, Table)]


def words(section):
    return " ".join(b.text for b in section.blocks if isinstance(b, Paragraph | Notice))


def with_folds(run, *, by="patients", first=None):
    """Return the run's evaluation with itself as one or both of two folds, the first as given."""
    own = run.evaluation
    each = [first or own, own]
    names = ("fold 1 of 2", "fold 2 of 2") if by == "patients" else ("north", "south")
    figures = FoldFigures(
        by=by,
        folds=tuple(
            Fold(
                name=name,
                tested_on=name,
                chosen=number == 1,
                n_images=fold.data.n_images,
                validation=own.parts["validation"],
                metrics=fold.metrics,
                per_class=fold.per_class,
            )
            for number, (name, fold) in enumerate(zip(names, each, strict=True))
        ),
        n_images=2 * own.data.n_images,
        pooled=own.metrics,
        pooled_per_class=own.per_class,
        pooled_confusion=own.confusion_matrix.counts,
        mean_of_folds=comparable_means(
            each,
            {name: mean_of([fold.metrics[name] for fold in each]) for name in own.metrics},
        ),
        over_folds=comparable_means(each, mean_and_range(each, "folds")),
    )
    figures = figures.model_copy(update={"sentence": folds_sentence(figures)})
    return own.model_copy(update={"folds": figures})


def test_internal_without_leaks_and_external_stand_side_by_side_with_the_drop(run, elsewhere):
    write_document(run.external_dir / "far-away" / "evaluation.json", beside(elsewhere, run))
    section = external(run)
    overall, per_class = tables(section)
    assert overall.columns[1:] == (
        "Internal, as it stands",
        "Internal, without leaks",
        "far-away",
        "Difference",
    )
    assert overall.rows[0][0] == "Accuracy"
    assert "points" in overall.rows[0][-1]
    assert {row[0] for row in per_class.rows} <= set(run.card.labels.names)
    assert "lower" in words(section)
    assert is_tested_elsewhere(run)


def test_a_test_of_known_films_stands_there_as_no_external_test(run, elsewhere):
    known = WithoutLeaks(n_removed=38, metrics={}, sentence="all 38 films were known")
    data = elsewhere.data.model_copy(update={"external": False})
    test = elsewhere.model_copy(update={"without_leaks": known, "data": data})
    write_document(run.external_dir / "own" / "evaluation.json", test)
    section = external(run)
    assert tables(section) == []
    assert words(section) == "far-away, no external test: all 38 films were known."
    assert not is_tested_elsewhere(run)


def test_a_tests_own_page_shows_the_internal_one_beside_it_or_nothing(run, elsewhere, tmp_path):
    folder = runs.TestFolder(tmp_path / "test")
    write_document(folder.evaluation_file, elsewhere)
    assert external(folder) is None
    write_document(folder.evaluation_file, beside(elsewhere, run))
    assert tables(external(folder))[0].columns[1] == "Internal, without leaks"
    assert external(run) is None


def test_folds_stand_there_pooled_and_one_by_one(run):
    assert folds(run) is None
    write_document(run.evaluation_file, with_folds(run))
    section = folds(run)
    assert section.title == "Over 2 folds"
    pooled, each, _ = tables(section)
    assert pooled.rows[0][0] == "Accuracy"
    assert [row[0] for row in each.rows] == ["fold 1 of 2", "fold 2 of 2 (chosen)"]
    assert not is_tested_elsewhere(run)


def test_a_source_without_a_class_says_what_its_number_is_and_why_there_is_no_mean(run, tmp_path):
    films = (*SMALL[:2], ("test", (0, 12, 12)))
    one_sided = write_example_run(tmp_path / "other", ExampleRun(films=films, pictures=False))
    write_document(run.evaluation_file, with_folds(run, by="source", first=one_sided.evaluation))
    section = folds(run)
    pooled, each, _ = tables(section)
    balanced = next(row for row in pooled.rows if row[0] == "Balanced accuracy")
    assert balanced[3] == "not defined"
    assert "1 of 2 folds have no film of Covid" in words(section)
    column = each.columns.index("Balanced accuracy")
    north, south = (row[column].split("\n")[2:] for row in each.rows)
    assert (north, south) == (["mean sensitivity for Normal and Viral Pneumonia"], [])


def test_sources_held_out_count_as_tested_elsewhere_and_one_sided_ones_are_named(tmp_path):
    films = (*SMALL[:2], ("test", (0, 12, 12)))
    run = write_example_run(tmp_path / "run", ExampleRun(films=films, pictures=False))
    write_document(run.evaluation_file, with_folds(run, by="source"))
    section = folds(run)
    assert section.title == "Leaving one source out"
    (notice,) = (block for block in section.blocks if isinstance(block, Notice))
    assert notice.text.startswith("Of the held-out sources north has no film of Covid")
    assert is_tested_elsewhere(run)
