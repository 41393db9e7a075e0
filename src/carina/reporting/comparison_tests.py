"""Whether runs differ by more than luck, as tables and sentences."""

from __future__ import annotations

from collections.abc import Sequence

from carina.domain.comparison import (
    AreaTest,
    ComparedPair,
    ComparedPart,
    Comparison,
    PairedTest,
)
from carina.domain.evaluation import Estimates
from carina.domain.report import Block, Notice, Paragraph, Table
from carina.domain.sentences import capitalised, sentence
from carina.evaluation.compare import COMPARED_METRICS, COMPARED_OF_CLASS
from carina.reporting.comparison_wording import (
    area_verdict,
    films_needed_text,
    p_values_text,
    shared_words,
    verdict_of,
    with_scores,
)
from carina.reporting.wording import (
    difference_over_interval,
    name_then_numbers,
    over_interval,
    reasons,
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
        blocks.extend(_areas(part, tested))
        blocks.append(_differences(part, tested))
        blocks.append(_of_classes(part, tested))
        blocks.extend(Paragraph(reason) for reason in _undefined(tested))
        partly = [
            (pair, test)
            for pair, test in tested
            if not pair.n_first == pair.n_second == pair.n_shared
        ]
        if partly:
            blocks.append(_on_shared(part, partly))
        if part == "test" and len(pairs) > MOST_SENTENCES:
            blocks.extend(Paragraph(pair.sentence) for pair, _ in tested)
    notes = dict.fromkeys(sentence(note) for pair in pairs for note in pair.notes)
    blocks.extend(Notice("note", f"{capitalised(note)}") for note in notes)
    return blocks


def _told_here(
    part: ComparedPart, apart: Sequence[ComparedPair], pairs: Sequence[ComparedPair]
) -> Sequence[ComparedPair]:
    """Return the pairs without a test that the first screen did not tell of."""
    return apart if part == "test" and len(pairs) > MOST_SENTENCES else ()


def _opening(part: ComparedPart, n_tested: int, n_apart: int) -> str:
    if not n_tested:
        why = "no two answered the same question on the same films"
        return f"On {part} nothing was tested, since {why}."
    rest = f" {n_apart} more cannot be tested." if n_apart else ""
    flatters = " Validation chose the epochs; the test part is the judge." * (part == "validation")
    pairs = "One pair" if n_tested == 1 else f"{n_tested} pairs"
    return f"On {part}: {pairs} answered the same question on the same films.{rest}{flatters}"


Tested = Sequence[tuple[ComparedPair, PairedTest]]


def _tests(part: ComparedPart, tested: Tested) -> Table:
    return Table(
        columns=(
            "First and second",
            "Shared films",
            "Both right",
            "Only first right",
            "Only second right",
            "Both wrong",
            _p_title([test for _, test in tested]),
            "Verdict, films needed",
        ),
        rows=tuple(
            (
                _names(pair),
                shared_words(pair),
                f"{test.counts.both_right:,}",
                f"{test.counts.only_first_right:,}",
                f"{test.counts.only_second_right:,}",
                f"{test.counts.both_wrong:,}",
                p_values_text(test),
                _with_films(verdict_of(pair), test),
            )
            for pair, test in tested
        ),
        caption=f"Right and wrong on the same {part} films, and the exact test",
        align=(*name_then_numbers(6), "left"),
    )


def _differences(part: ComparedPart, tested: Tested) -> Table:
    return Table(
        columns=("First minus second", *(title_of(name) for name in COMPARED_METRICS)),
        rows=tuple(
            (
                _names(pair),
                *(
                    difference_over_interval(name, test.differences[name])
                    for name in COMPARED_METRICS
                ),
            )
            for pair, test in tested
        ),
        caption=f"Differences on {part}, with 95 % intervals; above 0 the first is better",
        align=name_then_numbers(len(COMPARED_METRICS)),
    )


def _areas(part: ComparedPart, tested: Tested) -> list[Table]:
    """Return DeLong's test of every area, where any pair has areas."""
    rows = [
        ("\n".join(filter(None, (_names(pair), area.label))), *_area_cells(area))
        for pair, test in tested
        for area in test.areas
    ]
    if not rows:
        return []
    of_class = ", class" if any(area.label for _, test in tested for area in test.areas) else ""
    return [
        Table(
            columns=(
                f"First, second{of_class}",
                "ROC AUC of the first",
                "of the second",
                "Difference, DeLong",
                "Difference, bootstrap",
                _p_title([area for _, test in tested for area in test.areas]),
                "Verdict, films needed",
            ),
            rows=tuple(rows),
            caption=f"Areas under the ROC curve on the same {part} films, and DeLong's test",
            align=(*name_then_numbers(5), "left"),
        )
    ]


def _area_cells(area: AreaTest) -> tuple[str, ...]:
    return (
        over_interval("roc_auc", area.first),
        over_interval("roc_auc", area.second),
        difference_over_interval("roc_auc", area.difference),
        difference_over_interval("roc_auc", area.bootstrap),
        p_values_text(area),
        _with_films(area_verdict(area), area),
    )


def _p_title(tests: Sequence[PairedTest | AreaTest]) -> str:
    return "p, below it after Holm" if any(test.n_tests > 1 for test in tests) else "p"


def _with_films(verdict: str, test: PairedTest | AreaTest) -> str:
    """Return a verdict over how many films would show such a difference."""
    needed = films_needed_text(test)
    return f"{verdict}\n{needed} films" if needed else verdict


def _of_classes(part: ComparedPart, tested: Tested) -> Table:
    """Return the differences in sensitivity and specificity of each class."""
    return Table(
        columns=(
            "First minus second",
            "Class against the rest",
            *(title_of(name) for name in COMPARED_OF_CLASS),
        ),
        rows=tuple(
            (
                _names(pair),
                label,
                *(difference_over_interval(name, own[name]) for name in COMPARED_OF_CLASS),
            )
            for pair, test in tested
            for label, own in _shown_classes(test)
        ),
        caption=f"Differences by class on {part}, with 95 % intervals; above 0 the first is better",
        align=("left", *name_then_numbers(len(COMPARED_OF_CLASS))),
    )


def _shown_classes(test: PairedTest) -> list[tuple[str, Estimates]]:
    """Return the differences of each class; of two classes those of the first, whose
    sensitivity is the specificity of the other."""
    every = list(test.per_class.items())
    return every[:1] if len(every) == 2 else every


def _on_shared(part: ComparedPart, tested: Tested) -> Table:
    """Return what each achieves on the shared films, where they are not all films."""
    rows = []
    for pair, test in tested:
        for name, other, estimates in (
            (pair.first, pair.second, test.first),
            (pair.second, pair.first, test.second),
        ):
            cells = (over_interval(metric, estimates[metric]) for metric in COMPARED_METRICS)
            rows.append((f"{name}\nshared with {other}", f"{test.n_images:,}", *cells))
    return Table(
        columns=("Of", "Films", *(title_of(name) for name in COMPARED_METRICS)),
        rows=tuple(rows),
        caption=f"Metrics on the shared {part} films alone",
        align=name_then_numbers(1 + len(COMPARED_METRICS)),
    )


def _undefined(tested: Tested) -> tuple[str, ...]:
    undefined = {}
    for pair, test in tested:
        names = f"{pair.first} minus {pair.second}"
        undefined[names] = test.differences
        for label, own in test.per_class.items():
            undefined[f"{label}, {names}"] = own
    return reasons(with_scores(undefined))


def _names(pair: ComparedPair) -> str:
    return f"{pair.first}\n{pair.second}"


def _method(pairs: Sequence[ComparedPair]) -> list[str]:
    """Return how all this was computed, with the sources."""
    tests = [pair.test for pair in pairs if pair.test is not None]
    units = " or ".join(dict.fromkeys(test.unit for test in tests))
    texts = [
        "Films are the same where their bytes are. The test asks whether both are right "
        "equally often: of the films that only one answers rightly, each would fall to either "
        "like a coin (exact McNemar test; McNemar, Psychometrika 1947). “More than luck” "
        "means p below 0.05 after Holm's correction for the number of pairs (Scand J Stat 1979).",
        f"Intervals of differences: paired bootstrap over {units}, bias-corrected, both on "
        "the same draws; for accuracy, sensitivity and specificity never narrower than the exact "
        "test allows. They are not corrected for the number of pairs and metrics. Films needed: "
        "to show a difference as large as the one found in four of five studies, each film of "
        "another patient (Connor, Biometrics 1987); rough, as the difference found is.",
        "All this is about the luck of the films. Another seed gives another network: one run "
        "of each says nothing about which recipe is better.",
    ]
    if any(test.areas for test in tests):
        texts.insert(
            1,
            "Areas under the ROC curve: DeLong's test of “both areas are equal” (DeLong, DeLong & "
            "Clarke-Pearson, Biometrics 1988; over patients, Obuchowski, Biometrics 1997), with "
            "Holm's correction over all areas of all pairs. Near 1 it is cautious: what it calls "
            "luck there may be more; read the paired bootstrap beside it. With two classes there "
            "is one area. Films needed: films with the same shares of the classes and as many a "
            "patient.",
        )
    if any(test.clustered for test in tests):
        texts.insert(
            1,
            "Where patients have several films, whole patients are exchanged between both "
            "instead of single films (exact randomisation test; Pitman 1937).",
        )
    return texts
