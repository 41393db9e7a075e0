"""What is kept of films behind the fixed blocks of vgg16."""

import pytest
import torch

from carina.domain.input_spec import InputSpec
from carina.domain.recipe import NetworkSection
from carina.models.build import build_network

SPEC = InputSpec(height=64, width=64, channels=3)
IMAGES = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def vgg16(trained):
    section = NetworkSection(architecture="vgg16", options={"dense": (8,)})
    network = build_network(section, spec=SPEC, n_classes=2, seed=0)
    network.freeze(trained)
    return network.eval()


@pytest.mark.parametrize(
    ("trained", "shape"),
    [("all", (3, 64, 64)), ("last-block", (512, 4, 4)), ("head", (512 * 2 * 2,))],
)
def test_the_fixed_part_ends_after_the_pooling_behind_it(trained, shape):
    """A quarter of the values is kept of what block 4 makes (8 x 8)."""
    network = vgg16(trained)
    with torch.no_grad():
        kept = network.frozen(IMAGES)
        assert kept.shape[1:] == shape
        before = kept.clone()
        wanted, _, _ = network.outputs(IMAGES)
        # 1e-6: the same sums in another order of rounding at most
        torch.testing.assert_close(network.from_frozen(kept), wanted, rtol=1e-5, atol=1e-6)
    assert torch.equal(kept, before)
