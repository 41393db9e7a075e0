"""Winograd's products: what a 3x3 convolution gives, with fewer multiplications."""

import pytest
import torch
from torch import nn

from carina.models.winograd import WinogradConv2d, is_worth_it, use_winograd


def convolution(depth=128, filters=130, **kwargs):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Conv2d(depth, filters, 3, **{"padding": 1, **kwargs}).requires_grad_(False)


@pytest.mark.parametrize(
    "shape", [(1, 1), (2, 2), (7, 9), (8, 5), (64, 60)], ids=lambda s: f"{s[0]}x{s[1]}"
)
@pytest.mark.parametrize("n", [1, 3])
def test_it_gives_what_the_convolution_gives(shape, n):
    layer = convolution()
    images = torch.randn(n, 128, *shape, generator=torch.Generator().manual_seed(1))
    found = WinogradConv2d(layer, torch.float32)(images)
    assert found.shape == (n, 130, *shape)
    torch.testing.assert_close(found, layer(images), rtol=1e-4, atol=1e-5)


def test_in_bf16_it_rounds_as_coarsely_as_bf16():
    layer = convolution(bias=False)
    images = torch.randn(1, 128, 20, 20, generator=torch.Generator().manual_seed(1))
    exact = layer(images)
    found = WinogradConv2d(layer, torch.bfloat16)(images)
    assert found.dtype == torch.bfloat16
    assert (found.float() - exact).norm() / exact.norm() < 0.01


@pytest.mark.parametrize(
    "other",
    [
        convolution(127),
        convolution(128, 127),
        convolution(stride=2),
        convolution(padding=0),
        convolution(dilation=2, padding=2),
        convolution(128, 128, groups=2),
        convolution(padding_mode="reflect"),
        nn.Conv2d(128, 128, 1),
        nn.ReLU(),
    ],
    ids=str,
)
def test_other_layers_stay_as_they_are(other):
    layers = nn.Sequential(other, convolution())
    use_winograd(layers, torch.float32)
    assert layers[0] is other
    assert isinstance(layers[1], WinogradConv2d)
    assert not is_worth_it(other)
