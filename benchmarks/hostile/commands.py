"""Hostile films in folders, answered by `carina predict` in a process of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from carina.errors import IMAGE_CODES
from hostile.memory import MemoryWatch
from hostile.outcomes import CRASH, HANG, HANG_S, OUTSIDE, READ, Outcomes
from making.hostile.mutations import Mutant, mutants
from making.hostile.seeds import seeds

_HONEST = "honest.png"
_DONE = (0, 3)


def predict_on_command_line(start: int, stop: int, *, classifier: str | Path) -> Outcomes:
    """Return what `carina predict` made of a folder of mutants and one honest film."""
    films = list(mutants(start, stop))
    folder = Path(tempfile.mkdtemp(prefix="hostile-films-"))
    try:
        return _predicted(films, folder, classifier)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _predicted(films: Sequence[Mutant], folder: Path, classifier: str | Path) -> Outcomes:
    files = {_file_name(at, film): film for at, film in enumerate(films)}
    (folder / _HONEST).write_bytes(seeds()["png-8"])
    for name, film in files.items():
        (folder / name).write_bytes(film.data)
    code = "from carina.cli import main; main()"
    words = [sys.executable, "-c", code, "predict", str(classifier), str(folder), "--json"]
    found, began = Outcomes(), time.perf_counter()
    process = subprocess.Popen(
        [*words, "--runtime", "onnxruntime"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="backslashreplace",
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    with MemoryWatch(process.pid) as memory:
        try:
            said, complained = process.communicate(timeout=HANG_S + 2 * len(films))
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            found.add_wrong(f"{films[0].name} to {films[-1].name}", HANG, "the command did not end")
            return found
    found.seconds = time.perf_counter() - began
    found.parent_mb, found.worker_mb = memory.own_mb, memory.below_mb
    found.slowest_s, found.slowest = found.seconds, f"{len(films)} films from {films[0].name} on"
    if process.returncode not in _DONE or "Traceback" in complained:
        found.add_wrong(films[0].name, CRASH, f"exit {process.returncode}: {complained}")
        return found
    _note_each(json.loads(said), files, found)
    return found


def _note_each(document: dict, files: dict[str, Mutant], found: Outcomes) -> None:
    """Note the outcome of every file; each must have one."""
    outcomes = [(row["path"], READ) for row in document["predictions"]]
    outcomes += [(row["path"], row["code"]) for row in document["unreadable"]]
    by_file: dict[str, list[str]] = {}
    for path, code in outcomes:
        by_file.setdefault(Path(path).name, []).append(code)
    if by_file.pop(_HONEST, None) != [READ]:
        found.add_wrong(_HONEST, OUTSIDE, "the honest film beside them was not answered")
    for name, film in files.items():
        codes = by_file.pop(name, [])
        if len(codes) == 1 and (codes[0] == READ or codes[0] in IMAGE_CODES):
            found.add(film.name, codes[0], 0.0)
        else:
            found.add_wrong(film.name, OUTSIDE, f"outcomes: {codes}")
    for name, codes in by_file.items():
        found.add_wrong(name, OUTSIDE, f"no such file was given: {codes}")


def _file_name(at: int, film: Mutant) -> str:
    suffix = ".dcm" if film.seed.startswith(("dicom", "pydicom")) else ".png"
    return f"{at:04d}-{re.sub(r'[^a-z0-9-]', '-', film.seed.lower())}{suffix}"
