"""What is installed, and what this machine offers."""

import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

import numpy as np

from carina.errors import CarinaError
from carina.imaging.decoded import MIN_SIDE_PX
from carina.imaging.pictures import pixels_png
from carina.imaging.read import read_radiograph_bytes
from carina.inference.runtime_choice import ChosenRuntime, choose_runtime
from carina.inference.runtimes import RUNTIMES
from carina.settings import Settings
from carina.version import VERSION
from carina.workflows.environment import machine_facts
from carina.workflows.extras import EXTRAS, extra_is_installed


def doctor(settings: Settings | None = None) -> dict[str, str | int | float]:
    """Return what a question about this installation needs, by name."""
    settings = settings or Settings.from_environment()
    facts: dict[str, str | int | float] = {"carina": VERSION, **machine_facts()}
    for extra in EXTRAS:
        facts[f"extra {extra}"] = "installed" if extra_is_installed(extra) else "not installed"
    facts["reading films"] = _reading_in_words()
    facts["compressed DICOM"] = _codecs_in_words()
    for name in RUNTIMES.names():
        facts[f"runtime {name}"] = _runtime_in_words(name)
    facts["predict, one film"] = _choice_in_words(choose_runtime(films_expected=1))
    facts["predict, many films"] = _choice_in_words(choose_runtime())
    facts["serve"] = _choice_in_words(choose_runtime())
    facts["precision"] = (
        "f32, unless --precision bf16 is asked for and the classifier's card offers it"
    )
    if extra_is_installed("train"):
        fixed = " or OpenVINO" if extra_is_installed("openvino") else ""
        facts["training"] = (
            f"torch {_version('torch')}; fixed layers by torch{fixed}, as a probe says"
        )
    facts["cache"] = str(settings.cache_dir)
    facts["runs go to"] = str(settings.runs_dir)
    return facts


def _reading_in_words() -> str:
    """Return whether a film was decoded just now in a process of its own, and what limits it."""
    film = pixels_png(np.zeros((MIN_SIDE_PX, MIN_SIDE_PX), dtype=np.float32))
    try:
        read_radiograph_bytes(film, name="a small film of doctor's own")
    except CarinaError as error:
        return f"fails: {error}"
    holds = "by the kernel" if sys.platform == "linux" else "by a thread of that process"
    return f"works, in a process of its own whose time and memory are limited {holds}"


def _codecs_in_words() -> str:
    """Return which compressed DICOM films are read; `imaging.dicom.codecs` has the table."""
    if find_spec("imagecodecs") is not None:
        return f"all kinds, with imagecodecs {_version('imagecodecs')}"
    return (
        "RLE, JPEG of 8 bit, JPEG 2000 and HTJ2K; with the extra 'dicom' also JPEG of 12 bit, JPEG "
        "lossless, JPEG-LS and colours of 16 bit"
    )


def _runtime_in_words(name: str) -> str:
    """Return a runtime's version and number formats, or why it is not there and what helps."""
    runtime = RUNTIMES.get(name)
    absence = runtime.absence()
    if absence is not None:
        return f"not there: {absence}"
    why_not = runtime.without_bf16()
    formats = f"f32; no bf16: {why_not}" if why_not else "f32 or bf16"
    return f"{runtime.title} {runtime.version()}, in {formats}"


def _choice_in_words(chosen: ChosenRuntime) -> str:
    return f"{chosen.in_words}: {chosen.because}"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(version unknown)"
