"""A classifier on films it was not trained on."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from carina.data import open_dataset
from carina.data.labels import spelling_key
from carina.data.patients import PatientKey, load_patient_key
from carina.data.predictions import write_predictions
from carina.domain.audit import Unreadable
from carina.domain.dataset import Dataset
from carina.domain.evaluation import Evaluation
from carina.domain.label_set import LabelSet
from carina.domain.prediction import Prediction
from carina.domain.progress import Progress, Step
from carina.domain.recipe import LabelsSection, Recipe
from carina.domain.record import Record
from carina.errors import DatasetError
from carina.files.documents import write_document
from carina.files.recipes import SettingWords, with_settings
from carina.imaging.digests import pixel_digest
from carina.inference.bundle import load_classifier
from carina.inference.classifier import Classifier
from carina.runs import Run
from carina.settings import Settings
from carina.workflows.audit import data_list, only
from carina.workflows.extras import require_extra
from carina.workflows.places import claimed, file_word
from carina.workflows.progress_bar import default_progress
from carina.workflows.reading import read_batches
from carina.workflows.report import report


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
    set: SettingWords = (),  # noqa: A002  the name of the command's option
    out: str | Path | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> ExternalTest:
    """Test a classifier on labelled films, and write the numbers and the predictions.

    With a run as `classifier` the test is also kept in the run (`external/NAME/`) and
    stands in its report from then on.

    Args:
        classifier: a classifier's folder, or a run.
        data: folders, manifests or archives; several make one data set. Films of classes
            that the classifier does not have are counted as unlabelled;
            `--set labels.rename...` maps them.
        set: `labels.*` and `evaluate.*` settings, as for a recipe.
        out: a new or empty folder; `runs/<time>-evaluate` if None.
        settings: keys and where runs go; from the environment if None.
        progress: called as the work goes on.

    Raises:
        ClassifierError: if the classifier is damaged.
        DatasetError: if the data cannot be opened or no film of it can be evaluated.
        RecipeError: if a setting is of another section.
        StorageError: if `out` cannot be written.
    """
    require_extra("study", needed_for="carina evaluate")
    from carina.evaluation.evaluate import evaluate as estimate
    from carina.evaluation.evaluate import evaluated_data, scored_films
    from carina.evaluation.subgroups import subgroups_of
    from carina.workflows.known_films import without_known

    progress = progress or default_progress()
    settings = settings or Settings.from_environment()
    recipe = with_settings(Recipe(), only(("labels", "evaluate"), set))
    loaded = load_classifier(classifier)
    run = Run.open(classifier) if (Path(classifier) / "recipe.toml").is_file() else None
    names = loaded.labels.names
    with claimed(out, settings=settings, name="evaluate", n_bytes=20_000_000) as folder:
        key = load_patient_key(settings.config_dir, given=settings.patient_key)
        dataset = _open_for(loaded, data_list(data), recipe.labels, key)
        labelled = [record for record in dataset.records if record.label is not None]
        answered = _answer(loaded, dataset, labelled, progress)
        known = _known_films(loaded, run, dataset, answered)
        predictions = answered.predictions
        evaluation = estimate(
            scored_films(names, predictions, subgroups=subgroups_of(labelled, predictions)),
            data=evaluated_data(
                names,
                predictions,
                name=" + ".join(source.name for source in dataset.sources),
                part="all",
                external=not known,
            ).model_copy(
                update={
                    "n_unreadable": len(answered.unreadable),
                    "n_unlabelled": len(dataset.records) - len(labelled),
                }
            ),
            classifier=loaded.digest,
            section=recipe.evaluate,
        )
        cautions = (*_cautions(loaded, dataset, len(known)), *evaluation.cautions)
        evaluation = evaluation.model_copy(
            update={
                "without_leaks": without_known(names, predictions, known, recipe.evaluate),
                "cautions": cautions,
            }
        )
        _write(folder, evaluation, names, predictions)
        if run is not None:
            _keep_in_run(run, dataset, evaluation, predictions)
    left_out = (out.sentence for out in dataset.left_out)
    return ExternalTest(evaluation, folder, answered.unreadable, (*dataset.notes, *left_out))


@dataclass(frozen=True, slots=True)
class _Answered:
    """What a classifier said of a data set's films.

    Attributes:
        predictions: one for each readable film.
        pixel_digests: theirs, in the same order.
        unreadable: the other files.
    """

    predictions: tuple[Prediction, ...]
    pixel_digests: tuple[str, ...]
    unreadable: tuple[Unreadable, ...]


def _open_for(
    classifier: Classifier,
    data: Sequence[str | Path],
    section: LabelsSection,
    patient_key: PatientKey,
) -> Dataset:
    """Return the data with the classifier's classes; films of other classes lose their label,
    and a note counts them."""
    names = classifier.labels.names
    own_name = {spelling_key(name): name for name in names}
    aliases = {**classifier.labels.aliases, **section.aliases}
    section = section.model_copy(update={"aliases": aliases, "classes": ()})
    dataset = open_dataset(data, labels=section, patient_key=patient_key)
    classes = {found: own_name.get(spelling_key(found)) for found in dataset.labels.names}
    counts = Counter(r.label for r in dataset.records if r.label and not classes[r.label])
    records = [replace(r, label=classes[r.label] if r.label else None) for r in dataset.records]
    if not any(record.label for record in records):
        raise DatasetError(
            f"no film of the data has a label of the classifier ({', '.join(names)}; found: "
            f"{', '.join(dataset.labels.names) or 'no labels'}); map labels with "
            "--set 'labels.rename={found = \"class\"}'"
        )
    notes = (
        f"{n} films of '{label}' were not evaluated: the classifier has no such class"
        for label, n in counts.items()
    )
    return replace(
        dataset,
        records=tuple(records),
        labels=LabelSet(names=names),
        notes=(*dataset.notes, *notes),
    )


def _answer(
    classifier: Classifier, dataset: Dataset, records: Sequence[Record], progress: Progress
) -> _Answered:
    """Return the classifier's answers to the records that can be read."""
    predictions: list[Prediction] = []
    digests: list[str] = []
    unreadable: list[Unreadable] = []
    files = ((record, record.file, dataset.name_of(record)) for record in records)
    for readable, films in read_batches(files, unreadable):
        digests.extend(pixel_digest(film.pixels) for film in films)
        for record, answer in zip(readable, classifier.answers(films), strict=True):
            predictions.append(answer.of(record))
        progress(Step("evaluating", len(predictions) + len(unreadable), len(records)))
    if not predictions:
        raise DatasetError(f"no film of the data can be read: {unreadable[0].message}")
    return _Answered(tuple(predictions), tuple(digests), tuple(unreadable))


