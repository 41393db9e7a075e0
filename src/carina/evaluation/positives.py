"""Which classes count as positive: what a reader of films looks for."""

from __future__ import annotations

from collections.abc import Sequence

from carina.data.labels import spelling_key
from carina.data.normal_names import is_normal_name
from carina.domain.recipe import EvaluateSection
from carina.errors import RecipeError
from carina.registry import nearest


def positive_classes(labels: Sequence[str], section: EvaluateSection) -> tuple[str, ...]:
    """Return the classes that count as positive, each against the rest.

    Of two classes it is one: `section.positive`, or the one whose name is not that of a
    normal film ("Normal", "no finding", "non_covid", "COVID-", ...); the second where both
    names or neither are. Of three or more it is each.

    Args:
        labels: the classes in order.
        section: its `positive` is passed over where `labels` does not hold it, as in a
            stage of a cascade (`require_decidable` refuses a misspelt one before a training).

    >>> positive_classes(("Covid", "Normal"), EvaluateSection())
    ('Covid',)
    >>> positive_classes(("COVID-", "COVID+"), EvaluateSection())
    ('COVID+',)
    """
    if len(labels) != 2:
        return tuple(labels)
    asked = spelling_key(section.positive)
    for label in labels:
        if spelling_key(label) == asked:
            return (label,)
    first, second = labels
    if is_normal_name(second, other=first) and not is_normal_name(first, other=second):
        return (first,)
    return (second,)


def require_known_positive(labels: Sequence[str], section: EvaluateSection) -> None:
    """Refuse an `evaluate.positive` that is no class.

    Raises:
        RecipeError: if it is given and `labels` does not hold it.
    """
    keys = map(spelling_key, labels)
    if section.positive and spelling_key(section.positive) not in keys:
        near = nearest(section.positive, labels, limit=1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        raise RecipeError(
            f"evaluate.positive = '{section.positive}' is not a class{hint} "
            f"(classes: {', '.join(labels)})"
        )
