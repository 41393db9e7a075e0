"""Which films a training or a command scores heat maps on, and how many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from carina.data.lung_masks import lung_mask_file
from carina.domain.explanation import METHODS_WITH_MAPS, METHODS_WITHOUT_MAPS
from carina.domain.explanation_scores import ExplanationScores
from carina.domain.input_spec import InputSpec
from carina.domain.prediction import Prediction
from carina.domain.progress import Progress
from carina.domain.record import Record
from carina.domain.sentences import counted
from carina.errors import InputError
from carina.imaging.lung_masks import mask_on_grid, read_lung_mask
from carina.imaging.prepare import network_input
from carina.inference.classifier import Classifier
from carina.inference.explain import EXPLAINERS
from carina.inference.network_work import multiply_adds
from carina.workflows.explanation_scores import (
    IMAGES_PER_FILM,
    MAPS_PER_FILM,
    ExplainedFilm,
    score_explanations,
)
from carina.workflows.films import Films

MOST_FILMS, LEAST_FILMS = 8, 4
"""How many films a training scores maps on."""
BUDGET = 300_000_000_000
"""Multiplications that a training spends on it, beside those for the least films: seconds. Work
and not time is counted, so that the same training gives the same card."""
_RUNS_OF_HEAD = 2
"""By Grad-CAM, for each map: once forwards and once back."""
_LEFT_OUT = "a training has no time for it; carina explain RUN FILMS --scores scores every method"


def chosen_films(records: Sequence[Record], *, most: int) -> list[Record]:
    """Return some films to score maps on: each patient once if that gives enough, films with
    lung masks first, all classes in turn.

    Args:
        records: in an order that does not depend on their names.
        most: how many.
    """
    n_of_patient: Counter[str | None] = Counter()
    n_of_kind: Counter[tuple[int, bool, str | None]] = Counter()
    ranked = []
    for place in sorted(range(len(records)), key=lambda i: (records[i].lung_mask is None, i)):
        record = records[place]
        earlier = n_of_patient[record.patient] if record.patient else 0
        n_of_patient[record.patient] += 1
        without_mask = record.lung_mask is None
        turn = n_of_kind[earlier, without_mask, record.label]
        n_of_kind[earlier, without_mask, record.label] += 1
        ranked.append((earlier, without_mask, turn, record.label or "", place))
    return [records[place] for *_, place in sorted(ranked)[:most]]


def n_films_of_training(network: bytes, heads: Sequence[bytes]) -> int:
    """Return how many films a training scores maps on: fewer of a larger network.

    Args:
        network: bytes of `network.onnx`.
        heads: bytes of each head.
    """
    of_heads = [_RUNS_OF_HEAD * multiply_adds(head) for head in heads]
    work = IMAGES_PER_FILM * multiply_adds(network) + MAPS_PER_FILM * max(of_heads, default=0)
    return max(LEAST_FILMS, min(MOST_FILMS, BUDGET // max(1, work)))


def score_test_films(
    films: Films,
    answers: Sequence[Prediction],
    *,
    classifier: Classifier,
    folder: Path,
    progress: Progress,
) -> ExplanationScores:
    """Return the scores of a new classifier's usual heat maps on some films of its test part.

    Args:
        films: with the classifier's own classes.
        answers: on the test part; each film is explained for the class it is taken for.
        classifier: loaded from `folder`.
        folder: the classifier's own.
        progress: told as maps are scored.
    """
    predicted = {(answer.source, answer.path): answer.predicted for answer in answers}
    records = films.of("test")
    explanations = classifier.card.explanations
    method = (METHODS_WITH_MAPS if explanations else METHODS_WITHOUT_MAPS)[0]
    heads = {source.head for source in explanations.values()}
    n_films = n_films_of_training(
        (folder / "network.onnx").read_bytes(), [(folder / head).read_bytes() for head in heads]
    )
    chosen = chosen_films(records, most=n_films)
    pixels = films.scan.pixels
    assert pixels is not None  # open_films scans with an input spec
    spec = classifier.card.input
    explained = []
    for record in chosen:
        facts = films.scan.facts[record.key]
        explained.append(
            ExplainedFilm(
                image=network_input(pixels.levels([record.key]), spec)[0],
                label=predicted[record.source, record.path],
                sha256=facts.sha256,
                patient=record.patient,
                lungs=lungs_on_grid(record, (facts.height, facts.width), spec),
            )
        )
    found = score_explanations(
        classifier,
        folder,
        explained,
        methods=(method,),
        data=scored_in_words(explained, len(records), "of the test part"),
        progress=progress,
    )
    left_out = [name for name in EXPLAINERS.names() if name != method]
    return found.model_copy(update={"not_scored": dict.fromkeys(left_out, _LEFT_OUT)})


def lungs_on_grid(
    record: Record, shape: tuple[int, int], spec: InputSpec
) -> NDArray[np.bool_] | None:
    """Return a film's lungs bool `[height, width]` on the network's grid; None without a mask
    that fits.

    Args:
        record: may name a mask.
        shape: the film's pixel rows and columns.
        spec: the classifier's.
    """
    file = lung_mask_file(record)
    if file is None:
        return None
    try:
        mask = read_lung_mask(file, height=shape[0], width=shape[1])
    except InputError:
        return None
    return mask_on_grid(mask, spec)


def scored_in_words(films: Sequence[ExplainedFilm], n_available: int, where: str = "") -> str:
    """Return which films were scored, as a sentence's part.

    Args:
        films: the scored ones.
        n_available: films that they were chosen from.
        where: of which those are, or "".
    """
    n_masks = sum(film.lungs is not None for film in films)
    masks = f"{n_masks:,} of them with a lung mask" if n_masks else "none with a lung mask"
    of = " ".join(filter(None, (counted(n_available, "film"), where)))
    return f"{len(films):,} of {of}, {masks}"
