"""Simulated coverage of prediction sets lies where the exact Beta-binomial law says.

Each study fits the rules on one part and counts on another, drawn alike. The number of covered
films is then Beta-binomial (scores without ties), so that 95 of 100 studies or more lie in the
band, whatever the network.
"""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.stats import betabinom, binom

from carina.domain.recipe import EvaluateSection
from carina.evaluation.conformal import fit_conformal
from carina.evaluation.coverage_band import coverage_band, covered_chances, limit_rank
from carina.evaluation.prediction_sets import one_film_a_unit
from making.scored import LABELS, scored


@dataclass(frozen=True)
class Setting:
    """How films are drawn: `shares` of the classes, films a patient, how alike those are."""

    n_fitted: int
    n_tested: int
    shares: tuple[float, ...] = (0.5, 0.3, 0.2)
    films_per_patient: int = 1
    alike: float = 0.0


def films_of(setting, n_patients, rng):
    """Return films whose classes differ in how hard they are; films of a patient are alike."""
    k = len(setting.shares)
    per = setting.films_per_patient
    y_of = rng.choice(k, size=n_patients, p=setting.shares)
    own = rng.normal(size=(n_patients, 1, k)) * setting.alike**0.5
    logits = own + rng.normal(size=(n_patients, per, k)) * (1 - setting.alike) ** 0.5
    logits[np.arange(n_patients), :, y_of] += 0.7 + 0.8 * y_of[:, None]
    logits = logits.reshape(-1, k)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    patients = [f"p{n // per}" for n in range(n_patients * per)] if per > 1 else None
    return scored(np.repeat(y_of, per), shares, labels=LABELS[:k], patients=patients)


def studies(setting, n_studies, *, error):
    """Return, by kind, the covered films of each study and whether its band holds them."""
    rng = np.random.default_rng(12)
    found = {"marginal": [], "per-class": []}
    for number in range(n_studies):
        validation = films_of(setting, setting.n_fitted, rng)
        test = films_of(setting, setting.n_tested, rng)
        kept = test.where(_mask(one_film_a_unit(test.units, seed=number), len(test)))
        section = EvaluateSection(seed=number)
        for rule in fit_conformal(validation, section):
            if rule.error == error:
                held = rule.sets(kept.probabilities, kept.labels)
                found[rule.kind].append(_counted(rule, kept, held))
    return {kind: np.array(rows) for kind, rows in found.items()}


def _mask(places, n):
    mask = np.zeros(n, dtype=bool)
    mask[places] = True
    return mask


def _counted(rule, films, held):
    covers = held[np.arange(len(films)), films.y_true]
    if rule.kind == "marginal":
        chances = [covered_chances(rule.n_fitted[LABELS[0]], rule.error, len(films))]
    else:
        chances = [
            covered_chances(rule.n_fitted[label], rule.error, int((films.y_true == y).sum()))
            for y, label in enumerate(films.labels)
        ]
    low, high = coverage_band(chances)
    hardest = films.y_true == 0
    return (
        covers.sum(),
        low <= covers.mean() <= high,
        covers[hardest].sum(),
        hardest.sum(),
    )


def assert_lawful(setting, n_studies, *, error):
    found = studies(setting, n_studies, error=error)
    # Fewer than this many studies in their bands has a chance of one in a million.
    fewest = binom.ppf(1e-6, n_studies, 0.95)
    for kind in ("marginal", "per-class"):
        assert found[kind][:, 1].sum() >= fewest, kind
    rank = limit_rank(setting.n_fitted, error)
    if rank <= setting.n_fitted:
        law = betabinom(setting.n_tested, rank, setting.n_fitted + 1 - rank)
        mean = found["marginal"][:, 0].mean()
        assert mean == pytest.approx(law.mean(), abs=5 * law.std() / n_studies**0.5)
    # Each class keeps its own error with its own limit; over-coverage for so few films is lawful.
    hardest = found["per-class"][:, 2].sum() / found["per-class"][:, 3].sum()
    assert hardest >= 1 - error - 0.02
    return found


def test_coverage_follows_the_law_and_a_hard_class_is_kept_only_by_its_own_limit():
    found = assert_lawful(Setting(n_fitted=99, n_tested=66), 250, error=0.1)
    hardest = found["marginal"][:, 2].sum() / found["marginal"][:, 3].sum()
    assert hardest < 0.88  # one limit for all misses the hard class more often than 10 %


def test_one_film_of_each_patient_keeps_the_law():
    setting = Setting(n_fitted=25, n_tested=150, films_per_patient=6, alike=0.9)
    assert_lawful(setting, 200, error=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("error", [0.05, 0.1])
@pytest.mark.parametrize(
    "setting",
    [
        Setting(n_fitted=66, n_tested=66),
        Setting(n_fitted=30, n_tested=200, shares=(0.9, 0.1)),
        Setting(n_fitted=500, n_tested=100, shares=(0.5, 0.5)),
        Setting(n_fitted=60, n_tested=60, films_per_patient=4, alike=0.8),
    ],
)
def test_coverage_follows_the_law_over_many_studies(setting, error):
    assert_lawful(setting, 2000, error=error)
