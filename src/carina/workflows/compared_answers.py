"""Answers without a run, a reader's or another tool's -> what a comparison shows of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from carina.data.foreign_predictions import PredictionColumns, read_foreign_predictions
from carina.data.labels import spelling_key
from carina.data.patients import PatientKey
from carina.data.reader_answers import (
    ReaderAnswers,
    film_path,
    named_reader,
    read_reader_answers,
)
from carina.domain.comparison import ComparedAnswers, ComparedPart, PartFigures
from carina.domain.prediction import Prediction
from carina.domain.recipe import EvaluateSection
from carina.domain.sentences import capitalised, listed
from carina.errors import EvaluationError
from carina.evaluation.evaluate import all_metrics, evaluated_data, scored_films
from carina.evaluation.shared_films import AnsweredFilms, same_classes
from carina.workflows.compared_runs import OpenedRun, largest_class

_PART: ComparedPart = "test"
_NO_SCORE = "These are decisions: a decision has no score, so that there is no ROC AUC."


@dataclass(frozen=True, slots=True, eq=False)
class OpenedAnswers:
    """Answers without a run, matched with the films of the runs' test parts.

    Attributes:
        facts: what the comparison shows of them.
        answers: "test" -> the answers to those films.
    """

    facts: ComparedAnswers
    answers: dict[ComparedPart, AnsweredFilms]


@dataclass(frozen=True, slots=True, eq=False)
class _Film:
    """One film of a run's test part, with its truth."""

    run: OpenedRun
    digest: str
    truth: Prediction

    @property
    def names(self) -> tuple[str, ...]:
        """What a table may call it."""
        path = self.truth.path
        return path, f"{self.truth.source}/{path}"


def open_reader(
    text: str, runs: Sequence[OpenedRun], section: EvaluateSection, *, name: str | None = None
) -> OpenedAnswers:
    """Return a human reader's decisions on the films of the runs' test parts.

    Args:
        text: "FILE.csv" or "FILE.csv:COLUMN".
        runs: one or more; the truth and the patients are theirs.
        section: how many resamples, and their seed.
        name: what the reader is called; the column if None.

    Raises:
        UsageError: if there is no such file.
        EvaluationError: if it cannot be read, names no film of the runs, or holds answers that
            are no classes of a run.
    """
    read = read_reader_answers(*named_reader(text))
    films = _test_films(runs)
    answer_of, n_elsewhere = _matched(read, films)
    labels = _labels_of(answer_of.values(), runs, read)
    spelled = {spelling_key(label): label for label in labels}
    predictions: list[Prediction] = []
    digests: list[str] = []
    for film in _each_once(films, labels):
        answer = next((answer_of[own] for own in _keys(film, read) if own in answer_of), None)
        if answer is not None:
            own = Prediction(film.truth.path, {}, {}, spelled[spelling_key(answer)])
            predictions.append(_with_truth(own, film, spelled))
            digests.append(film.digest)
    facts = ComparedAnswers(
        name=name or read.column,
        kind="reader",
        file=read.file.name,
        column=read.column,
        labels=labels,
        n_rows=len(read.answers),
        n_blank=read.n_blank,
        n_elsewhere=n_elsewhere,
        parts={_PART: _figures(labels, predictions, section, name=read.file.name)},
        cautions=(_NO_SCORE, *_left_out(read.n_blank, n_elsewhere)),
    )
    return OpenedAnswers(facts, {_PART: AnsweredFilms(labels, tuple(predictions), tuple(digests))})


def open_predictions(
    path: Path, runs: Sequence[OpenedRun], section: EvaluateSection, *, patient_key: PatientKey
) -> OpenedAnswers:
    """Return another tool's predictions for the films of the runs' test parts.

    Films are matched by path, as in a run's predictions, alone or as `source/path`. Where the
    table says the truth, films that it calls otherwise than the run are not compared.

    Args:
        path: any table that `carina evaluate --predictions` reads.
        runs: one or more; the patients are theirs.
        section: how many resamples, and their seed.
        patient_key: hashes the table's patients.

    Raises:
        EvaluationError: if it cannot be read, or names no film of the runs.
    """
    read = read_foreign_predictions(path, PredictionColumns(), patient_key=patient_key)
    answered = [film for film in read.predictions if film.predicted]
    answers, n_elsewhere = _matched_predictions(answered, read.labels, runs, path)
    n_blank = sum(not film.predicted for film in read.predictions)
    facts = ComparedAnswers(
        name=path.stem,
        kind="predictions",
        file=path.name,
        labels=read.labels,
        n_rows=len(answered),
        n_blank=n_blank,
        n_elsewhere=n_elsewhere,
        parts={_PART: _figures(read.labels, answers.predictions, section, name=path.name)},
        cautions=(
            *(() if read.has_scores else (_NO_SCORE,)),
            *(f"{capitalised(note)}" for note in read.notes),
            *_left_out(0, n_elsewhere),
        ),
    )
    return OpenedAnswers(facts, {_PART: answers})


def _matched_predictions(
    answered: Sequence[Prediction], labels: tuple[str, ...], runs: Sequence[OpenedRun], path: Path
) -> tuple[AnsweredFilms, int]:
    """Return a table's answers to films of the runs, and how many are to other films."""
    told, films = _by_own_name(answered), _test_films(runs)
    known = _by_name(films)
    _require_some(told, known, path)
    spelled = {spelling_key(label): label for label in labels}
    predictions: list[Prediction] = []
    digests: list[str] = []
    for film in _each_once(films, labels):
        name = next((name for name in film.names if name in told), None)
        if name is not None:
            _require_one(name, known, path)
            matched = _with_truth(told[name], film, spelled)
            predictions.append(replace(matched, label=told[name].label or matched.label))
            digests.append(film.digest)
    if not predictions:
        raise EvaluationError(
            f"{path} tells {listed(labels)} apart, and no run among these does: a comparison "
            "needs the same classes"
        )
    n_known = len({id(told[name]) for name in told.keys() & known.keys()})
    return AnsweredFilms(labels, tuple(predictions), tuple(digests)), len(answered) - n_known


