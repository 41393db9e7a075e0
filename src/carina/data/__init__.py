"""Films and what is known of them: opened, split, scanned and listed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from carina.data.opening import open_dataset

__all__ = ["open_dataset"]


def __getattr__(name: str) -> Any:
    """Import `open_dataset` at its first use: who answers for films needs none of it."""
    if name != "open_dataset":
        raise AttributeError(f"module 'carina.data' has no attribute {name!r}")
    from carina.data.opening import open_dataset

    return open_dataset
