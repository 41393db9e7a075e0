"""How a training's workers and the process that waits for them hear of each other.

They share a folder and nothing else, so it does not matter what started the workers or on
which machine they run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from carina.domain.progress import Step
from carina.errors import CarinaError, error_of_code
from carina.files.atomic import write_bytes, write_text

_TOLD, _ENDED, _STOP, _BEST = "told.jsonl", "ended.json", "stop", "best.safetensors"
_BEGAN = "began"


@dataclass(frozen=True, slots=True)
class Ended:
    """How the workers' training ended.

    Attributes:
        how: "finished", "stopped" by a signal, "diverged", or "failed" by another error.
        code: of the error, as `CarinaError.code`; "" without one.
        message: its sentence.
        number: of the signal; or the best epoch before it diverged, 0 for none.
        history, advice: as in `DivergedError`.
    """

    how: str
    code: str = ""
    message: str = ""
    number: int = 0
    history: tuple[dict[str, float], ...] = ()
    advice: str = ""

    def error(self) -> CarinaError:
        """Return the error that it ended with."""
        return error_of_code(self.code, self.message)


class Channel:
    """A folder with what was told, asked and found."""

    def __init__(self, folder: Path) -> None:
        """Know the folder, which is there; nothing is read."""
        self.folder = folder
        self._read_to = 0

    def tell(self, step: Step) -> None:
        """Tell whoever waits what is done; said by the leading worker."""
        self._append(asdict(step))

    def begin(self) -> None:
        """Tell that the workers begin, or begin again."""
        self._append({_BEGAN: True})

    def end(self, ended: Ended, *, best: bytes = b"") -> None:
        """Tell how it ended; what is told first holds.

        Args:
            ended: how.
            best: the best weights before it diverged.
        """
        if best:
            write_bytes(self.folder / _BEST, best)
        if not (self.folder / _ENDED).exists():
            write_text(self.folder / _ENDED, json.dumps(asdict(ended)))

    @property
    def asked_to_stop(self) -> int | None:
        """The number of the signal after which the workers are asked to stop, or None."""
        with suppress(OSError, ValueError):
            return int((self.folder / _STOP).read_text(encoding="ascii"))
        return None

    def ask_to_stop(self, signal_number: int) -> None:
        """Ask the workers to stop after a checkpoint."""
        if self.asked_to_stop is None:
            write_text(self.folder / _STOP, str(signal_number))

    def heard(self) -> Iterator[Step | None]:
        """Yield what was told since the last call; None where the workers began."""
        with suppress(FileNotFoundError), (self.folder / _TOLD).open("rb") as stream:
            stream.seek(self._read_to)
            for line in stream:
                if not line.endswith(b"\n"):
                    return
                self._read_to += len(line)
                facts = json.loads(line)
                yield None if _BEGAN in facts else Step(**facts)

    @property
    def ended(self) -> Ended | None:
        """How the training ended; None if it has not."""
        with suppress(FileNotFoundError):
            return Ended(**json.loads((self.folder / _ENDED).read_text(encoding="utf-8")))
        return None

    @property
    def best(self) -> bytes:
        """The best weights before the training diverged; empty if there are none."""
        with suppress(FileNotFoundError):
            return (self.folder / _BEST).read_bytes()
        return b""

    def _append(self, facts: dict[str, Any]) -> None:
        with (self.folder / _TOLD).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(facts) + "\n")
