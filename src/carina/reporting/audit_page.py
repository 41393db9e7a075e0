"""An audit -> its page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from carina.domain.audit import Audit, Confounder, Subject
from carina.domain.dataset import Dataset
from carina.domain.percentages import percent
from carina.domain.record import PARTS
from carina.domain.report import (
    Block,
    KeyFigure,
    KeyFigures,
    Notice,
    Paragraph,
    Report,
    Section,
)
from carina.domain.sentences import counted, sentence
from carina.reporting.audit_confounders import explained_confounders, interval, source_blocks
from carina.reporting.audit_counts import (
    best_confounder,
    leaked_films,
    n_labelled,
    n_misfits,
    n_surplus_copies,
    worst_findings,
)
from carina.reporting.audit_figures import confounder_figure
from carina.reporting.audit_films import PageFilms
from carina.reporting.audit_pictures import (
    conflicts_to_show,
    misfits_to_show,
    pairs_to_show,
    records_by_name,
    shared_to_show,
    two_of,
)
from carina.reporting.audit_tables import (
    age_blocks,
    conflicts_table,
    copy_counts,
    images_table,
    leak_counts,
    misfit_counts,
    misfits_table,
    not_checked_blocks,
    opening_blocks,
    pairs_table,
    shared_counts,
    shared_table,
    unreadable_blocks,
    writing_table,
)
from carina.reporting.audit_wording import SURENESS, power_sentence, signal_title, telling, verdict

_THERE: tuple[Subject | None, ...] = (
    "unreadable",
    "parts",
    "classes",
    "patients",
    "writing",
    "power",
    None,
)
_COPIES: tuple[Subject, ...] = ("leaks", "labels", "duplicates")
_AGAINST: tuple[Subject, ...] = ("against",)
_NOT_LUNGS: tuple[Subject, ...] = ("confounders", "sources")
_MISFITS: tuple[Subject, ...] = ("misfits", "ages")
_NOT_MEASURED = "–"


def build_audit_report(
    audit: Audit,
    *,
    title: str,
    pictures: Mapping[str, bytes] | None = None,
    dataset: Dataset | None = None,
) -> Report:
    """Return the page of an audit.

    Args:
        audit: what was found.
        title: the page's title; the names of the data, as a rule.
        pictures: film (as `films_to_show` names it) -> its picture as PNG or JPEG, about 240
            pixels on its longer side; a film without one is named only.
        dataset: the films; with it, a pair's films stand with their parts and classes.

    Raises:
        MissingExtraError: if there is a figure to draw and matplotlib is not installed.
    """
    films = PageFilms(pictures or {}, records_by_name(dataset))
    return Report(
        title=title,
        subtitle=f"What is in the data and what is wrong with it, by Carina {audit.carina_version}",
        sections=(
            _glance(audit),
            _what_is_there(audit),
            _copies(audit, films),
            *_against(audit, films),
            _without_the_lungs(audit),
            _misfits(audit, films),
            Section("not-checked", "What was not looked at", tuple(not_checked_blocks(audit))),
        ),
    )


def _glance(audit: Audit) -> Section:
    worst = worst_findings(audit)
    n_more = sum(f.about != "left-out" for f in audit.findings) - len(worst)
    more = f"{counted(n_more, 'more finding')} {'stands' if n_more == 1 else 'stand'} below."
    return Section(
        "findings",
        "What was found",
        (
            Paragraph(verdict(audit), leads=True),
            *(Notice(finding.severity, sentence(finding.sentence)) for finding in worst),
            *([Paragraph(more)] if n_more else []),
            _key_figures(audit),
        ),
    )


def _key_figures(audit: Audit) -> KeyFigures:
    classes = {label for row in audit.images.values() for label in row}
    parts = [part for part in audit.images if part in PARTS]
    split = counted(len(parts), "part") if parts else "no parts described"
    n_unreadable = len(audit.unreadable)
    return KeyFigures(
        (
            KeyFigure(
                "Readable films with a class",
                f"{n_labelled(audit):,}",
                note=f"{len(classes)} {'class' if len(classes) == 1 else 'classes'}; {split}",
            ),
            KeyFigure(
                "Unreadable files",
                f"{n_unreadable:,}",
                note="what they show is not known" if n_unreadable else "every file was read",
            ),
            KeyFigure(
                "Surplus copies",
                f"{n_surplus_copies(audit):,}",
                note="files that only repeat a picture, or nearly",
            ),
            _leaked(audit),
            _best(best_confounder(audit.confounders)),
            _may_not_belong(audit),
        )
    )


def _leaked(audit: Audit) -> KeyFigure:
    leaked = leaked_films(audit)
    if leaked is None:
        note = "no test part is described"
        return KeyFigure("Leaked test films", _NOT_MEASURED, note=note)
    known = [
        f"{n:,} {words}"
        for n, words in (
            (leaked.copies, "as copies"),
            (leaked.all - leaked.copies, "more by patient"),
        )
        if n
    ]
    how = f": {', '.join(known)}" if known else ""
    return KeyFigure(
        f"Leaked {leaked.part} films",
        f"{leaked.all:,}",
        note=f"of {leaked.n_films:,}, known from another part{how}",
    )


def _best(best: Confounder | None) -> KeyFigure:
    name = "Class told without the lungs"
    if best is None:
        return KeyFigure(name, _NOT_MEASURED, note="not measured")
    return KeyFigure(
        name,
        percent(best.balanced_accuracy),
        interval(best),
        f"from: {signal_title(best.signal)} ({telling(best)}); guessing gets "
        f"{percent(best.chance)}",
    )


def _may_not_belong(audit: Audit) -> KeyFigure:
    counts = Counter(misfit.sureness for misfit in audit.misfits)
    how = ", ".join(f"{counts[sureness]:,} {sureness}" for sureness in SURENESS if counts[sureness])
    note = how or "by what was looked at"
    return KeyFigure("Films that may not belong", f"{n_misfits(audit):,}", note=note)


def _what_is_there(audit: Audit) -> Section:
    return Section(
        "images",
        "What is there",
        (
            Paragraph(f"{counted(n_labelled(audit), 'labelled film')}."),
            images_table(audit),
            *([Paragraph(power_sentence(audit.power))] if audit.power else []),
            *_more_findings(audit, _THERE),
            *unreadable_blocks(audit),
            *writing_table(audit),
            *opening_blocks(audit),
        ),
    )


def _copies(audit: Audit, films: PageFilms) -> Section:
    pairs = pairs_to_show(audit)
    conflicts = conflicts_to_show(audit)
    n_pairs = len(audit.leaks) + len(audit.near_duplicates) + len(audit.exact_duplicates)
    return Section(
        "copies",
        "Leaks and duplicates",
        (
            Paragraph(_about_copies(audit)),
            *_more_findings(audit, _COPIES),
            *leak_counts(audit),
            *copy_counts(audit),
            *(films.pair_row(pair) for pair in pairs if films.has(pair.a, pair.b)),
            *pairs_table([p for p in pairs if not films.has(p.a, p.b)], n=n_pairs),
            *conflicts_table(audit.label_conflicts),
            *(
                films.conflict_row(conflict)
                for conflict in conflicts
                if films.has(*two_of(conflict, films.records))
            ),
        ),
    )


def _about_copies(audit: Audit) -> str:
    if leaked_films(audit) is None:
        split = (
            "No part to check with is described, so that nothing can leak yet: Carina keeps copies "
            "and a patient's films together when it cuts one."
        )
    elif audit.leaks:
        split = (
            "A film that stands in two parts is learned by heart in the one and asked again in the "
            "other: a right answer then shows memory, not skill. Another film of the same patient "
            "helps in the same way, if less."
        )
    else:
        split = (
            "No film of one part was found in another, and no known patient stands in two parts."
        )
    copies = audit.exact_duplicates or audit.near_duplicates
    return split if copies else f"{split} No copy of a film was found by what was looked at."


def _against(audit: Audit, films: PageFilms) -> list[Section]:
    if not audit.against and not any(finding.about == "against" for finding in audit.findings):
        return []
    shared = shared_to_show(audit)
    return [
        Section(
            "against",
            "Films that the other data set has too",
            (
                Paragraph(
                    "Films that stand in both data sets are no test of the one for a network that "
                    "learned from the other."
                ),
                *_more_findings(audit, _AGAINST),
                *shared_counts(audit.against),
                *(films.shared_row(film) for film in shared if films.has(film.a, film.b)),
                *shared_table(
                    [film for film in shared if not films.has(film.a, film.b)],
                    n=len(audit.against),
                ),
            ),
        )
    ]


def _without_the_lungs(audit: Audit) -> Section:
    coarse = [signal_title(c.signal) for c in audit.confounders if c.has_lungs]
    lungs = f" (The lungs are in these too, in no detail: {', '.join(coarse)}.)" if coarse else ""
    measured: Sequence[Block] = (
        (
            Paragraph(
                "Each bar is an attempt to tell the class from something that is not the lungs, on "
                "films that the attempt was not fitted to. Where one gets far beyond guessing, a "
                "network can reach a high accuracy in the same way, without having learned "
                f"anything of the disease. Balanced accuracy counts every class alike.{lungs}"
            ),
            *_more_findings(audit, _NOT_LUNGS),
            confounder_figure(audit.confounders),
            *explained_confounders(audit.confounders),
        )
        if audit.confounders
        else (
            Paragraph("Not measured in this audit: see what was not looked at."),
            *_more_findings(audit, _NOT_LUNGS),
        )
    )
    return Section(
        "confounders",
        "What tells the class without the lungs",
        (*measured, *source_blocks(audit.sources)),
    )


def _misfits(audit: Audit, films: PageFilms) -> Section:
    chosen = misfits_to_show(audit)
    n_of = Counter(misfit.code for misfit in audit.misfits)
    words = (
        "These are suggestions to look, not to delete: a film may be odd and right."
        if audit.misfits
        else "No such film was found by what was looked at."
    )
    pictured = [misfit for misfit in chosen if films.has(misfit.path)]
    named = [misfit for misfit in chosen if not films.has(misfit.path)]
    return Section(
        "misfits",
        "Films that may not belong",
        (
            Paragraph(words),
            *_more_findings(audit, _MISFITS),
            *misfit_counts(audit.misfits),
            *films.misfit_rows(pictured, n_of=n_of),
            *misfits_table(named, n=len(audit.misfits)),
            *age_blocks(audit.ages),
        ),
    )


def _more_findings(audit: Audit, subjects: Sequence[Subject | None]) -> list[Block]:
    """Return the findings on some subjects, but for those that stand at the top."""
    at_the_top = worst_findings(audit)
    return [
        Notice(finding.severity, sentence(finding.sentence))
        for finding in audit.findings
        if finding.about in subjects
        and finding not in at_the_top
        and not (finding.about == "power" and audit.power is not None)
    ]
