"""Errors as problem documents (RFC 9457): never a 5xx for a client's mistake, never a trace."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from carina.web.problem_codes import PROBLEM_CODES
from carina.web.schemas import FilmError, Problem

CODE_IN_SCOPE = "carina.problem"
"""Where a request's scope holds the code of its problem, for the metrics."""
_CODES = {404: "not-found", 405: "method-not-allowed"}


class ProblemError(Exception):
    """An answer that is an error.

    Attributes:
        code: one of `PROBLEM_CODES`; it gives the status.
        detail: a sentence for the reader.
        errors: each file's own error, where several were sent.
        headers: of the answer.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        errors: tuple[FilmError, ...] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.errors = errors
        self.headers = dict(headers or {})

    @property
    def status(self) -> int:
        """The HTTP status."""
        return PROBLEM_CODES[self.code].status


class ProblemResponse(Response):
    """The response that carries a problem document."""

    media_type = "application/problem+json"

    def __init__(self, problem: ProblemError, *, status: int | None = None) -> None:
        self.code = problem.code
        document = Problem(
            type=f"/docs#{problem.code}",
            title=PROBLEM_CODES[problem.code].title,
            status=status or problem.status,
            detail=problem.detail,
            code=problem.code,
            errors=problem.errors,
        )
        super().__init__(
            document.model_dump_json(exclude_none=True),
            status_code=document.status,
            headers=problem.headers,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, and leave the code for the metrics."""
        scope[CODE_IN_SCOPE] = self.code
        await super().__call__(scope, receive, send)


def handle_problems(app: FastAPI) -> None:
    """Make an application answer errors with problem documents."""
    app.add_exception_handler(ProblemError, _raised)
    app.add_exception_handler(HTTPException, _from_starlette)
    app.add_exception_handler(RequestValidationError, _from_validation)
    app.add_exception_handler(ClientDisconnect, _client_left)


async def _raised(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)
    return ProblemResponse(error)


async def _from_starlette(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = error.status_code
    details = {
        404: "there is nothing here; /docs lists what there is",
        405: f"{request.method} is not what this address answers; /docs lists what is",
    }
    problem = ProblemError(
        _CODES.get(status, "refused"),
        details.get(status, str(error.detail)),
        headers=error.headers,
    )
    return ProblemResponse(problem, status=status)


async def _from_validation(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    wrong = [f"{fault['loc'][-1]}: {fault['msg']}" for fault in error.errors()]
    return ProblemResponse(ProblemError("parameter", "; ".join(wrong)))


async def _client_left(_request: Request, _error: Exception) -> Response:
    """Nobody reads this answer; it ends the request without a trace in the log."""
    return ProblemResponse(ProblemError("half-upload", "the upload ended too early"))
