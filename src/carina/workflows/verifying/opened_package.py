"""A package (`carina package`), opened without trusting it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from carina.errors import RunError
from carina.files.archives import unpack

FILMS = "films"
"""The folder of a package that holds the films, each under its sha256."""


@contextmanager
def opened_package(file: Path) -> Iterator[Path]:
    """Yield a folder with what a package holds; it goes again with the block.

    Nothing is unpacked of an archive with a name that leaves the folder, with a link, with two
    entries of one name, or beyond the limits (`files.archives`).

    Args:
        file: what `carina package` made.

    Raises:
        RunError: if it is no such file, damaged or refused.
        StorageError: if there is no room for what it holds.
    """
    with tempfile.TemporaryDirectory(prefix="carina-package-", ignore_cleanup_errors=True) as place:
        folder = Path(place) / "run"
        unpack(file, folder, error=RunError)
        if not (folder / "recipe.toml").is_file():
            raise RunError(f"{file} is no package of a run: it holds no recipe.toml")
        yield folder
