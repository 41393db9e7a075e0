"""What every calibration keeps, whatever its values."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from carina.domain.calibration import Calibration

numbers = st.floats(-50, 50)
tables = st.lists(st.lists(numbers, min_size=3, max_size=3), min_size=1, max_size=8).map(np.array)
positive = st.floats(1e-3, 1e3)
temperatures = positive.map(lambda t: Calibration(method="temperature", temperature=t))
vectors = st.builds(
    lambda scales, shifts: Calibration(method="vector", scales=scales, shifts=shifts),
    st.tuples(positive, positive, positive),
    st.tuples(numbers, numbers, numbers),
)


@given(logits=tables, rule=st.one_of(temperatures, vectors, st.just(Calibration())))
def test_probabilities_are_never_negative_and_sum_to_one(logits, rule):
    found = rule.apply(logits)
    assert (found >= 0).all()
    np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=1e-9)


@given(logits=tables, rule=temperatures)
def test_a_temperature_never_changes_the_most_probable_class(logits, rule):
    found = rule.apply(logits)
    top = found[np.arange(len(logits)), logits.argmax(axis=1)]
    # far below the largest temperature's rounding logits may tie, but never change places
    assert (top == found.max(axis=1)).all()


@given(rule=st.one_of(temperatures, vectors))
def test_a_calibration_read_from_its_file_is_the_same(rule):
    assert Calibration.model_validate_json(rule.model_dump_json()) == rule
