"""Whether the probabilities mean what they say."""

from __future__ import annotations

from carina.domain.calibration_figures import CalibrationFigures
from carina.domain.estimate import Estimate
from carina.domain.evaluation import Estimates, Evaluation
from carina.domain.report import Block, Bullets, Figure, Paragraph, Section, Table
from carina.domain.sentences import counted, listed
from carina.reporting.calibration_figure import (
    is_narrow,
    reliability_in_words,
    reliability_svg,
)
from carina.reporting.leaked_notice import leaked_notice
from carina.reporting.sections import test_section
from carina.reporting.wording import (
    NOT_DEFINED,
    interval_of,
    name_then_numbers,
    over_interval,
    value_of,
)
from carina.runs import Run, TestFolder

_ERROR = "expected_calibration_error"
# a temperature this near 1 changes an answer of 90 % by less than half a point
_HARDLY = 0.05
_IF_CALIBRATED = "expected_calibration_error_if_calibrated"


@test_section("calibration", order=42)
def calibration(test: Run | TestFolder) -> Section | None:
    """Return the section on whether probabilities are honest; None without probabilities."""
    evaluation = test.evaluation
    figures = evaluation.calibration
    if figures is None:
        return None
    blocks: tuple[Block, ...] = (
        *leaked_notice(evaluation),
        Paragraph(figures.sentence),
        Paragraph(how_made(figures)),
        *_diagram(figures),
        _errors(figures),
        Paragraph(_against_perfect(figures)),
        _slopes(evaluation, figures),
        *(Paragraph(words) for words in _dishonest(evaluation, figures)),
        *(Paragraph(reason) for reason in _undefined(figures)),
        _reading(),
    )
    return Section("calibration", "Are the probabilities honest?", blocks)


def how_made(figures: CalibrationFigures) -> str:
    """Return how logits became probabilities, and what that does, in sentences."""
    rule = figures.calibration
    made = f"The probabilities are {figures.method}."
    instead = f" It is no vector scaling, because {rule.unfitted_because}."
    if rule.method == "identity":
        why = f", because {rule.unfitted_because}" if rule.unfitted_because else ""
        return f"{made} They were not calibrated{why}."
    if rule.method == "vector":
        return f"{made} The test part had no say in it."
    effect = "less sure than the network was" if rule.temperature > 1 else "surer"
    little = "hardly " if abs(rule.temperature - 1) < _HARDLY else ""
    return (
        f"{made} That makes every answer {little}{effect}, and leaves the most probable class as "
        f"it is. The test part had no say in it.{instead if rule.unfitted_because else ''}"
    )


def _diagram(figures: CalibrationFigures) -> list[Block]:
    if not figures.reliability:
        return []
    return [
        Figure(
            svg=reliability_svg(figures),
            alt=reliability_in_words(figures),
            caption="Above: the films in groups of about equal size, by the probability of the "
            "class that they were given, and the share of each group that was of the class. Honest "
            "probabilities lie on the dotted line, and a bar that crosses it agrees with it. "
            "Below: how often which probability was given.",
            whole=is_narrow(figures),
        )
    ]


def _states(figures: CalibrationFigures) -> list[tuple[str, Estimates]]:
    states = [("As answered", figures.metrics)]
    if figures.uncalibrated:
        states.append(("Before calibration", figures.uncalibrated))
    return states


def _errors(figures: CalibrationFigures) -> Table:
    return Table(
        columns=("Probabilities", "Found", "Perfect ones would show"),
        rows=tuple(
            (
                name,
                over_interval(_ERROR, metrics[_ERROR]),
                over_interval(_IF_CALIBRATED, metrics[_IF_CALIBRATED]),
            )
            for name, metrics in _states(figures)
        ),
        caption="Expected calibration error: how far the most probable class's probability is "
        "from how often it is right, with 95 % intervals",
        align=name_then_numbers(2),
    )


