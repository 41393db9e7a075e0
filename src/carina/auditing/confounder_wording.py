"""What a confounder means, in a sentence that a student understands."""

from __future__ import annotations

from carina.auditing.signal import Signal
from carina.domain.audit import Confounder

# An interval that reaches this share of the way from guessing to certainty excludes little.
_WIDE_SHARE = 0.25


def confounder_sentence(
    found: Confounder, *, signal: Signal, title: str, varies: bool, is_beyond_luck: bool
) -> str:
    """Return one sentence with the numbers.

    Args:
        found: the numbers.
        signal: what they are of.
        title: its title for these films.
        varies: whether the films differ in it at all.
        is_beyond_luck: whether it tells more than labels dealt anew would.
    """
    if not varies:
        return f"All films are alike in {title}: that says nothing about the class."
    numbers = (
        f"balanced accuracy {found.balanced_accuracy:.2f}, {found.low:.2f} to {found.high:.2f}; "
        f"guessing reaches {found.chance:.2f}"
    )
    if found.tells:
        return _telling(found, signal, title=title, numbers=numbers)
    if is_beyond_luck and found.low > found.chance:
        return (
            f"From {title} alone, a little can be told about the class, more than luck would, but "
            f"too little to matter ({numbers})."
        )
    if found.low > found.chance:
        return (
            f"From {title} alone, more than guessing can be told about the class ({numbers}), but "
            "among so many signals one may reach that by luck."
        )
    if found.high - found.chance > _WIDE_SHARE * (1 - found.chance):
        return (
            f"From {title} alone, nothing is shown to be told about the class ({numbers}), but "
            "there are too few films to be sure."
        )
    return (
        f"From {title} alone, nothing or hardly anything can be told about the class ({numbers})."
    )


def _telling(found: Confounder, signal: Signal, *, title: str, numbers: str) -> str:
    without = "any detail of the lungs" if found.has_lungs else "a look at the lungs"
    evenly = "" if found.chance == 0.5 else " (every class counting alike)"
    consequence = (
        "a network may learn that instead of the disease"
        if signal.in_pixels
        else "a network does not see it, but what was made differently mostly looks different too"
    )
    return (
        f"From {title} alone, without {without}, {_of_100(found.balanced_accuracy)} of 100 "
        f"films{evenly} can be put into the right class ({numbers}): {signal.meaning}; "
        f"{consequence}."
    )


def _of_100(share: float) -> str:
    # 99.6 of 100 are not all.
    return "100" if share == 1 else f"{min(round(100 * share), 99)}"
