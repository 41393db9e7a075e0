"""sha256 of bytes and files."""

import hashlib
from pathlib import Path


def sha256_bytes(data: bytes) -> str:
    """Return the hex sha256 of `data`.

    >>> sha256_bytes(b"")[:12]
    'e3b0c44298fc'
    """
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """Return the hex sha256 of a file's bytes, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
