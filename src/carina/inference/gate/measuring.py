"""What a gate looks at before the network has seen the film."""

import numpy as np
from numpy.typing import NDArray

from carina.domain.film_facts import FilmFacts
from carina.domain.gate import GateMeasures
from carina.domain.radiograph import Radiograph
from carina.domain.views import modality_of
from carina.imaging.digests import contrast_and_sketch


def measure(radiograph: Radiograph) -> GateMeasures:
    """Return what a `Gate` judges a film by; what was fitted is measured by `GateReference`."""
    contrast, sketch = contrast_and_sketch(radiograph.pixels)
    return _measures(radiograph, contrast, sketch)


def measures_of_facts(facts: FilmFacts, sketch: NDArray[np.void]) -> GateMeasures:
    """Return the same of a film that was decoded before.

    Args:
        facts: what it told.
        sketch: one element of `imaging.sketch.SKETCH`.
    """
    return _measures(facts, facts.contrast, sketch)


def _measures(
    film: Radiograph | FilmFacts, contrast: float, sketch: NDArray[np.void]
) -> GateMeasures:
    return GateMeasures(
        height=film.height,
        width=film.width,
        contrast=contrast,
        colour_share=film.colour_share,
        view=film.view,
        modality=modality_of(film.traces),
        sketch=sketch,
    )
