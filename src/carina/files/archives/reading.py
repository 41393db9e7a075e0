"""Archives that are read where they lie: indexed once, each file by one read of its bytes."""

from __future__ import annotations

import os
import stat
import threading
import weakref
import zlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from carina.errors import ImageCode
from carina.files.archives.entries import (
    DEFLATED,
    LIMITS,
    STORED,
    ArchiveLimits,
    ArchiveProblem,
    Entry,
    plain_name,
    require_apart,
    require_flat,
    require_harmless,
)
from carina.files.archives.tar_entries import read_tar_entries
from carina.files.archives.zip_entries import LOCAL, LOCAL_MARK, read_zip_entries
from carina.files.names import printable

_KEPT = 32
_EXTRA_BYTES = 512  # of a header in a zip; what is longer is read by a second call
# No film shrinks so far; a blank picture or a mask may, and is small.
_MOST_RATIO = 200
_SMALL_BYTES = 16_000_000
_TAR_MARK = 257
# The first bytes of what is compressed as a whole, and what takes one layer off.
_COMPRESSED = {
    b"\x1f\x8b": "gunzip -k",
    b"BZh": "bunzip2 -k",
    b"\xfd7zXZ\0": "unxz -k",
    b"\x28\xb5\x2f\xfd": "unzstd",
}
_OTHER_KINDS = {b"7z\xbc\xaf\x27\x1c": "a 7z archive", b"Rar!\x1a\x07": "a RAR archive"}
_ADVICE: Mapping[ImageCode, str] = {
    "damaged": "copy it again",
    "not-found": "name another one",
    "too-large": "if you trust it, unpack it and name the folder",
    "inflates-too-far": "if you trust it, unpack it and name the folder",
}
_OTHER_ADVICE = "make it anew without that, or unpack it and name the folder"
State = tuple[int, int, int, int]


@dataclass(slots=True)
class ArchiveFolder:
    """What lies in one folder of an archive.

    Attributes:
        folders, files: their own names, sorted.
    """

    folders: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)


