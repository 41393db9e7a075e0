"""Which columns of a tool's table hold the scores, and of which class."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from carina.data.foreign_classes import ClassNames, are_numbers, is_blank
from carina.data.foreign_columns import PredictionColumns, name_key
from carina.data.foreign_table import ForeignTable
from carina.domain.sentences import listed
from carina.errors import EvaluationError

_WORD = (
    r"(?:p|prob|proba|probability|score|softmax|conf|confidence|logits?|y_?prob|y_?proba|y_?score|"
    r"pred_?prob|pred_?proba)"
)
_BEFORE = re.compile(rf"(?P<word>{_WORD})[_ .:\-]+(?P<label>.+)", re.IGNORECASE)
_BEHIND = re.compile(rf"(?P<label>.+?)[_ .:\-]+(?P<word>{_WORD})", re.IGNORECASE)
# one score a film, of the positive class
_SINGLE = (
    "score", "probability", "prob", "proba", "p", "yscore", "yprob", "yproba", "ypredproba",
    "ppositive", "probpositive", "probabilitypositive", "scorepositive", "probpos", "logit", "z",
)  # fmt: skip
_LOGITS = re.compile("logit", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ScoreColumns:
    """The columns of scores.

    Attributes:
        of_class: class -> column, for every class; empty if there is a single column.
        single: the column that holds one score a film, or "".
        single_class: the class that it names, or "".
        logits: whether the scores are logits.
        logits_beside: class -> a column of logits beside the probabilities, or empty.
        chosen: whether the user named them.
    """

    of_class: Mapping[str, str] = field(default_factory=dict)
    single: str = ""
    single_class: str = ""
    logits: bool = False
    logits_beside: Mapping[str, str] = field(default_factory=dict)
    chosen: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is used."""
        single = (self.single,) if self.single else ()
        return (*self.of_class.values(), *single, *self.logits_beside.values())


def find_score_columns(
    table: ForeignTable,
    asked: PredictionColumns,
    known: ClassNames,
    *,
    taken: Collection[str],
) -> ScoreColumns:
    """Return the columns of scores; none of any kind if the table holds answers alone.

    Args:
        table: the table.
        asked: what the user says of it.
        known: the classes that the user names, else those of the truths and answers.
        taken: columns that mean something else.

    Raises:
        EvaluationError: if a named column is not there, or the columns of scores and the
            classes do not fit together.
    """
    if asked.scores:
        return _chosen(table, asked, known)
    free = [name for name in table.columns if name not in taken and not _is_blank(table, name)]
    families = _families(free, asked, known)
    best = _best(families, logits=asked.logits)
    if best is not None:
        return _of_family(best, families, asked, known)
    keys = {name_key(column): column for column in free}
    single = next((keys[name] for name in _SINGLE if name in keys), "")
    if not single:
        _refuse_numbers(families, known)
    return ScoreColumns(single=single, logits=asked.logits or bool(_LOGITS.search(single)))


@dataclass(frozen=True, slots=True)
class _Family:
    """Columns that are named alike: `p_<class>`, `<class>_prob`, or `<class>` itself.

    Attributes:
        form: "p_...", "..._prob" or "".
        of_class: class -> column; of known classes their own name.
        of_known: those that are known.
    """

    form: str
    of_class: Mapping[str, str]
    of_known: Mapping[str, str]

    @property
    def logits(self) -> bool:
        return bool(_LOGITS.search(self.form))


def _is_blank(table: ForeignTable, column: str) -> bool:
    """Return whether a column's every cell is blank, as in files that keep answers alone."""
    index = table.columns.index(column)
    return all(is_blank(row[index]) for row in table.rows)


def _families(columns: Sequence[str], asked: PredictionColumns, known: ClassNames) -> list[_Family]:
    found: dict[str, dict[str, str]] = {}
    for column in columns:
        found.setdefault("", {})[column] = column
        if match := _BEFORE.fullmatch(column):
            found.setdefault(f"{match['word'].casefold()}_...", {})[match["label"]] = column
        if match := _BEHIND.fullmatch(column):
            found.setdefault(f"..._{match['word'].casefold()}", {})[match["label"]] = column
    families = []
    for form, named in found.items():
        means = known.resolved(named)
        of_known = {own: named[label] for label, own in means.items() if own is not None}
        # only the user's word makes other classes foreign; a bare name may be any column
        closed = bool(asked.labels) or not form
        own = {means[label] or label: column for label, column in named.items()}
        families.append(_Family(form, of_known if closed else own, of_known))
    return families


