"""A recipe's ranges as Optuna has them."""

from __future__ import annotations

import json
from decimal import Decimal

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from carina.domain.search_range import Choice, SearchRange


def distribution_of(span: SearchRange, before: Choice) -> BaseDistribution:
    """Return a range as Optuna has it.

    Args:
        span: the range.
        before: the recipe's own value, whose kind the setting has.
    """
    if span.choices:
        return CategoricalDistribution([encoded(one) for one in span.choices])
    assert span.low is not None
    assert span.high is not None
    high = span.high
    if span.step is not None:  # Optuna warns of a last step that is shorter
        low, step = Decimal(str(span.low)), Decimal(str(span.step))
        high = type(high)(low + (Decimal(str(high)) - low) // step * step)
    if isinstance(before, int) and span.is_whole:
        step_whole = 1 if span.step is None else int(span.step)
        return IntDistribution(int(span.low), int(high), log=span.log, step=step_whole)
    return FloatDistribution(float(span.low), float(high), log=span.log, step=span.step)


def encoded(value: Choice) -> bool | int | float | str:
    """Return a value as Optuna takes it: several are one text."""
    return json.dumps(value) if isinstance(value, tuple) else value