class Archive:
    """A zip or plain tar file, known to be harmless; may be read by several threads.

    Attributes:
        path: where it lies.
        state: of the file when it was indexed.
        entries: path inside -> entry, of every file.
        folders: path inside -> what lies there; "" is all of it.
    """

    def __init__(self, path: str, *, limits: ArchiveLimits = LIMITS) -> None:
        """Index an archive.

        Raises:
            ArchiveProblem: if it cannot be read, or is refused.
            OSError: if the system does not let it be read.
        """
        self.path = path
        self._slices = _Slices(path)
        self.state = self._slices.state()
        n_bytes = self.state[2]
        try:
            listed = self._listed(n_bytes, limits)
            require_harmless(listed, n_archive_bytes=n_bytes, limits=limits)
            require_flat(listed)
            files = [entry for entry in listed if not entry.is_folder]
            require_apart(files, n_archive_bytes=n_bytes)
        except ArchiveProblem as problem:
            raise self._told(problem) from None
        self.entries = {plain_name(entry.name): entry for entry in files}
        self.folders = _folders(
            self.entries, [plain_name(entry.name) for entry in listed if entry.is_folder]
        )

    def read(self, name: str, *, most_bytes: int) -> bytes:
        """Return the content of a file in it: as long as it says, with the checksum it says.

        Args:
            name: its path inside.
            most_bytes: of a larger file nothing is read.

        Raises:
            ArchiveProblem: if it is not there, too large, damaged, or the archive was changed.
            OSError: if the system fails to read it.
        """
        entry = self._entry(name)
        if entry.n_bytes > most_bytes:
            raise ArchiveProblem(
                f"{self.named(name)} has {entry.n_bytes / 1e6:.0f} MB, and "
                f"{most_bytes / 1e6:.0f} MB are the most that is read",
                image_code="too-large",
            )
        if entry.n_bytes > max(_SMALL_BYTES, _MOST_RATIO * entry.n_packed):
            raise ArchiveProblem(
                f"{self.named(name)} would grow {entry.n_bytes / max(entry.n_packed, 1):,.0f}-fold "
                f"when unpacked, and {_MOST_RATIO}-fold is the most: it is no film",
                image_code="inflates-too-far",
            )
        data = self._content(entry, name, entry.n_bytes)
        if entry.crc is not None and zlib.crc32(data) != entry.crc:
            what = "it does not have the checksum that the archive keeps"
            raise self._damaged(name, what, image_code="bad-checksum")
        return data

    def head(self, name: str, n_bytes: int) -> bytes:
        """Return the first bytes of a file in it, unchecked.

        Raises:
            ArchiveProblem, OSError: as `read` does.
        """
        entry = self._entry(name)
        return self._content(entry, name, min(n_bytes, entry.n_bytes))

    def named(self, name: str) -> str:
        """Return how messages name a file in it."""
        return printable(f"{self.path}!/{name}")

    def _told(self, problem: ArchiveProblem) -> ArchiveProblem:
        """Return what is wrong with the archive as a sentence with what to do."""
        sentence = f"{printable(self.path)} {problem}"
        if "; " not in sentence:
            sentence += f"; {_ADVICE.get(problem.image_code, _OTHER_ADVICE)}"
        return ArchiveProblem(sentence, image_code=problem.image_code)

    def _listed(self, n_bytes: int, limits: ArchiveLimits) -> list[Entry]:
        read_at = self._slices.read_at
        start = read_at(0, 2 * _TAR_MARK)
        if start[_TAR_MARK : _TAR_MARK + 5] == b"ustar":
            return read_tar_entries(read_at, n_bytes, limits)
        for mark, command in _COMPRESSED.items():
            if start.startswith(mark):
                raise ArchiveProblem(
                    "is compressed as a whole, so that no film in it can be read without "
                    f"unpacking all before it; give '{command} {Path(self.path).name}' and name "
                    "the file that this makes, or unpack it and name the folder",
                    image_code="unknown-format",
                )
        for mark, kind in _OTHER_KINDS.items():
            if start.startswith(mark):
                raise ArchiveProblem(
                    f"is {kind}, and zip and tar are read; unpack it and name the folder",
                    image_code="unknown-format",
                )
        if not start:
            raise ArchiveProblem("is empty (0 bytes); copy it again", image_code="empty-file")
        if self.path.lower().endswith(".tar") and not start.startswith(b"PK"):
            return read_tar_entries(read_at, n_bytes, limits)  # of before 1988, without a mark
        return read_zip_entries(read_at, n_bytes, limits)

    def _entry(self, name: str) -> Entry:
        entry = self.entries.get(name)
        if entry is None:
            if name in self.folders:
                raise ArchiveProblem(f"{self.named(name)} is a folder", image_code="not-a-file")
            raise ArchiveProblem(f"{self.named(name)} does not exist", image_code="not-found")
        return entry

    def _content(self, entry: Entry, name: str, n_wanted: int) -> bytes:
        """Return the first bytes of a file; where all are wanted, there must be no more."""
        if entry.method not in (STORED, DEFLATED):
            raise ArchiveProblem(
                f"{self.named(name)} is compressed by method {entry.method}, and only what is "
                "stored or deflated is read; make the archive anew with an ordinary zip program",
                image_code="unknown-format",
            )
        packed = self._packed(entry, n_wanted)
        if self._slices.state() != self.state:
            raise ArchiveProblem(
                f"{self.named(name)} cannot be read: the archive changed while it was read",
                image_code="changed-while-read",
            )
        if packed is None:
            raise self._damaged(name, "it does not lie where the archive says")
        if entry.method == STORED:
            data, is_whole = packed[:n_wanted], len(packed) == entry.n_bytes == entry.n_packed
        else:
            data, is_whole = _inflated(packed, entry, n_wanted)
        if (n_wanted == entry.n_bytes and not is_whole) or len(data) != n_wanted:
            raise self._damaged(name, "it is not as long as the archive says")
        return data

    def _damaged(
        self, name: str, what: str, *, image_code: ImageCode = "damaged"
    ) -> ArchiveProblem:
        told = f"{self.named(name)} is damaged: {what}; copy the archive again"
        return ArchiveProblem(told, image_code=image_code)

    def _packed(self, entry: Entry, n_wanted: int) -> bytes | None:
        """Return the packed bytes that hold the first `n_wanted` bytes of a file; None if it
        does not lie where it should."""
        n_packed = entry.n_packed
        if n_wanted < entry.n_bytes:
            # Deflate grows what it cannot compress by 5 bytes per block (RFC 1951, 3.2.4).
            n_packed = min(n_packed, n_wanted + n_wanted // 100 + 1024)
        if not entry.n_header:
            return self._slices.read_at(entry.start, n_packed)
        data = self._slices.read_at(entry.start, entry.n_header + _EXTRA_BYTES + n_packed)
        if len(data) < LOCAL.size:
            return None
        mark, _, _, method, _, _, _, _, _, n_name, n_extra = LOCAL.unpack_from(data)
        if mark != LOCAL_MARK or n_name != entry.n_header - LOCAL.size or method != entry.method:
            return None
        start = entry.n_header + n_extra
        if len(data) < start + n_packed:
            return self._slices.read_at(entry.start + start, n_packed)
        return data[start : start + n_packed]


def _inflated(packed: bytes, entry: Entry, n_wanted: int) -> tuple[bytes, bool]:
    """Return the first bytes of a deflated file, and whether they are all that there are."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        data = inflater.decompress(packed, n_wanted + 1)
        if len(data) == n_wanted and not inflater.eof and n_wanted == entry.n_bytes:
            data += inflater.decompress(inflater.unconsumed_tail, 1)
    except zlib.error:
        return b"", False
    is_whole = inflater.eof and not inflater.unused_data and len(data) == n_wanted
    return data if is_whole else data[:n_wanted], is_whole


class _Slices:
    """Pieces of a file, read by several threads from one handle."""

    def __init__(self, path: str) -> None:
        self._path = Path(path).absolute()
        _require_file(path, self._path.stat())
        flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
        self._handle = os.open(path, flags) if hasattr(os, "pread") else None
        if self._handle is not None:
            weakref.finalize(self, os.close, self._handle)
        _require_file(path, self._facts())

    def state(self) -> State:
        """Return the state of the file that is open."""
        return _state_of(self._facts())

    def read_at(self, start: int, n_bytes: int) -> bytes:
        """Return so many bytes from a place on, or fewer at the end of the file."""
        if self._handle is None:  # Windows
            with self._path.open("rb") as stream:
                stream.seek(start)
                return stream.read(n_bytes)
        data = os.pread(self._handle, n_bytes, start)
        if len(data) == n_bytes:
            return data
        parts = [data]  # a signal, or more than 2 GB
        while data and (n_bytes := n_bytes - len(data)):
            start += len(data)
            data = os.pread(self._handle, n_bytes, start)
            parts.append(data)
        return b"".join(parts)

    def _facts(self) -> os.stat_result:
        return self._path.stat() if self._handle is None else os.fstat(self._handle)


_opened: OrderedDict[str, Archive | tuple[State, ArchiveProblem]] = OrderedDict()
_lock = threading.Lock()


def open_archive(path: str) -> Archive:
    """Return an archive's index, made anew where the file was changed since; the last 32
    archives stay open.

    Raises:
        ArchiveProblem: if it cannot be read, or is refused.
        OSError: if the system does not let it be read.
    """
    state = _state_of(os.stat(path))  # noqa: PTH116  for every film, and a Path costs as much
    known = _opened.get(path)
    if isinstance(known, Archive) and known.state == state:
        return known
    with _lock:
        known = _opened.get(path)
        if isinstance(known, Archive) and known.state == state:
            return known
        if isinstance(known, tuple) and known[0] == state:
            raise ArchiveProblem(str(known[1]), image_code=known[1].image_code)
        _opened.pop(path, None)
        while len(_opened) >= _KEPT:
            _opened.popitem(last=False)
        try:
            archive = Archive(path)
        except ArchiveProblem as problem:
            _opened[path] = state, problem
            raise
        _opened[path] = archive
        return archive


def _in_the_copy() -> None:
    global _lock  # noqa: PLW0603  another thread may have held it
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_the_copy)


def _state_of(facts: os.stat_result) -> State:
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns


def _require_file(path: str, facts: os.stat_result) -> None:
    if not stat.S_ISREG(facts.st_mode):
        raise ArchiveProblem(f"{printable(path)} is no regular file", image_code="not-a-file")


def _folders(files: Iterable[str], folders: Iterable[str]) -> dict[str, ArchiveFolder]:
    """Return what lies in each folder of an archive."""
    found = {"": ArchiveFolder()}

    def made(name: str) -> ArchiveFolder:
        folder = found.get(name)
        if folder is None:
            above, _, own = name.rpartition("/")
            made(above).folders.append(own)
            folder = found[name] = ArchiveFolder()
        return folder

    for name in folders:
        if name not in ("", "."):
            made(name)
    for name in files:
        above, _, own = name.rpartition("/")
        made(above).files.append(own)
    for folder in found.values():
        folder.folders.sort()
        folder.files.sort()
    return found
