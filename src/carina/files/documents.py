"""Documents (`domain.document`) as JSON files."""

import json
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from carina.domain.document import Document
from carina.errors import InputError
from carina.files.atomic import write_text

D = TypeVar("D", bound=Document)


def write_document(path: Path, document: Document) -> None:
    """Write a document as indented JSON, whole or not at all.

    Raises:
        StorageError: if there is no room or no permission.
    """
    write_text(path, document.model_dump_json(indent=1) + "\n")


def read_document(path: Path, kind: type[D], *, error: type[InputError]) -> D:
    """Return the document of type `kind` that `path` holds.

    Raises:
        InputError: of class `error`, if the file is missing, is not JSON, has unknown or
            wrong fields, or was written in a newer format than this Carina knows.
    """
    try:
        text = path.read_text(encoding="utf-8")
        values = json.loads(text)
    except FileNotFoundError:
        raise error(f"{path} does not exist; is {path.parent} the right folder?") from None
    except (OSError, ValueError) as problem:
        raise error(f"{path} cannot be read as JSON: {problem}") from problem
    version = values.get("format_version") if isinstance(values, dict) else None
    newest = kind.newest_format_version
    if isinstance(version, int) and version > newest:
        writer = values.get("carina_version", "a newer Carina")
        raise error(
            f"{path} has format version {version}, written by Carina {writer}; this Carina "
            f"reads versions up to {newest}: update it (pip install -U carina)"
        )
    try:
        return kind.model_validate_json(text)
    except ValidationError as problem:
        first = problem.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise error(
            f"{path} is not a valid {kind.__name__.lower()} file: {place}: {first['msg']} "
            f"({problem.error_count()} problems in all)"
        ) from problem
