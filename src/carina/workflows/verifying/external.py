"""An external test that a run keeps: its answers and its numbers again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from carina.data.predictions import read_predictions
from carina.domain.dataset import Dataset, Source
from carina.domain.evaluation import Evaluation
from carina.domain.label_set import LabelSet
from carina.domain.prediction import Prediction
from carina.domain.progress import Progress
from carina.domain.recipe import EvaluateSection
from carina.domain.record import Record
from carina.domain.verification import Difference
from carina.errors import RunError
from carina.files.tables import read_table
from carina.workflows.evaluate import AnsweredTest, external_numbers
from carina.workflows.seen_films import KnownFilm
from carina.workflows.verifying.answers import (
    answer_again,
    check_decisions,
    check_rows,
    compare_answers,
    with_reason_codes,
)
from carina.workflows.verifying.findings import Verified
from carina.workflows.verifying.numbers import Comparison
from carina.workflows.verifying.recorded_films import RecordedFilms, external_rows
from carina.workflows.verifying.test import FROM_ANSWERS, RunRecord, counted_places, record_of

_NOT_RECORDED = ("data.n_unreadable", "data.n_unlabelled", "data.patient_key_fingerprint")


def check_external(
    record: RunRecord, name: str, films: RecordedFilms, *, progress: Progress, into: Verified
) -> None:
    """Check an external test of a run.

    Args:
        record: of the run.
        name: the test's folder below `external/`.
        films: where recorded films lie now.
        progress: told as films are answered.
        into: gets what is found.

    Raises:
        InputError: if a file of the test cannot be read.
    """
    folder = record.run.external_dir / name
    where = f"{record.at}external/{name}"
    evaluation = record.run.external_evaluation(name)
    _, recorded = read_predictions(folder / "predictions.csv")
    rows = external_rows(folder)
    if evaluation.classifier != record.classifier.digest:
        said = "it was made with the classifier of this run"
        own, now = evaluation.classifier, record.classifier.digest
        differ = Difference(what="classifier", where=where, recorded=own, found=now)
        into.checked("classifier", where, said, n=1, differ=[differ])
    table = f"{where}/predictions.csv"
    check_decisions(table, recorded, record.classifier, into)
    again: Mapping[str, Prediction] = {}
    if rows:
        check_rows(table, recorded, rows, into)
        again = answer_again(record.classifier, films, rows, part=None, progress=progress)
        compare_answers(table, recorded, again=again, classifier=record.classifier, into=into)
    else:
        into.not_checked("answers", table, "the test has no manifest.csv: it was made earlier")
    _check_numbers(record, folder, recorded, evaluation=evaluation, again=again, into=into)


def _check_numbers(
    record: RunRecord,
    folder: Path,
    recorded: Sequence[Prediction],
    *,
    evaluation: Evaluation,
    again: Mapping[str, Prediction],
    into: Verified,
) -> None:
    rows = external_rows(folder)
    with_codes = with_reason_codes(recorded, again)
    answers = tuple(with_codes or recorded)
    test = AnsweredTest(
        record.classifier,
        record.run,
        Dataset(
            records=tuple(map(record_of, rows)) or tuple(map(_record, answers)),
            labels=LabelSet(names=record.classifier.labels.names),
            sources=(Source(evaluation.data.name, "", ""),),
        ),
        answers,
        _known(folder),
    )
    section = EvaluateSection()
    if evaluation.data.resamples:
        asked = {"resamples": evaluation.data.resamples, "seed": evaluation.data.seed}
        section = section.model_copy(update=asked)
    found = external_numbers(test, section, n_unreadable=evaluation.data.n_unreadable)
    where = f"{record.at}external/{folder.name}/evaluation.json"
    compare = Comparison(evaluation, found, where, into)
    counts = [place for place in counted_places(evaluation) if place not in _NOT_RECORDED]
    places = [*FROM_ANSWERS, *counts, "without_leaks", "against_internal"]
    compare.cannot(_NOT_RECORDED, "films that do not count are not recorded")
    if not rows:
        places.remove("per_subgroup")
        compare.cannot(["per_subgroup"], "the test has no manifest.csv: it was made earlier")
    compare(places, "computed again from the recorded answers")
    if with_codes is not None:
        compare(["gate"], "computed again from the answers of now")
    else:
        compare.cannot(["gate"], "its films are not all there")


def _known(folder: Path) -> tuple[KnownFilm, ...]:
    """Return the films that were known; which way does not count in a number."""
    file = folder / "known.csv"
    if not file.is_file():
        return ()
    rows = read_table(file, error=RunError)
    missing = [name for name in ("path", "source") if rows and name not in rows[0]]
    if missing:
        raise RunError(f"{file} has no column {', '.join(missing)}")
    return tuple(
        KnownFilm(row["path"], row["source"], "identical-bytes", row.get("known_film", ""))
        for row in rows
    )


def _record(answer: Prediction) -> Record:
    return Record(
        path=answer.path,
        source=answer.source,
        file=Path(answer.path),
        label=answer.label,
        patient=answer.patient,
    )
