"""Where a command writes."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from carina.errors import UsageError
from carina.files.atomic import storage_errors
from carina.files.room import require_room
from carina.settings import Settings


@contextmanager
def claimed(
    out: str | Path | None, *, settings: Settings, name: str, n_bytes: int
) -> Iterator[Path]:
    """Yield a folder that is this command's alone; it is made, and proved to be writable.

    If the work inside the block is refused before it wrote anything, the folder goes again.

    Args:
        out: a new or empty folder; `runs/<time>-<name>` if None, which no other command has.
        settings: where runs go.
        name: what the command is called.
        n_bytes: the room that the work will need.

    Raises:
        UsageError: if `out` is a file, or a folder with something in it.
        StorageError: if there is no room or no permission.
    """
    folder = settings.runs_dir if out is None else _require_empty(Path(out))
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        require_room(folder, n_bytes=n_bytes)
        if out is None:
            folder = _new_folder(settings.runs_dir, name)
            missing.insert(0, folder)
        yield folder
    except BaseException:
        for place in missing:
            with suppress(OSError):
                place.rmdir()
        raise


def file_word(text: str) -> str:
    """Return `text` as a part of a file's name on any system: letters, digits, "-", "_", ".".

    >>> file_word("Viral Pneumonia/2")
    'Viral-Pneumonia-2'
    """
    kept = "".join(c if c.isalnum() or c in "-_." else "-" for c in text)
    return kept[:60].strip(".") or "unnamed"


def _require_empty(folder: Path) -> Path:
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise UsageError(
            f"{folder} is there already and not empty; nothing in it was touched: "
            "name another place with --out, or remove it first"
        )
    return folder


def _new_folder(runs_dir: Path, name: str) -> Path:
    """Make and return `<time>-<name>`, with a number behind it where that is taken."""
    stem = f"{datetime.now().astimezone():%Y%m%d-%H%M%S}-{file_word(name)}"
    for number in itertools.count(1):
        folder = runs_dir / (stem if number == 1 else f"{stem}-{number}")
        with storage_errors(folder), suppress(FileExistsError):
            folder.mkdir()
            return folder
    raise AssertionError("counting ended")
