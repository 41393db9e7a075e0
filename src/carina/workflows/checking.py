"""Labelled films that an imported network is checked on, and that its gate is fitted to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from carina.data.patients import load_patient_key
from carina.domain.audit import Unreadable
from carina.domain.film_facts import FilmFacts
from carina.domain.gate import GateMeasures
from carina.domain.input_spec import InputSpec
from carina.domain.label_set import LabelSet
from carina.domain.pixel_scaling import PixelRule
from carina.domain.progress import Progress, Step
from carina.domain.recipe import Recipe
from carina.domain.record import Record
from carina.domain.softmax import log_softmax
from carina.errors import DatasetError
from carina.files.recipes import SettingWords, with_settings
from carina.imaging.digests import facts_and_sketch
from carina.imaging.prepare import network_input, prepare_levels
from carina.inference.foreign.answers import LOGITS
from carina.inference.foreign.graph import model_bytes
from carina.inference.foreign.opening import PIXELS, ForeignNetwork, scaled
from carina.inference.foreign.running import Session
from carina.inference.gate import measure
from carina.settings import Settings
from carina.workflows.audit import data_list, only
from carina.workflows.labelled_for import labelled_for
from carina.workflows.reading import read_batches

MOST_FILMS = 200
"""Films that are checked on, evenly over the classes; 18 scalings of them are tried."""
_BATCH = 16


@dataclass(frozen=True, slots=True, eq=False)
class LabelledFilms:
    """Labelled films, prepared for a network.

    Attributes:
        name: of the data.
        levels: uint16 `[n, height, width]`, as `prepare_levels` makes them.
        y_true: intp `[n]`; number of each film's class.
        patients: of each film its patient, or its own digest where that is unknown.
        measures: what a gate looks at.
        facts: what identifies each film.
        unreadable: films that could not be read.
        notes: sentences on how the data was opened.
    """

    name: str
    levels: NDArray[np.uint16]
    y_true: NDArray[np.intp]
    patients: tuple[str, ...]
    measures: tuple[GateMeasures, ...]
    facts: tuple[FilmFacts, ...]
    unreadable: tuple[Unreadable, ...]
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.levels)

    @property
    def units(self) -> NDArray[np.intp]:
        """Number of each film's patient."""
        found: NDArray[np.intp] = np.unique(self.patients, return_inverse=True)[1]
        return found.astype(np.intp)

    def prepared(self, spec: InputSpec) -> Iterator[NDArray[np.float32]]:
        """Yield the films as a network takes them, a few at a time."""
        for start in range(0, len(self), _BATCH):
            yield network_input(self.levels[start : start + _BATCH], spec)


def read_labelled(
    data: str | Path | Sequence[str | Path],
    labels: LabelSet,
    spec: InputSpec,
    *,
    set: SettingWords,  # noqa: A002  the name of the command's option
    settings: Settings,
    progress: Progress,
) -> LabelledFilms:
    """Return labelled films of a data set, at most `MOST_FILMS`, evenly over the classes.

    Args:
        data: folders, manifests or archives.
        labels: the classifier's.
        spec: how films are prepared.
        set: `labels.*` settings.
        settings: the patient key.
        progress: told as films are read.

    Raises:
        DatasetError: if no film has one of the classes, or none can be read.
    """
    section = with_settings(Recipe(), only(("labels",), set)).labels
    key = load_patient_key(settings.config_dir, given=settings.patient_key)
    dataset = labelled_for(labels, data_list(data), section, patient_key=key)
    labelled = [record for record in dataset.records if record.label is not None]
    chosen = _evenly(labelled, labels.names)
    unreadable: list[Unreadable] = []
    levels, measures, kept, facts = [], [], [], []
    files = ((record, record.file, dataset.name_of(record)) for record in chosen)
    for records, films in read_batches(files, unreadable):
        levels += [prepare_levels(film, spec) for film in films]
        measures += [
            replace(measure(film), view=record.view or film.view)
            for record, film in zip(records, films, strict=True)
        ]
        facts += [facts_and_sketch(film)[0] for film in films]
        kept += records
        progress(Step("reading films", len(kept) + len(unreadable), len(chosen)))
    if not kept:
        raise DatasetError(f"no film of the data can be read: {unreadable[0].message}")
    notes = list(dataset.notes)
    if len(chosen) < len(labelled):
        notes.append(
            f"{len(chosen)} of {len(labelled):,} labelled films were taken for the check, evenly "
            "over the classes"
        )
    return LabelledFilms(
        name=" + ".join(source.name for source in dataset.sources),
        levels=np.stack(levels),
        y_true=np.array([labels.index(record.label or "") for record in kept], dtype=np.intp),
        patients=tuple(
            record.patient or film.sha256 for record, film in zip(kept, facts, strict=True)
        ),
        measures=tuple(measures),
        facts=tuple(facts),
        unreadable=tuple(unreadable),
        notes=tuple(notes),
    )


class ScaledAnswers:
    """What a foreign network answers to films for one scaling of their pixels after the other."""

    def __init__(self, foreign: ForeignNetwork, films: LabelledFilms, spec: InputSpec) -> None:
        self._session = Session(model_bytes(foreign.graph))
        self._films = films
        self._spec = spec
        self._at_once = 1 if foreign.is_one_by_one else _BATCH

    def __call__(self, rule: PixelRule) -> NDArray[np.float64]:
        """Return probabilities float64 `[n, classes]`; a film without a finite answer gets the
        same for every class."""
        found = []
        for part in self._films.prepared(self._spec):
            pixels = scaled(part, rule)
            for start in range(0, len(pixels), self._at_once):
                one = pixels[start : start + self._at_once]
                found.append(self._session.run([LOGITS], PIXELS, one)[0])
        logits = np.concatenate(found).astype(np.float64)
        logits[~np.isfinite(logits).all(axis=1)] = 0
        return np.exp(log_softmax(logits))


def _evenly(records: Sequence[Record], names: Sequence[str]) -> list[Record]:
    """Return at most `MOST_FILMS` records: as many of each class, spread over the data's order."""
    share = MOST_FILMS // len(names)
    chosen: list[Record] = []
    for name in names:
        own = [record for record in records if record.label == name]
        places = np.linspace(0, len(own) - 1, min(len(own), share)).astype(int)
        chosen += [own[place] for place in places]
    return chosen
