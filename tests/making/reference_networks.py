"""Backbones as plain formulas over published names, written apart from Carina's networks.

Each has a maker of random weights under the published names and a forward pass over them.
"""

import numpy as np
import torch
from torch.nn.functional import avg_pool2d, batch_norm, conv2d, max_pool2d, pad

VGG16 = {1: (64, 2), 2: (128, 2), 3: (256, 3), 4: (512, 3), 5: (512, 3)}
DENSENET121 = (6, 12, 24, 16)
# repeats, kernel, stride, expansion, depth
LITE0 = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


def keras_vgg16(seed=0, channels=3):
    """Weights as Keras names them: kernels `[h, w, in, out]`, float32 numpy."""
    rng = np.random.default_rng(seed)
    weights, depth = {}, channels
    for block, (filters, n) in VGG16.items():
        for index in range(1, n + 1):
            layer = f"block{block}_conv{index}"
            scale = (2 / (9 * depth)) ** 0.5
            kernel = rng.standard_normal((3, 3, depth, filters), dtype=np.float32) * scale
            weights[f"{layer}/kernel"] = kernel.astype(np.float32)
            weights[f"{layer}/bias"] = rng.normal(0, 0.1, filters).astype(np.float32)
            depth = filters
    return weights


def keras_vgg16_maps(weights, rgb):
    """block5_conv3 after its ReLU, of RGB `[n, 3, h, w]` in 0 to 1: 255 x, BGR, less the means."""
    values = rgb.flip(1) * 255 - torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1)
    for block, (_, n) in VGG16.items():
        for index in range(1, n + 1):
            layer = f"block{block}_conv{index}"
            kernel = torch.from_numpy(weights[f"{layer}/kernel"]).permute(3, 2, 0, 1)
            bias = torch.from_numpy(weights[f"{layer}/bias"])
            values = conv2d(values, kernel, bias, padding=1).clamp(min=0)
        if block < 5:
            values = max_pool2d(values, 2)
    return values


def torchvision_vgg16(weights):
    """The same weights under torchvision's names."""
    layers = [f"block{b}_conv{i}" for b, (_, n) in VGG16.items() for i in range(1, n + 1)]
    places = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
    state = {}
    for place, layer in zip(places, layers, strict=True):
        kernel = weights[f"{layer}/kernel"].transpose(3, 2, 0, 1)
        state[f"features.{place}.weight"] = torch.from_numpy(np.ascontiguousarray(kernel))
        state[f"features.{place}.bias"] = torch.from_numpy(weights[f"{layer}/bias"])
    return state


class Torchlike:
    """Random tensors by name, made as they are asked for; then the same ones again."""

    def __init__(self, seed=0):
        self.state = {}
        self._generator = torch.Generator().manual_seed(seed)

    def kernel(self, name, out, into, side):
        if name not in self.state:
            scale = (2 / (into * side * side)) ** 0.5
            shape = (out, into, side, side)
            self.state[name] = torch.randn(shape, generator=self._generator) * scale
        return self.state[name]

    def norm(self, values, name, epsilon):
        n = values.shape[1]
        if f"{name}.weight" not in self.state:
            draw = torch.rand(4, n, generator=self._generator)
            for value, row in zip(("weight", "running_var"), draw[:2] + 0.5, strict=True):
                self.state[f"{name}.{value}"] = row
            for value, row in zip(("bias", "running_mean"), draw[2:] - 0.5, strict=True):
                self.state[f"{name}.{value}"] = row
            self.state[f"{name}.num_batches_tracked"] = torch.tensor(7)
        parts = (self.state[f"{name}.{p}"] for p in ("running_mean", "running_var"))
        affine = (self.state[f"{name}.{p}"] for p in ("weight", "bias"))
        return batch_norm(values, *parts, *affine, eps=epsilon)


def densenet121_maps(own, pixels, *, epsilon=1e-5):
    """torchvision's DenseNet121 up to the last ReLU; `pixels` as the weights expect them."""

    def normed(values, name):
        return own.norm(values, f"features.{name}", epsilon).relu()

    def convolved(values, name, out, side, **how):
        kernel = own.kernel(f"features.{name}.weight", out, values.shape[1], side)
        return conv2d(values, kernel, **how)

    values = convolved(pixels, "conv0", 64, 7, stride=2, padding=3)
    values = max_pool2d(normed(values, "norm0"), 3, stride=2, padding=1)
    for block, n_layers in enumerate(DENSENET121, start=1):
        for index in range(1, n_layers + 1):
            layer = f"denseblock{block}.denselayer{index}"
            new = convolved(normed(values, f"{layer}.norm1"), f"{layer}.conv1", 128, 1)
            new = convolved(normed(new, f"{layer}.norm2"), f"{layer}.conv2", 32, 3, padding=1)
            values = torch.cat([values, new], dim=1)
        if block < 4:
            half, name = values.shape[1] // 2, f"transition{block}"
            values = convolved(normed(values, f"{name}.norm"), f"{name}.conv", half, 1)
            values = avg_pool2d(values, 2)
    return normed(values, "norm5")


def lite0_maps(own, pixels):
    """EfficientNet-lite0 up to the head's ReLU6; `pixels` as the weights expect them."""

    def passed(values, conv, norm, *, out, side=1, stride=1, alone=False, relu=True):
        kernel = own.kernel(f"{conv}.weight", out, 1 if alone else values.shape[1], side)
        edges = []
        for length in (values.shape[3], values.shape[2]):  # TensorFlow's "same"
            lack = max((int(np.ceil(length / stride)) - 1) * stride + side - length, 0)
            edges += [lack // 2, lack - lack // 2]
        groups = out if alone else 1
        values = conv2d(pad(values, edges), kernel, stride=stride, groups=groups)
        values = own.norm(values, norm, 1e-3)
        return values.clamp(0, 6) if relu else values

    values = passed(pixels, "_conv_stem", "_bn0", out=32, side=3, stride=2)
    number = 0
    for repeats, side, stride, expansion, depth in LITE0:
        for index in range(repeats):
            block, before, step = f"_blocks.{number}", values, stride if index == 0 else 1
            wide = values.shape[1] * expansion
            if expansion > 1:
                values = passed(values, f"{block}._expand_conv", f"{block}._bn0", out=wide)
            depthwise = (f"{block}._depthwise_conv", f"{block}._bn1")
            values = passed(values, *depthwise, out=wide, side=side, stride=step, alone=True)
            project = (f"{block}._project_conv", f"{block}._bn2")
            values = passed(values, *project, out=depth, relu=False)
            if step == 1 and before.shape[1] == depth:
                values = values + before
            number += 1
    return passed(values, "_conv_head", "_bn1", out=1280)
