"""What every registered check for films that do not belong keeps, whoever adds it."""

import numpy as np
import pytest

from carina.auditing.misfit_check import MeasuredFilms, SketchedFilms
from carina.auditing.misfit_checks import CHECKS
from carina.auditing.misfits import find_misfits
from carina.domain.audit import Audit
from making.sketched import noise_pixels, phantom_pixels, sketched, with_letters

every_check = pytest.mark.parametrize("name", CHECKS.names())

# One film for every check, and what its record and its facts say. A new check adds its own.
FILM = phantom_pixels(0)
EXAMPLES = {
    "blank": (np.full((80, 80), 0.4, np.float32), {}, {}),
    "collage": (np.concatenate([phantom_pixels(1), phantom_pixels(2)], axis=1), {}, {}),
    "colour": (FILM, {}, {"colour_share": 0.6}),
    "inverted": (1 - FILM, {}, {}),
    "lateral": (FILM, {"view": "LATERAL"}, {}),
    "not-chest": (noise_pixels(1), {}, {}),
    "outlier": ((FILM * 0.15).astype(np.float32), {}, {}),
    "rotated": (np.ascontiguousarray(np.rot90(FILM)), {}, {}),
    "text": (with_letters(FILM, "PORTABLE"), {}, {}),
}
CERTAIN = {"blank", "lateral", "not-chest"}
"""Checks that know a tag or a plain measure; what pixels look like is never certain."""


def normal_films(n_films=36):
    return {f"normal{n}.png": phantom_pixels(n) for n in range(n_films)}


def with_example(name):
    pixels, record, facts = EXAMPLES[name]
    films = normal_films() | {"odd.png": pixels}
    return sketched(films, records={"odd.png": record}, facts={"odd.png": facts})


def films_of(dataset, scan, order=None):
    records = [dataset.records[n] for n in (order if order is not None else range(37))]
    stored = scan.sketches.of([record.key for record in records])
    histogram = stored["histogram"].astype(np.float32) / 65535
    facts = [scan.facts[record.key] for record in records]
    return records, SketchedFilms(small=stored["small"], histogram=histogram, facts=facts)


@every_check
def test_a_check_finds_its_example_and_says_what_it_rests_on(name):
    found = find_misfits(*with_example(name))
    own = [misfit for misfit in found if misfit.code == name]
    assert [misfit.path for misfit in own] == ["odd.png"]
    assert own[0].sentence.endswith(".")
    assert own[0].sentence[0].isupper()
    assert name in CERTAIN or own[0].sureness != "certain"
    assert Audit(images={}, misfits=found).misfits == found


@every_check
def test_a_check_is_silent_on_films_that_belong(name):
    assert name not in {misfit.code for misfit in find_misfits(*sketched(normal_films()))}


@every_check
def test_a_check_measures_few_finite_numbers_of_each_film_and_not_of_its_neighbours(name):
    check = CHECKS.get(name)
    if check.measure is None:
        return
    dataset, scan = with_example(name)
    _, together = films_of(dataset, scan)
    values = check.measure(together)
    assert values.dtype == np.float32
    assert values.shape[0] == 37
    assert values.shape[1] <= 16
    assert np.isfinite(values).all()
    _, alone = films_of(dataset, scan, [36])
    # A product of one row and of many may be summed in another order.
    np.testing.assert_allclose(check.measure(alone), values[36:], rtol=1e-3, atol=1e-3)


@every_check
def test_a_check_does_not_care_about_the_order_of_the_films(name):
    check = CHECKS.get(name)
    dataset, scan = with_example(name)
    suspected = []
    for order in (range(37), [36, *range(36)], list(range(36, -1, -1))):
        records, films = films_of(dataset, scan, list(order))
        values = check.measure(films) if check.measure else np.empty((37, 0), np.float32)
        suspects = check.judge(MeasuredFilms(records, films.facts, values))
        suspected.append({(records[one.place].path, one.sureness) for one in suspects})
    assert suspected[0] == suspected[1] == suspected[2]


@every_check
def test_a_check_has_a_title_and_yields_only_to_others_that_exist(name):
    check = CHECKS.get(name)
    assert check.title
    assert name not in check.yields_to
    assert set(check.yields_to) <= set(CHECKS.names())
