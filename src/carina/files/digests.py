"""Digests of bytes and of files."""

import hashlib
from pathlib import Path
from typing import Literal


def sha256_bytes(data: bytes) -> str:
    """Return the hex sha256 of `data`.

    >>> sha256_bytes(b"")[:12]
    'e3b0c44298fc'
    """
    return hashlib.sha256(data).hexdigest()


def file_digest(path: Path, algorithm: Literal["sha256", "md5"] = "sha256") -> str:
    """Return the hex digest of a file, which may be larger than the memory.

    Args:
        path: the file.
        algorithm: md5 serves only where nothing better was published; it tells damage,
            not malice.

    Raises:
        OSError: if the file cannot be read.
    """
    with path.open("rb") as stream:
        # Machines in FIPS mode know md5 only as no matter of security.
        found = hashlib.file_digest(stream, lambda: hashlib.new(algorithm, usedforsecurity=False))
    return found.hexdigest()
