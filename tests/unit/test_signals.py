"""Where the signals look, and where they do not."""

from dataclasses import replace

import numpy as np
import pytest

from carina.auditing.signal import LabelledFilms, flags, one_hot, steps
from carina.auditing.signals import SIGNALS
from carina.imaging.sketch import SKETCH, SKETCH_SIDE
from making.datasets import record_of, scan_of

PLACES = {
    "top left": (2, 2),
    "top right": (2, 93),
    "bottom left": (93, 2),
    "bottom right": (93, 93),
    "top": (2, 48),
    "left": (48, 2),
    "bottom": (93, 48),
    "right": (48, 93),
    "lungs": (48, 30),
}
CORNERS = {"top left", "top right", "bottom left", "bottom right"}
SEEN = {
    "corners": CORNERS,
    "frame": set(PLACES) - {"lungs"},
    "thumbnail-masked": set(PLACES) - {"lungs"},
    "thumbnail": set(PLACES),
}


def films_of(sketches):
    records = [record_of(f"{number}.png", "A") for number in range(len(sketches))]
    scan = scan_of(records)
    return LabelledFilms(records, [scan.facts[r.key] for r in records], sketches)


@pytest.mark.parametrize("name", SEEN)
def test_a_signal_sees_its_own_place_and_no_other(name):
    sketches = np.zeros(1 + len(PLACES), dtype=SKETCH)
    sketches["small"] = np.random.default_rng(0).integers(60, 90, (SKETCH_SIDE, SKETCH_SIDE))
    for number, (row, column) in enumerate(PLACES.values(), start=1):
        sketches["small"][number, row - 1 : row + 2, column - 1 : column + 2] = 240
    columns = SIGNALS.get(name).measure(films_of(sketches))
    seen = {
        place
        for number, place in enumerate(PLACES, start=1)
        if not np.array_equal(columns[number], columns[0])
    }
    assert seen == SEEN[name]


def test_more_films_than_fit_at_once_are_measured_alike():
    sketches = np.zeros(1100, dtype=SKETCH)
    sketches["small"] = np.arange(1100)[:, None, None] % 251
    means = SIGNALS.get("thumbnail").measure(films_of(sketches))
    np.testing.assert_allclose(means[:, 5] * 255, np.arange(1100) % 251, atol=1e-3)


def test_values_of_few_films_share_no_column():
    assert one_hot(["L"] * 5 + ["P"] * 4).sum(axis=0).tolist() == [5.0]
    assert flags([("a", "b")] * 5 + [()]).sum(axis=0).tolist() == [5.0, 5.0]
    assert one_hot([n // 5 for n in range(500)]).shape == (500, 48)


def test_a_middling_size_is_a_step_of_its_own_and_unknown_is_in_none():
    values = np.array([1.0, 2, 3, 4, 5, 6, 7, 8, np.nan])
    columns = steps(values)
    assert columns.shape == (9, 9)
    assert columns[:8, 1:].sum(axis=0).tolist() == [1.0] * 8
    assert columns[8].tolist() == [4.5] + [0.0] * 8
    assert steps(np.full(3, np.nan)).shape == (3, 0)


def test_a_view_counts_as_metadata_whether_the_table_or_the_file_says_it():
    films = films_of(np.zeros(10, dtype=SKETCH))
    by_table = [replace(r, view="PA" if n < 5 else "AP") for n, r in enumerate(films.records)]
    by_file = [replace(f, view="PA" if n < 5 else "AP") for n, f in enumerate(films.facts)]
    measure = SIGNALS.get("metadata").measure
    columns = measure(LabelledFilms(by_table, films.facts))
    assert columns.shape == (10, 2)
    np.testing.assert_array_equal(columns, measure(LabelledFilms(films.records, by_file)))
