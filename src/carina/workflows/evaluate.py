"""A classifier on films it was not trained on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from carina.data import open_dataset
from carina.data.patients import load_patient_key
from carina.data.predictions import write_predictions
from carina.domain.audit import Unreadable
from carina.domain.dataset import Dataset
from carina.domain.evaluation import Evaluation
from carina.domain.prediction import Prediction
from carina.domain.progress import Progress, Step
from carina.domain.recipe import Recipe
from carina.domain.record import Record
from carina.errors import DatasetError, ImageError
from carina.files.documents import write_document
from carina.files.recipes import with_settings
from carina.imaging import read_radiograph
from carina.imaging.digests import pixel_digest
from carina.inference.bundle import load_classifier
from carina.inference.classifier import Classifier
from carina.runs import Run
from carina.settings import Settings
from carina.workflows.audit import data_list
from carina.workflows.extras import require_extra
from carina.workflows.places import claimed, new_folder, require_empty
from carina.workflows.progress_bar import default_progress
from carina.workflows.report import report

_BATCH = 16


@dataclass(frozen=True, slots=True)
class ExternalTest:
    """An external test, and where it was written.

    Attributes:
        evaluation: its numbers.
        folder: holds `evaluation.json` and `predictions.csv`.
        unreadable: films that could not be read, and count nowhere.
        notes: sentences on how the data was opened.
    """

    evaluation: Evaluation
    folder: Path
    unreadable: tuple[Unreadable, ...]
    notes: tuple[str, ...]


def evaluate(
    classifier: str | Path,
    data: str | Path | Sequence[str | Path],
    *,
    set: Sequence[str] = (),  # noqa: A002  the name of the command's option
    out: str | Path | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> ExternalTest:
    """Test a classifier on labelled films, and write the numbers and the predictions.

    With a run as `classifier` the test is also kept in the run (`external/NAME/`) and
    stands in its report from then on.

    Args:
        classifier: a classifier's folder, or a run.
        data: folders, manifests or archives; several make one data set. Labels that are
            not the classifier's are an error; `--set labels.rename...` maps them.
        set: `labels.*` and `evaluate.*` settings, as for a recipe.
        out: a new or empty folder; `runs/<time>-evaluate` if None.
        settings: keys and where runs go; from the environment if None.
        progress: called as the work goes on.

    Raises:
        ClassifierError: if the classifier is damaged.
        DatasetError: if the data cannot be opened or no film of it can be read.
        StorageError: if `out` cannot be written.
    """
    require_extra("study", needed_for="carina evaluate")
    from carina.evaluation.evaluate import evaluate as estimate
    from carina.evaluation.evaluate import evaluated_data, scored_films
    from carina.evaluation.subgroups import subgroups_of

    progress = progress or default_progress()
    settings = settings or Settings.from_environment()
    loaded = load_classifier(classifier)
    folder = require_empty(Path(out) if out else new_folder(settings, "evaluate"))
    recipe = with_settings(Recipe(), set)
    names = loaded.labels.names
    labels = recipe.labels.model_copy(update={"classes": recipe.labels.classes or names})
    with claimed(folder, n_bytes=20_000_000):
        key = load_patient_key(settings.config_dir, given=settings.patient_key)
        dataset = open_dataset(data_list(data), labels=labels, patient_key=key)
        labelled = [record for record in dataset.records if record.label is not None]
        if not labelled:
            raise DatasetError(
                "no film of the data has a label; an evaluation needs labelled films"
            )
        predictions, unreadable, n_seen = _answers(loaded, dataset, labelled, progress)
        evaluation = estimate(
            scored_films(names, predictions, subgroups=subgroups_of(labelled, predictions)),
            data=evaluated_data(
                names,
                predictions,
                name=" + ".join(source.name for source in dataset.sources),
                part="all",
                external=True,
            ).model_copy(
                update={
                    "n_unreadable": len(unreadable),
                    "n_unlabelled": len(dataset.records) - len(labelled),
                }
            ),
            classifier=loaded.digest,
            section=recipe.evaluate,
        )
        evaluation = evaluation.model_copy(
            update={"cautions": (*_cautions(n_seen, len(predictions)), *evaluation.cautions)}
        )
        _write(folder, evaluation, names, predictions)
        if (Path(classifier) / "recipe.toml").is_file():
            _keep_in_run(Run.open(classifier), evaluation, names, predictions)
    left_out = tuple(f"left out: {o.what}: {o.n_images} ({o.reason})" for o in dataset.left_out)
    return ExternalTest(evaluation, folder, tuple(unreadable), (*dataset.notes, *left_out))


def _answers(
    classifier: Classifier, dataset: Dataset, records: Sequence[Record], progress: Progress
) -> tuple[list[Prediction], list[Unreadable], int]:
    """Return a prediction for every readable record, the files that are not, and how many
    of the films the classifier was made with."""
    predictions: list[Prediction] = []
    unreadable: list[Unreadable] = []
    trained_on = {row["pixel_digest"] for row in classifier.seen}
    n_seen = 0
    for start in range(0, len(records), _BATCH):
        readable, films = [], []
        for record in records[start : start + _BATCH]:
            try:
                films.append(read_radiograph(record.file))
                readable.append(record)
            except ImageError as error:
                name = dataset.name_of(record)
                unreadable.append(Unreadable(path=name, code=error.image_code, message=str(error)))
        for record, answer in zip(readable, classifier.answers(films), strict=True):
            predictions.append(answer_for(record, answer))
        n_seen += sum(pixel_digest(film.pixels) in trained_on for film in films)
        progress(Step("evaluating", min(start + _BATCH, len(records)), len(records)))
    if not predictions:
        raise DatasetError(f"no film of the data can be read: {unreadable[0].message}")
    return predictions, unreadable, n_seen


def answer_for(record: Record, answer: Prediction) -> Prediction:
    """Return an answer with what the data set knows about its film."""
    return replace(
        answer,
        path=record.path,
        source=record.source,
        patient=record.patient,
        label=record.label,
    )


def _cautions(n_seen: int, n_films: int) -> tuple[str, ...]:
    if not n_seen:
        return ()
    return (
        f"{n_seen} of the {n_films} films were also trained on (the same film): "
        "this is no external test of them",
    )


def _write(
    folder: Path, evaluation: Evaluation, names: Sequence[str], predictions: Sequence[Prediction]
) -> None:
    write_predictions(folder / "predictions.csv", names, predictions)
    write_document(folder / "evaluation.json", evaluation)


def _keep_in_run(
    run: Run, evaluation: Evaluation, names: Sequence[str], predictions: Sequence[Prediction]
) -> None:
    word = "".join(c if c.isalnum() or c in "-_" else "-" for c in evaluation.data.name)[:60]
    _write(run.external_dir / (word or "data"), evaluation, names, predictions)
    report(run)
