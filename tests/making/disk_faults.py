"""A real `carina` process whose disk fails at a chosen moment.

    python -m making.disk_faults WORDS...

with `DISK_FAULT` in the environment (`Fault`, as JSON). Moments are counted at what decides
about what outlives a failure: before and after each flush (`os.fsync`), and after each rename and
removal. At the chosen one the power is cut (the process is killed, and `making.power_cuts` tells
what was on the disk), the disk becomes full, or files may not grow any more.
"""

import contextlib
import dataclasses
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

from making.power_cuts import Recorder, cut_power

_TESTS = Path(__file__).resolve().parents[1]


@dataclasses.dataclass(frozen=True)
class Fault:
    """What goes wrong.

    Attributes:
        kind: "none", "power cut", "full disk" or "file size".
        at: the moment, from 1.
        place: all that the process writes lies in it.
        notes: a folder beside it on the same file system: what is recorded, and the number of
            moments.
        left: bytes that are left at a full disk; at a limit, bytes that a file may have.
    """

    kind: str
    at: int
    place: str
    notes: str
    left: int = 0


def with_fault(fault, words, *, environment=None):
    """Run a command in a process of its own and return it with its output."""
    Path(fault.notes).mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ, **(environment or {}), "PYTHONPATH": str(_TESTS), "OMP_NUM_THREADS": "1",
        "DISK_FAULT": json.dumps(dataclasses.asdict(fault)),
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, "-m", "making.disk_faults", *map(str, words)],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


class _Moments:
    """Counts moments, and lets the fault happen at its own."""

    def __init__(self, fault):
        self.fault = fault
        self.recorder = None
        if fault.kind == "power cut":
            self.recorder = Recorder(Path(fault.place), Path(fault.notes))
        self.n = 0
        self._lock = threading.RLock()

    def pass_one(self):
        with self._lock:
            self.n += 1
            if self.n == self.fault.at:
                _FAULTS[self.fault.kind](self.fault)

    def flushed(self, flush):
        def flush_noticed(descriptor):
            with self._lock:
                self.pass_one()
                if self.recorder is None:
                    flush(descriptor)
                else:
                    self.recorder.flushed(descriptor)
                self.pass_one()

        return flush_noticed

    def after(self, call):
        def call_noticed(*args, **words):
            result = call(*args, **words)
            self.pass_one()
            return result

        return call_noticed


def _cut_power(_fault):
    os.kill(os.getpid(), signal.SIGKILL)


def _fill(fault):
    place = os.statvfs(fault.place)
    with Path(fault.notes, "filler").open("wb") as stream:
        os.posix_fallocate(stream.fileno(), 0, max(place.f_bavail * place.f_frsize - fault.left, 1))


def _limit(fault):
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (fault.left, most))


_FAULTS = {
    "none": lambda fault: None, "power cut": _cut_power, "full disk": _fill, "file size": _limit,
}  # fmt: skip


def main():
    """Run `carina` with the fault of the environment."""
    fault = Fault(**json.loads(os.environ["DISK_FAULT"]))
    moments = counted_moments(fault)
    from carina.cli import _run

    code = _run()
    Path(fault.notes, "moments").write_text(str(moments.n))
    sys.exit(code)


def counted_moments(fault):
    """Count the moments of this process from now on, until the fault happens."""
    moments = _Moments(fault)
    os.fsync = moments.flushed(os.fsync)
    for name in ("replace", "rename", "unlink", "rmdir", "link"):
        setattr(os, name, moments.after(getattr(os, name)))
    return moments


def cut_at_every_moment(work, top, rng):
    """Do some work in processes of its own, and cut the power once at each of its moments.

    Args:
        work: called with the folder that it writes in, and a function that it tells by what
            shall outlive any power cut from then on.
        top: an empty folder.
        rng: `random.Random`.

    Yields:
        The folder as each power cut left it, and what was told before.
    """
    for at in itertools.count(1):
        place, notes, told = top / f"{at}", top / f"{at}-notes", top / f"{at}-told"
        place.mkdir()
        notes.mkdir()
        told.touch()
        process = os.fork()
        if not process:
            try:
                counted_moments(Fault("power cut", at, str(place), str(notes)))
                work(place, lambda word, file=told: file.write_text(word))
            finally:
                os._exit(0)
        _, status = os.waitpid(process, 0)
        if not os.WIFSIGNALED(status):
            return
        cut_power(place, notes, rng)
        yield place, told.read_text()


