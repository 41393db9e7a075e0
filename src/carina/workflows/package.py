"""A run as one file that another person can verify."""

from __future__ import annotations

import shlex
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from carina.domain.progress import Progress, Step
from carina.domain.sentences import counted, listed
from carina.errors import ImageError, RunError, UsageError
from carina.files.atomic import storage_errors, writing
from carina.files.digest_list import (
    DIGESTS,
    DigestList,
    FileDigest,
    compare_digests,
    list_digests,
    read_digests,
)
from carina.files.digests import file_digest, sha256_bytes
from carina.files.documents import document_text
from carina.files.film_bytes import read_film_bytes
from carina.files.room import require_room
from carina.imaging.medmnist_films import is_medmnist_film
from carina.runs import Run
from carina.workflows.diverged import require_not_diverged
from carina.workflows.extras import require_extra
from carina.workflows.package_texts import replaced_files
from carina.workflows.progress_bar import default_progress
from carina.workflows.verifying.opened_package import FILMS
from carina.workflows.verifying.recorded_films import (
    locate_films,
    own_rows,
    places_of,
    recorded_rows,
)

# Both show films, or parts of them.
_PICTURES = ("thumbnails", "explanations")
_PRINTED = "report.pdf"
# The first moment that a zip file can name; the run's own times are in its record.
_NO_TIME = (1980, 1, 1, 0, 0, 0)
# Deflating them saves a tenth at most.
_DENSE = frozenset({".onnx", ".safetensors", ".png"})
_LEVEL, _UNIX = 6, 3
_MOST_BYTES = 4_000_000_000
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Packaged:
    """A package that was made.

    Attributes:
        file: the package.
        n_files: in it.
        n_bytes: its size.
        sha256: of it: the same run gives the same file.
        left_out: sentences on what is not in it.
    """

    file: Path
    n_files: int
    n_bytes: int
    sha256: str
    left_out: tuple[str, ...]

    def as_values(self) -> dict[str, Any]:
        """Return plain values, as `--json` prints them."""
        return {
            "file": str(self.file),
            "n_files": self.n_files,
            "n_bytes": self.n_bytes,
            "sha256": self.sha256,
            "left_out": list(self.left_out),
        }


@dataclass(frozen=True, slots=True)
class _Entry:
    """A file of the package.

    Attributes:
        name: in it.
        digest: of its bytes.
        place: where they are, or
        content: the bytes themselves.
    """

    name: str
    digest: FileDigest
    place: Path | None = None
    content: bytes = b""


def package(
    run: str | Path,
    *,
    out: str | Path | None = None,
    with_films: bool = False,
    progress: Progress | None = None,
) -> Packaged:
    """Make one file of a run: everything in it but films, pictures of films and this machine's
    folders.

    The same run gives the same bytes. A run that is not as it was made is not packed.

    Args:
        run: a finished run's folder.
        out: the file to make; `<run>.zip` beside the run if None.
        with_films: whether the films are packed too, each under its sha256, with the run's
            thumbnails and heat maps; of external tests those that lie where the run's own do,
            and how many do not is said. Ask whether you may hand them over.
        progress: called as the work goes on.

    Raises:
        RunError: if the folder is no finished run, a file of it was changed, or a film that is
            to be packed is not there as it was recorded.
        UsageError: if `out` is there already.
        MissingExtraError: if the extra `study`, which writes the page, is not installed.
        StorageError: if there is no room or no permission.
    """
    require_extra("study", needed_for="carina package")
    progress = progress or default_progress()
    opened = Run.open(run)
    file = _place(opened, out)
    if not opened.is_finished:
        require_not_diverged(opened, "has nothing to hand over")
        raise RunError(
            f"{opened.folder} is not finished, so that there is nothing to hand over; go on with: "
            f"{shlex.join(['carina', 'train', '--resume', str(opened.folder)])}"
        )
    had_list = (opened.folder / DIGESTS).exists()
    was = _unchanged(opened)
    entries, left_out = _entries(opened, was, with_films=with_films)
    told = list(_told(left_out, had_list=had_list, with_films=with_films))
    if with_films:
        films, lost = _films(opened)
        entries += films
        if lost:
            told.append(
                f"{counted(lost, 'film')} of external tests: the record does not say where they "
                "lie, and they are not among the run's own; verify the package with DATA to have "
                "those tests checked too"
            )
    entries.sort(key=lambda entry: entry.name)
    lists = DigestList(
        files={entry.name: entry.digest for entry in entries},
        left_out={name: was.files[name] for name in left_out},
    )
    entries.append(_of_bytes(DIGESTS, document_text(lists).encode()))
    require_room(file.parent, n_bytes=sum(entry.digest.n_bytes for entry in entries))
    with writing(file) as temporary, storage_errors(file):
        _write(temporary, entries, progress)
    return Packaged(file, len(entries), file.stat().st_size, file_digest(file), tuple(told))


def _place(run: Run, out: str | Path | None) -> Path:
    """Return where the package is made.

    Raises:
        UsageError: if something is there, or it would lie in the run itself.
    """
    whole = run.folder.resolve()
    file = Path(out) if out is not None else whole.with_name(f"{whole.name}.zip")
    if file.exists():
        raise UsageError(f"{file} is there already, and was not touched; name another with --out")
    if whole in file.resolve().parents:
        raise UsageError(f"{file} lies in the run itself; name a place elsewhere with --out")
    return file


