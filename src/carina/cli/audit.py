"""`carina audit`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from carina.cli.cluster_options import ClusterOption, WorkersOption, settings_with
from carina.cli.terminal import (
    FOUND,
    SKIPPED,
    DataArgument,
    JsonFlag,
    OutOption,
    SetOption,
    drawing,
    note,
    note_unreadable,
    show_findings,
    show_json,
    show_table,
)

if TYPE_CHECKING:
    from carina.domain.audit import Audit, Confounder


def audit(
    data: DataArgument,
    *,
    against: Annotated[
        list[str] | None,
        typer.Option(
            "--against",
            metavar="DATA",
            help="Another data set: which films are in both? May be repeated.",
            show_default=False,
        ),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 4 on a critical finding.")] = False,
    set_: SetOption = None,
    workers: WorkersOption = 1,
    cluster: ClusterOption = None,
    out: OutOption = None,
    as_json: JsonFlag = False,
) -> int:
    """Say what is in the data, and what is wrong with it.

    Writes audit.json and audit.html.
    """
    from carina.workflows.audit import audit as run

    with drawing(as_json=as_json) as progress:
        result = run(
            data, against=against or (), set=set_ or (), out=out, workers=workers,
            settings=settings_with(cluster, workers=workers), progress=progress,
        )  # fmt: skip
    found = result.audit
    if as_json:
        show_json(found.model_dump(mode="json"))
    else:
        show_table(
            ("looked at", "found"), _rows(found, held_against=bool(against)), left=("found",)
        )
        show_findings([f for f in found.findings if f.about != "left-out"], most=3)
        for sentence in result.notes:
            note(f"note: {sentence}")
        note(f"not checked: {'; '.join(found.not_checked)}") if found.not_checked else None
        note(f"written: {result.folder / 'audit.html'}")
    note_unreadable(found.unreadable)
    if strict and any(finding.severity == "critical" for finding in found.findings):
        return FOUND
    return SKIPPED if found.unreadable else 0


def _rows(found: Audit, *, held_against: bool) -> list[tuple[str, str]]:
    """Return what was looked at and what was found, in ten lines at most."""
    from carina.reporting.audit_counts import best_confounder

    conflicts = Counter(" / ".join(one.labels) for one in found.label_conflicts)
    shared: Counter[str] = Counter(film.kind for film in found.against)
    in_pixels = best_confounder(found.confounders, in_pixels=True)
    beside = best_confounder(found.confounders, in_pixels=False)
    return [
        ("films", _films(found)),
        ("unreadable files", _summed(Counter(file.code for file in found.unreadable))),
        ("copies", _copies(found)),
        *_leaks(found),
        ("conflicting classes", _summed(conflicts)),
        *([("in the other data too", _summed(shared))] if held_against else []),
        ("class from the pixels", _confounder(in_pixels)),
        ("class from other facts", _confounder(beside)),
        ("may not belong", _misfits(found)),
    ]


def _films(found: Audit) -> str:
    """Return the films, by part and by class."""
    from carina.reporting.audit_counts import films_by_part, n_labelled, part_name

    classes: Counter[str] = Counter()
    for row in found.images.values():
        classes.update(row)
    parts = [f"{part_name(found, p)} {sum(row.values()):,}" for p, row in films_by_part(found)]
    told = [_listed(classes), "" if list(found.images) == ["all"] else ", ".join(parts)]
    return "; ".join((f"{n_labelled(found):,}", *filter(None, told)))


def _copies(found: Audit) -> str:
    from carina.reporting.audit_counts import n_surplus_copies

    surplus = n_surplus_copies(found)
    if not surplus:
        return "0"
    exact, near = found.exact_duplicates, found.near_duplicates
    return f"{surplus:,} surplus (pictures: {len(exact):,} identical, {len(near):,} nearly)"


def _leaks(found: Audit) -> list[tuple[str, str]]:
    """Return how many films of the part that checks are known from another part."""
    from carina.reporting.audit_counts import leaked_films

    leaked = leaked_films(found)
    if leaked is None:
        return [("leaks between parts", "no test part is described")]
    return [
        (f"{leaked.part} films as copies", f"{leaked.copies:,} of {leaked.n_films:,}"),
        (
            f"{leaked.part} films by patient",
            f"{leaked.of_known_patients:,} of {leaked.n_films:,}",
        ),
    ]


def _misfits(found: Audit) -> str:
    """Return how many films may not belong, and why; one film may have several reasons."""
    from carina.reporting.audit_counts import n_misfits

    codes = Counter(misfit.code for misfit in found.misfits)
    return f"{n_misfits(found):,} ({_listed(codes)})" if codes else "0"


def _confounder(best: Confounder | None) -> str:
    """Return how well the best signal tells the class, beside guessing."""
    from carina.reporting.audit_wording import telling

    if best is None:
        return "not measured"
    value = f"{100 * best.balanced_accuracy:.1f} % ({100 * best.low:.1f} to {100 * best.high:.1f})"
    remark = "" if best.tells else f" ({telling(best)})"
    return f"{value} by {best.signal}{remark}; guessing {100 * best.chance:.0f} %"


def _summed(counts: Counter[str]) -> str:
    """Return a sum with what it is made of.

    >>> _summed(Counter({"blank": 2, "lateral": 1})), _summed(Counter())
    ('3 (blank 2, lateral 1)', '0')
    """
    return f"{counts.total():,} ({_listed(counts)})" if counts else "0"


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {n:,}" for name, n in counts.most_common())
