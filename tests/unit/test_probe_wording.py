"""What a report says of the probes: as much as they show, and no more."""

import shutil

import pytest

from carina.domain.estimate import Estimate
from carina.domain.evaluation import MemberFigures
from carina.domain.folds import Fold, FoldFigures
from carina.domain.probes import (
    CONFOUNDER_BALANCED_ACCURACY,
    MASKED_ACCURACY,
    MASKED_BALANCED_ACCURACY,
    MASKED_EPOCHS,
    MASKED_VALIDATION_ACCURACY,
    method_of_signal,
)
from carina.domain.recipe import Recipe, StageSection
from carina.files.documents import write_document
from carina.files.recipes import write_recipe
from carina.reporting.probe_wording import MaskedProbe, masked_probe_of, verdict_of, verdicts
from carina.reporting.sections import SECTIONS
from carina.runs import Run
from making.runs import ExampleRun, write_example_run


def estimate(value, low, high, n=66, method="bootstrap-patients"):
    return Estimate(value=value, low=low, high=high, n=n, method=method)


def probe(masked, own=(0.966, 0.885, 0.991), **facts):
    given = {"guessing": 0.5, "epochs": (8, 8), "n_train": (400, 400), **facts}
    return MaskedProbe(estimate(*own), estimate(*masked), **given)


def test_what_can_be_had_without_the_lungs_is_said_with_its_interval_and_with_guessing():
    verdict = verdict_of(probe((0.881, 0.76, 0.95)))
    assert verdict.severity == "critical"
    assert verdict.sentence == (
        "With the middle of every film blacked out, where the lungs are, the same recipe still "
        "reaches a balanced accuracy of 88.1 % (76.0 to 95.0 %), where guessing reaches 50.0 %: "
        "much of the classifier's 96.6 % can be had without the lungs."
    )


@pytest.mark.parametrize(
    ("masked", "words", "severity"),
    [
        ((0.97, 0.9, 0.99), "all of the", "critical"),
        ((0.95, 0.9, 0.99), "nearly all of the", "critical"),
        ((0.75, 0.7, 0.8), "much of the", "critical"),
        ((0.65, 0.6, 0.7), "some of the", "warning"),
    ],
)
def test_how_much_is_measured_from_guessing_to_what_the_classifier_reaches(masked, words, severity):
    verdict = verdict_of(probe(masked))
    assert f": {words} classifier's 96.6 % can be had" in verdict.sentence
    assert verdict.severity == severity


def test_a_probe_that_cannot_be_told_from_guessing_accuses_nobody():
    verdict = verdict_of(probe((0.52, 0.4, 0.64)))
    assert verdict.severity is None
    assert "52.0 % (40.0 to 64.0 %), which 66 test films cannot tell from guessing (50.0 %)" in (
        verdict.sentence
    )
    assert "still" not in verdict.sentence
    assert "can be had" not in verdict.sentence


def test_a_shortened_probe_is_the_least_where_it_found_something():
    verdict = verdict_of(probe((0.881, 0.76, 0.95), epochs=(2, 8), n_train=(300, 400)))
    assert verdict.sentence.endswith(
        "The probe was trained in 2 of 8 epochs on 300 of 400 films, so this is the least that "
        "can be had."
    )


def test_a_shortened_probe_that_found_nothing_may_have_been_too_short():
    verdict = verdict_of(probe((0.52, 0.4, 0.64), epochs=(2, 8)))
    assert verdict.sentence.endswith(
        "The probe was trained in 2 of 8 epochs on all 400 films; trained longer, it might find "
        "something."
    )


def test_a_classifier_that_guesses_has_nothing_that_could_come_from_the_lungs():
    verdict = verdict_of(probe((0.6, 0.55, 0.65), own=(0.52, 0.45, 0.6)))
    assert "cannot be told from guessing (50.0 %)" in verdict.sentence
    assert "can be had" not in verdict.sentence


def test_fewer_test_films_another_seed_and_leaks_are_said():
    left = (estimate(0.9, 0.8, 0.95, 60), estimate(0.7, 0.6, 0.8, 60))
    verdict = verdict_of(
        probe((0.881, 0.76, 0.95, 50), seed=3, without_leaks=left),
    )
    assert "It answered 50 of the 66 test films." in verdict.sentence
    assert "It was trained with seed 3 alone." in verdict.sentence
    assert (
        "Without the films known from training it is 70.0 % (60.0 to 80.0 %), and the "
        "classifier's 90.0 % (80.0 to 95.0 %)." in verdict.sentence
    )


