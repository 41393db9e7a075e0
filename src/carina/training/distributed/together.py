"""What the workers of one training tell each other."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import torch
import torch.distributed as dist
from torch import Tensor

from carina.errors import TrainingError
from carina.models.network import Network
from carina.training.distributed.layers import BatchInHand

# Values in one message: 32 MB of float32, so that a large network needs no second copy of all.
_MESSAGE_VALUES = 8_000_000
BACKENDS = "cpu:gloo,cuda:nccl"
"""What carries messages: between CPUs, and between GPUs."""


class Together:
    """The workers of one training, as one of them sees it; their process group is there.

    Attributes:
        batch: the batch that a step is about.
        device: where this worker computes.
    """

    def __init__(self, batch: BatchInHand, device: torch.device) -> None:
        """Know who takes part; nothing is sent."""
        self.batch = batch
        self.device = device

    @property
    def leads(self) -> bool:
        """Whether this is the worker that writes and tells."""
        return self.batch.share.rank == 0

    def average_gradients(self, optimizer: torch.optim.Optimizer) -> None:
        """Let every step of an optimiser take the mean gradient over the whole batch.

        Each worker's gradient is that of the mean over its own films, and counts by how many
        these are; so the workers need not have equally many.
        """
        optimizer.register_step_pre_hook(self._average)

    def _average(self, optimizer: torch.optim.Optimizer, *_: object) -> None:
        weight = self.batch.share.weight(self.batch.n)
        every = [p.grad for g in optimizer.param_groups for p in g["params"] if p.grad is not None]
        for few in _messages(every):
            sent = torch.cat([gradient.reshape(-1) for gradient in few]).mul_(weight)
            dist.all_reduce(sent)
            at = 0
            for gradient in few:
                gradient.copy_(sent[at : at + gradient.numel()].view(gradient.shape))
                at += gradient.numel()

    def whole(self, own: Tensor, places: Sequence[int], n: int) -> Tensor:
        """Return rows of all workers in order.

        Args:
            own: `[m, ...]`, this worker's rows, on its device.
            places: the place of each among all.
            n: how many there are in all; those of no worker stay 0.
        """
        every = torch.zeros((n, *own.shape[1:]), dtype=own.dtype, device=self.device)
        if places:
            every[torch.as_tensor(places, device=self.device)] = own.to(self.device)
        dist.all_reduce(every)
        return every

    def summed(self, value: Tensor) -> Tensor:
        """Return the sum of a tensor over the workers."""
        total = value.clone()
        dist.all_reduce(total)
        return total

    def agreed(self, *asked: int) -> list[int]:
        """Return the largest of each number over the workers; a GPU is not waited for."""
        numbers = torch.tensor(asked, dtype=torch.int64)
        dist.all_reduce(numbers, op=dist.ReduceOp.MAX)
        return [int(number) for number in numbers]

    def require_same_weights(self, network: Network) -> None:
        """Refuse to go on if the workers' weights have drifted apart.

        Raises:
            TrainingError: on every worker, if they have.
        """
        sums = [one.detach().double().sum() for one in network.state_dict().values()]
        own = torch.stack([one.to(self.device) for one in sums])
        least, most = own.clone(), own.clone()
        dist.all_reduce(least, op=dist.ReduceOp.MIN)
        dist.all_reduce(most, op=dist.ReduceOp.MAX)
        if not torch.equal(least.nan_to_num(), most.nan_to_num()):
            raise TrainingError(
                "the workers' weights are no longer the same, so one of them computes otherwise "
                "than the others; give all of them the same kind of processor and the same "
                "versions, or train with --workers 1"
            )

    def require_of_all(self, problem: str) -> None:
        """Go on only if no worker has a problem.

        Args:
            problem: this worker's, as a sentence; "" for none.

        Raises:
            TrainingError: on every worker, with the first problem.
        """
        every: list[str] = [""] * self.batch.share.size
        dist.all_gather_object(every, problem)
        for rank, one in enumerate(every):
            if one:
                raise TrainingError(f"worker {rank + 1} of {len(every)} cannot take part: {one}")


def leave_group() -> None:
    """End this process's part in the group, so that the others do not wait for it."""
    if dist.is_initialized():
        dist.destroy_process_group()


def use_own_gpu() -> None:
    """Let this process compute on the GPU that is its own, where there are GPUs."""
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())


def _messages(gradients: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    """Yield gradients in groups that fit a message, at least one in each."""
    few: list[Tensor] = []
    for gradient in gradients:
        if few and sum(one.numel() for one in [*few, gradient]) > _MESSAGE_VALUES:
            yield few
            few = []
        few.append(gradient)
    if few:
        yield few
