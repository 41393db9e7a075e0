"""What the tests of a run on other films say, for whoever reads its answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from carina.errors import EvaluationError

if TYPE_CHECKING:
    from carina.runs import Run


def tests_elsewhere(place: Path | str | None) -> tuple[str, ...]:
    """Return what each external test of a run says, in words; it reads the run's files.

    Args:
        place: what is served: a run, or a classifier's folder, which knows of no such test;
            None if that is not known.
    """
    if place is None:
        return ()
    from carina.runs import Run

    run = Run(Path(place))
    said = (_in_words(run, name) for name in run.external_names())
    return tuple(sentence for sentence in said if sentence)


def _in_words(run: Run, name: str) -> str:
    try:
        test = run.external_evaluation(name)
    except EvaluationError:
        return f"The test on {name} cannot be read."
    if not test.data.external:
        return ""
    beside = test.against_internal
    if beside is not None and beside.sentence:
        return beside.sentence
    accuracy = test.metrics["accuracy"]
    films = f"{test.data.n_images:,} films of {test.data.name}"
    if accuracy.value is None:
        return f"On {films} accuracy is not defined: {accuracy.undefined_because}."
    interval = ""
    if accuracy.low is not None and accuracy.high is not None:
        interval = f" ({100 * accuracy.low:.1f} to {100 * accuracy.high:.1f} %)"
    return f"On {films} accuracy is {100 * accuracy.value:.1f} %{interval}."
