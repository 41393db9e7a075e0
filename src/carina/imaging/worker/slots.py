"""Memory without a name that a worker and its parent share; a temporary file where there is none.

A slot for a file's bytes is written by the parent and read by the worker. A slot for pixels is
written by the worker. On Linux they can only grow (a sealed memfd), so that the parent may use them
where they lie: what is mapped cannot be taken away. Elsewhere everything is copied.
"""

from __future__ import annotations

import errno
import io
import math
import mmap
import os
import struct
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike, NDArray

# What a slot keeps between films: enough for 8 megapixels, so that ordinary films find it mapped.
KEPT_BYTES = 32 * 2**20
_STEP = 4 * 2**20
_TWO_NUMBERS = struct.Struct("=qq")


class SharedFile:
    """A file that two processes share.

    Attributes:
        stream: its bytes, unbuffered.
        argument: what the worker finds it by: a descriptor that it inherits, or a path.
        is_sealed: whether it can only grow.
    """

    def __init__(self, *, sealed: bool = False) -> None:
        """Make an empty one; `sealed` asks for one that can only grow, where there is such."""
        self._path: Path | None = None
        descriptor = _without_a_name(sealed=sealed)
        self.is_sealed = sealed and descriptor is not None
        if descriptor is None:
            descriptor, name = tempfile.mkstemp(prefix="carina-")
            self._path = Path(name)
            if sys.platform != "win32":  # there an open file cannot lose its name
                self._path.unlink()
                self._path = None
        self.stream = io.FileIO(descriptor, "r+b")

    @property
    def argument(self) -> str:
        """What `opened` takes."""
        return str(self.stream.fileno() if self._path is None else self._path)

    @property
    def inherited(self) -> tuple[int, ...]:
        """The descriptors that the worker must inherit."""
        return (self.stream.fileno(),) if self._path is None else ()

    @property
    def n_bytes(self) -> int:
        """Its size."""
        return os.fstat(self.stream.fileno()).st_size

    def close(self) -> None:
        """Let go of it."""
        self.stream.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def _without_a_name(*, sealed: bool) -> int | None:
    """Return a descriptor of memory without a name; None where the system has or allows none."""
    if sys.platform != "linux" or not hasattr(os, "memfd_create"):
        return None
    import fcntl

    try:
        descriptor = os.memfd_create("carina", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            raise  # a temporary file is a descriptor as well
        return None  # a container's filter, or the setting vm.memfd_noexec
    if sealed:
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL)
    return descriptor


def opened(argument: str) -> io.FileIO:
    """Return the file that a worker was told of."""
    return io.FileIO(int(argument) if argument.isdecimal() else argument, "r+b")


def write_whole(stream: io.FileIO, data: bytes) -> None:
    """Write bytes to the beginning of a slot."""
    stream.seek(0)
    view = memoryview(data)
    while view:
        view = view[stream.write(view) or 0 :]


def read_whole(stream: io.FileIO, n_bytes: int) -> bytes:
    """Return the first bytes of a slot; fewer if it has fewer."""
    stream.seek(0)
    data = stream.read(n_bytes) or b""
    while len(data) < n_bytes and (more := stream.read(n_bytes - len(data))):
        data += more
    return data


class Progress:
    """The question that a worker is at, and the pixels that its film declares: two numbers.

    They are written and read in place, without a word to the other side: the parent looks only
    where an answer is late, or the worker is gone.
    """

    def __init__(self, stream: io.FileIO) -> None:
        """Take the file that both sides share."""
        self._stream = stream
        self._mapping: mmap.mmap | None = None

    def say(self, number: int, n_declared: int) -> None:
        """Write it, as the worker."""
        if sys.platform != "linux":  # elsewhere what is mapped and what is read may differ
            write_whole(self._stream, _TWO_NUMBERS.pack(number, n_declared))
            return
        if self._mapping is None:
            self._stream.truncate(_TWO_NUMBERS.size)
            self._mapping = mmap.mmap(self._stream.fileno(), _TWO_NUMBERS.size)
        _TWO_NUMBERS.pack_into(self._mapping, 0, number, n_declared)

    def said(self) -> tuple[int, int]:
        """Return what the worker wrote last, whatever it is; (-1, 0) before it wrote anything."""
        found = read_whole(self._stream, _TWO_NUMBERS.size)
        return _TWO_NUMBERS.unpack(found) if len(found) == _TWO_NUMBERS.size else (-1, 0)


def _rounded(n_bytes: int) -> int:
    return math.ceil(n_bytes / _STEP) * _STEP


