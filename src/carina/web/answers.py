"""What a request with films is answered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import TypeVar

from starlette.requests import Request

from carina.domain.prediction import CAVEAT
from carina.inference.classifier import Classifier
from carina.web.films import AnsweredFilm, UnreadableFilmError
from carina.web.problems import ProblemError
from carina.web.schemas import (
    ClassifierName,
    FilmAnswer,
    FilmError,
    Predictions,
    RuntimeFacts,
    SignatureFacts,
)
from carina.web.service import Outcome

T = TypeVar("T")


def predictions_of(classifier: Classifier, outcomes: Sequence[Outcome]) -> Predictions:
    """Return the answers on some films.

    Raises:
        ProblemError: with the first film's code, if none could be read.
    """
    errors = tuple(
        FilmError(name=outcome.name, code=outcome.code, detail=str(outcome))
        for outcome in outcomes
        if isinstance(outcome, UnreadableFilmError)
    )
    if len(errors) == len(outcomes):
        first = errors[0]
        raise ProblemError(first.code, first.detail, errors=errors if len(errors) > 1 else None)
    return Predictions(
        classifier=named(classifier),
        runtime=runtime_of(classifier),
        caveat=CAVEAT,
        answered_by=classifier.card.answered_by,
        cautions=classifier.card.cautions,
        predictions=tuple(
            _answer(outcome[0], outcome[1])
            for outcome in outcomes
            if not isinstance(outcome, UnreadableFilmError)
        ),
        errors=errors,
    )


def digests_of(outcomes: Sequence[Outcome]) -> list[str]:
    """Return the sha256 of every film."""
    return [
        outcome.sha256 if isinstance(outcome, UnreadableFilmError) else outcome[0].film.sha256
        for outcome in outcomes
    ]


def named(classifier: Classifier) -> ClassifierName:
    """Return which classifier it is."""
    return ClassifierName(name=classifier.card.name, digest=classifier.digest)


def runtime_of(classifier: Classifier) -> RuntimeFacts:
    """Return what computes its answers."""
    return RuntimeFacts(**classifier.runtime.as_values())


def signature_of(classifier: Classifier) -> SignatureFacts | None:
    """Return who signed it, or None if nobody did."""
    found = classifier.signature
    if not found.is_signed:
        return None
    return SignatureFacts(
        fingerprint=found.fingerprint,
        trusted_as=found.trusted_as,
        checked=found.was_checked,
        in_words=found.in_words,
    )


async def unless_the_client_leaves(request: Request, work: Awaitable[T]) -> T:
    """Return what the work comes to; it is cancelled if the client leaves before.

    Args:
        request: its body was read whole.
        work: a coroutine.

    Raises:
        ProblemError: "client-left".
    """
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ProblemError("client-left", "the client left before its answer")
        return working.result()
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _answer(film: AnsweredFilm, pictures: dict[str, object]) -> FilmAnswer:
    prediction = film.prediction
    return FilmAnswer.model_validate(
        {
            "name": film.film.name,
            "sha256": film.film.sha256,
            "decision": prediction.decision,
            "predicted": prediction.predicted,
            "abstained": prediction.abstained,
            "reason": prediction.reason,
            "reason_code": prediction.reason_code,
            "probabilities": prediction.probabilities,
            "cautions": prediction.cautions,
            "film": film.film.file,
            **pictures,
        }
    )
