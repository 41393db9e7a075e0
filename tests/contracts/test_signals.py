"""What every registered signal keeps, whoever adds it."""

from dataclasses import replace

import numpy as np
import pytest

from carina.auditing.discriminant import whitened
from carina.auditing.signal import LabelledFilms
from carina.auditing.signals import SIGNALS
from carina.domain.audit import Confounder
from making.planted import CLEAN, SIGNAL_OF, deal, phantom_pool

every_signal = pytest.mark.parametrize("name", SIGNALS.names())


@pytest.fixture(scope="module")
def films():
    """A dozen phantoms in two sexes and of all ages, half of them with a shortcut of some kind."""
    pool = phantom_pool(12)
    rng = np.random.default_rng(3)
    trials = [deal(pool, kind, strength=1, rng=rng) for kind in (CLEAN, *SIGNAL_OF)]
    made = [_films_of(trial) for trial in trials]
    records = [record for own in made for record in own.records]
    return LabelledFilms(
        records=[
            replace(r, sex="F" if number % 3 else None, age_years=float(number % 50))
            for number, r in enumerate(records)
        ],
        facts=[facts for own in made for facts in own.facts],
        sketches=np.concatenate([own.sketches for own in made]),
    )


def _films_of(trial):
    keys = [record.key for record in trial.records]
    facts = [trial.scan.facts[key] for key in keys]
    return LabelledFilms(trial.records, facts, trial.scan.sketches.of(keys))


def _of(films, places):
    return LabelledFilms(
        [films.records[place] for place in places],
        [films.facts[place] for place in places],
        films.sketches[places],
    )


@every_signal
def test_films_become_finite_numbers(name, films):
    columns = SIGNALS.get(name).measure(films)
    assert columns.dtype == np.float32
    assert columns.shape[0] == len(films)
    assert 1 <= columns.shape[1] <= 200
    assert np.isfinite(columns).all()


@every_signal
def test_the_order_of_films_does_not_matter(name, films):
    order = np.random.default_rng(1).permutation(len(films))
    measure = SIGNALS.get(name).measure
    np.testing.assert_allclose(measure(_of(films, order)), measure(films)[order], atol=1e-6)


@every_signal
def test_labels_are_not_looked_at(name, films):
    other = [replace(r, label=f"class {i % 2}") for i, r in enumerate(films.records)]
    measure = SIGNALS.get(name).measure
    relabelled = LabelledFilms(other, films.facts, films.sketches)
    np.testing.assert_array_equal(measure(relabelled), measure(films))


@every_signal
def test_films_that_are_alike_give_nothing_that_varies(name, films):
    columns = SIGNALS.get(name).measure(_of(films, [0] * 20))
    assert columns is None or whitened(columns).shape[1] == 0


@every_signal
def test_one_film_of_which_nothing_is_known_is_no_error(name, films):
    bare = LabelledFilms(
        [replace(films.records[0], view=None, sex=None, age_years=None)],
        [replace(films.facts[0], traces=(), jpeg_tables="", jpeg_quality=None, view=None)],
    )
    columns = SIGNALS.get(name).measure(bare)
    assert columns is None or columns.shape[0] == 1


@every_signal
def test_what_needs_the_pixels_is_in_the_pixels_and_says_when_there_are_none(name, films):
    signal = SIGNALS.get(name)
    without = signal.measure(LabelledFilms(films.records, films.facts))
    if without is None:
        assert signal.in_pixels
    else:
        np.testing.assert_array_equal(without, signal.measure(films))


@every_signal
def test_its_words_fit_into_a_sentence(name, films):
    signal = SIGNALS.get(name)
    for text in (signal.title, signal.title_for(films), signal.meaning):
        assert text[0].islower()
        assert text[-1] not in ".,;: "
    assert Confounder(
        signal=name, balanced_accuracy=0.5, low=0.5, high=0.5, chance=0.5
    ).signal == name  # fmt: skip
