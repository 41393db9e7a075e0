"""The films of a request's body, held in memory only."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from carina.files.names import one_line, printable
from carina.web.problems import ProblemError

FIELD = "file"
FORM = "multipart/form-data"
RAW_TYPES = (
    "application/dicom",
    "image/png",
    "image/jpeg",
    "image/tiff",
    "image/bmp",
    "image/x-ms-bmp",
)
"""The content types of a body that is one film; what it is, its bytes say."""
_LONGEST_TYPE = 120
_MOST_PARTS = 1000


@dataclass(frozen=True, slots=True)
class UploadedFilm:
    """One file that was sent.

    Attributes:
        name: its name without folders, as `files.names.printable` makes it, for the answer.
        content: its bytes.
    """

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """What the films of one request may be.

    Attributes:
        film_bytes: the most that one may have.
        films: how many there may be.
    """

    film_bytes: int = 64_000_000
    films: int = 64


async def read_films(
    request: Request, limits: UploadLimits, *, came: Callable[[int], None]
) -> tuple[UploadedFilm, ...]:
    """Return the films of a request, in order: the files in the field `file`, or the body.

    Args:
        request: its body was not read.
        limits: of its films.
        came: told of the bytes of every chunk; what it raises ends the reading.

    Raises:
        ProblemError: if the body is of another type, is damaged, is over a limit, or holds
            no film.
    """
    media_type, options = parse_options_header(request.headers.get("content-type", ""))
    said = media_type.decode("latin-1")
    async with aclosing(_told(request.stream(), came)) as stream:
        if said == FORM:
            return await _films_of_form(stream, options, limits)
        if said in RAW_TYPES:
            content = b"".join([chunk async for chunk in _up_to(stream, limits, name="the film")])
            return (UploadedFilm("film", content),)
    raise ProblemError(
        "media-type",
        f"films come as {FORM} in the field '{FIELD}', or one film as {', '.join(RAW_TYPES[:-1])}; "
        f"not {_shown_type(said)}; for instance: "
        f"curl -F {FIELD}=@film.jpg",
    )


def shown_name(name: str | None) -> str:
    """Return a name that a client gave, without folders and harmless wherever it is shown.

    >>> shown_name("../../ward 3/film.jpg")
    'film.jpg'
    """
    last = (name or "").replace("\\", "/").rstrip("/").rpartition("/")[2]
    shown = printable(last.strip())
    return shown if shown.strip(".") else "film"


def _shown_type(said: str) -> str:
    """Return a content type that a client gave as a sentence's part.

    >>> _shown_type("text/plain"), _shown_type("")
    ("as 'text/plain'", 'without a content type')
    """
    return f"as '{one_line(said)[:_LONGEST_TYPE]}'" if said else "without a content type"


async def _films_of_form(
    stream: AsyncIterator[bytes], options: Mapping[bytes, bytes], limits: UploadLimits
) -> tuple[UploadedFilm, ...]:
    boundary = options.get(b"boundary", b"")
    if not boundary:
        raise _damaged("its content type names no boundary")
    form = _Form(limits)
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": form.begin_part,
                "on_header_field": form.add_header_name,
                "on_header_value": form.add_header_value,
                "on_header_end": form.end_header,
                "on_headers_finished": form.end_headers,
                "on_part_data": form.add_data,
                "on_part_end": form.end_part,
                "on_end": form.end,
            },
        )
        async for chunk in stream:
            parser.write(chunk)
    except FormParserError as error:
        raise _damaged("it is no multipart form") from error
    if not form.whole:
        raise _damaged("it ends too early")
    if not form.films:
        if FIELD in form.other_fields:
            raise ProblemError(
                "missing-file",
                f"the field '{FIELD}' came as text, not as a file; with curl write an @ before the "
                f"file's name: curl -F {FIELD}=@film.jpg",
            )
        found = ", ".join(f"'{shown_name(name)}'" for name in form.other_fields) or "nothing"
        raise ProblemError(
            "missing-file",
            f"no file came in the field '{FIELD}' (found: {found}); for instance: "
            f"curl -F {FIELD}=@film.jpg",
        )
    return tuple(form.films)


@dataclass(slots=True)
class _Part:
    """A part of the form while it comes.

    Attributes:
        disposition: the header that names its field and file.
        name: the name of its field.
        filename: the file's, or None if it is no file.
        data: its bytes so far; of a film alone.
    """

    disposition: bytes = b""
    name: str = ""
    filename: str | None = None
    data: bytearray = field(default_factory=bytearray)


class _Form:
    """What the parser calls as a form comes.

    Attributes:
        films: the files in the field of films.
        other_fields: the names of what else came.
        whole: True once the end of the form was read.
    """

    def __init__(self, limits: UploadLimits) -> None:
        self.films: list[UploadedFilm] = []
        self.other_fields: list[str] = []
        self.whole = False
        self._limits = limits
        self._part = _Part()
        self._n_parts = 0
        self._header_name = b""
        self._header_value = b""

    def begin_part(self) -> None:
        self._part = _Part()
        self._n_parts += 1
        if self._n_parts > _MOST_PARTS:
            raise _damaged(f"it has more than {_MOST_PARTS} parts")

    def add_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def add_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def end_header(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            self._part.disposition = self._header_value
        self._header_name = self._header_value = b""

    def end_headers(self) -> None:
        _, options = parse_options_header(self._part.disposition)
        if b"name" not in options:
            raise _damaged("a part has no name")
        self._part.name = _decoded(options[b"name"])
        if b"filename" in options:
            self._part.filename = _decoded(options[b"filename"])
            if self._is_film and len(self.films) == self._limits.films:
                raise ProblemError(
                    "too-many-films",
                    f"more than {self._limits.films} films came, and that is the most of one "
                    "request; send them in several",
                )

    def add_data(self, data: bytes, start: int, end: int) -> None:
        part = self._part
        if self._is_film:
            n_bytes = len(part.data) + end - start
            _require_film_size(n_bytes, self._limits, name=shown_name(part.filename))
            part.data += data[start:end]

    def end_part(self) -> None:
        if self._is_film:
            self.films.append(UploadedFilm(shown_name(self._part.filename), bytes(self._part.data)))
        else:
            self.other_fields.append(self._part.name)
        self._part = _Part()

    def end(self) -> None:
        self.whole = True

    @property
    def _is_film(self) -> bool:
        return self._part.filename is not None and self._part.name == FIELD


async def _told(
    stream: AsyncGenerator[bytes, None], came: Callable[[int], None]
) -> AsyncGenerator[bytes, None]:
    """Yield a stream's chunks, and tell of each."""
    async with aclosing(stream):
        async for chunk in stream:
            came(len(chunk))
            yield chunk


async def _up_to(
    stream: AsyncIterator[bytes], limits: UploadLimits, *, name: str
) -> AsyncIterator[bytes]:
    """Yield a stream's chunks, unless they are more than a film may have."""
    n_bytes = 0
    async for chunk in stream:
        n_bytes += len(chunk)
        _require_film_size(n_bytes, limits, name=name)
        yield chunk


def _require_film_size(n_bytes: int, limits: UploadLimits, *, name: str) -> None:
    if n_bytes > limits.film_bytes:
        raise ProblemError(
            "film-too-large",
            f"{name} has more than {limits.film_bytes / 1e6:g} MB, and that is the most for one "
            "film; send it smaller, or raise CARINA_MAX_FILM_MB where the server is started",
        )


def _damaged(why: str) -> ProblemError:
    return ProblemError("form", f"the form cannot be read: {why}")


def _decoded(name: bytes) -> str:
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError:
        return name.decode("latin-1")
