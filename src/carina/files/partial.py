"""A file that is still coming: the bytes so far, and which file they belong to."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from carina.files.atomic import storage_errors, write_text


@dataclass(frozen=True, slots=True)
class KnownFile:
    """What a server said of the file that a part belongs to.

    Attributes:
        validator: its strong ETag, or else its Last-Modified; asked for as `If-Range`.
        total: its size in bytes; 0 if the server did not say.
    """

    validator: str
    total: int


@dataclass(frozen=True, slots=True)
class Partial:
    """The part of a file that came already, beside the file's own place.

    Attributes:
        target: where the whole file shall lie.
        url: where it comes from; a part from elsewhere is no part of it.
    """

    target: Path
    url: str

    @property
    def file(self) -> Path:
        """Where the bytes are."""
        return self.target.with_name(f"{self.target.name}.part")

    @property
    def note(self) -> Path:
        """Where it is written which file they belong to."""
        return self.target.with_name(f"{self.target.name}.part.json")

    @property
    def n_bytes(self) -> int:
        """How many bytes came; 0 if none did."""
        return self.file.stat().st_size if self.file.exists() else 0

    def known(self) -> KnownFile | None:
        """Return which file the part belongs to, or None where nothing can be added to it."""
        try:
            values = json.loads(self.note.read_text(encoding="utf-8"))
            known = KnownFile(str(values["validator"]), int(values["total"]))
            is_same = values["url"] == self.url
        except (OSError, ValueError, KeyError, TypeError):
            return None  # absent, or cut off by a crash: the part is begun anew
        return known if is_same and known.validator else None

    def begin(self, *, validator: str, total: int, start: int) -> None:
        """Write which file comes now, and drop what came of another one.

        Args:
            validator: as in `KnownFile`; "" if the server gave none.
            total: size in bytes, or 0.
            start: how many of the bytes that are there belong to it.

        Raises:
            StorageError: if there is no room or no permission.
        """
        if start == 0:
            self.forget()
        values = {"url": self.url, "validator": validator, "total": total}
        write_text(self.note, json.dumps(values) + "\n")

    def forget(self) -> None:
        """Remove the part and its note.

        Raises:
            StorageError: if that is not permitted.
        """
        with storage_errors(self.target):
            self.note.unlink(missing_ok=True)
            self.file.unlink(missing_ok=True)
