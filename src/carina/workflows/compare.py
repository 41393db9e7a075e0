"""Runs, readers and predictions side by side, and whether differences are more than luck."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from carina.data.labels import spelling_key
from carina.data.patients import load_patient_key
from carina.domain.comparison import ComparedPair, ComparedPart, Comparison, PairedTest
from carina.domain.progress import Progress, Step
from carina.domain.recipe import EvaluateSection
from carina.errors import UsageError
from carina.files.atomic import write_text
from carina.files.documents import write_document
from carina.runs import Run
from carina.settings import Settings
from carina.workflows.extras import require_extra
from carina.workflows.places import claimed
from carina.workflows.progress_bar import default_progress

if TYPE_CHECKING:
    from carina.evaluation.shared_films import AnsweredFilms, SharedFilms
    from carina.workflows.compared_answers import OpenedAnswers
    from carina.workflows.compared_runs import OpenedRun

    Opened = OpenedRun | OpenedAnswers

_ROOM = 20_000_000
_TIME = re.compile(r"^\d{8}-\d{6}-")  # as `places` puts it before a run's recipe


@dataclass(frozen=True, slots=True)
class ComparisonResult:
    """A comparison, and where it was written.

    Attributes:
        comparison: its numbers and sentences.
        folder: holds `comparison.json` and `comparison.html`.
    """

    comparison: Comparison
    folder: Path


def compare(
    runs: Sequence[str | Path | Run],
    *,
    readers: Sequence[str] = (),
    out: str | Path | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> ComparisonResult:
    """Set runs side by side, and test those that answered the same films.

    Nothing is computed anew but statistics: the answers are those in the files.

    Args:
        runs: runs, and other tools' predictions as CSV files; one run at least.
        readers: human readers' decisions on the films of the runs' test parts, each as
            "FILE.csv", or as "FILE.csv:COLUMN" where the file has several readers.
        out: a new or empty folder; `runs/<time>-compare` if None.
        settings: where runs go; from the environment if None.
        progress: called as the work goes on.

    Raises:
        UsageError: on no run, fewer than two to compare, the same run twice, a reader's file
            that is not there, or an `out` that is not empty.
        RunError: if a folder is no run, its training did not end, or its test part was
            changed since.
        EvaluationError: if a run's evaluation, predictions or a reader's answers cannot be
            read, or answer no film of a run's test part.
        StorageError: if `out` cannot be written.
    """
    require_extra("study", needed_for="carina compare")
    from carina.reporting.comparison_page import build_comparison_report
    from carina.reporting.render import render_html
    from carina.workflows.compared_runs import open_finished, read_run

    progress = progress or default_progress()
    settings = settings or Settings.from_environment()
    folders, tables = _told_apart(runs)
    _require_several(folders, n_others=len(tables) + len(readers))
    finished = [open_finished(run) for run in folders]
    _require_different(finished)
    names = _names(finished)
    with claimed(out, settings=settings, name="compare", n_bytes=_ROOM) as folder:
        opened: list[OpenedRun] = []
        n_all = len(finished) + len(tables) + len(readers)
        for run, name in zip(finished, names, strict=True):
            progress(Step("comparing", len(opened), n_all))
            opened.append(read_run(run, name=name))
        others = _others(opened, tables, readers, settings)
        comparison = Comparison(
            runs=tuple(one.facts for one in opened),
            others=tuple(one.facts for one in others),
            pairs=(
                *_pairs("test", [*opened, *others], _section(opened)),
                *_pairs("validation", opened, _section(opened)),
            ),
        )
        progress(Step("comparing", n_all, n_all))
        page = build_comparison_report(comparison, [one.history for one in opened])
        write_document(folder / "comparison.json", comparison)
        write_text(folder / "comparison.html", render_html(page))
    return ComparisonResult(comparison, folder)


def _told_apart(
    named: Sequence[str | Path | Run],
) -> tuple[list[str | Path | Run], list[Path]]:
    """Return the runs' folders, and the files of predictions."""
    folders: list[str | Path | Run] = []
    tables: list[Path] = []
    for one in [named] if isinstance(named, str | Path | Run) else named:
        if not isinstance(one, Run) and Path(one).is_file():
            tables.append(Path(one))
        else:
            folders.append(one)
    return folders, tables


def _others(
    opened: Sequence[OpenedRun], tables: Sequence[Path], readers: Sequence[str], settings: Settings
) -> list[OpenedAnswers]:
    """Return the answers that come without a run, each with a name of its own."""
    from carina.workflows.compared_answers import open_predictions, open_reader

    section = _section(opened)
    others = []
    if tables:
        key = load_patient_key(settings.config_dir, given=settings.patient_key)
        others = [open_predictions(path, opened, section, patient_key=key) for path in tables]
    others.extend(open_reader(text, opened, section) for text in readers)
    taken = Counter(one.facts.name for one in opened)
    named = []
    for one in others:
        taken[one.facts.name] += 1
        n_alike = taken[one.facts.name]
        if n_alike > 1:
            own = one.facts.model_copy(update={"name": f"{one.facts.name} ({n_alike})"})
            one = replace(one, facts=own)  # noqa: PLW2901  the same answers, renamed
        named.append(one)
    return named


