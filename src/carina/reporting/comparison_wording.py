"""What a comparison says, in sentences."""

from __future__ import annotations

from collections.abc import Mapping

from carina.domain.comparison import AreaTest, Compared, ComparedPair, PairedTest
from carina.domain.evaluation import Estimates
from carina.domain.sentences import counted, listed
from carina.evaluation.compare import SIGNIFICANT
from carina.evaluation.shared_films import same_classes
from carina.evaluation.without_scores import NO_SCORES
from carina.reporting.wording import value_of

_AREA = "roc_auc"


def why_not_tested(first: Compared, second: Compared, pair: ComparedPair) -> str:
    """Return why two cannot be tested against each other on a part; "" if they can.

    Args:
        first, second: runs, readers or predictions.
        pair: what is known of their films.
    """
    if not same_classes(first.labels, second.labels):
        films = "the same films" if pair.n_first == pair.n_second == pair.n_shared else (
            f"{pair.n_first:,} and {counted(pair.n_second, f'{pair.part} film')}, of which "
            f"{pair.n_shared:,} are in both"
        )  # fmt: skip
        return (
            f"{first.name} tells {listed(first.labels)} apart, {second.name} tells "
            f"{listed(second.labels)} apart. These are two questions, asked of {films}; one may "
            "be easier, and the higher number need not belong to the better network"
        )
    if not pair.n_shared and pair.n_relabelled:
        films = counted(pair.n_relabelled, f"{pair.part} film")
        return f"the {films} of both have another class in {second.name} than in {first.name}"
    if not pair.n_shared:
        return (
            f"none of the {counted(pair.n_first, f'{pair.part} film')} of {first.name} is among "
            f"the {pair.n_second:,} of {second.name}: easier films give higher numbers"
        )
    return ""


def pair_sentence(pair: ComparedPair) -> str:
    """Return what a pair says: whether the difference is more than luck, how large it could
    be, and how many films would show it; or why nothing was tested."""
    if pair.test is None:
        return (
            f"Do not rank {pair.first} and {pair.second} by these numbers: "
            f"{pair.not_tested_because}."
        )
    shared = "" if pair.n_first == pair.n_second == pair.n_shared else "shared "
    test, films = pair.test, counted(pair.n_shared, f"{shared}{pair.part} film")
    if test.identical:
        return f"{pair.first} and {pair.second} gave identical answers to all {films}."
    lead = test.counts.only_first_right - test.counts.only_second_right
    if lead == 0:
        return (
            f"{pair.first} and {pair.second} answered equally many of {films} rightly "
            f"({value_of('accuracy', test.first['accuracy'])}): no difference was found. "
            f"{_how_large(pair, test)}{_by_area(pair, test)}"
        )
    better, other = (pair.first, pair.second) if lead > 0 else (pair.second, pair.first)
    ours, theirs = (test.first, test.second) if lead > 0 else (test.second, test.first)
    found = (
        f"{better} answered {value_of('accuracy', ours['accuracy'])} of {films} rightly, {other} "
        f"{value_of('accuracy', theirs['accuracy'])}"
    )
    if pair.more_than_luck:
        verdict = f"That is more than luck ({_test_words(test)})"
        return f"{found}. {verdict}. {_how_large(pair, test)}{_by_area(pair, test)}"
    return (
        f"{found}. That could be luck ({_test_words(test)}). {_how_large(pair, test)}"
        f"{_films_needed(test)}{_by_area(pair, test)}"
    )


def _test_words(test: PairedTest) -> str:
    name = "exact test over patients" if test.clustered else "exact McNemar test"
    several = f", {p_text(test.p_value_holm)} after Holm" if test.n_tests > 1 else ""
    return f"{name}, {p_text(test.p_value)}{several}"


def p_text(p_value: float) -> str:
    """Return a p-value for a sentence.

    >>> p_text(0.0312), p_text(0.00001), p_text(0.9999)
    ('p = 0.031', 'p < 0.001', 'p = 1.000')
    """
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"


def p_values_text(test: PairedTest | AreaTest) -> str:
    """Return a test's p-value for a table, over the corrected one where there are several."""
    if test.p_value is None or test.p_value_holm is None:
        return ""
    own, holm = (
        p_text(p_value).removeprefix("p ").removeprefix("= ")
        for p_value in (test.p_value, test.p_value_holm)
    )
    return f"{own}\n{holm}" if test.n_tests > 1 else own


def _how_large(pair: ComparedPair, test: PairedTest) -> str:
    """Return how large the true difference in accuracy may be, in words."""
    difference = test.differences["accuracy"]
    if difference.low is None or difference.high is None:
        return ""
    low, high = 100 * difference.low, 100 * difference.high
    opening = "On more films of this kind the difference in accuracy is probably"
    if low > 0 or high < 0:
        better = pair.first if low > 0 else pair.second
        ends = sorted((abs(low), abs(high)))
        return f"{opening} {ends[0]:.1f} to {ends[1]:.1f} points in favour of {better}."
    return (
        f"{opening} between {-low:.1f} points in favour of {pair.second} and {high:.1f} in favour "
        f"of {pair.first}."
    )


def _films_needed(test: PairedTest) -> str:
    if test.films_needed is None:
        return ""
    return (
        f" To show a difference of the size found, about {_rounded(test.films_needed)} films of "
        f"different patients would be needed; there are {test.n_images:,}."
    )


