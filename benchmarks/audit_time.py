"""How long the audit of all films takes, against decoding them once.

    python benchmarks/audit_time.py [--data DIR] [--source NAME ...] [--turns N]

Every measurement is a fresh process with an empty cache: one decodes all films with the
audit's decoder and threads, the next audits them; they take turns. The aim is three times the
decoding and 10 seconds. The audit counts from the first look at the folders to `audit.json`;
imports and the page are not counted (the page's time is shown beside it).
"""

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from audited_by.auditors import load_before
from audited_by.film_sets import SOURCES
from audited_by.timed import CPU, READING, WALL
from audited_by.watched import AuditFailedError, watched
from described.measuring import machine

_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
_TIMES_DECODING, _MORE_S = 3, 10


def main(arguments: argparse.Namespace) -> None:
    """Measure in turns, and print where the seconds go."""
    data = [arguments.data / name for name in arguments.source or SOURCES]
    load = load_before()
    decoded, audited = [], []
    for turn in range(1, arguments.turns + 1):
        decoded.append(measured("decode", data))
        audited.append(measured("audit", data))
        print(
            f"turn {turn}: decoding {decoded[-1]['seconds']:.1f} s, "
            f"audit {audited[-1]['seconds']:.1f} s",
            file=sys.stderr,
        )
    print(table(decoded, audited))
    print(f"\n{machine()}" + (f"; load average before: {load:.1f}" if load is not None else ""))


def measured(mode: str, data: list[Path]) -> dict[str, Any]:
    """Return what one audit or decoding in a fresh process took.

    Raises:
        AuditFailedError: if it fails.
    """
    with tempfile.TemporaryDirectory() as name:
        result = Path(name) / "result.json"
        command = [sys.executable, "-m", "audited_by.timed", mode, str(result), name]
        found = watched([*command, *map(str, data)])
        if found.returncode or not result.is_file():
            raise AuditFailedError(f"{mode} ended with {found.returncode}:\n{found.stderr}")
        own: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
        return own


def table(decoded: list[dict[str, Any]], audited: list[dict[str, Any]]) -> str:
    """Return the comparison, and the audit's parts, as medians over the turns."""
    decoding, whole = middle(decoded, "seconds"), middle(audited, "seconds")
    aim = _TIMES_DECODING * decoding + _MORE_S
    n_films = audited[0]["n_films"]
    ratios = [a["seconds"] / d["seconds"] for a, d in zip(audited, decoded, strict=True)]
    lines = [
        f"{n_films:,} labelled films, {len(audited)} turns, medians",
        "",
        "| | seconds (range) | processor s | ms a film | peak MB |",
        "|---|---|---|---|---|",
        line("decoding all once", decoded, n_films),
        line("the audit, without the page", audited, n_films),
        "",
        f"- {whole / decoding:.2f} times the decoding ({min(ratios):.2f} to {max(ratios):.2f}); "
        f"the aim is {aim:.1f} s: {'reached' if whole <= aim else '**missed**'}",
        f"- the page besides: {middle(audited, 'page_seconds'):.1f} s",
        "",
        "| part of the audit | seconds | share | processor s |",
        "|---|---|---|---|",
    ]
    parts = {part: median([run["parts"][part] for run in audited]) for part in WALL}
    cpu = {part: median([run["cpu"][part] for run in audited]) for part in (*WALL, *CPU)}
    outer = sum(seconds for part, seconds in parts.items() if not part.startswith("-"))
    for part, seconds in parts.items():
        lines.append(f"| {part} | {seconds:.2f} | {seconds / whole:.0%} | {cpu[part]:.2f} |")
        if part == READING:
            lines += [f"| - {within}, in its threads | | | {cpu[within]:.2f} |" for within in CPU]
    rest = whole - outer
    lines.append(f"| everything else | {rest:.2f} | {rest / whole:.0%} | |")
    absent = audited[0]["not_there"]
    return "\n".join([*lines, *([f"\nnot measured: {', '.join(absent)}"] if absent else [])])


def line(title: str, runs: list[dict[str, Any]], n_films: int) -> str:
    """Return one row of the comparison."""
    seconds = [run["seconds"] for run in runs]
    return (
        f"| {title} | {median(seconds):.2f} ({min(seconds):.2f} to {max(seconds):.2f}) "
        f"| {middle(runs, 'cpu_seconds'):.2f} | {1000 * median(seconds) / n_films:.2f} "
        f"| {middle(runs, 'peak_mb'):.0f} |"
    )


def middle(runs: list[dict[str, Any]], name: str) -> float:
    """Return the median of one figure."""
    return median([run[name] for run in runs])


def median(values: list[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def options() -> argparse.ArgumentParser:
    """Return what the command line takes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=_DATA, help="folder of the data sets")
    parser.add_argument(
        "--source", action="append", default=[], help=f"of {', '.join(SOURCES)}; again for more"
    )
    parser.add_argument("--turns", type=int, default=3)
    return parser


if __name__ == "__main__":
    chosen = options().parse_args()
    chosen.data = chosen.data.resolve()
    main(chosen)
