"""What became of hostile films."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

READ = "read"
HANG_S = 150.0
"""After so long without an outcome a film counts as hanging: more than the worker is given by the
clock for the largest film there can be (131 s, `imaging.worker.allowance`)."""

CRASH, HANG, OUTSIDE, SERVER_ERROR = "crash", "hang", "outside the list", "HTTP 5xx"
WRONG = (CRASH, HANG, OUTSIDE, SERVER_ERROR)
# The worker was killed or died: within the list, and yet worth looking at.
STOPPED = ("takes-too-long", "takes-too-much-memory", "decoder-crashed")


@dataclass
class Outcomes:
    """What became of some films.

    Attributes:
        codes: outcome -> films; `read` for those that were read.
        wrong: kind, film and what was told, of what must not happen.
        stopped: code and film, where the worker was killed or died.
        slowest_s, slowest: the longest that one took, and which.
        worker_mb, parent_mb: the most that the decoding and the calling process held.
        seconds: the time of all.
    """

    codes: Counter[str] = field(default_factory=Counter)
    wrong: list[tuple[str, str, str]] = field(default_factory=list)
    stopped: list[tuple[str, str]] = field(default_factory=list)
    slowest_s: float = 0.0
    slowest: str = ""
    worker_mb: float = 0.0
    parent_mb: float = 0.0
    seconds: float = 0.0

    @property
    def n(self) -> int:
        """How many films there were."""
        return self.codes.total()

    def add(self, name: str, code: str, seconds: float) -> None:
        """Note what became of a film."""
        self.codes[code] += 1
        if code in STOPPED:
            self.stopped.append((code, name))
        if seconds > self.slowest_s:
            self.slowest_s, self.slowest = seconds, name

    def add_wrong(self, name: str, kind: str, told: str) -> None:
        """Note what must not happen."""
        self.codes[kind] += 1
        self.wrong.append((kind, name, told[-600:]))

    def as_row(self) -> dict[str, Any]:
        """Return plain values."""
        return {**vars(self), "codes": dict(self.codes.most_common())}


def joined(rows: Iterable[Mapping[str, Any]]) -> Outcomes:
    """Return the outcomes of several blocks as one."""
    whole = Outcomes()
    for row in rows:
        whole.codes.update(row["codes"])
        whole.wrong += [tuple(one) for one in row["wrong"]]
        whole.stopped += [tuple(one) for one in row["stopped"]]
        if row["slowest_s"] > whole.slowest_s:
            whole.slowest_s, whole.slowest = row["slowest_s"], row["slowest"]
        whole.worker_mb = max(whole.worker_mb, row["worker_mb"])
        whole.parent_mb = max(whole.parent_mb, row["parent_mb"])
        whole.seconds += row["seconds"]
    return whole