def _kept(mapping: mmap.mmap | None) -> mmap.mmap | None:
    """Return a mapping that is kept for the next film; give back the memory of a large one."""
    if mapping is None or len(mapping) <= KEPT_BYTES:
        return mapping
    if sys.platform == "linux":
        mapping.madvise(mmap.MADV_REMOVE)
    return None


class FileSlot:
    """A slot for a file's bytes, as the parent fills it."""

    def __init__(self) -> None:
        """Make an empty one."""
        self.file = SharedFile(sealed=True)
        self._mapping: mmap.mmap | None = None

    def put(self, data: bytes) -> None:
        """Put bytes at its beginning."""
        if not self.file.is_sealed:
            write_whole(self.file.stream, data)
            return
        if data and (self._mapping is None or len(self._mapping) < len(data)):
            size = _rounded(len(data))
            if self.file.n_bytes < size:
                self.file.stream.truncate(size)
            self._mapping = mmap.mmap(self.file.stream.fileno(), size)
        if self._mapping is not None:  # a quarter of the time that write(2) takes
            self._mapping[: len(data)] = data

    def clear(self) -> None:
        """Give back the memory of a large file."""
        self._mapping = _kept(self._mapping)

    def close(self) -> None:
        """Let go of it."""
        self._mapping = None
        self.file.close()


class WorkerFileSlot:
    """A slot for a file's bytes, as the worker reads it."""

    def __init__(self, stream: io.FileIO) -> None:
        """Take the file that the parent made."""
        self._stream = stream
        self._mapping: mmap.mmap | None = None

    def take(self, n_bytes: int) -> bytes:
        """Return the bytes at its beginning."""
        if sys.platform != "linux":  # elsewhere what is written and what is mapped may differ
            return read_whole(self._stream, n_bytes)
        if n_bytes and (self._mapping is None or len(self._mapping) < n_bytes):
            size = os.fstat(self._stream.fileno()).st_size
            self._mapping = mmap.mmap(self._stream.fileno(), size, access=mmap.ACCESS_READ)
        return self._mapping[:n_bytes] if self._mapping is not None else b""


class PixelSlot:
    """A slot for pixels, as the parent reads it."""

    def __init__(self) -> None:
        """Make an empty one."""
        self.file = SharedFile(sealed=True)
        self._mapping: mmap.mmap | None = None

    def holds(self, n_bytes: int) -> bool:
        """Return whether the worker has put so many bytes there."""
        return self.file.n_bytes >= n_bytes

    def in_place(self, dtype: DTypeLike, shape: tuple[int, ...]) -> NDArray[np.generic]:
        """Return the array that lies there, flat; it changes with the slot's next film."""
        count = math.prod(shape)
        n_bytes = count * np.dtype(dtype).itemsize
        if self._mapping is None or len(self._mapping) < n_bytes:
            self._mapping = mmap.mmap(self.file.stream.fileno(), self.file.n_bytes)
        return np.frombuffer(self._mapping, dtype=dtype, count=count)

    def copied(self, dtype: DTypeLike, shape: tuple[int, ...]) -> NDArray[np.generic]:
        """Return the array that lies there, in memory of its own."""
        found = np.empty(shape, dtype=dtype)
        view = found.reshape(-1).view(np.uint8).data
        self.file.stream.seek(0)
        while view and (n_read := self.file.stream.readinto(view)):
            view = view[n_read:]
        return found

    def clear(self) -> None:
        """Give back the memory of a large film."""
        self._mapping = _kept(self._mapping)

    def close(self) -> None:
        """Let go of it; arrays that lie there stay as they are."""
        self._mapping = None
        self.file.close()


class WorkerSlot:
    """A slot for pixels, as the worker fills it."""

    def __init__(self, stream: io.FileIO) -> None:
        """Take the file that the parent made."""
        self._stream = stream
        self._mapping: mmap.mmap | None = None

    def array(self, dtype: DTypeLike, shape: tuple[int, ...]) -> NDArray[np.generic]:
        """Return an array that lies there, with any values."""
        count = math.prod(shape)
        n_bytes = count * np.dtype(dtype).itemsize
        if self._mapping is None or len(self._mapping) < n_bytes:
            size = _rounded(n_bytes)
            if os.fstat(self._stream.fileno()).st_size < size:
                self._stream.truncate(size)
            self._mapping = mmap.mmap(self._stream.fileno(), size)
        return np.frombuffer(self._mapping, dtype=dtype, count=count).reshape(shape)

    def flush(self) -> None:
        """Have what was put there seen by who reads the file."""
        if self._mapping is not None and sys.platform != "linux":
            self._mapping.flush()

    def clear(self) -> None:
        """Forget the mapping of a large film, whose memory the parent gives back."""
        if self._mapping is not None and len(self._mapping) > KEPT_BYTES:
            self._mapping = None
