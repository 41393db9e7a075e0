"""What holds for every film and every way of fitting it."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from carina.domain.input_spec import InputSpec
from carina.imaging.prepare import back_to_film, from_levels, prepare, prepare_levels
from making.films import film_of

sides = st.integers(8, 70)
greys = st.floats(0, 1, width=32)
specs = st.builds(
    InputSpec,
    height=st.integers(16, 48),
    width=st.integers(16, 48),
    fit=st.sampled_from(["stretch", "letterbox", "crop"]),
    interpolation=st.sampled_from(["nearest", "bilinear", "bicubic"]),
    channels=st.sampled_from([1, 3]),
    mask=st.sampled_from(["none", "centre"]),
)


@st.composite
def films(draw):
    """Draw noise of any size, between two greys."""
    shape = (draw(sides), draw(sides))
    low, high = sorted((draw(greys), draw(greys)))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    return film_of((low + (high - low) * rng.random(shape)).clip(0, 1))


@given(film=films(), spec=specs)
def test_prepared_pixels_are_in_range_and_on_the_16_bit_grid(film, spec):
    prepared = prepare(film, spec)
    assert prepared.shape == (spec.channels, spec.height, spec.width)
    assert prepared.dtype == np.float32
    assert 0 <= prepared.min() <= prepared.max() <= 1
    levels = prepare_levels(film, spec)
    np.testing.assert_array_equal(prepared, np.stack([from_levels(levels)] * spec.channels))
    np.testing.assert_array_equal(np.rint(prepared[0] * 65535).astype(np.uint16), levels)


@given(
    levels=arrays.arrays(np.uint16, st.tuples(st.integers(16, 40), st.integers(16, 40))),
    fit=st.sampled_from(["stretch", "letterbox", "crop"]),
)
def test_levels_come_back_from_float_unchanged(levels, fit):
    spec = InputSpec(height=levels.shape[0], width=levels.shape[1], fit=fit)
    np.testing.assert_array_equal(prepare_levels(film_of(from_levels(levels)), spec), levels)


@given(grey=greys, height=sides, width=sides, spec=specs)
def test_an_even_film_stays_even_where_it_is_seen(grey, height, width, spec):
    spec = spec.model_copy(update={"mask": "none"})
    levels = prepare_levels(film_of(np.full((height, width), grey)), spec)
    # float32 sums of the resampling weights: one level of 65,536 either way
    near = np.abs(levels.astype(np.int64) - round(grey * 65535)) <= 1
    if spec.fit == "letterbox":
        near |= levels == 0
    assert near.all()


@settings(max_examples=50)
@given(film=films(), spec=specs)
def test_preparing_twice_gives_the_same(film, spec):
    np.testing.assert_array_equal(prepare_levels(film, spec), prepare_levels(film, spec))


@given(height=sides, width=sides, spec=specs, seed=st.integers(0, 99))
def test_a_map_on_the_film_stays_within_its_own_range(height, width, spec, seed):
    heat = np.random.default_rng(seed).random((spec.height, spec.width), dtype=np.float32)
    back = back_to_film(heat, spec, height=height, width=width)
    assert back.shape == (height, width)
    assert 0 <= back.min() <= back.max() <= heat.max() + 1e-6
    if spec.fit != "crop":
        assert back.min() >= heat.min() - 1e-6
