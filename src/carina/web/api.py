"""The REST answers: films in, answers out, and what stands on the classifier."""

from __future__ import annotations

import base64
from functools import partial
from typing import Annotated, Any

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Query, Request

from carina.domain.prediction import CAVEAT
from carina.errors import ImageError
from carina.imaging.pictures import film_png, heat_png
from carina.imaging.read import read_radiograph_bytes
from carina.inference.classifier import Classifier
from carina.registry import unknown_name_sentence
from carina.version import VERSION
from carina.web.problems import ProblemError
from carina.web.schemas import (
    ClassifierName,
    FilmAnswer,
    FilmError,
    FilmFile,
    Health,
    ModelSummary,
    Predictions,
    Problem,
)
from carina.web.uploads import FIELD, MAX_FILES, UploadedFilm, read_films

_PICTURE_SIDE = 1280  # fills the page's viewer on a wide screen
# One film at a time: ONNX Runtime spreads one film over all cores, and memory stays bounded.
_at_work = CapacityLimiter(1)

router = APIRouter()

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [FIELD],
                    "properties": {
                        FIELD: {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                            "maxItems": MAX_FILES,
                            "description": "One film or several: PNG, JPEG, TIFF, BMP, DICOM.",
                        }
                    },
                }
            }
        },
    }
}
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": description}
    for status, description in (
        (400, "The form is damaged or was cut short."),
        (413, "The body is over the limit."),
        (415, "The body is no multipart form."),
        (422, "No file, none that can be read, or an unknown class."),
    )
}


@router.post(
    "/v1/predict",
    operation_id="predict",
    openapi_extra=_BODY,
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
) -> Predictions:
    """Answer for one film or several.

    Files that cannot be read are listed in `errors` as long as one can; if none can, the
    answer is a problem document with the first one's code.
    """
    classifier: Classifier = request.app.state.classifier
    if label is not None and label not in classifier.labels.names:
        sentence = unknown_name_sentence("class", label, classifier.labels.names)
        raise ProblemError(422, "unknown-class", sentence)
    answers: list[FilmAnswer] = []
    errors: list[FilmError] = []
    for film in await read_films(request):
        work = partial(_answer, classifier, film, explain=explain, label=label)
        try:
            answers.append(await to_thread.run_sync(work, limiter=_at_work))
        except ImageError as error:
            code = f"image/{error.image_code}"
            errors.append(FilmError(name=film.name, code=code, detail=str(error)))
    if not answers:
        first = errors[0]
        listed = tuple(errors) if len(errors) > 1 else None
        raise ProblemError(422, first.code, first.detail, errors=listed)
    return Predictions(
        classifier=_name(classifier),
        caveat=CAVEAT,
        answered_by=classifier.card.answered_by,
        cautions=classifier.card.cautions,
        predictions=tuple(answers),
        errors=tuple(errors),
    )


@router.get("/v1/model", operation_id="model", response_description="The card.")
async def model(request: Request) -> ModelSummary:
    """Return what stands on the classifier's card."""
    return summary(request.app.state.classifier)


@router.get("/livez", operation_id="livez", response_description="Alive.")
async def livez() -> Health:
    """Say that the server runs."""
    return Health(status="alive")


@router.get("/readyz", operation_id="readyz", response_description="Ready.")
async def readyz() -> Health:
    """Say that the classifier is loaded: the server listens only once it is."""
    return Health(status="ready")


def summary(classifier: Classifier) -> ModelSummary:
    """Return what stands on a classifier's card."""
    card = classifier.card
    return ModelSummary(
        classifier=_name(classifier),
        caveat=CAVEAT,
        labels=card.labels.names,
        explained=tuple(name for name in card.labels.names if name in card.explanations),
        input_height=card.input.height,
        input_width=card.input.width,
        architecture=card.provenance.architecture,
        recipe=card.provenance.recipe,
        sources=card.provenance.sources,
        n_train=card.provenance.n_train,
        licences=card.provenance.licences,
        answered_by=card.answered_by,
        tested_on=card.tested_on,
        cautions=card.cautions,
        version=VERSION,
    )


def _name(classifier: Classifier) -> ClassifierName:
    return ClassifierName(name=classifier.card.name, digest=classifier.digest)


def _answer(
    classifier: Classifier, film: UploadedFilm, *, explain: bool, label: str | None
) -> FilmAnswer:
    """Return one film's answer; runs in a worker thread, so that the event loop stays free."""
    radiograph = read_radiograph_bytes(film.content, name=film.name)
    prediction = classifier.predict(radiograph)
    answer = FilmAnswer(
        name=film.name,
        sha256=prediction.sha256,
        decision=prediction.decision,
        predicted=prediction.predicted,
        abstained=prediction.abstained,
        reason=prediction.reason,
        probabilities=prediction.probabilities,
        cautions=prediction.cautions,
        film=FilmFile(
            file_format=radiograph.file_format,
            width=radiograph.width,
            height=radiograph.height,
            bits=radiograph.bits,
            view=radiograph.view,
        ),
    )
    if not explain:
        return answer
    explained = label or prediction.predicted
    pictures = {
        "explained": explained,
        "film_png": _base64(film_png(radiograph, longer_side=_PICTURE_SIDE)),
    }
    if explained not in classifier.card.explanations:
        pictures["heat_map_note"] = f"this classifier has no heat map for {explained}"
        return answer.model_copy(update=pictures)
    heat = classifier.explain(radiograph, explained).heat
    if not heat.any():
        pictures["heat_map_note"] = f"nothing on this film speaks for {explained}"
        return answer.model_copy(update=pictures)
    pictures["heat_map_png"] = _base64(heat_png(heat, longer_side=_PICTURE_SIDE))
    return answer.model_copy(update=pictures)


def _base64(picture: bytes) -> str:
    return base64.b64encode(picture).decode("ascii")
