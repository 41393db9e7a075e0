"""How the network was trained, and how that went."""

from __future__ import annotations

from carina.domain.evaluation import Evaluation
from carina.domain.report import Block, Facts, Figure, Paragraph, Section, Table
from carina.domain.sentences import counted, listed
from carina.reporting.figures import SIZES, curves_drawing, svg
from carina.reporting.sections import section
from carina.reporting.sections.data import PART_TITLES
from carina.reporting.training_wording import LAYERS_TRAINED, augmentation_in_words
from carina.reporting.wording import (
    duration,
    interval_of,
    name_then_numbers,
    title_of,
    value_of,
)
from carina.runs import Run

_COMPARED = ("accuracy", "balanced_accuracy", "f1_macro", "roc_auc_macro", "log_loss")


@section("training", order=30)
def training(run: Run) -> Section:
    """Return the section on the training."""
    return Section(
        anchor="training",
        title="The training",
        blocks=(
            *(_stages(run) if run.recipe.stages else _one_training(run)),
            *_parts(run.evaluation),
            *_last_epoch(run.evaluation),
        ),
    )


def _one_training(run: Run, *, name: str = "curves") -> list[Block]:
    """Return what was trained and its curves; `name` is that of the drawing on the page."""
    return [Facts(_facts(run)), *_curves(run, name)]


def _stages(run: Run) -> list[Block]:
    """Return each stage of a cascade in its turn."""
    stages = run.stages
    blocks: list[Block] = [
        Paragraph(
            f"A cascade of {counted(len(stages), 'network')}, asked in turn; each is a run of its "
            "own below members/, with a report and a test of its own question. The probability "
            "of a class is the product of the answers that lead to it."
        )
    ]
    for number, stage in enumerate(stages, start=1):
        answers = listed(stage.card.labels.names)
        blocks.append(Paragraph(f"Stage {number}, {stage.name}: {answers}."))
        blocks.extend(_one_training(stage, name=f"curves-{number}"))
    return blocks


def _facts(run: Run) -> tuple[tuple[str, str], ...]:
    recipe, environment, provenance = run.recipe, run.environment, run.card.provenance
    train = recipe.train
    speed = environment.images_per_second
    stage = environment.seconds.get("training")
    facts = [
        ("Recipe", f"{recipe.name}: {recipe.purpose}" if recipe.purpose else recipe.name),
        (
            "Network",
            f"{provenance.architecture}, {counted(provenance.parameters, 'parameter')}",
        ),
        *([("Start weights", provenance.weights)] if provenance.weights else []),
        ("Layers trained", LAYERS_TRAINED[recipe.network.trained]),
        ("Epochs", f"{train.epochs}; epoch {provenance.epoch} was chosen by {train.choose_by}"),
        (
            "Optimiser",
            f"{train.optimizer}, learning rate {train.learning_rate:g}, batch {train.batch_size}",
        ),
        ("Class weighting", train.weighting),
        ("Augmentation", augmentation_in_words(recipe.augment)),
        ("Speed", f"{speed:,.0f} images a second" if speed else "not measured"),
    ]
    if stage is not None:
        facts.append(("Time", duration(stage)))
    return tuple(facts)


def _curves(run: Run, name: str) -> list[Block]:
    history = run.history
    if not history:
        return []
    chosen = run.card.provenance.epoch
    row = next((row for row in history if row["epoch"] == chosen), history[-1])
    numbers = (
        f"At the chosen epoch {chosen} the loss is {row['loss']:.3f} on training and "
        f"{row['val_loss']:.3f} on validation films, the accuracy {row['accuracy']:.3f} and "
        f"{row['val_accuracy']:.3f}."
    )
    return [
        Figure(
            svg=svg(curves_drawing(history, chosen), name=name, size=SIZES["curves"]),
            alt=f"Loss, accuracy and ROC AUC over {counted(len(history), 'epoch')}. {numbers}",
            caption=(
                "Loss, accuracy and ROC AUC over the epochs: the AUC as the mean of each class "
                "against the rest, and as Keras computes it, over all classes' probabilities in "
                "one row. Training "
                "values are measured while the network learns, with augmentation and dropout. "
                f"{numbers}"
            ),
        )
    ]


def _parts(evaluation: Evaluation) -> list[Block]:
    """Return loss and accuracy of the chosen epoch on each part."""
    if not evaluation.parts:
        return []
    rows = []
    for part, title in PART_TITLES.items():
        estimates = evaluation.parts.get(part)
        if estimates is None:
            continue
        cells = [
            cell
            for name in ("loss", "accuracy")
            for cell in (value_of(name, estimates[name]), interval_of(name, estimates[name]))
        ]
        rows.append((title, f"{estimates['accuracy'].n:,}", *cells))
    return [
        Table(
            columns=("Part", "Films", "Loss", "95 % interval", "Accuracy", "95 % interval"),
            rows=tuple(rows),
            caption="Loss and accuracy of the chosen epoch, without augmentation or dropout",
            align=name_then_numbers(5),
        )
    ]


def _last_epoch(evaluation: Evaluation) -> list[Block]:
    """Return the chosen epoch beside the last one, on the test part."""
    last = evaluation.last_epoch
    if last is None or last.epoch == last.best_epoch:
        return []
    rows = []
    for name in _COMPARED:
        if name not in last.metrics or name not in evaluation.metrics:
            continue
        cells = [
            cell
            for metrics in (evaluation.metrics, last.metrics)
            for cell in (value_of(name, metrics[name]), interval_of(name, metrics[name]))
        ]
        rows.append((title_of(name), *cells))
    return [
        Table(
            columns=(
                "On the test part",
                f"Epoch {last.best_epoch} (chosen)",
                "95 % interval",
                f"Epoch {last.epoch} (last)",
                "95 % interval",
            ),
            rows=tuple(rows),
            caption="The epoch that the validation part chose, beside the last one",
            align=name_then_numbers(4),
        )
    ]
