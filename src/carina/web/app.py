"""The application: endpoints, pages, limits."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from carina.domain.prediction import CAVEAT
from carina.inference.classifier import Classifier
from carina.settings import Settings
from carina.version import VERSION
from carina.web import api, pages
from carina.web.access import HostCheck, TokenCheck
from carina.web.limits import BodyLimit, PlaceCheck
from carina.web.problems import handle_problems
from carina.web.schemas import Problem
from carina.web.service import Service
from carina.web.shield import Shield, Watch
from carina.web.static_files import WholeFiles

_STATIC = Path(__file__).with_name("static")


def create_app(
    classifier: Classifier,
    settings: Settings,
    *,
    token: str = "",
    names: Collection[str] | None = None,
    place: Path | str | None = None,
) -> FastAPI:
    """Return the application that answers for films with a classifier.

    It keeps no film and no file's name, on disk or in a log.

    Args:
        classifier: what answers.
        settings: the limits.
        token: what requests for answers must bring; none if "".
        names: the host names that it answers under (`access.own_names`); all if None, for
            what checks them in front of it.
        place: the run or folder that the classifier was loaded from, for the tests that were
            made with it elsewhere; None if that is not known.
    """
    app = _application()
    service = Service(classifier, settings)
    app.state.service = service
    app.state.place = place
    app.state.max_upload_bytes = settings.max_upload_bytes
    app.state.asks_for_token = bool(token)
    # The last added stands outermost.
    app.add_middleware(PlaceCheck, refusal=service.refusal)
    app.add_middleware(
        BodyLimit,
        max_bytes=settings.max_upload_bytes,
        idle_s=settings.service.upload_idle_s,
        whole_s=settings.service.upload_s,
    )
    if token:
        app.add_middleware(TokenCheck, token=token)
    if names is not None:
        app.add_middleware(HostCheck, names=names)
    app.add_middleware(Shield, stopping=lambda: service.stopping)
    app.add_middleware(Watch, metrics=service.metrics)
    return app


def take_up(app: FastAPI, classifier: Classifier) -> None:
    """Answer with another classifier from now on; requests that have begun end as they began."""
    app.state.service.take_up(classifier)


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
                        if int(status) >= 400 and _is_problem(response):
                            content = response["content"]
                            content["application/problem+json"] = content.pop("application/json")
        return super().openapi()


def _is_problem(response: dict[str, Any]) -> bool:
    schema = response["content"].get("application/json", {}).get("schema", {})
    return str(schema.get("$ref", "")).endswith("/Problem")


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
    app.mount("/static", WholeFiles(directory=_STATIC))
    handle_problems(app)
    return app
