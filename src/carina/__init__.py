"""Carina: train, test, explain and serve chest X-ray classifiers.

The commands of the terminal are functions here, with the same names and arguments:

    import carina
    run = carina.train("films", recipe="two-conv")
    carina.predict(run.folder, "new-film.png")

Research and education only: not a medical device, not for diagnosis.
"""

import os
from importlib import import_module
from typing import Any

# Threads of GNU's OpenMP, which computes for torch, wait for each other by spinning, for
# milliseconds. Two trainings on the same cores then keep each other from working and take 20 times
# as long each, or more, instead of twice. It is read once, when torch is imported.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")

_HOMES = {
    "Run": "carina.runs",
    "audit": "carina.workflows.audit",
    "compare": "carina.workflows.compare",
    "demo": "carina.workflows.demo",
    "denoise": "carina.workflows.denoise",
    "doctor": "carina.workflows.doctor",
    "evaluate": "carina.workflows.evaluate",
    "evaluate_predictions": "carina.workflows.evaluate_predictions",
    "explain": "carina.workflows.explain",
    "explain_scores": "carina.workflows.explain_scores",
    "export": "carina.workflows.export",
    "get_data": "carina.workflows.data",
    "import_model": "carina.workflows.import_model",
    "known_data": "carina.workflows.data",
    "load_classifier": "carina.inference.bundle",
    "open_dataset": "carina.data",
    "package": "carina.workflows.package",
    "paper_table": "carina.workflows.paper_tables",
    "predict": "carina.workflows.predict",
    "predict_stream": "carina.workflows.predict",
    "read_radiograph": "carina.imaging",
    "recipes": "carina.workflows.recipes",
    "report": "carina.workflows.report",
    "report_pdf": "carina.workflows.printing",
    "reproduce": "carina.workflows.reproduce",
    "serve": "carina.web.server",
    "sign": "carina.workflows.signing",
    "train": "carina.workflows.train",
    "tune": "carina.workflows.tune",
    "verify": "carina.workflows.verify",
    "watch": "carina.workflows.watch",
}

__all__ = [
    "Run",
    "audit",
    "compare",
    "demo",
    "denoise",
    "doctor",
    "evaluate",
    "evaluate_predictions",
    "explain",
    "explain_scores",
    "export",
    "get_data",
    "import_model",
    "known_data",
    "load_classifier",
    "open_dataset",
    "package",
    "paper_table",
    "predict",
    "predict_stream",
    "read_radiograph",
    "recipes",
    "report",
    "report_pdf",
    "reproduce",
    "serve",
    "sign",
    "train",
    "tune",
    "verify",
    "watch",
]


def __getattr__(name: str) -> Any:
    """Import a public name at its first use, so that `import carina` stays quick."""
    if name not in _HOMES:
        raise AttributeError(f"module 'carina' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """List the public names."""
    return __all__
