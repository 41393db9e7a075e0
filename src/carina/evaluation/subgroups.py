"""Which group a film belongs to, and what is told of small groups."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from carina.domain.prediction import Prediction
from carina.domain.record import Record

SMALLEST_SUBGROUP = 30
UNKNOWN = "unknown"

# childhood, adolescence, and adults by the thirds that chest registries use
_AGE_BANDS = ((5, "under 5"), (18, "5 to 17"), (40, "18 to 39"), (65, "40 to 64"))
_OLDEST_BAND = "65 and over"


def age_band(age_years: float | None) -> str | None:
    """Return the age band of a patient, or None if the age is unknown.

    >>> age_band(4.5), age_band(70), age_band(None)
    ('under 5', '65 and over', None)
    """
    if age_years is None:
        return None
    return next((name for limit, name in _AGE_BANDS if age_years < limit), _OLDEST_BAND)


def subgroups_of(
    records: Iterable[Record], predictions: Sequence[Prediction]
) -> dict[str, list[str | None]]:
    """Return each prediction's sex, view and age band, or None where unknown.

    Args:
        records: the data set's; those without a prediction do not count.
        predictions: of films of these records.
    """
    known = {record.key: record for record in records}
    own = [known[f"{film.source}/{film.path}"] for film in predictions]
    return {
        "sex": [record.sex for record in own],
        "view": [record.view for record in own],
        "age": [age_band(record.age_years) for record in own],
    }
