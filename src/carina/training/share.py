"""Which films of each batch one of several workers takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Share:
    """One worker's part of a training that several share.

    A batch is cut into runs of films, one for each worker in the order of their ranks, that
    differ by one film at most. A batch of fewer films than workers, the last of an epoch, is
    taken whole by each of them, so that every worker takes every step.

    Attributes:
        rank: which worker, from 0.
        size: how many there are.
    """

    rank: int = 0
    size: int = 1

    def rows(self, n: int) -> slice:
        """Return which of `n` films are this worker's.

        >>> [Share(rank, 3).rows(8) for rank in range(3)]
        [slice(0, 3, None), slice(3, 6, None), slice(6, 8, None)]
        >>> [Share(rank, 3).rows(2) for rank in range(3)]
        [slice(0, 2, None), slice(0, 2, None), slice(0, 2, None)]
        """
        if self.is_repeated(n):
            return slice(0, n)
        each, left = divmod(n, self.size)
        begin = self.rank * each + min(self.rank, left)
        return slice(begin, begin + each + (self.rank < left))

    def weight(self, n: int) -> float:
        """Return what this worker's mean over its rows counts in the mean over all `n` films.

        >>> [Share(rank, 3).weight(8) for rank in range(3)]
        [0.375, 0.375, 0.25]
        >>> Share(2, 4).weight(3)
        0.25
        """
        if self.is_repeated(n):
            return 1 / self.size
        return self.n_rows(n) / n

    def n_rows(self, n: int) -> int:
        """Return how many of `n` films are this worker's."""
        return len(range(n)[self.rows(n)])

    def is_repeated(self, n: int) -> bool:
        """Return whether every worker takes all of `n` films."""
        return n < self.size

    def of_batches(self, n: int, batch_size: int, begin: int = 0) -> list[slice]:
        """Return this worker's films of each batch of `n` films in a row.

        Args:
            n: how many films there are.
            batch_size: films in a batch of all workers; the last one holds what is left.
            begin: the first batch that is wanted.

        >>> Share(1, 2).of_batches(6, 4)
        [slice(2, 4, None), slice(5, 6, None)]
        """
        own = []
        for at in range(begin * batch_size, n, batch_size):
            rows = self.rows(min(batch_size, n - at))
            own.append(slice(at + rows.start, at + rows.stop))
        return own

    def places(self, n: int, batch_size: int) -> NDArray[np.int64]:
        """Return int64 `[m]`: the places of this worker's films among `n`, batch after batch.

        >>> Share(1, 2).places(6, 4).tolist()
        [2, 3, 5]
        """
        own = [np.arange(s.start, s.stop) for s in self.of_batches(n, batch_size)]
        return np.concatenate([*own, np.empty(0, np.int64)]).astype(np.int64)


WHOLE = Share()
"""The part of a worker that is alone: all of it."""
