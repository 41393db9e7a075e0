"""What a zip file says it holds: its central directory, read once.

PKWARE APPNOTE 6.3.10: end of the central directory 4.3.16, of a large one 4.3.14 and 4.3.15;
central directory 4.3.12; header before the content 4.3.7; sizes of large files 4.5.3.

Read here and not by `zipfile`, so that limits hold before anything is allocated, files that lie
over each other are seen, and several threads read at the same time.
"""

from __future__ import annotations

import stat
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from carina.files.archives.entries import (
    NEEDS_PASSWORD,
    NO_FILE,
    ArchiveLimits,
    ArchiveProblem,
    Entry,
    too_many_files,
)

ReadAt = Callable[[int, int], bytes]
"""`read_at(start, n)`: so many bytes of the archive, or fewer at its end."""

LOCAL = struct.Struct("<4s5H3L2H")
LOCAL_MARK = b"PK\3\4"
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_CENTRAL_MARK = b"PK\1\2"
_END = struct.Struct("<4s4H2LH")
_END_MARK = b"PK\5\6"
_END_64 = struct.Struct("<4sQ2H2L4Q")
_END_64_MARK = b"PK\6\6"
_LOCATOR_64 = struct.Struct("<4sLQL")
_LOCATOR_64_MARK = b"PK\6\7"
_EXTRA = struct.Struct("<HH")
_EXTRA_64 = 0x0001
_IN_EXTRA = 0xFFFFFFFF
_MOST_COMMENT = 0xFFFF
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_UTF_8 = 0x800
# 500,000 names of 500 bytes.
_MOST_DIRECTORY_BYTES = 256 * 2**20


@dataclass(frozen=True, slots=True)
class _Directory:
    """Where the central directory lies.

    Attributes:
        start: its first byte.
        n_bytes: its size.
        n_entries: how many entries it says it has.
        shift: bytes before the archive's own first one, as a program that unpacks itself has.
    """

    start: int
    n_bytes: int
    n_entries: int
    shift: int


def read_zip_entries(read_at: ReadAt, n_archive_bytes: int, limits: ArchiveLimits) -> list[Entry]:
    """Return the entries of a zip file, folders too, not yet judged.

    Args:
        read_at: reads the archive.
        n_archive_bytes: its size.
        limits: what it may become.

    Raises:
        ArchiveProblem: if it is damaged, one part of several, or holds too many files; with the
            end of a sentence about it.
    """
    where = _directory(read_at, n_archive_bytes)
    if where.n_entries > limits.n_files:
        raise too_many_files(where.n_entries, limits)
    if where.n_bytes > _MOST_DIRECTORY_BYTES:
        raise ArchiveProblem(
            f"has a list of files of {where.n_bytes / 1e6:,.0f} MB, and "
            f"{_MOST_DIRECTORY_BYTES / 1e6:,.0f} MB are the most",
            image_code="too-large",
        )
    data = read_at(where.start, where.n_bytes)
    if len(data) != where.n_bytes:
        raise _damaged("its list of files is cut off")
    entries = []
    for entry in _entries(data, where.shift):
        entries.append(entry)
        if len(entries) > limits.n_files:
            raise too_many_files(len(entries), limits)
    # Old programs count modulo 65,536.
    if (len(entries) - where.n_entries) % 65_536:
        raise _damaged(f"it lists {len(entries):,} files and says {where.n_entries:,}")
    return entries


def _directory(read_at: ReadAt, n_archive_bytes: int) -> _Directory:
    n_tail = min(n_archive_bytes, _END.size + _MOST_COMMENT)
    tail_start = n_archive_bytes - n_tail
    tail = read_at(tail_start, n_tail)
    place = len(tail)
    while (place := tail.rfind(_END_MARK, 0, place)) >= 0:
        if place + _END.size > len(tail):
            continue
        _, disk, first_disk, _, n_entries, n_bytes, offset, n_comment = _END.unpack_from(
            tail, place
        )
        if place + _END.size + n_comment <= len(tail):
            break
    else:
        raise _damaged("the end of its list of files is not there; is it whole?")
    end = tail_start + place
    large = _large_directory(read_at, end)
    if large is not None:
        end, disk, first_disk, n_entries, n_bytes, offset = large
    if disk or first_disk:
        raise ArchiveProblem(
            "is one part of an archive that was split; join its parts first",
            image_code="unknown-format",
        )
    start = end - n_bytes
    if start < offset:
        raise _damaged("its list of files is not where it says")
    return _Directory(start, n_bytes, n_entries, shift=start - offset)


