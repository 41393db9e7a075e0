"""Pictures that are no frontal chest films: other body parts, CT slices, anything else."""

from collections.abc import Iterable

import numpy as np

from carina.auditing.film_pose import poses_of
from carina.auditing.misfit_check import MeasuredFilms, MisfitCheck, Suspect, measured_poses
from carina.auditing.misfit_checks import CHECKS
from carina.domain.film_facts import FilmFacts
from carina.domain.record import Record
from carina.domain.views import NO_RADIOGRAPHS

# Log odds, from `benchmarks/film_reference.py`: of the films of a set that the reference had not
# seen 1 % lie below -3 to -4.5, and few of one that it had; photographs and textures below.
_DOUBTFUL, _CLEAR = -3.0, -6.0
# Where so many films are suspected, it is more likely that this data set is made otherwise.
_TOO_MANY = 0.25
# The planes that tables of public sets write as views.
_PLANES = frozenset({"axial", "coronal", "sagittal"})


def _judge(films: MeasuredFilms) -> Iterable[Suspect]:
    """Suspect what its tags call another kind of image, and what looks like none of the films."""
    odds = poses_of(films.values).odds
    is_common = (odds < _DOUBTFUL).mean() > _TOO_MANY
    for place, (record, facts) in enumerate(zip(films.records, films.facts, strict=True)):
        tag = _tag(record, facts)
        if tag:
            yield Suspect(place=place, sureness="certain", strength=np.inf, sentence=tag)
        elif odds[place] < _DOUBTFUL:
            is_likely = odds[place] < _CLEAR and not is_common
            yield Suspect(
                place=place,
                sureness="likely" if is_likely else "possible",
                strength=float(-odds[place]),
                sentence=f"Does not look like a frontal chest film in any pose: log odds "
                f"{odds[place]:.1f}, where real films lie around 6. Judged from a small copy; "
                "wide white margins, a narrow crop, a lost lung or strong rotation of the "
                "patient look like that too.",
            )


def _tag(record: Record, facts: FilmFacts) -> str:
    """Return what a tag says against the film, in words, or ""."""
    view = record.view or facts.view or ""
    if view.casefold() in _PLANES:
        return f"Its view is stated as '{view}', a plane of slices, and no projection."
    for code, name in NO_RADIOGRAPHS.items():
        if f"modality {code}" in facts.traces:
            return f"The file says that it is an image of another kind: modality {code} ({name})."
    return ""


CHECKS.register("not-chest")(
    MisfitCheck(
        title="no frontal chest film",
        judge=_judge,
        measure=measured_poses,
        yields_to=("blank", "collage", "inverted", "lateral", "rotated"),
    )
)
