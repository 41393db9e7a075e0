"""The numbers of simulated studies, with what candidate intervals can rest on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from covered.studies import Floats, Studies

_STEP = 1e-4
EPS = float(np.finfo(np.float64).eps)
LARGEST_SURPRISE = -float(np.log(EPS))

Confusion = Callable[[Floats], Floats]


@dataclass(frozen=True, slots=True, eq=False)
class Number:
    """One number of several studies; the first class is "the class".

    Attributes:
        name: scikit-learn's.
        kind: "proportion", "f1", "area", "precision-recall", "mean-of-classes",
            "correlation" or "mean".
        value: float64 `[studies]`; NaN where undefined.
        influence: float64 `[studies, patients]`: what each patient adds, to first order: the
            slope along the patient's weight. They sum to 0, their squares to the variance.
        draws: float64 `[studies, draws]`, with NaN.
        truth: the true value.
        highest: the largest value.
        hits, trials: float64 `[studies, patients]` of a proportion (of F1: of the share
            behind it); of an area, `trials` marks the patients of the class; else empty.
        few: the expected count of the rarer outcome; coverage may exceed the target below 20.
        classes: the numbers of each class that a mean is made of.
        counts: of an area: films and patients, `[4, studies]`: films of the class, others,
            patients with films of the class, patients with others.
        errors: of a mean: standard error in each draw, `[studies, draws]`.
        n_films: films of a study.
        imbalance: 1 over 4 s (1 - s), s the share of the smallest class, `[studies]`.
    """

    name: str
    kind: str
    value: Floats
    influence: Floats
    draws: Floats
    truth: float
    highest: float = 1.0
    few: float = np.inf
    hits: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    trials: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    classes: tuple[Number, ...] = ()
    counts: Floats = field(default_factory=lambda: np.zeros((4, 0)))
    errors: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    n_films: int = 0
    imbalance: Floats = field(default_factory=lambda: np.zeros(0))


def _ratio(above: Floats, below: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(below > 0, above / below, np.nan)


def proportion_masks(name: str, k: int, index: int = 0) -> tuple[Floats, Floats]:
    """Return which cells of the confusion matrix are hits and trials, float64 `[k, k]`."""
    truth, answer, both = np.zeros((3, k, k))
    truth[index], answer[:, index], both[index, index] = 1, 1, 1
    everything = np.ones((k, k))
    return {
        "accuracy": (np.eye(k), everything),
        "recall": (both, truth),
        "specificity": ((1 - truth) * (1 - answer), 1 - truth),
        "precision": (both, answer),
        "npv": ((1 - truth) * (1 - answer), 1 - answer),
        # the share behind F1: hits among films that are the class in truth or answer
        "f1": (both, np.maximum(truth, answer)),
    }[name]


def _recalls(cells: Floats) -> Floats:
    return _ratio(np.diagonal(cells, axis1=-2, axis2=-1), cells.sum(axis=-1))


def _precisions(cells: Floats) -> Floats:
    found = _ratio(np.diagonal(cells, axis1=-2, axis2=-1), cells.sum(axis=-2))
    return np.where(np.isnan(found), 0.0, found)


def _f1s(cells: Floats) -> Floats:
    both = np.diagonal(cells, axis1=-2, axis2=-1)
    return _ratio(2 * both, cells.sum(axis=-1) + cells.sum(axis=-2))


def _only_with_all_classes(cells: Floats, mean: Floats) -> Floats:
    return np.where((cells.sum(axis=-1) > 0).all(axis=-1), mean, np.nan)


def balanced_accuracy(cells: Floats) -> Floats:
    """Return the mean recall of cells `[..., k, k]`."""
    return _recalls(cells).mean(axis=-1)


def precision_macro(cells: Floats) -> Floats:
    """Return the mean precision, 0 where a class was not answered."""
    return _only_with_all_classes(cells, _precisions(cells).mean(axis=-1))


def f1_macro(cells: Floats) -> Floats:
    """Return the mean F1."""
    return _only_with_all_classes(cells, _f1s(cells).mean(axis=-1))


def f1_weighted(cells: Floats) -> Floats:
    """Return the mean F1, weighted by support."""
    support = cells.sum(axis=-1)
    return (np.nan_to_num(_f1s(cells)) * support).sum(axis=-1) / support.sum(axis=-1)


def matthews(cells: Floats) -> Floats:
    """Return Matthews' correlation of any number of classes (Gorodkin, Comput Biol Chem
    28 (2004) 367-374)."""
    total = cells.sum(axis=(-2, -1))
    truth, answer = cells.sum(axis=-1), cells.sum(axis=-2)
    above = np.trace(cells, axis1=-2, axis2=-1) * total - (truth * answer).sum(axis=-1)
    below = (total**2 - (truth**2).sum(axis=-1)) * (total**2 - (answer**2).sum(axis=-1))
    return _ratio(above, np.sqrt(np.maximum(below, 0)))


MEANS_OF: dict[str, tuple[Confusion, str]] = {
    "balanced_accuracy": (balanced_accuracy, "recall"),
    "precision_macro": (precision_macro, "precision"),
    "f1_macro": (f1_macro, "f1"),
}
OTHERS: dict[str, tuple[Confusion, str]] = {
    "f1_weighted": (f1_weighted, "other"),
    "matthews_corrcoef": (matthews, "correlation"),
}
PROPORTIONS = ("accuracy", "recall", "specificity", "precision", "npv", "f1")
KINDS = {
    **dict.fromkeys(PROPORTIONS, "proportion"),
    **dict.fromkeys(MEANS_OF, "mean-of-classes"),
    **{name: kind for name, (_, kind) in OTHERS.items()},
    "f1": "f1",
    "log_loss": "mean",
    "brier_score": "mean",
    "roc_auc": "area",
    "roc_auc_macro": "area-macro",
    "average_precision": "precision-recall",
    "average_precision_macro": "precision-recall-macro",
}


def numbers_of(
    studies: Studies, truths: Mapping[str, float], *, draws: int, rng: np.random.Generator
) -> Iterator[Number]:
    """Yield every number of these studies, with its true value (`true_values`); without draws
    if there are to be 0."""
    n_units = studies.starts.size
    weights = np.zeros((0, n_units), dtype=np.float32)
    if draws:
        weights = rng.multinomial(n_units, np.full(n_units, 1 / n_units), size=draws)
        weights = weights.astype(np.float32)
    yield from _of_confusion(studies, weights, truths)
    yield from _of_films(studies, weights, truths)
    yield from _of_ranks(studies, weights, truths)


def _drawn(tables: Floats, weights: np.ndarray) -> Floats:
    """Return sums float64 `[studies, draws, cells]` of `[studies, patients, cells]`."""
    s, p, c = tables.shape
    flat = tables.transpose(1, 0, 2).reshape(p, s * c).astype(np.float32)
    drawn = (weights @ flat).astype(np.float64).reshape(len(weights), s, c)
    return drawn.transpose(1, 0, 2)


def _of_confusion(
    studies: Studies, weights: np.ndarray, truths: Mapping[str, float]
) -> Iterator[Number]:
    k = studies.setting.n_classes
    cell = studies.y_true * k + studies.predicted
    tables = studies.per_patient(np.eye(k * k)[cell])
    totals = tables.sum(axis=1).reshape(-1, k, k)
    drawn = _drawn(tables, weights).reshape(len(tables), len(weights), k, k)

    def proportion(name: str, index: int = 0) -> Number:
        hit, trial = (mask.ravel() for mask in proportion_masks(name, k, index))
        hits, trials = tables @ hit, tables @ trial
        of = trials.sum(axis=1, keepdims=True)
        share = _ratio(hits.sum(axis=1, keepdims=True), of)
        flat = drawn.reshape(*drawn.shape[:2], k * k)
        value, draws = share[:, 0], _ratio(flat @ hit, flat @ trial)
        slope = np.ones_like(value)
        if name == "f1":
            slope, value, draws = 2 / (1 + value) ** 2, *(2 * x / (1 + x) for x in (value, draws))
        influence = (hits - share * trials) / np.maximum(of, 1) * slope[:, None]
        behind = float(np.nansum(hits) / max(np.nansum(trials), 1))
        few = float(of.mean()) * min(behind, 1 - behind)
        truth = truths[name] if index == 0 else np.nan
        kind = "f1" if name == "f1" else "proportion"
        return Number(name, kind, value, influence, draws, truth, few=few, hits=hits, trials=trials)

    smallest = np.maximum(totals.sum(axis=2).min(axis=1), 1) / studies.setting.n
    wrong = studies.setting.n * (1 - truths["accuracy"])
    for name in PROPORTIONS:
        yield proportion(name)
    for name, (measure, of_class) in (MEANS_OF | OTHERS).items():
        classes = (
            tuple(proportion(of_class, index) for index in range(k)) if (name in MEANS_OF) else ()
        )
        yield Number(
            name,
            "mean-of-classes" if name in MEANS_OF else of_class,
            measure(totals),
            _by_slope(measure, totals, tables),
            measure(drawn),
            truths[name],
            few=min(one.few for one in classes) if classes else wrong,
            classes=classes,
            n_films=studies.setting.n,
            imbalance=1 / (4 * smallest * (1 - smallest)),
        )


def _by_slope(measure: Confusion, totals: Floats, tables: Floats) -> Floats:
    """Return the patients' influence by the slopes of `measure` along each cell."""
    k = totals.shape[-1]
    step = _STEP * totals.sum(axis=(1, 2))
    slopes = np.zeros((len(totals), k * k))
    for cell in range(k * k):
        moved = np.zeros(k * k)
        moved[cell] = 1
        moved = moved.reshape(k, k) * step[:, None, None]
        # upwards only: a count of 0 cannot fall
        slopes[:, cell] = (measure(totals + moved) - measure(totals)) / step
    slopes -= (slopes * totals.reshape(len(totals), -1)).sum(axis=1, keepdims=True) / totals.sum(
        axis=(1, 2)
    )[:, None]
    return np.einsum("spc,sc->sp", tables, slopes)


