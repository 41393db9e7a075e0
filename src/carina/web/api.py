"""The REST answers: films in, answers out, and what stands on the classifier."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from carina.domain.prediction import CAVEAT
from carina.errors import UnknownNameError
from carina.inference.classifier import Classifier
from carina.inference.explain import EXPLAINERS
from carina.registry import unknown_name_sentence
from carina.version import VERSION
from carina.web.answers import (
    digests_of,
    named,
    predictions_of,
    runtime_of,
    signature_of,
    unless_the_client_leaves,
)
from carina.web.limits import FILMS_PATH, said_length
from carina.web.metrics import CONTENT_TYPE
from carina.web.pictures import AskedPictures, FilmPicture
from carina.web.problems import ProblemError
from carina.web.schemas import (
    Health,
    ModelSummary,
    OperatingPoint,
    Predictions,
    Problem,
    Readiness,
)
from carina.web.service import Service
from carina.web.shield import FILMS_IN_SCOPE
from carina.web.tests_elsewhere import tests_elsewhere
from carina.web.uploads import FIELD, FORM, RAW_TYPES, read_films

router = APIRouter()

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            FORM: {
                "schema": {
                    "type": "object",
                    "required": [FIELD],
                    "properties": {
                        FIELD: {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                            "description": "One film or several: PNG, JPEG, TIFF, BMP, DICOM.",
                        }
                    },
                }
            },
            **{
                media_type: {"schema": {"type": "string", "format": "binary"}}
                for media_type in RAW_TYPES
            },
        },
    }
}
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": description}
    for status, description in (
        (400, "The form is damaged or was cut short."),
        (401, "The token is missing or wrong."),
        (408, "The upload was too slow."),
        (413, "The body or a film is over the limit."),
        (415, "The body is of a type that is not read."),
        (422, "No film, none that can be read, or an unknown class or parameter."),
        (503, "The queue is full, the time is over, or the server is being stopped."),
    )
}
_TOKEN: dict[int | str, dict[str, Any]] = {401: _PROBLEMS[401]}


@router.post(
    FILMS_PATH,
    operation_id="predict",
    openapi_extra=_BODY,
    response_model=Predictions,
    responses=_PROBLEMS,
    response_description="The answers.",
)
async def predict(
    request: Request,
    *,
    explain: Annotated[bool, Query(description="Add the film and its heat map.")] = False,
    label: Annotated[
        str | None,
        Query(alias="class", description="The class to explain; the predicted one if absent."),
    ] = None,
    method: Annotated[
        str | None,
        Query(
            description="The explanation method; `/v1/model` lists those of each class, the usual "
            "one first, which is taken if this is absent."
        ),
    ] = None,
    film: Annotated[
        FilmPicture | None,
        Query(
            description="How the film itself is drawn: `png` (8 bit; beside a heat map the "
            "default), `levels` (16 bit and a thumbnail), `thumbnail`, or `none`."
        ),
    ] = None,
) -> Response:
    """Answer for one film or several.

    Files that cannot be read are listed in `errors` as long as one can; if none can, the
    answer is a problem document with the first one's code.
    """
    service: Service = request.app.state.service
    classifier = service.classifier  # also for the films that are still read once it changed
    if label is not None:
        label = _class_named(classifier, label)
    if method is not None and method not in EXPLAINERS.names():
        sentence = unknown_name_sentence("method", method, EXPLAINERS.names())
        raise ProblemError("unknown-method", sentence)
    asked = AskedPictures(explain=explain, label=label, method=method, film=film)
    request.scope[FILMS_IN_SCOPE] = ()
    with service.taken_on(said_length(request.headers)) as place:
        films = await read_films(
            request, service.limits, came=lambda n_bytes: service.came(place, n_bytes)
        )
        service.is_whole(place)
        outcomes = await unless_the_client_leaves(
            request, service.outcomes(classifier, films, asked)
        )
    request.scope[FILMS_IN_SCOPE] = digests_of(outcomes)
    answer = predictions_of(classifier, outcomes)
    return Response(answer.model_dump_json(), media_type="application/json")


@router.get("/v1/model", operation_id="model", responses=_TOKEN, response_description="The card.")
def model(request: Request) -> ModelSummary:
    """Return what stands on the classifier's card."""
    state = request.app.state
    return summary(state.service.classifier, external_tests=tests_elsewhere(state.place))


@router.get("/livez", operation_id="livez", response_description="Alive.")
async def livez() -> Health:
    """Say that the server runs."""
    return Health(status="alive")


@router.get(
    "/readyz",
    operation_id="readyz",
    response_model=Readiness,
    responses={503: {"model": Readiness, "description": "Being stopped: takes no more films."}},
    response_description="Ready.",
)
async def readyz(request: Request) -> Response:
    """Say whether films are taken; the server listens only once the classifier has answered."""
    service: Service = request.app.state.service
    answer = Readiness(
        status="stopping" if service.stopping else "ready",
        classifier=named(service.classifier),
        reload=service.last_reload,
    )
    return Response(
        answer.model_dump_json(),
        status_code=503 if service.stopping else 200,
        media_type="application/json",
    )


@router.get(
    "/metrics",
    operation_id="metrics",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
        **_TOKEN,
    },
    response_description="Counts for Prometheus.",
)
async def metrics(request: Request) -> Response:
    """Return counts and durations as Prometheus reads them: no film, no name."""
    service: Service = request.app.state.service
    return Response(service.metrics.text(), media_type=CONTENT_TYPE)


def summary(classifier: Classifier, *, external_tests: tuple[str, ...] = ()) -> ModelSummary:
    """Return what stands on a classifier's card, and beside it what tests elsewhere said."""
    card = classifier.card
    thresholds = card.thresholds
    point = None
    if thresholds.positive is not None and thresholds.threshold is not None:
        label = card.labels.names[thresholds.positive]
        point = OperatingPoint(label=label, threshold=thresholds.threshold)
    return ModelSummary(
        classifier=named(classifier),
        runtime=runtime_of(classifier),
        caveat=CAVEAT,
        labels=card.labels.names,
        explained=tuple(name for name in card.labels.names if name in card.explanations),
        explained_by={name: card.explained_by(name) for name in card.labels.names},
        explanation_scores=card.explanation_scores,
        operating_point=point,
        input_height=card.input.height,
        input_width=card.input.width,
        architecture=card.provenance.architecture,
        recipe=card.provenance.recipe,
        sources=card.provenance.sources,
        n_train=card.provenance.n_train,
        licences=card.provenance.licences,
        answered_by=card.answered_by,
        tested_on=card.tested_on,
        external_tests=external_tests,
        cautions=card.cautions,
        signature=signature_of(classifier),
        version=VERSION,
    )


def _class_named(classifier: Classifier, label: str) -> str:
    try:
        return classifier.class_named(label)
    except UnknownNameError as error:
        raise ProblemError("unknown-class", str(error)) from error
