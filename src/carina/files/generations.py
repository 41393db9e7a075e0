"""A file in generations: the newest that is whole is read, an older one stands behind it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from carina.errors import InputError
from carina.files.atomic import storage_errors, write_bytes
from carina.files.digests import sha256_bytes

_DIGITS = 8
Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class Generation:
    """One state of the file, with the facts that stand beside it.

    Attributes:
        number: from 1; a later one is newer.
        content: the bytes, as they were written.
        facts: what was kept with them.
    """

    number: int
    content: bytes
    facts: Mapping[str, Any]


class Generations:
    """The states of a file that is written again and again: `NAME-00000012.ENDING`.

    Beside each lies a `.json` with its facts and the sha256 of both. It is written last, so that a
    state without one is no state; content and name are flushed to disk before an older one goes.
    """

    def __init__(self, folder: Path, name: str, *, ending: str, kept: int = 2) -> None:
        """Look at what is there; nothing is made before something is written.

        Args:
            folder: where the states lie.
            name: of the file, without its number.
            ending: of the file, without the dot.
            kept: how many whole states stay.
        """
        self._folder = folder
        self._name = name
        self._ending = ending
        self._kept = kept
        self._damaged: set[int] = set()

    @property
    def any(self) -> bool:
        """Whether a state was written to its end."""
        return bool(self._finished())

    def newest(self, taken: Callable[[Generation], Read]) -> tuple[Read | None, tuple[str, ...]]:
        """Return what `taken` makes of the newest state that is whole, or None without one.

        Args:
            taken: a state -> what it means; it raises `InputError` for one that it cannot use.

        Returns:
            What was made, and a sentence on each newer state that is damaged.
        """
        passed_over: list[str] = []
        for number in reversed(self._finished()):
            try:
                return taken(self._read(number)), tuple(passed_over)
            except (OSError, ValueError, RecursionError, InputError) as problem:
                self._damaged.add(number)
                file = self._content_file(number).name
                passed_over.append(f"{file} is damaged and was passed over: {problem}")
        return None, tuple(passed_over)

    def write(self, content: bytes, facts: Mapping[str, Any]) -> None:
        """Keep a new state, and let go of all but the last whole ones.

        Raises:
            StorageError: if there is no room or no permission; what was there stays.
        """
        number = (self._numbers() or [0])[-1] + 1
        write_bytes(self._content_file(number), content)
        digests = {"sha256": sha256_bytes(content), "facts_sha256": _digest_of_facts(facts)}
        beside = {**digests, "facts": facts}
        write_bytes(self._facts_file(number), json.dumps(beside).encode())
        kept = [whole for whole in self._finished() if whole not in self._damaged][-self._kept :]
        for old in self._numbers():
            if old not in kept:
                self._remove(old)

    def remove(self) -> None:
        """Let go of every state.

        Raises:
            StorageError: if that is not permitted.
        """
        for number in self._numbers():
            self._remove(number)

    def _read(self, number: int) -> Generation:
        beside = json.loads(self._facts_file(number).read_bytes())
        if not isinstance(beside, dict) or not isinstance(beside.get("facts"), dict):
            raise ValueError("its facts are not those of a state")
        if _digest_of_facts(beside["facts"]) != beside.get("facts_sha256"):
            raise ValueError("its facts are not what was written")
        content = self._content_file(number).read_bytes()
        if sha256_bytes(content) != beside.get("sha256"):
            raise ValueError("its content is not what was written")
        return Generation(number, content, beside["facts"])

    def _finished(self) -> list[int]:
        """Return the numbers of the states that were written to their end, in order."""
        return [number for number in self._numbers() if self._facts_file(number).is_file()]

    def _numbers(self) -> list[int]:
        """Return the numbers of all states that have a file, in order."""
        found = set()
        with suppress(FileNotFoundError, NotADirectoryError):
            for file in self._folder.iterdir():
                name, _, number = file.stem.rpartition("-")
                if name == self._name and len(number) == _DIGITS and number.isascii():
                    with suppress(ValueError):
                        found.add(int(number))
        return sorted(found)

    def _remove(self, number: int) -> None:
        # The facts first: content without them is no state.
        for file in (self._facts_file(number), self._content_file(number)):
            with storage_errors(file):
                file.unlink(missing_ok=True)

    def _content_file(self, number: int) -> Path:
        return self._folder / f"{self._name}-{number:0{_DIGITS}}.{self._ending}"

    def _facts_file(self, number: int) -> Path:
        return self._folder / f"{self._name}-{number:0{_DIGITS}}.json"


def _digest_of_facts(facts: Mapping[str, Any]) -> str:
    """Return the hex sha256 of facts, the same before they were written and once they are read."""
    return sha256_bytes(json.dumps(facts).encode())
