"""Files from the network: resumed where it broke off, checked, in place whole or not at all.

Beside `TARGET` lie, while it comes, `TARGET.part` (what came) and `TARGET.part.json` (of which
file it is a part), and afterwards, where no sha256 was published, `TARGET.sha256`: the digest of
what came first, in the form of `sha256sum`. `TARGET.lock` keeps two processes apart.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import sleep

from filelock import FileLock, Timeout

from carina.domain.progress import Progress, Step, silent
from carina.errors import DownloadError
from carina.files.atomic import move_into_place, storage_errors, write_text
from carina.files.digests import file_digest
from carina.files.partial import Partial
from carina.files.room import require_room
from carina.files.web import Dropped, RangeRefused, WebFile, host_of, open_web_file

_PAUSES_S = (0.0, 1.0, 4.0)
"""Before each new try after a lost connection; they begin anew whenever something came."""
_CHUNK = 1 << 18
MOST_BYTES = 200_000_000_000
"""Of a file from the network, as of what an archive unpacks to (`files.archives`)."""
_MARGIN = 10_000_000


def download(
    url: str,
    target: Path,
    *,
    sha256: str | None = None,
    md5: str | None = None,
    most_bytes: int = MOST_BYTES,
    progress: Progress = silent,
) -> Path:
    """Return `target`, fetched from `url` unless it is there already.

    What comes is checked against the published digests. Where no sha256 is published that of the
    first fetch is kept beside the file (`kept_digest`), and other content is refused later. A
    file that a user put there by hand is taken as if it had been fetched. A broken download goes
    on where it stopped if the server can do so and its file has not changed meanwhile.

    Args:
        url: an http or https address; redirects are followed, but never from https to http.
        target: where the file shall lie; its folder is made.
        sha256: the published hex digest, or None.
        md5: the published hex digest, or None.
        most_bytes: of a larger file no more is taken, whatever the server says of its size.
        progress: told the bytes that came; the total is 0 where the server does not say.

    Raises:
        DownloadError: if the network or the server does not give the file, or it is another
            one than it should be; the sentence says how to put it there by hand.
        StorageError: if there is no room or no permission.
        ValueError: if `url` is no http or https address.
    """
    job = _Job(url, target, sha256, md5, most_bytes)
    with storage_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    with _alone(job, progress):
        if target.exists():
            again = f"remove {target} to have it fetched again"
            _require_digests(job, target, opening=f"{target} is there, but", advice=again)
            _keep_digest(job, target)
            return target
        _fetch(job, progress)
        try:
            refused = f"what {host_of(url)} sent for {url} was removed:"
            advice = f"try again, {job.by_hand}"
            _require_digests(job, job.part.file, opening=refused, advice=advice)
        except DownloadError:
            job.part.forget()
            raise
        _keep_digest(job, job.part.file)
        move_into_place(job.part.file, target)
        job.part.forget()
    return target


def kept_digest(target: Path) -> str | None:
    """Return the sha256 that was kept when `target` was first fetched, or None.

    Raises:
        DownloadError: if the file that keeps it holds something else.
    """
    file = _digest_file(target)
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise DownloadError(f"{file} cannot be read: {error}; remove it") from error
    digest = text.split(" ", 1)[0].strip()
    if len(digest) != 64 or set(digest) - set("0123456789abcdef"):
        raise DownloadError(
            f"{file} should hold a sha256 and a file name, as sha256sum writes them, and holds "
            f"{text[:40]!r}; remove it"
        )
    return digest


@dataclass(frozen=True, slots=True)
class _Job:
    """One file to fetch; the fields are those of `download`."""

    url: str
    target: Path
    sha256: str | None
    md5: str | None
    most_bytes: int

    @property
    def part(self) -> Partial:
        return Partial(self.target, self.url)

    @property
    def by_hand(self) -> str:
        """The way that is always open."""
        return f"or download it by hand from {self.url} and put it at {self.target}"


def _digest_file(target: Path) -> Path:
    return target.with_name(f"{target.name}.sha256")


@contextmanager
def _alone(job: _Job, progress: Progress) -> Iterator[None]:
    """Hold the lock of the target; while another process has it, wait for its download."""
    lock = FileLock(str(job.target.with_name(f"{job.target.name}.lock")))
    with storage_errors(job.target):
        try:
            lock.acquire(timeout=0)
        except Timeout:
            waiting = f"another process downloads {job.target.name}; waiting for it"
            progress(Step(_stage(job), message=waiting))
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _fetch(job: _Job, progress: Progress) -> None:
    """Make the part whole, over as many connections as it takes."""
    pauses = list(_PAUSES_S)
    while True:
        n_before = job.part.n_bytes
        try:
            _receive(job, progress)
            return
        except RangeRefused:
            job.part.forget()
            continue
        except Dropped as drop:
            if job.part.n_bytes > n_before:
                pauses = list(_PAUSES_S)
            if not pauses:
                raise DownloadError(
                    f"{host_of(job.url)} was reached, but the connection broke off again and again "
                    f"({drop}){_kept_part(job)}; try again later, {job.by_hand}"
                ) from drop
        except DownloadError as error:
            if job.part.n_bytes + _CHUNK > job.most_bytes:
                job.part.forget()
            raise DownloadError(f"{error}{_kept_part(job)}, {job.by_hand}") from error
        sleep(pauses.pop(0))


def _receive(job: _Job, progress: Progress) -> None:
    """Take what one connection gives.

    Raises:
        Dropped: if it breaks off; what came is in the part.
        RangeRefused: if the server does not go on with the part.
        DownloadError: if the server does not give the file.
    """
    known = job.part.known()
    n_have = job.part.n_bytes if known else 0
    if known and n_have and n_have == known.total:
        return
    condition = known.validator if known and n_have else ""
    with open_web_file(job.url, start=n_have if condition else 0, condition=condition) as file:
        _require_no_page(job, file)
        _require_within(job, file.total)
        n_more = max(file.total - file.start, 0)
        require_room(job.target.parent, n_bytes=n_more + _MARGIN, advice="choose another place")
        job.part.begin(validator=file.validator, total=file.total, start=file.start)
        size = f"{file.total / 1e6:,.1f} MB" if file.total else "its size is not told"
        message = f"downloading {job.target.name} from {host_of(job.url)} ({size})"
        progress(Step(_stage(job), done=file.start, total=file.total, message=message))
        _copy(job, file, progress)
    if job.part.n_bytes < file.total:
        raise Dropped(f"{job.part.n_bytes:,} of {file.total:,} bytes came")


def _copy(job: _Job, file: WebFile, progress: Progress) -> None:
    n_bytes = file.start
    with storage_errors(job.part.file):
        stream = job.part.file.open("ab")
    with stream:
        while data := file.read(_CHUNK):
            _require_within(job, n_bytes + len(data))
            with storage_errors(job.part.file):
                stream.write(data)
                stream.flush()
            n_bytes += len(data)
            progress(
                Step(
                    _stage(job),
                    done=n_bytes,
                    total=file.total,
                    facts={"MB": f"{n_bytes / 1e6:.1f}"},
                )
            )
        with storage_errors(job.part.file):
            os.fsync(stream.fileno())


def _require_within(job: _Job, n_bytes: int) -> None:
    """Refuse more bytes than the file may have."""
    if n_bytes > job.most_bytes:
        raise DownloadError(
            f"{host_of(job.url)} sends more than {job.most_bytes / 1e6:,.0f} MB for {job.url}, and "
            "that is the most that is taken"
        )


def _require_no_page(job: _Job, file: WebFile) -> None:
    """Refuse the page that login portals send in the place of a file."""
    if file.content_type == "text/html" and job.target.suffix not in (".html", ".htm"):
        raise DownloadError(
            f"{host_of(job.url)} sent a web page in the place of {job.target.name}; a login or an "
            "agreement may be needed there: open the address in a browser"
        )


def _require_digests(job: _Job, file: Path, *, opening: str, advice: str) -> None:
    """Refuse a file that is not the published one, or not the one that was first fetched."""
    with storage_errors(file):
        found = file_digest(file)
        found_md5 = file_digest(file, "md5") if job.md5 else None
    wanted = job.sha256.lower() if job.sha256 else None
    if wanted not in (None, found):
        raise DownloadError(f"{opening} its sha256 is {found}, and {wanted} is published; {advice}")
    if job.md5 and found_md5 != job.md5.lower():
        raise DownloadError(
            f"{opening} its md5 is {found_md5}, and {job.md5.lower()} is published; {advice}"
        )
    kept = None if job.sha256 else kept_digest(job.target)
    if kept not in (None, found):
        raise DownloadError(
            f"{opening} its sha256 is {found}, and when it was first fetched it was {kept}: the "
            f"content has changed. To take the new content, remove {_digest_file(job.target)}; to "
            f"have the old one, {advice}"
        )


def _keep_digest(job: _Job, file: Path) -> None:
    if job.sha256 is None and not _digest_file(job.target).exists():
        with storage_errors(file):
            digest = file_digest(file)
        write_text(_digest_file(job.target), f"{digest}  {job.target.name}\n")


def _kept_part(job: _Job) -> str:
    if not job.part.n_bytes or not job.part.known():
        return ""
    return f"; {job.part.n_bytes / 1e6:,.1f} MB are kept and the next try goes on from there"


def _stage(job: _Job) -> str:
    return f"downloading {job.target.name}"
