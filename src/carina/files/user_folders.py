"""The folders of a user's own, and what takes their place where there is no home."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
import warnings
from contextlib import suppress
from pathlib import Path

from carina.errors import CarinaWarning


def home_of_account() -> Path | None:
    """Return the home folder that the system's list of accounts gives, or None.

    There is none for the numbers that containers are started with, and on Windows.
    """
    if sys.platform == "win32":
        return None
    import pwd

    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return None


def writable_or_temporary(folder: Path | None, *, kind: str) -> Path:
    """Return a folder that this process can write to: the one that is wanted, or a temporary one.

    Args:
        folder: where it should be; None if the user has no home.
        kind: what is kept there, as a part of its name ("cache", "config").
    """
    if folder is not None and _is_writable(folder):
        return folder
    # Where there is none either, whoever writes first will say so.
    return _temporary(kind) or folder or Path(kind)


def warn_if_temporary(folder: Path, *, what: str, variable: str) -> None:
    """Warn that something which should last is kept where it does not.

    Args:
        folder: as `writable_or_temporary` gave it.
        what: is kept there.
        variable: the environment variable that names another place.
    """
    own = folder.absolute().parent
    if own.parent == Path(tempfile.gettempdir()) and own.name.startswith("carina"):
        warnings.warn(
            f"there is no home folder to write to, so that {what} is kept in {folder} until the "
            f"system clears it; name a lasting place with {variable}",
            CarinaWarning,
            stacklevel=2,
        )


def _is_writable(folder: Path) -> bool:
    """Return whether a folder can be written to, or made."""
    for place in (folder, *folder.parents):
        try:
            mode = place.stat().st_mode
        except FileNotFoundError:
            continue
        except OSError:
            return False
        return stat.S_ISDIR(mode) and os.access(place, os.W_OK | os.X_OK)
    return False


def _temporary(kind: str) -> Path | None:
    """Return a folder among the temporary ones that is this user's alone; None without one."""
    try:
        place = Path(tempfile.gettempdir())
        if sys.platform == "win32":  # there it is the user's own already
            return place / "carina" / kind
        own = place / f"carina-{os.getuid()}"
        with suppress(FileExistsError):
            own.mkdir(mode=0o700)
        found = own.lstat()
        is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
        if not is_ours or stat.S_IMODE(found.st_mode) & 0o077:
            # Somebody else was there first, who could read the key or put in other pixels.
            own = Path(tempfile.mkdtemp(prefix="carina-"))
    except OSError:
        return None
    return own / kind
