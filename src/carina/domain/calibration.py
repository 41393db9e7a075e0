"""The rule that turns logits into probabilities: fitted by evaluation, applied by inference."""

from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from carina.domain.document import Plain
from carina.domain.softmax import log_softmax

Finite = Annotated[float, Field(allow_inf_nan=False)]
FinitePositive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Calibration(Plain):
    """Logits -> probabilities.

    Log-probabilities (a cascade's logits) and the two logits `[-z/2, z/2]` of a sigmoid
    network are logits like others.

    Attributes:
        method: "identity": the softmax of the logits as they are; "temperature": of the
            logits divided by `temperature`; "vector": of each film's logits, centred at
            their mean, times `scales`, plus `shifts`.
        temperature: above 1 the answers become less sure, below 1 surer; which class is
            the most probable stays. 1 for other methods.
        scales: for "vector" one factor for each class, in the order of the logits; else
            empty.
        shifts: for "vector" one summand for each class; else empty.
        n_fitted: films of the validation part that it was fitted on; 0 if it was not.
        unfitted_because: why it is not what was asked for: the identity instead of a fit,
            or a temperature instead of a vector; else "".

    References:
        Guo, Pleiss, Sun & Weinberger, ICML (2017), PMLR 70, 1321-1330: temperature and
        vector scaling. Centring is ours: a softmax does not see what all logits of a film
        have in common, but scales that differ would.
    """

    method: Literal["identity", "temperature", "vector"] = "identity"
    temperature: FinitePositive = 1.0
    scales: tuple[FinitePositive, ...] = ()
    shifts: tuple[Finite, ...] = ()
    n_fitted: int = Field(default=0, ge=0)
    unfitted_because: str = ""

    @model_validator(mode="after")
    def _values_belong_to_the_method(self) -> Self:
        if self.method != "temperature" and self.temperature != 1:
            raise ValueError(
                f"temperature {self.temperature} stands beside the method '{self.method}'; "
                "only the method 'temperature' has one"
            )
        given = {len(self.scales), len(self.shifts)}
        if self.method == "vector" and (len(given) > 1 or 0 in given):
            raise ValueError(
                "the method 'vector' needs a scale and a shift for each class; got "
                f"{len(self.scales)} scales and {len(self.shifts)} shifts"
            )
        if self.method != "vector" and given != {0}:
            raise ValueError(f"scales and shifts stand beside the method '{self.method}'")
        return self

    @property
    def in_words(self) -> str:
        """How logits become probabilities, for a sentence.

        >>> Calibration(method="temperature", temperature=1.829, n_fitted=37).in_words
        'the softmax of the logits divided by a temperature of 1.83, fitted on 37 validation films'
        """
        on = f", fitted on {self.n_fitted:,} validation films"
        if self.method == "temperature":
            return (
                f"the softmax of the logits divided by a temperature of {self.temperature:.3g}{on}"
            )
        if self.method == "vector":
            return f"the softmax of the logits with a scale and a shift for each class{on}"
        return "the softmax of the logits as they are"

    def apply(self, logits: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return probabilities float64 `[n, classes]`, each row summing to 1.

        Args:
            logits: float `[n, classes]`, finite.

        Raises:
            ValueError: if there is not one scale for each class.

        >>> Calibration().apply(np.array([[0.0, 0.0]])).tolist()
        [[0.5, 0.5]]
        >>> softer = Calibration(method="temperature", temperature=2.0)
        >>> softer.apply(np.array([[0.0, 4.0]])).round(3).tolist()
        [[0.119, 0.881]]
        """
        wide = np.asarray(logits, dtype=np.float64)
        if self.method == "temperature":
            wide = self._cooled(wide)
        if self.method == "vector":
            wide = self._scaled(wide)
        probabilities: NDArray[np.float64] = np.exp(log_softmax(wide))
        return probabilities

    def _cooled(self, logits: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return logits below their row's largest, divided by the temperature."""
        with np.errstate(over="ignore"):  # -inf is the logarithm of a probability of 0
            cooled: NDArray[np.float64] = (
                logits - logits.max(axis=1, keepdims=True)
            ) / self.temperature
        return cooled

    def _scaled(self, logits: NDArray[np.float64]) -> NDArray[np.float64]:
        if logits.shape[1] != len(self.scales):
            raise ValueError(
                f"{logits.shape[1]} logits a film for a calibration of {len(self.scales)} classes"
            )
        centred = logits - logits.mean(axis=1, keepdims=True)
        scaled: NDArray[np.float64] = centred * np.array(self.scales) + np.array(self.shifts)
        return scaled
