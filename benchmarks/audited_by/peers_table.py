"""What the audits found, missed and cost, as tables."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from audited_by.auditors import Auditor, Pair, Said
from audited_by.film_sets import FilmSet, Known
from audited_by.watched import Watched

NOT_LOOKED_FOR = "not looked for"
_ODD = frozenset(
    {"blank", "dark", "inverted", "turned", "collage", "text over the lungs", "colour photograph"}
)
_SAME_PATIENT = "same patient"
# cleanvision calls every grey picture so: of films it says nothing.
_SAYS_NOTHING = frozenset({"grayscale"})


@dataclass(frozen=True)
class Row:
    """One auditor's results on one set: what it said the last time, and what every turn cost."""

    auditor: Auditor
    said: Said
    turns: tuple[Watched, ...]


def copies_table(films: FilmSet, rows: Sequence[Row]) -> str:
    """Return how many of the known copies are found, and how many pairs are wrong."""
    kinds = list(dict.fromkeys(known.kind for known in films.known))
    lines = [
        f"{films.n_films} films: those of nih and {len(films.known)} known copies, strength medium",
        "",
        f"| | copies found | {' | '.join(kinds)} | pairs of different patients "
        "| pairs of one patient's different films |",
        "|---" * (len(kinds) + 4) + "|",
    ]
    for row in rows:
        found = {known: _pair(known) in row.said.pairs for known in films.known}
        by_kind = [
            f"{sum(found[k] for k in films.known if k.kind == kind)} of "
            f"{sum(k.kind == kind for k in films.known)}"
            for kind in kinds
        ]
        wrong, same = _pairs_by_patient(films, row.said)
        share = sum(found.values()) / len(found)
        cells = [f"{sum(found.values())} of {len(found)} ({share:.1%})", *by_kind]
        lines.append(f"| {row.auditor.name} | {' | '.join(cells)} | {wrong:,} | {same:,} |")
    return "\n".join(lines)


def faults_table(films: FilmSet, rows: Sequence[Row]) -> str:
    """Return which planted faults are found, by kind."""
    lines = [
        f"{films.n_films} films, {len(films.known)} planted faults",
        "",
        f"| planted | {' | '.join(row.auditor.name for row in rows)} |",
        "|---" * (len(rows) + 1) + "|",
    ]
    for kind, group in groupby(films.known, key=lambda known: known.kind):
        own = list(group)
        lines.append(f"| {kind} | {' | '.join(_found(own, row) for row in rows)} |")
    touched = {film for known in films.known for film in known.films}
    more: list[tuple[str, str, Callable[[Said], str]]] = [
        (
            "films that leak into the test part, named as leaks",
            "parts",
            lambda said: _leaks(films, said),
        ),
        (
            "colour JPEG for one class, grey PNG for the other",
            "confounders",
            lambda said: f"found by {', '.join(said.confounders) or 'nothing'}",
        ),
        (
            "films flagged that nothing was planted in",
            "odd films",
            lambda said: str(len(set(_flagged(said)) - touched)),
        ),
        (
            "pairs of films that nothing was planted in",
            "pairs",
            lambda said: str(len([pair for pair in said.pairs if not touched & set(pair)])),
        ),
    ]
    return "\n".join([*lines, *(_line(title, what, tell, rows) for title, what, tell in more)])


def real_table(films: FilmSet, rows: Sequence[Row]) -> str:
    """Return what each says of the real films as they are."""
    ours = rows[0].said.pairs
    more: list[tuple[str, str, Callable[[Said], str]]] = [
        ("films looked at", "pairs", lambda said: f"{said.n_films:,}"),
        ("pairs called identical", "pairs", lambda said: f"{len(said.exact_pairs):,}"),
        ("pairs called nearly the same", "pairs", lambda said: f"{len(said.near_pairs):,}"),
        (
            "of these, nih films of different patients",
            "pairs",
            lambda said: f"{_pairs_by_patient(films, said)[0]:,}",
        ),
        (
            f"of all its pairs, named by {rows[0].auditor.name} too",
            "pairs",
            lambda said: f"{len(said.pairs & ours):,} of {len(said.pairs):,}",
        ),
        (
            f"of {rows[0].auditor.name}'s pairs, named by it too",
            "pairs",
            lambda said: f"{len(said.pairs & ours):,} of {len(ours):,}",
        ),
        ("leaks between parts", "parts", lambda said: f"{len(said.leaks):,}"),
        ("one picture under several classes", "labels", lambda said: f"{len(said.conflicts):,}"),
        ("odd films", "odd films", lambda said: f"{len(_flagged(said)):,}"),
        ("files that cannot be read", "unreadable", lambda said: f"{len(said.unreadable):,}"),
        ("what tells the class", "confounders", lambda said: f"{len(said.confounders)} signals"),
    ]
    lines = [
        f"{films.n_films:,} films and DICOM files, as they are",
        "",
        f"| | {' | '.join(row.auditor.name for row in rows)} |",
        "|---" * (len(rows) + 1) + "|",
    ]
    return "\n".join([*lines, *(_line(title, what, tell, rows) for title, what, tell in more)])


