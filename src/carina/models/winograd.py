"""3x3 convolutions with 4/9 of the multiplications, for layers that are held fixed."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

# Below so many channels the additions cost more than the saved multiplications.
_LEAST_CHANNELS = 128
# So many tiles stay in the processor's cache between the sums and the products, and still
# make use of the kernels that are read for them.
_TILES_AT_ONCE = 800
# G of F(2x2, 3x3): a kernel in the transformed domain is G w G^T.
_KERNEL_TRANSFORM = ((1.0, 0.0, 0.0), (0.5, 0.5, 0.5), (0.5, -0.5, 0.5), (0.0, 0.0, 1.0))


class WinogradConv2d(nn.Conv2d):
    """A 3x3 convolution with padding 1, computed tile by tile as F(2x2, 3x3); for inference.

    Each 2x2 tile of the output takes 16 products a channel pair where the direct way takes
    36; the sums around them run in `dtype` too, so in bfloat16 a layer's rounding error is
    about three times the direct one's.

    References:
        Lavin & Gray, Fast algorithms for convolutional neural networks, CVPR 2016, sec. 4.1.
    """

    def __init__(self, layer: nn.Conv2d, dtype: torch.dtype) -> None:
        """Take over a layer's weights.

        Args:
            layer: one that `is_worth_it` is true of.
            dtype: what it computes in and returns.
        """
        has_bias = layer.bias is not None
        super().__init__(layer.in_channels, layer.out_channels, 3, padding=1, bias=has_bias)
        self.load_state_dict(layer.state_dict())
        self.requires_grad_(False)
        transform = torch.tensor(_KERNEL_TRANSFORM)
        kernels = torch.einsum("ai,ocij,bj->abco", transform, self.weight.float(), transform)
        self.register_buffer(
            "kernels", kernels.flatten(0, 1).to(dtype).contiguous(), persistent=False
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return the convolved maps `[n, out, height, width]`, channels last in memory.

        Args:
            images: float `[n, in, height, width]`.
        """
        kernels = self.get_buffer("kernels")
        n, _, height, width = images.shape
        rows, columns = (height + 1) // 2, (width + 1) // 2
        values = images.to(kernels.dtype).permute(0, 2, 3, 1)
        values = pad(values, (0, 0, 1, 1 + width % 2, 1, 1 + height % 2))
        maps = values.new_empty((n, 2 * rows, 2 * columns, self.out_channels))
        rows_at_once = min(rows, max(1, _TILES_AT_ONCE // columns))
        films_at_once = max(1, _TILES_AT_ONCE // (rows_at_once * columns))
        for film in range(0, n, films_at_once):
            for row in range(0, rows, rows_at_once):
                films = slice(film, film + films_at_once)
                end = 2 * min(row + rows_at_once, rows)
                tiles = _transformed_tiles(values[films, 2 * row : end + 2])
                products = torch.bmm(tiles.flatten(0, 1).flatten(1, 3), kernels)
                _write_maps(products.view(*tiles.shape[:-1], -1), maps[films, 2 * row : end])
        if self.bias is not None:
            maps += self.bias.to(maps.dtype)
        return maps[:, :height, :width].permute(0, 3, 1, 2)


def is_worth_it(layer: nn.Module) -> bool:
    """Return whether a layer is a convolution that `WinogradConv2d` computes, and sooner."""
    return (
        isinstance(layer, nn.Conv2d)
        and (layer.kernel_size, layer.padding) == ((3, 3), (1, 1))
        and (layer.stride, layer.dilation, layer.groups) == ((1, 1), (1, 1), 1)
        and layer.padding_mode == "zeros"
        and min(layer.in_channels, layer.out_channels) >= _LEAST_CHANNELS
    )


def use_winograd(layers: nn.Module, dtype: torch.dtype) -> None:
    """Put `WinogradConv2d` in the place of every layer below `layers` where it is worth it."""
    for parent in list(layers.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Conv2d) and is_worth_it(child):
                setattr(parent, name, WinogradConv2d(child, dtype))


def _transformed_tiles(values: Tensor) -> Tensor:
    """Return B^T d B `[4, 4, n, rows, columns, c]` of every 4x4 tile d, a step of 2 apart.

    Args:
        values: `[n, 2 * rows + 2, 2 * columns + 2, c]`, padded.
    """
    n, height, width, channels = values.shape
    rows, columns = height // 2 - 1, width // 2 - 1
    tiles = values.new_empty((4, 4, n, rows, columns, channels))
    down = [values[:, i : i + 2 * rows - 1 : 2] for i in range(4)]
    for row, summed in zip(tiles, _tile_sums(down), strict=True):
        across = [summed[:, :, j : j + 2 * columns - 1 : 2] for j in range(4)]
        _tile_sums(across, out=row)
    return tiles


def _tile_sums(d: list[Tensor], out: Tensor | None = None) -> list[Tensor]:
    """Return the rows of B^T d, written into `out[0]` to `out[3]` if it is given."""
    into: list[Tensor | None] = [None] * 4 if out is None else list(out)
    return [
        torch.sub(d[0], d[2], out=into[0]),
        torch.add(d[1], d[2], out=into[1]),
        torch.sub(d[2], d[1], out=into[2]),
        torch.sub(d[1], d[3], out=into[3]),
    ]


def _write_maps(products: Tensor, maps: Tensor) -> None:
    """Write A^T m A, tile beside tile, into maps `[n, 2 * rows, 2 * columns, c]`.

    Args:
        products: m `[4, 4, n, rows, columns, c]`.
        maps: the place of the values.
    """
    n, rows, columns, channels = products.shape[2:]
    in_tiles = maps.view(n, rows, 2, columns, 2, channels)
    top = products[0] + products[1] + products[2]
    bottom = products[1] - products[2] - products[3]
    for i, m in enumerate((top, bottom)):
        torch.add(m[0] + m[1], m[2], out=in_tiles[:, :, i, :, 0])
        torch.sub(m[1] - m[2], m[3], out=in_tiles[:, :, i, :, 1])
