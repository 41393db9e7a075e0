"""Errors as problem documents (RFC 9457): never a 5xx for a client's mistake, never a trace."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from carina.web.schemas import FilmError, Problem

# RFC 9110's phrases; Python 3.11 and 3.12 know the older ones.
_PHRASES = {413: "Content Too Large", 422: "Unprocessable Content"}
_CODES = {400: "bad-request", 404: "not-found", 405: "method-not-allowed"}


class ProblemError(Exception):
    """An answer that is an error.

    Attributes:
        status: the HTTP status, 400 to 599.
        code: stable name of the error.
        detail: a sentence for the reader.
        errors: each file's own error, where several were sent.
    """

    def __init__(
        self, status: int, code: str, detail: str, *, errors: tuple[FilmError, ...] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors


def problem_response(
    problem: ProblemError, *, headers: Mapping[str, str] | None = None
) -> Response:
    """Return the response that carries a problem document."""
    document = Problem(
        title=_PHRASES.get(problem.status) or HTTPStatus(problem.status).phrase,
        status=problem.status,
        detail=problem.detail,
        code=problem.code,
        errors=problem.errors,
    )
    return Response(
        document.model_dump_json(exclude_none=True),
        status_code=problem.status,
        media_type="application/problem+json",
        headers=dict(headers or {}),
    )


def handle_problems(app: FastAPI) -> None:
    """Make an application answer errors with problem documents."""
    app.add_exception_handler(ProblemError, _raised)
    app.add_exception_handler(HTTPException, _from_starlette)
    app.add_exception_handler(RequestValidationError, _from_validation)
    app.add_exception_handler(ClientDisconnect, _client_left)


async def _raised(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)
    return problem_response(error)


async def _from_starlette(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = error.status_code
    details = {
        404: "there is nothing here; /docs lists what there is",
        405: f"{request.method} is not what this address answers; /docs lists what is",
    }
    problem = ProblemError(
        status, _CODES.get(status, "refused"), details.get(status, str(error.detail))
    )
    return problem_response(problem, headers=error.headers)


async def _from_validation(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    wrong = [f"{fault['loc'][-1]}: {fault['msg']}" for fault in error.errors()]
    return problem_response(ProblemError(422, "parameter", "; ".join(wrong)))


async def _client_left(_request: Request, _error: Exception) -> Response:
    """Nobody reads this answer; it ends the request without a trace in the log."""
    return problem_response(ProblemError(400, "half-upload", "the upload ended too early"))
