"""Numbers computed again, held against those that a file has, each by its place in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from carina.domain.document import Plain
from carina.domain.evaluation import Evaluation
from carina.domain.sentences import counted
from carina.domain.verification import Difference
from carina.version import VERSION
from carina.workflows.verifying.findings import Verified

ROUNDING = 1e-9
"""Relative to the larger of 1 and the number: between two results of the same float64 formula on
other versions of NumPy and SciPy; the same versions give the same bits."""
Leaf = str | bool | int | float | None


@dataclass(frozen=True, slots=True)
class Recomputed:
    """Numbers of a file, computed again.

    Attributes:
        where: the file.
        recorded: what it says: a place of the file -> its values.
        again: the same places computed again; others of the file are not looked at.
        made_by: the version of Carina that wrote the file; sentences may differ between two.
        tolerance: as `ROUNDING`.
    """

    where: str
    recorded: Mapping[str, Any]
    again: Mapping[str, Any]
    made_by: str
    tolerance: float = ROUNDING


def values_of(document: Plain, places: Sequence[str] | None = None) -> dict[str, Any]:
    """Return a document's plain values at some of its places, such as "metrics" and
    "parts.test"; all if None."""
    values = document.model_dump(mode="json")
    if places is None:
        return values
    return {place: _at(values, place) for place in places}


def compare_numbers(numbers: Recomputed, said: str, into: Verified) -> None:
    """Check numbers that were computed again, and note each that differs by its place.

    Args:
        numbers: recorded and new.
        said: what was computed from what, in words.
        into: gets what is found.
    """
    differ: list[Difference] = []
    n_numbers = 0
    largest = 0.0
    for place in numbers.again:
        recorded = dict(_leaves(numbers.recorded.get(place), place))
        again = dict(_leaves(numbers.again[place], place))
        for name in [*recorded, *(name for name in again if name not in recorded)]:
            own, now = recorded.get(name, "absent"), again.get(name, "absent")
            if isinstance(own, str) and isinstance(now, str):
                if own != now and (numbers.made_by == VERSION or "absent" in (own, now)):
                    differ.append(_difference(numbers.where, name, own, now))
                continue
            n_numbers += 1
            apart = _apart(own, now)
            if apart > numbers.tolerance:
                differ.append(_difference(numbers.where, name, own, now))
            else:
                largest = max(largest, apart)
    into.numbers_differ(largest)
    bits = "all to the last bit" if not largest else f"up to {largest:.1e} apart"
    same = "" if differ else f", {bits}"
    sentence = f"{counted(n_numbers, 'number')} {said}{same}"
    into.checked("numbers", numbers.where, sentence, n=n_numbers, differ=differ)


class Comparison:
    """Places of one evaluation, held against those of another."""

    def __init__(self, recorded: Evaluation, again: Evaluation, where: str, into: Verified) -> None:
        self.recorded, self.again = recorded, again
        self._where, self._into = where, into

    def __call__(self, places: Sequence[str], said: str, *, tolerance: float = ROUNDING) -> None:
        """Compare places; those that the recorded evaluation does not have are passed over: an
        earlier version did not compute them."""
        own, now = values_of(self.recorded, places), values_of(self.again, places)
        there = [place for place in places if not _is_absent(own[place])]
        if there:
            numbers = Recomputed(
                self._where,
                {place: own[place] for place in there},
                {place: now[place] for place in there},
                made_by=self.recorded.carina_version,
                tolerance=tolerance,
            )
            compare_numbers(numbers, said, self._into)

    def cannot(self, places: Sequence[str], because: str) -> None:
        """Name places that the recorded evaluation has and that cannot be had again."""
        for place, value in values_of(self.recorded, places).items():
            if not _is_absent(value):
                self._into.not_checked("numbers", f"{self._where}: {place}", because)


def _is_absent(value: Any) -> bool:
    return value is None or value in ("", {}, [])


def _at(values: Any, place: str) -> Any:
    for step in place.split("."):
        values = values.get(step) if isinstance(values, dict) else None
    return values


def _leaves(value: Any, place: str) -> Iterator[tuple[str, Leaf]]:
    """Yield every value that is no group, with its place."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, f"{place}.{name}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _leaves(inner, f"{place}[{number}]")
    else:
        yield place, value


def _apart(own: Leaf, now: Leaf) -> float:
    """Return how far two values are apart, relative to the larger of 1 and the recorded one;
    infinite where one is no number or both are of another kind."""
    if type(own) is bool or type(now) is bool or own is None or now is None:
        return 0.0 if own is now else float("inf")
    if isinstance(own, str) or isinstance(now, str):
        return float("inf")
    if own == now:
        return 0.0
    apart = abs(own - now) / max(1.0, abs(own))
    return apart if isfinite(apart) else float("inf")


def _difference(where: str, place: str, recorded: Leaf, found: Leaf) -> Difference:
    said = [one if isinstance(one, str) else repr(one) for one in (recorded, found)]
    return Difference(what="numbers", where=f"{where}: {place}", recorded=said[0], found=said[1])
