"""A known data set, brought to this machine."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from carina.data.catalogue import KnownDataset
from carina.data.fetched import (
    SOURCE_FILE,
    FetchedFrom,
    content_digest,
    read_fetched,
    write_fetched,
)
from carina.data.kaggle import fetch_from_kaggle
from carina.domain.progress import Progress, Step, silent
from carina.errors import DatasetError, DownloadError, UsageError
from carina.files.archives import unpack
from carina.files.atomic import flush_folder, storage_errors, write_text
from carina.files.digests import file_digest
from carina.files.downloads import download


@dataclass(frozen=True, slots=True)
class FetchedDataset:
    """A data set that is on this machine.

    Attributes:
        opens: the folder or file that Carina opens.
        fetched: where it came from.
        was_there: True if it had been fetched before, and was not touched.
    """

    opens: Path
    fetched: FetchedFrom
    was_there: bool


def fetch_dataset(
    known: KnownDataset,
    folder: Path,
    *,
    downloads_dir: Path,
    given: Path | None = None,
    progress: Progress = silent,
) -> FetchedDataset:
    """Bring a known data set into a folder, whole or not at all.

    An archive lies in `downloads_dir` while it comes, where a later call goes on with it, and
    goes when it is unpacked; its digest stays there, so that other content is refused later.

    Args:
        known: what to fetch.
        folder: new or empty; one that holds this data set already is left as it is.
        downloads_dir: where the archive and the digests are kept.
        given: an archive or file that the user fetched by hand; no network is then needed.
        progress: told bytes, then files.

    Raises:
        UsageError: if the folder holds something else.
        DownloadError: if it cannot be had, or is not what it was at the first fetch.
        DatasetError: if the archive cannot be used, or does not hold what the data set is.
        StorageError: if there is no room or no permission.
    """
    there = _already_there(known, folder)
    if there is not None:
        return there
    new = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(new, ignore_errors=True)  # what a killed process left
    try:
        archive_sha256 = _bring(known, new, downloads_dir, given, progress)
        place = new / known.inside
        if not place.is_dir():
            raise DatasetError(
                f"{known.name} should hold the folder {known.inside}/ and holds "
                f"{', '.join(sorted(path.name for path in new.iterdir())[:10])}; has its layout "
                f"changed? See {known.page}"
            )
        progress(Step("checking", message="taking the digests of its files"))
        with storage_errors(new):
            digest, n_files = content_digest(new)
        _require_same_content(known, digest, downloads_dir, is_first_kept=given is None)
        write_fetched(place, _document(known, archive_sha256, digest, n_files))
        with storage_errors(folder):
            if folder.exists():
                folder.rmdir()
            new.rename(folder)
            flush_folder(folder.parent)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    if given is None:
        (downloads_dir / known.file).unlink(missing_ok=True)
    return _there(known, folder, was_there=False)


def _already_there(known: KnownDataset, folder: Path) -> FetchedDataset | None:
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return None
    fetched = read_fetched(folder / known.inside) if folder.is_dir() else None
    if fetched is None or fetched.name != known.name:
        raise UsageError(
            f"{folder} is there already and is not {known.name} as carina data get leaves it; "
            "nothing in it was touched: name another place with --out, or remove it first"
        )
    return _there(known, folder, was_there=True)


def _there(known: KnownDataset, folder: Path, *, was_there: bool) -> FetchedDataset:
    place = folder / known.inside
    fetched = read_fetched(place)
    if fetched is None:
        raise DatasetError(f"{place / SOURCE_FILE} has gone; remove {folder} and fetch it again")
    file = place / known.file
    return FetchedDataset(file if file.is_file() else place, fetched, was_there)


def _bring(
    known: KnownDataset, new: Path, downloads_dir: Path, given: Path | None, progress: Progress
) -> str:
    """Make `new` of what comes, and return the sha256 of the archive, or ""."""
    if known.kind == "kaggle" and given is None:
        message = f"fetching {known.address} from Kaggle; what came is kept if this breaks off"
        progress(Step("fetching", message=message))
        fetch_from_kaggle(known.address, new)
        return ""
    archive = given or download(
        known.address, downloads_dir / known.file, md5=known.md5, progress=progress
    )
    if not archive.is_file():
        raise DatasetError(f"{archive} does not exist or is no file; check the path")
    found = file_digest(archive, "md5") if known.md5 else None
    if found != known.md5:
        raise DatasetError(
            f"{archive} is not {known.name} as published: its md5 is {found}, and {known.md5} is "
            f"published; fetch it again from {known.page}"
        )
    if known.file.endswith(".npz"):
        with storage_errors(new):
            new.mkdir(parents=True)
            shutil.copyfile(archive, new / known.file)
    else:
        is_git = known.kind == "git archive"
        unpack(archive, new, error=DatasetError, drop_top=is_git, progress=progress)
    with storage_errors(archive):
        return file_digest(archive)


def _require_same_content(
    known: KnownDataset, digest: str, downloads_dir: Path, *, is_first_kept: bool
) -> None:
    """Keep the digest of the first fetch, and refuse other content later.

    What a user gives is compared, but not kept: it may be anything.
    """
    kept = downloads_dir / f"{known.name}.content.sha256"
    if not kept.exists():
        if is_first_kept:
            write_text(kept, f"{digest}  {known.name}\n")
        return
    first = kept.read_text(encoding="utf-8").split(" ", 1)[0]
    if first != digest:
        raise DownloadError(
            f"{known.name} is not what it was when it was first fetched here: the digest of its "
            f"files is {digest}, and was {first}. Read on {known.page} what has changed; to take "
            f"the new content, remove {kept}"
        )


def _document(known: KnownDataset, archive_sha256: str, digest: str, n_files: int) -> FetchedFrom:
    return FetchedFrom(
        name=known.name,
        title=known.title,
        address=known.address,
        page=known.page,
        licence=known.licence,
        citation=known.citation,
        caution=known.caution,
        fetched=f"{datetime.now(UTC):%Y-%m-%d}",
        archive_sha256=archive_sha256,
        content_sha256=digest,
        n_files=n_files,
    )
