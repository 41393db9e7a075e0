"""A noun that is also a file."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from carina.version import VERSION


class Plain(BaseModel):
    """A frozen group of plain values that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Document(Plain):
    """A frozen file with a format version.

    Attributes:
        format_version: the version of this file's format; a newer one than
            `newest_format_version` is refused by the reader.
        carina_version: the version of Carina that wrote the file.
    """

    newest_format_version: ClassVar[int] = 1

    format_version: int = Field(default=1, ge=1, strict=True)
    carina_version: str = VERSION
