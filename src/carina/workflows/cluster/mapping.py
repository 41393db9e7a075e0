"""Work on very many things, mapped over Ray Data in bounded memory and in their order."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from carina.errors import CarinaError, CouldNotError, error_of_code
from carina.files.machine import usable_cores
from carina.workflows.cluster.session import ray_session

Item = TypeVar("Item")
Made = TypeVar("Made")
# One task of a worker; larger ones cost Ray less, smaller ones share the end better.
_MOST_ITEMS_OF_TASK = 16
_TASKS_OF_WORKER = 8


@dataclass(frozen=True, slots=True)
class Workers:
    """Who does the work.

    Attributes:
        n: how many processes.
        cluster: address of the Ray that they run in; "" for one of the command's own.
    """

    n: int
    cluster: str = ""

    @property
    def threads(self) -> int:
        """CPU threads of each: on one machine they share its cores."""
        return usable_cores() if self.cluster else max(1, usable_cores() // self.n)


def mapped(
    make: Callable[[], Callable[[Item], Made]], items: Sequence[Item], workers: Workers
) -> Generator[Made, None, None]:
    """Yield what workers make of each item, in the order of the items.

    Results come as they are made, and few are held. A worker that is lost is replaced, and what
    it had in hand is done again.

    Args:
        make: called once by each worker, in its process; returns what makes one result of one
            item. It, the items and the results are sent between processes.
        items: not too small: about a second of work each.
        workers: how many, and where.

    Raises:
        CarinaError: as `make` and what it returns raise it.
        CouldNotError: if Ray cannot be used, or the work fails in another way.
    """
    if not items:
        return
    with ray_session(workers.cluster, cores=workers.n * workers.threads):
        import ray

        try:
            for made in _results(make, items, workers):
                if isinstance(made, _Failed):
                    raise error_of_code(made.code, made.message)
                yield made
        except ray.exceptions.RayError as error:
            last = str(error).strip().splitlines()[-1]
            raise CouldNotError(
                f"the workers could not do their work: {last}; do it with --workers 1, or look at "
                "the logs of Ray"
            ) from error


def _results(
    make: Callable[[], Callable[[Item], Made]], items: Sequence[Item], workers: Workers
) -> Generator[Made | _Failed, None, None]:
    import pyarrow as pa  # type: ignore[import-untyped]
    import ray.data
    from ray import cloudpickle  # what Ray itself sends things by; none is ever read from a file

    n_task = max(1, min(_MOST_ITEMS_OF_TASK, len(items) // (workers.n * _TASKS_OF_WORKER)))
    tables = [
        pa.table(
            {
                "item": [
                    cloudpickle.dumps(item)  # type: ignore[no-untyped-call]
                    for item in items[at : at + n_task]
                ]
            }
        )
        for at in range(0, len(items), n_task)
    ]
    films = ray.data.from_arrow(tables)
    films.context.execution_options.preserve_order = True
    films.context.enable_progress_bars = False
    films.context.print_on_execution_start = False
    made = films.map_batches(
        _Worker,
        fn_constructor_args=[make, str(Path.cwd())],
        batch_size=1,
        batch_format="numpy",
        compute=ray.data.ActorPoolStrategy(size=min(workers.n, len(tables))),
        num_cpus=workers.threads,
    )
    for row in made.iter_rows():
        yield cloudpickle.loads(row["made"])


@dataclass(frozen=True, slots=True)
class _Failed:
    """An error in a worker's process."""

    code: str
    message: str


class _Worker:
    """What runs in a worker's process."""

    def __init__(self, make: Callable[[], Callable[[Any], Any]], folder: str) -> None:
        """Get ready where relative paths mean what they mean to the command.

        Args:
            make: as in `mapped`.
            folder: the command's working folder.
        """
        self._problem: _Failed | None = None
        try:
            _enter(folder)
            self._make = make()
        except CarinaError as error:
            self._problem = _Failed(error.code, str(error))

    def __call__(self, batch: dict[str, NDArray[np.object_]]) -> dict[str, list[bytes]]:
        """Return what is made of the one item of a batch, or the error that it raised."""
        from ray import cloudpickle

        made: bytes = cloudpickle.dumps(self._made(batch["item"][0]))  # type: ignore[no-untyped-call]
        return {"made": [made]}

    def _made(self, item: bytes) -> Any:
        from ray import cloudpickle

        if self._problem is not None:
            return self._problem
        try:
            return self._make(cloudpickle.loads(item))
        except CarinaError as error:
            return _Failed(error.code, str(error))


def _enter(folder: str) -> None:
    try:
        os.chdir(folder)
    except OSError as error:
        raise CouldNotError(
            f"a worker's machine has no folder {folder} ({error.strerror}); let the command run in "
            "a folder that all machines share"
        ) from error
