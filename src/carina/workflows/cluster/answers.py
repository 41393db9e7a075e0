"""Answers on films, by several workers."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from carina.data.answer_rows import AnswerRow
from carina.errors import ClassifierError
from carina.imaging.decoding import start_decoding
from carina.inference.bundle import load_classifier
from carina.inference.classifier import Classifier
from carina.workflows.cluster.mapping import Workers, mapped
from carina.workflows.film_answers import ANSWERED_AT_ONCE, answered
from carina.workflows.film_files import FilmFile


@dataclass(frozen=True, slots=True)
class _Opening:
    """How a worker opens the classifier.

    Attributes:
        folder: of the classifier or run, absolute.
        digest: of the classifier that the command opened.
        runtime, precision: what it chose.
        threads: of one worker.
    """

    folder: Path
    digest: str
    runtime: str
    precision: str
    threads: int

    def __call__(self) -> Callable[[Sequence[FilmFile]], list[AnswerRow]]:
        """Return what answers some films, in the process that calls this."""
        start_decoding()
        classifier = load_classifier(
            self.folder, runtime=self.runtime, precision=self.precision, threads=self.threads
        )
        if classifier.digest != self.digest:
            raise ClassifierError(
                f"the classifier in {self.folder} on a worker's machine is another one than here; "
                "let it lie in a folder that all machines share"
            )

        def answer(films: Sequence[FilmFile]) -> list[AnswerRow]:
            return [row for rows in answered(classifier, films) for row in rows]

        return answer


def answered_by_workers(
    path: str | Path,
    classifier: Classifier,
    films: Sequence[FilmFile],
    *,
    precision: str,
    workers: Workers,
) -> Generator[list[AnswerRow], None, None]:
    """Yield the answers on films in order, as `film_answers.answered` does for one process.

    Each worker has a network and a decoding process of its own; films come together in the
    network as they do in one process, so that their answers are the same numbers.

    Args:
        path: folder of the classifier or run; the workers open it there.
        classifier: the same, opened.
        films: the files; the workers read them there.
        precision: as it was asked for.
        workers: how many, and where.
    """
    opening = _Opening(
        Path(path).absolute(),
        classifier.digest,
        classifier.runtime.name,
        precision,
        workers.threads,
    )
    batches = [
        tuple(films[at : at + ANSWERED_AT_ONCE]) for at in range(0, len(films), ANSWERED_AT_ONCE)
    ]
    yield from mapped(opening, batches, workers)
