"""How well the class of a film can be told without a look at the lungs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carina.auditing.confounder_wording import confounder_sentence
from carina.auditing.discriminant import Told, told_classes, whitened
from carina.auditing.relabelling import Relabelled, relabelled
from carina.auditing.signal import LabelledFilms
from carina.auditing.signals import SIGNALS
from carina.data.scan import FilmScan
from carina.domain.audit import Confounder
from carina.domain.dataset import Dataset
from carina.domain.progress import Progress, Step, silent
from carina.domain.record import Record
from carina.domain.sentences import listed
from carina.evaluation.intervals import Interval, wilson

# A recall of fewer is uncertain by a third, and drowns the other classes' recalls in its noise;
# where no two classes have as many, fewer must do.
_ENOUGH_GROUPS = 10
_FEWEST_GROUPS = 5
# Of every class, drawn by groups: an interval of one percent, and time that does not grow on.
_MOST_FILMS = 2_500
_MOST_IN_ALL = 6_000
# 399 deals: with the own labels 400, of which the best 10 are 2.5 %. Not 5 %: groups of unequal
# size are not quite equals in a deal (`benchmarks/planted_shortcuts.py` counts false alarms).
_DRAWS = 399
_FAMILY_ERROR = 0.025
# Of the way from guessing to certainty: 0.55 with two classes. Less is there to be found in large
# sets, but explains no accuracy that anybody would report.
_LEAST_SHARE = 0.1
# The spread of a balanced accuracy under dealt labels is at least this for the comparison of
# signals, so that one that differs in five films does not set the bar for all others.
_LEAST_SPREAD = 0.01
_SEED = 20_240_101


@dataclass(frozen=True, slots=True, eq=False)
class _Chosen:
    """The films that take part, with their classes and groups."""

    films: LabelledFilms
    classes: tuple[str, ...]
    y_true: NDArray[np.intp]
    groups: tuple[str, ...]


def find_confounders(
    dataset: Dataset, scan: FilmScan, *, groups: Mapping[str, str], progress: Progress = silent
) -> tuple[Confounder, ...]:
    """Return how well each signal tells the classes, the best first; also the low ones.

    Films are put into classes by a linear discriminant on the signal (`discriminant`), in five
    folds that part no group. Balanced accuracy is the mean of the classes' recalls over all
    folds. Its interval joins the classes' Wilson intervals (Zou and Donner's MOVER), with
    as many trials as a class has effective groups: `(sum of sizes)^2 / sum of sizes^2`, which
    takes the films of one group for one and the same.

    `tells` rests on dealing the labels anew, 399 times, among the groups of each fold: the own
    labels must beat what the best of all signals (each in units of its own spread under dealt
    labels) reaches in 97.5 % of deals: all signals together then give a false alarm in one data
    set of forty. That holds for small classes too, and takes along that cross-validation can
    fall below guessing where nothing is to be told. Besides, the interval must lie above
    guessing, and the value a tenth of the way from guessing to certainty.

    Args:
        dataset: the films; unlabelled and unreadable ones are passed over, and so are classes
            of fewer than ten groups (five, where no two classes have ten; `why_not` says so). Of
            classes with more than 2,500 films a part is drawn.
        scan: what the films told.
        groups: record key -> what cross-validation must not part (a patient, copies of one
            film); a film that is not in it is a group of its own.
        progress: told after every signal ("looking for shortcuts").

    Returns:
        Nothing if fewer than two classes have enough films; no signal that nothing is known of.

    References:
        Westfall & Young, Resampling-Based Multiple Testing (1993), section 2.3 (max statistic);
        Zou & Donner, Stat Med 27 (2008) 1693-1702 (MOVER).
    """
    rng = np.random.default_rng(_SEED)
    chosen = _chosen(dataset, scan, groups, rng)
    if chosen is None:
        return ()
    trial = relabelled(chosen.y_true, chosen.groups, draws=_DRAWS, rng=rng)
    told: dict[str, Told | None] = {}
    names = SIGNALS.names()
    for done, name in enumerate(names, start=1):
        columns = SIGNALS.get(name).measure(chosen.films)
        if columns is not None:
            described = whitened(columns)
            told[name] = told_classes(described, trial) if described.shape[1] else None
        progress(Step("looking for shortcuts", done, len(names)))
    beyond_luck = _beyond_luck({name: one for name, one in told.items() if one is not None})
    found = [
        _confounder(name, one, chosen, trial=trial, is_beyond_luck=name in beyond_luck)
        for name, one in told.items()
    ]
    return tuple(sorted(found, key=lambda one: (-one.balanced_accuracy, one.signal)))


@dataclass(frozen=True, slots=True)
class SignalAnswers:
    """The class that one signal alone gives films, each told by folds without it.

    Attributes:
        signal: its name.
        title: what it is, as in "from ... alone".
        answers: record key -> class, of the films that take part.
    """

    signal: str
    title: str
    answers: Mapping[str, str]


def answers_of_signals(
    dataset: Dataset, scan: FilmScan, signals: Collection[str], *, groups: Mapping[str, str]
) -> dict[str, SignalAnswers]:
    """Return what some signals alone make of each film, as `find_confounders` had it told.

    Films and folds are the same as there, so that the share of right answers is too.

    Args:
        dataset, scan, groups: as for `find_confounders`.
        signals: names of signals; one that nothing is known of is left out.
    """
    rng = np.random.default_rng(_SEED)
    chosen = _chosen(dataset, scan, groups, rng)
    if chosen is None:
        return {}
    trial = relabelled(chosen.y_true, chosen.groups, draws=0, rng=rng)
    found = {}
    for name in signals:
        signal = SIGNALS.get(name)
        columns = signal.measure(chosen.films)
        described = None if columns is None else whitened(columns)
        if described is None or not described.shape[1]:
            continue
        told = told_classes(described, trial).answers.tolist()
        keys = [record.key for record in chosen.films.records]
        answers = {key: chosen.classes[y] for key, y in zip(keys, told, strict=True)}
        found[name] = SignalAnswers(name, signal.title_for(chosen.films), answers)
    return found


def why_not(
    dataset: Dataset, scan: FilmScan, *, groups: Mapping[str, str] | None = None
) -> str | None:
    """Return which classes, or why none, were looked at for confounders; None if all were.

    Args:
        dataset, scan, groups: as for `find_confounders`.
    """
    by_class = _by_class(dataset, scan, groups or {})
    enough = _with_enough(by_class)
    if len(by_class) == 1:
        return f"all labelled films are of the class '{min(by_class)}': there is none to tell apart"
    few = [
        f"'{label}' ({_n_groups(own)} of them)"
        for label, own in by_class.items()
        if label not in enough
    ]
    if not enough:
        classes = f", too few of {listed(few)}" if few else ""
        return (
            f"no two classes have {_FEWEST_GROUPS} different patients or films{classes}: nothing "
            "can be cross-validated"
        )
    if few:
        return f"too few patients or films of {listed(few)} to say whether a shortcut tells them"
    return None


def _by_class(
    dataset: Dataset, scan: FilmScan, groups: Mapping[str, str]
) -> dict[str, list[tuple[Record, str]]]:
    """Return class -> its readable films, sorted by key, with their groups."""
    own: dict[str, list[tuple[Record, str]]] = defaultdict(list)
    for record in sorted(dataset.records, key=lambda record: record.key):
        if record.label is not None and record.key in scan.facts:
            own[record.label].append((record, groups.get(record.key, f"film {record.key}")))
    return {label: own[label] for label in dataset.labels.names if label in own}


def _n_groups(films: Sequence[tuple[Record, str]]) -> int:
    return len({group for _, group in films})


def _with_enough(
    by_class: Mapping[str, list[tuple[Record, str]]],
) -> dict[str, list[tuple[Record, str]]]:
    """Return the classes that take part: two and more, or none."""
    for fewest in (_ENOUGH_GROUPS, _FEWEST_GROUPS):
        enough = {label: own for label, own in by_class.items() if _n_groups(own) >= fewest}
        if len(enough) > 1:
            return enough
    return {}


def _chosen(
    dataset: Dataset, scan: FilmScan, groups: Mapping[str, str], rng: np.random.Generator
) -> _Chosen | None:
    by_class = _with_enough(_by_class(dataset, scan, groups))
    if not by_class:
        return None
    most = max(min(_MOST_FILMS, _MOST_IN_ALL // len(by_class)), 2 * _FEWEST_GROUPS)
    taken = [
        (record, group, number)
        for number, own in enumerate(by_class.values())
        for record, group in _drawn(own, most, rng)
    ]
    records = [record for record, _, _ in taken]
    sketches = scan.sketches.of([record.key for record in records]) if scan.sketches else None
    return _Chosen(
        films=LabelledFilms(records, [scan.facts[record.key] for record in records], sketches),
        classes=tuple(by_class),
        y_true=np.array([number for _, _, number in taken], dtype=np.intp),
        groups=tuple(group for _, group, _ in taken),
    )


def _drawn(
    films: Sequence[tuple[Record, str]], most: int, rng: np.random.Generator
) -> Sequence[tuple[Record, str]]:
    """Return all films, or whole groups of them with `most` films and hardly more."""
    if len(films) <= most:
        return films
    by_group: dict[str, list[tuple[Record, str]]] = defaultdict(list)
    for film in films:
        by_group[film[1]].append(film)
    names = list(by_group)
    drawn: list[tuple[Record, str]] = []
    for place in rng.permutation(len(names)):
        if len(drawn) >= most:
            break
        drawn += by_group[names[place]]
    return drawn


def _beyond_luck(told: Mapping[str, Told]) -> frozenset[str]:
    """Return the signals that tell more than the best one does in 97.5 % of deals."""
    if not told:
        return frozenset()
    values = np.stack([one.balanced_accuracy for one in told.values()])
    dealt = values[:, 1:]
    spread = dealt.std(axis=1, keepdims=True).clip(_LEAST_SPREAD)
    excess = (values - dealt.mean(axis=1, keepdims=True)) / spread
    best = excess[:, 1:].max(axis=0)
    own = excess[:, 0]
    as_good = (best[None] >= own[:, None] - 1e-9).sum(axis=1)
    chance = (1 + as_good) / (1 + best.size)
    return frozenset(
        name for name, p in zip(told, chance.tolist(), strict=True) if p <= _FAMILY_ERROR
    )


def _confounder(
    name: str, told: Told | None, chosen: _Chosen, *, trial: Relabelled, is_beyond_luck: bool
) -> Confounder:
    signal = SIGNALS.get(name)
    chance = 1 / len(chosen.classes)
    value = chance if told is None else float(told.balanced_accuracy[0])
    low, high = (chance, chance) if told is None else _interval(told, trial)
    matters = value - chance >= _LEAST_SHARE * (1 - chance)
    found = Confounder(
        signal=name,
        balanced_accuracy=round(value, 6),
        low=round(low, 6),
        high=round(high, 6),
        chance=round(chance, 6),
        n=len(chosen.films),
        tells=is_beyond_luck and matters and low > chance,
        in_pixels=signal.in_pixels,
    )
    sentence = confounder_sentence(
        found,
        signal=signal,
        title=signal.title_for(chosen.films),
        varies=told is not None,
        is_beyond_luck=is_beyond_luck,
    )
    return found.model_copy(update={"sentence": sentence})


def _interval(told: Told, trial: Relabelled) -> Interval:
    below = above = 0.0
    sizes, own = trial.unit_sizes.astype(np.float64), trial.labels[0]
    for y, recall in enumerate(told.recalls.tolist()):
        of_class = sizes[own == y]
        trials = float(of_class.sum() ** 2 / np.square(of_class).sum())
        low, high = wilson(recall * trials, trials)
        below += (recall - low) ** 2
        above += (high - recall) ** 2
    value = float(told.balanced_accuracy[0])
    n_classes = trial.n_classes
    return max(0.0, value - below**0.5 / n_classes), min(1.0, value + above**0.5 / n_classes)
