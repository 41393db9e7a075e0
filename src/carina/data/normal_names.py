"""The names that chest film sets give to films that do not show what is looked for."""

from __future__ import annotations

from carina.data.labels import spelling_key

# what the public chest film sets call films without the finding, as spelling keys
_NORMAL = frozenset(
    (
        "normal", "healthy", "negative", "neg", "clear", "unremarkable", "uninfected", "control",
        "controls", "background", "absent", "no", "none", "false", "nofinding", "nofindings",
        "nodisease", "noncovid", "noncovid19", "nopneumonia", "nonpneumonia", "other", "others",
        "rest", "0", "-1",
    )
)  # fmt: skip
_NOT = ("no", "non", "not", "without")


def is_normal_name(label: str, *, other: str) -> bool:
    """Return whether a class's name says that its films do not show the other one.

    >>> is_normal_name("no_effusion", other="effusion"), is_normal_name("COVID-", other="COVID+")
    (True, True)
    """
    key, other_key = spelling_key(label), spelling_key(other)
    denies = {f"{word}{other_key}" for word in _NOT}
    return key in _NORMAL or key in denies or key.endswith(("negative", "-"))
