"""Arrays of numbers in numpy's `.npz` archives, read without trusting what they say.

numpy allocates what an array's header declares before it sees whether the file holds it, and a
few kilobytes of zip can unpack to gigabytes. Here the archive's own limits hold (`files.archives`),
and the header must fit the bytes that are there; nothing but numbers is read.
"""

from __future__ import annotations

import math
import re
import struct

import numpy as np
from numpy.typing import NDArray

from carina.files.archives.entries import ArchiveProblem, as_image_errors
from carina.files.archives.reading import Archive, open_archive
from carina.files.names import printable

MOST_ARRAY_BYTES = 8_000_000_000
"""Bytes of one array: MedMNIST's largest chest set has 5.6 GB (112,120 films at 224 pixels)."""
_HEADER_BYTES = 4_096  # numpy fills a header up to 128 bytes, or a few more
_LENGTHS = {b"\x93NUMPY\x01\x00": struct.Struct("<H"), b"\x93NUMPY\x02\x00": struct.Struct("<I")}
_HEADER = re.compile(
    rb"\{'descr': '([^'\\\x80-\xff]{1,32})', 'fortran_order': (True|False), "
    rb"'shape': \(((?:\d{1,18}, ?)*(?:\d{1,18})?)\),? ?\} *\n"
)
_NUMBERS = re.compile(r"[<>|=](?:b1|[ui][1248]|f[248])")
_SUFFIX = ".npy"


def array_names(path: str) -> list[str]:
    """Return the names of the arrays in an archive, sorted.

    Raises:
        ImageError: if it cannot be read, or is refused.
    """
    with as_image_errors(printable(path)):
        entries = open_archive(path).entries
        return sorted(name.removesuffix(_SUFFIX) for name in entries if name.endswith(_SUFFIX))


def array_shape(path: str, name: str) -> tuple[int, ...]:
    """Return what an array's header says of its shape; nothing else of it is read.

    Raises:
        ImageError: if it is not there, or no array of numbers.
    """
    with as_image_errors(printable(path)):
        archive = open_archive(path)
        return _header(archive, name, archive.head(name + _SUFFIX, _HEADER_BYTES))[0]


def read_array(path: str, name: str) -> NDArray[np.generic]:
    """Return an array, read-only.

    Raises:
        ImageError: if it is not there, no array of numbers, larger than `MOST_ARRAY_BYTES`, or
            of another size than it says.
    """
    with as_image_errors(printable(path)):
        archive = open_archive(path)
        data = archive.read(name + _SUFFIX, most_bytes=MOST_ARRAY_BYTES)
        shape, is_fortran, dtype, start = _header(archive, name, data[:_HEADER_BYTES])
        n_bytes = math.prod(shape) * dtype.itemsize
        if n_bytes != len(data) - start:
            raise _damaged(
                archive, name, f"it says that it has {n_bytes:,} bytes of numbers, and "
                f"{len(data) - start:,} are there"
            )  # fmt: skip
        flat = np.frombuffer(data, dtype=dtype, offset=start)
        return flat.reshape(shape, order="F" if is_fortran else "C")


def _header(
    archive: Archive, name: str, start: bytes
) -> tuple[tuple[int, ...], bool, np.dtype[np.generic], int]:
    """Return shape, order, type and length of the header that an array begins with.

    numpy's own reader has Python's parser read the header; here it must look as numpy writes it.

    References:
        numpy.lib.format, versions 1.0 and 2.0; 3.0 is for names of fields, which numbers lack.
    """
    length = _LENGTHS.get(start[:8])
    if length is None or len(start) < 8 + length.size:
        raise _damaged(archive, name, "it does not begin as an array of numbers")
    begin = 8 + length.size
    end = begin + length.unpack_from(start, 8)[0]
    match = _HEADER.fullmatch(start[begin:end])
    if match is None or len(start) < end:
        raise _damaged(archive, name, "its header is none that numpy writes")
    kind, is_fortran, sides = (group.decode("ascii") for group in match.groups())
    if _NUMBERS.fullmatch(kind) is None:
        raise ArchiveProblem(
            f"{archive.named(name)} holds values of the type {kind}, and only numbers are read; "
            "fetch the archive again",
            image_code="unsupported-pixels",
        )
    shape = tuple(int(side) for side in sides.split(",") if side.strip())
    return shape, is_fortran == "True", np.dtype(kind), end


def _damaged(archive: Archive, name: str, what: str) -> ArchiveProblem:
    return ArchiveProblem(
        f"{archive.named(name)} is damaged: {what}; fetch the archive again", image_code="damaged"
    )
