"""A network and its films: the input gate, fitted; and what it refuses, counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from carina.data.grouping import group_by_patient_and_pixels
from carina.domain.gate import GateMeasures
from carina.domain.input_spec import InputSpec
from carina.domain.record import Record
from carina.imaging.prepare import network_input
from carina.inference.gate import measures_of_facts
from carina.inference.gate.fitting import BUDGET, FittedGate, GateFilms, fit_gate
from carina.inference.runtimes import RUNTIMES
from carina.workflows.films import Films

# A gate of more films is no better, and they are measured several times over.
_MOST_TRAINING, _MOST_VALIDATION = 4000, 2000
_BATCH = 32


def gate_of(films: Films, spec: InputSpec, *, network: bytes, budget: float = BUDGET) -> FittedGate:
    """Return a gate fitted to the films that a network learned from, and those that chose it.

    Where the validation films are the test films, as a described mistake has it, the gate does
    not see them.

    Args:
        films: what was learned from.
        spec: the network's.
        network: `network.onnx`.
        budget: the share of honest films that all fitted limits together may refuse.
    """
    records = [*_spread(films.of("train"), _MOST_TRAINING)]
    n_seen = len(records)
    if not films.split.validation_is_test:
        records += _spread(films.of("validation"), _MOST_VALIDATION)
    pixels = films.scan.pixels
    assert pixels is not None  # open_films scans with an input spec

    def levels(places: NDArray[np.intp]) -> NDArray[np.uint16]:
        return pixels.levels([records[place].key for place in places])

    names = films.dataset.labels.names
    return fit_gate(
        GateFilms(
            measures=_with_stated_views(scanned_measures(films, records), records),
            classes=[names.index(record.label) for record in records if record.label],
            groups=groups_of(films, records),
            is_new=np.arange(len(records)) >= n_seen,
            levels=levels,
            features=_features(network, spec, levels),
        ),
        budget=budget,
    )


def scanned_measures(films: Films, records: Sequence[Record]) -> list[GateMeasures]:
    """Return what the gate measures of films that were scanned, as of films read alone."""
    if not records:
        return []
    sketches = films.scan.sketches
    assert sketches is not None  # every scan makes them
    rows = sketches.of([record.key for record in records])
    return [
        measures_of_facts(films.scan.facts[record.key], sketch)
        for record, sketch in zip(records, rows, strict=True)
    ]


def _with_stated_views(
    measures: Sequence[GateMeasures], records: Sequence[Record]
) -> list[GateMeasures]:
    """Return the measures with the views that the data set names: a table knows of lateral films
    whose files do not, and then the classifier did not learn from frontal films alone."""
    return [
        replace(one, view=record.view or one.view)
        for one, record in zip(measures, records, strict=True)
    ]


def _spread(records: Sequence[Record], most: int) -> list[Record]:
    """Return at most so many records, evenly spread over their order, which is by content."""
    if len(records) <= most:
        return list(records)
    return [records[place] for place in np.linspace(0, len(records) - 1, most).astype(int)]


def groups_of(films: Films, records: Sequence[Record]) -> list[str]:
    """Return the same name for films of one patient, or of (nearly) one picture."""
    groups = group_by_patient_and_pixels(records, films.scan, films.near)
    facts = films.scan.facts  # named by content, so that other file names give the same gate
    group_of = {
        record.key: min(facts[own.key].sha256 for own in group)
        for group in groups
        for record in group
    }
    return [group_of[record.key] for record in records]


def _features(
    network: bytes, spec: InputSpec, levels: Callable[[NDArray[np.intp]], NDArray[np.uint16]]
) -> Callable[[NDArray[np.intp]], NDArray[np.float32]] | None:
    """Return what computes the network's features of films, or None where it gives none."""
    loaded = RUNTIMES.get("onnxruntime")(network, threads=0, precision="f32")
    if "features" not in loaded.outputs:
        return None

    def of(places: NDArray[np.intp]) -> NDArray[np.float32]:
        at_once = spec.films_at_once(_BATCH)
        found = [
            loaded.run(
                ["features"],
                {"image": network_input(levels(places[start : start + at_once]), spec)},
            )[0]
            for start in range(0, len(places), at_once)
        ]
        return np.concatenate(found)

    return of
