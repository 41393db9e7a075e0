"""Train again from a run's own record, and say what is not the same."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from carina.domain.progress import Progress, Step
from carina.domain.reproduction import Difference, Reproduction
from carina.domain.sentences import listed
from carina.errors import CarinaError, RunError, StoppedBySignal, UsageError
from carina.files.digest_list import compare_digests, read_digests, renew_digests
from carina.files.documents import write_document
from carina.files.owners import added_to, require_unowned
from carina.reporting.reproduction_wording import reproduction_sentence
from carina.runs import PREPARED, Run
from carina.settings import Settings
from carina.workflows.audit import data_list
from carina.workflows.diverged import require_not_diverged
from carina.workflows.environment import differences, record_of_machine
from carina.workflows.extras import require_extra
from carina.workflows.places import claimed
from carina.workflows.progress_bar import default_progress
from carina.workflows.record import note_facts
from carina.workflows.reproducing.compared_again import compared_runs
from carina.workflows.reproducing.prepared_runs import (
    chosen_circumstances,
    places_of_films,
    prepare,
    record_digest,
    unprepare,
)
from carina.workflows.train import train
from carina.workflows.verifying.opened_package import opened_package

REPRODUCTION = "reproduction.json"
_ROOM = 20_000_000
# These stand among the versions and the facts of the machine already.
_TOLD_ELSEWHERE = frozenset({"carina", "torch", "numpy", "opencv", "processor", "instructions"})


class Reproduced(Reproduction):
    """What `reproduction.json` holds, and where that is.

    Attributes:
        folder: of the second run.
    """

    folder: Path


def reproduce(
    run: str | Path,
    data: str | Path | Sequence[str | Path] = (),
    *,
    out: str | Path | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> Reproduced:
    """Train a run again from its own record, and compare everything that comes out.

    Recipe, seeds, folds, parts, threads, precision and what computes fixed layers are those of
    the record; nothing is timed or chosen anew. The films must be those of the record to the
    last byte, wherever they lie now.

    Args:
        run: a finished run, or the package of one (`carina package`); this needs `data`.
        data: where its films are now; where the record says if empty.
        out: a new or empty folder for the second run, or one in which this was begun and
            interrupted: it goes on; if it is finished it is only compared.
            `runs/<time>-<recipe>-again` if None.
        settings: caches, keys and where runs go; from the environment if None.
        progress: called as the work goes on.

    Returns:
        What differs, and where the second run lies; its `reproduction.json` says what differs,
        too.

    Raises:
        MissingExtraError: if the extra `train` is not installed.
        UsageError: if `out` is neither empty nor a reproduction of this run, or if another
            process writes to it.
        RunError: if the run is not finished, or a film or the start weights are not those of
            its record.
        StoppedBySignal: after Ctrl-C or SIGTERM; the sentence says how to go on.
        StorageError: if there is no room or no permission.
    """
    require_extra("train", needed_for="carina reproduce")
    progress = progress or default_progress()
    settings = settings or Settings.from_environment()
    places = tuple(data_list(data))
    with _opened(run) as original:
        if Path(run).is_file() and not places:
            raise UsageError(
                f"{run} is a package, which does not say where its films are; name them: "
                f"{shlex.join(['carina', 'reproduce', str(run), 'DATA'])}"
            )
        again = _begun(original, out, places)
        if again is None:
            name = f"{original.recipe.name}-again"
            with claimed(out, settings=settings, name=name, n_bytes=_ROOM) as folder:
                again = Run(folder)
                prepare(original, again, places)
        if not again.is_finished:
            with _telling_how_to_go_on(run, again):
                _train(original, again, settings, progress)
        found = _compared(original, again, name=Path(run).resolve().name)
        progress(Step("", message=f"the second run: {again.folder} ({REPRODUCTION} compares)"))
        return Reproduced(**dict(found), folder=again.folder)


@contextmanager
def _opened(run: str | Path) -> Iterator[Run]:
    """Yield the finished run of a folder, or of a package, which is unpacked for the block."""
    with ExitStack() as stack:
        folder = Path(run)
        if folder.is_file():
            folder = stack.enter_context(opened_package(folder))
        original = Run.open(folder)
        if not original.is_finished:
            require_not_diverged(original, "leaves nothing to compare with")
            raise RunError(
                f"{run} is not finished, so there is nothing to compare with; go on with it "
                f"first: {shlex.join(['carina', 'train', '--resume', str(run)])}"
            )
        yield original


def _begun(original: Run, out: str | Path | None, places: tuple[str | Path, ...]) -> Run | None:
    """Return the reproduction of a run that a folder holds, None if that is new or empty."""
    if out is None or not Run(Path(out)).environment_file.is_file():
        return None
    again = Run(Path(out))
    require_unowned(again.folder)
    if again.environment.reproduces != record_digest(original):
        raise UsageError(
            f"{out} holds a run that does not repeat {original.name}; nothing in it was "
            "touched: name another place with --out"
        )
    if places and not again.is_finished:
        note_facts(again, data=places_of_films(original, places))
    return again


@contextmanager
def _telling_how_to_go_on(run: str | Path, again: Run) -> Iterator[None]:
    """Say how a reproduction goes on where a signal stops it; leave nothing where it is refused
    before anything was trained."""
    try:
        yield
    except StoppedBySignal as stopped:
        words = ["carina", "reproduce", str(run), "--out", str(again.folder)]
        advice = f"go on with: {shlex.join(words)}"
        raise StoppedBySignal(stopped.signal_number, advice=advice) from None
    except CarinaError:
        if again.environment_file.is_file() and again.environment.status == PREPARED:
            with suppress(UsageError):  # another process, begun at the same moment, trains here
                require_unowned(again.folder)
                unprepare(again)
        raise


def _train(original: Run, again: Run, settings: Settings, progress: Progress) -> None:
    """Say what is otherwise than recorded, and train."""
    otherwise = (*changed_since(original), *differences(original.environment, record_of_machine()))
    for difference in otherwise:
        progress(Step("", message=f"otherwise than recorded: {difference.sentence}"))
    train(resume=again.folder, settings=settings, progress=progress)


def changed_since(original: Run) -> tuple[Difference, ...]:
    """Return the files of a run's record that were changed after it was finished."""
    listed = read_digests(original.folder)
    if listed is None:
        return ()
    changes = compare_digests(original.folder, listed)
    return tuple(
        Difference(what=name, recorded="as the run wrote it", here=how)
        for how, names in (("changed since", changes.changed), ("gone", changes.missing))
        for name in names
    )


