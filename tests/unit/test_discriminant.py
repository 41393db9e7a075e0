"""The cross-validated discriminant and its folds, against slow and plain ones."""

from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carina.auditing.discriminant import told_classes, whitened
from carina.auditing.relabelling import N_FOLDS, relabelled


def drawn(n_films, n_columns, *, n_classes=2, apart=0.0, seed=0):
    """Return columns, classes and groups of one to three films of one class each."""
    rng = np.random.default_rng(seed)
    group_of = np.sort(rng.integers(0, n_films // 2, n_films))
    y_true = rng.permutation(n_films // 2 + 1)[group_of] % n_classes
    _, y_true = np.unique(y_true, return_inverse=True)
    columns = rng.standard_normal((n_films, n_columns)) * rng.uniform(0.1, 30, n_columns)
    columns[:, 0] += apart * columns[:, 0].std() * y_true
    return columns.astype(np.float32), y_true, [f"g{number}" for number in group_of]


def told_slowly(columns, labels, folds, *, ridge, units):
    """Return the balanced accuracy of the plain discriminant, film by film."""
    standard = (columns - columns.mean(axis=0)) / columns.std(axis=0)
    standard = standard.astype(np.float64)
    whole = standard.T @ standard / len(standard)
    ridged = whole + ridge * np.eye(len(whole))
    excess = np.trace(np.linalg.solve(ridged, whole))
    right, of = Counter(), Counter()
    for film, y in enumerate(labels):
        others = np.flatnonzero(folds != folds[film])
        members = [others[labels[others] == own] for own in sorted(set(labels))]
        means = [standard[own].mean(axis=0) for own in members]
        between = sum(
            len(own) / len(standard) * np.outer(mean, mean)
            for own, mean in zip(members, means, strict=True)
        )
        distances = [
            (standard[film] - mean) @ np.linalg.solve(ridged - between, standard[film] - mean)
            - excess / len({units[member] for member in own})
            for own, mean in zip(members, means, strict=True)
        ]
        right[y] += int(np.argmin(distances) == y)
        of[y] += 1
    return np.mean([right[y] / of[y] for y in of])


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_quick_discriminant_equals_the_plain_one_under_every_labelling(n_classes):
    columns, y_true, groups = drawn(90, 6, n_classes=n_classes, apart=1.0)
    trial = relabelled(y_true, groups, draws=3, rng=np.random.default_rng(1))
    told = told_classes(whitened(columns, ridge=0.3), trial)
    for number, labels in enumerate(trial.labels[:, trial.unit_of]):
        plain = told_slowly(columns, labels, trial.fold_of, ridge=0.3, units=trial.unit_of)
        assert told.balanced_accuracy[number] == pytest.approx(plain)
    assert told.recalls.mean() == pytest.approx(told.balanced_accuracy[0])


def test_classes_that_are_far_apart_are_told_by_the_spread_within_them():
    for seed in range(5):
        columns, y_true, groups = drawn(60, 4, n_classes=3, apart=20.0, seed=seed)
        trial = relabelled(y_true, groups, draws=0, rng=np.random.default_rng(1))
        # With the spread of all films as the unit, 0.8 to 0.95 are told.
        assert told_classes(whitened(columns), trial).balanced_accuracy[0] > 0.96


def test_a_small_class_among_many_columns_is_not_answered_less_than_a_large_one():
    rng = np.random.default_rng(5)
    y_true = (np.arange(300) < 30).astype(int)
    recalls = []
    for _ in range(10):
        columns = rng.standard_normal((300, 60)).astype(np.float32)
        trial = relabelled(y_true, [str(n) for n in range(300)], draws=0, rng=rng)
        recalls.append(told_classes(whitened(columns), trial).recalls)
    large, small = np.mean(recalls, axis=0)
    # Without the correction of the means' lengths the small class's recall is below 0.1.
    assert large == pytest.approx(0.5, abs=0.08)
    assert small == pytest.approx(0.5, abs=0.08)


def test_columns_that_hardly_vary_do_not_become_noise():
    columns = np.full((50, 3), 0.1, dtype=np.float32)
    columns[::2, 1] = np.nextafter(np.float32(0.1), np.float32(1))
    columns[:, 2] = np.arange(50)
    assert whitened(columns).shape == (50, 1)
    assert whitened(columns[:, :2]).shape == (50, 0)


labelled_groups = st.lists(
    st.tuples(st.integers(0, 2), st.integers(1, 4)), min_size=10, max_size=60
).filter(lambda groups: all(sum(y == one for one, _ in groups) >= 2 for y in range(3)))


@settings(max_examples=50, deadline=None)
@given(own=labelled_groups, seed=st.integers(0, 99))
def test_no_group_is_parted_and_every_fold_keeps_its_classes_in_every_deal(own, seed):
    y_true = np.array([y for y, size in own for _ in range(size)])
    groups = [str(number) for number, (_, size) in enumerate(own) for _ in range(size)]
    trial = relabelled(y_true, groups, draws=5, rng=np.random.default_rng(seed))
    folds = defaultdict(set)
    for group, fold in zip(groups, trial.fold_of, strict=True):
        folds[group].add(int(fold))
    assert all(len(one) == 1 for one in folds.values())
    np.testing.assert_array_equal(trial.labels[0][trial.unit_of], y_true)
    for fold in range(N_FOLDS):
        inside = trial.fold_of_unit == fold
        for labels in trial.labels:
            assert Counter(labels[inside]) == Counter(trial.labels[0][inside])
    films = np.zeros((3, N_FOLDS))
    np.add.at(films, (y_true, trial.fold_of), 1)
    assert (np.ptp(films, axis=1) <= 4).all()
    assert (np.count_nonzero(films, axis=1) >= 2).all()


def test_a_patient_of_two_classes_stays_in_one_fold():
    groups = [f"p{number // 2}" for number in range(40)]
    y_true = np.arange(40) % 2
    trial = relabelled(y_true, groups, draws=2, rng=np.random.default_rng(0))
    assert trial.fold_of_unit.size == 40
    assert all(trial.fold_of[n] == trial.fold_of[n + 1] for n in range(0, 40, 2))