def cost_table(results: Sequence[tuple[FilmSet, Sequence[Row]]]) -> str:
    """Return time and memory, whole processes, medians over the turns."""
    lines = [
        "| set | | turns | seconds (range) | CPU s | films a second | peak MB |",
        "|---|---|---|---|---|---|---|",
    ]
    for films, rows in results:
        for row in rows:
            if not row.turns:
                continue
            seconds = [turn.seconds for turn in row.turns]
            middle = statistics.median(seconds)
            lines.append(
                f"| {films.name} | {row.auditor.name} | {len(seconds)} "
                f"| {middle:.1f} ({min(seconds):.1f} to {max(seconds):.1f}) "
                f"| {statistics.median(turn.cpu_seconds for turn in row.turns):.1f} "
                f"| {films.n_films / middle:.0f} "
                f"| {statistics.median(turn.peak_mb for turn in row.turns):.0f} |"
            )
    return "\n".join(lines)


def _line(title: str, what: str, tell: Callable[[Said], str], rows: Sequence[Row]) -> str:
    cells = [
        "stopped" if row.said.failed
        else tell(row.said) if what in row.auditor.looks_for
        else NOT_LOOKED_FOR
        for row in rows
    ]  # fmt: skip
    return f"| {title} | {' | '.join(cells)} |"


def _found(own: Sequence[Known], row: Row) -> str:
    """Return how many of one kind an auditor found, in the words of the table."""
    said, looks_for, kind = row.said, row.auditor.looks_for, own[0].kind
    what, is_found = _how_found(kind)
    if said.failed:
        return "stopped"
    if what in looks_for:
        return _of([is_found(said, known) for known in own])
    if what == "labels":
        return f"{_of([_pair(known) in said.pairs for known in own])}, as a pair"
    if what == "unreadable":
        return "stopped by one; run again without" if said.stopped_by else "passed over"
    return NOT_LOOKED_FOR


def _how_found(kind: str) -> tuple[str, Callable[[Said, Known], bool]]:
    """Return what an auditor must look for to find a kind, and when it has found one."""
    if kind.startswith(_SAME_PATIENT):
        return "parts", lambda said, known: any(known.films[1] in leak for leak in said.leaks)
    if kind in _ODD:
        return "odd films", lambda said, known: known.films[0] in _flagged(said)
    if kind == "unreadable":
        return "unreadable", lambda said, known: known.films[0] in said.unreadable
    if kind == "one film under two classes":
        return "labels", lambda said, known: any(set(known.films) <= g for g in said.conflicts)
    return "pairs", lambda said, known: _pair(known) in said.pairs


def _leaks(films: FilmSet, said: Said) -> str:
    """Return how many of the copies that stand in the test part are named as leaks."""
    copies = [
        known.films[1]
        for known in films.known
        if len(known.films) == 2 and known.films[1].startswith("test/")
    ]
    leaked = {film for pair in said.leaks for film in pair}
    return f"{sum(film in leaked for film in copies)} of {len(copies)}"


def _flagged(said: Said) -> list[str]:
    return [film for film, kinds in said.flags.items() if set(kinds) - _SAYS_NOTHING]


def _pairs_by_patient(films: FilmSet, said: Said) -> tuple[int, int]:
    """Return the pairs of untouched films of two patients, and those of one patient."""
    patients = films.patients or {}
    known = [(patients[a], patients[b]) for a, b in said.pairs if a in patients and b in patients]
    return sum(a != b for a, b in known), sum(a == b for a, b in known)


def _pair(known: Known) -> Pair:
    a, b = sorted(known.films)
    return a, b


def _of(hits: Sequence[bool]) -> str:
    return f"{sum(hits)} of {len(hits)}"
