"""Layers that look beyond one film of a batch, for workers that each have a part of it."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from carina.models.dropout import QuickDropout
from carina.models.network import Network
from carina.training.share import Share


class BatchInHand:
    """The batch that a step is about, as the layers of one worker know it.

    Attributes:
        share: the worker's.
        n: films of the whole batch.
    """

    def __init__(self, share: Share) -> None:
        """Begin with a batch of one film for each worker."""
        self.share = share
        self.n = share.size


class SharedDropout(nn.Module):
    """Dropout that draws the mask of the whole batch, and takes the rows of its own films.

    All workers draw from the same seed, so that a film's mask is the one that a single
    process draws for it.
    """

    def __init__(self, dropout: nn.Module, batch: BatchInHand) -> None:
        super().__init__()
        self.dropout = dropout
        self._batch = batch
        self._n_done = 0
        self._mask = torch.empty(0)

    def forward(self, values: Tensor) -> Tensor:
        """Return `values` with some of them 0 in training, and unchanged otherwise."""
        if not self.training:
            return values
        if not self._n_done:
            self._mask = self._drawn(values)
        rows = slice(self._n_done, self._n_done + len(values))
        # The films of a step may come in parts.
        self._n_done = rows.stop % len(self._mask)
        return values * self._mask[rows]

    def _drawn(self, values: Tensor) -> Tensor:
        """Return what all of this worker's films are multiplied by."""
        n = self._batch.n
        whole = torch.ones((n, *values.shape[1:]), dtype=values.dtype, device=values.device)
        if values.ndim == 4 and values.is_contiguous(memory_format=torch.channels_last):
            # A mask is drawn in the order of memory.
            whole = whole.contiguous(memory_format=torch.channels_last)
        mask: Tensor = self.dropout(whole)
        return mask[self._batch.share.rows(n)]


class SharedBatchNorm(nn.BatchNorm2d):
    """Batch normalisation by the mean and variance of the whole batch.

    torch's own `SyncBatchNorm` is for GPUs alone, and its gradients are not those of the whole
    batch where workers have unequally many films. The variance is taken in two passes, which
    lose nothing where the mean is large.

    References:
        Ioffe & Szegedy, ICML 2015, algorithm 1.
    """

    def __init__(self, own: nn.BatchNorm2d, batch: BatchInHand) -> None:
        """Take over the values of a layer."""
        super().__init__(own.num_features, eps=own.eps, momentum=own.momentum)
        self.weight, self.bias = own.weight, own.bias
        self.running_mean, self.running_var = own.running_mean, own.running_var
        self.num_batches_tracked = own.num_batches_tracked
        self._batch = batch

    def forward(self, values: Tensor) -> Tensor:
        """Return float `[n, channels, height, width]`, normalised."""
        if not self.training:
            answer: Tensor = super().forward(values)
            return answer
        exact = values.float()
        n_own = torch.full((1,), exact.numel() / exact.shape[1], device=exact.device)
        # The number of values goes with their sums, so that one message is enough.
        weight = self._batch.share.weight(self._batch.n)
        sums = _summed(torch.cat([exact.sum(dim=(0, 2, 3)), n_own]), weight)
        n = sums[-1].detach()
        mean = sums[:-1] / n
        centred = exact - mean.view(1, -1, 1, 1)
        variance = _summed(centred.square().sum(dim=(0, 2, 3)), weight) / n
        self._note(mean.detach(), variance.detach(), n)
        scale = torch.rsqrt(variance + self.eps) * self.weight
        normalised = centred * scale.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)
        return normalised.to(values.dtype)

    def _note(self, mean: Tensor, variance: Tensor, n: Tensor) -> None:
        """Take a batch into the running statistics, as torch does: with the unbiased variance."""
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        share = self._batch.share
        times = share.size if share.is_repeated(self._batch.n) else 1
        with torch.no_grad():
            self.num_batches_tracked += 1
            weight = self.momentum if self.momentum is not None else 1 / self.num_batches_tracked
            self.running_mean.lerp_(mean, weight)
            self.running_var.lerp_(variance * n / (n - times), weight)


class _Summed(torch.autograd.Function):
    """A sum over the workers whose gradient comes back from all of them."""

    @staticmethod
    def forward(ctx: Any, own: Tensor, weight: float) -> Tensor:
        """Return the sum.

        Args:
            ctx: keeps the weight.
            own: this worker's.
            weight: what this worker's gradients count in the mean (`Share.weight`).
        """
        ctx.weight = weight
        total = own.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """Return the gradient by this worker's own values, as if its weight were 1: with that
        it is multiplied where gradients are averaged."""
        total = gradients[0] * ctx.weight
        dist.all_reduce(total)
        return total / ctx.weight, None


def _summed(own: Tensor, weight: float) -> Tensor:
    total: Tensor = _Summed.apply(own, weight)  # type: ignore[no-untyped-call]
    return total


def has_batch_norm(network: Network) -> bool:
    """Return whether a layer of a network that is trained looks at the statistics of a batch."""
    norms = (layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d))
    return any(norm.training for norm in norms)


def share_layers(network: Network, batch: BatchInHand) -> None:
    """Let a network's layers know of the other workers' films.

    The names and the values of its state stay as they are.

    Args:
        network: changed in place.
        batch: what the loop tells the layers by.
    """
    for parent in list(network.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, QuickDropout | nn.Dropout):
                setattr(parent, name, SharedDropout(layer, batch))
            elif isinstance(layer, nn.BatchNorm2d):
                setattr(parent, name, SharedBatchNorm(layer, batch))
    network.train(network.training)
