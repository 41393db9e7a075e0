"""Predictions as a CSV file (the design's section 7)."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from carina.domain.prediction import Prediction
from carina.domain.record import PARTS
from carina.errors import EvaluationError
from carina.files.tables import read_table, write_table

_BEFORE = ("path", "source", "part", "patient", "label", "predicted")
_AFTER = ("abstained", "reason", "cautions")
_SEPARATOR = " | "


def prediction_columns(labels: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of a predictions file for these classes, in order.

    >>> prediction_columns(["COVID"])[5:8]
    ('predicted', 'p_COVID', 'logit_COVID')
    """
    probabilities = tuple(f"p_{label}" for label in labels)
    logits = tuple(f"logit_{label}" for label in labels)
    return (*_BEFORE, *probabilities, *logits, *_AFTER)


def prediction_row(prediction: Prediction) -> dict[str, object]:
    """Return one prediction as cells by column name.

    Numbers are written so that reading them gives the same float64 again.
    """
    cells: dict[str, object] = {
        "path": prediction.path,
        "source": prediction.source,
        "part": prediction.part or "",
        "patient": prediction.patient or "",
        "label": prediction.label or "",
        "predicted": prediction.predicted,
        "abstained": "true" if prediction.abstained else "false",
        "reason": prediction.reason,
        "cautions": _SEPARATOR.join(prediction.cautions),
    }
    cells.update({f"p_{name}": repr(float(p)) for name, p in prediction.probabilities.items()})
    cells.update({f"logit_{name}": repr(float(z)) for name, z in prediction.logits.items()})
    return cells


def write_predictions(path: Path, labels: Sequence[str], predictions: Iterable[Prediction]) -> None:
    """Write predictions as CSV, whole or not at all.

    Raises:
        StorageError: if there is no room or no permission.
    """
    write_table(path, prediction_columns(labels), (prediction_row(p) for p in predictions))


def read_predictions(path: Path) -> tuple[tuple[str, ...], list[Prediction]]:
    """Return the classes and the predictions of a file that `write_predictions` wrote.

    Raises:
        EvaluationError: if the file lacks columns or has cells that are no numbers; it
            names the line.
    """
    rows = read_table(path, error=EvaluationError)
    columns = tuple(rows[0]) if rows else ()
    labels = tuple(name[2:] for name in columns if name.startswith("p_"))
    missing = [name for name in prediction_columns(labels) if name not in columns]
    if rows and (missing or not labels):
        raise EvaluationError(
            f"{path} is not a predictions file of Carina: it has no column "
            f"{', '.join(repr(name) for name in missing) or 'p_<class>'} "
            f"(found: {', '.join(columns)})"
        )
    return labels, [
        prediction_of_row(row, labels, f"{path}, row {i}") for i, row in enumerate(rows, 1)
    ]


def prediction_of_row(row: Mapping[str, str], labels: Sequence[str], place: str) -> Prediction:
    """Return the prediction in a row's cells.

    Args:
        row: the cells by column name.
        labels: the classes.
        place: the row, for messages.

    Raises:
        EvaluationError: if a cell is no number where one is expected.
    """
    cautions = tuple(row["cautions"].split(_SEPARATOR)) if row["cautions"] else ()
    part = next((known for known in PARTS if known == row["part"]), None)
    return Prediction(
        path=row["path"],
        source=row["source"],
        part=part,
        patient=row["patient"] or None,
        label=row["label"] or None,
        predicted=row["predicted"],
        probabilities=_numbers(row, labels, "p_", place),
        logits=_numbers(row, labels, "logit_", place),
        abstained=row["abstained"] == "true",
        reason=row["reason"],
        reason_code=row.get("reason_code", ""),
        cautions=cautions,
        sha256=row.get("sha256", ""),
    )


def _numbers(
    row: Mapping[str, str], labels: Sequence[str], prefix: str, place: str
) -> dict[str, float]:
    cells = {label: row[prefix + label] for label in labels}
    if not any(cells.values()):
        return {}
    try:
        return {label: float(cell) for label, cell in cells.items()}
    except ValueError as error:
        raise EvaluationError(f"{place}: {prefix}<class> holds no number: {error}") from error
