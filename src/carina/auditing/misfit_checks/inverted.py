"""Films with black and white swapped: air white, bone black."""

from collections.abc import Iterable

import numpy as np

from carina.auditing.film_pose import poses_of
from carina.auditing.misfit_check import MeasuredFilms, MisfitCheck, Suspect, measured_poses
from carina.auditing.misfit_checks import CHECKS


def _judge(films: MeasuredFilms) -> Iterable[Suspect]:
    """Suspect the films that look like a chest film only as their negative."""
    poses = poses_of(films.values)
    for place in np.flatnonzero(poses.believed & poses.inverted):
        yield Suspect(
            place=int(place),
            sureness="likely" if poses.clear[place] else "possible",
            strength=float(poses.gain[place]),
            sentence=f"Air looks white: its negative lies {poses.best[place]:.1f} from frontal "
            f"chest films, the picture as it is {poses.as_it_is[place]:.1f} (a usual film 1). "
            "Judged from 24 x 24 pixels; white lungs on both sides can deceive it.",
        )


CHECKS.register("inverted")(
    MisfitCheck(
        title="black and white swapped",
        judge=_judge,
        measure=measured_poses,
        yields_to=("blank", "collage", "lateral"),
    )
)
