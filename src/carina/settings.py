"""Environment -> one frozen object; the only reader of environment variables."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from carina.errors import UsageError
from carina.files.user_folders import home_of_account, writable_or_temporary


class Variable(NamedTuple):
    """An environment variable, as docs/reference/environment.md tells of it."""

    name: str
    sets: str
    default: str


VARIABLES = (
    Variable(
        "CARINA_CACHE_DIR",
        "decoded pixels, film facts, timings of the precision probe, pretrained weights, and what "
        "fixed layers make of films (vgg16 at 224 pixels: 50 KB a film and view in bf16 for the "
        "head, 200 KB for the last block, twice that in fp32); can be deleted at any time, never "
        "shrinks by itself",
        "the user's cache folder; a temporary one where there is no home to write to",
    ),
    Variable(
        "CARINA_CONFIG_DIR",
        "the key that hashes patients (`patient.key`, readable by its owner alone)",
        "the user's configuration folder; a temporary one where there is no home to write to",
    ),
    Variable(
        "CARINA_PATIENT_KEY", "the key itself, 16 bytes or more, instead of the file", "the file's"
    ),
    Variable(
        "CARINA_KEY_PASSPHRASE",
        "what unlocks the key that `carina sign` signs with, or locks the one that it makes",
        "none; it is asked for on the terminal",
    ),
    Variable("CARINA_RUNS_DIR", "where runs go without `--out`", "`runs` in the working folder"),
    Variable(
        "RAY_ADDRESS",
        "the Ray cluster that `--workers` uses, as `10.0.0.1:6379`; `--cluster` goes before it",
        "none: a Ray of the command's own, on this machine alone",
    ),
    Variable(
        "CARINA_BROWSER",
        "the browser that prints a report to PDF (`carina report RUN --pdf`), as a path or a name",
        "the first Chromium, Chrome, Edge or Brave that is found",
    ),
    Variable(
        "CARINA_MEMORY_MB",
        "the memory that a training may take beside what the program holds before it, in millions "
        "of bytes: with less it computes smaller parts of a batch at a time; more is believed",
        "what the system says is free, but for 5 %",
    ),
    Variable(
        "CARINA_MAX_UPLOAD_MB", "the largest request to the server, in millions of bytes", "64"
    ),
    Variable(
        "CARINA_MAX_FILM_MB",
        "the largest film of a request, in millions of bytes; never more than the request",
        "64",
    ),
    Variable("CARINA_MAX_FILMS", "the most films of one request to the server", "64"),
    Variable(
        "CARINA_QUEUE",
        "how many requests with films the server works on or keeps waiting; more are answered "
        "with 503",
        "32",
    ),
    Variable(
        "CARINA_DEADLINE_S",
        "the seconds from the last byte of a request to its answer; later the answer is 503",
        "30",
    ),
    Variable(
        "CARINA_UPLOAD_IDLE_S",
        "the longest that the server waits for the next bytes of a request, in seconds",
        "10",
    ),
    Variable(
        "CARINA_UPLOAD_S",
        "the longest that the server waits for all of a request, in seconds",
        "120",
    ),
    Variable(
        "CARINA_DRAIN_S",
        "how long a server that is being stopped goes on answering `/readyz` with 503 before it "
        "closes its port, in seconds, so that what stands in front of it notices",
        "0.5",
    ),
    Variable(
        "CARINA_TOKEN",
        "the token that requests to the server must bring, 16 characters or more; `--token-file` "
        "goes before it",
        "none on 127.0.0.1; else one is made at every start",
    ),
    Variable(
        "CARINA_ALLOWED_HOSTS",
        "more names that the server answers under, with commas between them; it always answers "
        "under numeric addresses, `localhost`, the machine's own name and `--host`",
        "none",
    ),
)
"""Every variable that is read."""

# What steers the libraries that compute: threads, instructions, and how sums are taken.
_COMPUTING_VARIABLES = (
    "ATEN_CPU_CAPABILITY", "DNNL_MAX_CPU_ISA", "KMP_AFFINITY", "KMP_BLOCKTIME", "MKL_CBWR",
    "MKL_DYNAMIC", "MKL_ENABLE_INSTRUCTIONS", "MKL_NUM_THREADS", "NPY_DISABLE_CPU_FEATURES",
    "OMP_DYNAMIC", "OMP_NUM_THREADS", "ONEDNN_DEFAULT_FPMATH_MODE", "ONEDNN_MAX_CPU_ISA",
    "OPENBLAS_CORETYPE", "OPENBLAS_NUM_THREADS", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
)  # fmt: skip


def computing_variables(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment variables that are set and steer the libraries that compute.

    They are other programs' and are noted in a run's record, never acted upon.

    >>> computing_variables({"OMP_NUM_THREADS": "2", "HOME": "/home/jo"})
    {'OMP_NUM_THREADS': '2'}
    """
    variables = os.environ if environment is None else environment
    return {name: variables[name][:80] for name in _COMPUTING_VARIABLES if name in variables}


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """The limits of the server beside `Settings.max_upload_bytes`, and its token.

    Attributes:
        max_film_bytes: the most that one film may have (`CARINA_MAX_FILM_MB`).
        max_films: the most films of one request (`CARINA_MAX_FILMS`).
        queue: requests with films that are worked on or wait (`CARINA_QUEUE`).
        deadline_s: from the last byte of a request to its answer (`CARINA_DEADLINE_S`).
        upload_idle_s: longest wait for the next bytes of a request (`CARINA_UPLOAD_IDLE_S`).
        upload_s: longest wait for all of it (`CARINA_UPLOAD_S`).
        drain_s: how long a server that is being stopped keeps its port (`CARINA_DRAIN_S`).
        token: what requests must bring, or "" (`CARINA_TOKEN`).
        allowed_hosts: more names that it answers under (`CARINA_ALLOWED_HOSTS`).
    """

    max_film_bytes: int = 64_000_000
    max_films: int = 64
    queue: int = 32
    deadline_s: float = 30.0
    upload_idle_s: float = 10.0
    upload_s: float = 120.0
    drain_s: float = 0.5
    token: str = field(default="", repr=False)
    allowed_hosts: tuple[str, ...] = ()

    @classmethod
    def of(cls, variables: Mapping[str, str]) -> ServiceSettings:
        """Return the settings that variables describe.

        Raises:
            UsageError: if one does not hold what it is for.
        """
        hosts = (name.strip() for name in variables.get("CARINA_ALLOWED_HOSTS", "").split(","))
        return cls(
            max_film_bytes=_megabytes(variables, "CARINA_MAX_FILM_MB", default=64),
            max_films=_whole(variables, "CARINA_MAX_FILMS", default=64, unit="films"),
            queue=_whole(variables, "CARINA_QUEUE", default=32, unit="requests"),
            deadline_s=_seconds(variables, "CARINA_DEADLINE_S", default=30.0),
            upload_idle_s=_seconds(variables, "CARINA_UPLOAD_IDLE_S", default=10.0),
            upload_s=_seconds(variables, "CARINA_UPLOAD_S", default=120.0),
            drain_s=_seconds(variables, "CARINA_DRAIN_S", default=0.5, least=0.0),
            token=variables.get("CARINA_TOKEN", "").strip(),
            allowed_hosts=tuple(name.lower() for name in hosts if name),
        )


