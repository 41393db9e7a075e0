"""Whether a place can be written to, before any work is done for it."""

import shutil
import tempfile
from pathlib import Path

from carina.errors import StorageError
from carina.files.atomic import storage_errors


def require_room(
    folder: Path, *, n_bytes: int, advice: str = "choose another place with --out"
) -> None:
    """Make `folder` and prove that files can be written there.

    Args:
        folder: made if it does not exist.
        n_bytes: the room that the work will need.
        advice: what to do where there is less, besides freeing some.

    Raises:
        StorageError: if the folder cannot be made or written, or has less free room.
    """
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
        free = shutil.disk_usage(folder).free
    if free < n_bytes:
        raise StorageError(
            f"{folder} has {free / 1e6:,.0f} MB of free room and {n_bytes / 1e6:,.0f} MB are "
            f"needed; free some, or {advice}"
        )
