"""What a folder says of a film's file."""

import os
from contextlib import suppress
from pathlib import Path

from carina.data.answer_rows import FileState


def film_state(file: Path) -> FileState | None:
    """Return what its folder says of a film's file, of an archive's member what it says of the
    archive; None where it says nothing."""
    for place in (os.fspath(file), os.fspath(file).partition("!/")[0]):
        with suppress(OSError, ValueError):
            return FileState.of(os.stat(place))  # noqa: PTH116  for every film
    return None
