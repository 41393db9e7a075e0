"""Films in, answers out."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from carina.data.answer_rows import AnswerRow
from carina.data.answer_table import AnswerTable, open_answer_table
from carina.data.folders import other_files_in_words
from carina.domain.prediction import Prediction
from carina.domain.progress import Progress, Step
from carina.domain.sentences import counted
from carina.errors import ImageError, InputError, UsageError
from carina.files.digests import sha256_bytes
from carina.files.film_bytes import read_film_bytes
from carina.files.names import one_line
from carina.files.room import require_room
from carina.imaging.decoding import start_decoding
from carina.inference.bundle import load_classifier
from carina.inference.classifier import Classifier
from carina.inference.runtime_choice import AUTO
from carina.settings import Settings
from carina.workflows.answer_files import AnswerFiles, WantedFiles
from carina.workflows.cluster.mapping import Workers
from carina.workflows.film_answers import answered
from carina.workflows.film_files import (
    FilmFile,
    FoundFilms,
    find_films,
    own_folders,
    state_of,
)
from carina.workflows.predictions import AnswersInFile, Predictions
from carina.workflows.progress_bar import default_progress
from carina.workflows.sharing import require_workers

__all__ = ["Predictions", "predict", "predict_stream"]

_ROW_BYTES = 1000


def predict(
    classifier: str | Path,
    paths: str | Path | Sequence[str | Path],
    *,
    explain: str | Path | None = None,
    csv: str | Path | None = None,
    label: str | None = None,
    method: str | None = None,
    fhir: str | Path | None = None,
    dicom: str | Path | None = None,
    with_patient: bool = False,
    runtime: str = AUTO,
    precision: str = "f32",
    workers: int = 1,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> Predictions:
    """Return the answers of a classifier on files and folders of films.

    With `csv` the answers are written as they come and not held, so that there may be any
    number of films. If that file is there already, the call goes on where it stopped: a film
    that stands in it as it is now is not answered again, and one that changed gets a further
    row. A file with anything else in it is refused and left as it is.

    Args:
        classifier: a classifier's folder, or a run.
        paths: films, and folders that are searched for films; `-` is standard input.
        explain: folder for heat maps, one PNG for each film; none are made if None.
        csv: file for the answers as a table.
        label: the class whose evidence the heat maps show; the predicted one if None.
        method: the explanation method of the heat maps; the class's usual one if None.
        fhir: folder for a FHIR DiagnosticReport (JSON) for each film; none are made if None.
        dicom: folder for DICOM answers, a Secondary Capture of the heat map and a structured
            report for each film that came as DICOM (extra `dicom`); none are made if None.
        with_patient: whether these name the patient, as the film does; no other output does.
        runtime: what computes: a registered runtime, or "auto".
        precision: "f32", or "bf16" where the classifier's card offers it.
        workers: how many processes answer (extra `cluster`), on this machine or in the Ray that
            `settings.cluster` names.
        settings: where the workers run; from the environment if None.
        progress: called as the work goes on.

    Raises:
        ClassifierError: if the classifier is damaged, or cannot explain by that method.
        InputError: if a path does not exist or nothing can be read.
        StorageError: if the outputs cannot be written; the rows so far stay.
        UnknownNameError: if there is no such class, method, runtime or precision.
        UsageError: if `csv` holds something else, or another process writes to it, or heat maps
            or DICOM answers would be written into a folder that is searched.
    """
    progress = progress or default_progress()
    start_decoding()  # it takes as long as the network, and beside it
    wanted = WantedFiles.of(
        explain=explain, label=label, method=method, fhir=fhir, dicom=dicom,
        with_patient=with_patient,
    )  # fmt: skip
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    by = _workers_asked(workers, given, wanted, settings)
    wanted.require_other_folders(given, what="searched for films")
    found = find_films(given, own=(*own_folders(classifier), *wanted.folders))
    loaded = load_classifier(
        classifier, runtime=runtime, precision=precision, films_expected=len(found.films)
    )
    files = AnswerFiles(loaded, wanted)
    _tell_passed_over(found, progress)
    call = _Call(loaded, found, files, progress)
    if by is not None:
        call = _SharedCall(loaded, found, files, progress, Path(classifier), precision, by)
    if csv is None:
        return call.held()
    _require_no_film(Path(csv), found)
    with open_answers(loaded, Path(csv), files=files, precision=precision) as table:
        return call.written(table)


def predict_stream(
    classifier: str | Path,
    paths: str | Path | Sequence[str | Path],
    *,
    runtime: str = AUTO,
    precision: str = "f32",
    progress: Progress | None = None,
) -> Iterator[Prediction]:
    """Return an iterator over the answers on files and folders of films, in order.

    Answers come as they are made, and none is held, so that there may be any number of films.
    A file that is no readable film has an answer without probabilities, whose `reason_code`
    begins with "file/".

    Args:
        classifier, paths, runtime, precision, progress: as in `predict`.

    Raises:
        CarinaError: as `predict` does, at once but for what happens to single films.
    """
    progress = progress or default_progress()
    start_decoding()
    found = find_films(paths, own=own_folders(classifier))
    loaded = load_classifier(
        classifier, runtime=runtime, precision=precision, films_expected=len(found.films)
    )
    _tell_passed_over(found, progress)
    for folder in found.refused:
        progress(Step("predicting", message=f"skipped: {folder.message}"))
    call = _Call(loaded, found, AnswerFiles(loaded, WantedFiles()), progress)
    return (row.prediction for rows in call.answered(found.films) for row in rows)


@contextmanager
def open_answers(
    classifier: Classifier, csv: Path, *, files: AnswerFiles, precision: str
) -> Iterator[AnswerTable]:
    """Yield the table for a classifier's answers in a file; it may hold some already.

    Args:
        classifier: what answers.
        csv: the file.
        files: what else is written.
        precision: as it was asked for.

    Raises:
        UsageError: if it is no file, holds something else, or is being written.
        StorageError: if it cannot be written.
    """
    if csv.exists() and not csv.is_file():
        what = "a folder" if csv.is_dir() else "no regular file"
        raise UsageError(f"--csv {csv} is {what}; name a file for the answers")
    require_room(csv.parent, n_bytes=_ROW_BYTES, option="--csv")
    with open_answer_table(
        csv,
        labels=classifier.labels.names,
        classifier=classifier.digest,
        made_with="; ".join((precision, *files.in_words)),
    ) as table:
        yield table


def _is_answered(table: AnswerTable, film: FilmFile) -> bool:
    """Return whether a film stands in a table as it is now."""
    state = state_of(film) if table.answered else None
    if state is None:
        return False
    try:
        return table.answered.holds(
            film.name, state, lambda: sha256_bytes(read_film_bytes(Path(film.file)))
        )
    except ImageError:
        return False  # reading it says why


@dataclass(frozen=True, slots=True)
class _Call:
    """One call: a classifier, and the films that it is to answer."""

    classifier: Classifier
    found: FoundFilms
    files: AnswerFiles
    progress: Progress

    def answered(self, films: Sequence[FilmFile]) -> Iterator[list[AnswerRow]]:
        """Yield the answers, telling of every batch."""
        start, done = time.perf_counter(), 0
        with closing(self._batches(films)) as batches:
            for rows in batches:
                yield rows
                done += len(rows)
                seconds = max(time.perf_counter() - start, 1e-9)
                self.progress(Step("predicting", done, len(films), {"films/s": done / seconds}))

    def _batches(self, films: Sequence[FilmFile]) -> Generator[list[AnswerRow], None, None]:
        return answered(self.classifier, films, files=self.files)

    def held(self) -> Predictions:
        """Return the answers, held."""
        self.files.require_room(len(self.found.films))
        rows = tuple(row for batch in self.answered(self.found.films) for row in batch)
        return self._whole(rows)

    def written(self, table: AnswerTable) -> Predictions:
        """Return the answers, written to a table."""
        films = self.found.films
        if table.cut_off:
            message = f"{table.path} had a last line that was torn, and is cut off: {table.cut_off}"
            self.progress(Step("predicting", message=message))
        waiting = [film for film in films if not _is_answered(table, film)]
        n_before = len(films) - len(waiting)
        if n_before:
            message = (
                f"going on with {table.path}: {counted(n_before, 'film')} of {len(films):,} "
                "answered before"
            )
            self.progress(Step("predicting", message=message))
        self.files.require_room(len(waiting))
        require_room(table.path.parent, n_bytes=len(waiting) * _ROW_BYTES, option="--csv")
        for rows in self.answered(waiting):
            table.append(rows)
        names = frozenset(film.name for film in films)
        return self._whole(AnswersInFile(table.path, names, n_before))

    def _whole(self, held: tuple[AnswerRow, ...] | AnswersInFile) -> Predictions:
        """Return the answers, once it is known that there are some."""
        predictions = Predictions.of(
            self.classifier, held, refused=self.found.refused, written=self.files.written
        )
        if self.files.n_without_dicom:
            films = counted(self.files.n_without_dicom, "film")
            message = f"without DICOM answers: {films}, the last: {self.files.without_dicom}"
            self.progress(Step("predicting", message=message))
        if predictions.counts.n_read:
            return predictions
        first = next(row.prediction.reason for row in predictions.each())
        n_more = predictions.counts.n_unreadable - 1
        more = f" (nor can {counted(n_more, 'other file')})" if n_more else ""
        raise InputError(f"none of the files can be read as a film: {first}{more}")


@dataclass(frozen=True, slots=True)
class _SharedCall(_Call):
    """One call whose films are answered by several workers."""

    folder: Path
    precision: str
    workers: Workers

    def _batches(self, films: Sequence[FilmFile]) -> Generator[list[AnswerRow], None, None]:
        from carina.workflows.cluster.answers import answered_by_workers

        return answered_by_workers(
            self.folder, self.classifier, films, precision=self.precision, workers=self.workers
        )


def _workers_asked(
    workers: int, given: Sequence[str | Path], wanted: WantedFiles, settings: Settings | None
) -> Workers | None:
    """Return who answers; None for this process.

    Raises:
        UsageError: if workers cannot do what is asked for.
    """
    require_workers(workers, needed_for="carina predict")
    if workers == 1:
        return None
    if wanted.folders or "-" in map(str, given):
        raise UsageError(
            f"--workers {workers} answers films in files, and writes the table (--csv) alone; make "
            "heat maps and documents for chosen films without --workers"
        )
    return Workers(workers, (settings or Settings.from_environment()).cluster)


def _tell_passed_over(found: FoundFilms, progress: Progress) -> None:
    """Say which folders were not searched on purpose, and which files are no films."""
    if found.other_files:
        message = other_files_in_words(Counter(found.other_files))
        progress(Step("predicting", message=message))
    for folder in found.passed_over:
        message = f"passed over, since the pictures in it are no new films: {one_line(folder)}"
        progress(Step("predicting", message=message))


def _require_no_film(csv: Path, found: FoundFilms) -> None:
    """Refuse a file for the answers that is one of the films.

    A film under another name of its own is refused, too: it is no table of answers.
    """
    alike = (film.file for film in found.films if film.file.endswith(csv.name))
    if csv.is_file() and any(Path(file).is_file() and csv.samefile(file) for file in alike):
        raise UsageError(f"--csv {csv} is one of the films; name another file for the answers")
