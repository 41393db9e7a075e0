"""Journals: files of one JSON document on each line that several processes append to."""

from __future__ import annotations

import json
import os
from pathlib import Path

from carina.errors import RunError
from carina.files.atomic import storage_errors

_CHUNK = 65_536


def cut_back_to_whole_lines(path: Path) -> int:
    """Cut off a last line without an end, which a killed process left, and return its bytes.

    Only for who holds the journal's lock: nobody else is then writing that line.

    Args:
        path: the journal; one that is not there is whole.

    Raises:
        StorageError: if it cannot be shortened.
    """
    if not path.exists():
        return 0
    with storage_errors(path), path.open("rb+") as stream:
        size = stream.seek(0, os.SEEK_END)
        end = size
        while end:
            begin = max(0, end - _CHUNK)
            stream.seek(begin)
            found = stream.read(end - begin).rfind(b"\n")
            if found >= 0:
                end = begin + found + 1
                break
            end = begin
        if end < size:
            stream.truncate(end)
            os.fsync(stream.fileno())
    return size - end


def require_whole_journal(path: Path) -> None:
    """Cut off what is no line of a journal at its end, and refuse damage before that.

    A power cut leaves a last line without an end, or one of zeros.

    Args:
        path: the journal; the caller holds its lock.

    Raises:
        RunError: if a line is damaged that whole ones follow.
        StorageError: if it cannot be read or shortened.
    """
    if not path.exists():
        return
    damaged: tuple[int, int] | None = None
    with storage_errors(path), path.open("rb+") as stream:
        begin = 0
        for number, line in enumerate(stream, start=1):
            if not (line.endswith(b"\n") and _is_document(line)):
                damaged = damaged or (number, begin)
            elif damaged is not None:
                raise RunError(
                    f"line {damaged[0]} of {path} is damaged, and whole lines follow it: it was "
                    "changed by something else than Carina; take back a copy of it, or begin the "
                    "search anew with another --out"
                )
            begin += len(line)
        if damaged is not None:
            stream.truncate(damaged[1])
            os.fsync(stream.fileno())


def _is_document(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False
