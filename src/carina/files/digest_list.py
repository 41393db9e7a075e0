"""The digest of every file of a folder: what tells whether a byte of it has changed since.

`digests.json` lies at the folder's root and lists every file below it. It is written when the
folder is whole. A command that changes files afterwards renews the entries of the files that it
wrote itself and leaves the others alone, so that it never makes good what somebody else changed.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pydantic import Field

from carina.domain.document import Document, Plain
from carina.errors import RunError
from carina.files.digests import file_digest, sha256_bytes
from carina.files.documents import read_document, write_document

DIGESTS = "digests.json"
# Below a run: other runs, and tests, which its list holds too.
_PARTS = frozenset({"members", "external"})
# The list itself, and what is there only while a process works in the folder.
_NOT_LISTED = frozenset({DIGESTS, ".lock", ".owner"})
# What file browsers leave behind.
_BROWSER_FILES = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
_MOST_BYTES = 1 << 62  # of a file; no system has larger ones


class FileDigest(Plain):
    """What a file held.

    Attributes:
        sha256: hex digest of its bytes.
        n_bytes: its size.
    """

    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    n_bytes: int = Field(ge=0, le=_MOST_BYTES)


class DigestList(Document):
    """What every file of a folder held when it was whole: `digests.json`.

    Attributes:
        files: posix path below the folder -> its digest, sorted.
        left_out: the same of files of the run that a package of it does not hold.
    """

    files: Mapping[str, FileDigest]
    left_out: Mapping[str, FileDigest] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FolderChanges:
    """How a folder differs from its list.

    Attributes:
        n_files: files on the list.
        n_bytes: their size.
        missing: files that are on the list and not in the folder.
        changed: files with other bytes.
        added: files in the folder that are not on the list.
        unreadable: what cannot be read, or is no plain file.
    """

    n_files: int
    n_bytes: int
    missing: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()

    @property
    def any(self) -> bool:
        """Whether there is one."""
        return bool(self.missing or self.changed or self.added or self.unreadable)


def write_digests(folder: Path) -> DigestList:
    """List every file of a folder that is whole, and return the list.

    Raises:
        RunError: if one cannot be read.
        StorageError: if the list cannot be written.
    """
    listed = list_digests(folder)
    write_document(folder / DIGESTS, listed)
    return listed


def list_digests(folder: Path) -> DigestList:
    """Return the list of what every file of a folder holds now; nothing is written.

    Raises:
        RunError: if one cannot be read.
    """
    names = (name for name in sorted(_names_below(folder)) if _is_plain(folder / name))
    return DigestList(files={name: _digest_of(folder / name) for name in names})


def read_digests(folder: Path) -> DigestList | None:
    """Return the list of a folder, or None if it has none.

    Raises:
        RunError: if it is damaged.
    """
    if not (folder / DIGESTS).exists():
        return None
    return read_document(folder / DIGESTS, DigestList, error=RunError)


def renew_digests(folder: Path, written: Iterable[Path]) -> None:
    """Bring the list of a folder up to date with files that the caller has just written.

    The entries of all other files stay as they were. A folder without a list gets none: what
    its other files held when it was whole is not known. The run that a member or an external
    test belongs to lists their files too, and is renewed as well.

    Args:
        folder: of a run.
        written: files below it that were written or removed; one that is no longer there leaves
            the list.

    Raises:
        RunError: if the list is damaged, or a file is not below the folder.
        StorageError: if the list cannot be written.
    """
    written = tuple(written)
    listed = read_digests(folder)
    if listed is not None:
        files = dict(listed.files)
        for file in written:
            name = _name_below(folder, file)
            if file.is_file():
                files[name] = _digest_of(file)
            else:
                files.pop(name, None)
        renewed = {name: files[name] for name in sorted(files)}
        write_document(folder / DIGESTS, listed.model_copy(update={"files": renewed}))
        written = (*written, folder / DIGESTS)
    above = folder.absolute().parent
    if above.name in _PARTS:
        renew_digests(above.parent, [file.absolute() for file in written])


def compare_digests(folder: Path, listed: DigestList) -> FolderChanges:
    """Return how a folder differs from a list; every file of it is read."""
    present = _names_below(folder)
    changed, unreadable = [], []
    for name in sorted(present & listed.files.keys()):
        file = folder / name
        try:
            if not _is_plain(file):
                unreadable.append(name)
            elif _digest_of(file) != listed.files[name]:
                changed.append(name)
        except RunError:
            unreadable.append(name)
    return FolderChanges(
        n_files=len(listed.files),
        n_bytes=sum(file.n_bytes for file in listed.files.values()),
        missing=tuple(sorted(listed.files.keys() - present)),
        changed=tuple(changed),
        added=tuple(sorted(present - listed.files.keys())),
        unreadable=tuple(unreadable),
    )


def digest_of_list(folder: Path) -> str | None:
    """Return one hex sha256 that stands for every byte of a folder, or None without a list.

    It is of the list's entries alone, in a form that neither white space nor the version of
    Carina changes: what a signature signs.

    Raises:
        RunError: if the list is damaged.
    """
    listed = read_digests(folder)
    if listed is None:
        return None
    entries = {name: [one.sha256, one.n_bytes] for name, one in listed.files.items()}
    return sha256_bytes(json.dumps(entries, sort_keys=True, separators=(",", ":")).encode())


def _names_below(folder: Path) -> set[str]:
    """Return the posix paths of everything below a folder that is no folder, but for what is
    never listed."""
    return {name for name in _walk(folder, "") if name not in _NOT_LISTED}


def _walk(folder: Path, before: str) -> Iterator[str]:
    try:
        entries = list(os.scandir(folder))
    except OSError as error:
        raise RunError(f"{folder} cannot be read: {error.strerror or error}") from error
    for entry in entries:
        name = before + entry.name
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path), f"{name}/")
        elif entry.name not in _BROWSER_FILES:
            yield name


def _is_plain(file: Path) -> bool:
    """Return whether there is a plain file, or a link to one."""
    try:
        return stat.S_ISREG(file.stat().st_mode)
    except OSError:
        return False


def _digest_of(file: Path) -> FileDigest:
    try:
        return FileDigest(sha256=file_digest(file), n_bytes=file.stat().st_size)
    except OSError as error:
        raise RunError(f"{file} cannot be read: {error.strerror or error}") from error


def _name_below(folder: Path, file: Path) -> str:
    try:
        below = file.absolute().relative_to(folder.absolute())
    except ValueError:
        raise RunError(f"{file} is not below {folder}, so that its list cannot hold it") from None
    return PurePosixPath(*below.parts).as_posix()