def free_the_disk(fault):
    """Take away what filled a disk."""
    Path(fault.notes, "filler").unlink(missing_ok=True)


def left_behind(folder):
    """Return the names of the temporary files in a folder and below."""
    return sorted(file.name for file in folder.rglob(".*") if file.is_file())


@contextlib.contextmanager
def small_disk(folder, *, n_bytes):
    """Yield whether a file system of its own, of so many bytes, could be put over a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    size = f"size={n_bytes}"
    mount = ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)]
    can = hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("mount")
    done = bool(can) and subprocess.run(mount, capture_output=True, check=False).returncode == 0
    try:
        yield done
    finally:
        if done:
            subprocess.run(["umount", str(folder)], capture_output=True, check=True)


@dataclasses.dataclass(frozen=True)
class Failed:
    """What became of a process whose disk failed.

    Attributes:
        kind: of the fault.
        at: its moment.
        code: the exit code; -9 after a power cut; 0 if it ended before that moment.
        said: what it said last.
        left: temporary files that it left behind.
    """

    kind: str
    at: int
    code: int
    said: str
    left: tuple[str, ...]


def failing_again_and_again(kinds, begin, *, moments, rng):
    """Begin a training and let the disk fail under it, once for each of `kinds`; each time it
    goes on from where it was.

    Args:
        kinds: of faults.
        begin: `Begin`.
        moments: how many a training has that is left alone.
        rng: `random.Random`.

    Returns:
        `Failed` of each.
    """
    failed = []
    for kind in kinds:
        # Together they come before the end, however little of the work each time was kept.
        at = rng.randrange(1, max(moments // len(kinds), 2))
        notes = begin.top / "notes"
        fault = Fault(kind, at, str(begin.place), str(notes), left=rng.randrange(200_000))
        process = with_fault(fault, begin.words, environment=begin.environment)
        left = left_behind(begin.place) if kind != "power cut" else []
        if process.returncode == -signal.SIGKILL:
            cut_power(begin.place, notes, rng)
        free_the_disk(fault)
        last = process.stderr.strip().splitlines()[-1:]
        failed.append(Failed(kind, at, process.returncode, " ".join(last), tuple(left)))
    return failed


@dataclasses.dataclass(frozen=True)
class Begin:
    """A training that begins, or goes on where it has begun.

    Attributes:
        top: holds `place`, all that it writes, and `notes` beside it.
        asked: the words after `carina train`, but for `--out`.
    """

    top: Path
    asked: tuple[str, ...]

    @property
    def place(self):
        """All that it writes lies here."""
        place = self.top / "place"
        place.mkdir(exist_ok=True)
        return place

    @property
    def folder(self):
        """The run's."""
        return self.place / "run"

    @property
    def environment(self):
        """Where caches and keys lie."""
        names = {"CARINA_CACHE_DIR": "cache", "CARINA_CONFIG_DIR": "config"}
        places = {name: str(self.place / below) for name, below in names.items()}
        # One key, or the fingerprints in the cards would differ.
        return {**places, "CARINA_PATIENT_KEY": "5e" * 32}

    @property
    def words(self):
        """The words of `carina` that bring it on."""
        if (self.folder / "environment.json").is_file():
            return ("train", "--resume", str(self.folder))
        return ("train", *self.asked, "--out", str(self.folder))

    def end(self, *, then_cut=None):
        """Bring it to its end, and return the process and how many moments it had.

        Args:
            then_cut: `random.Random`: the power is cut right after it; None: it is not.
        """
        notes = self.top / "notes"
        fault = Fault("power cut" if then_cut else "none", 0, str(self.place), str(notes))
        process = with_fault(fault, self.words, environment=self.environment)
        moments = notes / "moments"
        n = int(moments.read_text()) if moments.exists() else 0
        if then_cut:
            cut_power(self.place, notes, then_cut)
        return process, n


if __name__ == "__main__":
    main()
