"""What keeps a fitted temperature, and a fitted vector, from running away on few films?

python benchmarks/calibration_fit.py

Films are drawn from a known model (normal in as many dimensions as classes), or are the
sample data of scikit-learn behind a small network; the logits are made too sure, too unsure
or odd. A rule is fitted on n films, and judged by its log loss on many others: printed is
the mean loss beyond that of the best temperature, in thousandths of a nat a film, and the
worst of 20 fits. The first table chooses the penalty of `fit_temperature`, the second the
spread of `fit_vector`, the third the fewest films.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from carina.domain.calibration import Calibration
from carina.domain.softmax import log_softmax
from carina.evaluation import scaling

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Draw = Callable[[int, np.random.Generator], tuple[Floats, Ints]]

GRID = np.geomspace(0.02, 50, 160)
FITS = 200
FILMS = (20, 40, 100, 400)


def normal_films(separation: float, factor: float, *, n_classes: int = 3, odd: float = 0) -> Draw:
    """Return how to draw logits, `factor` times the true ones, and with noise of spread `odd`."""

    def draw(n: int, rng: np.random.Generator) -> tuple[Floats, Ints]:
        y_true = rng.integers(n_classes, size=n)
        seen = rng.normal(size=(n, n_classes))
        seen[np.arange(n), y_true] += separation
        noise = odd * rng.standard_t(3, size=seen.shape)
        return factor * (separation * seen + noise), y_true

    return draw


def sample_films(name: str) -> Draw:
    """Return how to draw films that a small overtrained network has not seen."""
    from sklearn.datasets import load_breast_cancer, load_digits
    from sklearn.neural_network import MLPClassifier
    from sklearn.preprocessing import StandardScaler

    pixels, labels = (load_digits if name == "digits" else load_breast_cancer)(return_X_y=True)
    kept = labels < 3
    pixels, labels = StandardScaler().fit_transform(pixels[kept]), labels[kept]
    order = np.random.default_rng(0).permutation(labels.size)
    learn, rest = order[:60], order[60:]
    network = MLPClassifier((32,), alpha=0, max_iter=400, random_state=0, tol=0)
    network.fit(pixels[learn], labels[learn])
    logits = np.log(np.clip(network.predict_proba(pixels[rest]), 1e-30, 1))

    def draw(n: int, rng: np.random.Generator) -> tuple[Floats, Ints]:
        chosen = rng.choice(rest.size, size=n, replace=n > rest.size)
        return logits[chosen], labels[rest][chosen]

    return draw


SETTINGS: dict[str, Callable[[], Draw]] = {
    "honest": lambda: normal_films(2.0, 1.0),
    "three times too sure": lambda: normal_films(2.0, 3.0),
    "half as sure": lambda: normal_films(2.0, 0.5),
    "hardly an error": lambda: normal_films(4.0, 1.0),
    "hardly an error, too sure": lambda: normal_films(4.0, 3.0),
    "two classes, too sure": lambda: normal_films(2.0, 3.0, n_classes=2),
    "odd, too sure": lambda: normal_films(3.0, 2.0, odd=1.0),
    "digits 0 to 2": lambda: sample_films("digits"),
    "breast cancer": lambda: sample_films("breast cancer"),
}


def losses_on_grid(logits: Floats, targets: Floats) -> Floats:
    """Return the summed loss at each temperature of the grid."""
    return np.array([-(targets * log_softmax(logits / t)).sum() for t in GRID])


def hard(y_true: Ints, k: int) -> Floats:
    """Return the truth as it is."""
    return np.eye(k)[y_true]


def platt(y_true: Ints, k: int) -> Floats:
    """Return Platt's targets (1999): (n + 1) / (n + 2), the rest shared by the other classes."""
    n = np.bincount(y_true, minlength=k)[y_true]
    targets = np.repeat((1 / (n + 2) / (k - 1))[:, None], k, axis=1)
    targets[np.arange(y_true.size), y_true] = (n + 1) / (n + 2)
    return targets


def laplace(y_true: Ints, k: int) -> Floats:
    """Return (n + 1) / (n + k), and 1 / (n + k) for every other class."""
    n = np.bincount(y_true, minlength=k)[y_true]
    targets = np.repeat((1 / (n + k))[:, None], k, axis=1)
    targets[np.arange(y_true.size), y_true] = (n + 1) / (n + k)
    return targets


