"""The most memory that a network's computation holds at once, found without computing it."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from carina.domain.input_spec import InputSpec
from carina.models.network import Network

Some = TypeVar("Some", bound=Network)


class Sketches:
    """Tensors that have a shape, a type, a device and a lifetime, but no values.

    A computation on them asks for every tensor that it would make, so that what would be held
    at once can be added up: exactly, without its memory, and in the same time for any number of
    films. What the kernels take for themselves within one operation is not seen.

    References:
        torch.compiler_fake_tensor in PyTorch's documentation.
    """

    def __init__(self, device: torch.device) -> None:
        """Make nothing yet.

        Args:
            device: where the computation would be.
        """
        self._device = device
        self._mode = FakeTensorMode()

    def network(self, network: Some, *, training: bool) -> Some:
        """Return the same network with sketches for its values, laid out as a training does.

        Args:
            network: not touched.
            training: the mode of the sketch.
        """
        values = (*network.parameters(), *network.buffers())
        sketched = copy.deepcopy(network, {id(own): self._of(own) for own in values})
        sketched.train(training)
        return sketched

    def values(self, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        """Return a tensor of a shape."""
        with self._mode:
            return torch.empty(shape, dtype=dtype, device=self._device)

    def images(self, spec: InputSpec, n: int) -> Tensor:
        """Return `n` films as a network takes them, their channels one and the same."""
        return self.values(n, 1, spec.height, spec.width).expand(-1, spec.channels, -1, -1)

    @contextmanager
    def held(self, *before: Tensor) -> Iterator[HeldBytes]:
        """Count what the computation in the block holds beside what was there before."""
        with self._mode, HeldBytes(before) as held:
            yield held

    def _of(self, own: Tensor) -> Tensor:
        layout = torch.channels_last if own.ndim == 4 else torch.contiguous_format
        with self._mode:
            sketch = torch.empty(
                own.shape, dtype=own.dtype, device=self._device, memory_format=layout
            )
        if isinstance(own, nn.Parameter):
            return nn.Parameter(sketch, requires_grad=own.requires_grad)
        return sketch


class HeldBytes(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's own
    """Adds up the bytes of the tensors that live, and keeps the most.

    Attributes:
        most: the most bytes at once so far.
    """

    def __init__(self, before: tuple[Tensor, ...]) -> None:
        """Begin with nothing held.

        Args:
            before: tensors that do not count.
        """
        super().__init__()  # type: ignore[no-untyped-call]  # torch's own
        self.most = 0
        self._now = 0
        self._living: dict[int, weakref.ref[Any]] = {}
        for one in before:
            self._note(one, counts=False)

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Let an operation be done, and note what it made."""
        made = func(*args, **(kwargs or {}))
        for one in tree_leaves(made):
            if isinstance(one, Tensor):
                self._note(one)
        return made

    def _note(self, one: Tensor, *, counts: bool = True) -> None:
        storage = one.untyped_storage()
        key = storage._cdata
        if key in self._living:
            return
        n_bytes = storage.nbytes() if counts else 0
        self._now += n_bytes
        self.most = max(self.most, self._now)
        self._living[key] = weakref.ref(storage, lambda _: self._forget(key, n_bytes))

    def _forget(self, key: int, n_bytes: int) -> None:
        del self._living[key]
        self._now -= n_bytes
