"""What a run's files say to a checklist's items on the films."""

from __future__ import annotations

from dataclasses import replace

from carina.domain.folds import FoldFigures
from carina.domain.sentences import capitalised, counted, listed, sentence
from carina.reporting.checklists.items import Answer, RunFacts, filled, missing, not_applicable
from carina.reporting.training_wording import input_in_words

_MOST_SOURCES = 6


def sources(facts: RunFacts) -> Answer:
    """Return which films there are, of which sources and under which licences."""
    films, names = facts.films, facts.films.sources
    shown = names if len(names) <= _MOST_SOURCES else ()
    by_source = "; ".join(
        f"{name}: {films.by_class(row for row in films.rows if row.source == name)}"
        for name in shown
    )
    licences = facts.card.provenance.licences
    return filled(
        f"{counted(len(films.rows), 'film')} of {counted(len(names), 'source')} "
        f"({by_source or films.by_class()}). Licences: "
        f"{'; '.join(licences) or 'not stated by the data'}.",
        "data",
    )


def preprocessing(facts: RunFacts) -> Answer:
    """Return what a film becomes before the network sees it."""
    return filled(
        f"Every film becomes {input_in_words(facts.card.input)}; grey values lie between 0 (air) "
        "and 1 (the densest tissue). Training and use prepare films by the same function.",
        "data",
    )


def quality_checks(facts: RunFacts) -> Answer:
    """Return how films are prepared, and what was checked about them."""
    found = facts.audit
    return filled(
        f"{preprocessing(facts).words} The audit looked for unreadable files "
        f"({len(found.unreadable):,}), pairs of films in two parts ({len(found.leaks):,}), films "
        f"under two classes ({len(found.label_conflicts):,}), films that may not belong "
        f"({len(found.misfits):,}) and what tells the class without the lungs "
        f"({counted(len(found.confounders), 'signal')}).",
        "data",
        "audit",
    )


def subsets(facts: RunFacts) -> Answer:
    """Return which part of a film, and which films, are used."""
    spec = facts.card.input
    if spec.mask == "centre":
        part = "The middle of each film is blacked out"
    elif spec.fit == "crop":
        part = "The longer side of each film is cut at both ends"
    else:
        part = "The whole film is used"
    balance = (
        "; films were left out so that every part has as many of each class"
        if facts.recipe.split.balanced
        else "; no film was left out for balance"
    )
    return filled(f"{part}{balance}.", "data")


def missing_data(facts: RunFacts) -> Answer:
    """Return what is not known of the films, and what became of that."""
    unknown = facts.films.unknown()
    n_without = facts.films.n_without_patient
    patients = (
        f" {counted(n_without, 'film')} of unknown patients count as patients of their own."
        if n_without
        else ""
    )
    return filled(
        f"Nothing was imputed. {_left_out(facts)}"
        f"{f' Not known: {unknown}.' if unknown else ''}{patients}",
        "data",
        "audit",
    )


def included_and_excluded(facts: RunFacts) -> Answer:
    """Return the films and patients that were used and those that were not."""
    films = facts.films
    patients = f" of {counted(films.n_patients, 'known patient')}" if films.n_patients else ""
    return filled(
        f"{counted(len(films.rows), 'film')}{patients} were used: {films.by_part}. "
        f"{_left_out(facts)}",
        "data",
        "audit",
    )


def _left_out(facts: RunFacts) -> str:
    """Return what was left out, as sentences."""
    n_unreadable = len(facts.audit.unreadable)
    unreadable = "1 file" if n_unreadable == 1 else f"{n_unreadable:,} files"
    words = [f"{unreadable} could not be read."]
    words += [sentence(capitalised(note)) for note in facts.environment.notes if "left out" in note]
    return " ".join(words)


def partition(facts: RunFacts) -> Answer:
    """Return how films became training, validation and test."""
    how = facts.card.provenance.split
    if not how:
        return missing(
            "The run was made by a version of Carina that did not record how the films became "
            f"parts. They are: {facts.films.by_part}."
        )
    return filled(f"{capitalised(how)}: {facts.films.by_part}.", "data")


def data_use(facts: RunFacts) -> Answer:
    """Return how films became parts, and what each part is for."""
    known = any(row.split == "validation" for row in facts.films.rows)
    use = (
        "The network learns from training; validation chooses the epoch and fits every rule; "
        "test gives the numbers."
        if known
        else "The network learns from training; the test part also chose the epoch, as described."
    )
    answer = partition(facts)
    return replace(answer, words=f"{answer.words} {use}")


