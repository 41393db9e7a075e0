"""Whole runs side by side: what is tested, what is not and why, and what is refused."""

import json
import shutil
from dataclasses import replace

import pytest

from carina.data.predictions import read_predictions, write_predictions
from carina.domain.comparison import Comparison
from carina.errors import EvaluationError, RunError, UsageError
from carina.files.documents import read_document, write_document
from carina.files.tables import read_table, write_table
from carina.runs import Run
from carina.workflows.compare import compare
from making.runs import ExampleRun, write_example_run

FILMS = (("train", (20, 20)), ("validation", (8, 8)), ("test", (22, 18)))
BASE = ExampleRun(
    labels=("COVID", "Normal"), films=FILMS, resamples=100, pictures=False, separation=1.0
)
WORSE = replace(BASE, separation=0.2)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Runs by name; not to be changed (see `copied`)."""
    place = tmp_path_factory.mktemp("runs")
    examples = {
        "base": BASE,
        "worse": WORSE,
        "pneumonia": replace(BASE, labels=("Pneumonia", "COVID"), folder_name="other"),
        "elsewhere": replace(BASE, folder_name="hospital"),
        "respelled": replace(BASE, labels=("Covid", "NORMAL")),
        "leaky": replace(BASE, leaks=3),
        "patients": replace(BASE, films_per_patient=3),
        "patients-worse": replace(WORSE, films_per_patient=3),
    }
    return {name: write_example_run(place / name, one) for name, one in examples.items()}


@pytest.fixture
def copied(runs, tmp_path):
    """Return a function that copies a run, which the test may change then."""

    def copy(name, new_name="copy"):
        return Run(shutil.copytree(runs[name].folder, tmp_path / new_name))

    return copy


def compared(*runs, tmp_path, settings):
    return compare([run.folder for run in runs], out=tmp_path / "out", settings=settings).comparison


def test_both_files_are_written_and_the_document_reads_back(runs, tmp_path, settings):
    result = compare([runs["base"], runs["worse"]], out=tmp_path / "out", settings=settings)
    read = read_document(result.folder / "comparison.json", Comparison, error=EvaluationError)
    assert read == result.comparison
    assert (result.folder / "comparison.html").stat().st_size > 0


def test_test_figures_are_those_of_the_run_and_validation_is_computed(runs, tmp_path, settings):
    comparison = compared(runs["base"], runs["worse"], tmp_path=tmp_path, settings=settings)
    evaluation = runs["base"].evaluation
    own = comparison.runs[0]
    assert own.parts["test"].metrics == evaluation.metrics
    assert own.parts["test"].per_class == evaluation.per_class
    _, answers = runs["base"].predictions("validation")
    right = sum(film.predicted == film.label for film in answers)
    accuracy = own.parts["validation"].metrics["accuracy"]
    assert accuracy.value == pytest.approx(right / len(answers))
    assert accuracy.n == 16
    assert own.parts["test"].largest_class_share == pytest.approx(22 / 40)


def test_runs_on_the_same_films_are_tested_on_both_parts(runs, tmp_path, settings):
    comparison = compared(runs["base"], runs["worse"], tmp_path=tmp_path, settings=settings)
    test, validation = comparison.pairs
    assert (test.part, validation.part) == ("test", "validation")
    assert (test.n_first, test.n_second, test.n_shared) == (40, 40, 40)
    counts = test.test.counts
    lead = counts.only_first_right - counts.only_second_right
    assert test.test.differences["accuracy"].value == pytest.approx(lead / 40)
    assert lead > 0
    assert test.more_than_luck == (test.test.p_value_holm < 0.05)
    assert "base answered" in test.sentence
    assert "points" in test.sentence


def test_a_difference_that_could_be_luck_says_how_many_films_would_show_it(
    runs, tmp_path, settings
):
    slightly = write_example_run(tmp_path / "slightly", replace(BASE, separation=0.7))
    pair = compared(runs["base"], slightly, tmp_path=tmp_path, settings=settings).pairs[0]
    assert pair.more_than_luck is False
    assert "could be luck" in pair.sentence
    assert pair.test.films_needed > 40
    assert "films of different patients would be needed; there are 40" in pair.sentence


def test_a_copy_of_a_run_answers_identically(runs, copied, tmp_path, settings):
    pair = compared(runs["base"], copied("base"), tmp_path=tmp_path, settings=settings).pairs[0]
    assert pair.test.identical
    assert "identical answers" in pair.sentence


def test_other_classes_are_not_tested_and_must_not_be_ranked(runs, tmp_path, settings):
    comparison = compared(runs["base"], runs["pneumonia"], tmp_path=tmp_path, settings=settings)
    for pair in comparison.pairs:
        assert pair.test is None
        assert pair.more_than_luck is None
        assert pair.sentence.startswith("Do not rank base and pneumonia")
        assert "COVID and Normal" in pair.sentence
        assert "Pneumonia and COVID" in pair.sentence


def test_other_films_are_not_tested_and_must_not_be_ranked(runs, tmp_path, settings):
    pair = compared(runs["base"], runs["elsewhere"], tmp_path=tmp_path, settings=settings).pairs[0]
    assert pair.test is None
    assert pair.n_shared == 0
    assert "none of the 40 test films of base is among the 40 of elsewhere" in pair.sentence


def test_classes_that_differ_in_spelling_are_one_and_a_note_says_so(runs, tmp_path, settings):
    # the paths differ with the classes' names, and so do the films' made-up digests
    respelled = Run(shutil.copytree(runs["respelled"].folder, tmp_path / "respelled"))
    _give_digests_of(runs["base"], respelled)
    pair = compared(runs["base"], respelled, tmp_path=tmp_path, settings=settings).pairs[0]
    assert pair.test.identical
    assert any("'COVID' of base and 'Covid' of respelled" in note for note in pair.notes)


def _give_digests_of(run, other):
    """Make the films of another run the same bytes, film by film."""
    digests = [row.sha256 for row in run.manifest]
    rows = read_table(other.manifest_file, error=RunError)
    for row, digest in zip(rows, digests, strict=True):
        row["sha256"] = digest
    write_table(other.manifest_file, list(rows[0]), rows)


def test_only_the_shared_films_are_compared_and_their_number_is_stated(
    runs, copied, tmp_path, settings
):
    partly = copied("worse")
    rows = read_table(partly.manifest_file, error=RunError)
    for row in [row for row in rows if row["split"] == "test"][:10]:
        row["sha256"] = "f" * 62 + row["path"][-6:-4]
    write_table(partly.manifest_file, list(rows[0]), rows)
    pair = compared(runs["base"], partly, tmp_path=tmp_path, settings=settings).pairs[0]
    assert (pair.n_first, pair.n_second, pair.n_shared) == (40, 40, 30)
    assert pair.test.n_images == pair.test.first["accuracy"].n == 30
    assert pair.n_replaced == 10
    assert any("other bytes" in note for note in pair.notes)
    assert "of 30 shared test films" in pair.sentence


def test_patients_are_the_unit_where_they_are_known(runs, tmp_path, settings):
    pair = compared(
        runs["patients"], runs["patients-worse"], tmp_path=tmp_path, settings=settings
    ).pairs[0]
    assert pair.test.clustered
    assert pair.test.unit == "patients"
    assert "over patients" in pair.sentence


def test_of_three_runs_every_pair_is_corrected_for_the_others(runs, tmp_path, settings):
    third = write_example_run(tmp_path / "third", replace(BASE, separation=0.6))
    comparison = compared(runs["base"], runs["worse"], third, tmp_path=tmp_path, settings=settings)
    tests = [pair.test for pair in comparison.pairs if pair.part == "test"]
    assert [test.n_tests for test in tests] == [3, 3, 3]
    smallest = min(tests, key=lambda test: test.p_value)
    assert smallest.p_value_holm == pytest.approx(min(1, 3 * smallest.p_value))


def test_leaks_and_the_missing_external_test_stand_among_the_cautions(runs, tmp_path, settings):
    comparison = compared(runs["leaky"], runs["worse"], tmp_path=tmp_path, settings=settings)
    leaky, worse = comparison.runs
    assert any("3 of 40 test films were known" in caution for caution in leaky.cautions)
    assert "Not tested on another source." in worse.cautions
    page = (tmp_path / "out" / "comparison.html").read_text()
    assert "3 of 40 test films were known" in page


def test_what_a_run_is_comes_from_its_files(runs, tmp_path, settings):
    run = compared(runs["base"], runs["worse"], tmp_path=tmp_path, settings=settings).runs[0]
    assert (run.name, run.recipe, run.architecture) == ("base", "two-conv", "two-conv")
    assert (run.parameters, run.chosen_epoch, run.epochs) == (21_253_443, 4, 5)
    assert (run.images_per_second, run.training_seconds, run.precision) == (272.4, 6.1, "bf16")
    assert run.n_train == {"COVID": 20, "Normal": 20}


def test_runs_that_are_called_alike_get_the_folder_above(runs, tmp_path, settings):
    folders = [tmp_path / hospital / "run" for hospital in ("north", "south")]
    for folder, name in zip(folders, ("base", "worse"), strict=True):
        shutil.copytree(runs[name].folder, folder)
    comparison = compare(folders, out=tmp_path / "out", settings=settings).comparison
    assert [run.name for run in comparison.runs] == ["north/run", "south/run"]


def test_a_run_is_called_without_its_time_where_that_is_enough(runs, tmp_path, settings):
    folders = [tmp_path / name for name in ("20261120-140327-vgg16", "20261120-151102-custom-cnn")]
    again = tmp_path / "20261121-090000-vgg16"
    for folder, name in zip((*folders, again), ("base", "worse", "worse"), strict=True):
        shutil.copytree(runs[name].folder, folder)
    first = compare(folders, out=tmp_path / "a", settings=settings).comparison
    assert [run.name for run in first.runs] == ["vgg16", "custom-cnn"]
    assert [run.folder for run in first.runs] == [folder.name for folder in folders]
    second = compare([folders[0], again], out=tmp_path / "b", settings=settings).comparison
    assert [run.name for run in second.runs] == [folders[0].name, again.name]


def test_no_path_of_this_machine_stands_in_the_files(runs, tmp_path, settings):
    compared(runs["base"], runs["worse"], tmp_path=tmp_path, settings=settings)
    for file in (tmp_path / "out").iterdir():
        assert str(tmp_path) not in file.read_text()
        assert str(runs["base"].folder.parent) not in file.read_text()


@pytest.mark.parametrize("given", [[], ["base"]])
def test_fewer_than_two_runs_are_wrong_usage(runs, settings, given):
    with pytest.raises(UsageError, match="two runs or more"):
        compare([runs[name].folder for name in given], settings=settings)


def test_the_same_run_twice_is_wrong_usage(runs, settings):
    folder = runs["base"].folder
    with pytest.raises(UsageError, match="one run"):
        compare([folder, runs["worse"].folder, folder.parent / "worse" / ".." / "base"],
                settings=settings)  # fmt: skip


def test_a_folder_that_is_no_run_is_refused(runs, tmp_path, settings):
    with pytest.raises(RunError, match="not a run"):
        compare([runs["base"].folder, tmp_path], settings=settings)


def test_an_unfinished_run_is_refused(runs, copied, settings):
    run = copied("worse")
    environment = run.environment.model_copy(update={"status": "training"})
    write_document(run.environment_file, environment)
    with pytest.raises(RunError, match=r"not finished \(status 'training'\)"):
        compare([runs["base"].folder, run.folder], settings=settings)


def test_a_test_part_without_some_of_its_films_is_refused(runs, copied, settings):
    run = copied("worse")
    labels, films = read_predictions(run.predictions_file("test"))
    write_predictions(run.predictions_file("test"), labels, films[1:])
    with pytest.raises(RunError, match="test part was changed"):
        compare([runs["base"].folder, run.folder], settings=settings)


def test_a_film_whose_class_was_changed_since_is_refused(runs, copied, settings):
    run = copied("worse")
    labels, films = read_predictions(run.predictions_file("test"))
    films[0] = replace(films[0], label=labels[1])
    write_predictions(run.predictions_file("test"), labels, films)
    with pytest.raises(RunError, match=f"differ on 1 .{films[0].source}/{films[0].path}"):
        compare([runs["base"].folder, run.folder], settings=settings)


def test_answers_that_the_evaluation_does_not_count_are_refused(runs, copied, settings):
    run = copied("worse")
    labels, films = read_predictions(run.predictions_file("test"))
    films = [replace(film, predicted=labels[0]) for film in films]
    write_predictions(run.predictions_file("test"), labels, films)
    with pytest.raises(RunError, match=r"evaluation\.json counts other answers"):
        compare([runs["base"].folder, run.folder], settings=settings)


def test_nothing_is_left_behind_when_a_run_is_refused(runs, copied, tmp_path, settings):
    run = copied("worse")
    run.predictions_file("validation").unlink()
    with pytest.raises(EvaluationError, match=r"validation\.csv"):
        compare([runs["base"].folder, run.folder], out=tmp_path / "out", settings=settings)
    assert not (tmp_path / "out").exists()


def test_the_document_holds_no_nan(runs, tmp_path, settings):
    compared(runs["base"], runs["worse"], tmp_path=tmp_path, settings=settings)
    text = (tmp_path / "out" / "comparison.json").read_text()
    json.loads(text, parse_constant=pytest.fail)
