"""Which classes a tool's table speaks of, and which of its cells means which class."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from carina.data.labels import spelling_key
from carina.data.normal_names import is_normal_name
from carina.domain.sentences import listed
from carina.errors import EvaluationError

_BLANK = frozenset({"", "nan", "na", "n/a", "null"})
_WHOLE = re.compile(r"-?\d+(?=\.0+$)|-?\d+$")  # pandas writes 1.0 where a column has gaps
_UNDECIDED = frozenset(
    ("abstain", "abstained", "reject", "rejected", "uncertain", "indeterminate", "undecided")
)


def is_blank(cell: str) -> bool:
    """Return whether a cell holds nothing, in any of the ways that tools write it.

    >>> is_blank(""), is_blank("NaN"), is_blank("0")
    (True, True, False)
    """
    return cell.casefold() in _BLANK


def is_undecided(answer: str) -> bool:
    """Return whether an answer says that there is none.

    >>> is_undecided("Uncertain"), is_undecided(""), is_undecided("Covid")
    (True, True, False)
    """
    return not answer or answer.casefold() in _UNDECIDED


def label_in(cell: str) -> str:
    """Return the label in a cell, "" for none; whole numbers without decimals.

    >>> label_in("1.0"), label_in("NaN"), label_in("Covid")
    ('1', '', 'Covid')
    """
    if is_blank(cell):
        return ""
    match = _WHOLE.match(cell)
    return match[0] if match else cell


@dataclass(frozen=True, slots=True)
class ClassNames:
    """The classes of a table.

    Attributes:
        names: in order.
        numbered: whether whole numbers from 0 may stand for them, in this order.
    """

    names: tuple[str, ...]
    numbered: bool

    def resolved(self, labels: Iterable[str]) -> dict[str, str | None]:
        """Return label as found -> the class that it means, or None if it means none.

        >>> ClassNames(("Normal", "Covid"), numbered=True).resolved(["1", "NORMAL", "TB"])
        {'1': 'Covid', 'NORMAL': 'Normal', 'TB': None}
        """
        by_key = {spelling_key(name): name for name in self.names}
        found = {label: by_key.get(spelling_key(label)) for label in labels}
        if self.numbered:
            numbers = {str(index): name for index, name in enumerate(self.names)}
            found = {label: own or numbers.get(label) for label, own in found.items()}
        return found


def classes_of_labels(labels: Iterable[str]) -> tuple[str, ...]:
    """Return the classes that labels are spellings of: the most frequent spelling of each, by
    number if all are whole numbers, else by name.

    >>> classes_of_labels(["normal", "Normal", "Normal", "COVID"]), classes_of_labels(["10", "9"])
    (('COVID', 'Normal'), ('9', '10'))
    """
    spellings: dict[str, Counter[str]] = {}
    for label, count in Counter(label for label in labels if label).items():
        spellings.setdefault(spelling_key(label), Counter())[label] = count
    names = [min(own, key=lambda name: (-own[name], name)) for own in spellings.values()]
    if all(_WHOLE.fullmatch(name) for name in names):
        return tuple(sorted(names, key=int))
    return tuple(sorted(names))


def are_numbers(labels: Iterable[str]) -> bool:
    """Return whether all labels are whole numbers from 0 on.

    >>> are_numbers(["0", "1"]), are_numbers(["0", "a"])
    (True, False)
    """
    return all(label.isascii() and label.isdecimal() for label in labels)


def positive_of(labels: Sequence[str], named: str, *, column: str) -> tuple[str, str]:
    """Return the class that a single column of scores speaks for, and a note if it was guessed.

    Of two classes it is the one whose name is not that of a normal film.

    Args:
        labels: two classes.
        named: the class as the user or the column names it, or "".
        column: of the scores, for messages.

    Raises:
        EvaluationError: if the named class is none of them, or none is named and the names do
            not tell.
    """
    if named:
        own = ClassNames(tuple(labels), numbered=False).resolved([named])[named]
        if own is None:
            raise EvaluationError(
                f"the positive class is to be '{named}', and the classes are {listed(labels)}; "
                "name one of them with --positive"
            )
        return own, ""
    first, second = labels
    pairs = ((first, second), (second, first))
    found = [label for label, other in pairs if not is_normal_name(label, other=other)]
    if len(found) != 1:
        raise EvaluationError(
            f"the column '{column}' holds one score a film, and which of {listed(labels)} it "
            "speaks for is not clear from the names; say it with --positive CLASS"
        )
    return found[0], f"the column '{column}' is taken as the score of '{found[0]}'"
