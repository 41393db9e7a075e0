"""What came of making a run again, in words."""

from __future__ import annotations

from carina.domain.reproduction import ComparedMetric, ComparedRun, Reproduction
from carina.domain.sentences import counted, listed
from carina.reporting.wording import is_plain

# What is told first of the metrics that differ.
_FIRST = ("accuracy", "balanced_accuracy", "roc_auc_macro", "f1_macro")


def reproduction_sentence(found: Reproduction) -> str:
    """Return what was found in one sentence; a difference in its proportion."""
    if found.identical:
        return _identical(found)
    # The run itself shows its best member; what differs there is what matters.
    whole = found.runs[0]
    told = [one for one in (_metric(whole), _decisions(whole), _smallest(whole)) if one]
    others = [run.name for run in found.runs[1:] if not run.is_identical]
    if whole.is_identical:
        told = [f"the run itself is, but not {listed(others)}"]
    return f"Not identical: {'; '.join(told) or 'some bytes differ'}{_otherwise(found)}."


def _identical(found: Reproduction) -> str:
    n_numbers = sum(run.n_numbers for run in found.runs)
    n_films = sum(part.n_images for run in found.runs for part in run.predictions)
    n_files = sum(len(run.same_files) for run in found.runs)
    return (
        f"Identical: {counted(n_files, 'file')} (network, weights, predictions) have the same "
        f"bytes, and {n_numbers:,} numbers and the answers on {counted(n_films, 'film')} are the "
        f"same to the last digit{_otherwise(found)}."
    )


def _otherwise(found: Reproduction) -> str:
    if not found.differences:
        return ""
    return f"; otherwise than recorded: {_few([one.what for one in found.differences])}"


def _metric(run: ComparedRun) -> str:
    """Return the first metric that differs beside its interval, or ""."""
    by_name = {metric.name: metric for metric in run.metrics}
    names = [*(name for name in _FIRST if name in by_name), *sorted(by_name)]
    return _in_proportion(by_name[names[0]]) if names else ""


def _in_proportion(metric: ComparedMetric) -> str:
    """Return a difference beside the interval that the number had in any case.

    >>> _in_proportion(ComparedMetric(name="accuracy", recorded=0.8, here=0.81, low=0.7, high=0.9))
    'accuracy is 81.0 %, and was 80.0 %: apart by 1.0 points, within its interval of 70.0 to 90.0 %'
    """
    scale, unit, points = (1.0, "", "") if is_plain(metric.name) else (100.0, " %", " points")
    digits = 3 if is_plain(metric.name) else 1
    before, now = scale * metric.recorded, scale * metric.here
    apart = abs(now - before)
    shown = f"{apart:.{digits}f}" if apart >= 10**-digits else f"{apart:.1e}"
    name = metric.name.replace("_", " ")
    text = (
        f"{name} is {now:.{digits}f}{unit}, and was {before:.{digits}f}{unit}: apart by "
        f"{shown}{points}"
    )
    if metric.low is None or metric.high is None:
        return text
    where = "within" if metric.is_inside else "outside of"
    low, high = scale * metric.low, scale * metric.high
    return f"{text}, {where} its interval of {low:.{digits}f} to {high:.{digits}f}{unit}"


def _decisions(run: ComparedRun) -> str:
    test = [part for part in run.predictions if part.part == "test"]
    if not test:
        return ""
    (part,) = test
    if part.only_one:
        return f"{counted(part.only_one, 'test film')} has an answer in one run alone"
    if not part.n_differing:
        return "the answers on the test films are the same"
    return (
        f"{part.changed_decisions} of {counted(part.n_images, 'test film')} are decided "
        f"otherwise, and probabilities differ by at most {part.largest_difference:.2g}"
    )


def _smallest(run: ComparedRun) -> str:
    """Return how far the weights are apart, where nothing else tells of a difference."""
    if run.metrics or not run.weights:
        return ""
    return f"weights differ by at most {run.weights:.2g}"


def _few(names: list[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return listed(names) if not more else f"{', '.join(names[:most])}{more}"