def _compared(original: Run, again: Run, *, name: str) -> Reproduction:
    """Compare, and keep what was found in the second run.

    Args:
        original: the first run.
        again: the second.
        name: of the first, as the user knows it.
    """
    runs = tuple(compared_runs(original, again))
    recorded, here = original.environment, again.environment
    found = Reproduction(
        run=name,
        again=again.name,
        identical=all(one.is_identical for one in runs),
        sentence="",
        differences=(
            *changed_since(original),
            *differences(recorded, here),
            *_other_choices(original, again),
        ),
        unknown=tuple(_not_recorded(original)),
        runs=runs,
        recorded_seconds=recorded.wall_seconds,
        seconds=here.wall_seconds,
    )
    found = found.model_copy(update={"sentence": reproduction_sentence(found)})
    file = again.folder / REPRODUCTION
    with added_to(again.folder):
        write_document(file, found)
        renew_digests(again.folder, [file])
    return found


def _other_choices(original: Run, again: Run, name: str = "") -> Iterator[Difference]:
    """Yield what was chosen before the trainings, or drawn for them, and is not the same."""
    recorded, here = original.environment, again.environment
    behind = f" of {name}" if name else ""
    before, now = chosen_circumstances(recorded), here.circumstances
    for what in before.keys() & now.keys() - _TOLD_ELSEWHERE:
        if before[what] != now[what]:
            yield Difference(what=what + behind, recorded=str(before[what]), here=str(now[what]))
    if recorded.start_weights and recorded.start_weights != here.start_weights:
        yield Difference(
            what=f"sha256 of the start weights{behind}",
            recorded=recorded.start_weights,
            here=here.start_weights,
        )
    for member in original.members:
        yield from _other_choices(member, Run(again.members_dir / member.name), member.name)


def _not_recorded(original: Run) -> Iterator[str]:
    """Yield sentences on what the record of a run does not tell."""
    recorded = original.environment
    version = recorded.versions.get("carina", recorded.carina_version)
    if not recorded.computing:
        yield (
            f"Carina {version} did not record instruction set and libraries, so that a "
            "difference in them cannot be seen"
        )
    if not recorded.start_weights and not original.recipe.stages:
        yield f"Carina {version} did not record the digest of the start weights"
    if not chosen_circumstances(recorded) and not original.members:
        yield (
            "the record does not say in which precision and with how many threads it was "
            "trained, so that these were chosen anew"
        )
    for piece in recorded.pieces:
        if piece.differs:
            yield (
                "the run was interrupted and went on under other circumstances "
                f"({listed(piece.differs)}), which cannot be repeated"
            )
