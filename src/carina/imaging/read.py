"""A file -> a radiograph."""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from carina.domain.radiograph import Radiograph
from carina.errors import ImageError
from carina.files.digests import sha256_bytes
from carina.files.names import printable
from carina.imaging.decoded import Decoded, require_size
from carina.imaging.dicom import decode_dicom, is_dicom
from carina.imaging.raster import decode_raster

RASTER_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"})
FILM_SUFFIXES = RASTER_SUFFIXES | {".dcm", ".dicom", ".ima"}
MAX_FILE_BYTES = 512_000_000
_MEMBER = ".npz!/"
# All that numpy and zipfile raise on damaged archives.
_ARCHIVE_DAMAGE = (
    KeyError, IndexError, ValueError, OSError, EOFError, SyntaxError, TypeError,
    NotImplementedError, RuntimeError, struct.error, zlib.error, zipfile.BadZipFile,
)  # fmt: skip


def read_radiograph(path: Path | str) -> Radiograph:
    """Return the radiograph in a file, whatever its name ends in.

    Reads PNG, JPEG, TIFF and BMP (see `imaging.raster` for what each becomes), DICOM
    (`imaging.dicom`), and a film of a MedMNIST archive as `x.npz!/train_images/12`.

    Raises:
        ImageError: if there is no readable film; `image_code` says why.
    """
    path = Path(path)
    if _MEMBER in path.as_posix():
        return _read_member(path)
    return read_radiograph_bytes(_bytes_of(path), name=printable(str(path)))


def read_radiograph_bytes(data: bytes, *, name: str) -> Radiograph:
    """Return the radiograph in a file's bytes.

    Args:
        data: the whole file.
        name: its name or path, for messages and `Radiograph.path`.

    Raises:
        ImageError: if there is no readable film; `image_code` says why.
    """
    if not data:
        raise ImageError(f"{name} is empty (0 bytes)", image_code="empty-file")
    if len(data) > MAX_FILE_BYTES:
        raise _too_many_bytes(name, len(data))
    decode = decode_dicom if is_dicom(data) else decode_raster
    return _radiograph(decode(data, name=name), path=Path(name), sha256=sha256_bytes(data))


def _radiograph(decoded: Decoded, *, path: Path, sha256: str) -> Radiograph:
    return Radiograph(
        pixels=decoded.pixels,
        path=path,
        sha256=sha256,
        file_format=decoded.file_format,
        colour_mode=decoded.colour_mode,
        bits=decoded.bits,
        view=decoded.view,
        pixel_spacing_mm=decoded.pixel_spacing_mm,
        cautions=decoded.cautions,
        traces=decoded.traces,
        jpeg_tables=decoded.jpeg_tables,
        jpeg_quality=decoded.jpeg_quality,
        colour_share=decoded.colour_share,
    )


def _bytes_of(path: Path) -> bytes:
    name = printable(str(path))
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            kind = "a folder" if stat.S_ISDIR(facts.st_mode) else "no regular file"
            raise ImageError(f"{name} is {kind}, not a film", image_code="not-a-file")
        if facts.st_size > MAX_FILE_BYTES:
            raise _too_many_bytes(name, facts.st_size)
        return path.read_bytes()
    except FileNotFoundError:
        raise ImageError(f"{name} does not exist", image_code="not-found") from None
    except PermissionError:
        raise ImageError(
            f"{name} may not be read; give yourself the permission", image_code="no-permission"
        ) from None
    except (OSError, ValueError) as error:
        raise ImageError(f"{name} cannot be read: {error}", image_code="not-found") from error


def _too_many_bytes(name: str, n_bytes: int) -> ImageError:
    return ImageError(
        f"{name} has {n_bytes / 1e6:.0f} MB, and {MAX_FILE_BYTES / 1e6:.0f} MB are the most "
        "that is read",
        image_code="too-large",
    )


def _read_member(path: Path) -> Radiograph:
    """Return one film of a MedMNIST archive: `x.npz!/train_images/12`."""
    archive, _, member = path.as_posix().partition("!/")
    array_name, _, index = member.partition("/")
    try:
        modified = Path(archive).stat().st_mtime_ns
        film = _array(archive, array_name, modified)[int(index)]
    except FileNotFoundError:
        raise ImageError(f"{archive} does not exist", image_code="not-found") from None
    except _ARCHIVE_DAMAGE as error:
        raise ImageError(f"{path} cannot be read: {error}", image_code="damaged") from error
    bits = _bits_of(film, str(path))
    colour_mode = "RGB" if film.ndim == 3 else "L"
    if film.ndim == 3 and film.shape[2] == 3:  # ITU-R BT.601 luma
        film = film @ np.array([0.299, 0.587, 0.114])
    if film.ndim != 2:
        raise ImageError(
            f"{path} has the shape {film.shape}; height x width is expected",
            image_code="unsupported-pixels",
        )
    require_size(*film.shape, name=str(path))
    pixels = (film / (2**bits - 1 if bits < 32 else 1)).astype(np.float32)
    decoded = Decoded(pixels, file_format="NPZ", colour_mode=colour_mode, bits=bits)
    header = f"{film.shape}{film.dtype}".encode()
    return _radiograph(decoded, path=path, sha256=sha256_bytes(header + film.tobytes()))


def _bits_of(film: NDArray[np.generic], name: str) -> int:
    """Return the bits of a member's grey values: 8 or 16, or 32 for float in [0, 1]."""
    if film.dtype in (np.uint8, np.uint16):
        return 8 * film.dtype.itemsize
    if film.dtype.kind == "f":
        values = film.astype(np.float64)
        if bool(np.all((values >= 0) & (values <= 1))):
            return 32
    raise ImageError(
        f"{name} holds {film.dtype} values; uint8, uint16 or float between 0 (black) and 1 "
        "(white) are read",
        image_code="unsupported-pixels",
    )


@lru_cache(maxsize=3)
def _array(archive: str, name: str, _modified: int) -> NDArray[np.generic]:
    """Return one array of an archive; its films are read in turn, so it is kept."""
    # numpy leaves a damaged archive open if it is given the path
    with Path(archive).open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
        found: NDArray[np.generic] = arrays[name]
    return found