def _known_films(
    classifier: Classifier, run: Run | None, dataset: Dataset, answered: _Answered
) -> frozenset[str]:
    """Return `source/path` of the films that the classifier was made or tested with: the same
    pixels, the same patient, or with a run the same file as one of its test part."""
    pixels = {row["pixel_digest"] for row in classifier.seen}
    files = {row.sha256 for row in run.manifest} if run is not None else set()
    patients = set()
    if _same_key(classifier, dataset):
        patients = {row["patient"] for row in classifier.seen if row["patient"]}
        patients |= {row.patient for row in run.manifest if row.patient} if run else set()
    return frozenset(
        f"{film.source}/{film.path}"
        for film, digest in zip(answered.predictions, answered.pixel_digests, strict=True)
        if digest in pixels or film.sha256 in files or film.patient in patients
    )


def _same_key(classifier: Classifier, dataset: Dataset) -> bool:
    """Return whether patients were hashed with one key, so that their hashes can be compared."""
    return classifier.card.provenance.patient_key_fingerprint == dataset.patient_key_fingerprint


def _cautions(classifier: Classifier, dataset: Dataset, n_known: int) -> tuple[str, ...]:
    """Return what makes this less than a test on films that nobody had seen."""
    cautions = []
    if n_known:
        cautions.append(
            f"{n_known} films, or their patients, were known when the classifier was made: this "
            "is no external test"
        )
    if not _same_key(classifier, dataset):
        cautions.append(
            "patient overlap cannot be checked: the classifier's patients were hashed with "
            "another key"
        )
    return tuple(cautions)


def _write(
    folder: Path, evaluation: Evaluation, names: Sequence[str], predictions: Sequence[Prediction]
) -> None:
    write_predictions(folder / "predictions.csv", names, predictions)
    write_document(folder / "evaluation.json", evaluation)


def _keep_in_run(
    run: Run, dataset: Dataset, evaluation: Evaluation, predictions: Sequence[Prediction]
) -> None:
    """Keep a test in the run, under the data's name and digest, and build its page again."""
    name = f"{file_word(evaluation.data.name)}-{dataset.digest[:6]}"
    _write(run.external_dir / name, evaluation, evaluation.labels, predictions)
    report(run)
