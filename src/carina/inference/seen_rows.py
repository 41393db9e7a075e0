"""`seen.csv`: what identifies the films that made a classifier."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping

from carina.errors import ClassifierError

SEEN_COLUMNS = ("sha256", "pixel_digest", "perceptual_hash", "patient")
_DIGITS = frozenset("0123456789abcdef")
_LONGEST = 64


def seen_rows(data: bytes) -> tuple[Mapping[str, str], ...]:
    """Return the rows of a classifier's `seen.csv`, each with `SEEN_COLUMNS`.

    Args:
        data: the file's bytes; empty for a classifier without one.

    Raises:
        ClassifierError: if they are no table of hex digests in these columns.

    >>> seen_rows(b"sha256,pixel_digest,perceptual_hash,patient\\n0a,0b,0c,\\n")[0]["sha256"]
    '0a'
    """
    if not data:
        return ()
    try:
        header, *rows = csv.reader(io.StringIO(data.decode("utf-8"), newline=""), strict=True)
    except (ValueError, csv.Error) as problem:  # ValueError: not even a header, or no UTF-8
        raise _damaged(str(problem)) from problem
    if tuple(header) != SEEN_COLUMNS:
        raise _damaged(f"its columns are not {', '.join(SEEN_COLUMNS)}")
    for place, cells in enumerate(rows, start=2):
        if len(cells) != len(header) or not all(map(_is_digest, cells)):
            raise _damaged(f"row {place} does not hold {len(header)} hex digests")
    return tuple(dict(zip(SEEN_COLUMNS, cells, strict=True)) for cells in rows)


def _is_digest(cell: str) -> bool:
    return len(cell) <= _LONGEST and _DIGITS.issuperset(cell)


def _damaged(problem: str) -> ClassifierError:
    return ClassifierError(
        f"seen.csv is no list of training films ({problem}); take an unchanged copy of the "
        "classifier's folder"
    )
