"""`SOURCE.json`: where a folder of films was fetched from."""

from __future__ import annotations

import hashlib
from pathlib import Path

from carina.domain.document import Document
from carina.errors import DatasetError, InputError
from carina.files.digests import file_digest
from carina.files.documents import document_of, write_document
from carina.files.film_bytes import read_film_bytes
from carina.files.plain_json import parse_json
from carina.files.tree import is_folder

SOURCE_FILE = "SOURCE.json"
_MOST_BYTES = 1_000_000


class FetchedFrom(Document):
    """Where a folder of films was fetched from, and on what terms.

    Attributes:
        name: the data set's name in `carina data list`.
        title: its own title.
        address: where it came from: a web address or a Kaggle handle.
        page: where a person reads about it.
        licence: as published.
        citation: what to cite, or "".
        caution: what is wrong with it, in one sentence.
        fetched: the day, as YYYY-MM-DD.
        archive_sha256: digest of the archive or file that came, or "" where none was seen.
        content_sha256: digest over the sorted paths and digests of the files (`content_digest`).
        n_files: how many files there are, this one not counted.
    """

    name: str
    title: str
    address: str
    page: str
    licence: str
    citation: str
    caution: str
    fetched: str
    archive_sha256: str
    content_sha256: str
    n_files: int


def write_fetched(folder: Path, fetched: FetchedFrom) -> None:
    """Write `SOURCE.json` into a folder.

    Raises:
        StorageError: if there is no room or no permission.
    """
    write_document(folder / SOURCE_FILE, fetched)


def read_fetched(path: Path) -> FetchedFrom | None:
    """Return what `SOURCE.json` says in a folder, on disk or in an archive, or beside a file;
    None without one of ours.

    Raises:
        DatasetError: if it is ours and damaged.
    """
    file = (path if is_folder(path) else path.parent) / SOURCE_FILE
    try:
        data = read_film_bytes(file, most_bytes=_MOST_BYTES)
        values = parse_json(data, name=str(file), error=DatasetError)
    except InputError:
        return None  # other data sets may have a file of this name
    if not isinstance(values, dict) or "carina_version" not in values:
        return None
    return document_of(data, FetchedFrom, path=file, error=DatasetError)


def content_digest(folder: Path) -> tuple[str, int]:
    """Return a digest over every file of a folder, its path too, and how many there are.

    The order, times and modes of the files are no part of it.

    Raises:
        OSError: if a file cannot be read.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    rows = [f"{file_digest(path)}  {path.relative_to(folder).as_posix()}\n" for path in files]
    return hashlib.sha256("".join(sorted(rows)).encode("utf-8", "surrogateescape")).hexdigest(), (
        len(rows)
    )
