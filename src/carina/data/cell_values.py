"""Cells of tables that people wrote, as numbers; what cannot be one is refused."""

import math

_OLDEST_YEARS = 130
_SEXES = {"f": "F", "female": "F", "w": "F", "m": "M", "male": "M"}


def finite_number(text: str) -> float:
    """Return the number in a cell.

    Raises:
        ValueError: if it is none, or NaN or infinite.

    >>> finite_number(" -3.5")
    -3.5
    """
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def age_in_years(text: str) -> float:
    """Return the age in a cell, in `[0, 130]` years.

    Raises:
        ValueError: if it is no number or no age of a person.

    >>> age_in_years("61")
    61.0
    """
    age_years = finite_number(text)
    if not 0 <= age_years <= _OLDEST_YEARS:
        raise ValueError(text)
    return age_years


def sex_letter(text: str) -> str:
    """Return "F" or "M" for the sex in a cell.

    Raises:
        ValueError: if it is neither.

    >>> sex_letter("female")
    'F'
    """
    sex = _SEXES.get(text.strip().casefold())
    if sex is None:
        raise ValueError(text)
    return sex