def test_a_probe_that_failed_says_why():
    failed = Estimate.undefined("the probe could not be trained: it diverged", n=66)
    verdict = verdict_of(MaskedProbe(estimate(0.9, 0.8, 0.95), failed, 0.5, (8, 8), (9, 9)))
    assert verdict.severity is None
    assert "it diverged" in verdict.sentence


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return write_example_run(tmp_path_factory.mktemp("plain"), ExampleRun(pictures=False))


@pytest.fixture(scope="module")
def probed(tmp_path_factory):
    """An example run of three classes with every probe."""
    run = write_example_run(tmp_path_factory.mktemp("probed"), ExampleRun(pictures=False))
    probes = {
        MASKED_ACCURACY: estimate(0.8, 0.7, 0.88),
        MASKED_BALANCED_ACCURACY: estimate(0.79, 0.68, 0.87),
        MASKED_VALIDATION_ACCURACY: estimate(0.75, 0.6, 0.87, 37, "wilson"),
        MASKED_EPOCHS: Estimate.count(1, n=160),
        CONFOUNDER_BALANCED_ACCURACY: estimate(0.7, 0.65, 0.75, 317, method_of_signal("frame")),
    }
    evaluation = run.evaluation.model_copy(update={"probes": probes})
    write_document(run.evaluation_file, evaluation)
    return run


def headline_of(run):
    return SECTIONS.get("headline").write(run)


def test_the_first_screen_sets_balanced_accuracy_beside_balanced_accuracy(probed):
    figures = headline_of(probed).blocks[1].figures
    names = [figure.name for figure in figures]
    at = names.index("Balanced accuracy")
    assert names[at + 1 : at + 3] == ["Without the lungs", "Best confounder"]
    masked, best = figures[at + 1 : at + 3]
    assert (masked.value, masked.interval) == ("79.0 %", "68.0 to 87.0 %")
    assert "1 of 5 epochs on 160 of 214 films" in masked.note
    assert "guessing: 33.3 %" in masked.note
    assert (best.value, best.interval) == ("70.0 %", "65.0 to 75.0 %")
    assert "frame of the image" in best.note


def test_the_first_screen_says_what_the_probe_means(probed):
    (verdict,) = verdicts(probed)
    notices = [block for block in headline_of(probed).blocks if type(block).__name__ == "Notice"]
    assert (verdict.severity, verdict.sentence) in [(n.severity, n.text) for n in notices]


def test_the_section_sets_every_number_beside_guessing_and_says_what_was_blacked_out(probed):
    section = SECTIONS.get("probes").write(probed)
    words = " ".join(getattr(block, "text", "") for block in section.blocks)
    assert "The middle 80 % of the height and of the width" in words
    assert "not that the classifier had it from there" in words
    assert "On validation its accuracy was 75.0 % (60.0 to 87.0 %)" in words
    table = next(block for block in section.blocks if type(block).__name__ == "Table")
    assert [row[0] for row in table.rows] == [
        "The classifier",
        "Middle blacked out",
        "Best confounder: frame of the image",
        "Guessing",
    ]
    assert table.rows[1][1:4] == ("79.0 %", "68.0 to 87.0 %", "66")


def test_guessing_counts_the_classes_that_the_test_part_shows(tmp_path):
    films = (("train", (9, 9, 9)), ("validation", (3, 3, 3)), ("test", (0, 8, 8)))
    run = write_example_run(tmp_path / "run", ExampleRun(films=films, pictures=False))
    probes = {MASKED_BALANCED_ACCURACY: estimate(0.79, 0.68, 0.87, 16)}
    write_document(run.evaluation_file, run.evaluation.model_copy(update={"probes": probes}))
    assert masked_probe_of(run).guessing == 0.5


