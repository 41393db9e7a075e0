"""What answers: the classifier, its queue, and how much it takes on."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from carina.inference.classifier import Classifier
from carina.settings import Settings
from carina.web.drawing import Drawing
from carina.web.film_queue import FilmQueue
from carina.web.films import (
    AnsweredFilm,
    PreparedFilm,
    UnreadableFilmError,
    answered_films,
    prepared_film,
)
from carina.web.metrics import Metrics
from carina.web.pace import Pace
from carina.web.pictures import AskedPictures
from carina.web.places import Place, Places
from carina.web.problems import ProblemError
from carina.web.uploads import UploadedFilm, UploadLimits

READERS = 2
# Small networks answer two to four films at once in half the time for each, and gain nothing
# from more; large ones gain nothing at all, and a film would wait for a larger batch to end.
BATCH = 4
# Films of one request that are in the queue at once: a large request lets others in between.
_AT_ONCE = 8
# The bodies that are held at once, as a multiple of the largest.
_BODIES = 4

Outcome = tuple[AnsweredFilm, dict[str, Any]] | UnreadableFilmError


class Service:
    """A classifier with what it takes to answer many requests; made for one event loop.

    Attributes:
        classifier: what answers requests that begin now.
        metrics: the counts.
        limits: of the films of a request.
        deadline_s: from the last byte of a request to its answer.
        stopping: True once no more films are taken.
        last_reload: what became of the last look at the classifier's folder: "none",
            "taken", "unchanged", "refused".
    """

    def __init__(self, classifier: Classifier, settings: Settings) -> None:
        """Make it; `settings` hold the limits."""
        service = settings.service
        self.classifier = classifier
        self.limits = UploadLimits(
            film_bytes=min(service.max_film_bytes, settings.max_upload_bytes),
            films=service.max_films,
        )
        self.deadline_s = service.deadline_s
        self.stopping = False
        self.last_reload = "none"
        self._pace = Pace()
        self.metrics = Metrics(classifier, n_films=lambda: self._pace.n_films)
        self._queue: FilmQueue[Classifier, UploadedFilm, PreparedFilm, AnsweredFilm] = FilmQueue(
            prepared_film,
            answered_films,
            timed=self.metrics,
            pace=self._pace,
            readers=READERS,
            batch=BATCH,
        )
        self._drawing = Drawing(pace=self._pace, timed=self.metrics)
        self._max_upload_bytes = settings.max_upload_bytes
        self._places = Places(service.queue, max_bytes=_BODIES * settings.max_upload_bytes)

    @property
    def n_requests(self) -> int:
        """The requests with films that were taken on and are not answered yet."""
        return len(self._places)

    def refusal(self, n_bytes: int | None) -> ProblemError | None:
        """Return why a request with films cannot be taken on now, or None if it can.

        Args:
            n_bytes: of its body, as it says; None if it does not.
        """
        if self.stopping:
            return self._not_now("stopping", "the server is being stopped and takes no more films")
        if not self._places.has_room_for(self._max_upload_bytes if n_bytes is None else n_bytes):
            return self._busy()
        return None

    @contextmanager
    def taken_on(self, n_bytes: int | None) -> Iterator[Place]:
        """Hold a place for a request with films while it is read and answered.

        Args:
            n_bytes: of its body, as it says; None if it does not.

        Raises:
            ProblemError: "busy" or "stopping", if there is no place.
        """
        problem = self.refusal(n_bytes)
        if problem is not None:
            raise problem
        with self._places.taken() as place:
            yield place

    def came(self, place: Place, n_bytes: int) -> None:
        """Note bytes of a request's body.

        Raises:
            ProblemError: "busy", if they do not fit beside the other bodies that are here.
        """
        if not self._places.came(place, n_bytes):
            raise self._busy()

    def is_whole(self, place: Place) -> None:
        """Note that all of a request's body has come."""
        self._places.is_whole(place)

    async def outcomes(
        self, classifier: Classifier, films: Sequence[UploadedFilm], asked: AskedPictures
    ) -> list[Outcome]:
        """Return what became of each film, in order; cancelled, it drops what still waits.

        Args:
            classifier: what answers.
            films: as they came.
            asked: the pictures that the answers shall bring.

        Raises:
            ProblemError: "deadline", if it takes too long.
        """
        at_once = 1 if _wants_pictures(asked) else _AT_ONCE
        waiting: deque[asyncio.Future[Any]] = deque()
        found: list[Outcome] = []
        try:
            async with asyncio.timeout(self.deadline_s):
                for film in films:
                    if len(waiting) == at_once:
                        found.append(await self._outcome(waiting.popleft()))
                    waiting.append(self._begun(classifier, film, asked))
                while waiting:
                    found.append(await self._outcome(waiting.popleft()))
        except TimeoutError:
            raise self._not_now(
                "deadline", f"the answer was not ready after {self.deadline_s:g} s"
            ) from None
        finally:
            for answer in waiting:
                if not answer.cancel() and not answer.cancelled():
                    answer.exception()  # or asyncio would log it, with the film's name
        return found

    def take_up(self, classifier: Classifier) -> None:
        """Answer with another classifier from now on; what has begun ends as it began."""
        self.classifier = classifier
        self.metrics.answer_with(classifier)

    def close(self) -> None:
        """Finish what is here and end the threads."""
        self._queue.close()
        self._drawing.close()

    def _begun(
        self, classifier: Classifier, film: UploadedFilm, asked: AskedPictures
    ) -> asyncio.Future[Any]:
        if _wants_pictures(asked):
            return asyncio.wrap_future(self._drawing.submit(classifier, film, asked))
        return asyncio.wrap_future(self._queue.submit(classifier, film))

    async def _outcome(self, answer: asyncio.Future[Any]) -> Outcome:
        try:
            found = await answer
        except UnreadableFilmError as error:
            self.metrics.film_unreadable(error.code)
            return error
        film, pictures = found if isinstance(found, tuple) else (found, {})
        self.metrics.film_answered(film)
        return film, pictures

    def _busy(self) -> ProblemError:
        n = self.n_requests
        return self._not_now("busy", f"{n} requests are being answered or wait, and no more fit")

    def _not_now(self, code: str, why: str) -> ProblemError:
        seconds = min(max(1, math.ceil(self._pace.seconds_to_empty)), math.ceil(self.deadline_s))
        return ProblemError(
            code,
            f"{why}; send it again in {seconds} s",
            headers={"Retry-After": str(seconds)},
        )


def _wants_pictures(asked: AskedPictures) -> bool:
    return asked.explain or asked.drawn != "none"