def _by_own_name(films: Sequence[Prediction]) -> dict[str, Prediction]:
    """Return a table's answers by path and by source and path; a path that stands for films of
    several sources is none's."""
    paths = Counter(film_path(film.path) for film in films)
    named = {film_path(film.path): film for film in films if paths[film_path(film.path)] == 1}
    return named | {f"{film.source}/{film_path(film.path)}": film for film in films if film.source}


def _test_films(runs: Sequence[OpenedRun]) -> list[_Film]:
    """Return every film of every run's test part, runs in order."""
    return [
        _Film(run, digest, truth)
        for run in runs
        for digest, truth in zip(
            run.answers[_PART].digests, run.answers[_PART].predictions, strict=True
        )
    ]


def _by_name(films: Sequence[_Film]) -> dict[str, set[str]]:
    """Return name -> digests of the films that it may stand for."""
    named: defaultdict[str, set[str]] = defaultdict(set)
    for film in films:
        for name in film.names:
            named[name].add(film.digest)
    return dict(named)


def _each_once(films: Sequence[_Film], labels: Sequence[str]) -> list[_Film]:
    """Return the films of runs with these classes, each of the first run that has it.

    Copies within one run stay: both runs and readers answered each of them.
    """
    owner: dict[str, OpenedRun] = {}
    kept = []
    for film in films:
        if not same_classes(film.run.facts.labels, labels):
            continue
        if owner.setdefault(film.digest, film.run) is film.run:
            kept.append(film)
    return kept


def _keys(film: _Film, read: ReaderAnswers) -> tuple[str, ...]:
    return (film.digest,) if read.film_column == "sha256" else film.names


def _matched(read: ReaderAnswers, films: Sequence[_Film]) -> tuple[dict[str, str], int]:
    """Return the answers to films of the runs, and how many are to other films."""
    if read.film_column == "sha256":
        known: Mapping[str, set[str]] = {film.digest: {film.digest} for film in films}
    else:
        known = _by_name(films)
    _require_some(read.answers, known, read.file)
    answers = {film: answer for film, answer in read.answers.items() if film in known}
    for film in answers:
        _require_one(film, known, read.file)
    return answers, len(read.answers) - len(answers)


def _require_some(told: Iterable[str], known: Mapping[str, set[str]], file: Path) -> None:
    told = list(told)
    if any(name in known for name in told):
        return
    example = f"'{told[0]}'" if told else "nothing"
    raise EvaluationError(
        f"none of the {len(told)} films that {file} answers is in the test part of a run here; it "
        f"names {example}, and a run names '{min(known)}': write the column path as it stands "
        "in the run's predictions/test.csv, or for a reader give a column sha256 (manifest.csv "
        "has both)"
    )


def _require_one(name: str, known: Mapping[str, set[str]], file: Path) -> None:
    if len(known[name]) > 1:
        raise EvaluationError(
            f"{file}: '{name}' stands for {len(known[name])} different films of the runs; name "
            "them as source/path, or for a reader by a column sha256"
        )


def _labels_of(
    answers: Iterable[str], runs: Sequence[OpenedRun], read: ReaderAnswers
) -> tuple[str, ...]:
    """Return the classes of the first run that knows every answer."""
    given = {spelling_key(answer): answer for answer in answers}
    for run in runs:
        if given.keys() <= set(map(spelling_key, run.facts.labels)):
            return run.facts.labels
    first = runs[0].facts
    known = set(map(spelling_key, first.labels))
    strange = sorted(f"'{answer}'" for key, answer in given.items() if key not in known)
    raise EvaluationError(
        f"{read.file}, column '{read.column}': {listed(strange)} is no "
        f"class of {first.name} (classes: {', '.join(first.labels)}); write the answers as "
        "the run's classes, and leave a cell blank where the reader decided nothing"
    )


def _with_truth(answer: Prediction, film: _Film, spelled: Mapping[str, str]) -> Prediction:
    """Return an answer with what the run knows of its film."""
    truth = film.truth
    return replace(
        answer,
        path=truth.path,
        source=truth.source,
        part=_PART,
        patient=truth.patient,
        label=spelled[spelling_key(truth.label)] if truth.label else None,
    )


def _figures(
    labels: Sequence[str], predictions: Sequence[Prediction], section: EvaluateSection, *, name: str
) -> PartFigures:
    films = scored_films(labels, predictions)
    overall, per_class, matrix = all_metrics(films, section)
    largest, share = largest_class(matrix)
    return PartFigures(
        data=evaluated_data(labels, predictions, name=name, part=_PART),
        metrics=overall,
        per_class=per_class,
        confusion_matrix=matrix,
        largest_class=largest,
        largest_class_share=share,
    )


def _left_out(n_blank: int, n_elsewhere: int) -> list[str]:
    """Return sentences on the rows that are not compared."""
    told = []
    if n_blank:
        rows = "1 row was" if n_blank == 1 else f"{n_blank} rows were"
        told.append(f"{rows} left blank: the numbers are those of the films that were answered.")
    if n_elsewhere:
        rows = "1 row is" if n_elsewhere == 1 else f"{n_elsewhere} rows are"
        told.append(f"{rows} of films that are in no run's test part: not compared.")
    return told
