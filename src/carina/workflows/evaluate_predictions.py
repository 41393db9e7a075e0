"""Any tool's predictions, judged as a classifier of Carina's own is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from carina.data.foreign_predictions import (
    ForeignPredictions,
    PredictionColumns,
    read_foreign_predictions,
)
from carina.data.patients import load_patient_key
from carina.data.predictions import write_predictions
from carina.domain.evaluation import Evaluation
from carina.domain.progress import Progress, Step
from carina.domain.recipe import EvaluateSection, Recipe
from carina.errors import RecipeError
from carina.files.documents import write_document
from carina.files.names import printable
from carina.files.recipes import SettingWords, with_settings
from carina.runs import TestFolder
from carina.settings import Settings
from carina.workflows.audit import only
from carina.workflows.extras import require_extra
from carina.workflows.foreign_parts import (
    ForeignParts,
    cautions_of,
    parts_of,
    ruled,
    rules_of,
    without_trained,
)
from carina.workflows.places import claimed
from carina.workflows.progress_bar import default_progress
from carina.workflows.report import write_page

_ROOM = 20_000_000


@dataclass(frozen=True, slots=True)
class EvaluatedPredictions:
    """A test of any tool's predictions, and where it was written.

    Attributes:
        evaluation: its numbers.
        folder: holds `evaluation.json`, `predictions.csv` (of the tested films), `report.html`
            and `figures/`.
        notes: how the file was read: every guess, and what was left out.
    """

    evaluation: Evaluation
    folder: Path
    notes: tuple[str, ...]


def evaluate_predictions(
    predictions: str | Path,
    *,
    labels: str | Sequence[str] = (),
    positive: str = "",
    label_column: str | None = None,
    score_column: str | Sequence[str] = (),
    prediction_column: str | None = None,
    patient_column: str | None = None,
    column: Mapping[str, str] | None = None,
    logits: bool = False,
    normalise: bool = False,
    set: SettingWords = (),  # noqa: A002  the name of the command's option
    out: str | Path | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> EvaluatedPredictions:
    """Judge the predictions of any tool, and write numbers and page.

    The file is CSV with a row for each film: a truth, and a probability for each class
    (`p_<class>`), one score of two classes, or an answer. Columns that are not named are guessed
    by their names, and every guess is told. Rows of a part "validation" fit thresholds and
    prediction sets (and the calibration of logits), which the rows of the part "test" are then
    held to; without such rows nothing is fitted.

    Args:
        predictions: the file.
        labels: the classes, as "a,b" or several names; in the order of the numbers from 0
            where numbers stand for them.
        positive: of two classes the one that is looked for.
        label_column: the column of truths.
        score_column: the columns of scores, each as "COLUMN" or "CLASS=COLUMN".
        prediction_column: the column of the tool's answers; "" for none.
        patient_column: the column of patients, who are hashed at once; "" for none.
        column: other meanings (path, source, part, sex, view, age) -> columns; "" for none.
        logits: whether the scores are logits.
        normalise: whether to divide each row's scores by their sum.
        set: `evaluate.*` settings, as for a recipe.
        out: a new or empty folder; `runs/<time>-evaluate` if None.
        settings: keys and where runs go; from the environment if None.
        progress: called as the work goes on.

    Raises:
        UsageError: if the arguments contradict each other, or `out` is not empty.
        EvaluationError: if the file cannot be read or understood.
        RecipeError: if a setting is of another section, or the positive class is none.
        StorageError: if `out` cannot be written.
    """
    require_extra("study", needed_for="carina evaluate")
    progress = progress or default_progress()
    settings = settings or Settings.from_environment()
    file = Path(predictions)
    named = {"label": label_column, "prediction": prediction_column, "patient": patient_column}
    columns = PredictionColumns(
        named={key: said for key, said in named.items() if said is not None} | dict(column or {}),
        scores=(score_column,) if isinstance(score_column, str) else tuple(score_column),
        labels=tuple(_names(labels)),
        positive=positive,
        logits=logits,
        normalise=normalise,
    )
    section = with_settings(Recipe(), only(("evaluate",), set)).evaluate
    with claimed(out, settings=settings, name="evaluate", n_bytes=_ROOM) as folder:
        progress(Step("evaluating", 0, 3))
        key = load_patient_key(settings.config_dir, given=settings.patient_key)
        foreign = read_foreign_predictions(file, columns, patient_key=key)
        progress(Step("evaluating", 1, 3))
        section = _fitting(section, foreign, positive)
        evaluation, parts = _judged(printable(file.name), foreign, section)
        progress(Step("evaluating", 2, 3))
        write_predictions(folder / "predictions.csv", foreign.labels, parts.tested)
        write_document(folder / "evaluation.json", evaluation)
        write_page(TestFolder(folder))
        progress(Step("evaluating", 3, 3))
    return EvaluatedPredictions(evaluation, folder, foreign.notes)


def _names(labels: str | Sequence[str]) -> list[str]:
    every = labels.split(",") if isinstance(labels, str) else labels
    return [name for label in every if (name := label.strip())]


def _fitting(section: EvaluateSection, foreign: ForeignPredictions, asked: str) -> EvaluateSection:
    """Return the settings with the class that is looked for, where the user or the file says it.

    Raises:
        RecipeError: if it is none of the classes, or a threshold is to decide where the tool
            has decided.
    """
    from carina.evaluation.positives import require_known_positive

    if foreign.decided and section.decide_by != "highest":
        raise RecipeError(
            f"evaluate.decide_by = '{section.decide_by}': the file holds the tool's own answers, "
            "which count; to answer by its scores, pass them over with --prediction-column ''"
        )
    named = asked or section.positive or foreign.positive
    section = section.model_copy(update={"positive": named})
    require_known_positive(foreign.labels, section)
    return section


def _judged(
    name: str, foreign: ForeignPredictions, section: EvaluateSection
) -> tuple[Evaluation, ForeignParts]:
    """Return the numbers, and the parts with the tested films as the rules answer them."""
    from carina.evaluation.evaluate import evaluate as estimate
    from carina.evaluation.evaluate import evaluated_data, scored_films
    from carina.evaluation.subgroups import subgroups_of

    parts = parts_of(foreign)
    rules = rules_of(foreign, parts, section)
    parts = replace(parts, tested=ruled(parts.tested, foreign, rules))
    films = scored_films(
        foreign.labels, parts.tested, subgroups=subgroups_of(foreign.records, parts.tested)
    )
    if not foreign.from_logits:
        films = replace(films, logits=None)
    evaluation = estimate(
        films,
        data=evaluated_data(
            foreign.labels, parts.tested, name=name, part=parts.name, external=None
        ),
        classifier=name,
        section=section,
        rules=rules,
    )
    if evaluation.calibration is not None and not foreign.from_logits:
        given = evaluation.calibration.model_copy(update={"method": "as the file gives them"})
        evaluation = evaluation.model_copy(update={"calibration": given})
    if evaluation.abstention is not None and rules.abstention.rule == "never":
        own = evaluation.abstention.model_copy(update={"rule": _own_rule(evaluation)})
        evaluation = evaluation.model_copy(update={"abstention": own})
    cautions = (*cautions_of(foreign, parts, rules), *evaluation.cautions)
    return evaluation.model_copy(
        update={
            "without_leaks": without_trained(foreign.labels, parts, section),
            "cautions": (*cautions, *_worse_than_guessing(evaluation, foreign)),
            "notes": foreign.notes,
        }
    ), parts


def _own_rule(evaluation: Evaluation) -> str:
    """Return which films a tool answers, which has no gate that could be known of."""
    if evaluation.data.n_abstained:
        return "the tool's own, and the file names the films that it gives no answer to"
    return "every film gets an answer"


def _worse_than_guessing(evaluation: Evaluation, foreign: ForeignPredictions) -> tuple[str, ...]:
    """Return a doubt about the guessed positive class where the other one would fit better."""
    area = evaluation.metrics["roc_auc_macro"]
    if not foreign.positive or area.high is None or area.high >= 0.5:
        return ()
    return (
        f"The scores rank films of {foreign.positive} below the others: if they are the "
        f"probability of the other class, say so with --positive.",
    )