def _of_films(studies: Studies, weights: np.ndarray, truths: dict[str, float]) -> Iterator[Number]:
    """Yield the means over films: log loss and Brier score."""
    own = np.take_along_axis(studies.probabilities, studies.y_true[..., None], axis=2)[..., 0]
    n_films = studies.per_patient(np.ones_like(own))
    n_wrong = studies.setting.n * (1 - truths["accuracy"])
    for name, per_film, highest in (
        ("log_loss", -np.log(np.clip(own, EPS, 1.0)), LARGEST_SURPRISE),
        ("brier_score", brier_of(studies.probabilities, studies.y_true), 2.0),
    ):
        sums = studies.per_patient(per_film)
        n = n_films.sum(axis=1)
        value = sums.sum(axis=1) / n
        influence = (sums - value[:, None] * n_films) / n[:, None]
        moments = np.stack([sums, n_films, sums**2, sums * n_films, n_films**2], axis=2)
        drawn = _drawn(moments, weights)
        means = drawn[..., 0] / drawn[..., 1]
        square = drawn[..., 2] - 2 * means * drawn[..., 3] + means**2 * drawn[..., 4]
        errors = np.sqrt(np.maximum(square, 0)) / drawn[..., 1]
        yield Number(
            name,
            "mean",
            value,
            influence,
            means,
            truths[name],
            highest=highest,
            few=n_wrong,
            errors=errors,
        )


