"""The programs that take part, each run as its user would, and what they say as one form."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

from audited_by.film_sets import FilmSet
from audited_by.watched import AuditFailedError, Watched, watched
from carina.version import VERSION

CARINA, CLEANVISION = "Carina", "cleanvision"
_PRINTED = 800
_COMMAND = "from carina.cli import main; main()"
Pair = tuple[str, str]
_EVERYTHING = frozenset({"pairs", "odd films", "parts", "labels", "confounders", "unreadable"})


@dataclass(frozen=True)
class Said:
    """What an audit said.

    Attributes:
        version: the program and its version.
        n_films: films that it looked at.
        exact_pairs: pairs of films called the same.
        near_pairs: pairs called nearly the same.
        flags: film -> what is odd about it.
        leaks: pairs of films named as a leak between the parts.
        conflicts: groups of films named as one picture under several classes.
        unreadable: files named as unreadable.
        confounders: what is named as telling the class.
        stopped_by: what stopped it the first time, so that it was run again without the files
            that cannot be read; or "".
        failed: the end of what it said where it ended without a result; "" if it did not.
    """

    version: str
    n_films: int = 0
    exact_pairs: frozenset[Pair] = frozenset()
    near_pairs: frozenset[Pair] = frozenset()
    flags: dict[str, list[str]] = field(default_factory=dict)
    leaks: frozenset[Pair] = frozenset()
    conflicts: tuple[frozenset[str], ...] = ()
    unreadable: frozenset[str] = frozenset()
    confounders: tuple[str, ...] = ()
    stopped_by: str = ""
    failed: str = ""

    @property
    def pairs(self) -> frozenset[Pair]:
        """Every pair of films called one picture."""
        return self.exact_pairs | self.near_pairs


@dataclass(frozen=True)
class Auditor:
    """A program that audits films.

    Attributes:
        name: the table's word for it.
        module: its driver, or "" for Carina's own command.
        python: the interpreter of its environment.
        options: more arguments of the driver.
        looks_for: of what it says anything: "pairs", "odd films", "parts" (leaks between
            them), "labels" (conflicts), "confounders", "unreadable".
        looks_for: of what it says anything: "pairs", "odd films", "parts" (leaks between
            them), "labels" (conflicts), "confounders", "unreadable".
    """

    name: str
    module: str = ""
    python: str = sys.executable
    options: tuple[str, ...] = ()
    looks_for: frozenset[str] = frozenset({"pairs"})


def auditors(peers_python: str | None) -> tuple[Auditor, ...]:
    """Return who takes part; without the peers' environment Carina alone."""
    ours = Auditor(CARINA, looks_for=_EVERYTHING)
    if peers_python is None:
        return (ours,)
    hashing = "audited_by.imagededup_way"
    return (
        ours,
        Auditor(
            CLEANVISION,
            "audited_by.cleanvision_way",
            peers_python,
            looks_for=frozenset({"pairs", "odd films"}),
        ),
        Auditor("imagededup PHash, 10 bits", hashing, peers_python, ("10",)),
        Auditor("imagededup PHash, 4 bits", hashing, peers_python, ("4",)),
    )


def audited(auditor: Auditor, films: FilmSet) -> tuple[Said, Watched]:
    """Return what an auditor says of films, in a fresh process with empty caches.

    Raises:
        AuditFailedError: if Carina fails; a peer's failure is what it said.
    """
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        if not auditor.module:
            return _by_carina(auditor, films, scratch)
        result = scratch / "result.json"
        command = [auditor.python, "-m", auditor.module, str(films.folder), str(result)]
        found = watched([*command, *auditor.options])
        if found.returncode or not result.is_file():
            return Said(version=auditor.name, failed=found.stderr[-_PRINTED:]), found
        return _of_peer(json.loads(result.read_text(encoding="utf-8"))), found


def _by_carina(auditor: Auditor, films: FilmSet, scratch: Path) -> tuple[Said, Watched]:
    folders = [str(films.folder / source) for source in films.sources] or [str(films.folder)]
    places = {f"CARINA_{kind}_DIR": str(scratch / kind) for kind in ("CACHE", "CONFIG", "RUNS")}
    command = [auditor.python, "-c", _COMMAND, "audit", *folders, "--json"]
    found = watched([*command, "--out", str(scratch / "out")], environment=places)
    if found.returncode not in (0, 3):
        raise AuditFailedError(f"carina audit ended with {found.returncode}:\n{found.stderr}")
    return _of_carina(json.loads(found.stdout)), found


def _of_peer(found: dict[str, Any]) -> Said:
    return Said(
        version=found["version"],
        n_films=found["n_films"],
        exact_pairs=frozenset(_ordered(a, b) for a, b in found["exact_pairs"]),
        near_pairs=frozenset(_ordered(a, b) for a, b in found["near_pairs"]),
        flags=found["flags"],
        stopped_by=found["stopped_by"],
    )


def _of_carina(audit: dict[str, Any]) -> Said:
    flags: dict[str, list[str]] = {}
    for misfit in audit["misfits"]:
        flags.setdefault(misfit["path"], []).append(misfit["code"])
    return Said(
        version=f"Carina {VERSION}",
        n_films=sum(n for counts in audit["images"].values() for n in counts.values()),
        exact_pairs=_within(audit["exact_duplicates"]),
        near_pairs=_within(audit["near_duplicates"]),
        flags=flags,
        leaks=frozenset(_ordered(leak["a"], leak["b"]) for leak in audit["leaks"]),
        conflicts=tuple(frozenset(one["paths"]) for one in audit["label_conflicts"]),
        unreadable=frozenset(one["path"] for one in audit["unreadable"]),
        confounders=tuple(one["signal"] for one in audit["confounders"] if one["tells"]),
    )


def _within(groups: Sequence[Sequence[str]]) -> frozenset[Pair]:
    return frozenset(_ordered(a, b) for group in groups for a, b in combinations(group, 2))


def _ordered(a: str, b: str) -> Pair:
    return (a, b) if a <= b else (b, a)


def load_before() -> float | None:
    """Return how busy the machine is, where it says."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None
