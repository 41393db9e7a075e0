"""Uncompressed DICOM -> grey values, with pydicom.

Modality LUT or rescale, then VOI LUT or window (the first of several), then MONOCHROME1 turned
over. The grey values run over the range of the window's output, which is that of the stored
bits after the modality step (DICOM PS3.3 C.11.2.1.2); without a window they keep that
range, so that a film saved as 16 bit PNG and as 16 bit DICOM gives the same grey.
"""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from carina.errors import ImageError
from carina.imaging.decoded import Decoded, require_size
from carina.imaging.traces import short_digest

if TYPE_CHECKING:
    from pydicom import Dataset

DEFLATED = b"1.2.840.10008.1.2.1.99"
"""The transfer syntax of files that are compressed as a whole."""
_UNCOMPRESSED = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2")
# Nothing else is decoded: no name, date, id or text of a patient (`imaging.dicom_patient` reads
# the id that is hashed at once).
_TAGS = [
    "BitsAllocated", "BitsStored", "Columns", "HighBit", "ImagerPixelSpacing",
    "ModalityLUTSequence", "NumberOfFrames", "PhotometricInterpretation", "PixelData",
    "PixelRepresentation", "PixelSpacing", "PlanarConfiguration", "RescaleIntercept",
    "RescaleSlope", "Rows", "SamplesPerPixel", "VOILUTFunction", "VOILUTSequence",
    "ViewPosition", "WindowCenter", "WindowWidth", "Manufacturer", "ManufacturerModelName",
    "Modality",
]  # fmt: skip
# All that pydicom raises on damaged bytes.
DAMAGE = (
    OSError, ValueError, struct.error, EOFError, KeyError, IndexError, TypeError, OverflowError,
    AttributeError, NotImplementedError, RuntimeError, ZeroDivisionError,
)  # fmt: skip


def is_dicom(data: bytes) -> bool:
    """Return whether a file's bytes are DICOM, with or without the preamble.

    Without it the first element must be one that opens a data set: group 0002 or 0008, in
    little or big endian, with a small element number.

    >>> is_dicom(bytes(128) + b"DICM")
    True
    """
    if data[128:132] == b"DICM":
        return True
    little = data[:2] in (b"\x02\x00", b"\x08\x00") and data[3:4] == b"\x00"
    big = data[:3] == b"\x00\x08\x00"
    return (little or big) and len(data) > 132


def decode_dicom(data: bytes, *, name: str) -> Decoded:
    """Return the picture in the bytes of a DICOM file.

    Raises:
        ImageError: with the code that says why there is none.
    """
    from pydicom import dcmread
    from pydicom.errors import BytesLengthException, InvalidDicomError

    if DEFLATED in data[:4096]:  # before it is inflated: 0.5 MB can become 1 GB
        raise _compressed(name, "deflated")
    try:
        dataset = dcmread(io.BytesIO(data), force=True, specific_tags=list(_TAGS))
        _require_readable(dataset, name)
        return _decoded(dataset, name)
    except InvalidDicomError:
        raise ImageError(f"{name} is no DICOM file", image_code="unknown-format") from None
    except (*DAMAGE, BytesLengthException) as error:
        raise ImageError(
            f"{name} is a damaged DICOM file, or none: {error}", image_code="damaged"
        ) from error


def _compressed(name: str, syntax: str) -> ImageError:
    return ImageError(
        f"{name} is compressed DICOM ({syntax}), which this version does not read; save it "
        "uncompressed first, for example with gdcmconv --raw IN OUT",
        image_code="decoder-missing",
    )


def _require_readable(dataset: Dataset, name: str) -> None:
    if "PixelData" not in dataset or "Rows" not in dataset or "Columns" not in dataset:
        raise ImageError(
            f"{name} is DICOM without a picture (no pixel data)", image_code="no-pixels"
        )
    syntax = _transfer_syntax(dataset)
    if syntax not in _UNCOMPRESSED:
        raise _compressed(name, syntax)
    require_size(int(dataset.Rows), int(dataset.Columns), name=name)
    n_frames = int(dataset.get("NumberOfFrames") or 1)
    if n_frames > 1:
        raise ImageError(
            f"{name} holds {n_frames} frames; save the one that is meant alone",
            image_code="several-frames",
        )


