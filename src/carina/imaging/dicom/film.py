"""The bytes of a DICOM file -> the film in them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from carina.domain.views import not_frontal
from carina.imaging.decoded import COLOURED_SHARE, Decoded
from carina.imaging.dicom import tags
from carina.imaging.dicom.codecs import decode_codestream, decode_runs
from carina.imaging.dicom.colours import grey_of_colours
from carina.imaging.dicom.data_set import (
    DEFLATED,
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    DataSet,
    open_data_set,
)
from carina.imaging.dicom.elements import Element, Elements
from carina.imaging.dicom.fragments import is_encapsulated, one_codestream
from carina.imaging.dicom.greys import grey_scale
from carina.imaging.dicom.native import native_values
from carina.imaging.dicom.picture import Picture, declared_picture
from carina.imaging.dicom.polarity import looks_inverted
from carina.imaging.dicom.projections import laterality_of, view_of
from carina.imaging.dicom.refusals import DAMAGE, damaged, refused
from carina.imaging.dicom.values import numbers, word
from carina.imaging.dicom.vocabulary import KNOWN_MODALITIES, kind_without_picture
from carina.imaging.traces import short_digest

_RLE = "1.2.840.10008.1.2.5"
_JPEG_FAMILY = "1.2.840.10008.1.2.4."
_NATIVE = (IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG, DEFLATED)


def decode_dicom(data: bytes, *, name: str) -> Decoded:
    """Return the picture in the bytes of a DICOM file.

    `docs/explanation/dicom.md` says what each element becomes.

    Raises:
        ImageError: with the code that says why there is none.
    """
    try:
        data_set = open_data_set(data, name=name)
        elements = data_set.find(tags.FILM, name=name)
        return _decoded(data_set, elements, name)
    except DAMAGE as error:
        # no word of the error: it may hold what stands in the file
        raise damaged(name, "its bytes contradict each other") from error


def _decoded(data_set: DataSet, elements: Elements, name: str) -> Decoded:
    _require_pixels(data_set, elements, name)
    picture = declared_picture(elements, name=name)
    values, meant, cautions = _values(elements[tags.PIXELS], picture, data_set.syntax, name)
    cautions += _what_is_stated(elements, picture)
    view = view_of(elements)
    if meant.is_grey:
        scale, of_grey = grey_scale(elements, meant, name=name)
        pixels, share = scale.pixels(values), 0.0
        cautions += of_grey
        if scale.is_turned and not not_frontal(view or "") and looks_inverted(pixels):
            cautions += (
                "the file says that its lowest value is white (MONOCHROME1), and so read black "
                "and white look swapped: the tag may be wrong. Look at the film; if it is a "
                "negative, have the tag corrected",
            )
    else:
        pixels, share = grey_of_colours(values, meant, elements, name=name)
        cautions += _of_colours(elements, share)
    return Decoded(
        pixels=pixels,
        file_format="DICOM",
        colour_mode=picture.photometric,
        bits=picture.bits_stored,
        view=view,
        laterality=laterality_of(elements),
        pixel_spacing_mm=_spacing(elements),
        cautions=cautions,
        traces=_traces(data_set, elements),
        colour_share=share,
    )


def _require_pixels(data_set: DataSet, elements: Elements, name: str) -> None:
    found = [elements.get(tag) for tag in (tags.PIXELS, tags.FLOAT_PIXELS, tags.DOUBLE_PIXELS)]
    if not any(element is not None and len(element.value) for element in found):
        kind = kind_without_picture(word(elements, tags.SOP_CLASS) or data_set.stored_class)
        raise refused(name, f"is {kind}", code="no-pixels")


def _values(
    element: Element, picture: Picture, syntax: str, name: str
) -> tuple[NDArray[np.generic], Picture, tuple[str, ...]]:
    """Return the stored values, what they mean, and what is to be said of them."""
    is_said_to_be = syntax == _RLE or syntax.startswith(_JPEG_FAMILY)
    if element.is_encapsulated or (is_said_to_be and is_encapsulated(element.value)):
        stream = one_codestream(element.value, is_rle=syntax == _RLE, name=name)
        if syntax == _RLE:
            return decode_runs(stream, picture, name=name), picture, ()
        return (*decode_codestream(stream, picture, name=name), ())
    cautions = (
        ("the file says that its pixels are compressed, and they are not",) if is_said_to_be else ()
    )
    return (*native_values(element, picture, name=name), cautions)


def _what_is_stated(elements: Elements, picture: Picture) -> tuple[str, ...]:
    """Return cautions about what a file says of itself."""
    cautions = []
    if not picture.says_photometric:
        cautions.append(
            f"the file does not say what its values mean; they were taken as {picture.photometric}"
        )
    if word(elements, tags.BURNED_IN) == "YES":
        cautions.append("the file says that text of the patient may be burned into the picture")
    if word(elements, tags.INTENT) == "FOR PROCESSING":
        cautions.append(
            "the file holds the detector's unprocessed values (FOR PROCESSING), not the picture "
            "that is meant to be looked at"
        )
    return tuple(cautions)


def _of_colours(elements: Elements, share: float) -> tuple[str, ...]:
    if share <= COLOURED_SHARE:
        return ()
    if tags.COLOUR_PROFILE in elements:
        return ("a colour picture, read as grey without its colour profile",)
    return ("a colour picture, read as grey",)


def _traces(data_set: DataSet, elements: Elements) -> tuple[str, ...]:
    """Return what tells the machine, its maker and model as digests."""
    modality = word(elements, tags.MODALITY)
    known = modality if modality in KNOWN_MODALITIES else "other"
    traces = [f"modality {known if modality else 'not said'}"]
    for keyword, tag in (
        ("Manufacturer", tags.MANUFACTURER),
        ("ManufacturerModelName", tags.MODEL),
    ):
        element = elements.get(tag)
        text = bytes(element.value[:128]).decode("latin-1") if element is not None else ""
        if text.strip(" \0"):
            traces.append(f"{keyword} {short_digest(text.strip(' ' + chr(0)).casefold())}")
    return (*traces, f"transfer syntax {_known_syntax(data_set)}")


def _known_syntax(data_set: DataSet) -> str:
    """Return the transfer syntax; where the file does not say one, as it was parsed."""
    stated = data_set.syntax
    if stated in _NATIVE or stated == _RLE:
        return stated
    if stated.startswith(_JPEG_FAMILY) and stated.removeprefix(_JPEG_FAMILY).isdecimal():
        return stated[: len(_JPEG_FAMILY) + 3]
    if stated:
        return "other"
    if data_set.encoding.is_implicit:
        return IMPLICIT_LITTLE
    return EXPLICIT_LITTLE if data_set.encoding.is_little_endian else EXPLICIT_BIG


def _spacing(elements: Elements) -> tuple[float, float] | None:
    """Return (row, column) spacing in mm at the detector, or None."""
    for tag in (tags.IMAGER_SPACING, tags.SPACING):
        found = numbers(elements, tag, "DS")
        if len(found) == 2 and min(found) > 0:
            return found[0], found[1]
    return None
