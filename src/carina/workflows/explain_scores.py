"""`carina explain --scores`: every heat map method of a classifier, scored on films."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from carina.data import open_dataset
from carina.data.patients import load_patient_key
from carina.domain.audit import Unreadable
from carina.domain.explanation import METHODS_WITH_MAPS, METHODS_WITHOUT_MAPS
from carina.domain.explanation_scores import ScoredClassifier
from carina.domain.progress import Progress
from carina.domain.record import Record
from carina.errors import DatasetError, InputError, UsageError
from carina.files.documents import write_document
from carina.inference.bundle import classifier_folder, load_classifier
from carina.inference.classifier import Classifier
from carina.inference.explain import EXPLAINERS
from carina.settings import Settings
from carina.workflows.audit import data_list
from carina.workflows.explained_films import chosen_films, lungs_on_grid, scored_in_words
from carina.workflows.explanation_scores import ExplainedFilm, score_explanations
from carina.workflows.extras import require_extra
from carina.workflows.film_files import find_films
from carina.workflows.places import claimed
from carina.workflows.progress_bar import default_progress
from carina.workflows.reading import read_batches

N_FILMS = 24
"""How many films are scored if nobody says."""


@dataclass(frozen=True, slots=True)
class ExplanationsScored:
    """What scoring found, and where it was written.

    Attributes:
        found: the scores, as `explanation_scores.json` holds them.
        file: that file.
        unreadable: the files that are no readable films; they count nowhere.
    """

    found: ScoredClassifier
    file: Path
    unreadable: tuple[Unreadable, ...]

    def as_values(self) -> dict[str, Any]:
        """Return plain values, as `--json` prints them."""
        values: dict[str, Any] = self.found.model_dump()
        return {
            **values,
            "file": str(self.file),
            "unreadable": [file.model_dump() for file in self.unreadable],
        }


def explain_scores(
    classifier: str | Path,
    data: str | Path | Sequence[str | Path],
    *,
    methods: Sequence[str] = (),
    films: int = N_FILMS,
    label: str | None = None,
    out: str | Path | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> ExplanationsScored:
    """Score the heat maps of a classifier on some films, and write `explanation_scores.json`.

    Args:
        classifier: a classifier's folder, or a run.
        data: a data set, whose lung masks and patients then count, or films and folders of
            films.
        methods: registered explanation methods; all that the classifier can if empty.
        films: how many films at most: all classes in turn, those with lung masks first.
        label: the class to explain; the predicted one of each film if None.
        out: a new or empty folder; `runs/<time>-explain-scores` if None.
        settings: keys and where runs go; from the environment if None.
        progress: called as the work goes on.

    Raises:
        ClassifierError: if the classifier is damaged.
        InputError: if no film can be read.
        MissingExtraError: if the extra `study` is not installed.
        StorageError: if `out` cannot be written.
        UnknownNameError: if there is no such method or class.
        UsageError: if fewer than one film is asked for.
    """
    require_extra("study", needed_for="carina explain --scores")
    if films < 1:
        raise UsageError(f"scores need one film or more, and {films} were asked for")
    progress = progress or default_progress()
    settings = settings or Settings.from_environment()
    loaded = load_classifier(classifier)
    if label is not None:
        label = loaded.class_named(label)
    asked = tuple(methods) or _able(loaded)
    for name in asked:
        EXPLAINERS.get(name)  # an unknown one is named before any work
    records, names = records_of(data, settings)
    with claimed(out, settings=settings, name="explain-scores", n_bytes=1_000_000) as folder:
        chosen = chosen_films(records, most=films)
        explained, unreadable = films_to_explain(loaded, chosen, names, label)
        found = score_explanations(
            loaded,
            classifier_folder(Path(classifier)),
            explained,
            methods=asked,
            data=scored_in_words(explained, len(records)),
            progress=progress,
        )
        document = ScoredClassifier(
            name=loaded.card.name, classifier=loaded.digest, explanation_scores=found
        )
        file = folder / "explanation_scores.json"
        write_document(file, document)
    return ExplanationsScored(document, file, tuple(unreadable))


def _able(classifier: Classifier) -> tuple[str, ...]:
    """Return the methods that explain some class of a classifier, the usual one first."""
    if classifier.card.explanations:
        return METHODS_WITH_MAPS + METHODS_WITHOUT_MAPS
    return METHODS_WITHOUT_MAPS


def records_of(
    data: str | Path | Sequence[str | Path], settings: Settings
) -> tuple[list[Record], dict[str, str]]:
    """Return the films of DATA, as a data set if it is one, and how messages name them.

    Args:
        data: a data set, or films and folders of films.
        settings: the key that hashes patients.
    """
    try:
        key = load_patient_key(settings.config_dir, given=settings.patient_key)
        dataset = open_dataset(data_list(data), patient_key=key)
    except DatasetError:
        files = find_films(data).films
        records = [Record(path=film.name, source="", file=Path(film.file)) for film in files]
        return records, {record.key: record.path for record in records}
    ordered = sorted(dataset.records, key=lambda record: record.key)
    return ordered, {record.key: dataset.name_of(record) for record in ordered}


def films_to_explain(
    classifier: Classifier, records: Sequence[Record], names: dict[str, str], label: str | None
) -> tuple[list[ExplainedFilm], list[Unreadable]]:
    """Return the films as the network sees them, and the files that are none.

    Args:
        classifier: what is explained.
        records: the films.
        names: how messages name each, by record key.
        label: the class to explain; the predicted one of each film if None.

    Raises:
        InputError: if no film can be read.
    """
    unreadable: list[Unreadable] = []
    films: list[ExplainedFilm] = []
    named = ((record, record.file, names[record.key]) for record in records)
    for readable, radiographs in read_batches(named, unreadable):
        answers = classifier.answers(radiographs)
        for record, film, answer in zip(readable, radiographs, answers, strict=True):
            films.append(
                ExplainedFilm(
                    image=classifier.prepare(film),
                    label=label or answer.predicted,
                    sha256=film.sha256,
                    patient=record.patient,
                    lungs=lungs_on_grid(record, (film.height, film.width), classifier.card.input),
                )
            )
    if not films:
        raise InputError(f"none of the films can be read: {unreadable[0].message}")
    return films, unreadable
