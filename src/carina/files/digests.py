"""sha256 of bytes."""

import hashlib


def sha256_bytes(data: bytes) -> str:
    """Return the hex sha256 of `data`.

    >>> sha256_bytes(b"")[:12]
    'e3b0c44298fc'
    """
    return hashlib.sha256(data).hexdigest()
