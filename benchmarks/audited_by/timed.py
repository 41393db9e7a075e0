"""One audit, or one decoding of its films, in this fresh process, with the time of each part.

python -m audited_by.timed audit|decode RESULT.json SCRATCH DATA...
"""

from __future__ import annotations

import importlib
import json
import resource
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from carina.data import open_dataset
from carina.data.patients import PatientKey
from carina.domain.record import Record
from carina.errors import ImageError
from carina.files.machine import usable_cores
from carina.imaging import read_radiograph
from carina.settings import Settings

KEY = PatientKey(b"a key for benchmarks, for nothing else")
MAX_THREADS = 4  # as data.scan
READING = "reading the films"
# part -> (module, function): by the clock on the wall and in seconds of the processor, whichever
# thread computes. Parts with a dash are within the one above.
WALL = {
    "opening the folders": ("carina.workflows.audit", "open_dataset"),
    READING: ("carina.workflows.audit", "scan_films"),
    "near-duplicates": ("carina.auditing.duplicates", "near_pairs"),
    "judging": ("carina.auditing.audit", "audit_dataset"),
    "- confounders": ("carina.auditing.audit", "find_confounders"),
    "- sources": ("carina.auditing.audit", "source_tables"),
    "- films that do not belong": ("carina.auditing.audit", "find_misfits"),
    "- ages": ("carina.auditing.audit", "judge_ages"),
}
# The page is not counted.
PAGE = {
    "films for the page": ("carina.workflows.audit", "_pictures"),
    "the page": ("carina.reporting.audit_page", "build_audit_report"),
    "the page as HTML": ("carina.reporting.render", "render_html"),
}
# Within the reading, in its threads: seconds of the processor.
CPU = {
    "decoding": ("carina.data.scan", "read_radiograph_bytes"),
    "digests and sketch": ("carina.data.scan", "facts_and_sketch"),
}
_PROCESSOR = ", processor"


def main(mode: str, result: Path, scratch: Path, data: list[Path]) -> None:
    """Do one of the two, and write what it took."""
    do = {"audit": _audit, "decode": _decode}[mode]
    found = do(scratch, data)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    unit = 1 if sys.platform == "darwin" else 1024
    found["peak_mb"] = usage.ru_maxrss * unit / 1e6
    result.write_text(json.dumps(found), encoding="utf-8")


def _decode(scratch: Path, data: list[Path]) -> dict[str, Any]:
    """Decode every film once, with the decoder and the threads of the audit."""
    del scratch
    records = open_dataset(data, patient_key=KEY).records
    began, computed = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(min(MAX_THREADS, usable_cores())) as pool:
        for _ in pool.map(_look_at, records):
            pass
    return {
        "seconds": time.perf_counter() - began,
        "cpu_seconds": time.process_time() - computed,
        "n_films": len(records),
    }


def _look_at(record: Record) -> None:
    with suppress(ImageError):
        read_radiograph(record.file)


def _audit(scratch: Path, data: list[Path]) -> dict[str, Any]:
    """Audit with empty caches; the page's time is taken apart."""
    from carina.workflows.audit import audit

    times = _Times()
    for part, place in (WALL | PAGE).items():
        times.watch(part, place, time.perf_counter)
        times.watch(f"{part}{_PROCESSOR}", place, time.process_time)
    for part, place in CPU.items():
        times.watch(part, place, time.thread_time)
    names = {f"CARINA_{kind}_DIR": str(scratch / kind) for kind in ("CACHE", "CONFIG", "RUNS")}
    settings = Settings.from_environment(names)
    began, computed = time.perf_counter(), time.process_time()
    found = audit(data, settings=settings, out=scratch / "out", progress=lambda _: None).audit
    total = time.perf_counter() - began
    computed = time.process_time() - computed
    page = sum(times.seconds[part] for part in PAGE)
    page_computed = sum(times.seconds[f"{part}{_PROCESSOR}"] for part in PAGE)
    return {
        "seconds": total - page,
        "cpu_seconds": computed - page_computed,
        "page_seconds": page,
        "n_films": sum(n for counts in found.images.values() for n in counts.values()),
        "parts": {part: times.seconds[part] for part in WALL},
        "cpu": {
            **{part: times.seconds[f"{part}{_PROCESSOR}"] for part in WALL},
            **{part: times.seconds[part] for part in CPU},
        },
        "not_there": times.not_there,
    }


class _Times:
    """Seconds by part, of functions that are wrapped where they are called from."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.not_there: list[str] = []
        self._lock = threading.Lock()

    def watch(self, part: str, place: tuple[str, str], clock: Callable[[], float]) -> None:
        """Add up the time of a module's function from now on."""
        module = importlib.import_module(place[0])
        real = getattr(module, place[1], None)
        if real is None:
            self.not_there.append(part)
            return

        def timed(*args: Any, **options: Any) -> Any:
            began = clock()
            try:
                return real(*args, **options)
            finally:
                with self._lock:
                    self.seconds[part] += clock() - began

        setattr(module, place[1], timed)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), list(map(Path, sys.argv[4:])))