def _best(families: Sequence[_Family], *, logits: bool) -> _Family | None:
    """Return the family that has the most of the known classes, or None if none has any."""
    fitting = [family for family in families if family.of_known]
    return max(
        fitting,
        key=lambda one: (len(one.of_known), one.logits == logits, bool(one.form)),
        default=None,
    )


def _of_family(
    best: _Family, families: Sequence[_Family], asked: PredictionColumns, known: ClassNames
) -> ScoreColumns:
    logits = asked.logits or best.logits
    if len(best.of_class) == 1 and len(known.names) == 2:
        ((label, column),) = best.of_class.items()
        return ScoreColumns(single=column, single_class=label, logits=logits)
    missing = [name for name in known.names if name not in best.of_class]
    if missing:
        raise EvaluationError(
            f"the columns of scores are {listed(tuple(best.of_class.values()))}, and the classes "
            f"{listed(known.names)}: there is none for {listed(missing)}; name every column with "
            "--score-column CLASS=COLUMN, or only the classes that have one with --labels"
        )
    order = asked.labels or tuple(best.of_class)
    beside = (f for f in families if f.logits and not logits and set(order) <= set(f.of_class))
    extra = next(beside, None)
    return ScoreColumns(
        of_class={label: best.of_class[label] for label in order},
        logits=logits,
        logits_beside={} if extra is None else {label: extra.of_class[label] for label in order},
    )


def _refuse_numbers(families: Sequence[_Family], known: ClassNames) -> None:
    """Refuse truths or columns that are numbers where the others are names."""
    for family in families:
        labels = tuple(family.of_class)
        if not family.form or len(labels) < 2:
            continue
        if are_numbers(known.names) and not are_numbers(labels):
            raise EvaluationError(
                f"the labels are {listed(known.names)} and the columns of scores "
                f"{listed(tuple(family.of_class.values()))}: which number is which class is not "
                f"said; name the classes in the order of the numbers from 0, as in --labels "
                f"{','.join(labels)}"
            )
        if are_numbers(labels):
            raise EvaluationError(
                f"the columns of scores are {listed(tuple(family.of_class.values()))} and the "
                f"labels {listed(known.names)}: which number is which class is not said; name the "
                f"classes in the order of the numbers from 0, as in --labels "
                f"{','.join(known.names)}"
            )


def _chosen(table: ForeignTable, asked: PredictionColumns, known: ClassNames) -> ScoreColumns:
    """Return the columns that the user names, as "COLUMN" or "CLASS=COLUMN"."""
    pairs: list[tuple[str, str]] = []
    for words in asked.scores:
        label, mark, column = words.partition("=")
        if not mark or words in table.columns:
            label, column = "", words
        pairs.append((label.strip(), table.named(column.strip(), option="--score-column")))
    logits = asked.logits
    if len(pairs) == 1:
        ((label, column),) = pairs
        return ScoreColumns(
            single=column,
            single_class=label or _class_in(column, known) or "",
            logits=logits,
            chosen=True,
        )
    named = [label or _class_in(column, known) for label, column in pairs]
    if not any(named) and len(asked.labels) == len(pairs):
        named = list(asked.labels)
    if None in named:
        column = pairs[named.index(None)][1]
        raise EvaluationError(
            f"of which class the column '{column}' holds the scores is not said; name it with "
            f"--score-column CLASS={column}"
        )
    means = known.resolved([label for label in named if label])
    of_class = {
        means[label] or label: column
        for label, (_, column) in zip(named, pairs, strict=True)
        if label
    }
    if len(of_class) < len(pairs):
        raise EvaluationError(
            "two columns of --score-column are of one class; name each class once"
        )
    missing = [name for name in asked.labels if name not in of_class]
    if missing:
        raise EvaluationError(
            f"--score-column names no column for {listed(missing)}, which --labels names; give "
            "every class its column"
        )
    order = asked.labels or tuple(of_class)
    return ScoreColumns(
        of_class={label: of_class[label] for label in order}, logits=logits, chosen=True
    )


def _class_in(column: str, known: ClassNames) -> str | None:
    """Return the known class that a column's name holds, or None."""
    matches = (_BEFORE.fullmatch(column), _BEHIND.fullmatch(column))
    labels = [column, *(match["label"] for match in matches if match)]
    means = known.resolved(labels)
    return next((own for own in means.values() if own is not None), None)