def _transfer_syntax(dataset: Dataset) -> str:
    """Return the transfer syntax; where the file does not say, as it was parsed."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import UID

    meta = getattr(dataset, "file_meta", None)
    if meta is None or "TransferSyntaxUID" not in meta:
        is_implicit, is_little_endian = dataset.original_encoding
        position = 0 if is_implicit else (1 if is_little_endian else 2)
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = UID(_UNCOMPRESSED[position])
    return str(dataset.file_meta.TransferSyntaxUID)


def _decoded(dataset: Dataset, name: str) -> Decoded:
    from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut

    photometric = _photometric(dataset, name)
    stored = dataset.pixel_array
    cautions: list[str] = []
    if photometric in ("MONOCHROME1", "MONOCHROME2"):
        low, high = _grey_range(dataset)
        values = apply_voi_lut(apply_modality_lut(stored, dataset), dataset, index=0)
        pixels = _scaled(values, low, high, name)
        if photometric == "MONOCHROME1":  # PS3.3 C.7.6.3.1.2: the lowest value is white
            pixels = 1 - pixels
        windows = dataset.get("WindowCenter")
        if not isinstance(windows, str) and hasattr(windows, "__len__") and len(windows) > 1:
            cautions.append(f"the file describes {len(windows)} windows; the first was used")
    else:
        luma = np.asarray(stored, dtype=np.float64) @ np.array([0.299, 0.587, 0.114])
        pixels = _scaled(luma, 0, 2 ** int(dataset.BitsStored) - 1, name)
        cautions.append("a colour picture, read as grey")
    return Decoded(
        pixels=pixels,
        file_format="DICOM",
        colour_mode=photometric,
        bits=int(dataset.get("BitsStored", 8)),
        view=str(dataset.get("ViewPosition") or "").strip().upper() or None,
        pixel_spacing_mm=_spacing(dataset),
        cautions=tuple(cautions),
        traces=_traces(dataset),
    )


def _traces(dataset: Dataset) -> tuple[str, ...]:
    """Return what tells the machine, its maker and model as digests."""
    traces = [f"modality {str(dataset.get('Modality') or 'not said')[:16]}"]
    for tag in ("Manufacturer", "ManufacturerModelName"):
        text = str(dataset.get(tag) or "").strip().casefold()
        if text:
            traces.append(f"{tag} {short_digest(text)}")
    return (*traces, f"transfer syntax {_transfer_syntax(dataset)}")


def _photometric(dataset: Dataset, name: str) -> str:
    photometric = str(dataset.get("PhotometricInterpretation") or "MONOCHROME2")
    if photometric not in ("MONOCHROME1", "MONOCHROME2", "RGB"):
        raise ImageError(
            f"{name} stores its pixels as {photometric}; MONOCHROME1, MONOCHROME2 and RGB are read",
            image_code="unsupported-pixels",
        )
    return photometric


def _grey_range(dataset: Dataset) -> tuple[float, float]:
    """Return the values that stand for black and white after the modality and VOI steps.

    The rule is that of pydicom's `apply_windowing` for its output.
    """
    if dataset.get("VOILUTSequence"):
        return 0, 2 ** _lut_bits(dataset.VOILUTSequence[0]) - 1
    if dataset.get("ModalityLUTSequence"):
        return 0, 2 ** _lut_bits(dataset.ModalityLUTSequence[0]) - 1
    bits = int(dataset.BitsStored)
    signed = int(dataset.get("PixelRepresentation") or 0) == 1
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    slope = float(dataset.get("RescaleSlope", 1) or 1)
    intercept = float(dataset.get("RescaleIntercept", 0) or 0)
    return low * slope + intercept, high * slope + intercept


def _lut_bits(table: Any) -> int:
    """Return the bits of a LUT's output: the third value of its descriptor."""
    return int(table.LUTDescriptor[2])


def _scaled(values: NDArray[Any], low: float, high: float, name: str) -> NDArray[np.float32]:
    if values.ndim != 2 or not high > low:
        raise ImageError(
            f"{name} has pixels of shape {values.shape} and a range of {low:g} to {high:g}; "
            "one grey picture is expected",
            image_code="unsupported-pixels",
        )
    shares = (np.asarray(values, dtype=np.float64) - low) / (high - low)
    return shares.clip(0, 1).astype(np.float32)


def _spacing(dataset: Dataset) -> tuple[float, float] | None:
    """Return (row, column) spacing in mm at the detector, or None."""
    found = dataset.get("ImagerPixelSpacing") or dataset.get("PixelSpacing")
    if not found or len(found) != 2:
        return None
    return float(found[0]), float(found[1])