def brier_of(probabilities: Floats, y_true: np.ndarray) -> Floats:
    """Return the sum over the classes of (p - y)^2, one a film; halved for two classes."""
    truth = np.eye(probabilities.shape[-1])[y_true]
    halves = 2 if probabilities.shape[-1] == 2 else 1
    return ((probabilities - truth) ** 2).sum(axis=-1) / halves


def _of_ranks(studies: Studies, weights: np.ndarray, truths: dict[str, float]) -> Iterator[Number]:
    """Yield areas and average precisions: of the class, and means over the classes."""
    k = studies.setting.n_classes
    areas, precisions = zip(*(_ranked(studies, weights, index) for index in range(k)), strict=True)
    for name, kind, numbers in (
        ("roc_auc", "area", areas),
        ("average_precision", "precision-recall", precisions),
    ):
        yield replace(numbers[0], name=name, kind=kind, truth=truths[name])
        yield Number(
            f"{name}_macro",
            f"{kind}-macro",
            np.mean([number.value for number in numbers], axis=0),
            np.mean([number.influence for number in numbers], axis=0),
            np.mean([number.draws for number in numbers], axis=0),
            truths[f"{name}_macro"],
            classes=numbers,
            few=min(number.few for number in numbers),
        )


def _ranked(studies: Studies, weights: np.ndarray, index: int) -> tuple[Number, Number]:
    """Return area and average precision of one class against the rest."""
    score = studies.probabilities[..., index]
    order = np.argsort(-score, axis=1)
    own = np.take_along_axis(studies.y_true == index, order, axis=1)
    found, called = np.cumsum(own, axis=1), np.arange(1, own.shape[1] + 1)[None, :]
    m, n = own.sum(axis=1), (~own).sum(axis=1)
    below = n[:, None] - (called - found)  # negatives below a film that is positive
    above = found  # positives above a film that is negative
    area = _ratio((below * own).sum(axis=1), m * n)
    with np.errstate(divide="ignore", invalid="ignore"):
        of_film = np.where(
            own,
            (below / n[:, None] - area[:, None]) / m[:, None],
            (above / m[:, None] - area[:, None]) / n[:, None],
        )
        precision = found / called
        average = (precision * own).sum(axis=1) / m
        # a further film changes the precision at every positive below it
        falls = np.cumsum((own * found / called**2)[:, ::-1], axis=1)[:, ::-1]
        rises = np.cumsum((own * (called - found) / called**2)[:, ::-1], axis=1)[:, ::-1]
        of_film_precision = np.where(own, precision - average[:, None] + rises, -falls) / m[:, None]
    units = studies.setting.units[order]
    back = np.argsort(order, axis=1)
    influence, influence_precision = (
        studies.per_patient(np.take_along_axis(each, back, axis=1))
        for each in (of_film, of_film_precision)
    )
    drawn_areas, drawn_precisions = _drawn_ranks(own, units, weights)
    is_own, is_other = _patients(studies, index)
    counts = np.stack([m, n, is_own.sum(axis=1), is_other.sum(axis=1)]).astype(np.float64)
    shared = {
        "few": float(np.minimum(counts[2], counts[3]).mean()),
        "counts": counts,
        "trials": is_own,
    }
    return (
        Number("", "", area, influence, drawn_areas, np.nan, **shared),
        Number("", "", average, influence_precision, drawn_precisions, np.nan, **shared),
    )


