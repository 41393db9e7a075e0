"""Whether the heat maps show what the network looks at."""

from __future__ import annotations

from collections.abc import Mapping

from carina.domain.estimate import Estimate
from carina.domain.explanation_scores import (
    IN_LUNGS,
    SCORE_NAMES,
    SCORE_TITLES,
    ExplanationScores,
    MethodScores,
)
from carina.domain.report import Block, Bullets, Notice, Paragraph, Section, Table
from carina.domain.sentences import counted, listed, sentence
from carina.inference.explain import EXPLAINERS
from carina.reporting.sections import section
from carina.reporting.wording import name_then_numbers
from carina.runs import Run

_ON_LUNGS = "everything on the lungs"
_HOW_TO_READ = (
    "Deletion and insertion ask whether the network needs what the map marks. The hottest places "
    "are blurred one after the other: if the map is right, the probability falls early, and the "
    "mean on the way is small. Then they are put back into the blurred film: it should rise early.",
    "Random maps of the same values and smoothness say what such numbers are worth: only a gain "
    "whose interval lies above 0 shows that the maps mark what the network uses.",
    "Likeness is the rank correlation of two maps: 1 for the same order of all places, 0 for maps "
    "that have nothing to do with each other.",
    "If a map stays alike once the network's weights are shuffled, it is a picture of the film's "
    "edges and not of what the network has learned.",
    "A film that is shifted, noisier or darker by so little that nobody would read it otherwise, "
    "and that gets the same answer, should get the same map.",
    "Disease of the lungs can only be seen in the lungs. Heat spread evenly would lie inside them "
    "by the share of the picture that they cover; heat outside tells of letters, borders, bones "
    "or the hospital.",
)


@section("heat-maps", order=52)
def heat_maps(run: Run) -> Section | None:
    """Return the section on what the heat maps are worth, or None where none was scored."""
    scores = run.evaluation.explanation_scores
    if scores is None or not scores.methods:
        return None
    return Section(anchor="heat-maps", title="Heat maps", blocks=heat_map_blocks(scores))


def heat_map_blocks(scores: ExplanationScores) -> tuple[Block, ...]:
    """Return what the maps of some methods are worth, as blocks."""
    return (
        Paragraph(
            f"A heat map looks convincing whatever it shows, so it was measured, on {scores.data}. "
            "Each film was explained for the class that it was taken for; the intervals are 95 %."
        ),
        *(Notice("warning", sentence(caution)) for caution in scores.cautions),
        _table(scores.methods),
        *_what_is_missing(scores),
        Bullets("What the scores say:", _HOW_TO_READ),
    )


def _table(methods: Mapping[str, MethodScores]) -> Table:
    return Table(
        columns=("Score", *(f"{one.title}\n{_films(one)}" for one in methods.values())),
        rows=tuple(
            (SCORE_TITLES[name], *(_cell(name, one.scores[name]) for one in methods.values()))
            for name in SCORE_NAMES
        ),
        caption="What the heat maps are worth: means over films",
        align=name_then_numbers(len(methods)),
    )


def _films(method: MethodScores) -> str:
    empty = f", {method.n_without_heat:,} without heat" if method.n_without_heat else ""
    return f"{counted(method.n_films, 'film')}{empty}"


def _cell(name: str, estimate: Estimate) -> str:
    """Return value and interval on two lines, shares as percentages."""
    if estimate.value is None:
        return "not scored"
    digits, scale, unit = (1, 100, " %") if name in IN_LUNGS else (3, 1, "")
    if name == "heat_above_even":
        unit = " points"
    value = f"{scale * estimate.value:.{digits}f}{unit}"
    if estimate.low is None or estimate.high is None:
        return value
    return f"{value}\n{scale * estimate.low:.{digits}f} to {scale * estimate.high:.{digits}f}{unit}"


def _what_is_missing(scores: ExplanationScores) -> list[Block]:
    """Return why cells are empty, on how many films others rest, and which methods are left."""
    told = []
    for one in scores.methods.values():
        reasons: dict[str, list[str]] = {}
        for name in SCORE_NAMES:
            estimate = one.scores[name]
            if estimate.value is None:
                reasons.setdefault(estimate.undefined_because, []).append(name)
            elif estimate.n < one.n_films - one.n_without_heat:
                reasons.setdefault(f"on {counted(estimate.n, 'film')} alone", []).append(name)
        told += [f"{one.title}: {_in_words(names)}: {why}." for why, names in reasons.items()]
        if one.n_not_explained:
            told.append(
                f"{one.title}: {counted(one.n_not_explained, 'film')} of a class that it cannot "
                "explain."
            )
    left_out: dict[str, list[str]] = {}
    for name, why in scores.not_scored.items():
        left_out.setdefault(why, []).append(_title(name))
    told += [f"{listed(titles)}: not scored; {why}." for why, titles in left_out.items()]
    return [Bullets("What was not scored, or on fewer films:", tuple(told))] if told else []


def _title(method: str) -> str:
    """Return a method as it is written in the field."""
    return EXPLAINERS.get(method).title if method in EXPLAINERS.names() else method


def _in_words(names: list[str]) -> str:
    """Return scores by their titles; those on the lungs, which mostly come together, as one."""
    rest = [SCORE_TITLES[name] for name in names if name not in IN_LUNGS]
    on_lungs = [SCORE_TITLES[name] for name in names if name in IN_LUNGS]
    return listed([*rest, *(on_lungs if len(on_lungs) < len(IN_LUNGS) else [_ON_LUNGS])])