def test_of_a_cascade_with_several_seeds_the_first_seeds_stages_are_shown(probed, tmp_path):
    cascade = Recipe(stages=(StageSection(name="abnormal"),))
    run = write_example_run(tmp_path / "cascade", ExampleRun(pictures=False))
    first = Run(run.members_dir / "seed-0")
    for each in (run, first):
        write_recipe(each.recipe_file, cascade)
    figures = [
        MemberFigures(
            name=f"seed-{seed}",
            seed=seed,
            chosen=seed == 1,
            validation={"loss": estimate(0.5, 0.4, 0.6)},
            metrics=run.evaluation.metrics,
        )
        for seed in (0, 1)
    ]
    write_document(first.evaluation_file, run.evaluation)
    members = {"members": tuple(figures), "over_members": run.evaluation.metrics}
    write_document(run.evaluation_file, run.evaluation.model_copy(update=members))
    shutil.copytree(probed.folder, first.members_dir / "abnormal")
    (verdict,) = verdicts(run)
    assert verdict.sentence.startswith("Stage 'abnormal' of the cascade: With the middle")
    section = SECTIONS.get("probes").write(run)
    assert [row[0] for row in section.blocks[-1].rows] == ["abnormal"]


def fold_figures(run, first):
    return FoldFigures(
        by="patients",
        folds=tuple(
            Fold(
                name=f"fold-{number}",
                tested_on=f"fold {number} of 2",
                chosen=number == 2,
                n_images=66,
                metrics=one.evaluation.metrics,
            )
            for number, one in ((1, first), (2, run))
        ),
        pooled=run.evaluation.metrics,
    )


def folds_of(folder, first):
    """Return a run whose second fold was chosen; the first, which has the probes, is given."""
    run = write_example_run(folder, ExampleRun(separation=9, pictures=False))
    shutil.copytree(first.folder, run.members_dir / "fold-1")
    with_folds = {"folds": fold_figures(run, first), "probes": first.evaluation.probes}
    write_document(run.evaluation_file, run.evaluation.model_copy(update=with_folds))
    return run


def test_with_folds_the_probe_stands_beside_the_training_on_the_same_films(probed, tmp_path):
    run, name = folds_of(tmp_path / "run", probed), "balanced_accuracy"
    own = probed.evaluation.metrics[name]
    assert run.evaluation.metrics[name].value != own.value
    found = masked_probe_of(run)
    assert (found.own, found.fold) == (own, "fold 1 of 2")
    (verdict,) = verdicts(run)
    assert f"the classifier's {100 * own.value:.1f} % can be had" in verdict.sentence
    assert (
        "Both numbers are of the training that was tested on fold 1 of 2 (66 films)."
        in verdict.sentence
    )
    table = next(b for b in SECTIONS.get("probes").write(run).blocks if type(b).__name__ == "Table")
    assert table.rows[0][1] == f"{100 * own.value:.1f} %"
    assert [row[4] for row in table.rows[:2]] == ["the test part, fold 1 of 2"] * 2


def test_of_a_cascade_with_folds_the_first_folds_stages_are_shown(probed, tmp_path):
    plain = write_example_run(tmp_path / "first", ExampleRun(pictures=False))
    write_recipe(plain.recipe_file, Recipe(stages=(StageSection(name="abnormal"),)))
    shutil.copytree(probed.folder, plain.members_dir / "abnormal")
    run = folds_of(tmp_path / "cascade", plain)
    shutil.copy(plain.recipe_file, run.recipe_file)
    (verdict,) = verdicts(run)
    assert verdict.sentence.startswith("Stage 'abnormal' of the cascade: With the middle")
    assert "tested on fold 1 of 2" in verdict.sentence
    (stages,) = SECTIONS.get("probes").write(run).blocks[-1:]
    assert stages.caption.endswith("fold 1 of 2")


def test_without_probes_the_page_says_nothing_of_them(plain):
    assert masked_probe_of(plain) is None
    assert verdicts(plain) == []
    assert SECTIONS.get("probes").write(plain) is None
    names = [figure.name for figure in headline_of(plain).blocks[1].figures]
    assert names == ["Accuracy", "Balanced accuracy", "ROC AUC"]


def test_a_notebook_shows_the_probes_among_the_metrics(probed):
    page = probed._repr_html_()
    assert "balanced accuracy with the middle of the films blacked out" in page
    assert "balanced accuracy of the best confounder" in page
    assert MASKED_EPOCHS not in page
