"""The words with which a DICOM file is refused; none of them holds text of the file."""

from __future__ import annotations

import struct

from carina.errors import ImageCode, ImageError

DAMAGE = (
    OSError, ValueError, struct.error, EOFError, KeyError, IndexError, TypeError, OverflowError,
    AttributeError, NotImplementedError, RuntimeError, ZeroDivisionError,
)  # fmt: skip
"""All that pydicom and the codecs raise on damaged bytes."""


def damaged(name: str, why: str) -> ImageError:
    """Return the refusal of a file whose bytes contradict each other or end too early."""
    return ImageError(
        f"{name} is a damaged DICOM file, or none: {why}; take it again from where it came",
        image_code="damaged",
    )


def refused(name: str, what: str, *, code: ImageCode) -> ImageError:
    """Return the refusal of a file that is whole, but is not read."""
    return ImageError(f"{name} {what}", image_code=code)
