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
    return GateMeasures(
        height=radiograph.height,
        width=radiograph.width,
        contrast=contrast,
        colour_share=radiograph.colour_share,
        view=radiograph.view,
        modality=modality_of(radiograph.traces),
        sketch=sketch,
    )


def measures_of_facts(facts: FilmFacts, sketch: NDArray[np.void]) -> GateMeasures:
    """Return the same of a film that was decoded before.

    Args:
        facts: what it told.
        sketch: one element of `imaging.sketch.SKETCH`.
    """
    return GateMeasures(
        height=facts.height,
        width=facts.width,
        contrast=facts.contrast,
        colour_share=facts.colour_share,
        view=facts.view,
        modality=modality_of(facts.traces),
        sketch=sketch,
    )
