"""The gate that a training fits, where it is kept, and what it does in a run and after."""

import json

import numpy as np
import pytest

from carina.data.predictions import read_predictions
from carina.domain.gate import GateMeasures
from carina.domain.input_spec import InputSpec
from carina.domain.progress import silent
from carina.domain.recipe import Recipe
from carina.errors import ClassifierError
from carina.imaging import read_radiograph
from carina.imaging.digests import facts_and_sketch
from carina.inference.bundle import load_classifier
from carina.inference.gate import measure, measures_of_facts
from carina.inference.gate.reference import GATE_FILE
from carina.workflows.films import open_films
from carina.workflows.gate_pictures import CHANGES, changed
from carina.workflows.gating import gate_of
from making.classifiers import SIDE, write_tiny_classifier
from making.datasets import write_film, write_manifest_csv
from making.films import film_of


@pytest.fixture(scope="module")
def deployed(trained_run):
    return load_classifier(trained_run.folder)


@pytest.fixture(scope="module")
def test_films(phantom_films):
    return [read_radiograph(path) for path in sorted((phantom_films / "test").rglob("*.png"))]


def test_a_training_fits_a_gate_and_keeps_it_in_the_classifier(trained_run, deployed):
    gate = deployed.card.gate
    assert {check.measure for check in gate.checks} == {"picture", "layout", "pose", "features"}
    assert gate.file == GATE_FILE in deployed.card.files
    assert "72 training films and 24 validation films" in gate.fitted_on
    assert "input gate" in trained_run.log_file.read_text()
    assert "The input gate: fitted on" in (trained_run.classifier_dir / "README.md").read_text()


def test_input_statistics_are_deciles_of_the_training_films(deployed):
    statistics = deployed.card.input_statistics
    assert statistics.n_films == 72
    assert set(statistics.deciles) == {
        "mean_grey", "contrast", "sharpness", "picture", "layout", "features"
    }  # fmt: skip
    assert statistics.n_films_of["features"] == 24
    assert all(list(one) == sorted(one) and len(one) == 11 for one in statistics.deciles.values())


def test_recorded_predictions_are_those_of_films_read_alone(trained_run, deployed, test_films):
    _, recorded = read_predictions(trained_run.predictions_file("test"))
    known = {film.path.split("/")[-1]: film for film in recorded}
    for film in test_films[::4]:
        answer, own = deployed.predict(film), known[film.path.name]
        assert (answer.abstained, answer.reason) == (own.abstained, own.reason)


def test_a_film_measures_the_same_from_its_facts_as_read_alone(deployed, test_films):
    for film in test_films[:3]:
        scanned, alone = measures_of_facts(*facts_and_sketch(film)), measure(film)
        assert scanned == alone
        assert scanned.sketch.tobytes() == alone.sketch.tobytes()
    answers, measured = deployed.answers_and_measures(test_films[:3])
    assert [len(one.values) for one in measured] == [7] * 3
    assert [a.reason_code for a in answers] == [
        (found.code if (found := deployed.card.gate.judge(one)) else "") for one in measured
    ]


def test_laterals_that_a_table_names_make_no_frontal_gate(tmp_path, settings):
    rows = [
        {"path": f"{n}.png", "label": "AB"[n % 2], "view": "L" if n % 4 == 0 else "PA"}
        for n in range(48)
    ]
    for number, row in enumerate(rows):
        write_film(tmp_path / "films" / row["path"], number)
    data = write_manifest_csv(tmp_path / "films" / "films.csv", rows)
    recipe = Recipe(input=InputSpec(height=SIDE, width=SIDE))
    films = open_films([data], recipe, settings, silent)
    network = write_tiny_classifier(tmp_path / "tiny") / "network.onnx"
    fitted = gate_of(films, recipe.input, network=network.read_bytes())
    assert fitted.gate.checks
    assert not fitted.gate.is_frontal


def test_the_report_says_what_the_gate_refuses_of_the_test_films_made_into_other_pictures(
    trained_run,
):
    figures = trained_run.evaluation.gate
    assert {kind.kind for kind in figures.kinds} == set(CHANGES)
    assert figures.refused.n == 36
    assert figures.refused.value <= 0.12
    refused = [kind.refused.value for kind in figures.kinds]
    assert np.mean(refused) > 0.9
    page = trained_run.report_file.read_text()
    assert 'id="gate"' in page
    assert figures.sentence in page


def test_refused_films_count_in_abstention_and_stay_in_the_accuracy(trained_run):
    evaluation = trained_run.evaluation
    _, recorded = read_predictions(trained_run.predictions_file("test"))
    n_refused = sum(evaluation.gate.reasons.values())
    assert evaluation.data.n_abstained == sum(film.abstained for film in recorded) >= n_refused
    right = np.mean([film.predicted == film.label for film in recorded])
    assert evaluation.metrics["accuracy"].value == pytest.approx(right)


@pytest.mark.parametrize("kind", ["upside down", "blank", "a texture of its frequencies"])
def test_a_picture_that_is_no_film_gets_an_answer_without_a_decision(deployed, test_films, kind):
    rng = np.random.default_rng(0)
    answers = deployed.answers([changed(film, kind, rng) for film in test_films[:5]])
    assert [one.decision for one in answers] == [None] * 5
    assert all(one.reason and one.reason_code.startswith("gate/") for one in answers)
    assert all(one.probabilities for one in answers)


def test_a_classifier_without_a_fitted_gate_keeps_the_simple_one(tmp_path):
    tiny = load_classifier(write_tiny_classifier(tmp_path / "tiny"))
    film = film_of(np.random.default_rng(1).random((40, 40)), view="LL", colour_share=1.0)
    answers, measured = tiny.answers_and_measures([film])
    assert not answers[0].abstained
    assert measured[0].values == {}
    assert tiny.card.input_statistics.n_films == 0
    assert (
        tiny.answers_prepared(
            np.zeros((1, 1, 32, 32), np.float32),
            measures=[GateMeasures(30, 100, 0.5)],
            paths=["x"],
            cautions=[()],
            digests=[""],
        )[0].reason_code
        == "gate/shape"
    )


def test_a_changed_or_missing_gate_file_is_refused_by_its_digest(own_run):
    file = own_run.classifier_dir / GATE_FILE
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(bytes(data))
    with pytest.raises(ClassifierError, match=f"{GATE_FILE} was changed"):
        load_classifier(own_run.folder)
    card = json.loads((own_run.classifier_dir / "card.json").read_text())
    del card["files"][GATE_FILE]
    (own_run.classifier_dir / "card.json").write_text(json.dumps(card))
    with pytest.raises(ClassifierError, match="without a digest"):
        load_classifier(own_run.folder)
