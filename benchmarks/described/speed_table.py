"""The rows of a measurement file -> the tables that are printed."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from described.measuring import CARINA, CARINA_AGAIN, DESCRIBED, KERAS_BF16, PLAIN
from described.works import Work

Row = dict[str, Any]
_ORDER = (DESCRIBED, KERAS_BF16, PLAIN, CARINA, CARINA_AGAIN)
_DETAIL_HEAD = (
    "| competitor | turns | seconds (lowest to highest) | times Carina's | images/s in all "
    "| images/s, median epoch | imports s | first step s | whole process s | peak MB "
    "| weights | test AUC |\n|---|---|---|---|---|---|---|---|---|---|---|---|"
)
_SUMMARY_HEAD = (
    "| work | Carina s | against the described way (floor) | against Keras bf16 "
    "| against plain PyTorch (floor) | test AUC: Carina, described |\n|---|---|---|---|---|---|"
)


def detail_table(work: Work, rows: Sequence[Row]) -> str:
    """Return one work's table: a line for each competitor."""
    one = rows[0]
    lines = [
        f"### {work.title}",
        "",
        f"{one['n_train']} training, {one['films']['val']} validation and {one['n_test']} test "
        f"films of {one['source']}; {one['epochs']} epochs, batch {one['batch_size']}, "
        f"{one['side'][0]} x {one['side'][1]} x {one['channels']}{_capped(one)}",
        "",
        _DETAIL_HEAD,
    ]
    by_name = _by_competitor(rows)
    ours = _seconds(by_name.get(CARINA, []))
    lines += [_detail_line(name, taken, ours) for name, taken in by_name.items()]
    counts = {row["n_parameters"] for row in rows}
    if len(counts) > 1:
        lines += ["", f"**The networks differ**: {sorted(counts)} weights."]
    if len({row.get("code", "") for row in by_name.get(CARINA, [])}) > 1:
        lines += ["", "**Carina's code was changed between its turns**: begin a new file."]
    return "\n".join(lines)


def summary_table(measured: Sequence[tuple[Work, Sequence[Row]]]) -> str:
    """Return the issue's table: how many times faster Carina is in each work."""
    lines = [_SUMMARY_HEAD]
    for work, rows in measured:
        by_name = _by_competitor(rows)
        described, plain = work.floors
        for name, title in ((CARINA, work.title), (CARINA_AGAIN, "the same, timed before")):
            if ours := by_name.get(name):
                lines.append(
                    f"| {title} | {_seconds(ours):.1f} "
                    f"| {_against(by_name.get(DESCRIBED), ours, described)} "
                    f"| {_against(by_name.get(KERAS_BF16), ours, None)} "
                    f"| {_against(by_name.get(PLAIN), ours, plain)} "
                    f"| {_auc(ours)}, {_auc(by_name.get(DESCRIBED, []))} |"
                )
    return "\n".join(lines)


def versions_line(rows: Sequence[Row]) -> str:
    """Return the machines and versions of rows."""
    versions = {f"{name} {v}" for row in rows for name, v in row["versions"].items()}
    machines = {row["machine"] for row in rows}
    loads = [row["load_before"] for row in rows if row["load_before"] is not None]
    busy = f"; load average before a measurement {min(loads):.1f} to {max(loads):.1f}"
    return f"{'; '.join(sorted(machines))}\n{', '.join(sorted(versions))}{busy if loads else ''}"


def _by_competitor(rows: Sequence[Row]) -> dict[str, list[Row]]:
    found = {name: [row for row in rows if row["competitor"] == name] for name in _ORDER}
    return {name: taken for name, taken in found.items() if taken}


def _capped(row: Row) -> str:
    said = []
    if row["n_films_cap"]:
        said.append(f"films capped by --films {row['n_films_cap']}")
    if row["epochs_cap"]:
        said.append(f"epochs capped by --epochs {row['epochs_cap']}")
    return f" ({'; '.join(said)})" if said else ""


def _detail_line(name: str, rows: Sequence[Row], ours: float) -> str:
    seconds = [row["seconds"] for row in rows]
    middle = statistics.median(seconds)
    n_images = rows[0]["n_train"] * rows[0]["epochs"]
    steady = _median([row["n_train"] / statistics.median(row["epoch_seconds"]) for row in rows])
    # Elsewhere a child is only a fork that becomes another program at once.
    child = max(row["peak_child_mb"] for row in rows) if name == PLAIN else 0
    cells = (
        name,
        f"{len(rows)}",
        f"{middle:.1f} ({min(seconds):.1f} to {max(seconds):.1f})",
        f"{middle / ours:.2f}" if ours else "-",
        f"{n_images / middle:.1f}",
        f"{steady:.1f}",
        f"{_median([row['import_seconds'] for row in rows]):.1f}",
        _or_dash([row["first_step_seconds"] for row in rows]),
        f"{_median([row['command_seconds'] for row in rows]):.1f}",
        f"{_median([row['peak_mb'] for row in rows]):.0f}"
        + (f" (a loading worker {child:.0f})" if child else ""),
        f"{rows[0]['n_parameters']:,}",
        _auc(rows),
    )
    return "| " + " | ".join(cells) + " |"


def _against(theirs: Sequence[Row] | None, ours: Sequence[Row], floor: float | None) -> str:
    """Return the ratio of the medians, its range over the turns, and whether it is enough."""
    if not theirs:
        return "not measured"
    ratio = _seconds(theirs) / _seconds(ours)
    by_turn = {row["turn"]: row["seconds"] for row in ours}
    ratios = [
        row["seconds"] / by_turn[row["turn"]] for row in theirs if row["turn"] in by_turn
    ] or [ratio]
    said = f"{ratio:.2f} times ({min(ratios):.2f} to {max(ratios):.2f})"
    if floor is None:
        return said
    return f"{said}, {'reaches' if ratio >= floor else '**below**'} {floor:g}"


def _seconds(rows: Sequence[Row]) -> float:
    return statistics.median(row["seconds"] for row in rows) if rows else 0.0


def _auc(rows: Sequence[Row]) -> str:
    areas = [row["test_auc"] for row in rows if row["test_auc"] is not None]
    return f"{statistics.median(areas):.4f}" if areas else "-"


def _median(values: Sequence[float]) -> float:
    return statistics.median(values)


def _or_dash(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{statistics.median(known):.1f}" if known else "-"
