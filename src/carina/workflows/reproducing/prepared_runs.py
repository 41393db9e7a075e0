"""The folder of a run that is to repeat another one: that one's record, and nothing else yet."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from carina.data.manifest import write_rows
from carina.domain.probes import MASKED_ACCURACY, MASKED_EPOCHS, MASKED_VALIDATION_ACCURACY
from carina.errors import RunError, UsageError
from carina.files.digests import sha256_bytes
from carina.files.documents import write_document
from carina.files.recipes import write_recipe
from carina.files.tree import is_there, split_archived
from carina.runs import PREPARED, Environment, Run

# What of a run no later command writes again.
_RECORD = ("recipe.toml", "manifest.csv", "history.csv")


def record_digest(run: Run) -> str:
    """Return the hex sha256 that tells the run which another one repeats."""
    contents = [
        (run.folder / name).read_bytes() for name in _RECORD if (run.folder / name).is_file()
    ]
    return sha256_bytes(b"".join(sha256_bytes(content).encode() for content in contents))


def prepare(original: Run, again: Run, data: tuple[str | Path, ...]) -> None:
    """Write what `again` goes by when it repeats a run: the record of it and of its members.

    Args:
        original: a finished run.
        again: its folder exists, and is empty.
        data: where the films are; where the record says if empty.

    Raises:
        UsageError: if the record does not say where the films are, and neither does `data`.
        RunError: if a file of the record is missing or damaged.
        StorageError: if there is no room or no permission.
    """
    environment = original.environment
    common = {
        "data": places_of_films(original, data),
        "seeds": _seeds(original),
        "workers": environment.workers,
        "folds": _folds(original),
        "reproduces": record_digest(original),
        "patient_key": environment.patient_key or original.card.provenance.patient_key_fingerprint,
    }
    _prepare(original, again, common)


def places_of_films(original: Run, data: tuple[str | Path, ...]) -> tuple[str, ...]:
    """Return where the films of a run are, absolute.

    Args:
        original: its record says where they were.
        data: where they are now, if not there.

    Raises:
        UsageError: if neither says it.
        RunError: if they are no longer where the record says.
    """
    recorded = original.environment
    # A package names its sources without their folders.
    told = data or recorded.data or tuple(filter(None, recorded.sources.values()))
    advice = shlex.join(["carina", "reproduce", str(original.folder), "DATA"])
    if not told:
        raise UsageError(
            f"the record of {original.folder} does not say where its films are; name them: {advice}"
        )
    places = tuple(os.path.abspath(place) for place in told)  # noqa: PTH100  links stay
    for place in places:
        if not data and not (is_there(Path(place)) or split_archived(Path(place)) is not None):
            raise RunError(
                f"the films of {original.folder} are no longer at {place}; say where they are: "
                f"{advice}"
            )
    return places


def unprepare(again: Run) -> None:
    """Remove what `prepare` wrote, where nothing was trained yet."""
    for member in again.members:
        unprepare(member)
    with suppress(OSError):
        for file in (again.recipe_file, again.manifest_file, again.environment_file):
            file.unlink(missing_ok=True)
        if again.members_dir.is_dir():
            again.members_dir.rmdir()
        again.folder.rmdir()


def _prepare(original: Run, again: Run, common: Mapping[str, object]) -> None:
    again.folder.mkdir(parents=True, exist_ok=True)
    write_recipe(again.recipe_file, original.recipe)
    # The first fold's: the run itself shows the films of the fold that was chosen.
    first = original.members[0] if common["folds"] and original.members else original
    write_rows(again.manifest_file, first.manifest)
    for member in original.members:
        _prepare(member, Run(again.members_dir / member.name), {**common, "folds": ""})
    recorded = original.environment
    prepared = Environment(
        started=recorded.started,
        status=PREPARED,
        command=recorded.command,
        versions=recorded.versions,
        machine=recorded.machine,
        sources=recorded.sources,
        circumstances=chosen_circumstances(recorded),
        start_weights=recorded.start_weights,
        masked_probe=recorded.masked_probe or _probe_of(original),
    )
    write_document(again.environment_file, prepared.model_copy(update=dict(common)))


def chosen_circumstances(recorded: Environment) -> dict[str, str | int | float]:
    """Return what was chosen before a training, from the record of any version of Carina; empty
    where it does not say it."""
    if recorded.circumstances:
        return dict(recorded.circumstances)
    chosen = recorded.precision.get("chosen")
    if chosen not in ("fp32", "bf16") or not recorded.threads:
        return {}
    runtime = recorded.precision.get("fixed_layers", "torch")
    return {"threads": recorded.threads, "precision": chosen, "fixed layers": runtime}


def _probe_of(original: Run) -> dict[str, int]:
    """Return what the masked probe was given, from the evaluation of a version that did not
    record it; empty where there was none."""
    probes = original.evaluation.probes
    epochs, test = probes.get(MASKED_EPOCHS), probes.get(MASKED_ACCURACY)
    validation = probes.get(MASKED_VALIDATION_ACCURACY)
    if epochs is None or test is None or validation is None or not epochs.value:
        return {}
    return {
        "epochs": int(epochs.value),
        "train": epochs.n,
        "validation": validation.n,
        "test": test.n,
    }


def _seeds(original: Run) -> int:
    recorded = original.environment.seeds
    return max(recorded, len(original.evaluation.members), 1)


def _folds(original: Run) -> str:
    folds = original.evaluation.folds
    if original.environment.folds or folds is None:
        return original.environment.folds
    return "source" if folds.by == "source" else str(len(folds.folds))
