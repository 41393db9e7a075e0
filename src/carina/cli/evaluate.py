"""`carina evaluate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from carina.cli.prediction_options import (
    ColumnOption,
    LabelColumnOption,
    LabelsOption,
    LogitsFlag,
    NormaliseFlag,
    PatientColumnOption,
    PositiveOption,
    PredictionColumnOption,
    PredictionsOption,
    ScoreColumnOption,
)
from carina.cli.terminal import (
    CLASSIFIER_ARGUMENT,
    DATA_ARGUMENT,
    SKIPPED,
    JsonFlag,
    OutOption,
    SetOption,
    drawing,
    in_form,
    note,
    note_unreadable,
    show,
    show_json,
    show_table,
)
from carina.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from carina.domain.evaluation import Evaluation

_ORDER = ("accuracy", "balanced_accuracy", "roc_auc_macro", "average_precision_macro", "log_loss")


def evaluate(
    classifier: Annotated[str | None, CLASSIFIER_ARGUMENT] = None,
    data: Annotated[list[str] | None, DATA_ARGUMENT] = None,
    *,
    predictions: PredictionsOption = None,
    labels: LabelsOption = None,
    positive: PositiveOption = None,
    label_column: LabelColumnOption = None,
    score_column: ScoreColumnOption = None,
    prediction_column: PredictionColumnOption = None,
    patient_column: PatientColumnOption = None,
    column: ColumnOption = None,
    logits: LogitsFlag = False,
    normalise: NormaliseFlag = False,
    set_: SetOption = None,
    out: OutOption = None,
    as_json: JsonFlag = False,
) -> int:
    """Test a classifier on other labelled films, or judge any tool's predictions.

    Writes evaluation.json, predictions.csv and report.html.
    """
    columns = {
        "--labels": labels,
        "--positive": positive,
        "--label-column": label_column,
        "--score-column": score_column,
        "--prediction-column": prediction_column,
        "--patient-column": patient_column,
        "--column": column,
        "--logits": logits or None,
        "--normalise": normalise or None,
    }
    if predictions is None:
        _refuse_columns(columns)
        return _evaluate_films(*_films(classifier, data), set_=set_, out=out, as_json=as_json)
    if classifier is not None:
        raise UsageError(
            f"--predictions judges a file: CLASSIFIER and DATA ({classifier} ...) do not go with it"
        )
    from carina.workflows.evaluate_predictions import evaluate_predictions

    with drawing(as_json=as_json) as progress:
        result = evaluate_predictions(
            predictions,
            labels=labels or (),
            positive=positive or "",
            label_column=label_column,
            score_column=score_column or (),
            prediction_column=prediction_column,
            patient_column=patient_column,
            column=_meanings(column or ()),
            logits=logits,
            normalise=normalise,
            set=set_ or (),
            out=out,
            progress=progress,
        )
    _show(result.evaluation, result.notes, result.folder, as_json=as_json)
    return SKIPPED if result.evaluation.data.n_unreadable else 0


def _evaluate_films(
    classifier: str, data: list[str], *, set_: list[str] | None, out: str | None, as_json: bool
) -> int:
    from carina.workflows.evaluate import evaluate as run

    with drawing(as_json=as_json) as progress:
        result = run(classifier, data, set=set_ or (), out=out, progress=progress)
    _show(result.evaluation, result.notes, result.folder, as_json=as_json)
    note_unreadable(result.unreadable)
    return SKIPPED if result.unreadable else 0


def _films(classifier: str | None, data: list[str] | None) -> tuple[str, list[str]]:
    """Return CLASSIFIER and DATA.

    Raises:
        UsageError: if one is missing.
    """
    if classifier is None:
        raise UsageError(
            "name a CLASSIFIER and DATA, or the predictions of any tool with --predictions FILE"
        )
    if not data:
        raise UsageError(
            f"name the DATA on which {classifier} is to be tested, after it; predictions of "
            "another tool are judged with --predictions FILE"
        )
    return classifier, data


def _refuse_columns(columns: Mapping[str, object]) -> None:
    given = [name for name, said in columns.items() if said is not None]
    if given:
        raise UsageError(
            f"{', '.join(given)}: only for the columns of a file that --predictions names"
        )


def _meanings(words: Sequence[str]) -> dict[str, str]:
    """Return meaning -> column of "MEANING=NAME"."""
    pairs = [word.partition("=") for word in words]
    wrong = [meaning for meaning, mark, _ in pairs if not mark]
    if wrong:
        raise UsageError(f"--column {wrong[0]}: expected MEANING=NAME, as age=Years")
    return {meaning.strip(): name.strip() for meaning, _, name in pairs}


def _show(evaluation: Evaluation, notes: Sequence[str], folder: Path, *, as_json: bool) -> None:
    if as_json:
        show_json(evaluation.model_dump(mode="json"))
        return
    show_evaluation(evaluation)
    for sentence in notes:
        note(sentence)
    show(f"written: {folder}")


def show_evaluation(evaluation: Evaluation) -> None:
    """Print an evaluation: overall, per class, and the confusion matrix."""
    metrics = evaluation.metrics
    known = [name for name in _ORDER if name in evaluation.metrics]
    names = [*known, *(name for name in evaluation.metrics if name not in known)]
    show_table(
        ("metric", "value (95 % interval)"),
        [(name, in_form(name, metrics[name])) for name in names],
        title=f"{evaluation.data.n_images} films of {evaluation.data.name}",
    )
    shares = ("precision", "recall", "specificity", "f1", "roc_auc", "average_precision")
    counts = ("support", "tp", "fp", "tn", "fn")
    classes = evaluation.per_class
    show_table(
        ("class against the rest", *classes),
        [
            *((name, *(in_form(name, f[name]) for f in classes.values())) for name in shares),
            *(
                (name, *(f"{figures[name].value:.0f}" for figures in classes.values()))
                for name in counts
            ),
        ],
    )
    matrix = evaluation.confusion_matrix
    show_table(
        ("truth \\ answer", *matrix.labels),
        [(label, *map(str, row)) for label, row in zip(matrix.labels, matrix.counts, strict=True)],
    )
    if evaluation.without_leaks:
        note(evaluation.without_leaks.sentence)
    if evaluation.against_internal:
        show(evaluation.against_internal.sentence)
    for caution in evaluation.cautions:
        note(f"caution: {caution}")
