"""Single elements of a DICOM file, as plain values."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from carina.errors import ImageError
from carina.imaging.dicom import DAMAGE

Value = str | int | list[str]


def dicom_elements(data: bytes, keywords: Sequence[str], *, name: str) -> dict[str, Value]:
    """Return those of the wanted elements that a DICOM file has: keyword -> value.

    Texts and UIDs are strings, names decoded by the file's character set; several values are a
    list of strings; numbers of rows and the like are whole numbers. Pixels are not touched. It
    runs in the worker: `imaging.decoding.dicom_elements_of`.

    Args:
        data: the file.
        keywords: of the DICOM dictionary.
        name: the file, for messages.

    Raises:
        ImageError: "damaged", if it cannot be parsed.
    """
    from pydicom import dcmread

    try:
        found = dcmread(
            io.BytesIO(data), force=True, stop_before_pixels=True, specific_tags=list(keywords)
        )
        return {keyword: _plain(found[keyword].value) for keyword in keywords if keyword in found}
    except DAMAGE as error:  # what it says may quote the patient
        raise ImageError(
            f"{name} is a damaged DICOM file ({type(error).__name__})", image_code="damaged"
        ) from None


def _plain(value: Any) -> Value:
    if value is None:
        return ""
    if isinstance(value, int):
        return int(value)
    if isinstance(value, str) or not hasattr(value, "__iter__") or hasattr(value, "components"):
        return str(value)  # a person's name can be iterated over, too
    return [str(one) for one in value]
