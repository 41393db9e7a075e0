"""What an archive holds, and what of it is refused."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol

from carina.errors import ImageCode, ImageError

STORED, DEFLATED = 0, 8
"""How a member is compressed: PKWARE APPNOTE 6.3.10, 4.4.5."""

NO_FILE = "which is a link or a device"
NEEDS_PASSWORD = "which needs a password"
_MOST_LETTERS, _DEEPEST = 4096, 100  # 4096: the longest path of Linux, PATH_MAX
_LEAVES = "which would lie outside of the folder"
_DRIVE = re.compile(r"[A-Za-z]:")
_HAS_DOTS = re.compile(r"(?:^|/)\.(?:/|$)")
# What operating systems leave in archives is never looked into.
_LEFT_BEHIND = re.compile(r"(?:^|/)(?:__MACOSX/|\.)", re.IGNORECASE)
_NESTED = re.compile(r"\.(?:zip|7z|rar|tar|tgz|tbz2?|txz|tar\.(?:gz|bz2|xz|zst))$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """What an archive may become; what goes beyond is refused.

    Attributes:
        n_files: files in it.
        n_bytes: bytes of all of them, unpacked.
        ratio: unpacked bytes per byte of the archive. Films shrink to a tenth at best; what
            unpacks a thousandfold is a bomb.
    """

    n_files: int = 500_000
    n_bytes: int = 200_000_000_000
    ratio: float = 200.0


LIMITS = ArchiveLimits()


class ArchiveProblem(Exception):  # noqa: N818  never leaves carina.files
    """An archive, or one file in it, that is not read.

    Attributes:
        image_code: what a film gets that lies in it.
    """

    def __init__(self, sentence: str, *, image_code: ImageCode) -> None:
        super().__init__(sentence)
        self.image_code: ImageCode = image_code


@contextmanager
def as_image_errors(name: str) -> Iterator[None]:
    """Turn what is wrong with an archive into what is wrong with a film in it.

    Args:
        name: the film's, as it is shown.

    Raises:
        ImageError: if the block fails on the archive; `image_code` says why.
    """
    try:
        yield
    except ArchiveProblem as problem:
        raise ImageError(str(problem), image_code=problem.image_code) from None
    except FileNotFoundError:
        raise ImageError(f"{name} does not exist", image_code="not-found") from None
    except PermissionError:
        raise ImageError(
            f"{name} may not be read; give yourself the permission", image_code="no-permission"
        ) from None
    except (OSError, ValueError) as error:
        what = getattr(error, "strerror", None) or error
        raise ImageError(f"{name} cannot be read: {what}", image_code="cannot-be-read") from error


class Listed(Protocol):
    """What is judged of one entry of an archive."""

    @property
    def name(self) -> str:
        """Its path, as the archive has it."""

    @property
    def n_bytes(self) -> int:
        """Its size, as the archive says."""

    @property
    def is_folder(self) -> bool:
        """Whether it is one; folders are made as the files need them."""

    @property
    def refused(self) -> str:
        """Why it may not be read, or ""."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of an archive that is read where it lies.

    Attributes:
        name: its path, as the archive has it.
        n_bytes: its size, as the archive says.
        start: byte of the archive where it begins: its header in a zip, its content in a tar.
        n_packed: bytes that its content takes there.
        n_header: bytes that its header takes there at least.
        method: how it is compressed, `STORED`, `DEFLATED` or another number.
        crc: CRC-32 of its content, or None where the archive keeps none.
        is_folder: whether it is one.
        refused: why it may not be read, or "".
    """

    name: str
    n_bytes: int
    start: int
    n_packed: int
    n_header: int = 0
    method: int = STORED
    crc: int | None = None
    is_folder: bool = False
    refused: str = ""

    @property
    def end(self) -> int:
        """The first byte behind it, at the least."""
        return self.start + self.n_header + self.n_packed


def plain_name(name: str) -> str:
    r"""Return a harmless name as one path with `/`; an archive made on Windows may have `\`.

    >>> plain_name("./a//b.png"), plain_name("a\\b.png"), plain_name("a/")
    ('a/b.png', 'a/b.png', 'a')
    """
    slashed = name.replace("\\", "/")
    if "//" not in slashed and not _HAS_DOTS.search(slashed):
        return slashed.rstrip("/")
    return PurePosixPath(slashed).as_posix()


def leaves(name: str) -> bool:
    r"""Return whether a path could lie outside of the folder that it counts from, on any system.

    >>> [leaves(name) for name in ("a/b.png", "../a", "/a", "C:/a", "a\\..\\..\\b", "")]
    [False, True, True, True, True, True]
    """
    slashed = name.replace("\\", "/")
    return (
        slashed.startswith("/")
        or "\0" in slashed
        or not slashed.strip("/. ")
        or _DRIVE.match(slashed) is not None
        or (".." in slashed and ".." in slashed.split("/"))
    )


def require_harmless(
    entries: Sequence[Listed], *, n_archive_bytes: int, limits: ArchiveLimits
) -> None:
    """Refuse an archive with a name that leaves its folder, a link, a device, a password, two
    files of one name, no file at all, or more than the limits.

    Args:
        entries: all of it.
        n_archive_bytes: its size.
        limits: what it may become.

    Raises:
        ArchiveProblem: with the end of a sentence about the archive.
    """
    for entry in entries:
        if entry.refused:
            code: ImageCode = "no-permission" if entry.refused == NEEDS_PASSWORD else "not-a-file"
            raise ArchiveProblem(f"holds {entry.name!r}, {entry.refused}", image_code=code)
        if len(entry.name) > _MOST_LETTERS or entry.name.count("/") > _DEEPEST:
            raise ArchiveProblem(
                f"holds the name {entry.name[:60]!r}..., of {len(entry.name):,} letters and "
                f"{entry.name.count('/'):,} folders",
                image_code="too-large",
            )
        if leaves(entry.name) and not (entry.is_folder and _is_here(entry.name)):
            raise ArchiveProblem(f"holds {entry.name!r}, {_LEAVES}", image_code="unknown-format")
    files = [entry for entry in entries if not entry.is_folder]
    _require_within(files, n_archive_bytes, limits)
    _require_names_apart(files)


def require_flat(entries: Sequence[Listed]) -> None:
    """Refuse an archive that holds another one.

    Raises:
        ArchiveProblem: with the end of a sentence about the archive.
    """
    for entry in entries:
        if not entry.is_folder and _NESTED.search(entry.name):
            if _LEFT_BEHIND.search(entry.name.replace("\\", "/")):
                continue
            raise ArchiveProblem(
                f"holds {entry.name!r}, which is an archive itself", image_code="unknown-format"
            )


def require_apart(entries: Sequence[Entry], *, n_archive_bytes: int) -> None:
    """Refuse an archive in which two files share bytes, or one lies beyond its end.

    An archive of 42 kB may say that thousands of files lie over each other and unpack to
    petabytes (Fifield, A better zip bomb, USENIX WOOT 2019).

    Raises:
        ArchiveProblem: with the end of a sentence about the archive.
    """
    last: Entry | None = None
    for entry in sorted(entries, key=lambda entry: entry.start):
        if last is not None and entry.start < last.end:
            raise ArchiveProblem(
                f"is damaged or a bomb: {last.name!r} and {entry.name!r} lie over each other",
                image_code="inflates-too-far",
            )
        if entry.start < 0 or entry.end > n_archive_bytes:
            raise ArchiveProblem(
                f"is damaged: {entry.name!r} lies beyond its end", image_code="damaged"
            )
        last = entry


def _is_here(name: str) -> bool:
    """Return whether a folder's name means the folder that holds everything."""
    return name.strip("/") in ("", ".")


def _require_within(files: Sequence[Listed], n_archive_bytes: int, limits: ArchiveLimits) -> None:
    if not files:
        raise ArchiveProblem("holds no file", image_code="not-found")
    n_bytes = sum(file.n_bytes for file in files)
    ratio = n_bytes / max(n_archive_bytes, 1)
    if len(files) > limits.n_files:
        raise too_many_files(len(files), limits)
    if n_bytes > limits.n_bytes:
        most = f"{limits.n_bytes / 1e6:,.0f} MB are the most"
        raise ArchiveProblem(
            f"holds {n_bytes / 1e6:,.0f} MB when unpacked, and {most}", image_code="too-large"
        )
    if ratio > limits.ratio:
        raise ArchiveProblem(
            f"would grow {ratio:,.0f}-fold when unpacked, and {limits.ratio:g}-fold is "
            "the most: it is no archive of films",
            image_code="inflates-too-far",
        )


def too_many_files(n_files: int, limits: ArchiveLimits) -> ArchiveProblem:
    """Return the refusal of an archive with more files than the limit."""
    return ArchiveProblem(
        f"holds {n_files:,} files, and {limits.n_files:,} are the most", image_code="too-large"
    )


def _require_names_apart(files: Sequence[Listed]) -> None:
    """Refuse names that are one on some system: by case, by Unicode's composed letters."""
    if twice := _twice(files, plain_name):
        raise ArchiveProblem(f"holds {twice[0]!r} twice", image_code="unknown-format")
    if twice := _twice(files, _on_any_system):
        raise ArchiveProblem(
            f"holds {twice[0]!r} and {twice[1]!r}, which are one name on some systems",
            image_code="unknown-format",
        )
    names = {_on_any_system(file.name): file.name for file in files}
    apart: set[str] = set()
    for name, written in names.items():
        cut = name.rfind("/")
        while cut > 0 and (above := name[:cut]) not in apart:
            if above in names:
                raise ArchiveProblem(
                    f"holds {names[above]!r} as a file, and {written!r} in it",
                    image_code="unknown-format",
                )
            apart.add(above)
            cut = name.rfind("/", 0, cut)


def _twice(files: Sequence[Listed], spelt: Callable[[str], str]) -> tuple[str, str] | None:
    """Return the first two files of one name."""
    seen: dict[str, str] = {}
    for file in files:
        key = spelt(file.name)
        if key in seen:
            return seen[key], plain_name(file.name)
        seen[key] = plain_name(file.name)
    return None


def _on_any_system(name: str) -> str:
    plain = plain_name(name)
    return plain.lower() if plain.isascii() else unicodedata.normalize("NFC", plain).casefold()
