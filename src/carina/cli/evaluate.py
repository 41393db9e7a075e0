"""`carina evaluate`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carina.cli.terminal import (
    SKIPPED,
    ClassifierArgument,
    DataArgument,
    JsonFlag,
    OutOption,
    SetOption,
    drawing,
    note,
    note_unreadable,
    number,
    percent,
    show,
    show_json,
    show_table,
)

if TYPE_CHECKING:
    from carina.domain.evaluation import Evaluation


_ORDER = ("accuracy", "balanced_accuracy", "roc_auc_macro", "average_precision_macro", "log_loss")


def evaluate(
    classifier: ClassifierArgument,
    data: DataArgument,
    *,
    set_: SetOption = None,
    out: OutOption = None,
    as_json: JsonFlag = False,
) -> int:
    """Test a classifier on other labelled films."""
    from carina.workflows.evaluate import evaluate as run

    with drawing(as_json=as_json) as progress:
        result = run(classifier, data, set=set_ or (), out=out, progress=progress)
    if as_json:
        show_json(result.evaluation.model_dump(mode="json"))
    else:
        show_evaluation(result.evaluation)
        for sentence in result.notes:
            note(sentence)
        show(f"written: {result.folder}")
    note_unreadable(result.unreadable)
    return SKIPPED if result.unreadable else 0


def show_evaluation(evaluation: Evaluation) -> None:
    """Print an evaluation: overall, per class, and the confusion matrix."""
    metrics = evaluation.metrics
    known = [name for name in _ORDER if name in evaluation.metrics]
    names = [*known, *(name for name in evaluation.metrics if name not in known)]
    show_table(
        ("metric", "value (95 % interval)"),
        [
            (name, number(metrics[name]) if name == "log_loss" else percent(metrics[name]))
            for name in names
        ],
        title=f"{evaluation.data.n_images} films of {evaluation.data.name}",
    )
    shares = ("precision", "recall", "specificity", "f1", "roc_auc", "average_precision")
    counts = ("support", "tp", "fp", "tn", "fn")
    classes = evaluation.per_class
    show_table(
        ("class against the rest", *classes),
        [
            *((name, *(percent(figures[name]) for figures in classes.values())) for name in shares),
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
    for caution in evaluation.cautions:
        note(f"caution: {caution}")
