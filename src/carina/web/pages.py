"""What the browser shows: the upload page and the list of endpoints."""

from __future__ import annotations

from typing import Any

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from carina.web.api import summary

_templates = jinja2.Environment(
    loader=jinja2.PackageLoader("carina.web"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


async def film_page(request: Request) -> Response:
    """Return the page that a film is dropped on."""
    state = request.app.state
    return HTMLResponse(
        _templates.get_template("film.html.j2").render(
            model=summary(state.classifier), max_upload_bytes=state.max_upload_bytes
        )
    )


async def docs_page(request: Request) -> Response:
    """Return the list of endpoints, made from the OpenAPI description.

    FastAPI's own page loads its scripts from another host, which an offline hospital
    network cannot reach.
    """
    description: dict[str, Any] = request.app.openapi()
    return HTMLResponse(
        _templates.get_template("docs.html.j2").render(
            operations=_operations(description),
            schemas=description["components"]["schemas"],
            model=summary(request.app.state.classifier),
        )
    )


def _operations(description: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the endpoints with their method, path, text, parameters and answers."""
    return [
        {
            "method": method.upper(),
            "path": path,
            "text": operation.get("description", ""),
            "parameters": operation.get("parameters", []),
            "body": operation.get("requestBody"),
            "responses": operation["responses"],
        }
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    ]
