"""DICOM films whose pixels are compressed for real, by encoders that are not Carina's."""

import io
import struct
from functools import partial

import imagecodecs
import jpeg_ls
import numpy as np
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.pixels.encoders.native import _encode_segment

from making.dicom_files import dicom_bytes, dicom_dataset

RLE = "1.2.840.10008.1.2.5"
JPEG_BASELINE, JPEG_EXTENDED = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"
JPEG_LOSSLESS, JPEG_LOSSLESS_SV1 = "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"
JPEG_LS, JPEG_LS_NEAR = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"
JPEG_2000_LOSSLESS, JPEG_2000 = "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"
HTJ2K_LOSSLESS, HTJ2K_RPCL, HTJ2K = (f"1.2.840.10008.1.2.4.{n}" for n in (201, 202, 203))
LOSSLESS = (
    RLE, JPEG_LOSSLESS, JPEG_LOSSLESS_SV1, JPEG_LS, JPEG_2000_LOSSLESS, HTJ2K_LOSSLESS, HTJ2K_RPCL,
)  # fmt: skip


def codestream(stored, syntax, *, bits=8):
    """Return a picture `[h, w]` or `[h, w, 3]` compressed as a transfer syntax says.

    Lossy ones lose little: quality 95, 2 levels for JPEG-LS.
    """
    stored = np.asarray(stored)
    kind = "i" if stored.min() < 0 else "u"
    values = stored.astype(f"{kind}{1 if bits <= 8 else 2}")
    return _ENCODERS[syntax](values, bits)


def _jpeg_lossless(values, bits, *, predictor):
    unsigned = values.view(f"u{values.itemsize}") & ((1 << bits) - 1)
    return imagecodecs.jpeg8_encode(
        unsigned, lossless=True, predictor=predictor, bitspersample=bits
    )


def _jpeg_2000(values, bits, *, level):
    return imagecodecs.jpeg2k_encode(
        values, level=level, codecformat="j2k", bitspersample=bits, reversible=level == 0
    )


def _jpeg_ls(values, _bits, *, lost):
    return bytes(jpeg_ls.encode_array(values, lossy_error=lost))


def _htj2k(values, _bits, **options):
    return imagecodecs.htj2k_encode(values, **options)


def compressed_film(stored, syntax, *, bits=8, fragments=1, table="right", **options):
    """Return a film's file whose pixels are compressed.

    Args:
        stored: whole numbers `[h, w]` or `[h, w, 3]`.
        syntax: the transfer syntax.
        bits: stored bits of a value.
        fragments: in how many pieces the codestream lies.
        table: "right", "empty" or "lying": the basic offset table.
        options: as `dicom_dataset` takes them.
    """
    dataset = dicom_dataset(stored, bits=bits, **options)
    stream = codestream(stored, syntax, bits=bits)
    return encapsulated(dataset, stream, syntax, fragments=fragments, table=table)


def encapsulated(dataset, stream, syntax, *, fragments=1, table="right"):
    """Return the file of a data set whose pixels are a codestream."""
    dataset.PixelData = encapsulate([stream], fragments_per_frame=fragments, has_bot=True)
    if table == "empty":
        dataset.PixelData = encapsulate([stream], fragments_per_frame=fragments, has_bot=False)
    if table == "lying":
        dataset.PixelData = (
            struct.pack("<HHL3L", 0xFFFE, 0xE000, 12, 0, 40, 4000) + (dataset.PixelData[12:])
        )
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return dicom_bytes(dataset, syntax=syntax)


def jpeg(values, **options):
    """Return an 8 bit JPEG by Pillow, quality 95 if nothing else is asked for."""
    buffer = io.BytesIO()
    image = values if isinstance(values, Image.Image) else Image.fromarray(values)
    image.save(buffer, format="JPEG", **{"quality": 95, "subsampling": 0, **options})
    return buffer.getvalue()


def runs(values):
    """Return a run-length encoded picture (DICOM PS3.5, annex G)."""
    planes = values[..., None] if values.ndim == 2 else values
    segments = []
    for sample in range(planes.shape[2]):
        plane = np.ascontiguousarray(planes[..., sample])
        for byte in reversed(range(values.itemsize)):
            one = plane.view(np.uint8)[:, byte :: values.itemsize]
            segments.append(bytes(_encode_segment(one.tobytes(), values.shape[1])))
    starts = 64 + np.cumsum([0, *map(len, segments)])[: len(segments)]
    head = struct.pack("<16L", len(segments), *starts, *[0] * (15 - len(segments)))
    return head + b"".join(segments)


_ENCODERS = {
    RLE: lambda values, _bits: runs(values),
    JPEG_BASELINE: lambda values, _bits: jpeg(values),
    JPEG_EXTENDED: lambda values, _bits: imagecodecs.jpeg8_encode(
        values, level=95, bitspersample=12
    ),
    JPEG_LOSSLESS: partial(_jpeg_lossless, predictor=6),
    JPEG_LOSSLESS_SV1: partial(_jpeg_lossless, predictor=1),
    JPEG_LS: partial(_jpeg_ls, lost=0),
    JPEG_LS_NEAR: partial(_jpeg_ls, lost=2),
    JPEG_2000_LOSSLESS: partial(_jpeg_2000, level=0),
    JPEG_2000: partial(_jpeg_2000, level=60),
    HTJ2K_LOSSLESS: partial(_htj2k, reversible=True),
    HTJ2K_RPCL: partial(_htj2k, reversible=True),
    HTJ2K: partial(_htj2k, reversible=False, level=0.01),
}
