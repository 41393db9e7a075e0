"""`carina verify`: what is checked without films, and what every kind of change is called."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from carina.data.manifest import read_manifest, write_rows
from carina.data.predictions import read_predictions, write_predictions
from carina.domain.gate import REASON_WORDS
from carina.errors import RunError
from carina.files.digest_list import DIGESTS, write_digests
from carina.runs import Run
from carina.version import VERSION
from carina.workflows.train import train
from carina.workflows.verify import verify
from carina.workflows.verifying.answers import compare_answers
from carina.workflows.verifying.findings import Verified
from carina.workflows.verifying.numbers import Recomputed, compare_numbers
from making.classifiers import write_tiny_classifier

NOWHERE = "no-such-folder"


@pytest.fixture(scope="module")
def elsewhere(trained_run, tmp_path_factory):
    """A function that copies the trained run, changes it, and verifies it without its films."""

    def changed(change, *, relisted=True):
        run = Run(Path(shutil.copytree(trained_run.folder, tmp_path_factory.mktemp("v") / "run")))
        change(run)
        if relisted:
            write_digests(run.folder)
        return verify(run.folder, [NOWHERE])

    return changed


def outcomes(found):
    return {(one.what, one.where): one.outcome for one in found.checks}


def test_an_untouched_run_without_its_films_is_the_same_and_says_what_it_needs(elsewhere):
    found = elsewhere(lambda run: None, relisted=False)
    assert found.is_same, found.differences
    assert found.films.n_recorded == found.films.n_skipped == 132
    assert outcomes(found)["answers", "predictions/test.csv"] == "not checked"
    assert outcomes(found)["numbers", "evaluation.json: explanation_scores"] == "not checked"
    assert found.largest_number_difference == 0
    assert found.digest


def test_a_changed_answer_is_found_even_where_the_list_was_written_again(elsewhere):
    def change(run):
        file = run.predictions_file("test")
        names, rows = read_predictions(file)
        other = next(name for name in names if name != rows[0].predicted)
        write_predictions(file, names, [replace(rows[0], predicted=other), *rows[1:]])

    found = elsewhere(change)
    assert [one.what for one in found.differences] == ["decisions"]
    assert found.differences[0].where.startswith("predictions/test.csv: ")
    assert outcomes(found)["numbers", "evaluation.json"] == "not checked"


def test_a_changed_number_is_named_by_its_place_in_the_file(elsewhere):
    def change(run):
        values = json.loads(run.evaluation_file.read_text(encoding="utf-8"))
        values["metrics"]["accuracy"]["low"] += 1e-6
        values["curves"]["roc"]["Normal"]["y"][1] += 1e-6
        run.evaluation_file.write_text(json.dumps(values), encoding="utf-8")

    found = elsewhere(change)
    assert {one.where for one in found.differences} == {
        "evaluation.json: metrics.accuracy.low",
        "evaluation.json: curves.roc.Normal.y[1]",
    }
    assert "evaluation.json: metrics.accuracy.low" in found._repr_html_()
    assert found.in_words == "2 differences: the run is not as it was recorded."


def test_a_changed_label_of_the_manifest_is_found(elsewhere):
    def change(run):
        rows = list(read_manifest(run.manifest_file))
        place = next(i for i, row in enumerate(rows) if row.split == "test")
        rows[place] = replace(rows[place], label="Pneumonia", patient="0123456789abcdef")
        write_rows(run.manifest_file, rows)

    found = elsewhere(change)
    assert {one.what for one in found.differences} == {"films"}


def test_a_damaged_file_is_a_difference_and_the_rest_is_still_checked(elsewhere):
    found = elsewhere(lambda run: run.evaluation_file.write_text("{", encoding="utf-8"))
    assert any("evaluation.json" in one.found for one in found.differences)
    assert outcomes(found)["classifier", "classifier"] == "same"


def test_a_run_without_a_list_is_checked_as_far_as_it_can_be(elsewhere):
    found = elsewhere(lambda run: (run.folder / DIGESTS).unlink(), relisted=False)
    assert found.is_same
    assert outcomes(found)["files", DIGESTS] == "not checked"
    assert found.digest == ""


def test_a_run_that_is_not_finished_is_no_matter_of_differences(own_run):
    (own_run.folder / DIGESTS).unlink()
    text = own_run.environment_file.read_text(encoding="utf-8")
    own_run.environment_file.write_text(text.replace('"finished"', '"training"'), encoding="utf-8")
    with pytest.raises(RunError, match="--resume"):
        verify(own_run.folder)


def test_a_record_that_was_made_to_say_that_the_run_goes_on_is_a_difference(own_run):
    text = own_run.environment_file.read_text(encoding="utf-8")
    own_run.environment_file.write_text(text.replace('"finished"', '"training"'), encoding="utf-8")
    found = verify(own_run.folder, NOWHERE)
    assert {one.where for one in found.differences} == {"environment.json"}
    with pytest.raises(RunError, match=r"it was finished, as its digests\.json tells"):
        train(resume=own_run.folder)


def test_a_classifier_alone_is_held_against_its_card(tmp_path, carina_command):
    folder = write_tiny_classifier(tmp_path / "classifier")
    assert verify(folder).is_same
    (folder / "seen.csv").write_bytes((folder / "seen.csv").read_bytes() + b"\n")
    code, out, _ = carina_command("verify", folder, "--json")
    assert code == 4
    assert "seen.csv was changed" in json.loads(out)["differences"][0]["found"]


@pytest.mark.parametrize(
    ("recorded", "again", "is_found"),
    [
        (0.25, 0.25 + 1e-12, False),
        (0.25, 0.25 + 1e-8, True),
        (1e12, 1e12 * (1 + 1e-12), False),
        (3, 4, True),
        (None, 0.0, True),
        (True, 1, True),
        (0.5, float("nan"), True),
        (0.5, "absent", True),
    ],
)
def test_numbers_are_the_same_up_to_rounding_alone(recorded, again, is_found):
    into = Verified()
    numbers = Recomputed("x.json", {"a": {"b": [recorded]}}, {"a": {"b": [again]}}, made_by=VERSION)
    compare_numbers(numbers, "", into)
    assert [one.where for one in into.differences] == ["x.json: a.b[0]"] * is_found


def test_an_answer_that_the_gate_now_refuses_is_no_matter_of_rounding(trained_run):
    from carina.inference.bundle import load_classifier

    classifier = load_classifier(trained_run.folder)
    rows = trained_run.predictions("test")[1]
    row = next(one for one in rows if not one.abstained)
    code = next(iter(REASON_WORDS))
    refused = replace(row, abstained=True, reason="too small", reason_code=code)
    key = f"{row.source}/{row.path}"
    into = Verified()
    compare_answers("t.csv", [row], again={key: refused}, classifier=classifier, into=into)
    assert [one.where for one in into.differences] == [f"t.csv: {key}: answer"]
    moved = replace(row, probabilities={n: p + 2e-5 for n, p in row.probabilities.items()})
    into = Verified()
    compare_answers("t.csv", [row], again={key: moved}, classifier=classifier, into=into)
    assert [one.where for one in into.differences] == [f"t.csv: {key}: probabilities"]
    assert into.largest_probability_difference == pytest.approx(2e-5)


def test_a_network_that_rounds_roughly_may_move_as_far_as_its_card_says(trained_run):
    from carina.inference.bundle import load_classifier

    classifier = load_classifier(trained_run.folder)
    parity = {**classifier.card.parity, "float32_rounding": 3e-6, "accepted": 6e-5}
    card = classifier.card.model_copy(update={"parity": parity})
    rough = classifier.with_card(card, digest=classifier.digest)
    row = next(one for one in trained_run.predictions("test")[1] if not one.abstained)
    key = f"{row.source}/{row.path}"
    for moved_by, n_found in ((2e-5, 0), (7e-5, 1)):
        moved = replace(row, probabilities={n: p + moved_by for n, p in row.probabilities.items()})
        into = Verified()
        compare_answers("t.csv", [row], again={key: moved}, classifier=rough, into=into)
        assert len(into.differences) == n_found
    for moved_by, n_found in ((2e-4, 0), (9e-3, 1)):
        moved = replace(row, logits={n: x + moved_by for n, x in row.logits.items()})
        into = Verified()
        compare_answers("t.csv", [row], again={key: moved}, classifier=rough, into=into)
        assert len(into.differences) == n_found
