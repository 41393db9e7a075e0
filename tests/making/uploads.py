"""The bytes of small films in the kinds of file that are uploaded."""

import io
import struct
import zlib

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid


def grey_levels(height: int = 96, width: int = 80, *, seed: int = 7) -> np.ndarray:
    """Return uint8 [height, width]: a bright middle on a dark ground, with noise."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    bright = 200 * np.exp(-2 * (rows**2 + columns**2))
    return np.clip(bright + rng.normal(20, 6, bright.shape), 0, 255).astype(np.uint8)


def jpeg(levels: np.ndarray | None = None) -> bytes:
    return _saved(grey_levels() if levels is None else levels, "JPEG")


def png(levels: np.ndarray | None = None) -> bytes:
    return _saved(grey_levels() if levels is None else levels, "PNG")


def png_16_bit() -> bytes:
    return _saved(grey_levels().astype(np.uint16) * 257, "PNG")


def dicom() -> bytes:
    """Return an uncompressed 12-bit DICOM film with a patient's name in it."""
    levels = grey_levels().astype(np.uint16) * 16
    film = Dataset()
    film.file_meta = FileMetaDataset()
    film.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    film.file_meta.MediaStorageSOPClassUID = ComputedRadiographyImageStorage
    film.file_meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["upload"])
    film.SOPClassUID = ComputedRadiographyImageStorage
    film.SOPInstanceUID = film.file_meta.MediaStorageSOPInstanceUID
    film.PatientName = "Secret^Name"
    film.Modality = "CR"
    film.ViewPosition = "PA"
    film.PhotometricInterpretation = "MONOCHROME2"
    film.SamplesPerPixel = 1
    film.Rows, film.Columns = levels.shape
    film.BitsAllocated, film.BitsStored, film.HighBit = 16, 12, 11
    film.PixelRepresentation = 0
    film.PixelData = levels.astype("<u2").tobytes()
    buffer = io.BytesIO()
    film.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def huge_png() -> bytes:
    """Return a small PNG that says it has 60,000 x 60,000 pixels."""
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


def _saved(levels: np.ndarray, file_format: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(levels).save(buffer, format=file_format)
    return buffer.getvalue()
