"""Where a command writes."""

import itertools
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from carina.errors import RunError, UsageError
from carina.files.atomic import storage_errors
from carina.files.owners import is_of_owners, require_unowned
from carina.files.room import require_room
from carina.runs import DIVERGED, FINISHED, Run
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
        UsageError: if `out` is a file, or a folder with something in it, or if another process
            writes to it.
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
    """Return a folder that is absent or empty, or holds no more than a training that was killed
    before it had written its record."""
    if folder.is_dir():
        require_unowned(folder)
    if not folder.is_file() and (not folder.is_dir() or _is_empty(folder)):
        return folder
    advice = "name another place with --out, or remove it first"
    if _is_unfinished_run(folder):
        again = shlex.join(["carina", "train", "--resume", str(folder)])
        advice = f"it is a training that was interrupted; go on with: {again}"
    raise UsageError(
        f"{folder} is there already and not empty; nothing in it was touched: {advice}"
    )


def _is_empty(folder: Path) -> bool:
    left = list(folder.iterdir())
    own = [file for file in left if is_of_owners(file)]
    # A recipe alone is a user's, unless an owner left it.
    begun = {"recipe.toml"} if own else set()
    return all(file.name in begun for file in left if file not in own)


def _is_unfinished_run(folder: Path) -> bool:
    run = Run(folder)
    if not run.recipe_file.is_file() or not run.environment_file.is_file():
        return False
    with suppress(RunError):
        return run.environment.status not in (FINISHED, DIVERGED)
    return False


def _new_folder(runs_dir: Path, name: str) -> Path:
    """Make and return `<time>-<name>`, with a number behind it where that is taken."""
    stem = f"{datetime.now().astimezone():%Y%m%d-%H%M%S}-{file_word(name)}"
    for number in itertools.count(1):
        folder = runs_dir / (stem if number == 1 else f"{stem}-{number}")
        with storage_errors(folder), suppress(FileExistsError):
            folder.mkdir()
            return folder
    raise AssertionError("counting ended")
