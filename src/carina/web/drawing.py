"""Films that are answered with pictures: few at once, since whole films are held meanwhile."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from carina.inference.classifier import Classifier
from carina.web.films import AnsweredFilm, answered_films, prepared_radiograph, radiograph_of
from carina.web.pace import Pace, Timed
from carina.web.pictures import AskedPictures, answer_pictures
from carina.web.priority import step_back
from carina.web.uploads import UploadedFilm

_AT_ONCE = 2

DrawnFilm = tuple[AnsweredFilm, dict[str, Any]]


class Drawing:
    """Reads, answers and draws films in turn, on threads of its own.

    Its films count in the same pace as those that are only answered, and are timed alike.
    """

    def __init__(self, *, pace: Pace, timed: Timed) -> None:
        """Make it.

        Args:
            pace: told of every film.
            timed: told how long things took.
        """
        self._pace = pace
        self._timed = timed
        self._threads = ThreadPoolExecutor(
            _AT_ONCE, thread_name_prefix="carina-draw", initializer=step_back
        )

    def submit(
        self, classifier: Classifier, film: UploadedFilm, asked: AskedPictures
    ) -> Future[DrawnFilm]:
        """Queue a film; cancelling what is returned drops it while it waits."""
        self._pace.one_came()
        drawn = self._threads.submit(self._drawn, classifier, film, asked, time.monotonic())
        drawn.add_done_callback(self._one_left)
        return drawn

    def close(self) -> None:
        """Finish what is here and end the threads."""
        self._threads.shutdown()

    def _one_left(self, _drawn: Future[DrawnFilm]) -> None:
        self._pace.one_left()

    def _drawn(
        self, classifier: Classifier, film: UploadedFilm, asked: AskedPictures, came: float
    ) -> DrawnFilm:
        """Return a film's answer and its pictures; the film itself is let go of."""
        started = time.monotonic()
        radiograph = radiograph_of(film)
        prepared = prepared_radiograph(classifier, radiograph, film.name)
        read = time.monotonic()
        (answered,) = answered_films(classifier, [prepared])
        computed = time.monotonic()
        predicted = answered.prediction.predicted
        pictures = answer_pictures(classifier, radiograph, predicted=predicted, asked=asked)
        self._timed.queued(started - came)
        self._timed.read(read - started)
        self._timed.computed(computed - read, 1)
        self._timed.drawn(time.monotonic() - computed)
        self._pace.answered(1, came=came)
        return answered, pictures