def jeffreys(logits: Floats) -> Floats:
    """Return half the logarithm of the information at each temperature of the grid."""
    found = []
    for t in GRID:
        p = np.exp(log_softmax(logits / t))
        centred = logits - (p * logits).sum(axis=1, keepdims=True)
        found.append(0.5 * np.log(max((p * centred**2).sum(), 1e-300)))
    return np.array(found)


RULES: dict[str, Callable[[Floats, Ints], float]] = {
    "none": lambda _z, _y: 1.0,
    "no penalty": lambda z, y: GRID[np.argmin(losses_on_grid(z, hard(y, z.shape[1])))],
    "Laplace": lambda z, y: GRID[np.argmin(losses_on_grid(z, laplace(y, z.shape[1])))],
    "Platt": lambda z, y: GRID[np.argmin(losses_on_grid(z, platt(y, z.shape[1])))],
    "Jeffreys": lambda z, y: GRID[np.argmin(losses_on_grid(z, hard(y, z.shape[1])) - jeffreys(z))],
}


def table_of_penalties(films: tuple[int, ...], rules: tuple[str, ...]) -> None:
    """Print the loss of each rule for each setting and number of films."""
    print(f"{'':28}{'n':>5}" + "".join(f"{rule:>20}" for rule in rules))
    for name, make in SETTINGS.items():
        draw = make()
        z, y = draw(20_000, np.random.default_rng(1))
        on_many = losses_on_grid(z, hard(y, z.shape[1])) / y.size
        for n in films:
            rng = np.random.default_rng(2)
            drawn = [draw(n, rng) for _ in range(FITS)]
            cells = []
            for rule in rules:
                found = np.array([RULES[rule](*one) for one in drawn])
                beyond = 1000 * (np.interp(found, GRID, on_many) - on_many.min())
                cells.append(f"{beyond.mean():9.1f} ({np.quantile(beyond, 0.95):7.1f})")
            print(f"{name:28}{n:5}" + "".join(f"{cell:>20}" for cell in cells), flush=True)


def table_of_spreads() -> None:
    """Print the loss of vectors fitted with several spreads beside the temperature's."""
    spreads = (0.1, 0.25, 0.5, 1.0, 2.0, 100.0)
    head = "".join(f"{spread:>9}" for spread in spreads)
    print(f"{'':28}{'n':>5}{'temperature':>13}{head}")
    for name, bias in (("no shift", 0.0), ("one class shifted by 1", 1.0), ("by 2", 2.0)):
        for n in (40, 100, 400):
            rng = np.random.default_rng(3)
            draw = normal_films(2.0, 2.0)
            shift = bias * np.array([2.0, 0.0, 0.0])
            z_many, y_many = draw(5_000, rng)
            kept: list[float] = []
            beyond: dict[float, list[float]] = {spread: [] for spread in spreads}
            for _ in range(60):
                z, y = draw(n, rng)
                temperature = scaling.fit_temperature(z + shift, y)
                rule = Calibration(method="temperature", temperature=temperature)
                kept.append(loss(rule, z_many + shift, y_many))
                for spread in spreads:
                    scaling._PRIOR_SPREAD = spread
                    scales, shifts = scaling.fit_vector(z + shift, y, temperature)
                    rule = Calibration(method="vector", scales=tuple(scales), shifts=tuple(shifts))
                    beyond[spread].append(loss(rule, z_many + shift, y_many))
            cells = "".join(f"{1000 * np.mean(beyond[spread]):9.1f}" for spread in spreads)
            print(f"{name:28}{n:5}{1000 * np.mean(kept):13.1f}{cells}", flush=True)


def loss(rule: Calibration, logits: Floats, y_true: Ints) -> float:
    """Return the log loss of a calibration."""
    p = rule.apply(logits)[np.arange(y_true.size), y_true]
    return float(-np.log(np.clip(p, 1e-12, 1)).mean())


if __name__ == "__main__":
    table_of_penalties(FILMS, tuple(RULES))
    print()
    table_of_spreads()
    print()
    table_of_penalties((5, 10, 15, 20, 30), ("none", "Jeffreys"))
