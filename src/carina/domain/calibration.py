"""Rules that are fitted by evaluation and applied by inference: scores into answers."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from carina.domain.document import Plain
from carina.domain.softmax import log_softmax


class Calibration(Plain):
    """Logits -> probabilities.

    Attributes:
        method: "identity": the softmax of the logits as they are.
    """

    method: Literal["identity"] = "identity"

    def apply(self, logits: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return probabilities float64 `[n, classes]`, each row summing to 1.

        Args:
            logits: float `[n, classes]`.

        >>> Calibration().apply(np.array([[0.0, 0.0]])).tolist()
        [[0.5, 0.5]]
        """
        probabilities: NDArray[np.float64] = np.exp(log_softmax(logits))
        return probabilities


class Thresholds(Plain):
    """Probabilities -> the index of the answer.

    Attributes:
        rule: "highest": the most probable class; the first one at a tie.
    """

    rule: Literal["highest"] = "highest"

    def apply(self, probabilities: NDArray[np.float64]) -> NDArray[np.intp]:
        """Return the answers intp `[n]` for probabilities float `[n, classes]`.

        >>> Thresholds().apply(np.array([[0.2, 0.8]])).tolist()
        [1]
        """
        answers: NDArray[np.intp] = np.argmax(probabilities, axis=1)
        return answers


class Abstention(Plain):
    """Probabilities -> whether to answer at all.

    Attributes:
        rule: "never": every film that passes the gate is answered.
    """

    rule: Literal["never"] = "never"

    def apply(self, probabilities: NDArray[np.float64]) -> list[str]:
        """Return a reason per film for not answering, "" where there is none."""
        return [""] * len(probabilities)
