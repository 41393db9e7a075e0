"""Every code of an error answer: its status, and what it means."""

from __future__ import annotations

from dataclasses import dataclass

from carina.domain.film_codes import FILM_CODES


@dataclass(frozen=True, slots=True)
class ProblemCode:
    """A kind of error.

    Attributes:
        status: the HTTP status.
        title: the kind in a few words.
        advice: what can be done, as a sentence.
    """

    status: int
    title: str
    advice: str


PROBLEM_CODES: dict[str, ProblemCode] = {
    "form": ProblemCode(
        400,
        "The form cannot be read",
        "The multipart body is damaged or ends too early: send it again, with a client that "
        "writes the form itself.",
    ),
    "half-upload": ProblemCode(
        400, "The upload ended too early", "The connection was lost: send it again."
    ),
    "token": ProblemCode(
        401,
        "The token is missing or wrong",
        "Send the header `Authorization: Bearer TOKEN` with the token of the server.",
    ),
    "not-found": ProblemCode(404, "There is nothing here", "`/docs` lists what there is."),
    "method-not-allowed": ProblemCode(
        405, "This address answers another method", "The header `Allow` names it."
    ),
    "slow-upload": ProblemCode(
        408,
        "The upload was too slow",
        "The server waits for the next bytes for a few seconds (CARINA_UPLOAD_IDLE_S), for all of "
        "them for two minutes (CARINA_UPLOAD_S), and does not take a trickle: send it over a "
        "better connection, or fewer films at once.",
    ),
    "too-large": ProblemCode(
        413,
        "The body is over the limit",
        "Send fewer films at once, or raise CARINA_MAX_UPLOAD_MB where the server is started.",
    ),
    "film-too-large": ProblemCode(
        413,
        "A film is over the limit",
        "Send it smaller, or raise CARINA_MAX_FILM_MB where the server is started.",
    ),
    "too-many-films": ProblemCode(
        413,
        "There are more films than one request may bring",
        "Send them in several requests, or raise CARINA_MAX_FILMS where the server is started.",
    ),
    "media-type": ProblemCode(
        415,
        "The content type is none that is read",
        "Send `multipart/form-data`, or one film's bytes as `application/dicom`, `image/png`, "
        "`image/jpeg`, `image/tiff` or `image/bmp`.",
    ),
    "host": ProblemCode(
        421,
        "The server does not answer under this name",
        "Use its address, or name it with --allowed-host or CARINA_ALLOWED_HOSTS where the "
        "server is started.",
    ),
    "missing-file": ProblemCode(
        422, "No film came", "Put the films into the field `file` of the form."
    ),
    "parameter": ProblemCode(
        422, "A parameter cannot be used", "The sentence names it; `/docs` lists what it takes."
    ),
    "unknown-class": ProblemCode(
        422, "The classifier has no such class", "`GET /v1/model` lists its classes."
    ),
    "unknown-method": ProblemCode(
        422,
        "There is no such explanation method",
        "`GET /v1/model` lists those of each class.",
    ),
    **{
        f"image/{code}": ProblemCode(422, kind.title, kind.advice)
        for code, kind in FILM_CODES.items()
    },
    "refused": ProblemCode(400, "The request was refused", "See what the sentence says."),
    "client-left": ProblemCode(
        499,
        "The client left before its answer",
        "Nobody reads this answer; it is counted in `/metrics`.",
    ),
    "internal": ProblemCode(
        500, "The server failed on this request", "This is a bug: the server's log says where."
    ),
    "busy": ProblemCode(
        503,
        "The queue is full",
        "Send it again after the seconds that the header `Retry-After` names.",
    ),
    "deadline": ProblemCode(
        503,
        "The answer was not ready in time",
        "Send it again after the seconds that the header `Retry-After` names, with fewer films, "
        "or raise CARINA_DEADLINE_S where the server is started.",
    ),
    "stopping": ProblemCode(
        503,
        "The server is being stopped",
        "Send it again after the seconds that the header `Retry-After` names.",
    ),
}
"""Code -> what it means; the list is a promise to clients, and grows only."""