def _large_directory(read_at: ReadAt, end: int) -> tuple[int, int, int, int, int, int] | None:
    """Return where a large archive's directory ends and what is said of it; None of another."""
    if end < _LOCATOR_64.size:
        return None
    locator = read_at(end - _LOCATOR_64.size, _LOCATOR_64.size)
    mark, disk, written, n_disks = _LOCATOR_64.unpack(locator)
    if mark != _LOCATOR_64_MARK:
        return None
    if disk or n_disks > 1:
        return end, 1, 1, 0, 0, 0
    # Bytes before the archive move it; then it lies right before its locator.
    for start in (written, end - _LOCATOR_64.size - _END_64.size):
        record = read_at(start, _END_64.size) if 0 <= start < end else b""
        if len(record) == _END_64.size and record.startswith(_END_64_MARK):
            _, _, _, _, disk, first_disk, _, n_entries, n_bytes, offset = _END_64.unpack(record)
            return start, disk, first_disk, n_entries, n_bytes, offset
    raise _damaged("the end of its list of files is not where it says")


def _entries(data: bytes, shift: int) -> Iterator[Entry]:
    place = 0
    while place < len(data):
        if place + _CENTRAL.size > len(data):
            raise _damaged("its list of files is cut off")
        (
            mark, _, _, flags, method, _, _, crc, n_packed, n_bytes,
            n_name, n_extra, n_comment, disk, _, attributes, offset,
        ) = _CENTRAL.unpack_from(data, place)  # fmt: skip
        name_start = place + _CENTRAL.size
        extra_start = name_start + n_name
        place = extra_start + n_extra + n_comment
        if mark != _CENTRAL_MARK or place > len(data):
            raise _damaged("its list of files is no such list")
        name = _name(data[name_start:extra_start], is_utf_8=bool(flags & _UTF_8))
        if _IN_EXTRA in (n_bytes, n_packed, offset):
            extra = data[extra_start : extra_start + n_extra]
            n_bytes, n_packed, offset = _large(extra, (n_bytes, n_packed, offset), name)
        if disk not in (0, 0xFFFF):
            raise _damaged(f"{name!r} lies in another part of it")
        yield Entry(
            name=name,
            n_bytes=n_bytes,
            start=shift + offset,
            n_packed=n_packed,
            n_header=LOCAL.size + n_name,
            method=method,
            crc=crc,
            is_folder=name.endswith(("/", "\\")),
            refused=_refused(flags, attributes),
        )


def _name(raw: bytes, *, is_utf_8: bool) -> str:
    """Return a name; macOS and Linux write UTF-8 without saying so, others code page 437."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("utf-8", "surrogateescape") if is_utf_8 else raw.decode("cp437")


def _large(extra: bytes, written: tuple[int, int, int], name: str) -> list[int]:
    """Return size, packed size and offset of a file, where some are too large for their fields."""
    place = 0
    while place + _EXTRA.size <= len(extra):
        kind, n_extra = _EXTRA.unpack_from(extra, place)
        place += _EXTRA.size
        if kind == _EXTRA_64:
            numbers = extra[place : min(place + n_extra, len(extra))]
            values = list(written)
            for which, value in enumerate(written):
                if value == _IN_EXTRA:
                    if len(numbers) < 8:
                        break
                    values[which] = int.from_bytes(numbers[:8], "little")
                    numbers = numbers[8:]
            else:
                return values
        place += n_extra
    raise _damaged(f"the size of {name!r} is missing")


def _refused(flags: int, attributes: int) -> str:
    if flags & _ENCRYPTED:
        return NEEDS_PASSWORD
    kind = stat.S_IFMT(attributes >> 16)
    return "" if kind in (0, stat.S_IFREG, stat.S_IFDIR) else NO_FILE


def _damaged(what: str) -> ArchiveProblem:
    return ArchiveProblem(f"is damaged: {what}", image_code="damaged")
