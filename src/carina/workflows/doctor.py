"""What is installed, and what this machine offers."""

from importlib.metadata import PackageNotFoundError, version

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
    facts["runtime"] = f"ONNX Runtime {_version('onnxruntime')} on the CPU, in f32"
    if extra_is_installed("train"):
        fixed = " or OpenVINO" if extra_is_installed("openvino") else ""
        facts["training"] = (
            f"torch {_version('torch')}; fixed layers by torch{fixed}, as a probe says"
        )
    facts["cache"] = str(settings.cache_dir)
    facts["runs go to"] = str(settings.runs_dir)
    return facts


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(version unknown)"