def _by_area(pair: ComparedPair, test: PairedTest) -> str:
    """Return what the areas under the ROC curve say, or why there is none to compare."""
    if not test.areas:
        return _without_area(pair, test)
    if len(test.areas) == 1:
        return f" {_one_area(pair, test.areas[0])}"
    told = [area for area in test.areas if area.p_value is not None]
    if not told:
        return " By ROC AUC nothing could be tested: each class needs films of two patients."
    shown = [_ahead(pair, area) for area in told if area_verdict(area) == "more than luck"]
    if shown:
        return f" By ROC AUC (DeLong's test) it is more than luck that {'; '.join(shown)}."
    nearest = min(told, key=lambda area: area.p_value or 0.0)
    return (
        f" By ROC AUC no class shows more than luck (DeLong's test; the smallest p is that of "
        f"{nearest.label}, {_p_values(nearest)}).{_films_like_these(nearest)}"
    )


def _without_area(pair: ComparedPair, test: PairedTest) -> str:
    deciders = deciders_of({pair.first: test.first, pair.second: test.second})
    if not deciders:
        return ""
    return (
        f" {listed(deciders)} gave decisions: a decision has no score, so that there is no ROC AUC "
        "to compare."
    )


def deciders_of(estimates: Mapping[str, Estimates]) -> list[str]:
    """Return who gave decisions alone.

    Args:
        estimates: name -> metric -> estimate.
    """
    return [
        name
        for name, own in estimates.items()
        if any(estimate.undefined_because == NO_SCORES for estimate in own.values())
    ]


def with_scores(estimates: Mapping[str, Estimates]) -> dict[str, Estimates]:
    """Return the estimates without those that decisions leave undefined: one sentence tells of
    them all.

    Args:
        estimates: row -> metric -> estimate.
    """
    return {
        row: {name: one for name, one in own.items() if one.undefined_because != NO_SCORES}
        for row, own in estimates.items()
    }


def _one_area(pair: ComparedPair, area: AreaTest) -> str:
    """Return what the one area of two classes says."""
    apart = area.difference.value
    if apart is None:
        return f"The ROC AUC could not be tested: {area.difference.undefined_because}."
    if apart == 0:
        return f"By ROC AUC both are equal ({value_of(_AREA, area.first)})."
    ours, theirs = (area.first, area.second) if apart > 0 else (area.second, area.first)
    better, other = (pair.first, pair.second) if apart > 0 else (pair.second, pair.first)
    found = (
        f"By ROC AUC, {better} has {value_of(_AREA, ours)} and {other} {value_of(_AREA, theirs)}"
    )
    if area.p_value is None:
        return f"{found}; films are too few for a test."
    if area_verdict(area) == "more than luck":
        return f"{found}: that is more than luck (DeLong's test, {_p_values(area)})."
    return (
        f"{found}: that could be luck (DeLong's test, {_p_values(area)}).{_films_like_these(area)}"
    )


def _ahead(pair: ComparedPair, area: AreaTest) -> str:
    """Return who is ahead for a class, and by how much."""
    apart = area.difference
    if apart.value is None or apart.low is None or apart.high is None:
        return ""
    better = pair.first if apart.value > 0 else pair.second
    low, high = sorted((abs(apart.low), abs(apart.high)))
    return (
        f"{better} is ahead for {area.label} by {abs(apart.value):.3f} ({low:.3f} to {high:.3f}, "
        f"{_p_values(area)})"
    )


def _p_values(area: AreaTest) -> str:
    if area.p_value is None or area.p_value_holm is None:
        return "no p"
    several = f", {p_text(area.p_value_holm)} after Holm" if area.n_tests > 1 else ""
    return f"{p_text(area.p_value)}{several}"


def _films_like_these(area: AreaTest) -> str:
    if area.films_needed is None:
        return ""
    return (
        f" About {_rounded(area.films_needed)} films like these would show a difference in ROC AUC "
        f"of the size found; there are {area.difference.n:,}."
    )


def area_verdict(area: AreaTest) -> str:
    """Return what the test of an area says, in a few words."""
    if area.p_value_holm is None:
        return "not tested"
    return "more than luck" if area.p_value_holm < SIGNIFICANT else "could be luck"


def films_needed_text(test: PairedTest | AreaTest) -> str:
    """Return the number of films for a table."""
    return "" if test.films_needed is None else f"about {_rounded(test.films_needed)}"


def _rounded(n: int) -> str:
    """Return a rough number with two digits that count.

    >>> _rounded(587), _rounded(23)
    ('590', '23')
    """
    digits = max(0, len(str(n)) - 2)
    return f"{round(n, -digits):,}"


def verdict_of(pair: ComparedPair) -> str:
    """Return a pair's verdict in a few words."""
    if pair.test is None:
        return "not tested"
    if pair.test.identical:
        return "identical answers"
    return "more than luck" if pair.more_than_luck else "could be luck"


def shared_words(pair: ComparedPair) -> str:
    """Return how many films two runs share, for a table.

    >>> shared_words(ComparedPair(part="test", first="a", second="b", n_first=60, n_second=40,
    ...     n_shared=30))
    '30\\nof 60 and 40'
    """
    return f"{pair.n_shared:,}\nof {pair.n_first:,} and {pair.n_second:,}"
