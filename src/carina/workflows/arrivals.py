"""Which files of a folder that is watched have come whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from carina.data.answer_rows import FileState

PATIENCE_S = 10.0
"""For so long a file that is empty, or that is no readable film, may still be on its way."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When a folder was looked at.

    Attributes:
        wall_ns: the time of day, in ns since 1970, as files tell theirs.
        steady_s: seconds on a clock that is never set.
    """

    wall_ns: int
    steady_s: float


@dataclass(frozen=True, slots=True)
class _Waiting:
    state: FileState
    since_s: float


class Arrivals:
    """Tells which files have come whole, from one look at the folder to the next.

    A file is whole once its size and time have stood still for a moment; one that was last
    written to longer ago than that is whole at first sight, as files are that were written
    under another name and then renamed.
    """

    def __init__(self, *, settle_s: float) -> None:
        """Know of no file.

        Args:
            settle_s: how long a file must stand still.
        """
        self._settle_s = settle_s
        self._waiting: dict[str, _Waiting] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def whole(self, found: Mapping[str, FileState], now: Moment) -> list[str]:
        """Return the files that are whole, those first that were written first.

        Args:
            found: every file that is there and is not answered as it is now, with its state.
            now: when they were looked at.
        """
        self._waiting = {
            file: self._still(self._waiting.get(file), state, now) for file, state in found.items()
        }
        ready = [
            (waiting.state.modified_ns, file)
            for file, waiting in self._waiting.items()
            if self._is_whole(waiting, now)
        ]
        return [file for _, file in sorted(ready)]

    def may_still_come(self, file: str, now: Moment) -> bool:
        """Return whether a file that was not readable may be on its way all the same.

        Writers that stop for longer than a moment, and file systems whose clock is behind, make
        a file look whole before it is.
        """
        waiting = self._waiting.get(file)
        if waiting is None:
            return False
        return self._stood_s(waiting, now) < PATIENCE_S and _age_s(waiting.state, now) < PATIENCE_S

    def _still(self, known: _Waiting | None, state: FileState, now: Moment) -> _Waiting:
        if known is None or known.state != state:
            return _Waiting(state, now.steady_s)
        return known

    def _is_whole(self, waiting: _Waiting, now: Moment) -> bool:
        least_s = self._settle_s if waiting.state.n_bytes else max(self._settle_s, PATIENCE_S)
        return self._stood_s(waiting, now) >= least_s or _age_s(waiting.state, now) >= least_s

    def _stood_s(self, waiting: _Waiting, now: Moment) -> float:
        return now.steady_s - waiting.since_s


def _age_s(state: FileState, now: Moment) -> float:
    """Return the seconds since a file was last written to, by the time of day."""
    return (now.wall_ns - state.modified_ns) / 1e9
