"""What a file of measured coverage says, by metric and method."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

LOWEST, HIGHEST = 0.93, 0.97
# expected counts below which intervals may cover more than the target
FEW = 20
Group = tuple[int, int, float, int]


@dataclass(frozen=True, slots=True)
class Cell:
    """One metric by one method in one setting.

    Attributes:
        metric, method: their names.
        group: films, films a patient, share of the class, classes: what areas are averaged in.
        area: the setting's.
        coverage: share of the intervals that held the true value.
        below, above: share of those where the true value was below, or above.
        width: mean.
        few: whether the expected count of the rarer outcome is below 20.
        studies: how many.
    """

    metric: str
    method: str
    group: Group
    area: float
    coverage: float
    below: float
    above: float
    width: float
    few: bool
    studies: int


def read_lines(path: Path) -> list[dict]:
    """Return the lines of a file that a run appends to; the last may be cut off."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]


def read_cells(path: Path) -> list[Cell]:
    """Return the cells of a file, batches added up."""
    batches: dict[tuple, list[dict]] = defaultdict(list)
    for line in read_lines(path):
        batches[line["metric"], line["method"], line["setting"]].append(line)
    cells = []
    for (metric, method, _), lines in batches.items():
        n = sum(line["studies"] for line in lines)
        if not n:
            continue
        first = lines[0]
        below, above, width = (
            sum(line[key] for line in lines) / n for key in ("truth_below", "truth_above", "width")
        )
        counts = [line["few"] for line in lines if line["few"] is not None]
        cells.append(
            Cell(
                metric=metric,
                method=method,
                group=(first["n"], first["films_a_patient"], first["share"], first["classes"]),
                area=first["area"],
                coverage=1 - below - above,
                below=below,
                above=above,
                width=width,
                few=bool(counts) and float(np.mean(counts)) < FEW,
                studies=n,
            )
        )
    return cells


def table(cells: Iterable[Cell]) -> str:
    """Return a table in Markdown: one row a metric and method.

    Its columns: the mean over all settings; the mean over independent films and over four films
    a patient, for each number of films; the lowest mean over the areas of a setting, and the
    highest of those whose counts are 20 or more; the lowest single setting, and where it is.
    """
    rows: dict[tuple[str, str], list[Cell]] = defaultdict(list)
    for cell in cells:
        rows[cell.metric, cell.method].append(cell)
    sizes = sorted({cell.group[:2] for found in rows.values() for cell in found})
    heads = ["metric", "method", "mean", *(f"{n}, {films} each" for n, films in sizes)]
    heads += ["lowest mean", "highest mean", "minimum", "where", "width"]
    lines = [_row(heads), _row(["---"] * len(heads))]
    lines += [_row(_cells(*key, rows[key], sizes)) for key in sorted(rows)]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _cells(metric: str, method: str, found: list[Cell], sizes: list[tuple[int, int]]) -> list[str]:
    groups: dict[Group, list[Cell]] = defaultdict(list)
    for cell in found:
        groups[cell.group].append(cell)
    means = {group: float(np.mean([one.coverage for one in own])) for group, own in groups.items()}
    counted = [mean for group, mean in means.items() if not any(one.few for one in groups[group])]
    worst = min(found, key=lambda cell: cell.coverage)
    n, films, share, classes = worst.group
    where = f"n {n}, {films} each, {100 * share:.0f} %, {classes} classes, area {worst.area}"
    by_size = [[mean for group, mean in means.items() if group[:2] == size] for size in sizes]
    return [
        metric,
        method,
        _percent(float(np.mean([cell.coverage for cell in found]))),
        *(_percent(float(np.mean(own))) if own else "" for own in by_size),
        _flagged(min(means.values()), min(means.values()) < LOWEST),
        _flagged(max(counted), max(counted) > HIGHEST) if counted else "",
        _percent(worst.coverage),
        where,
        f"{np.mean([cell.width for cell in found]):.3f}",
    ]


def _flagged(share: float, is_out: bool) -> str:
    """Return a percentage, bold where it is outside of the target."""
    return f"**{_percent(share)}**" if is_out else _percent(share)
