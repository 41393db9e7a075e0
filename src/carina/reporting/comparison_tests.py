"""Whether runs differ by more than luck, as tables and sentences."""

from __future__ import annotations

from collections.abc import Sequence

from carina.domain.comparison import ComparedPair, ComparedPart, Comparison, PairedTest
from carina.domain.report import Block, Notice, Paragraph, Table
from carina.evaluation.compare import COMPARED_METRICS
from carina.reporting.comparison_wording import (
    difference_of,
    films_needed_text,
    p_text,
    shared_words,
    verdict_of,
)
from carina.reporting.wording import (
    name_then_numbers,
    over_interval,
    reasons,
    sentence,
    title_of,
)

# as many pairs have their sentences on the first screen
MOST_SENTENCES = 3


def luck_blocks(comparison: Comparison) -> tuple[Block, ...]:
    """Return every pair's test on the test part and on the validation part."""
    blocks: list[Block] = []
    for part in ("test", "validation"):
        pairs = [pair for pair in comparison.pairs if pair.part == part]
        blocks.extend(_part_blocks(part, pairs))
    if any(pair.test for pair in comparison.pairs):
        blocks.extend(Paragraph(text) for text in _method(comparison.pairs))
    return tuple(blocks)


def _part_blocks(part: ComparedPart, pairs: Sequence[ComparedPair]) -> list[Block]:
    apart = [pair for pair in pairs if pair.test is None]
    tested = [(pair, pair.test) for pair in pairs if pair.test is not None]
    blocks: list[Block] = [Paragraph(_opening(part, len(tested), len(apart)))]
    blocks.extend(Notice("critical", pair.sentence) for pair in _told_here(part, apart, pairs))
    if tested:
        blocks.append(_tests(part, tested))
        blocks.append(_differences(part, tested))
        blocks.extend(Paragraph(reason) for reason in _undefined(tested))
        if any(not pair.n_first == pair.n_second == pair.n_shared for pair, _ in tested):
            blocks.append(_on_shared(part, tested))
        if part == "test" and len(pairs) > MOST_SENTENCES:
            blocks.extend(Paragraph(pair.sentence) for pair, _ in tested)
    notes = dict.fromkeys(sentence(note) for pair in pairs for note in pair.notes)
    blocks.extend(Notice("note", f"{note[:1].upper()}{note[1:]}") for note in notes)
    return blocks


def _told_here(
    part: ComparedPart, apart: Sequence[ComparedPair], pairs: Sequence[ComparedPair]
) -> Sequence[ComparedPair]:
    """Return the pairs without a test that the first screen did not tell of."""
    return apart if part == "test" and len(pairs) > MOST_SENTENCES else ()


def _opening(part: ComparedPart, n_tested: int, n_apart: int) -> str:
    if not n_tested:
        why = "no two runs answered the same question on the same films"
        return f"On {part} nothing was tested, since {why}."
    rest = f" {n_apart} more cannot be tested." if n_apart else ""
    flatters = " Validation chose the epochs; the test part is the judge." * (part == "validation")
    pairs = "One pair of runs" if n_tested == 1 else f"{n_tested} pairs of runs"
    return f"On {part}: {pairs} answered the same question on the same films.{rest}{flatters}"


Tested = Sequence[tuple[ComparedPair, PairedTest]]


def _tests(part: ComparedPart, tested: Tested) -> Table:
    return Table(
        columns=(
            "First and second run",
            "Shared films",
            "Both right",
            "Only first right",
            "Only second right",
            "Both wrong",
            "p",
            "p after Holm",
            "Verdict",
            "Films needed",
        ),
        rows=tuple(
            (
                _names(pair),
                shared_words(pair),
                f"{test.counts.both_right:,}",
                f"{test.counts.only_first_right:,}",
                f"{test.counts.only_second_right:,}",
                f"{test.counts.both_wrong:,}",
                p_text(test.p_value).removeprefix("p ").removeprefix("= "),
                p_text(test.p_value_holm).removeprefix("p ").removeprefix("= "),
                verdict_of(pair),
                films_needed_text(test),
            )
            for pair, test in tested
        ),
        caption=f"Right and wrong on the same {part} films, and the exact test",
        align=(*name_then_numbers(7), "left", "right"),
    )


def _differences(part: ComparedPart, tested: Tested) -> Table:
    return Table(
        columns=("First minus second", *(title_of(name) for name in COMPARED_METRICS)),
        rows=tuple(
            (
                _names(pair),
                *(difference_of(name, test.differences[name]) for name in COMPARED_METRICS),
            )
            for pair, test in tested
        ),
        caption=f"Differences on {part}, with 95 % intervals; above 0 the first is better",
        align=name_then_numbers(len(COMPARED_METRICS)),
    )


def _on_shared(part: ComparedPart, tested: Tested) -> Table:
    """Return what each run achieves on the shared films, where they are not all films."""
    rows = []
    for pair, test in tested:
        for name, other, estimates in (
            (pair.first, pair.second, test.first),
            (pair.second, pair.first, test.second),
        ):
            cells = (over_interval(metric, estimates[metric]) for metric in COMPARED_METRICS)
            rows.append((f"{name}\nshared with {other}", f"{test.n_images:,}", *cells))
    return Table(
        columns=("Run", "Films", *(title_of(name) for name in COMPARED_METRICS)),
        rows=tuple(rows),
        caption=f"Metrics on the shared {part} films alone",
        align=name_then_numbers(1 + len(COMPARED_METRICS)),
    )


def _undefined(tested: Tested) -> tuple[str, ...]:
    return reasons({f"{pair.first} minus {pair.second}": test.differences for pair, test in tested})


def _names(pair: ComparedPair) -> str:
    return f"{pair.first}\n{pair.second}"


def _method(pairs: Sequence[ComparedPair]) -> list[str]:
    """Return how all this was computed, with the sources."""
    tests = [pair.test for pair in pairs if pair.test is not None]
    units = " or ".join(dict.fromkeys(test.unit for test in tests))
    texts = [
        "Films are the same where their bytes are. The test asks whether both runs are right "
        "equally often: of the films that only one answers rightly, each would fall to either "
        "run like a coin (exact McNemar test; McNemar, Psychometrika 1947). “More than luck” "
        "means p below 0.05 after Holm's correction for the number of pairs (Scand J Stat 1979).",
        f"Intervals of differences: paired bootstrap over {units}, bias-corrected, both runs on "
        "the same draws; for the accuracy never narrower than the exact test allows. They are "
        "not corrected for the number of pairs and metrics. Films needed: to show a difference "
        "as large as the one found in four of five studies, each film of another patient "
        "(Connor, Biometrics 1987); rough, as the difference found is.",
        "All this is about the luck of the films. Another seed gives another network: one run "
        "of each says nothing about which recipe is better.",
    ]
    if any(test.clustered for test in tests):
        texts.insert(
            1,
            "Where patients have several films, whole patients are exchanged between the runs "
            "instead of single films (exact randomisation test; Pitman 1937).",
        )
    return texts