@dataclass(frozen=True, slots=True)
class Settings:
    """Where Carina keeps things on this machine.

    Attributes:
        cache_dir: decoded pixels and other things that can be made again
            (`CARINA_CACHE_DIR`).
        config_dir: the user's patient key (`CARINA_CONFIG_DIR`).
        patient_key: the key that hashes patients, if `CARINA_PATIENT_KEY` gives one;
            else None, and the key file in `config_dir` is used.
        runs_dir: where runs go without `--out` (`CARINA_RUNS_DIR`, default `runs`).
        max_upload_bytes: the most that one request to the server may bring
            (`CARINA_MAX_UPLOAD_MB`, default 64, in millions of bytes).
        memory_bytes: the memory that a training may take (`CARINA_MEMORY_MB`, in millions of
            bytes); 0 for what the system says is free.
        key_passphrase: of the key that `carina sign` uses, or "" (`CARINA_KEY_PASSPHRASE`).
        browser: the browser that prints pages, as a path or a name (`CARINA_BROWSER`); ""
            for the first one that is found.
        service: the server's other limits, and its token.
        cluster: address of the Ray that several workers run in (`RAY_ADDRESS`); "" for one of
            the command's own.
    """

    cache_dir: Path
    config_dir: Path
    patient_key: bytes | None = None
    runs_dir: Path = Path("runs")
    max_upload_bytes: int = 64_000_000
    memory_bytes: int = 0
    key_passphrase: str = field(default="", repr=False)
    browser: str = ""
    service: ServiceSettings = ServiceSettings()
    cluster: str = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Return the settings that the environment describes.

        Raises:
            UsageError: if a variable does not hold what it is for.
        """
        variables = os.environ if environment is None else environment
        key = variables.get("CARINA_PATIENT_KEY")
        return cls(
            cache_dir=Path(variables.get("CARINA_CACHE_DIR") or _user_dir(variables, "cache")),
            config_dir=Path(variables.get("CARINA_CONFIG_DIR") or _user_dir(variables, "config")),
            patient_key=key.encode() if key else None,
            runs_dir=Path(variables.get("CARINA_RUNS_DIR") or "runs"),
            max_upload_bytes=_megabytes(variables, "CARINA_MAX_UPLOAD_MB", default=64),
            browser=variables.get("CARINA_BROWSER") or "",
            memory_bytes=_megabytes(variables, "CARINA_MEMORY_MB", default=0),
            key_passphrase=variables.get("CARINA_KEY_PASSPHRASE") or "",
            service=ServiceSettings.of(variables),
            cluster=variables.get("RAY_ADDRESS", "").strip(),
        )


def _megabytes(variables: Mapping[str, str], name: str, *, default: int) -> int:
    return 1_000_000 * _whole(variables, name, default=default, unit="megabytes")


def _whole(variables: Mapping[str, str], name: str, *, default: int, unit: str) -> int:
    said = variables.get(name) or str(default)
    if said != str(default) and not (said.isascii() and said.isdecimal() and int(said) > 0):
        raise UsageError(f"{name} must be a whole number of {unit} over 0, not '{said}'")
    return int(said)


def _seconds(
    variables: Mapping[str, str], name: str, *, default: float, least: float = 0.001
) -> float:
    said = variables.get(name) or str(default)
    try:
        seconds = float(said)
    except ValueError:
        seconds = float("nan")
    if not least <= seconds <= 86_400:
        above = "0 or more" if least == 0 else "over 0"
        raise UsageError(
            f"{name} must be a number of seconds, {above} and at most a day, not '{said}'"
        )
    return seconds


def _user_dir(variables: Mapping[str, str], kind: str) -> Path:
    """Return the platform's folder for a user's caches or configuration, or one that takes its
    place where there is no home, or none to write to."""
    from carina.data.patients import KEY_FILE

    own = _own_dir(variables, kind)
    if kind == "config" and own is not None and (own / KEY_FILE).is_file():
        return own  # there is nothing more to write
    return writable_or_temporary(own, kind=kind)


def _own_dir(variables: Mapping[str, str], kind: str) -> Path | None:
    if sys.platform == "win32" and variables.get("LOCALAPPDATA"):
        return Path(variables["LOCALAPPDATA"]) / "carina" / kind
    # The XDG Base Directory Specification: "All paths must be absolute", others are ignored.
    told = Path(variables.get(f"XDG_{kind.upper()}_HOME", ""))
    if told.is_absolute() and sys.platform != "darwin":
        return told / "carina"
    said = Path(variables.get("HOME") or variables.get("USERPROFILE") or "")
    home = said if said.is_absolute() else home_of_account()
    if home is None:
        return None
    if sys.platform == "darwin":
        return home / "Library" / ("Caches" if kind == "cache" else "Preferences") / "carina"
    return home / f".{kind}" / "carina"
