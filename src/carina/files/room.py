"""Whether a place can be written to, before any work is done for it."""

import shutil
import tempfile
from pathlib import Path

from carina.errors import StorageError
from carina.files.atomic import storage_errors


def require_room(folder: Path, *, n_bytes: int, advice: str = "", option: str = "--out") -> None:
    """Make `folder` and prove that files can be written there.

    Args:
        folder: made if it does not exist.
        n_bytes: the room that the work will need.
        advice: what to do where there is less, besides freeing some; to choose another place
            with the option if "".
        option: the option that names the place.

    Raises:
        StorageError: if the folder cannot be made or written, or has less free room.
    """
    with storage_errors(folder, option=option):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
        free = shutil.disk_usage(folder).free
    if free < n_bytes:
        raise StorageError(
            f"{folder} has {free / 1e6:,.0f} MB of free room and {n_bytes / 1e6:,.0f} MB are "
            f"needed; free some, or {advice or f'choose another place with {option}'}"
        )
