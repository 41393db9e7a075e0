"""The printed lines of an export answer as the classifier does, whatever its calibration."""

import numpy as np
import pytest

from carina.domain.calibration import Calibration
from carina.workflows.export_usage import calibration_lines

RULES = {
    "identity": Calibration(),
    "temperature": Calibration(method="temperature", temperature=1.7, n_fitted=40),
    "vector": Calibration(method="vector", scales=(0.6, 1.4), shifts=(0.3, -0.2), n_fitted=40),
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_the_lines_calibrate_a_networks_own_probabilities(rule, n_outputs):
    z = np.linspace(-6, 6, 9)
    logits = np.stack([-z / 2, z / 2], axis=1)
    own = Calibration().apply(logits)
    names = {"probabilities": own[:, -n_outputs:]}
    exec("\n".join(calibration_lines(RULES[rule], n_outputs=n_outputs)), names)
    wanted = RULES[rule].apply(logits)
    np.testing.assert_allclose(names["probabilities"], wanted[:, -n_outputs:], rtol=1e-9)
