"""A run and the one that repeats it, file by file and number by number."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from carina.domain.prediction import Prediction
from carina.domain.record import Part
from carina.domain.reproduction import (
    ComparedMetric,
    ComparedNumbers,
    ComparedPredictions,
    ComparedRun,
)
from carina.errors import RunError
from carina.evaluation.compared_numbers import compare_columns, compare_numbers, numbers_in
from carina.files.plain_json import parse_json
from carina.runs import Run

_SAME_BYTES = (
    "manifest.csv", "checkpoints/best.safetensors", "checkpoints/last.safetensors",
    "classifier/network.onnx", "classifier/seen.csv", "predictions/validation.csv",
    "predictions/test.csv", "predictions/folds.csv",
)  # fmt: skip
# The parts of a card that are fitted or measured; the rest tells of versions and digests.
_OF_THE_CARD = ("calibration", "thresholds", "abstention", "gate", "parity")
_PARTS: tuple[Part, ...] = ("validation", "test")


def compared_runs(original: Run, again: Run, name: str = "") -> list[ComparedRun]:
    """Return how a run and the one that repeats it differ, then their members.

    Args:
        original: the first one.
        again: the second one.
        name: what to call it; "" for a run that is no member.

    Raises:
        RunError: if a file that is compared is damaged.
    """
    found = [_compared(original, again, name)]
    for member in original.members:
        own = f"{name}/{member.name}" if name else member.name
        found += compared_runs(member, Run(again.members_dir / member.name), own)
    return found


def _compared(original: Run, again: Run, name: str) -> ComparedRun:
    same: list[str] = []
    other: list[str] = []
    for file in sorted({*_with_heads(original), *_with_heads(again)}):
        recorded, here = (_bytes_of(run.folder / file) for run in (original, again))
        # One that was removed from the first run is no proof that it would be the same.
        if recorded is not None or here is not None:
            (same if recorded == here else other).append(file)
    tables = [*_history(original, again), *_documents(original, again)]
    return ComparedRun(
        name=name,
        same_files=tuple(same),
        other_files=tuple(other),
        numbers=tuple(table for table in tables if table.n_differing),
        n_numbers=sum(table.n_values for table in tables),
        predictions=tuple(
            _predictions(original, again, part)
            for part in _PARTS
            if original.predictions_file(part).is_file()
        ),
        metrics=tuple(_metrics(original, again)),
        weights=0.0 if "checkpoints/best.safetensors" in same else _weights_apart(original, again),
        best_epoch=_best_epochs(original, again),
    )


def _with_heads(run: Run) -> list[str]:
    """Return the names of the files whose bytes should be the same."""
    heads = sorted(run.classifier_dir.glob("head*.onnx"))
    return [*_SAME_BYTES, *(f"classifier/{head.name}" for head in heads)]


def _bytes_of(file: Path) -> bytes | None:
    return file.read_bytes() if file.is_file() else None


def _history(original: Run, again: Run) -> list[ComparedNumbers]:
    """Return every column of the history but the seconds."""
    if not original.history_file.is_file():
        return []
    tables = [
        [{name: value for name, value in row.items() if name != "seconds"} for row in rows]
        for rows in (original.history, again.history if again.history_file.is_file() else [])
    ]
    return compare_columns("history.csv", *tables)


def _documents(original: Run, again: Run) -> Iterator[ComparedNumbers]:
    """Yield every section of `evaluation.json`, and of the card what is fitted."""
    recorded, here = (_plain(run.evaluation_file) for run in (original, again))
    for section in {**recorded, **here}:
        # What only one version writes is no number of the other.
        if section in recorded and section in here and section != "format_version":
            yield _section("evaluation.json", section, recorded, here)
    recorded, here = (_plain(run.classifier_dir / "card.json") for run in (original, again))
    for section in _OF_THE_CARD:
        if section in recorded and section in here:
            yield _section("card.json", section, recorded, here)


def _section(
    file: str, section: str, recorded: dict[str, Any], here: dict[str, Any]
) -> ComparedNumbers:
    return compare_numbers(
        f"{file}, {section}",
        dict(numbers_in(recorded[section], section)),
        dict(numbers_in(here[section], section)),
    )


def _plain(file: Path) -> dict[str, Any]:
    content = _bytes_of(file)
    if content is None:
        return {}
    values = parse_json(content, name=str(file), error=RunError)
    return values if isinstance(values, dict) else {}


def _predictions(original: Run, again: Run, part: Part) -> ComparedPredictions:
    recorded, here = (_answers(run, part) for run in (original, again))
    shared = recorded.keys() & here.keys()
    apart = [_probabilities_apart(recorded[key], here[key]) for key in shared]
    return ComparedPredictions(
        part=part,
        n_images=len(shared),
        n_differing=sum(one > 0 for one in apart),
        largest_difference=max(apart, default=0.0),
        changed_decisions=sum(
            (recorded[key].predicted, recorded[key].abstained)
            != (here[key].predicted, here[key].abstained)
            for key in shared
        ),
        only_one=len(recorded.keys() ^ here.keys()),
    )


def _answers(run: Run, part: Part) -> dict[str, Prediction]:
    if not run.predictions_file(part).is_file():
        return {}
    return {f"{answer.source}/{answer.path}": answer for answer in run.predictions(part)[1]}


def _probabilities_apart(a: Prediction, b: Prediction) -> float:
    names = {*a.probabilities, *b.probabilities}
    return max(
        (abs(a.probabilities.get(name, 0.0) - b.probabilities.get(name, 0.0)) for name in names),
        default=0.0,
    )


def _metrics(original: Run, again: Run) -> Iterator[ComparedMetric]:
    """Yield the test metrics that have a value in both runs, and not the same one."""
    if not again.evaluation_file.is_file():
        return
    recorded, here = original.evaluation.metrics, again.evaluation.metrics
    for name in recorded.keys() & here.keys():
        before, now = recorded[name], here[name]
        if before.value is not None and now.value is not None and before.value != now.value:
            yield ComparedMetric(
                name=name, recorded=before.value, here=now.value, low=before.low, high=before.high
            )


def _weights_apart(original: Run, again: Run) -> float | None:
    """Return the largest difference of the chosen epochs' weights, None if they are not alike."""
    from carina.models.weights import weights_of_file

    files = [run.checkpoints_dir / "best.safetensors" for run in (original, again)]
    if not all(file.is_file() for file in files):
        return None
    recorded, here = (weights_of_file(file)[0] for file in files)
    if {n: v.shape for n, v in recorded.items()} != {n: v.shape for n, v in here.items()}:
        return None
    return max(
        (
            float((recorded[n].double() - here[n].double()).abs().max())
            for n in recorded
            if recorded[n].numel()
        ),
        default=0.0,
    )


def _best_epochs(original: Run, again: Run) -> tuple[int, int] | None:
    epochs = []
    for run in (original, again):
        card = run.classifier_dir / "card.json"
        epochs.append(run.card.provenance.epoch if card.is_file() else 0)
    return (epochs[0], epochs[1]) if epochs[0] != epochs[1] else None
