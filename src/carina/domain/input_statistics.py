"""How the films that a network learned from look to it, so that a server can notice others."""

from collections.abc import Mapping

from pydantic import Field

from carina.domain.document import Plain


class InputStatistics(Plain):
    """The distribution of a few measures over films like those that the classifier is for.

    Plain measures are those of the training films. What is fitted to films is measured as it
    would be on a new film: distances of the gate by a gate that was fitted without the film, the
    network's features on films that it did not learn from.

    Attributes:
        n_films: films that were measured; 0 if none were.
        deciles: measure -> its 0, 10, ..., 100 % quantiles over them, eleven values that never
            fall: "mean_grey" and "contrast" in `[0, 1]`, "sharpness" (log of the mean step
            between neighbours over the deviation), and the gate's ("picture", "layout",
            "features"; `domain.gate.GateCheck`).
        shares: measure -> the share of these films in each of the bins that the inner deciles make
            (`inference.drift.bin_of`): ten of a tenth each, but where films have equal values.
        n_films_of: measure -> the films that its deciles rest on.
    """

    n_films: int = 0
    deciles: Mapping[str, tuple[float, ...]] = Field(default_factory=dict)
    shares: Mapping[str, tuple[float, ...]] = Field(default_factory=dict)
    n_films_of: Mapping[str, int] = Field(default_factory=dict)
