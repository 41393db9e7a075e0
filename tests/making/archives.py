"""Archives of films, honest and hostile, made on the spot."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path


def write_zip(path: Path, files: dict[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> Path:
    """Write a zip file of names and contents."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def write_tar(path: Path, files: dict[str, bytes], *, form: int = tarfile.PAX_FORMAT) -> Path:
    """Write a plain tar file of names and contents."""
    with tarfile.open(path, "w", format=form) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def archive_of(folder: Path, path: Path) -> Path:
    """Write a zip or tar file, by its ending, of everything in a folder."""
    files = {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }
    return write_zip(path, files) if path.suffix == ".zip" else write_tar(path, files)


@dataclass(frozen=True)
class RawMember:
    """A file in a zip, and what the archive says of it, true or not; None is the truth."""

    name: bytes
    content: bytes = b""
    method: int = 8
    flags: int = 0x800
    n_bytes: int | None = None
    n_packed: int | None = None
    crc: int | None = None
    start: int | None = None
    mode: int = 0o100644
    extra: bytes = b""

    @property
    def packed(self) -> bytes:
        if self.method != 8:
            return self.content
        deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
        return deflater.compress(self.content) + deflater.flush()


def raw_zip(
    members: list[RawMember], *, n_entries: int | None = None, shift: int = 0, disk: int = 0
) -> bytes:
    """Return a zip file that says what it is told to; PKWARE APPNOTE 4.3.7, 4.3.12 and 4.3.16."""
    data, central = b"", b""
    for member in members:
        packed = member.packed
        start = len(data) if member.start is None else member.start
        crc = zlib.crc32(member.content) if member.crc is None else member.crc
        n_packed = len(packed) if member.n_packed is None else member.n_packed
        n_bytes = len(member.content) if member.n_bytes is None else member.n_bytes
        data += struct.pack(
            "<4s5H3L2H", b"PK\3\4", 20, member.flags, member.method, 0, 0,
            crc, len(packed), len(member.content), len(member.name), 0,
        ) + member.name + packed  # fmt: skip
        central += struct.pack(
            "<4s6H3L5H2L", b"PK\1\2", 0x314, 20, member.flags, member.method, 0, 0, crc, n_packed,
            n_bytes, len(member.name), len(member.extra), 0, 0, 0, member.mode << 16,
            min(start + shift, 0xFFFFFFFF),
        ) + member.name + member.extra  # fmt: skip
    n_entries = len(members) if n_entries is None else n_entries
    end = struct.pack(
        "<4s4H2LH", b"PK\5\6", disk, disk, n_entries & 0xFFFF, n_entries & 0xFFFF, len(central),
        len(data) + shift, 0,
    )  # fmt: skip
    return data + central + end
