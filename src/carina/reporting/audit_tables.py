"""An audit's findings as tables and words: the blocks that need no picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from carina.domain.audit import (
    Ages,
    Audit,
    LabelConflict,
    Misfit,
    SharedFilm,
)
from carina.domain.percentages import percent
from carina.domain.report import Block, Bullets, Notice, Paragraph, Table
from carina.domain.sentences import counted, sentence
from carina.reporting.audit_counts import (
    films_by_part,
    leaks_by_kind,
    n_surplus_copies,
    part_name,
)
from carina.reporting.audit_pictures import Pair
from carina.reporting.audit_wording import KINDS, SURENESS, misfit_title
from carina.reporting.wording import first_of, name_then_numbers

MOST_ROWS = 12
_NONE = "–"


def images_table(audit: Audit) -> Table:
    """Return films by part and class, with their patients where they are known."""
    labels = tuple(dict.fromkeys(label for row in audit.images.values() for label in row))
    rows = []
    for part, row in films_by_part(audit):
        patients = audit.patients.get(part, {})
        cells = [_with_patients(row.get(name, 0), patients.get(name, 0)) for name in labels]
        rows.append((part_name(audit, part), *cells, f"{sum(row.values()):,}"))
    return Table(
        columns=("Part", *labels, "All"),
        rows=tuple(rows),
        caption="Films by part and class" + (", and known patients" if audit.patients else ""),
        align=name_then_numbers(len(labels) + 1),
    )


def _with_patients(n_films: int, n_patients: int) -> str:
    """Return a cell.

    >>> _with_patients(1200, 1), _with_patients(0, 0)
    ('1,200\\n1 patient', '0')
    """
    return f"{n_films:,}\n{counted(n_patients, 'patient')}" if n_patients else f"{n_films:,}"


def unreadable_blocks(audit: Audit) -> list[Block]:
    """Return the files that cannot be read: how many of which code, and the first of them."""
    if not audit.unreadable:
        return []
    codes = Counter(file.code for file in audit.unreadable)
    listing = ", ".join(f"{code} {n:,}" for code, n in codes.most_common())
    files = counted(len(audit.unreadable), "file")
    films, they = ("a film", "it shows") if len(audit.unreadable) == 1 else ("films", "they show")
    return [
        Paragraph(f"{files} cannot be read as {films} ({listing}). What {they} is not known."),
        Table(
            columns=("File", "Why it cannot be read"),
            rows=tuple(
                # A message begins with the file's name, which stands beside it.
                (one.path, f"{one.message.removeprefix(one.path).strip()}\n{one.code}")
                for one in audit.unreadable[:MOST_ROWS]
            ),
            caption=shown("Unreadable files", len(audit.unreadable)),
        ),
    ]


def writing_table(audit: Audit) -> list[Block]:
    """Return the first films that seem to carry writing."""
    if not audit.writing:
        return []
    return [
        Table(
            columns=("Film",),
            rows=tuple((name,) for name in audit.writing[:MOST_ROWS]),
            caption=shown("Films with writing that may name a patient", len(audit.writing)),
        )
    ]


def leak_counts(audit: Audit) -> list[Block]:
    """Return how many films of which part leak, by kind."""
    if not audit.leaks:
        return []
    counts = leaks_by_kind(audit.leaks)
    between = sorted({parts for _, parts in counts}, key=lambda parts: (parts[1] != "test", parts))
    return [
        Table(
            columns=("What the films share", *(f"{b} films known from {a}" for a, b in between)),
            rows=tuple(
                (title, *(_count(counts[kind, parts]) for parts in between))
                for kind, title in KINDS.items()
                if any(counts[kind, parts] for parts in between)
            ),
            caption="Leaks: films of one part that an earlier part knows",
            align=name_then_numbers(len(between)),
        )
    ]


def _count(n: int) -> str:
    return f"{n:,}" if n else _NONE


def copy_counts(audit: Audit) -> list[Block]:
    """Return how many pictures stand in several files, wherever they stand."""
    groups = {
        "The same picture, pixel by pixel": audit.exact_duplicates,
        "Nearly the same picture": audit.near_duplicates,
    }
    if not any(groups.values()):
        return []
    return [
        Table(
            columns=("Copies, in one part or in several", "Pictures", "Files"),
            rows=tuple(
                (title, f"{len(own):,}", f"{sum(map(len, own)):,}")
                for title, own in groups.items()
                if own
            ),
            caption=f"Copies: {counted(n_surplus_copies(audit), 'file')} could go without losing "
            "a picture",
            align=name_then_numbers(2),
        )
    ]


def pairs_table(pairs: Sequence[Pair], *, n: int) -> list[Block]:
    """Return pairs of copies by name, as far as no picture shows them.

    Args:
        pairs: those to be named.
        n: how many there are in all.
    """
    if not pairs:
        return []
    return [
        Table(
            columns=("Film", "Its partner", "They share"),
            rows=tuple((*_placed(pair), KINDS[pair.kind]) for pair in pairs),
            caption=f"Pairs, one by one ({len(pairs):,} of {n:,}; all stand in audit.json)",
        )
    ]


def _placed(pair: Pair) -> tuple[str, str]:
    if pair.parts is None:
        return pair.a, pair.b
    return f"{pair.a} ({pair.parts[0]})", f"{pair.b} ({pair.parts[1]})"


def conflicts_table(conflicts: Sequence[LabelConflict]) -> list[Block]:
    """Return the pictures that stand under several classes."""
    if not conflicts:
        return []
    return [
        Table(
            columns=("Films that show the same", "Their classes"),
            rows=tuple(
                (first_of(conflict.paths), ", ".join(conflict.labels))
                for conflict in conflicts[:MOST_ROWS]
            ),
            caption=shown("One picture under several classes", len(conflicts)),
        )
    ]


def shared_counts(against: Sequence[SharedFilm]) -> list[Block]:
    """Return how many films another data set has too, by kind, and under which classes."""
    if not against:
        return []
    kinds = Counter(film.kind for film in against)
    other = Counter(
        film.kind for film in against if all(film.labels) and film.labels[0] != film.labels[1]
    )
    return [
        Table(
            columns=("What the films share", "Films", "Under another class there"),
            rows=tuple(
                (title, f"{kinds[kind]:,}", _count(other[kind]))
                for kind, title in KINDS.items()
                if kinds[kind]
            ),
            caption="By what they share",
            align=name_then_numbers(2),
        )
    ]


def shared_table(shared: Sequence[SharedFilm], *, n: int) -> list[Block]:
    """Return films that another data set has too by name, as far as no picture shows them.

    Args:
        shared: those to be named.
        n: how many there are in all.
    """
    if not shared:
        return []
    return [
        Table(
            columns=("Film here", "Film there", "They share"),
            rows=tuple(
                (_labelled(film.a, film.labels[0]), _labelled(film.b, film.labels[1]),
                 KINDS[film.kind])
                for film in shared
            ),
            caption=f"Shared films, one by one ({len(shared):,} of {n:,}; all stand in audit.json)",
        )
    ]  # fmt: skip


def _labelled(name: str, label: str) -> str:
    return f"{name} ({label})" if label else name


def misfit_counts(misfits: Sequence[Misfit]) -> list[Block]:
    """Return how many films may not belong, by why and how sure that is."""
    if not misfits:
        return []
    counts = Counter((misfit.code, misfit.sureness) for misfit in misfits)
    codes = dict.fromkeys(misfit.code for misfit in misfits)
    return [
        Table(
            columns=("Why", *(sureness.capitalize() for sureness in SURENESS)),
            rows=tuple(
                (misfit_title(code), *(_count(counts[code, sureness]) for sureness in SURENESS))
                for code in codes
            ),
            caption="Films that may not belong, by how sure it is",
            align=name_then_numbers(len(SURENESS)),
        )
    ]


def misfits_table(misfits: Sequence[Misfit], *, n: int) -> list[Block]:
    """Return films that may not belong by name, as far as no picture shows them.

    Args:
        misfits: those to be named.
        n: how many there are in all.
    """
    if not misfits:
        return []
    return [
        Table(
            columns=("Film", "Why", "How sure", "What it rests on"),
            rows=tuple((m.path, misfit_title(m.code), m.sureness, m.sentence) for m in misfits),
            caption=f"Films, one by one ({len(misfits):,} of {n:,}; all stand in audit.json)",
        )
    ]


def age_blocks(ages: Ages | None) -> list[Block]:
    """Return how many films of each class show children, and what that rests on."""
    if ages is None or not ages.children:
        return []
    basis = (
        "by the ages that the data state"
        if ages.basis == "stated"
        else "estimated from the proportions on the films, which is no proof of an age"
    )
    return [
        Table(
            columns=("Class", "Films of children", "Films judged"),
            rows=tuple(
                (label, percent(share), f"{ages.n.get(label, 0):,}")
                for label, share in ages.children.items()
            ),
            caption=f"Children and adults, {basis}; this is {ages.sureness}",
            align=name_then_numbers(2),
        ),
    ]


def opening_blocks(audit: Audit) -> list[Block]:
    """Return what was left out of the data and how it was taken, one below another."""
    said = [sentence(one.sentence) for one in audit.findings if one.about == "left-out"]
    return [Bullets("How the data was opened:", tuple(said))] if said else []


def not_checked_blocks(audit: Audit) -> list[Block]:
    """Return what the audit did not look at, so that silence is not taken for "clean"."""
    if not audit.not_checked:
        return [
            Notice(
                "note",
                "Nothing was left out of what this audit can look at. No audit can tell whether "
                "a label is right where no copy contradicts it.",
            )
        ]
    return [
        Bullets("Not looked at in this audit:", tuple(sentence(one) for one in audit.not_checked))
    ]


def shown(caption: str, n: int) -> str:
    """Return a caption that says how many of the rows a table shows.

    >>> shown("Leaks", 20)
    'Leaks (the first 12 of 20 rows)'
    """
    if n <= MOST_ROWS:
        return caption
    return f"{caption} (the first {MOST_ROWS} of {counted(n, 'row')})"