def _unchanged(run: Run) -> DigestList:
    """Return the run's list of digests once every file was held against it; one of what is there
    now for a run that has none.

    Raises:
        RunError: naming files that are not as they were when the run was made.
    """
    was = read_digests(run.folder)
    if was is None:
        return list_digests(run.folder)
    changes = compare_digests(run.folder, was)
    if changes.any:
        names = [*changes.changed, *changes.missing, *changes.added, *changes.unreadable]
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        raise RunError(
            f"the run {run.folder} is not as it was made, so that it is not handed over "
            f"({listed(names[:_NAMED])}{more}); carina verify {run.folder} says what differs"
        )
    return was


def _entries(
    run: Run, was: DigestList, *, with_films: bool
) -> tuple[list[_Entry], tuple[str, ...]]:
    """Return what of a run's files is packed, and the names of those that are not."""
    replaced = replaced_files(run, with_pictures=with_films)
    entries, left_out = [], []
    for name, digest in was.files.items():
        parts = name.split("/")
        is_picture = any(part in _PICTURES for part in parts[:-1])
        if parts[-1] == _PRINTED or (is_picture and not with_films):
            left_out.append(name)
        elif parts[-1] == DIGESTS:
            continue  # a member's: it lists the member as it was, with this machine's folders
        elif name in replaced:
            entries.append(_of_bytes(name, replaced[name]))
        else:
            entries.append(_Entry(name, digest, run.folder / name))
    return entries, tuple(left_out)


def _films(run: Run) -> tuple[list[_Entry], int]:
    """Return the films of a run, each under its sha256, and how many of its external tests are
    not where its own films are: where they were the record does not say.

    Raises:
        RunError: naming those of its own that are not there as they were recorded.
    """
    rows = recorded_rows(run)
    own = {row.key for row in own_rows(run)}
    found = locate_films(rows, places_of(run), run.recipe.labels)
    entries: dict[str, _Entry] = {}
    lost = []
    for row in rows:
        record = found.records.get(row.key)
        if record is not None and is_medmnist_film(record.file):
            raise RunError(
                f"the films of {row.source} lie in a MedMNIST file and are no files of their own; "
                "hand that file over beside a package without films"
            )
        try:
            data = read_film_bytes(record.file) if record is not None else b""
        except ImageError:
            data = b""
        if sha256_bytes(data) != row.sha256:
            lost.append(row.key)
        elif record is not None:
            name = f"{FILMS}/{row.sha256}"
            digest = FileDigest(sha256=row.sha256, n_bytes=len(data))
            entries[name] = _Entry(name, digest, record.file)
    if needed := [key for key in lost if key in own]:
        more = f" and {len(needed) - _NAMED:,} more" if len(needed) > _NAMED else ""
        raise RunError(
            f"{counted(len(needed), 'film')} of {len(own):,} are not there as they were recorded "
            f"({listed(needed[:_NAMED])}{more}); put them back, or leave --with-films out"
        )
    return list(entries.values()), len(lost)


def _told(left_out: Sequence[str], *, had_list: bool, with_films: bool) -> Iterator[str]:
    if not with_films:
        n_pictures = sum(not name.endswith(_PRINTED) for name in left_out)
        pictures = f" and {counted(n_pictures, 'picture')} of them" if n_pictures else ""
        yield f"the films{pictures} (--with-films packs them)"
    if any(name.endswith(_PRINTED) for name in left_out):
        yield f"{_PRINTED}, which shows films (carina report --pdf prints it again)"
    yield (
        "the folders of this machine in the record, the recipe and the log, and the name of the "
        "git branch"
    )
    if not had_list:
        yield (
            f"the run has no {DIGESTS}: it was made before Carina wrote one, and is packed as it "
            "is now"
        )


def _of_bytes(name: str, content: bytes) -> _Entry:
    digest = FileDigest(sha256=sha256_bytes(content), n_bytes=len(content))
    return _Entry(name, digest, content=content)


def _write(file: Path, entries: Sequence[_Entry], progress: Progress) -> None:
    """Write entries as a zip file that holds nothing but their names and bytes.

    Raises:
        RunError: if a file is not what its digest says; it was changed meanwhile.
    """
    with zipfile.ZipFile(file, "w") as packed:
        for done, entry in enumerate(entries, start=1):
            data = entry.content
            if entry.place is not None:
                data = _content_of(entry.place)
            if sha256_bytes(data) != entry.digest.sha256:
                raise RunError(f"{entry.place} was changed while it was packed; pack again")
            facts = zipfile.ZipInfo(entry.name, _NO_TIME)
            facts.create_system = _UNIX
            facts.external_attr = 0o644 << 16
            is_dense = Path(entry.name).suffix in _DENSE or entry.name.startswith(f"{FILMS}/")
            facts.compress_type = zipfile.ZIP_STORED if is_dense else zipfile.ZIP_DEFLATED
            packed.writestr(facts, data, compresslevel=_LEVEL)
            progress(Step("packing", done, len(entries)))


def _content_of(place: Path) -> bytes:
    return read_film_bytes(place, most_bytes=_MOST_BYTES)
