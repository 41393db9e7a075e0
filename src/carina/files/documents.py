"""Documents (`domain.document`) as JSON files."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from carina.domain.document import Document
from carina.errors import InputError
from carina.files.atomic import write_text
from carina.files.names import encodable
from carina.files.plain_json import parse_json
from carina.files.whole_files import read_whole

D = TypeVar("D", bound=Document)

_MOST_BYTES = 256_000_000
"""Of a document; the audit of 100,000 films has 40 MB at worst."""


def write_document(path: Path, document: Document) -> None:
    """Write a document as indented JSON, whole or not at all.

    Raises:
        StorageError: if there is no room or no permission.
    """
    write_text(path, document_text(document))


def document_text(document: Document) -> str:
    """Return what a document's file holds: indented JSON.

    Bytes of a file's name that are no UTF-8 are written out (`names.encodable`).
    """
    try:
        text = document.model_dump_json(indent=1)
    except PydanticSerializationError:
        # Python's values: of JSON's, pydantic puts other signs in the place of such bytes.
        values = _in_utf8(document.model_dump())
        text = json.dumps(values, indent=1, ensure_ascii=False)
    return text + "\n"


def read_document(path: Path, kind: type[D], *, error: type[InputError]) -> D:
    """Return the document of type `kind` that `path` holds.

    Raises:
        InputError: of class `error`, if the file is missing, is not JSON, has unknown or
            wrong fields, or was written in a newer format than this Carina knows.
    """
    data = read_whole(path, most_bytes=_MOST_BYTES, error=error)
    return document_of(data, kind, path=path, error=error)


def document_of(data: bytes, kind: type[D], *, path: Path, error: type[InputError]) -> D:
    """Return the document of type `kind` in the bytes of a file.

    Args:
        data: the bytes.
        kind: what they should hold.
        path: where they were read, for messages.
        error: the class of what is raised.

    Raises:
        InputError: of class `error`, as `read_document` does.
    """
    values = parse_json(data, name=str(path), error=error)
    version = values.get("format_version") if isinstance(values, dict) else None
    newest = kind.newest_format_version
    if isinstance(version, int) and version > newest:
        writer = str(values.get("carina_version", "a newer version"))[:40]
        raise error(
            f"{path} has format version {str(version)[:20]}, written by Carina {writer}; this "
            f"Carina reads versions up to {newest}: update it (pip install -U carina)"
        )
    try:
        return kind.model_validate_json(data)
    except ValidationError as problem:
        first = problem.errors()[0]
        place = ".".join(str(part)[:60] for part in first["loc"][:8])
        raise error(
            f"{path} is not a valid {kind.__name__.lower()} file: {place}: {first['msg'][:400]} "
            f"({problem.error_count()} problems in all)"
        ) from problem


def _in_utf8(value: Any) -> Any:
    """Return plain values whose texts, and names of values, can be written as UTF-8."""
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, dict):
        return {encodable(str(name)): _in_utf8(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_in_utf8(one) for one in value]
    is_number = not isinstance(value, float) or math.isfinite(value)
    return value if is_number else None  # as pydantic writes it
