"""Films and what is known of them: opened, split, scanned and listed."""

from carina.data.opening import open_dataset

__all__ = ["open_dataset"]
