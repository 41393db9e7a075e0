"""Every heat map is scored: whether it shows what the network looks at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from carina.domain.explanation_scores import (
    IN_LUNGS,
    NO_LUNG_MASKS,
    ExplanationScores,
    MethodScores,
)
from carina.domain.progress import Progress, Step, silent
from carina.domain.softmax import log_softmax
from carina.errors import ClassifierError
from carina.evaluation.film_changes import changed, likeness_after
from carina.evaluation.heat_map_estimates import MapScores, heat_map_cautions, method_scores
from carina.evaluation.heat_maps import (
    REMOVED_SHARES,
    blurred,
    deletion_and_insertion,
    hottest_inside,
    likeness,
    random_like,
    share_inside,
)
from carina.imaging.prepare import back_to_film
from carina.inference.classifier import Classifier
from carina.inference.explain import EXPLAINERS
from carina.inference.shuffled_weights import Part, ShuffledClassifiers

N_RANDOM_MAPS = 2
"""Random maps that a map is held against, on each film."""
N_SHUFFLES = 2
"""Networks with shuffled weights: one for the first half of the films, one for the second."""
MAPS_PER_FILM = 6
"""Maps that are computed for the scores of one: its own, two of shuffled networks, and those of
the three changed films."""
IMAGES_PER_FILM = 2 + (1 + N_RANDOM_MAPS) * 2 * len(REMOVED_SHARES) + 6 + MAPS_PER_FILM
"""Images that the network sees for the scores of one map, beside what its method asks."""
_SEED = 20181

Heat = NDArray[np.float32]
Floats = Mapping[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class ExplainedFilm:
    """A film whose heat maps are scored.

    Attributes:
        image: float32 `[channels, height, width]`, as the classifier prepares it.
        label: the class that is explained.
        sha256: of the film's bytes; it seeds what is drawn for the film.
        patient: keyed hash of its patient, or None.
        lungs: bool `[height, width]`, where the lungs lie on `image`; None if not known.
    """

    image: NDArray[np.float32]
    label: str
    sha256: str
    patient: str | None = None
    lungs: NDArray[np.bool_] | None = None


def score_explanations(
    classifier: Classifier,
    folder: Path,
    films: Sequence[ExplainedFilm],
    *,
    methods: Sequence[str],
    data: str,
    progress: Progress = silent,
) -> ExplanationScores:
    """Return how far the maps of some explanation methods can be believed.

    Args:
        classifier: what is explained, loaded from `folder`.
        folder: the classifier's own; its weights are read again, to be shuffled.
        films: one or more.
        methods: registered explanation methods.
        data: which films they are, in words.
        progress: told after every map.

    Raises:
        UnknownNameError: if there is no such method.
    """
    shuffled = _Shuffled(classifier, folder, len(films))
    tallies = {method: _Tally() for method in methods}
    for number, film in enumerate(films):
        for place, (method, tally) in enumerate(tallies.items()):
            tally.add(_map_scores(_Case(classifier, film, method, shuffled, number)))
            done = number * len(tallies) + place + 1
            progress(Step("scoring heat maps", done, len(tallies) * len(films)))
    scored = {name: tally.scores(EXPLAINERS.get(name).title) for name, tally in tallies.items()}
    return ExplanationScores(
        data=data,
        methods=scored,
        cautions=tuple(c for one in scored.values() for c in heat_map_cautions(one)),
    )


@dataclass(slots=True)
class _Tally:
    """What the films of a method gave."""

    maps: list[MapScores] = field(default_factory=list)
    n_without_heat: int = 0
    n_not_explained: int = 0

    def add(self, found: MapScores | str) -> None:
        if isinstance(found, MapScores):
            self.maps.append(found)
        elif found == _NO_HEAT:
            self.n_without_heat += 1
        else:
            self.n_not_explained += 1

    def scores(self, title: str) -> MethodScores:
        return method_scores(
            self.maps,
            title=title,
            n_without_heat=self.n_without_heat,
            n_not_explained=self.n_not_explained,
        )


class _Shuffled:
    """The same classifier with its weights shuffled: once for the first films, and again for the
    later ones. Only the last of each part is kept, since a network may be large."""

    def __init__(self, classifier: Classifier, folder: Path, n_films: int) -> None:
        self._source = ShuffledClassifiers(classifier, folder)
        self._n_films = n_films
        self._made: dict[Part, tuple[int, Classifier]] = {}

    def of(self, part: Part, number: int) -> Classifier:
        turn = number * N_SHUFFLES // self._n_films
        if part not in self._made or self._made[part][0] != turn:
            self._made.pop(part, None)
            self._made[part] = turn, self._source.made(part=part, seed=_SEED + turn)
        return self._made[part][1]


@dataclass(frozen=True, slots=True)
class _Case:
    """One map to be scored: of one film, by one method.

    Attributes:
        classifier, film, method: what is explained, and how.
        shuffled: the classifier with shuffled weights.
        number: of the film.
    """

    classifier: Classifier
    film: ExplainedFilm
    method: str
    shuffled: _Shuffled
    number: int

    @property
    def index(self) -> int:
        """The number of the class that is explained."""
        return self.classifier.labels.index(self.film.label)

    def answer_of(self, classifier: Classifier) -> str:
        """Return the class that a shuffled classifier takes the film for, if it can be explained.

        What speaks against a class is not shown, and shuffled weights may answer anything: a
        map of the class that they speak against would be empty whatever the method shows.
        """
        logits = classifier.logits(self.film.image[None])[0]
        answer = classifier.labels.names[int(logits.argmax())]
        return answer if self.method in classifier.card.explained_by(answer) else self.film.label

    @property
    def rng(self) -> np.random.Generator:
        """What is drawn for the film; the same for every method."""
        return np.random.default_rng([_SEED, int(self.film.sha256[:12] or "0", 16)])

    def heat(self, classifier: Classifier, image: NDArray[np.float32], label: str) -> Heat:
        """Return the method's map of a class on the network's picture.

        Raises:
            ClassifierError: if it cannot be computed.
        """
        method, spec = EXPLAINERS.get(self.method), classifier.card.input
        found = method.explain(
            classifier.in_network(image, label), class_index=classifier.labels.index(label)
        )
        if not np.isfinite(found).all():
            raise ClassifierError("a heat map holds values that are no finite numbers")
        return back_to_film(found, spec, height=spec.height, width=spec.width)


_NO_HEAT = "no heat"
_NOT_EXPLAINED = "not explained"


def _map_scores(case: _Case) -> MapScores | str:
    """Return what a map is worth, or why there is none."""
    if case.method not in case.classifier.card.explained_by(case.film.label):
        return _NOT_EXPLAINED
    try:
        heat = case.heat(case.classifier, case.film.image, case.film.label)
    except ClassifierError:
        return _NOT_EXPLAINED
    if not heat.max(initial=0) > 0:
        return _NO_HEAT
    measures: tuple[Callable[[_Case, Heat], tuple[Floats, Mapping[str, str]]], ...] = (
        _faithfulness,
        _stability,
        _in_lungs,
        _randomisation,
    )
    scores: dict[str, float] = {}
    missing: dict[str, str] = {}
    for measure in measures:
        found, reasons = measure(case, heat)
        scores.update(found)
        missing.update(reasons)
    return MapScores(case.film.patient, scores, missing)


def _faithfulness(case: _Case, heat: Heat) -> tuple[Floats, Mapping[str, str]]:
    """Return deletion and insertion of the map, and of random ones beside it."""
    image = case.film.image
    blank = blurred(image)

    def probability(images: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.exp(log_softmax(case.classifier.logits(images)))[:, case.index]

    def areas(heat: Heat) -> tuple[float, float]:
        return deletion_and_insertion(heat, image, blank, probability=probability, ends=ends)

    rng = case.rng
    ends = whole, none = probability(np.stack([image, blank]))
    own = areas(heat)
    of_random = np.mean([areas(random_like(heat, rng=rng)) for _ in range(N_RANDOM_MAPS)], axis=0)
    deletion, insertion = own
    return {
        "probability": float(whole),
        "probability_blurred": float(none),
        "deletion": deletion,
        "deletion_random": float(of_random[0]),
        "insertion": insertion,
        "insertion_random": float(of_random[1]),
        "gain_over_random": float((insertion - deletion) - (of_random[1] - of_random[0])),
    }, {}


def _randomisation(case: _Case, heat: Heat) -> tuple[Floats, Mapping[str, str]]:
    """Return how alike the map and those of networks with shuffled weights are."""
    scores: dict[str, float] = {}
    missing: dict[str, str] = {}
    parts: tuple[Part, ...] = ("head", "network")
    for part in parts:
        name = f"likeness_{part}_shuffled"
        if part == "head" and case.film.label not in case.classifier.card.explanations:
            missing[name] = "not scored: the classifier brings no head for this class"
            continue
        try:
            shuffled = case.shuffled.of(part, case.number)
            other = case.heat(shuffled, case.film.image, case.answer_of(shuffled))
        except ClassifierError:
            missing[name] = "not scored: with shuffled weights the network gives no map"
        else:
            scores[name] = likeness(heat, other)
    return scores, missing


def _stability(case: _Case, heat: Heat) -> tuple[Floats, Mapping[str, str]]:
    """Return how alike the map and those of the film changed a little are."""
    changes = changed(case.film.image, rng=case.rng)
    answers = case.classifier.logits(np.stack([case.film.image, *changes.values()])).argmax(axis=1)
    scores: dict[str, float] = {}
    missing: dict[str, str] = {}
    for (name, image), answer in zip(changes.items(), answers[1:], strict=True):
        if answer != answers[0]:
            missing[name] = "not scored: the change altered the answer on every film"
        else:
            scores[name] = likeness_after(
                name, heat, case.heat(case.classifier, image, case.film.label)
            )
    return scores, missing


def _in_lungs(case: _Case, heat: Heat) -> tuple[Floats, Mapping[str, str]]:
    """Return where the heat lies, if it is known where the lungs are."""
    lungs = case.film.lungs
    if lungs is None or not lungs.any():
        return {}, dict.fromkeys(IN_LUNGS, NO_LUNG_MASKS)
    inside, even = share_inside(heat, lungs), float(lungs.mean())
    return {
        "heat_in_lungs": inside,
        "lungs_of_picture": even,
        "heat_above_even": inside - even,
        "hottest_in_lungs": float(hottest_inside(heat, lungs)),
    }, {}
