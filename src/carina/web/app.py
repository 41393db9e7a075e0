"""The application: endpoints, pages, limits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from carina.domain.prediction import CAVEAT
from carina.inference.classifier import Classifier
from carina.settings import Settings
from carina.version import VERSION
from carina.web import api, pages
from carina.web.limits import BodyLimit, Shield
from carina.web.problems import handle_problems
from carina.web.schemas import Problem

_STATIC = Path(__file__).with_name("static")


def create_app(classifier: Classifier, settings: Settings) -> FastAPI:
    """Return the application that answers for films with a classifier.

    It keeps no film and no file's name, on disk or in a log.

    Args:
        classifier: what answers.
        settings: `max_upload_bytes` bounds the body of a request.
    """
    app = _application()
    app.state.classifier = classifier
    app.state.max_upload_bytes = settings.max_upload_bytes
    app.add_middleware(BodyLimit, max_bytes=settings.max_upload_bytes)
    app.add_middleware(Shield)
    return app


def api_description() -> dict[str, Any]:
    """Return the OpenAPI description of the REST answers; no classifier is needed."""
    return _application().openapi()


class _Application(FastAPI):
    """FastAPI, whose description gives problem documents their own media type."""

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI description, made once."""
        if self.openapi_schema is None:
            description = super().openapi()
            for methods in description["paths"].values():
                for operation in methods.values():
                    for status, response in operation["responses"].items():
                        if int(status) >= 400:
                            content = response["content"]
                            content["application/problem+json"] = content.pop("application/json")
        return super().openapi()


def _application() -> FastAPI:
    app = _Application(
        title="Carina",
        version=VERSION,
        description=f"Answers of a chest X-ray classifier. {CAVEAT}",
        docs_url=None,
        redoc_url=None,
        responses={500: {"model": Problem, "description": "A bug in the server."}},
    )
    app.include_router(api.router)
    app.add_route("/", pages.film_page, include_in_schema=False)
    app.add_route("/docs", pages.docs_page, include_in_schema=False)
    app.mount("/static", StaticFiles(directory=_STATIC))
    handle_problems(app)
    return app
