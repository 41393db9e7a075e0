"""Sex and age, where they are stated."""

import numpy as np

from carina.auditing.signal import Columns, LabelledFilms, Signal, one_hot, steps
from carina.auditing.signals import SIGNALS


def _columns(films: LabelledFilms) -> Columns | None:
    sex = [record.sex for record in films.records]
    age = [np.nan if r.age_years is None else r.age_years for r in films.records]
    if not any(sex) and not np.isfinite(age).any():
        return None
    return np.column_stack([one_hot(sex), steps(np.array(age, dtype=np.float64))])


SIGNALS.register("demographics")(
    Signal(
        title="the stated sex and age (or their absence)",
        meaning="the patients of the classes differ in sex or age, which shows on a film",
        in_pixels=True,
        measure=_columns,
    )
)