def level_of_disjointness(facts: RunFacts) -> Answer:
    """Return what no two parts share, and what they do."""
    films = facts.films
    n_shared, n_unknown = films.shared("patient"), films.n_without_patient
    if n_unknown == len(films.rows):
        patients = "By film only: no film says whose it is, so that the parts may share patients"
    elif n_shared:
        has = "has" if n_shared == 1 else "have"
        patients = f"By film only: {counted(n_shared, 'patient')} {has} films in more than one part"
    elif n_unknown:
        patients = (
            f"By patient where known: none is in more than one part; for "
            f"{counted(n_unknown, 'film')} the patient is unknown"
        )
    else:
        patients = f"By patient: none of {films.n_patients:,} is in more than one part"
    n_groups = films.shared("duplicate_group")
    copies = (
        f"{counted(n_groups, 'group')} of identical or nearly identical films "
        f"{'lies' if n_groups == 1 else 'lie'} in more than one part"
        if n_groups
        else "no two parts share a film or a copy of one that the audit could find"
    )
    return filled(f"{patients}; {copies}.", "data", "audit")


def characteristics(facts: RunFacts) -> Answer:
    """Return what is known of the patients of each part."""
    known = facts.films.characteristics()
    if not known:
        return missing(
            "The data state neither sex, age nor view of any film. A CSV manifest with the columns "
            "sex, age and view, or DICOM files that say them, would fill this item."
        )
    unknown = facts.films.unknown()
    rest = f" Not known: {unknown}." if unknown else ""
    return filled(f"{known}.{rest}", "data", "results")


def characteristics_with_counts(facts: RunFacts) -> Answer:
    """Return what is known of the patients of each part, with the films by class."""
    answer = characteristics(facts)
    if answer.kind != "filled":
        return answer
    return filled(f"{facts.films.by_part}. {answer.words}", *answer.anchors)


def flow(facts: RunFacts) -> Answer:
    """Return how many films went where, with and without each class."""
    return included_and_excluded(facts)


def numbers_in_each_analysis(facts: RunFacts) -> Answer:
    """Return films and classes of each part."""
    return filled(f"Films by part and class: {facts.films.by_part}.", "data")


def development_beside_evaluation(facts: RunFacts) -> Answer:
    """Return what the training and the test films share, and where they differ."""
    films = facts.films
    of = {part: {row.source for row in films.of(part)} for part in ("train", "validation", "test")}
    new = sorted(of["test"] - of["train"] - of["validation"])
    n_sources = "source" if len(of["test"]) == 1 else f"{len(of['test'])} sources"
    words = (
        f"The test films of {listed(new)} are of a source that the training had not seen."
        if new
        else f"Training and test films are of the same {n_sources}."
    )
    external = "".join(
        f" The external test has {counted(test.data.n_images, 'film')} of {test.data.name}."
        for test in facts.external
        if test.data.external
    )
    return filled(f"{words}{external}", "data", "external")


def distributions_compared(facts: RunFacts) -> Answer:
    """Return the classes of the training and of the test films, and what is known beside."""
    known = facts.films.characteristics()
    more = f" {known}." if known else " Sex, age and view are not known."
    return filled(f"Films by part and class: {facts.films.by_part}.{more}", "data")


def left_out_in_turn(folds: FoldFigures) -> Answer:
    """Return what came of leaving each source out of the training in turn."""
    words = (
        f"Each of {counted(len(folds.folds), 'source')} was left out of the training once and "
        f"tested on. {folds.sentence}"
    )
    return filled(words.strip(), "folds")


def clusters(facts: RunFacts) -> Answer:
    """Return whether the sources differ in how well they are answered."""
    if facts.evaluation.folds is not None and facts.evaluation.folds.by == "source":
        folds = facts.evaluation.folds
        return left_out_in_turn(folds)
    n_sources = len(facts.films.sources)
    if n_sources < 2:
        return not_applicable("All films are of one source: there are no clusters to compare.")
    if not facts.evaluation.per_source:
        return missing(
            f"The films are of {n_sources} sources, but the test part holds only one; carina train "
            "--folds source leaves each source out in turn."
        )
    return filled(
        f"The test metrics stand for each of {counted(len(facts.evaluation.per_source), 'source')} "
        "by itself; nothing is claimed of small ones.",
        "results",
        "failures",
    )
