"""What a classifier keeps of its training films to tell other pictures from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from carina.domain.gate import GateMeasures
from carina.imaging.film_gaussian import FilmGaussian
from carina.imaging.thumbnails import Floats
from carina.inference.gate.columns import Pictures, pictures_of
from carina.inference.gate.gaussians import FeatureGaussian
from carina.inference.gate.scores import PictureScores

GATE_FILE = "gate.safetensors"
_FILMS = ("mean", "directions", "variances", "rest")
_NETWORK = ("means", "directions", "variances", "rest")
_SCORES = ("centre", "deviation", "waves", "shifts", "weights")
# A picture is called turned where it lies at least this many times (in logs) nearer so.
_LEAST_GAIN = float(np.log(1.15))


@dataclass(frozen=True, slots=True, eq=False)
class GateReference:
    """What fitted measures are made with; averages of films, and no film.

    Attributes:
        films: the training films as a Gaussian of small pictures.
        scores: what tells films from pictures made of them, and parts of films from the others.
        pose_fits: the largest log distance at which another pose is believed.
        network: the training films as the network sees them; None where it has no features.
    """

    films: FilmGaussian
    scores: PictureScores
    pose_fits: float
    network: FeatureGaussian | None = None

    def measured(
        self, measures: Sequence[GateMeasures], features: NDArray[np.floating] | None
    ) -> list[GateMeasures]:
        """Return the measures of films with the fitted values.

        Args:
            measures: each with its sketch; one without stays as it is.
            features: float `[n, features]`, the network's; None if there are none.
        """
        sketched = [place for place, one in enumerate(measures) if one.sketch is not None]
        done = list(measures)
        if not sketched:
            return done
        small = np.stack([_small(measures[place]) for place in sketched])
        pictures = pictures_of(small, self.films)
        scores = self.scores.of(pictures.columns)
        values = plain_values(small, pictures) | {"picture": scores[:, 0]}
        if features is not None and self.network is not None:
            values["features"] = self.network.distances(features[sketched])
        turned = (pictures.best < self.pose_fits) & (pictures.pose > _LEAST_GAIN)
        for row, place in enumerate(sketched):
            own = {name: float(column[row]) for name, column in values.items()}
            done[place] = replace(
                measures[place],
                values={"contrast": measures[place].contrast, **own},
                turn=int(pictures.turn[row]) if turned[row] else 0,
                inverted=bool(turned[row] and pictures.inverted[row]),
                is_part=bool(scores[row, 1] > 0),
            )
        return done

    def to_bytes(self) -> bytes:
        """Return it as the bytes of a safetensors file."""
        from safetensors.numpy import save

        arrays = {f"films.{name}": getattr(self.films, name) for name in _FILMS}
        arrays |= {f"scores.{name}": getattr(self.scores, name) for name in _SCORES}
        arrays["pose_fits"] = self.pose_fits
        if self.network is not None:
            arrays |= {f"network.{name}": getattr(self.network, name) for name in _NETWORK}
        return bytes(
            save({name: np.array(values, dtype=np.float32) for name, values in arrays.items()})
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> GateReference:
        """Return what `to_bytes` wrote.

        Raises:
            ClassifierError: if the bytes are something else.
        """
        from carina.inference.gate.checked_arrays import checked_arrays

        arrays = checked_arrays(data, name=GATE_FILE)
        has_network = "network.means" in arrays
        return cls(
            films=FilmGaussian(*_gaussian(arrays, "films", _FILMS)),
            scores=PictureScores(*(arrays[f"scores.{name}"] for name in _SCORES)),
            pose_fits=float(arrays["pose_fits"]),
            network=FeatureGaussian(*_gaussian(arrays, "network", _NETWORK))
            if has_network
            else None,
        )


def plain_values(small: NDArray[np.uint8], pictures: Pictures) -> dict[str, NDArray[np.float64]]:
    """Return the measures of pictures that need no scores, float64 `[n]` each."""
    return {
        "layout": pictures.layout,
        "pose": pictures.pose,
        "sharpness": pictures.sharpness,
        "mean_grey": small.mean(axis=(1, 2), dtype=np.float64) / 255,
    }


def _gaussian(
    arrays: dict[str, NDArray[np.float32]], part: str, names: Sequence[str]
) -> tuple[Floats, Floats, Floats, float]:
    first, directions, variances, rest = (arrays[f"{part}.{name}"] for name in names)
    return first, directions, variances, float(rest)


def _small(measures: GateMeasures) -> NDArray[np.uint8]:
    assert measures.sketch is not None  # the caller leaves out the others
    small: NDArray[np.uint8] = measures.sketch["small"]
    return small
