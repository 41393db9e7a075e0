"""Several films in one picture."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from carina.auditing.film_reference import film_reference
from carina.auditing.misfit_check import MeasuredFilms, MisfitCheck, SketchedFilms, Suspect
from carina.auditing.misfit_checks import CHECKS
from carina.imaging.sketch import SKETCH_SIDE
from carina.imaging.thumbnails import Floats, equalised_thumbnails

# Every panel of a collage lies at most so far from frontal chest films, and nearer than the whole
# by this factor: with these `benchmarks/misfits.py` finds 9 to 10 of 10 collages, and none among
# 2,563 real films, whose parts lie farther than the whole.
_PANEL_FITS = 3.5
_RATIO, _CLEAR_RATIO = 0.65, 0.4
# Only what looks odd as a whole is taken apart, to save time: nearly all collages, few films.
_ODD_DISTANCE, _ODD_ODDS = 1.7, 5.0
_UNTRIED = 9.0
_Box = tuple[slice, slice]
_ALL = slice(None)


def _grid(rows: int, columns: int) -> list[_Box]:
    """Return the boxes of even panels."""
    high, wide = SKETCH_SIDE // rows, SKETCH_SIDE // columns
    return [
        (slice(y * high, (y + 1) * high), slice(x * wide, (x + 1) * wide))
        for y in range(rows)
        for x in range(columns)
    ]


_LAYOUTS = {
    "two films side by side": _grid(1, 2),
    "two films one above the other": _grid(2, 1),
    "three films side by side": _grid(1, 3),
    "four films": _grid(2, 2),
}


def _measure(films: SketchedFilms) -> Floats:
    """Return the worst panel's distance in each layout, and the whole's, float32 `[n, 5]`."""
    poses = films.poses
    whole, odds = poses[:, :-1].min(axis=1), poses[:, -1]
    odd = (whole > _ODD_DISTANCE) & (odds < _ODD_ODDS)
    values = np.full((len(films.small), len(_LAYOUTS) + 1), _UNTRIED, dtype=np.float32)
    values[:, -1] = whole
    if odd.any():
        for column, boxes in enumerate(_LAYOUTS.values()):
            panels = [_distance(films.small[odd][(_ALL, *box)]) for box in boxes]
            values[odd, column] = np.max(panels, axis=0)
    return values


def _distance(panels: NDArray[np.uint8]) -> Floats:
    """Return how far panels lie from upright chest films, float32 `[n]`."""
    _, height, width = panels.shape
    rows, columns = (np.arange(SKETCH_SIDE) * side // SKETCH_SIDE for side in (height, width))
    stretched = panels[:, rows[:, None], columns]
    return film_reference().fit(equalised_thumbnails(stretched)).distances[:, 0, 0]


def _judge(films: MeasuredFilms) -> Iterable[Suspect]:
    """Suspect pictures whose parts look like chest films and which do not as a whole."""
    panels, whole = films.values[:, :-1], films.values[:, -1]
    layout, nearest = panels.argmin(axis=1), panels.min(axis=1)
    ratio = nearest / np.maximum(whole, 1e-3)
    names = list(_LAYOUTS)
    for place in np.flatnonzero((nearest < _PANEL_FITS) & (ratio < _RATIO)):
        yield Suspect(
            place=int(place),
            sureness="likely" if ratio[place] < _CLEAR_RATIO else "possible",
            strength=float(-ratio[place]),
            sentence=f"Looks like {names[layout[place]]}: each part lies within "
            f"{nearest[place]:.1f} of frontal chest films, the whole {whole[place]:.1f} away (a "
            "usual film 1). Pictures of something else can fall apart like that by chance.",
        )


CHECKS.register("collage")(
    MisfitCheck(
        title="several films in one picture", judge=_judge, measure=_measure, yields_to=("blank",)
    )
)
