"""Films answered as they arrive in a folder."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

from carina.data.answer_rows import AnsweredFilms, AnswerRow, FileState
from carina.data.answer_table import AnswerTable
from carina.data.folders import walk_films
from carina.domain.card import Card
from carina.domain.prediction import Prediction
from carina.domain.progress import Progress, Step
from carina.errors import InputError
from carina.files.digests import file_digest
from carina.files.names import one_line
from carina.inference.bundle import load_classifier
from carina.inference.classifier import Classifier
from carina.inference.runtime_choice import AUTO
from carina.workflows.answer_files import AnswerFiles, WantedFiles
from carina.workflows.arrivals import Arrivals, Moment
from carina.workflows.film_answers import answered
from carina.workflows.film_files import FilmFile, own_folders, real_paths
from carina.workflows.predict import open_answers
from carina.workflows.predictions import as_unreadable
from carina.workflows.progress_bar import default_progress

SETTLE_S = 1.0
"""How long a file must stand still before it is read."""
POLL_S = 0.5
"""How long to wait between two looks at the folder."""
_AT_ONCE = 256  # films that are answered before the folder is looked at again
_LARGEST_SHARE = 0.2  # of one core, for looking


@dataclass(frozen=True, slots=True)
class Clock:
    """Time, and how to let it pass.

    Attributes:
        wall_ns: returns the time of day in ns since 1970.
        steady_s: returns seconds on a clock that is never set.
        pause: waits for so many seconds, or until the watch shall stop.
    """

    pause: Callable[[float], object]
    wall_ns: Callable[[], int] = time.time_ns
    steady_s: Callable[[], float] = time.monotonic

    def now(self) -> Moment:
        """Return the moment that it is."""
        return Moment(self.wall_ns(), self.steady_s())


def watch(
    classifier: str | Path,
    folder: str | Path,
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
    stop: threading.Event | None = None,
    progress: Progress | None = None,
) -> Iterator[Prediction]:
    """Return an iterator over the answers on films as they arrive in a folder and below it.

    Films that are there already come first. A file is read once its size and time have stood
    still for a second. With `csv`, films that stand in it as they are now are not answered
    again; without, every film is answered once for each call.

    Args:
        classifier: a classifier's folder, or a run.
        folder: where films arrive; its folders are watched, too. It may vanish and come back.
        explain, csv, label, method, fhir, dicom, with_patient: as in `predict`.
        runtime, precision: as in `predict`.
        stop: ends the iterator once it is set, after the films that are being answered.
        progress: told what happens beside the answers, in messages.

    Raises:
        CarinaError: as `predict` does, at once but for what cannot be written later.
    """
    wanted = WantedFiles.of(
        explain=explain, label=label, method=method, fhir=fhir, dicom=dicom,
        with_patient=with_patient,
    )  # fmt: skip
    watched = open_watch(
        classifier, folder, wanted=wanted, csv=csv, runtime=runtime, precision=precision,
        stop=stop, progress=progress,
    )  # fmt: skip
    return (row.prediction for row in watched.rows())


def open_watch(
    classifier: str | Path,
    folder: str | Path,
    *,
    wanted: WantedFiles | None = None,
    csv: str | Path | None = None,
    runtime: str = AUTO,
    precision: str = "f32",
    stop: threading.Event | None = None,
    progress: Progress | None = None,
    clock: Clock | None = None,
) -> Watch:
    """Return a watch that has not begun yet.

    Args:
        classifier, folder, csv, runtime, precision, stop, progress: as in `watch`.
        wanted: what is written for each film; nothing if None.
        clock: tells the time; the real one if None.

    Raises:
        CarinaError: as `predict` does.
    """
    if not Path(folder).is_dir():
        raise InputError(f"{folder} is no folder; name one in which films arrive")
    wanted = wanted or WantedFiles()
    wanted.require_other_folders([folder], what="watched")
    loaded = load_classifier(classifier, runtime=runtime, precision=precision)
    stop = stop or threading.Event()
    own = real_paths((*own_folders(classifier), *wanted.folders))
    return Watch(
        classifier=loaded,
        folder=str(Path(folder)),
        files=AnswerFiles(loaded, wanted),
        csv=Path(csv) if csv is not None else None,
        precision=precision,
        passed_over=own - real_paths([folder]),
        stop=stop,
        progress=progress or default_progress(),
        clock=clock or Clock(pause=stop.wait),
    )


@dataclass(slots=True)
class Watch:
    """A folder that is watched; `rows` does the work.

    Attributes:
        classifier: what answers.
        folder: where films arrive.
        files: what is written for each film.
        csv: where the answers go, or None.
        precision: as it was asked for.
        passed_over: real paths of folders that are not looked into.
        stop: ends the watch once it is set.
        progress: told what happens beside the answers.
        clock: tells the time.
    """

    classifier: Classifier
    folder: str
    files: AnswerFiles
    csv: Path | None
    precision: str
    passed_over: frozenset[str]
    stop: threading.Event
    progress: Progress
    clock: Clock
    _answered: AnsweredFilms = field(default_factory=AnsweredFilms)
    _arrivals: Arrivals = field(default_factory=lambda: Arrivals(settle_s=SETTLE_S))
    _told: dict[str, str] = field(default_factory=dict)
    _away: set[str] = field(default_factory=set)

    @property
    def card(self) -> Card:
        """The classifier's card."""
        return self.classifier.card

    def rows(self) -> Generator[AnswerRow, None, None]:
        """Yield each film's answer, once it stands in the table, until the watch shall stop.

        Raises:
            UsageError, StorageError: if the table cannot be used or written to.
        """
        with ExitStack() as open_table:
            table = None
            if self.csv is not None:
                table = open_table.enter_context(
                    open_answers(
                        self.classifier, self.csv, files=self.files, precision=self.precision
                    )
                )
                self._answered = table.answered
                if table.cut_off:
                    self._tell("", f"a last line that was torn is cut off: {table.cut_off}")
            self.files.require_room(1)
            while not self.stop.is_set():
                start_s, start_cpu_s = self.clock.steady_s(), time.thread_time()
                whole = self._look()
                took_s = self.clock.steady_s() - start_s
                cpu_s = time.thread_time() - start_cpu_s
                yield from self._answer(whole[:_AT_ONCE], table)
                if len(whole) <= _AT_ONCE and not self.stop.is_set():
                    self.clock.pause(max(POLL_S, took_s, cpu_s / _LARGEST_SHARE))

    def _look(self) -> list[str]:
        """Return the files that are whole and not answered as they are now."""
        away: dict[str, OSError] = {}
        found: dict[str, FileState] = {}
        entries = walk_films(self.folder, refused=away.__setitem__, passed_over=self.passed_over)
        for entry in entries:
            try:
                state = FileState.of(entry.stat())
            except OSError:
                continue  # it went while it was looked at
            if not self._answered.is_same(one_line(entry.path), state):
                found[entry.path] = state
        self._tell_away(away)
        now = self.clock.now()
        return [
            file
            for file in self._arrivals.whole(found, now)
            if not self._is_known(file, found[file])
        ]

    def _is_known(self, file: str, state: FileState) -> bool:
        """Return whether a file's content was answered, under another time."""
        try:
            return self._answered.holds(one_line(file), state, lambda: file_digest(Path(file)))
        except OSError:
            return False  # reading it says why

    def _answer(self, whole: Sequence[str], table: AnswerTable | None) -> Iterator[AnswerRow]:
        """Yield the answers on files, until all are answered or the watch shall stop."""
        films = [FilmFile(file, self.folder) for file in whole]
        files = iter(whole)
        with closing(answered(self.classifier, films, files=self.files)) as batches:
            for batch in batches:
                rows = [row for row in batch if not self._comes_later(next(files), row)]
                if table is not None:
                    table.append(rows)
                else:
                    self._answered.add_all(rows)
                self._tell_without_dicom()
                yield from rows
                if self.stop.is_set():
                    return

    def _comes_later(self, file: str, row: AnswerRow) -> bool:
        """Return whether a film that could not be read is tried again at the next look: since it
        may still be on its way, or may not be read yet, which is told once."""
        if row.is_read:
            return False
        if row.may_pass:
            problem = as_unreadable(row)
            self._tell(file, f"{problem.code}: {problem.message}")
            return True
        return self._arrivals.may_still_come(file, self.clock.now())

    def _tell_without_dicom(self) -> None:
        """Tell of the films for which no DICOM answer could be written; they come one by one."""
        if self.files.n_without_dicom:
            self._tell("", self.files.without_dicom)
            self.files.n_without_dicom = 0

    def _tell_away(self, away: Mapping[str, OSError]) -> None:
        """Tell once of each folder that may not be read, and once when it may."""
        for folder in self._away - away.keys():
            self._told.pop(folder, None)
            self._tell("", f"the folder {one_line(folder)} can be read again")
        for folder, error in away.items():
            what = error.strerror or str(error)
            self._tell(
                folder, f"the folder {one_line(folder)} cannot be read ({what}); it is looked for"
            )
        self._away = set(away)

    def _tell(self, subject: str, message: str) -> None:
        """Tell something, but nothing twice in a row of one file or folder."""
        if subject and self._told.get(subject) == message:
            return
        if subject:
            self._told[subject] = message
        self.progress(Step("watching", message=message))
