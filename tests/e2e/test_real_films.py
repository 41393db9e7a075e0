"""The main job on real films; skipped, with a word, where ../shared/data is absent."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

import carina
from carina.data import open_dataset
from carina.data.patients import PatientKey
from carina.imaging import read_radiograph
from carina.imaging.prepare import back_to_film
from carina.inference.bundle import load_classifier
from conftest import settings_in
from making.real_films import REAL_FILMS, needs_real_films

KEY = PatientKey(b"a key for the tests alone")

COUNTS = {
    "covid-dataset": {
        "train": {"Covid": 143, "Normal": 144},
        "validation": {"Covid": 29, "Normal": 30},
    },
    "covid19-image-dataset": {
        "train": {"Covid": 111, "Normal": 70, "Viral Pneumonia": 70},
        "test": {"Covid": 26, "Normal": 20, "Viral Pneumonia": 20},
    },
    "ieee8023": {"all": {"COVID-19": 308, "Normal": 8, "Pneumonia": 102, "Tuberculosis": 6}},
    "kermany": {"all": {"BacterialPneumonia": 324, "Normal": 450, "ViralPneumonia": 205}},
    "nih": {"all": {"No_findings": 226, "Pneumonia": 271}},
}


@needs_real_films
@pytest.mark.parametrize("name", COUNTS)
def test_every_real_layout_opens_with_its_counts(name):
    dataset = open_dataset([REAL_FILMS / name], patient_key=KEY)
    assert dataset.counts() == COUNTS[name]


@needs_real_films
def test_all_real_layouts_open_together_each_as_its_own_source():
    dataset = open_dataset([REAL_FILMS / name for name in COUNTS], patient_key=KEY)
    assert {source.name for source in dataset.sources} == set(COUNTS)
    wanted = sum(n for parts in COUNTS.values() for row in parts.values() for n in row.values())
    assert len([record for record in dataset.records if record.label]) == wanted


@needs_real_films
def test_the_film_under_two_patients_and_the_unlabelled_folder_are_told():
    chest = open_dataset([REAL_FILMS / "ieee8023"], patient_key=KEY)
    assert any("000003-4.jpg" in note for note in chest.notes)
    covid = open_dataset([REAL_FILMS / "covid-dataset"], patient_key=KEY)
    assert sum(out.n_images for out in covid.left_out) == 23


@pytest.fixture(scope="module")
def real_run(tmp_path_factory):
    """The described recipe on the described kind of folder, three epochs."""
    if not REAL_FILMS.is_dir():
        pytest.skip("../shared/data is absent: real films not tested")
    pytest.importorskip("torch")
    place = tmp_path_factory.mktemp("real")
    return carina.train(
        REAL_FILMS / "covid-dataset",
        recipe="two-conv",
        set=["train.epochs=3"],
        out=place / "run",
        settings=settings_in(place / "own"),
    )


@needs_real_films
@pytest.mark.nightly
def test_two_conv_learns_something_of_real_films(real_run):
    accuracy = real_run.evaluation.metrics["accuracy"]
    assert accuracy.n > 40
    assert accuracy.low > 0.5
    assert real_run.card.parity["max_probability_difference"] <= 1e-5


@needs_real_films
def test_the_described_leaks_of_the_covid_dataset_are_found(real_run):
    between = [leak for leak in real_run.audit.leaks if leak.parts == ("train", "validation")]
    assert sum(leak.kind == "identical-bytes" for leak in between) == 34


@needs_real_films
def test_grad_cam_from_the_head_equals_autograds_on_real_films(real_run):
    from carina.models.build import build_network
    from carina.models.gradients import grad_cam
    from carina.models.weights import weights_from_bytes

    classifier = load_classifier(real_run.folder)
    recipe = real_run.recipe
    network = build_network(recipe.network, spec=recipe.input, n_classes=2, seed=0)
    file = real_run.checkpoints_dir / "best.safetensors"
    network.load_state_dict(weights_from_bytes(file.read_bytes(), name=file.name)[0])
    compared = 0
    for film in sorted((REAL_FILMS / "covid-dataset" / "Prediction").iterdir())[::4]:
        radiograph = read_radiograph(film)
        prepared = classifier.prepare(radiograph)
        for index, label in enumerate(classifier.labels.names):
            wanted = grad_cam(network, prepared, class_index=index)
            if not wanted.any():
                continue
            # Over a film of the network's own size nothing is moved or cut.
            found = classifier.explain(replace(radiograph, pixels=prepared[0]), label).heat
            over_film = back_to_film(wanted, recipe.input, height=150, width=150)
            assert np.corrcoef(found.ravel(), over_film.ravel())[0, 1] >= 0.999
            compared += 1
    assert compared >= 6


@needs_real_films
def test_odd_files_among_real_ones_are_listed_and_the_others_answered(real_run, tmp_path):
    for film in sorted((REAL_FILMS / "dicom" / "chest").iterdir()):
        shutil.copy(film, tmp_path)
    whole = (REAL_FILMS / "dicom" / "chest" / "rsna-jpeg-baseline.dcm").read_bytes()
    (tmp_path / "cut-short.dcm").write_bytes(whole[:60_000])
    shutil.copy(next((REAL_FILMS / "nih" / "Pneumonia").iterdir()), tmp_path)
    result = carina.predict(real_run.folder, tmp_path)
    assert {file.code for file in result.unreadable} == {"damaged"}
    assert len(result.answers) == 5


@needs_real_films
def test_an_external_test_on_another_real_folder_stands_in_the_report(real_run, tmp_path):
    words = ['labels.drop=["Viral Pneumonia"]']
    result = carina.evaluate(
        real_run.folder,
        REAL_FILMS / "covid19-image-dataset",
        set=words,
        settings=settings_in(tmp_path),
    )
    assert result.evaluation.data.n_images == 137 + 90
    page = real_run.report_file.read_text()
    assert "On covid19-image-dataset" in page
