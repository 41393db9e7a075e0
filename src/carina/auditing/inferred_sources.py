"""Where films come from, inferred from how their files were made and named.

Two films are of one inferred source if container, colour mode, the traces of programs, the
form of the file name and, where many films share exactly one, the size are the same. Names
are compared without digits and without words for classes, so that "covid-17" and "normal-3"
are alike. Sources of few films are joined.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from pathlib import PurePosixPath

from carina.domain.film_facts import FilmFacts
from carina.domain.record import Record

# Parts of words for classes, beside the data set's own: no hint on where a film comes from.
_CLASS_WORDS = re.compile(
    r"covid|corona(virus)?|sars|cov|normal|healthy|pneumonia|bacteria[l]?|virus|viral|"
    r"positive|negative|pos|neg|no|findings?|tuberculosis|tb|opacity|lung|abnormal|ill|sick"
)
_WORD = re.compile(r"[a-z]{3,}")
_FEWEST_FILMS = 5
_FEWEST_SHARE = 0.02
_COMMON_SIZE_SHARE = 0.1
_NAME_OF_CLASS_SHARE = 0.9
OTHER = "various"


def inferred_sources(records: Sequence[Record], facts: Sequence[FilmFacts]) -> tuple[str, ...]:
    """Return each film's inferred source, in words.

    Args:
        records: the films, each with a class; a word that nearly all films of one class and
            no others have in their names is taken for a name of the class.
        facts: what each told when it was decoded.

    >>> inferred_sources([], [])
    ()
    """
    fewest = max(_FEWEST_FILMS, round(_FEWEST_SHARE * len(records)))
    names = _names(records, fewest)
    sizes = _common_sizes(facts)
    everywhere = set.intersection(*(set(f.traces) for f in facts)) if facts else set()
    full = [
        "; ".join(part for part in (_kind(f), size, _traces(f, everywhere), name) if part)
        for f, size, name in zip(facts, sizes, names, strict=True)
    ]
    return tuple(_joined(full, [_kind(f) for f in facts], fewest))


def _kind(facts: FilmFacts) -> str:
    return f"{facts.file_format} {facts.colour_mode}"


def _traces(facts: FilmFacts, everywhere: Collection[str]) -> str:
    """Return what a file says of its making and not all of them say."""
    return ", ".join(trace for trace in facts.traces if trace not in everywhere)


def _common_sizes(facts: Sequence[FilmFacts]) -> list[str]:
    """Return "640 x 480" for a size that a tenth of the films have, but not all; else ""."""
    counts = Counter((f.width, f.height) for f in facts)
    if len(counts) == 1:
        return [""] * len(facts)
    least = max(2 * _FEWEST_FILMS, _COMMON_SIZE_SHARE * len(facts))
    return [f"{f.width} x {f.height}" if counts[f.width, f.height] >= least else "" for f in facts]


def _names(records: Sequence[Record], fewest: int) -> list[str]:
    """Return the first word of each name that says something of its source, or ""."""
    words = [_words(record) for record in records]
    films_of: dict[str, Counter[str | None]] = defaultdict(Counter)
    for record, own in zip(records, words, strict=True):
        for word in set(own):
            films_of[word][record.label] += 1
    n_of_class = Counter(record.label for record in records)
    telling = {
        word
        for word, counts in films_of.items()
        if counts.total() >= fewest and not _is_name_of_class(counts, n_of_class)
    }
    firsts = [next((word for word in own if word in telling), "") for own in words]
    return [f"named '{first}'" if first else "" for first in firsts]


def _is_name_of_class(films: Counter[str | None], n_of_class: Counter[str | None]) -> bool:
    (label, count), *others = films.most_common()
    return not others and count >= _NAME_OF_CLASS_SHARE * n_of_class[label]


def _words(record: Record) -> list[str]:
    """Return the words of a file's name, without digits and words for classes."""
    stem = PurePosixPath(record.path).stem.casefold()
    for word in _WORD.findall((record.label or "").casefold()):
        stem = stem.replace(word, " ")
    return _WORD.findall(_CLASS_WORDS.sub(" ", re.sub(r"[0-9a-f]{8,}|[0-9]+", " ", stem)))


def _joined(full: Sequence[str], kinds: Sequence[str], fewest: int) -> list[str]:
    """Return the sources with enough films; the others by their kind, or "various"."""
    counts = Counter(full)
    rest = [
        name if counts[name] >= fewest else f"{kind}; {OTHER}"
        for name, kind in zip(full, kinds, strict=True)
    ]
    counts = Counter(rest)
    return [name if counts[name] >= fewest else OTHER for name in rest]
