"""Films that lie on their side or stand on their head."""

from collections.abc import Iterable

import numpy as np

from carina.auditing.film_pose import poses_of
from carina.auditing.misfit_check import MeasuredFilms, MisfitCheck, Suspect, measured_poses
from carina.auditing.misfit_checks import CHECKS

_WORDS = {
    90: "turned a quarter anticlockwise",
    180: "upside down (turned by half, or flipped)",
    270: "turned a quarter clockwise",
}


def _judge(films: MeasuredFilms) -> Iterable[Suspect]:
    """Suspect the films that look like a chest film only when turned back."""
    poses = poses_of(films.values)
    for place in np.flatnonzero(poses.believed & (poses.turn != 0)):
        yield Suspect(
            place=int(place),
            sureness="likely" if poses.clear[place] else "possible",
            strength=float(poses.gain[place]),
            sentence=f"Looks {_WORDS[int(poses.turn[place])]}: set upright it lies "
            f"{poses.best[place]:.1f} from frontal chest films, as it is "
            f"{poses.as_it_is[place]:.1f} (a usual film 1). Judged from 24 x 24 pixels; a lung "
            "that is white altogether can deceive it.",
        )


CHECKS.register("rotated")(
    MisfitCheck(
        title="turned or upside down",
        judge=_judge,
        measure=measured_poses,
        yields_to=("blank", "collage", "lateral"),
    )
)
