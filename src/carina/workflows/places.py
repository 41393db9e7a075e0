"""Where a command writes."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from carina.errors import UsageError
from carina.files.room import require_room
from carina.settings import Settings


def new_folder(settings: Settings, name: str) -> Path:
    """Return a folder of runs that does not exist yet: `runs/<time>-<name>`."""
    stem = f"{datetime.now().astimezone():%Y%m%d-%H%M%S}-{name}"
    folder = settings.runs_dir / stem
    number = 2
    while folder.exists():
        folder = settings.runs_dir / f"{stem}-{number}"
        number += 1
    return folder


def require_empty(folder: Path) -> Path:
    """Return `folder` if nothing stands there.

    Raises:
        UsageError: if it is a file, or a folder with something in it.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(
            f"{folder} is there already and not empty; nothing in it was touched: "
            "name another place with --out, or remove it first"
        )
    return folder


@contextmanager
def claimed(folder: Path, *, n_bytes: int) -> Iterator[None]:
    """Make a folder, prove that it can be written, and take it away again if the work
    inside the block is refused before it wrote anything.

    Raises:
        StorageError: if there is no room or no permission.
    """
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        require_room(folder, n_bytes=n_bytes)
        yield
    except BaseException:
        for place in missing:
            with suppress(OSError):
                place.rmdir()
        raise
