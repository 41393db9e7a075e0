"""Where and how a run was made, and what that took: `environment.json`."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field, field_validator

from carina.domain.document import Document, Plain

MOST_SEEDS, MOST_WORKERS, MOST_THREADS = 100, 1000, 4096
"""Of one run."""
_MOST_FILMS = 1_000_000_000
_CHOICES = {"precision": ("fp32", "bf16"), "fixed layers": ("torch", "winograd", "openvino")}
_COUNTS = {"threads": MOST_THREADS, "films at once": _MOST_FILMS, "workers": MOST_WORKERS}


class GitState(Plain):
    """The state of the user's working folder: no path, no address, no name of a file.

    Attributes:
        commit: hex digest of the commit; "" without one.
        branch: its name; "" where a commit is checked out without one.
        changed_files: how many files that git knows differ from the commit; None if git did
            not say.
        note: why something is not known; "" if all is.
    """

    commit: str = ""
    branch: str = ""
    changed_files: int | None = None
    note: str = ""


class Piece(Plain):
    """One stretch of a run's making, up to its end or an interruption.

    Attributes:
        started: local time at its start, ISO 8601 with the offset.
        wall_seconds: by the clock, as far as it was noted before an interruption.
        cpu_seconds: of processor time, by this process and those that decode for it.
        peak_memory_mb: the most memory at a time, in millions of bytes: "process", and
            "decoding" of one process that decodes; only what the system says.
        carina: the version.
        differs: sentences on what is otherwise than in the piece before.
    """

    started: str
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory_mb: Mapping[str, float] = Field(default_factory=dict)
    carina: str = ""
    differs: tuple[str, ...] = ()


class Environment(Document):
    """Where and how a run was made: `environment.json`.

    What an earlier version did not note has its default: empty, or 0.

    Attributes:
        started: local time at the start, ISO 8601 with the offset.
        ended: local time at the end; "" before it.
        status: "training" until every file of the run is written, then "finished"; "stopped"
            by a signal, "diverged", or "prepared" before a reproduction begins.
        command: the words that start this run again.
        versions: package -> version.
        machine: what is known of the hardware ("processor", "cores", "memory_gb", ...).
        data: DATA as it was given, made absolute; `package` leaves this out.
        seeds: how many trainings with seeds of their own.
        workers: how many processes shared each training.
        folds: a number, "source", or "" without folds.
        resumed: how often the run went on after it had been interrupted.
        sources: DATA by name -> the folder it was read from; `package` leaves this out.
        threads: CPU threads of the training.
        precision: "chosen", "reason", and the timings of the probe.
        memory: how many films were computed at a time, the memory that was expected and free in
            millions of bytes, and in words; empty for a run of several trainings.
        diverged: why a diverged training was stopped, and what to try; "" for others.
        device: "cpu" or the name of the GPU.
        images_per_second: training speed, median over the epochs.
        seconds: stage -> seconds, all pieces of the run together.
        cpu_seconds: stage -> seconds of processor time, all pieces together.
        test_opened: how many commands computed metrics on the test part.
        notes: sentences about the data (merged classes, what was left out, ...).
        wall_seconds: the whole run by the clock, all pieces together.
        processor_seconds: the whole run's processor time, all pieces together.
        peak_memory_mb: the most memory at a time in any piece, as `Piece` has it.
        pieces: the stretches in which the run was made; one if it was never interrupted.
        git: the state of the working folder at the start.
        computing: what computes beside the versions: instruction set, libraries, and the
            environment variables that steer them.
        circumstances: what the last digits of the training depend on beside its recipe and
            its films; chosen once, and taken from here when it is repeated.
        start_weights: hex sha256 of the weights that the training began with.
        masked_probe: what the masked probe was given: "epochs", and films of each part.
        patient_key: fingerprint of the key that hashed the patients, or "".
        recipe_sha256: hex sha256 of `recipe.toml` as the run began with it, or "".
        reproduces: hex sha256 of the record of the run that this one repeats, or "".
    """

    started: str
    ended: str = ""
    status: str
    command: str
    versions: Mapping[str, str]
    machine: Mapping[str, str | int | float]
    sources: Mapping[str, str]
    data: tuple[str, ...] = ()
    seeds: int = Field(default=1, ge=1, le=MOST_SEEDS)
    workers: int = Field(default=1, ge=1, le=MOST_WORKERS)
    folds: str = Field(default="", pattern="^(source|[2-9]|[1-9][0-9]|100)?$")
    resumed: int = 0
    threads: int = 0
    precision: Mapping[str, str | float] = Field(default_factory=dict)
    memory: Mapping[str, str | int | float] = Field(default_factory=dict)
    diverged: str = ""
    device: str = "cpu"
    images_per_second: float = 0.0
    seconds: Mapping[str, float] = Field(default_factory=dict)
    cpu_seconds: Mapping[str, float] = Field(default_factory=dict)
    test_opened: int = 0
    notes: tuple[str, ...] = ()
    wall_seconds: float = 0.0
    processor_seconds: float = 0.0
    peak_memory_mb: Mapping[str, float] = Field(default_factory=dict)
    pieces: tuple[Piece, ...] = ()
    git: GitState | None = None
    computing: Mapping[str, str] = Field(default_factory=dict)
    circumstances: Mapping[str, str | int | float] = Field(default_factory=dict)
    start_weights: str = ""
    masked_probe: Mapping[str, int] = Field(default_factory=dict)
    patient_key: str = ""
    recipe_sha256: str = ""
    reproduces: str = ""

    @field_validator("data", "sources")
    @classmethod
    def _can_be_paths(
        cls, found: tuple[str, ...] | Mapping[str, str]
    ) -> tuple[str, ...] | Mapping[str, str]:
        """Refuse a name that no file can have."""
        if any("\0" in one for one in (found.values() if isinstance(found, Mapping) else found)):
            raise ValueError("a path holds a zero byte")
        return found

    @field_validator("circumstances")
    @classmethod
    def _can_be_trained_under(
        cls, found: Mapping[str, str | int | float]
    ) -> Mapping[str, str | int | float]:
        """Refuse circumstances that no training had: they decide what a repeated one does."""
        for name, known in _CHOICES.items():
            if name in found and found[name] not in known:
                raise ValueError(f"{name!r} is {found[name]!r}; expected {' or '.join(known)}")
        for name, most in _COUNTS.items():
            if name in found:
                _require_whole(found, name, most=most)
        return found

    @field_validator("masked_probe")
    @classmethod
    def _can_be_given(cls, found: Mapping[str, int]) -> Mapping[str, int]:
        """Refuse a masked probe that no training had."""
        for name in found:
            _require_whole(found, name, most=_MOST_FILMS)
        return found


def _require_whole(found: Mapping[str, str | int | float], name: str, *, most: int) -> None:
    value = found[name]
    if not isinstance(value, int) or not 1 <= value <= most:
        raise ValueError(
            f"{name!r} is {str(value)[:40]!r}; expected a whole number from 1 to {most:,}"
        )