def _require_several(runs: Sequence[str | Path | Run], *, n_others: int) -> None:
    if runs and len(runs) + n_others > 1:
        return
    if n_others:
        raise UsageError(
            "a comparison needs a run at least, whose test films the others answered too; name "
            "the folder that carina train wrote: carina compare RUN --reader FILE.csv"
        )
    raise UsageError(
        "a comparison needs two runs or more, or a run and a reader; name the folders that "
        "carina train wrote: carina compare RUN RUN, carina compare RUN --reader FILE.csv"
    )


def _require_different(runs: Sequence[Run]) -> None:
    counts = Counter(run.folder.resolve() for run in runs)
    twice = [run.folder for run in runs if counts[run.folder.resolve()] > 1]
    if twice:
        raise UsageError(
            f"{twice[0]} and {twice[1]} are one run; a comparison needs different ones"
        )


def _names(runs: Sequence[Run]) -> list[str]:
    """Return what each run is called: its folder's name, without the time at its start where
    that is enough; with the folder above where two are called alike, and a number where that
    does not tell them apart either."""
    names = [_TIME.sub("", run.name) or run.name for run in runs]
    if len(set(names)) < len(names):
        names = [run.name for run in runs]
    if len(set(names)) < len(names):
        names = [f"{run.folder.resolve().parent.name}/{run.name}" for run in runs]
    seen: Counter[str] = Counter()
    unique = []
    for name in names:
        seen[name] += 1
        unique.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return unique


def _pairs(
    part: ComparedPart, opened: Sequence[Opened], section: EvaluateSection
) -> list[ComparedPair]:
    """Return every two of them on a part, tested where they answered the same films."""
    from carina.evaluation.compare import SIGNIFICANT, corrected
    from carina.reporting.comparison_wording import pair_sentence

    pairs = [_pair(part, a, b, section) for a, b in combinations(opened, 2)]
    tests = iter(corrected([pair.test for pair in pairs if pair.test is not None]))
    finished = []
    for pair in pairs:
        if pair.test is not None:
            test: PairedTest = next(tests)
            update = {"test": test, "more_than_luck": test.p_value_holm < SIGNIFICANT}
            pair = pair.model_copy(update=update)  # noqa: PLW2901  the same pair, corrected
        finished.append(pair.model_copy(update={"sentence": pair_sentence(pair)}))
    return finished


def _section(opened: Sequence[OpenedRun]) -> EvaluateSection:
    """Return the resamples that the most careful of the runs asks for."""
    sections = [one.run.recipe.evaluate for one in opened]
    return EvaluateSection(
        resamples=max(section.resamples for section in sections),
        seed=min(section.seed for section in sections),
    )


def _pair(
    part: ComparedPart, first: Opened, second: Opened, section: EvaluateSection
) -> ComparedPair:
    from carina.evaluation.compare import compare_answers
    from carina.evaluation.shared_films import count_shared, same_classes, share_films
    from carina.reporting.comparison_wording import why_not_tested

    a, b = first.answers[part], second.answers[part]
    shared = share_films(a, b) if same_classes(a.labels, b.labels) else None
    n_shared = count_shared(a, b) if shared is None else shared.n_shared
    pair = ComparedPair(
        part=part,
        first=first.facts.name,
        second=second.facts.name,
        n_first=len(a.predictions),
        n_second=len(b.predictions),
        n_shared=n_shared,
        n_relabelled=shared.n_relabelled if shared else 0,
        n_replaced=shared.n_replaced if shared else 0,
        notes=_notes(first, second, a, b, shared),
    )
    because = why_not_tested(first.facts, second.facts, pair)
    if because or shared is None or shared.first is None or shared.second is None:
        return pair.model_copy(update={"not_tested_because": because})
    test = compare_answers(shared.first, shared.second, section)
    return pair.model_copy(update={"test": test})


def _notes(
    first: Opened,
    second: Opened,
    a: AnsweredFilms,
    b: AnsweredFilms,
    shared: SharedFilms | None,
) -> tuple[str, ...]:
    """Return what was assumed in matching classes and films."""
    if shared is None:
        return ()
    ours, theirs = first.facts.name, second.facts.name
    notes: list[str] = []
    own_name = {spelling_key(name): name for name in a.labels}
    notes.extend(
        f"'{own_name[spelling_key(name)]}' of {ours} and '{name}' of {theirs} are taken as one "
        "class: only case, spaces or punctuation differ"
        for name in b.labels
        if own_name[spelling_key(name)] != name
    )
    if [*map(spelling_key, a.labels)] != [*map(spelling_key, b.labels)]:
        notes.append(f"the classes of {ours} and {theirs} stand in another order: matched by name")
    if shared.n_relabelled:
        notes.append(
            f"{shared.n_relabelled} films have another class in {theirs} than in {ours}: not "
            "compared"
        )
    if shared.n_replaced:
        notes.append(
            f"{shared.n_replaced} films of {ours} hold other bytes in {theirs} under the same "
            "name: the data was changed between the runs; not compared"
        )
    return tuple(notes)
