"""Single elements of a DICOM file, as plain values."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from carina.errors import ImageError
from carina.imaging.dicom import DAMAGE
from carina.imaging.dicom.data_set import open_data_set
from carina.imaging.dicom.tags import Wanted
from carina.imaging.worker.answers import LONGEST_VALUE, MOST_VALUES

Value = str | int | list[str]
_BEFORE_PIXELS = 0x7FDFFFFF


def dicom_elements(data: bytes, keywords: Sequence[str], *, name: str) -> dict[str, Value]:
    """Return those of the wanted elements that a DICOM file has: keyword -> value.

    Texts and UIDs are strings, names decoded by the file's character set; several values are a
    list of strings; numbers of rows and the like are whole numbers. No other element is looked
    at, whatever the file is made of. It runs in the worker: `imaging.decoding.dicom_elements_of`.

    Args:
        data: the file.
        keywords: of the DICOM dictionary.
        name: the file, for messages.

    Raises:
        ImageError: "damaged", if it cannot be parsed or an element holds more than it may;
            "inflates-too-far", "nested-too-deep".
    """
    from pydicom import Dataset
    from pydicom.datadict import tag_for_keyword
    from pydicom.dataelem import DataElement, RawDataElement
    from pydicom.errors import BytesLengthException
    from pydicom.tag import BaseTag

    tags = {keyword: tag_for_keyword(keyword) or 0 for keyword in keywords}
    try:
        wanted: Wanted = {tag: {} for tag in tags.values()}
        found = open_data_set(data, name=name).find(wanted, name=name, until=_BEFORE_PIXELS)
        raw: dict[BaseTag, DataElement | RawDataElement] = {
            BaseTag(tag): RawDataElement(
                BaseTag(tag),
                element.vr or None,
                len(element.value),
                bytes(element.value),
                0,
                element.encoding.is_implicit,
                element.encoding.is_little_endian,
            )
            for tag, element in found.items()
        }
        with warnings.catch_warnings():  # pydicom shows values that are wrongly written
            warnings.simplefilter("ignore")
            dataset = Dataset(raw)
            values = {key: _plain(dataset[tag].value) for key, tag in tags.items() if tag in found}
    except (*DAMAGE, BytesLengthException) as error:  # what it says may quote the patient
        raise ImageError(
            f"{name} is a damaged DICOM file ({type(error).__name__})", image_code="damaged"
        ) from None

    if too_large := [key for key, value in values.items() if _is_too_large(value)]:
        raise ImageError(
            f"{name} is a damaged DICOM file (its {too_large[0]} holds more than it can mean)",
            image_code="damaged",
        )
    return values


def _is_too_large(value: Value) -> bool:
    texts = value if isinstance(value, list) else [str(value)]
    return len(texts) > MOST_VALUES or any(len(text) > LONGEST_VALUE for text in texts)


def _plain(value: Any) -> Value:
    if value is None:
        return ""
    if isinstance(value, int):
        return int(value)
    if isinstance(value, str) or not hasattr(value, "__iter__") or hasattr(value, "components"):
        return str(value)  # a person's name can be iterated over, too
    return [str(one) for one in value]
