"""The films of a multipart body, held in memory only."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass

from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from carina.web.problems import ProblemError

FIELD = "file"
MAX_FILES = 64
_LONGEST_NAME = 120


@dataclass(frozen=True, slots=True)
class UploadedFilm:
    """One file that was sent.

    Attributes:
        name: its name without folders and control characters, for the answer.
        content: its bytes.
    """

    name: str
    content: bytes


class _InMemory(MultiPartParser):
    """Starlette's parser, which else writes what is over 1 MB to a temporary file.

    Attributes:
        whole: True once the end of the form was read.
    """

    spool_max_size = 0  # 0: never; the body's limit bounds the memory
    whole = False

    def on_end(self) -> None:
        """Note that the form ended."""
        self.whole = True

    def close(self) -> None:
        """Let go of every file, also of one that was cut short."""
        for file in self._files_to_close_on_error:
            file.close()


async def read_films(request: Request) -> tuple[UploadedFilm, ...]:
    """Return the files in the field `file` of a request, in order.

    Raises:
        ProblemError: if the body is no multipart form, is damaged, holds too many files,
            or none in that field.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "multipart/form-data":
        raise ProblemError(
            415,
            "media-type",
            f"films come as multipart/form-data in the field '{FIELD}', not as "
            f"'{media_type or 'nothing'}'; for instance: curl -F {FIELD}=@film.jpg",
        )
    async with aclosing(request.stream()) as stream:
        parser = _InMemory(request.headers, stream, max_files=MAX_FILES, max_fields=MAX_FILES)
        try:
            form = await parser.parse()
            if not parser.whole:
                raise MultiPartException("it ends too early")
            return await _films(form)
        except MultiPartException as error:
            raise ProblemError(400, "form", f"the form cannot be read: {error.message}") from error
        finally:
            parser.close()


async def _films(form: FormData) -> tuple[UploadedFilm, ...]:
    sent = [part for part in form.getlist(FIELD) if isinstance(part, UploadFile)]
    if not sent:
        found = ", ".join(f"'{shown_name(name)}'" for name in form) or "nothing"
        raise ProblemError(
            422,
            "missing-file",
            f"no file came in the field '{FIELD}' (found: {found}); for instance: "
            f"curl -F {FIELD}=@film.jpg",
        )
    return tuple([UploadedFilm(shown_name(part.filename), await part.read()) for part in sent])


def shown_name(name: str | None) -> str:
    """Return a name that a client gave, without folders and control characters.

    >>> shown_name("../../ward 3/film.jpg")
    'film.jpg'
    """
    last = (name or "").replace("\\", "/").rstrip("/").rpartition("/")[2]
    printable = "".join(character for character in last if character.isprintable()).strip()
    return printable[:_LONGEST_NAME] if printable.strip(".") else "film"
