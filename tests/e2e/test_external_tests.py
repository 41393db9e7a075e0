"""A classifier on films that it was not made with, and on films that it was."""

import csv
import html
import shutil

import pytest
from PIL import Image

import carina
from carina.errors import CarinaError, EvaluationError, RecipeError
from carina.files.tables import read_table
from carina.imaging.phantom import write_phantoms
from carina.settings import Settings
from conftest import QUICK, settings_in

NOT_TESTED = "Not tested on another source"


@pytest.fixture(scope="module")
def other_films(tmp_path_factory):
    """Films of other patients than the run's, with class names in another spelling."""
    folder = tmp_path_factory.mktemp("other") / "other-hospital"
    counts = {"all": {"Normal": 8, "Pneumonia": 8, "COVID-19": 8}}
    write_phantoms(folder, counts=counts, seed=99)
    for before, after in (("COVID-19", "covid 19"), ("Normal", "NORMAL")):
        (folder / "all" / before).rename(folder / "all" / after)
    return folder / "all"


@pytest.mark.slow
def test_an_external_test_is_kept_in_the_run_and_in_its_report(own_run, other_films, settings):
    assert NOT_TESTED in own_run.report_file.read_text()
    result = carina.evaluate(own_run.folder, other_films, settings=settings)
    assert result.evaluation.data.external
    assert result.evaluation.data.n_images == 24
    assert result.evaluation.without_leaks is None
    (name,) = own_run.external_names()
    assert own_run.external_evaluation(name) == result.evaluation
    page = own_run.report_file.read_text()
    assert NOT_TESTED not in page
    assert (result.folder / "predictions.csv").is_file()
    assert not (result.folder / "known.csv").exists()
    beside = result.evaluation.against_internal
    assert beside.internal == own_run.evaluation.metrics
    drop = beside.drops["accuracy"].value
    ours, theirs = (
        one.metrics["accuracy"].value for one in (own_run.evaluation, result.evaluation)
    )
    assert drop == pytest.approx(theirs - ours)
    assert beside.sentence.startswith("On the 24 films of all accuracy is ")
    assert html.escape(beside.sentence).replace(" %", "\xa0%") in page


@pytest.mark.slow
@pytest.mark.parametrize(("part", "n_known"), [("train", 72), ("validation", 24), ("test", 36)])
def test_a_test_on_films_that_the_run_knows_is_no_external_test(
    own_run, phantom_films, settings, part, n_known
):
    result = carina.evaluate(own_run.folder, phantom_films / part, settings=settings)
    assert not result.evaluation.data.external
    assert any(f"{n_known} films, or their patients" in one for one in result.evaluation.cautions)
    assert result.evaluation.without_leaks.n_removed == n_known
    assert result.evaluation.against_internal is None
    known = read_table(result.folder / "known.csv", error=EvaluationError)
    assert {row["why"] for row in known} == {"identical-bytes"}
    when = "known when the classifier was made or tested"
    assert when in result.evaluation.without_leaks.sentence
    assert any(f"were {when}" in one for one in result.evaluation.cautions)
    assert {row["known_film"] for row in known} == {
        row.key for row in own_run.manifest if row.split == part
    }
    assert NOT_TESTED in own_run.report_file.read_text()


@pytest.mark.slow
def test_films_that_training_knew_count_neither_as_external_nor_in_the_drop(
    own_run, phantom_films, other_films, tmp_path, settings
):
    films = shutil.copytree(other_films, tmp_path / "films")
    with Image.open(next((phantom_films / "train" / "Normal").iterdir())) as film:
        # The hash alone knows it: the sketches of the training lie in another cache.
        film.convert("L").save(films / "NORMAL" / "again.jpg", quality=97)
    result = carina.evaluate(own_run.folder, films, settings=settings)
    assert result.evaluation.data.external
    assert result.evaluation.data.n_images == 25
    (row,) = read_table(result.folder / "known.csv", error=EvaluationError)
    assert (row["path"], row["why"]) == ("NORMAL/again.jpg", "near-duplicate")
    beside = result.evaluation.against_internal
    assert (beside.n_external, beside.without_known) == (24, True)
    assert any("by a hash alone" in caution for caution in result.evaluation.cautions)


def test_a_classifier_without_its_run_has_no_drop_and_says_so(own_run, other_films, settings):
    result = carina.evaluate(own_run.classifier_dir, other_films, settings=settings)
    assert result.evaluation.against_internal is None
    (caution,) = (one for one in result.evaluation.cautions if "came without its run" in one)
    assert own_run.card.tested_on in caution


@pytest.mark.slow
@pytest.mark.nightly
def test_two_data_sets_of_one_name_are_both_kept(own_run, other_films, tmp_path, settings):
    again = shutil.copytree(other_films, tmp_path / "all")
    next((again / "NORMAL").iterdir()).unlink()
    for films in (other_films, again):
        carina.evaluate(own_run.folder, films, settings=settings)
    assert len(own_run.external_names()) == 2


@pytest.mark.slow
def test_films_of_a_class_that_the_classifier_lacks_are_counted(
    own_run, other_films, tmp_path, settings
):
    films = shutil.copytree(other_films, tmp_path / "films")
    shutil.copytree(films / "NORMAL", films / "Tuberculosis")
    result = carina.evaluate(own_run.folder, films, settings=settings)
    assert result.evaluation.data.n_images == 24
    assert result.evaluation.data.n_unlabelled == 8
    assert any("8 films of 'Tuberculosis'" in note for note in result.notes)


