"""What is installed, and what this machine offers."""

from importlib.metadata import PackageNotFoundError, version

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
