"""What a run should know about the machine it was made on."""

import os
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from carina.domain.dataset import Dataset
from carina.domain.reproduction import Difference
from carina.domain.sentences import listed
from carina.files.machine import usable_cores
from carina.runs import PREPARED, TRAINING, Environment, GitState, Piece
from carina.settings import computing_variables
from carina.version import VERSION
from carina.workflows.record import local_time, with_pieces

_PACKAGES = (
    "torch", "h5py", "imagecodecs", "monai", "numpy", "onnx", "onnxruntime", "onnxscript",
    "opencv-python-headless", "openvino", "pillow", "protobuf", "pydantic", "pydicom",
    "pywavelets", "safetensors", "scikit-image", "scikit-learn", "scipy",
)  # fmt: skip
# What a run that shows its best member has of its own; all else is that member's.
_OWN = (
    "started", "ended", "status", "command", "data", "seeds", "workers", "folds", "resumed",
    "sources", "notes", "wall_seconds", "processor_seconds", "peak_memory_mb", "pieces", "git",
    "recipe_sha256", "reproduces",
)  # fmt: skip
# What tells one machine from another as far as numbers go.
_MACHINE = ("system", "processor")


@dataclass(frozen=True, slots=True)
class AskedWords:
    """What `carina train` was asked for, as the record of a run keeps it.

    Attributes:
        command: the words that ask for it again.
        data: DATA, made absolute.
        seeds: how many trainings with seeds of their own.
        workers: how many processes share each training.
        folds: a number, "source", or "".
        git: the state of the working folder.
    """

    command: str
    data: tuple[str, ...]
    seeds: int = 1
    workers: int = 1
    folds: str = ""
    git: GitState | None = None


def starting_environment(dataset: Dataset, *, words: AskedWords) -> Environment:
    """Return the record of a run that begins now, on this machine."""
    here = record_of_machine()
    return Environment(
        started=here.started,
        status=TRAINING,
        command=words.command,
        data=words.data,
        seeds=words.seeds,
        workers=words.workers,
        folds=words.folds,
        versions=here.versions,
        machine=here.machine,
        computing=here.computing,
        sources={source.name: source.folder for source in dataset.sources},
        notes=(
            *dataset.notes,
            *(out.sentence for out in dataset.left_out),
        ),
        pieces=(Piece(started=here.started, carina=VERSION),),
        git=words.git,
        patient_key=dataset.patient_key_fingerprint,
    )


def record_of_machine() -> Environment:
    """Return what a record says of this machine, and nothing of a run."""
    return Environment(
        started=local_time(),
        status="",
        command="",
        versions={"python": platform.python_version(), "carina": VERSION, **_versions()},
        machine=machine_facts(),
        sources={},
        computing=computing_facts(),
    )


def going_on(now: Environment, *, before: Environment) -> Environment:
    """Return the record of a run that goes on, or that a reproduction begins.

    Args:
        now: as `starting_environment` made it.
        before: what the run's folder holds of it.
    """
    update = {
        name: getattr(before, name)
        for name in ("circumstances", "start_weights", "masked_probe", "reproduces")
    }
    if before.status == PREPARED:
        return now.model_copy(update=update)
    differs = tuple(one.sentence for one in differences(before, now))
    piece = now.pieces[0].model_copy(update={"differs": differs})
    update |= {
        "started": before.started,
        "resumed": before.resumed + 1,
        "seconds": before.seconds,
        "cpu_seconds": before.cpu_seconds,
        "git": before.git or now.git,
    }
    return with_pieces(now.model_copy(update=update), (*before.pieces, piece))


def opening_of_piece(environment: Environment) -> str:
    """Return the first sentence of a piece of a run, for its log."""
    versions = environment.versions
    made_with = f"Carina {versions['carina']}, Python {versions['python']}"
    if "torch" in versions:
        made_with += f", torch {versions['torch']}"
    if not environment.resumed:
        return f"the run begins, with {made_with}"
    differs = environment.pieces[-1].differs
    told = f"; otherwise than before: {listed(differs)}" if differs else ""
    return f"the run goes on after an interruption, with {made_with}{told}"


def showing(own: Environment, member: Environment) -> Environment:
    """Return the record of a run whose own classifier is that of a member.

    Args:
        own: of the whole run.
        member: of the one that it shows.
    """
    return member.model_copy(update={name: getattr(own, name) for name in _OWN})


def differences(recorded: Environment, here: Environment) -> tuple[Difference, ...]:
    """Return what is otherwise here than a record says: versions, processor, libraries and
    variables.

    What the record does not tell is no difference: an older version may not have looked.
    """
    machines = [
        {name: str(one.machine.get(name, "")) for name in _MACHINE} for one in (recorded, here)
    ]
    pairs = [(recorded.versions, here.versions), (machines[0], machines[1])]
    if recorded.computing:
        pairs.append((recorded.computing, here.computing))
    looked_at = {*_PACKAGES, *_MACHINE, "python", "carina", *recorded.computing, *here.computing}
    return tuple(
        Difference(what=name, recorded=there.get(name, ""), here=now.get(name, ""))
        for there, now in pairs
        for name in {**there, **now}
        if there.get(name, "") != now.get(name, "")
        and name in looked_at
        and (there.get(name) or recorded.computing)
    )


def computing_facts() -> dict[str, str]:
    """Return what computes on this machine beside the versions: instructions, libraries, and
    the environment variables that steer them."""
    from carina.training.circumstances import libraries

    return {**libraries(), **computing_variables()}


def machine_facts() -> dict[str, str | int | float]:
    """Return what is known of the hardware without asking for a privilege."""
    facts: dict[str, str | int | float] = {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": usable_cores(),
    }
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        n_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        facts["memory_gb"] = round(n_bytes / 2**30, 1)
    return facts


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
