"""A run, a package or a classifier, checked: every file, every answer, every number."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

from carina.data.manifest import ManifestRow
from carina.domain.progress import Progress
from carina.domain.recipe import LabelsSection
from carina.domain.sentences import counted, sized
from carina.domain.signature import SignatureCheck
from carina.domain.verification import Difference, FilmsFound, Verification
from carina.errors import CarinaError, ClassifierError, InputError, RunError, UsageError
from carina.files.digest_list import DIGESTS, compare_digests, digest_of_list, read_digests
from carina.files.signing_keys import trusted_keys
from carina.inference.bundle import CARD, load_classifier
from carina.inference.classifier import Classifier
from carina.inference.signatures import SIGNATURE, check_signature
from carina.runs import FINISHED, Run
from carina.settings import Settings
from carina.workflows.audit import data_list
from carina.workflows.diverged import require_not_diverged
from carina.workflows.extras import require_extra
from carina.workflows.progress_bar import default_progress
from carina.workflows.verifying.external import check_external
from carina.workflows.verifying.findings import Verified
from carina.workflows.verifying.members import check_members
from carina.workflows.verifying.opened_package import FILMS, opened_package
from carina.workflows.verifying.recorded_films import (
    RecordedFilms,
    locate_films,
    packed_films,
    places_of,
    recorded_rows,
)
from carina.workflows.verifying.run import check_run
from carina.workflows.verifying.test import RunRecord

Kind = Literal["run", "package"]
Made = TypeVar("Made")


def verify(
    run: str | Path,
    data: str | Path | Sequence[str | Path] = (),
    *,
    signers: Sequence[str | Path] = (),
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Check that a run is what it was when it was made, and that its numbers can be had again.

    Every file is held against the run's list of digests, the classifier answers the recorded
    films again, and every number of `evaluation.json` that needs no other training is computed
    again. What differs is named by its place, and what was not checked with the reason. Nothing
    in the run is written to.

    Args:
        run: a run's folder, a file that `carina package` made, or a classifier's folder.
        data: where the films are now: folders, manifests or archives. Where the run read them if
            none is named. Films of external tests are looked for here, too.
        signers: the keys of which one must have signed the classifier, as for `carina serve`.
        settings: the cache of what films told; from the environment if None.
        progress: called as the work goes on.

    Raises:
        ClassifierError, RunError: if there is neither a run nor a classifier, or it is not
            finished.
        MissingExtraError: if a run is verified without the extra `study`, or keys are named
            without the extra `sign`.
    """
    progress = progress or default_progress()
    settings = settings or Settings.from_environment()
    path = Path(run)
    if (path / CARD).is_file() and not (path / "recipe.toml").is_file():
        return _verified_classifier(path, signers)
    require_extra("study", needed_for="carina verify")
    asked = _Asked(tuple(data_list(data)), tuple(signers), settings, progress)
    if path.is_file():
        with opened_package(path) as folder:
            return _verified(Run.open(folder), asked, kind="package", name=path.name)
    opened = Run.open(path)
    return _verified(opened, asked, kind="run", name=opened.name)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is verified with what.

    Attributes:
        data: DATA.
        signers: keys.
        settings, progress: as for `verify`.
    """

    data: tuple[str | Path, ...]
    signers: tuple[str | Path, ...]
    settings: Settings
    progress: Progress


def _verified(run: Run, asked: _Asked, *, kind: Kind, name: str) -> Verification:
    into = Verified()
    _check_files(run.folder, into, kind=kind)
    _require_finished(run, into)
    classifier = _check_classifier(run.classifier_dir, asked.signers, into)
    films, told = RecordedFilms({}), FilmsFound()
    rows = _tried("manifest.csv", into, lambda: recorded_rows(run))
    if classifier is not None and rows:
        films, were_sought = _films_of(run, rows, asked, kind)
        for note in films.notes:
            into.not_checked("films", "DATA", note)
        _check_everything(run, "", classifier, films=films, asked=asked, into=into)
        told = films.told(rows).model_copy(update={"were_sought": were_sought})
        if not were_sought:
            told = told.model_copy(update={"missing": ()})
    return Verification(
        name=name,
        kind=kind,
        digest=_digest(run.folder),
        runtime=classifier.runtime.in_words if classifier is not None and told.n_read else "",
        checks=tuple(into.checks),
        differences=tuple(into.differences),
        films=told,
        largest_probability_difference=into.largest_probability_difference,
        largest_number_difference=into.largest_number_difference,
    )


def _check_everything(
    run: Run,
    at: str,
    classifier: Classifier,
    *,
    films: RecordedFilms,
    asked: _Asked,
    into: Verified,
) -> None:
    """Check answers and numbers of a run, of its members and of its external tests."""
    members = run.members
    record = _tried(at or "the run", into, lambda: RunRecord.read(run, at, classifier))
    if record is None:
        return

    def check() -> None:
        if members and not record.recipe.stages:
            check_members(record, members, into)
        else:
            check_run(record, films, settings=asked.settings, progress=asked.progress, into=into)

    _tried(at or "the run", into, check)
    for member in members:
        below = f"{at}members/{member.name}/"
        own = _check_classifier(member.classifier_dir, (), into, at=below)
        if own is not None:
            _check_everything(member, below, own, films=films, asked=asked, into=into)
    for name in run.external_names():
        external = partial(check_external, record, name, films, progress=asked.progress, into=into)
        _tried(f"{at}external/{name}", into, external)


def _tried(where: str, into: Verified, do: Callable[[], Made]) -> Made | None:
    """Return what `do` makes; a file that cannot be used is noted as a difference, since it could
    be used when the run was made."""
    try:
        return do()
    except (InputError, UsageError) as error:
        differ = Difference(what="files", where=where, found=str(error))
        into.checked("files", where, "it can be read as it was written", n=1, differ=[differ])
        return None


def _check_files(folder: Path, into: Verified, *, kind: Kind) -> None:
    """Hold every file of a run against its list; a package has always had one."""
    if kind == "package" and not (folder / DIGESTS).exists():
        gone = Difference(what="files", where=DIGESTS, recorded="the list", found="missing")
        into.checked("files", DIGESTS, "the list of files is there", n=1, differ=[gone])
        return
    if not (folder / DIGESTS).exists():
        because = (
            f"the run has no {DIGESTS}: it was made before Carina wrote one, or it was removed; a "
            "changed byte is found in the classifier alone"
        )
        into.not_checked("files", DIGESTS, because)
        return
    listed = _tried(DIGESTS, into, lambda: read_digests(folder))
    if listed is None:
        return
    changes = compare_digests(folder, listed)
    differ = [
        Difference(what="files", where=name, recorded=recorded, found=found)
        for names, recorded, found in (
            (changes.changed, "the listed bytes", "other bytes"),
            (changes.missing, "the listed bytes", "missing"),
            (changes.added, "not on the list", "added"),
            (changes.unreadable, "the listed bytes", "no plain file that can be read"),
        )
        for name in names
    ]
    if listed.left_out:
        because = f"{counted(len(listed.left_out), 'file')} of the run were left out of the package"
        into.not_checked("files", DIGESTS, because)
    said = f"{counted(changes.n_files, 'file')} ({sized(changes.n_bytes)}) held against {DIGESTS}"
    into.checked("files", DIGESTS, said, n=changes.n_files, differ=differ)


def _check_classifier(
    folder: Path, signers: Sequence[str | Path], into: Verified, *, at: str = ""
) -> Classifier | None:
    """Hold a classifier's files against its card, look at its signature, and return it; None if
    it is damaged."""
    where = f"{at}classifier"
    classifier = None
    try:
        signature = check_signature(folder, trusted=trusted_keys(signers))
        classifier = load_classifier(folder)
    except ClassifierError as error:
        differ = Difference(what="classifier", where=where, found=str(error))
        into.checked("classifier", where, "its files are those of its card", n=1, differ=[differ])
        return None
    n_files = len(classifier.card.files)
    said = f"{counted(n_files, 'file')} held against {CARD}"
    into.checked("classifier", where, said, n=n_files)
    if signature.problem:
        differ = Difference(what="signature", where=f"{where}/{SIGNATURE}", found=signature.problem)
        into.checked("signature", where, _of_signature(signature), n=1, differ=[differ])
    elif signature.was_checked:
        into.checked("signature", where, signature.in_words, n=1)
    elif not at:
        into.not_checked("signature", where, signature.in_words)
    return classifier


def _verified_classifier(folder: Path, signers: Sequence[str | Path]) -> Verification:
    into = Verified()
    _check_classifier(folder, signers, into)
    into.not_checked("answers", "classifier", "a classifier without its run has no recorded films")
    return Verification(
        name=folder.resolve().name,
        kind="classifier",
        checks=tuple(into.checks),
        differences=tuple(into.differences),
    )


def _of_signature(found: SignatureCheck) -> str:
    """Return in a few words what was found of a signature that is not accepted."""
    if not found.fingerprint:
        return "none that is accepted"
    return f"of the key {found.fingerprint}; not accepted"


def _require_finished(run: Run, into: Verified) -> None:
    """Refuse a run that is still in the making; a record that cannot be read is a difference."""
    environment = _tried(run.environment_file.name, into, lambda: run.environment)
    if environment is None or environment.status == FINISHED:
        return
    status = environment.status
    if (run.folder / DIGESTS).exists():  # written last, of a run that was whole
        name = run.environment_file.name
        differ = Difference(what="files", where=name, recorded=FINISHED, found=status)
        into.checked("files", name, "the run's status", n=1, differ=[differ])
    else:
        require_not_diverged(run, "has nothing to verify")
        again = shlex.join(["carina", "train", "--resume", str(run.folder)])
        raise RunError(
            f"{run.folder} is not finished (status '{status}'), so that there is nothing to "
            f"verify; go on with: {again}"
        )


def _films_of(
    run: Run, rows: Sequence[ManifestRow], asked: _Asked, kind: Kind
) -> tuple[RecordedFilms, bool]:
    """Return where the recorded films lie now, and whether there was a place to look."""
    labels = LabelsSection()
    read_from: tuple[str, ...] = ()
    with suppress(CarinaError):  # a damaged file is noted where it is checked
        labels, read_from = run.recipe.labels, places_of(run)
    if asked.data:
        return locate_films(rows, asked.data, labels), True
    if kind == "package":
        folder = run.folder / FILMS
        return packed_films(rows, folder), folder.is_dir()
    return locate_films(rows, read_from, labels), True


def _digest(folder: Path) -> str:
    try:
        return digest_of_list(folder) or ""
    except RunError:  # noted before
        return ""
