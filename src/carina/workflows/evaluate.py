"""A classifier on films it was not trained on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from carina.data.manifest import ManifestRow, write_rows
from carina.data.patients import load_patient_key
from carina.data.predictions import write_predictions
from carina.domain.audit import Unreadable
from carina.domain.dataset import Dataset
from carina.domain.evaluation import Evaluation, WithoutLeaks
from carina.domain.external import AgainstInternal
from carina.domain.prediction import Prediction
from carina.domain.progress import Progress, Step
from carina.domain.recipe import EvaluateSection, Recipe
from carina.domain.record import Record
from carina.domain.sentences import counted, listed
from carina.errors import DatasetError, RecipeError, UsageError
from carina.files.digest_list import renew_digests
from carina.files.documents import write_document
from carina.files.owners import added_to, require_unowned
from carina.files.recipes import SettingWords, with_settings
from carina.imaging.digests import facts_and_sketch
from carina.inference.bundle import load_classifier
from carina.inference.classifier import Classifier
from carina.runs import Run, TestFolder, whole_run
from carina.settings import Settings
from carina.workflows.audit import data_list, only
from carina.workflows.extras import require_extra
from carina.workflows.labelled_for import labelled_for
from carina.workflows.places import claimed, file_word
from carina.workflows.progress_bar import default_progress
from carina.workflows.reading import read_batches
from carina.workflows.report import write_page

if TYPE_CHECKING:
    from carina.workflows.seen_films import AnsweredFilm, KnownFilm

# of the section `evaluate`; the rest is of rules, which the classifier has
_OF_A_TEST = ("resamples", "seed", "worst_errors")
_FILES = ("predictions.csv", "manifest.csv", "evaluation.json")


@dataclass(frozen=True, slots=True)
class ExternalTest:
    """An external test, and where it was written.

    Attributes:
        evaluation: its numbers.
        folder: holds `evaluation.json`, `predictions.csv`, `manifest.csv`, `report.html` and
            `figures/`, and `known.csv` where films were known from training.
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

    With a run as `classifier` the test stands beside the run's own, with the drop; it is
    also kept in the run (`external/NAME/`) and stands in its report from then on. Films that
    the classifier was made with are named in `known.csv`, and the numbers are given without
    them too.

    Args:
        classifier: a classifier's folder, or a run.
        data: folders, manifests or archives; several make one data set. Films of classes
            that the classifier does not have are counted as unlabelled;
            `--set labels.rename...` maps them.
        set: `labels.*` settings, as for a recipe, and `evaluate.resamples`, `evaluate.seed` and
            `evaluate.worst_errors`; the other settings of `evaluate` are the classifier's own.
        out: a new or empty folder; `runs/<time>-evaluate` if None.
        settings: keys and where runs go; from the environment if None.
        progress: called as the work goes on.

    Raises:
        ClassifierError: if the classifier is damaged.
        DatasetError: if the data cannot be opened or no film of it can be evaluated.
        RecipeError: if a setting is of another section, or of a rule of the classifier.
        UsageError: if another process writes to the run now.
        StorageError: if `out` cannot be written.
    """
    require_extra("study", needed_for="carina evaluate")
    from carina.workflows.seen_films import find_known, seen_films

    progress = progress or default_progress()
    settings = settings or Settings.from_environment()
    recipe = with_settings(Recipe(), _of_a_test(only(("labels", "evaluate"), set)))
    run = Run.open(classifier) if (Path(classifier) / "recipe.toml").is_file() else None
    if run is not None:  # told now, and not once all films are answered
        require_unowned(whole_run(run.folder), otherwise="")
    loaded = load_classifier(classifier)
    with claimed(out, settings=settings, name="evaluate", n_bytes=20_000_000) as folder:
        key = load_patient_key(settings.config_dir, given=settings.patient_key)
        dataset = labelled_for(loaded.labels, data_list(data), recipe.labels, patient_key=key)
        labelled = [record for record in dataset.records if record.label is not None]
        films, unreadable = _answer(loaded, dataset, labelled, progress)
        known, unchecked = find_known(
            films,
            seen_films(loaded, run, same_key=_same_key(loaded, dataset)),
            cache_dir=settings.cache_dir,
            progress=progress,
        )
        test = AnsweredTest(loaded, run, dataset, tuple(f.prediction for f in films), known)
        evaluation = external_numbers(test, recipe.evaluate, n_unreadable=len(unreadable))
        cautions = (*_cautions(test, evaluation), *unchecked, *evaluation.cautions)
        fingerprint = {"patient_key_fingerprint": dataset.patient_key_fingerprint}
        tested = evaluation.data.model_copy(update=fingerprint)
        evaluation = evaluation.model_copy(update={"cautions": cautions, "data": tested})
        _write(folder, test, evaluation)
        write_page(TestFolder(folder))
        if run is not None:
            with _held(run, folder):
                _keep_in_run(run, test, evaluation)
    left_out = (out.sentence for out in dataset.left_out)
    return ExternalTest(evaluation, folder, unreadable, (*dataset.notes, *left_out))


@dataclass(frozen=True, slots=True)
class AnsweredTest:
    """A test that was answered.

    Attributes:
        classifier: what answered.
        run: that made it, or None if it came without one.
        dataset: the films, unlabelled and unreadable ones too.
        predictions: one for each film that counts.
        known: those that the classifier was made or tested with.
    """

    classifier: Classifier
    run: Run | None
    dataset: Dataset
    predictions: tuple[Prediction, ...]
    known: tuple[KnownFilm, ...]


def _of_a_test(settings: Sequence[str]) -> Sequence[str]:
    """Return the settings if none is of a rule, which a test does not fit.

    Raises:
        RecipeError: naming the one that is.
    """
    for setting in settings:
        section, _, key = (part.strip() for part in setting.partition("=")[0].partition("."))
        if section == "evaluate" and key not in _OF_A_TEST:
            raise RecipeError(
                f"--set {setting}: of the section evaluate a test takes "
                f"{listed(_OF_A_TEST)}; the rules are the classifier's own, fitted when it was "
                "trained. Train with another setting to have others"
            )
    return settings


def _section(test: AnsweredTest, asked: EvaluateSection) -> EvaluateSection:
    """Return the section with the class that counts as positive to the classifier."""
    positive = test.run.recipe.evaluate.positive if test.run is not None else ""
    chosen = test.classifier.card.fitted.thresholds
    if chosen and len(test.classifier.labels.names) == 2:
        positive = chosen[0].label
    return asked.model_copy(update={"positive": positive})


def external_numbers(
    test: AnsweredTest, asked: EvaluateSection, *, n_unreadable: int
) -> Evaluation:
    """Return every number of a test, with those without known films and the internal ones.

    `carina evaluate` and `carina verify` call this one function.

    Args:
        test: the answers, and what is known of their films.
        asked: how many resamples, and their seed.
        n_unreadable: films that could not be read.
    """
    from carina.evaluation.evaluate import evaluate as estimate
    from carina.evaluation.evaluate import evaluated_data, scored_films
    from carina.evaluation.gate_figures import gate_figures
    from carina.evaluation.subgroups import subgroups_of
    from carina.workflows.known_films import without_known

    section = _section(test, asked)
    names, predictions, records = (
        test.classifier.labels.names,
        test.predictions,
        test.dataset.records,
    )
    n_unlabelled = sum(record.label is None for record in records)
    evaluation = estimate(
        scored_films(names, predictions, subgroups=subgroups_of(records, predictions)),
        data=evaluated_data(
            names,
            predictions,
            name=" + ".join(source.name for source in test.dataset.sources),
            part="all",
        ).model_copy(update={"n_unreadable": n_unreadable, "n_unlabelled": n_unlabelled}),
        classifier=test.classifier.digest,
        section=section,
        rules=test.classifier.card.rules,
    )
    known = {film.key for film in test.known}
    without = without_known(
        names, predictions, known, section, known_how="known when the classifier was made or tested"
    )
    data = evaluation.data.model_copy(update={"external": _is_external(test, without)})
    gate = gate_figures(names, predictions, section)
    evaluation = evaluation.model_copy(
        update={"without_leaks": without, "data": data, "gate": gate}
    )
    return evaluation.model_copy(update={"against_internal": _beside_internal(test, evaluation)})


def _is_external(test: AnsweredTest, without: WithoutLeaks | None) -> bool | None:
    """Return whether most films are new to the classifier, and some of every class; None if
    it is not known what the classifier was trained on."""
    if test.classifier.card.provenance.is_imported:
        return None
    if without is None:
        return True
    return bool(without.metrics) and 2 * without.n_removed < len(test.predictions)


def _beside_internal(test: AnsweredTest, evaluation: Evaluation) -> AgainstInternal | None:
    """Return the internal test beside this one, or None where the classifier has none."""
    from carina.evaluation.external import INTERNAL_TEST, against_internal
    from carina.reporting.external_wording import drop_sentence

    if test.run is None or not evaluation.data.external:
        return None
    own = test.run.evaluation
    name = f"the held-out source {own.data.name}" if own.data.external else INTERNAL_TEST
    beside = against_internal(evaluation, own, name=name)
    if beside is None:
        return None
    return beside.model_copy(update={"sentence": drop_sentence(evaluation, beside)})


def _answer(
    classifier: Classifier, dataset: Dataset, records: Sequence[Record], progress: Progress
) -> tuple[list[AnsweredFilm], tuple[Unreadable, ...]]:
    """Return the classifier's answers to the records that can be read, and the others' files."""
    from carina.workflows.seen_films import AnsweredFilm

    answered: list[AnsweredFilm] = []
    unreadable: list[Unreadable] = []
    files = ((record, record.file, dataset.name_of(record)) for record in records)
    for readable, films in read_batches(files, unreadable):
        for record, film, answer in zip(readable, films, classifier.answers(films), strict=True):
            facts, sketch = facts_and_sketch(film)
            answered.append(AnsweredFilm(answer.of(record), facts, sketch))
        progress(Step("evaluating", len(answered) + len(unreadable), len(records)))
    if not answered:
        raise DatasetError(f"no film of the data can be read: {unreadable[0].message}")
    return answered, tuple(unreadable)


def _same_key(classifier: Classifier, dataset: Dataset) -> bool:
    """Return whether patients were hashed with one key, so that their hashes can be compared."""
    return classifier.card.provenance.patient_key_fingerprint == dataset.patient_key_fingerprint


def _cautions(test: AnsweredTest, evaluation: Evaluation) -> tuple[str, ...]:
    """Return what makes this less than a test on films that nobody had seen, beside its own."""
    from carina.workflows.seen_films import known_in_words

    cautions = []
    is_imported = test.classifier.card.provenance.is_imported
    if test.known and is_imported:
        were = "was" if len(test.known) == 1 else "were"
        cautions.append(
            f"{counted(len(test.known), 'film')} of this test {were} used when the classifier was "
            f"imported ({known_in_words(test.known)}; known.csv names them): they fitted its input "
            "gate, which gives an answer on more of them than on new films, and may have chosen "
            "its pixel scaling"
        )
    elif test.known:
        what = "this is no external test"
        if evaluation.data.external:
            what = "the numbers without them are the external ones"
        cautions.append(
            f"{counted(len(test.known), 'film')}, or their patients, were known when the "
            f"classifier was made or tested ({known_in_words(test.known)}; known.csv names "
            f"them): {what}"
        )
    if is_imported:
        cautions.append(
            "the classifier was imported, and what it was trained on is not known: films of this "
            "test, or their patients, may have trained it"
        )
    elif not _same_key(test.classifier, test.dataset):
        cautions.append(
            "patient overlap cannot be checked: the classifier's patients were hashed with "
            "another key"
        )
    if test.run is None:
        own = test.classifier.card.tested_on
        said = f"its card says: {own}" if own else "its card tells of no test"
        cautions.append(
            "the classifier came without its run, so that its internal numbers cannot be set "
            f"beside these; {said}"
        )
    return tuple(cautions)


def _write(folder: Path, test: AnsweredTest, evaluation: Evaluation) -> None:
    from carina.workflows.seen_films import write_known

    write_predictions(folder / "predictions.csv", evaluation.labels, test.predictions)
    write_rows(folder / "manifest.csv", _rows(test))
    if test.known:
        write_known(folder / "known.csv", test.known)
    write_document(folder / "evaluation.json", evaluation)


def _rows(test: AnsweredTest) -> list[ManifestRow]:
    """Return what identifies the films that count, in the order of their answers."""
    records = {record.key: record for record in test.dataset.records}
    rows = []
    for answer in test.predictions:
        record = records[f"{answer.source}/{answer.path}"]
        rows.append(
            ManifestRow(
                path=record.path,
                sha256=answer.sha256,
                label=record.label or "",
                patient=record.patient,
                source=record.source,
                split="test",
                duplicate_group=None,
                view=record.view,
                sex=record.sex,
                age_years=record.age_years,
            )
        )
    return rows


@contextmanager
def _held(run: Run, folder: Path) -> Iterator[None]:
    """Hold a run in the block.

    Raises:
        UsageError: if another process has begun to write to it, naming that one and the folder
            of the test.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(added_to(whole_run(run.folder)))
        except UsageError as error:
            raise UsageError(
                f"{error}; the test is whole in {folder}, and is kept in the run as well when it "
                "is evaluated again"
            ) from None
        yield


def _keep_in_run(run: Run, test: AnsweredTest, evaluation: Evaluation) -> None:
    """Keep a test in the run, under the data's name and digest, and build its page again."""
    name = f"{file_word(evaluation.data.name)}-{test.dataset.digest[:6]}"
    folder = run.external_dir / name
    _write(folder, test, evaluation)
    files = (*_FILES, "known.csv") if test.known else _FILES
    renew_digests(run.folder, [folder / file for file in files])
    write_page(run)
