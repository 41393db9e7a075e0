"""Where `carina tune` may look: a recipe's settings and the values that each may take."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Self

from pydantic import ValidationError, model_validator

from carina.domain.document import Plain

TUNABLE_SECTIONS = ("input", "augment", "network", "train")
# Setting -> why a search may not move it.
_FIXED = {
    "train.seed": "every training of a search has a seed of its own",
    "train.threads": "it changes the time that a training takes, not what it reaches",
    "train.precision": "it is chosen once for the whole search",
    "train.choose_by": "it is what the search goes by",
    "train.max_unreadable": "the films are the same for all",
    "network.init": "an earlier run may have seen the films that the search validates on",
}
_EXAMPLE = "as learning_rate = {low = 1e-5, high = 1e-2, log = true} below [tune.train]"

SettingValue = bool | int | float | str
Choice = SettingValue | tuple[SettingValue, ...]


class SearchRange(Plain):
    """The values that a search may give to one setting: from `low` to `high`, or `choices`.

    Attributes:
        low: the least value; a whole number for a setting that is one.
        high: the greatest value, included.
        log: whether values are drawn evenly by their logarithm: for what is multiplied rather
            than added, as a learning rate.
        step: the distance between neighbouring values, counted from `low`; None: any value.
        choices: the values one by one; then there is no `low`, `high`, `log` or `step`.

    >>> SearchRange(low=8, high=32, step=8).holds(16), SearchRange(low=8, high=32).holds(64)
    (True, False)
    """

    low: int | float | None = None
    high: int | float | None = None
    log: bool = False
    step: int | float | None = None
    choices: tuple[Choice, ...] = ()

    @model_validator(mode="after")
    def _is_one_or_the_other(self) -> Self:
        if self.choices:
            if self.low is not None or self.high is not None or self.step is not None or self.log:
                raise ValueError("choices stand alone, without low, high, log or step")
            if len(set(map(_told_apart, self.choices))) < max(2, len(self.choices)):
                raise ValueError("choices are two or more different values")
            return self
        if self.low is None or self.high is None:
            raise ValueError(f"a range has low and high, or choices, {_EXAMPLE}")
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError("low is a number less than high")
        if self.log and (self.low <= 0 or self.step is not None):
            raise ValueError("log needs a low above 0, and takes no step")
        if self.step is not None and not 0 < self.step <= self.high - self.low:
            raise ValueError("step is above 0, and not more than high - low")
        return self

    @property
    def is_whole(self) -> bool:
        """Whether the range is one of whole numbers."""
        bounds = (self.low, self.high, self.step)
        return all(isinstance(one, int) for one in bounds if one is not None)

    def holds(self, value: object) -> bool:
        """Return whether a value is among those of the range."""
        if self.choices:
            return _told_apart(value) in map(_told_apart, self.choices)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        assert self.low is not None
        assert self.high is not None
        if not self.low <= value <= self.high:
            return False
        if self.step is None:
            return True
        steps = (value - self.low) / self.step
        return math.isclose(steps, round(steps), abs_tol=1e-9)

    def ends(self) -> tuple[Choice, ...]:
        """Return the values that must be possible for all of the range to be: both ends, or
        every choice."""
        if self.choices:
            return self.choices
        assert self.low is not None
        assert self.high is not None
        return (self.low, self.high)

    def __str__(self) -> str:
        """Return the range in words."""
        if self.choices:
            return "one of " + ", ".join(map(_shown, self.choices))
        text = f"{_shown(self.low)} to {_shown(self.high)}"
        if self.step is not None:
            text += f" in steps of {_shown(self.step)}"
        return text + (", by the logarithm" if self.log else "")


def flat_ranges(given: object) -> object:
    """Return ranges under the full names of their settings, however deep they were given.

    Args:
        given: `{"train": {"learning_rate": {"low": ...}}}`, `{"train.learning_rate": {...}}`
            or a mixture; an empty table takes a range away.

    >>> flat_ranges({"train": {"epochs": {"low": 2, "high": 9}}, "augment.zoom": {}})
    {'train.epochs': {'low': 2, 'high': 9}}
    """
    if not isinstance(given, Mapping):
        return given
    flat: dict[str, Any] = {}
    for name, value in given.items():
        if (
            isinstance(value, SearchRange)
            or not isinstance(value, Mapping)
            or value.keys() & SearchRange.model_fields.keys()
        ):
            flat[str(name)] = value
        else:
            inner = flat_ranges(value)
            assert isinstance(inner, Mapping)
            flat |= {f"{name}.{own}": one for own, one in inner.items()}
    return flat


def nested_ranges(ranges: Mapping[str, SearchRange]) -> dict[str, Any]:
    """Return ranges as nested plain values, as a recipe's file writes them."""
    nested: dict[str, Any] = {}
    for name, one in ranges.items():
        *sections, last = name.split(".")
        place = nested
        for section in sections:
            place = place.setdefault(section, {})
        place[last] = one.model_dump(mode="json", exclude_defaults=True)
    return nested


def require_tunable(
    name: str, span: SearchRange, sections: Mapping[str, Plain | Mapping[str, object]]
) -> None:
    """Refuse a range of something that is no setting, or of values that it cannot have.

    Args:
        name: the full name of the setting ("train.learning_rate").
        span: its range.
        sections: the recipe's sections by name, those that a search may change.

    Raises:
        ValueError: saying what is wrong, for the recipe's own validation.
    """
    if name in _FIXED:
        raise ValueError(f"tune.{name}: {_FIXED[name]}; take this range away")
    section, _, rest = name.partition(".")
    if section not in sections or not rest:
        raise ValueError(
            f"tune.{name} names no setting that can be searched; those of "
            f"{', '.join(sections)} can, {_EXAMPLE}"
        )
    own = sections[section]
    assert isinstance(own, Plain)
    field, _, option = rest.partition(".")
    values = own.model_dump()
    if field not in values or (option and not isinstance(values[field], Mapping)):
        known = ", ".join(values)
        raise ValueError(f"tune.{name}: [{section}] has no '{rest}' (known: {known})")
    if option:
        return  # what a network's options may be, only its architecture knows
    _require_kind(name, span, values[field])
    for value in span.ends():
        try:
            type(own).model_validate({**values, field: value})
        except ValidationError as error:
            raise ValueError(f"tune.{name}: {value!r}: {error.errors()[0]['msg']}") from error


def _require_kind(name: str, span: SearchRange, before: object) -> None:
    is_number = isinstance(before, int | float) and not isinstance(before, bool)
    if span.choices:
        return
    if not is_number:
        raise ValueError(f"tune.{name}: the setting is no number; give choices = [...]")
    if isinstance(before, int) and not span.is_whole:
        raise ValueError(f"tune.{name}: the setting is a whole number; so are low, high and step")


def _told_apart(value: object) -> tuple[bool, object]:
    """Return a value that equals another only if that is meant: true is not 1."""
    own = tuple(value) if isinstance(value, list | tuple) else value
    return isinstance(value, bool), own


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
