"""What a comparison says, in sentences."""

from __future__ import annotations

from carina.domain.comparison import ComparedPair, ComparedRun, PairedTest
from carina.domain.estimate import Estimate
from carina.domain.sentences import listed
from carina.evaluation.shared_films import same_classes
from carina.reporting.wording import counted, value_of

_POINTS = ("accuracy", "balanced_accuracy", "f1_macro")


def why_not_tested(first: ComparedRun, second: ComparedRun, pair: ComparedPair) -> str:
    """Return why two runs cannot be tested against each other on a part; "" if they can.

    Args:
        first, second: the runs.
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
            f"{_how_large(pair, test)}{_however(pair, test)}"
        )
    better, other = (pair.first, pair.second) if lead > 0 else (pair.second, pair.first)
    ours, theirs = (test.first, test.second) if lead > 0 else (test.second, test.first)
    found = (
        f"{better} answered {value_of('accuracy', ours['accuracy'])} of {films} rightly, {other} "
        f"{value_of('accuracy', theirs['accuracy'])}"
    )
    if pair.more_than_luck:
        verdict = f"That is more than luck ({_test_words(test)})"
        return f"{found}. {verdict}. {_how_large(pair, test)}{_however(pair, test)}"
    return (
        f"{found}. That could be luck ({_test_words(test)}). {_how_large(pair, test)}"
        f"{_films_needed(test)}{_however(pair, test)}"
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


def _however(pair: ComparedPair, test: PairedTest) -> str:
    """Return what the area under the ROC curve says where it says something else."""
    area, lead = test.differences["roc_auc_macro"], test.differences["accuracy"].value
    if area.value is None or area.low is None or area.high is None or lead is None:
        return ""
    clear = area.low > 0 or area.high < 0
    if not clear or (pair.more_than_luck and lead * area.value > 0):
        return ""
    ahead = pair.first if area.value > 0 else pair.second
    low, high = sorted((abs(area.low), abs(area.high)))
    return (
        f" By ROC AUC, however, {ahead} is ahead by {abs(area.value):.3f} "
        f"({low:.3f} to {high:.3f}), a second look that no correction counts."
    )


def films_needed_text(test: PairedTest) -> str:
    """Return the number of films for a table."""
    return "" if test.films_needed is None else f"about {_rounded(test.films_needed)}"


def _rounded(n: int) -> str:
    """Return a rough number with two digits that count.

    >>> _rounded(587), _rounded(23)
    ('590', '23')
    """
    digits = max(0, len(str(n)) - 2)
    return f"{round(n, -digits):,}"


def difference_of(name: str, difference: Estimate) -> str:
    """Return a difference and its interval on two lines of one cell, with signs.

    >>> one = Estimate(value=0.05, low=-0.01, high=0.11, n=60, method="paired-bootstrap-films")
    >>> difference_of("accuracy", one)
    '+5.0 points\\n-1.0 to +11.0'
    >>> difference_of("roc_auc_macro", one)
    '+0.050\\n-0.010 to +0.110'
    """
    if difference.value is None:
        return value_of(name, difference)
    scale, digits, unit = (100, 1, " points") if name in _POINTS else (1, 3, "")
    value = f"{_signed(scale * difference.value, digits)}{unit}"
    if difference.low is None or difference.high is None:
        return value
    low, high = (_signed(scale * end, digits) for end in (difference.low, difference.high))
    return f"{value}\n{low} to {high}"


def _signed(value: float, digits: int) -> str:
    text = f"{value:+.{digits}f}"
    return text.lstrip("+-") if float(text) == 0 else text


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
