"""The classifier's README: a head that a YAML reader takes, and nothing made up below it."""

import pytest

from carina.domain.estimate import Estimate
from carina.domain.evaluation import WithoutLeaks
from carina.reporting.model_card import model_card
from carina.reporting.wording import value_of
from making.model_card_heads import head_of
from making.runs import ExampleRun, write_example_run

HOSTILE = ('<script>"a: b"</script>', "# | no\n- x", "Ünïcode 🫁 & \u2028\x07")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    example = ExampleRun(leaks=3, pictures=False)
    return write_example_run(tmp_path_factory.mktemp("example") / "run", example)


def card_of(run, **changes):
    known = {
        "recipe": run.recipe,
        "environment": run.environment,
        "audit": run.audit,
        "evaluation": run.evaluation,
    }
    return model_card(run.card, **{**known, **changes})


def test_the_head_has_what_the_hub_reads(run):
    head = head_of(card_of(run))
    assert head["library_name"] == "carina"
    assert head["pipeline_tag"] == "image-classification"
    assert head["license"] == "unknown"
    assert head["datasets"] == ["covid19-image-dataset"]
    assert {"accuracy", "f1", "roc_auc"} <= set(head["metrics"])
    assert "chest-x-ray" in head["tags"]


def test_the_model_index_has_the_tests_values_in_the_hubs_schema(run):
    (index,) = head_of(card_of(run))["model-index"]
    assert index["name"] == "two-conv"
    internal, without = index["results"]
    for result in (internal, without):
        assert result["task"]["type"] == "image-classification"
        assert {"type", "name", "split"} <= set(result["dataset"])
        assert all({"type", "value", "name"} == set(metric) for metric in result["metrics"])
    values = {metric["type"]: metric for metric in internal["metrics"]}
    accuracy = run.evaluation.metrics["accuracy"]
    assert values["accuracy"]["value"] == pytest.approx(accuracy.value, abs=1e-6)
    assert f"{accuracy.low:.3f} to {accuracy.high:.3f}, 66 films" in values["accuracy"]["name"]
    assert "without the films known from training" in without["dataset"]["name"]


def test_a_metric_without_a_value_is_not_in_the_index_and_says_why_below(run):
    reason = "a class has no film"
    metrics = {**run.evaluation.metrics, "f1_macro": Estimate.undefined(reason, n=66)}
    text = card_of(run, evaluation=run.evaluation.model_copy(update={"metrics": metrics}))
    assert "f1" not in head_of(text)["metrics"]
    assert f"not defined | {reason}" in text


def test_every_metric_stands_in_the_card_with_its_interval(run):
    text = card_of(run)
    for name, estimate in run.evaluation.metrics.items():
        assert value_of(name, estimate) in text
    assert "3 of 66 test films were known from training" in text
    assert "not for diagnosis" in text


def test_what_is_not_given_is_not_made_up(run):
    text = model_card(run.card)
    assert "model-index" not in head_of(text)
    assert "No test is recorded." in text
    assert "No audit is recorded." in text
    assert "Not recorded: only the author can say." in text
    assert "{" not in text.split("\n---\n", 1)[1]


def test_a_clean_audit_is_no_promise(run):
    audit = run.audit.model_copy(update={"findings": ()})
    evaluation = run.evaluation.model_copy(update={"without_leaks": None, "probes": {}})
    text = card_of(run, audit=audit, evaluation=evaluation)
    assert "neither leaks nor confounders in what it looks at" in text


def test_hostile_names_stay_text(tmp_path):
    example = ExampleRun(labels=HOSTILE, sources=HOSTILE, pictures=False)
    run = write_example_run(tmp_path / "run", example)
    text = card_of(run)
    head = head_of(text)
    assert head["model-index"][0]["results"][0]["dataset"]["name"] == " and ".join(HOSTILE)
    body = text.split("\n---\n", 1)[1]
    assert "<script>" not in body
    assert "\n- x" not in body
    rows = [line for line in body.splitlines() if line.startswith("| ")]
    assert all(row.endswith(" |") for row in rows)


def test_the_same_run_gives_the_same_card_whatever_it_took(run):
    slower = run.environment.model_copy(
        update={"seconds": {"training": 99.0}, "started": "2031-01-01T00:00:00+00:00"}
    )
    assert card_of(run) == card_of(run, environment=slower)


def test_leaks_with_nothing_left_are_told_without_numbers(run):
    nothing = WithoutLeaks(n_removed=66, metrics={}, sentence="all 66 test films were known")
    evaluation = run.evaluation.model_copy(update={"without_leaks": nothing})
    text = card_of(run, evaluation=evaluation)
    assert len(head_of(text)["model-index"][0]["results"]) == 1
    assert "All 66 test films were known." in text
