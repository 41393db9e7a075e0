"""What the browser shows: the upload page and the list of endpoints."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from carina.domain.explanation_scores import SCORE_TITLES
from carina.domain.sentences import capitalised, sentence
from carina.inference.explain import EXPLAINERS
from carina.web.api import summary
from carina.web.problem_codes import PROBLEM_CODES
from carina.web.schemas import ModelSummary
from carina.web.tests_elsewhere import tests_elsewhere

_templates = jinja2.Environment(
    loader=jinja2.PackageLoader("carina.web"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _sentence(text: str) -> str:
    """Return a text as a sentence, with its capital and its full stop."""
    return capitalised(sentence(text))


_templates.filters["sentence"] = _sentence


def film_page(request: Request) -> Response:
    """Return the page that films are dropped on."""
    state = request.app.state
    model = summary(state.service.classifier, external_tests=tests_elsewhere(state.place))
    usual = dict.fromkeys(name for works in model.explained_by.values() for name in works)
    methods = {name: EXPLAINERS.get(name).title for name in usual}
    return HTMLResponse(
        _templates.get_template("film.html.j2").render(
            model=model,
            methods=methods,
            facts=json.dumps(_facts_for_the_script(model, methods)),
            max_film_bytes=state.service.limits.film_bytes,
        )
    )


def _facts_for_the_script(model: ModelSummary, methods: Mapping[str, str]) -> dict[str, Any]:
    """Return what the page's script must know of the classifier before the first answer."""
    point, scores = model.operating_point, model.explanation_scores
    return {
        "digest": model.classifier.digest,
        "labels": model.labels,
        "operatingPoint": None if point is None else point.model_dump(),
        "explainedBy": model.explained_by,
        "methods": methods,
        "scores": None if scores is None else scores.model_dump(mode="json"),
        "scoreTitles": SCORE_TITLES,
        "cautions": [_sentence(caution) for caution in model.cautions],
        # Of the page's own films; the words for programs are not for readers.
        "advice": {
            code: kind.advice for code, kind in PROBLEM_CODES.items() if code.startswith("image/")
        },
    }


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
            problem_codes=PROBLEM_CODES,
            model=summary(request.app.state.service.classifier),
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
