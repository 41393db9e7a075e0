"""What a real run hands to the author of a paper: checklists, a model card, tables."""

import csv
import io

from carina.domain.report import Checklist
from carina.inference.bundle import load_classifier
from carina.reporting.checklists.items import tally_of
from carina.reporting.sections import SECTIONS
from making.model_card_heads import head_of


def test_a_real_run_fills_85_of_100_items_that_a_program_can_know(trained_run):
    section = SECTIONS.get("checklists").write(trained_run)
    items = [
        item
        for block in section.blocks
        if isinstance(block, Checklist)
        for _, group in block.sections
        for item in group
    ]
    tally = tally_of(items)
    assert len(items) == 96
    assert tally.share >= 0.85
    lacking = [f"{item.number} {item.topic}" for item in items if item.kind == "missing"]
    assert len(lacking) == tally.askable - tally.filled
    assert f"{tally.filled} of {tally.askable} items" in section.blocks[0].text


def test_the_classifier_carries_a_model_card_with_the_tests_numbers(trained_run):
    text = (trained_run.classifier_dir / "README.md").read_text(encoding="utf-8")
    (index,) = head_of(text)["model-index"]
    values = {metric["type"]: metric["value"] for metric in index["results"][0]["metrics"]}
    accuracy = trained_run.evaluation.metrics["accuracy"].value
    assert abs(values["accuracy"] - accuracy) < 1e-6
    assert "described parts" in text
    assert load_classifier(trained_run.classifier_dir).card.files["README.md"]


def test_the_command_prints_the_real_runs_table(carina_command, trained_run):
    code, out, _ = carina_command("report", trained_run.folder, "--table", "csv")
    rows = {row["metric"]: row for row in csv.DictReader(io.StringIO(out))}
    assert code == 0
    accuracy = trained_run.evaluation.metrics["accuracy"]
    assert float(rows["accuracy"]["value"]) == accuracy.value
    assert float(rows["accuracy"]["low"]) == accuracy.low