def _against_perfect(figures: CalibrationFigures) -> str:
    found, perfect = figures.metrics[_ERROR], figures.metrics[_IF_CALIBRATED]
    films = f"with {counted(found.n, 'film')} like these"
    shown = f"{value_of(_ERROR, found)}"
    span = f"{interval_of(_IF_CALIBRATED, perfect)} that perfect probabilities show {films}"
    if found.value is None or perfect.low is None or perfect.high is None:
        return f"The expected calibration error is not defined: {found.undefined_because}."
    if found.value > perfect.high:
        return (
            f"The error of {shown} is larger than the {span}: the probabilities are not "
            "honest here."
        )
    return (
        f"The error of {shown} is no larger than the {span}, by the luck of which films were "
        "drawn: by itself it is no sign of dishonest probabilities, and no proof of honest ones."
    )


def _slopes(evaluation: Evaluation, figures: CalibrationFigures) -> Table:
    columns = ["Class against the rest"]
    states = _states(figures)
    for name, _ in states:
        where = "" if len(states) == 1 else f", {name[0].lower()}{name[1:]}"
        columns += [f"Slope{where}", f"Intercept{where}"]
    mirrored = "; of two classes one mirrors the other" if len(evaluation.labels) == 2 else ""
    return Table(
        columns=tuple(columns),
        rows=tuple(
            (
                label,
                *(
                    over_interval(name, metrics[f"{name}[{label}]"])
                    for _, metrics in states
                    for name in ("calibration_slope", "calibration_intercept")
                ),
            )
            for label in evaluation.labels
        ),
        caption="Calibration slope (honest: 1) and intercept (honest: 0), with 95 % intervals"
        f"{mirrored}",
        align=name_then_numbers(2 * len(states)),
    )


def _dishonest(evaluation: Evaluation, figures: CalibrationFigures) -> list[str]:
    """Return in a sentence which intervals leave out the honest value, if one does."""
    said = []
    for label in evaluation.labels:
        slope = figures.metrics[f"calibration_slope[{label}]"]
        intercept = figures.metrics[f"calibration_intercept[{label}]"]
        how = [
            *_side(slope, honest=1, below="too extreme", above="not extreme enough"),
            *_side(
                intercept, honest=0, below="too high on the whole", above="too low on the whole"
            ),
        ]
        if how:
            said.append(f"those of {label} are {listed(how)}")
    if not said:
        return []
    off = "Where an interval leaves out the honest value, the probabilities are off"
    return [f"{off}: {'; '.join(said)}."]


def _side(estimate: Estimate, *, honest: float, below: str, above: str) -> list[str]:
    """Return on which side of the honest value an interval lies, if on one."""
    if estimate.high is not None and estimate.high < honest:
        return [below]
    return [above] if estimate.low is not None and estimate.low > honest else []


def _undefined(figures: CalibrationFigures) -> list[str]:
    """Return a sentence for each reason why something is not defined."""
    by_reason: dict[str, list[str]] = {}
    for _, metrics in _states(figures):
        for name, estimate in metrics.items():
            if estimate.value is None and name.startswith("calibration_"):
                names = by_reason.setdefault(estimate.undefined_because, [])
                if _named(name) not in names:
                    names.append(_named(name))
    return [
        f"The {listed(names)} {'is' if len(names) == 1 else 'are'} {NOT_DEFINED}: {why}."
        for why, names in by_reason.items()
    ]


def _named(name: str) -> str:
    """Return the words for a number of one class.

    >>> _named("calibration_slope[Covid]")
    'slope of Covid'
    """
    kind, label = name.removeprefix("calibration_").removesuffix("]").split("[", 1)
    return f"{kind} of {label}"


def _reading() -> Bullets:
    return Bullets(
        lead="How to read these numbers:",
        items=(
            "A slope below 1 means that probabilities are too extreme: the high ones should be "
            "lower and the low ones higher. Above 1 they are not extreme enough.",
            "An intercept below 0 means that the class is rarer among these films than its "
            "probabilities say; above 0, more frequent.",
            "Where a class is rarer or more frequent than it was in training, or films come from "
            "another machine, probabilities that were honest here are so no longer.",
        ),
    )