def test_data_without_any_class_of_the_classifier_is_refused(
    own_run, other_films, tmp_path, settings
):
    shutil.copytree(other_films / "NORMAL", tmp_path / "films" / "Tuberculosis")
    with pytest.raises(CarinaError, match=r"found: Tuberculosis.*labels\.rename") as caught:
        carina.evaluate(own_run.folder, tmp_path / "films", settings=settings)
    assert caught.value.exit_code == 2


@pytest.mark.slow
def test_labels_can_be_mapped_for_an_evaluation(own_run, other_films, tmp_path, settings):
    films = shutil.copytree(other_films, tmp_path / "films")
    (films / "NORMAL").rename(films / "healthy")
    words = ['labels.rename={healthy = "Normal"}']
    result = carina.evaluate(own_run.folder, films, set=words, settings=settings)
    assert result.evaluation.data.n_images == 24


def test_a_setting_that_an_evaluation_would_ignore_is_refused(own_run, other_films, settings):
    with pytest.raises(CarinaError, match="uses only the settings of labels and evaluate"):
        carina.evaluate(own_run.folder, other_films, set=["train.epochs=2"], settings=settings)


@pytest.mark.parametrize("setting", ["positive=Normal", "calibration=none", "abstain=0.1"])
def test_rules_of_the_classifier_cannot_be_set_for_a_test(tmp_path, settings, setting):
    with pytest.raises(RecipeError, match=r"resamples, seed and worst_errors; the rules are the"):
        carina.evaluate(tmp_path, tmp_path, set=[f"evaluate.{setting}"], settings=settings)


@pytest.fixture(scope="module")
def hospital(tmp_path_factory, phantom_films):
    """A manifest with patients, merged classes, and a run trained on it."""
    place = tmp_path_factory.mktemp("hospital")
    rows = []
    for part in ("train", "test"):
        for number, film in enumerate(sorted((phantom_films / part).rglob("*.png"))):
            label = film.parent.name
            patient = f"SECRETPATIENT{part}{number}"
            rows.append({"path": str(film), "label": label, "patient": patient, "split": part})
    write_manifest(place / "films.csv", rows)
    own: Settings = settings_in(place / "own")
    run = carina.train(
        place / "films.csv",
        set=[*QUICK, 'labels.merge={ill = ["COVID-19", "Pneumonia"]}', "evaluate.positive=normal"],
        out=place / "run",
        settings=own,
    )
    return run, own, place


def write_manifest(file, rows):
    with file.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=["path", "label", "patient", "split"])
        writer.writeheader()
        writer.writerows(rows)


@pytest.mark.slow
@pytest.mark.nightly
def test_the_classifiers_own_merging_of_labels_holds_in_an_evaluation(hospital, other_films):
    run, own, _ = hospital
    words = ["evaluate.resamples=100", "evaluate.seed=3"]
    result = carina.evaluate(run.classifier_dir, other_films, set=words, settings=own)
    assert result.evaluation.labels == ("Normal", "ill")
    assert result.evaluation.data.n_images == 24
    # what counts as positive is the classifier's, not that of a fresh recipe
    assert list(result.evaluation.decision_curves) == ["Normal"]


@pytest.mark.slow
def test_a_patient_of_the_training_is_known_by_the_keyed_hash(hospital, other_films, tmp_path):
    run, own, _ = hospital
    film = next((other_films / "NORMAL").iterdir())
    other = next((other_films / "Pneumonia").iterdir())
    rows = [
        {"path": str(film), "label": "Normal", "patient": "SECRETPATIENTtrain0", "split": ""},
        {"path": str(other), "label": "ill", "patient": "somebody-else", "split": ""},
    ]
    write_manifest(tmp_path / "new.csv", rows)
    result = carina.evaluate(run.classifier_dir, tmp_path / "new.csv", settings=own)
    assert not result.evaluation.data.external
    assert any("1 film, or their patients" in one for one in result.evaluation.cautions)


@pytest.mark.slow
def test_with_another_key_patient_overlap_cannot_be_checked(hospital, other_films, tmp_path):
    run, _, _ = hospital
    result = carina.evaluate(run.classifier_dir, other_films, settings=settings_in(tmp_path))
    assert any("cannot be checked" in one for one in result.evaluation.cautions)


@pytest.mark.slow
def test_patients_appear_nowhere_but_as_keyed_hashes(hospital):
    run, own, _place = hospital
    assert {row.patient for row in run.manifest} - {None}
    written = [*run.folder.rglob("*"), *own.cache_dir.rglob("*"), *own.config_dir.rglob("*")]
    for file in (file for file in written if file.is_file()):
        assert b"SECRETPATIENT" not in file.read_bytes(), file


def test_film_names_never_enter_classifier_cache_or_log(own_run, trained_run, phantom_films):
    cache = trained_run.folder.with_name("trained-own") / "cache"
    files = [*trained_run.classifier_dir.iterdir(), *cache.rglob("*"), trained_run.log_file]
    assert len(files) > 6
    for file in (file for file in files if file.is_file()):
        assert b"phantom-0" not in file.read_bytes(), file
