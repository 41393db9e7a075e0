"""A file becomes a radiograph, and a radiograph the pixels that a network sees."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from carina.imaging.read import read_radiograph, read_radiograph_bytes

__all__ = ["read_radiograph", "read_radiograph_bytes"]


def __getattr__(name: str) -> Any:
    """Import the reader at its first use: the worker imports this package without it."""
    if name not in __all__:
        raise AttributeError(f"module 'carina.imaging' has no attribute {name!r}")
    from carina.imaging import read

    return getattr(read, name)
