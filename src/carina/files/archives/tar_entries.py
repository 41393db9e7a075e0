"""What a plain tar file says it holds, read from header to header.

The headers are those of POSIX.1-2017, pax, "ustar Interchange Format" and "pax Extended Header",
with GNU tar's long names and base-256 numbers (GNU tar manual, "Basic Tar Format").

Read here and not by `tarfile`, which takes a damaged header for the end and passes over the
rest, and holds whole extended headers of any size.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from carina.files.archives.entries import (
    NO_FILE,
    ArchiveLimits,
    ArchiveProblem,
    Entry,
    too_many_files,
)
from carina.files.archives.zip_entries import ReadAt

_BLOCK = 512
_MARK = b"ustar"
_FILES, _FOLDER = (b"\0", b"0", b"7"), b"5"
_SPARSE = b"S"
_PAX, _PAX_OF_ALL, _LONG_NAME, _LONG_LINK = b"x", b"g", b"L", b"K"
_MOST_EXTENDED_BYTES = 1 << 20
_PAX_RECORD = re.compile(rb"(\d{1,7}) ")
_BASE_256 = 0x80
# tar fills its last record, 10 kB by default, and tapes have larger ones.
_MOST_FILL_BYTES = 4 << 20


@dataclass(slots=True)
class _Extended:
    """What extended headers say of the file that follows them."""

    name: str | None = None
    n_bytes: int | None = None
    is_sparse: bool = False


def read_tar_entries(read_at: ReadAt, n_archive_bytes: int, limits: ArchiveLimits) -> list[Entry]:
    """Return the entries of a plain tar file, folders too, not yet judged.

    Args:
        read_at: reads the archive.
        n_archive_bytes: its size.
        limits: what it may become.

    Raises:
        ArchiveProblem: if it is damaged, or holds too many files; with the end of a sentence
            about it.
    """
    entries = []
    for entry in _entries(read_at, n_archive_bytes):
        entries.append(entry)
        if len(entries) > limits.n_files:
            raise too_many_files(len(entries), limits)
    return entries


def _entries(read_at: ReadAt, n_archive_bytes: int) -> Iterator[Entry]:
    place = 0
    extended, n_extended = _Extended(), 0
    while True:
        header = read_at(place, _BLOCK)
        if len(header) < _BLOCK:
            raise _damaged("it is cut off; copy it again")
        if not any(header):
            _require_end(read_at, place, n_archive_bytes)
            return
        kind = header[156:157]
        n_bytes = _checked_size(header, place)
        n_bytes = 0 if kind == _FOLDER else n_bytes  # nothing follows, whatever it says
        content = place + _BLOCK
        if kind in (_PAX, _PAX_OF_ALL, _LONG_NAME, _LONG_LINK):
            n_extended += 1
            if n_bytes > _MOST_EXTENDED_BYTES or n_extended > 8:
                raise _damaged(f"the header at byte {place:,} is too long")
            body = read_at(content, n_bytes)
            _extend(extended, kind, body, place)
        else:
            n_bytes = extended.n_bytes if extended.n_bytes is not None else n_bytes
            yield _entry(header, extended, content, n_bytes)
            extended, n_extended = _Extended(), 0
        if content + n_bytes > n_archive_bytes:
            raise _damaged("it is cut off; copy it again")
        place = content + -(-n_bytes // _BLOCK) * _BLOCK


def _entry(header: bytes, extended: _Extended, content: int, n_bytes: int) -> Entry:
    kind = header[156:157]
    name = extended.name if extended.name is not None else _name(header)
    is_folder = kind == _FOLDER or (kind in _FILES and name.endswith("/"))
    refused = "" if is_folder or kind in _FILES else NO_FILE
    if kind == _SPARSE or extended.is_sparse:
        refused = "which has holes"
    return Entry(name, n_bytes, content, n_bytes, is_folder=is_folder, refused=refused)


def _checked_size(header: bytes, place: int) -> int:
    """Return the size in a header whose checksum is right."""
    written = _number(header[148:156])
    # The sum counts its own field as spaces; some old programs took bytes as signed.
    summed = header[:148] + header[156:]
    expected = sum(summed) + 8 * 0x20
    is_right = written == expected or written == expected - 256 * sum(b > 127 for b in summed)
    n_bytes = _number(header[124:136])
    if not is_right or n_bytes is None:
        raise _damaged(f"the header at byte {place:,} is none of a tar file")
    return n_bytes


def _number(field: bytes) -> int | None:
    if field[0] & _BASE_256:
        return int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
    digits = field.split(b"\0", 1)[0].strip()
    if not digits:
        return 0
    return int(digits, 8) if re.fullmatch(rb"[0-7]+", digits) else None


def _name(header: bytes) -> str:
    name = _text(header[:100])
    # GNU tar's own format has times where others have the first part of a long name.
    if header[257:263] == _MARK + b"\0" and (prefix := _text(header[345:500])):
        return f"{prefix}/{name}"
    return name


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")


def _extend(extended: _Extended, kind: bytes, body: bytes, place: int) -> None:
    """Note what an extended header says of the file that follows; of a link's target nothing."""
    if kind == _LONG_NAME:
        extended.name = _text(body)
    if kind not in (_PAX, _PAX_OF_ALL):
        return
    for key, value in _pax_records(body, place):
        if kind == _PAX_OF_ALL and key in (b"path", b"size"):
            raise _damaged(f"the header at byte {place:,} gives every file one name or size")
        if key == b"path":
            extended.name = value.decode("utf-8", "surrogateescape")
        if key == b"size":
            extended.n_bytes = _decimal(value, place)
        extended.is_sparse = extended.is_sparse or key.startswith(b"GNU.sparse.")


def _decimal(digits: bytes, place: int) -> int:
    if not re.fullmatch(rb"\d{1,15}", digits):
        raise _damaged(f"the size in the header at byte {place:,} is no number")
    return int(digits)


def _pax_records(body: bytes, place: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield the records `"%d %s=%s\\n"` of an extended header."""
    start = 0
    while start < len(body) and body[start] != 0:
        match = _PAX_RECORD.match(body, start)
        end = start + int(match[1]) if match else 0
        record = body[match.end() : end] if match else b""
        key, is_record, value = record.partition(b"=")
        if not is_record or not value.endswith(b"\n"):
            raise _damaged(f"the extended header at byte {place:,} cannot be read")
        yield key, value[:-1]
        start = end


def _require_end(read_at: ReadAt, place: int, n_archive_bytes: int) -> None:
    """Refuse what stands behind the end: a second archive would be passed over in silence."""
    n_left = n_archive_bytes - place
    if n_left > _MOST_FILL_BYTES or any(read_at(place, n_left)):
        raise ArchiveProblem(
            f"ends at byte {place:,}, and more stands behind its end; is it two archives one "
            "behind the other?",
            image_code="damaged",
        )


def _damaged(what: str) -> ArchiveProblem:
    return ArchiveProblem(f"is damaged: {what}", image_code="damaged")