def _patients(studies: Studies, index: int) -> tuple[Floats, Floats]:
    """Return which patients have films of a class, and of others, `[studies, patients]`."""
    of_class = studies.per_patient((studies.y_true == index).astype(np.float64))
    of_others = studies.per_patient((studies.y_true != index).astype(np.float64))
    return (of_class > 0).astype(np.float64), (of_others > 0).astype(np.float64)


def _drawn_ranks(own: np.ndarray, units: np.ndarray, weights: np.ndarray) -> tuple[Floats, Floats]:
    """Return areas and average precisions float64 `[studies, draws]`, without ties."""
    shape = (len(own), len(weights))
    areas, precisions = np.full(shape, np.nan), np.full(shape, np.nan)
    if not len(weights):
        return areas, precisions
    for study, (positive, unit) in enumerate(zip(own, units, strict=True)):
        where = np.flatnonzero(positive)
        called = np.cumsum(weights[:, unit], axis=1)
        all_called = called[:, -1].astype(np.float64)
        called = called[:, where]
        own_weights = weights[:, unit[where]]
        found = np.cumsum(own_weights, axis=1)
        m = found[:, -1].astype(np.float64) if where.size else np.zeros(len(weights))
        n = all_called - m
        before = called - found  # negatives above
        areas[study] = _ratio(
            m * n - np.einsum("bp,bp->b", own_weights, before, dtype=np.float64), m * n
        )
        precision = found / np.maximum(called, 1)
        precisions[study] = _ratio(
            np.einsum("bp,bp->b", own_weights, precision, dtype=np.float64), m
        )
    return areas, precisions
