"""One run without members: its answers again, and its numbers."""

from __future__ import annotations

from carina.domain.prediction import Prediction
from carina.domain.progress import Progress
from carina.domain.record import PARTS, Part
from carina.settings import Settings
from carina.workflows.verifying.answers import (
    answer_again,
    check_decisions,
    check_rows,
    compare_answers,
)
from carina.workflows.verifying.findings import Verified
from carina.workflows.verifying.recorded_films import RecordedFilms
from carina.workflows.verifying.test import RunRecord, all_films, check_numbers


def check_run(
    record: RunRecord,
    films: RecordedFilms,
    *,
    settings: Settings,
    progress: Progress,
    into: Verified,
) -> None:
    """Check the answers and the numbers of a run.

    Args:
        record: of the run.
        films: where the recorded films lie now.
        settings: the cache.
        progress: told as the work goes on.
        into: gets what is found.

    Raises:
        InputError: if a file of the run cannot be used.
    """
    is_whole = True
    for part, recorded in record.recorded.items():
        where = f"{record.at}predictions/{part}.csv"
        is_whole &= check_rows(where, recorded, record.of(part), into)
        is_whole &= check_decisions(where, recorded, record.classifier, into)
    again: dict[Part, dict[str, Prediction]] = {
        part: answer_again(record.classifier, films, record.of(part), part=part, progress=progress)
        for part in PARTS
    }
    for part, recorded in record.recorded.items():
        where = f"{record.at}predictions/{part}.csv"
        compare_answers(where, recorded, again=again[part], classifier=record.classifier, into=into)
    if not is_whole:
        where = f"{record.at}evaluation.json"
        into.not_checked("numbers", where, "the answers that they rest on are not as recorded")
        return
    whole = None
    if films.all_of(record.rows):
        whole = all_films(record, films, settings, progress)
    check_numbers(record, again, whole, progress=progress, into=into)
