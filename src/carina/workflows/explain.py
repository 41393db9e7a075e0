"""Where a network looked."""

from collections.abc import Sequence
from pathlib import Path

from carina.domain.progress import Progress
from carina.inference.runtime_choice import AUTO
from carina.settings import Settings
from carina.workflows.places import claimed
from carina.workflows.predict import predict
from carina.workflows.predictions import Predictions


def explain(
    classifier: str | Path,
    paths: str | Path | Sequence[str | Path],
    *,
    out: str | Path | None = None,
    label: str | None = None,
    method: str | None = None,
    runtime: str = AUTO,
    precision: str = "f32",
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> Predictions:
    """Write a heat map (PNG) over every film, and return the answers with their files.

    Args:
        classifier: a classifier's folder, or a run.
        paths: films, and folders that are searched for films; `-` is standard input.
        out: a new or empty folder; `runs/<time>-explain` if None.
        label: the class to explain; the predicted one of each film if None.
        method: the explanation method; the class's usual one if None.
        runtime, precision: what computes the answers, as in `predict`.
        settings: where runs go without `out`; from the environment if None.
        progress: called as the work goes on.

    Raises:
        CarinaError: as `predict` does, and a `UsageError` if `out` is not empty.
    """
    settings = settings or Settings.from_environment()
    with claimed(out, settings=settings, name="explain", n_bytes=10_000_000) as folder:
        return predict(
            classifier,
            paths,
            explain=folder,
            label=label,
            method=method,
            runtime=runtime,
            precision=precision,
            progress=progress,
        )
