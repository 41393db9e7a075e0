"""How the labels found become classes."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from carina.domain.dataset import LeftOut
from carina.domain.label_set import LabelSet
from carina.domain.recipe import LabelsSection
from carina.domain.sentences import counted
from carina.errors import DatasetError, RecipeError
from carina.registry import nearest

_BETWEEN = re.compile(r"(?<=[^\s_\-])[\s_\-]+(?=[^\s_\-])")


@dataclass(frozen=True, slots=True)
class LabelDecision:
    """What became of every label found.

    Attributes:
        class_of: label as found -> its class, or None where its films are dropped.
        labels: the classes.
        left_out: dropped labels, with counts.
        notes: what was joined and renamed, with counts.
    """

    class_of: Mapping[str, str | None]
    labels: LabelSet
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()


def spelling_key(name: str) -> str:
    """Return what a label's spellings have in common: no case, and no spaces, hyphens or
    underscores between other letters. A sign at the end counts.

    >>> spelling_key("Viral Pneumonia") == spelling_key("viral_pneumonia")
    True
    >>> spelling_key("COVID+") == spelling_key("COVID-")
    False
    """
    return _BETWEEN.sub("", unicodedata.normalize("NFC", name).strip().casefold())


def names_in(section: LabelsSection) -> frozenset[str]:
    """Return the spelling keys of every label that a recipe's section speaks of.

    A layout's own table of labels gives way to these.
    """
    merged = [name for names in section.merge.values() for name in names]
    named = (*section.aliases, *merged, *section.rename, *section.drop)
    return frozenset(map(spelling_key, named))


def decide_labels(found: Mapping[str, int], section: LabelsSection) -> LabelDecision:
    """Return the class of every label found.

    Spellings that differ only in case, spaces, hyphens or underscores are one label (the
    most frequent one), here and wherever the section names a label. Then aliases, merge,
    rename, drop, rest and classes apply, in this order. An alias that nothing uses is
    allowed, because recipes carry lists of them, and so is a dropped label with
    `optional_drop`; otherwise merge, rename and drop must name a label that is there.
    A class of `classes` that no film has stays a class here.

    Args:
        found: label as found -> number of films.
        section: the recipe's `labels` section.

    Raises:
        DatasetError: if merge, rename or drop names a label that is not there, or a label
            is not among `classes` and there is no `rest`.
        RecipeError: if `rest` is not among `classes`.

    >>> decision = decide_labels({"NORMAL": 2, "Covid": 1}, LabelsSection(drop=("covid",)))
    >>> decision.labels.names, decision.class_of["Covid"]
    (('NORMAL',), None)
    """
    steps = _Steps(found)
    steps.alias(section.aliases)
    steps.merge(section.merge)
    steps.rename(section.rename)
    steps.drop(section.drop, optional=section.optional_drop)
    if section.rest:
        steps.rest(section.rest, section.classes)
    names = steps.order(section.classes)
    class_of = steps.class_of()
    steps.note_alike(names)
    aliases = {
        label: name for label, name in class_of.items() if name is not None and label != name
    }
    return LabelDecision(
        class_of=class_of,
        labels=LabelSet(names=names, aliases={k: v for k, v in aliases.items() if k not in names}),
        left_out=tuple(steps.left_out),
        notes=tuple(steps.notes),
    )


class _Steps:
    """The labels on their way to classes; each step sees what the one before left."""

    def __init__(self, found: Mapping[str, int]) -> None:
        self.left_out: list[LeftOut] = []
        self.notes: list[str] = []
        self._found = dict(found)
        self._dropped: set[str] = set()
        spellings: dict[str, list[str]] = defaultdict(list)
        for label in sorted(found):
            spellings[spelling_key(label)].append(label)
        # Key of the label as found -> the name it has now.
        self._now: dict[str, str] = {}
        for key, labels in spellings.items():
            self._now[key] = max(labels, key=lambda label: found[label])
            self._note_spellings(self._now[key], labels)

    def alias(self, aliases: Mapping[str, str]) -> None:
        for alias, target in aliases.items():
            self._move([alias], target, "alias")

    def merge(self, merge: Mapping[str, tuple[str, ...]]) -> None:
        for target, names in merge.items():
            self._require(names, "merge")
            self._move(names, target, "merge")

    def rename(self, rename: Mapping[str, str]) -> None:
        for name, target in rename.items():
            self._require([name], "rename")
            self._move([name], target, "rename")

    def drop(self, drop: tuple[str, ...], *, optional: bool) -> None:
        if not optional:
            self._require(drop, "drop")
        keys = set(map(spelling_key, drop))
        for name, n_images in self.counts().items():
            if spelling_key(name) in keys:
                self.left_out.append(LeftOut(name, n_images, "labels.drop"))
        self._dropped |= {key for key, name in self._now.items() if spelling_key(name) in keys}

    def rest(self, rest: str, classes: tuple[str, ...]) -> None:
        """Take every label that `classes` does not name as the class `rest`."""
        named = set(map(spelling_key, classes))
        if spelling_key(rest) not in named:
            listed = ", ".join(classes) or "none"
            raise RecipeError(
                f"labels.rest = '{rest}' is not one of labels.classes (these are: {listed}); name "
                f"every class, '{rest}' too, with --set 'labels.classes=[...]'"
            )
        others = [name for name in self.counts() if spelling_key(name) not in named]
        self._move(others, rest, "rest")

    def order(self, classes: tuple[str, ...]) -> tuple[str, ...]:
        """Return the classes in their order; given ones also decide the spelling."""
        counts = self.counts()
        if not classes:
            return tuple(sorted(counts))
        by_key = {spelling_key(name): name for name in classes}
        strange = {name: n for name, n in counts.items() if spelling_key(name) not in by_key}
        if strange:
            listed = ", ".join(
                f"{name} ({counted(n, 'film')})" for name, n in sorted(strange.items())
            )
            raise DatasetError(
                f"labels.classes does not name {listed}; it names {', '.join(classes)}. Add "
                "them there, join them with labels.merge, labels.aliases or labels.rest, or leave "
                "them out with labels.drop"
            )
        for key, name in self._now.items():
            self._now[key] = by_key.get(spelling_key(name), name)
        return classes

    def counts(self) -> dict[str, int]:
        """Return the names that are left, with their films."""
        counts: Counter[str] = Counter()
        for label, n_images in self._found.items():
            key = spelling_key(label)
            if key not in self._dropped:
                counts[self._now[key]] += n_images
        return dict(counts)

    def class_of(self) -> dict[str, str | None]:
        """Return label as found -> class, or None where it is dropped."""
        return {
            label: None if spelling_key(label) in self._dropped else self._now[spelling_key(label)]
            for label in self._found
        }

    def note_alike(self, names: Iterable[str]) -> None:
        """Ask about classes like "Covid" and "COVID-19": one name begins with the other."""
        by_key = {spelling_key(name): name for name in names}
        for key, longer in sorted(by_key.items()):
            for short, shorter in sorted(by_key.items()):
                if short != key and key.startswith(short) and short[-1:].isalpha():
                    self.notes.append(
                        f"'{shorter}' and '{longer}' are two classes; if they mean the same, join "
                        f"them with --set 'labels.aliases.{shorter}={longer}'"
                    )

    def _move(self, names: Iterable[str], target: str, step: str) -> None:
        keys = set(map(spelling_key, names))
        for name, n_images in sorted(self.counts().items()):
            if spelling_key(name) in keys and name != target:
                films = f"{counted(n_images, 'film')} labelled '{name}'"
                self.notes.append(f"{films} taken as '{target}' ({step})")
        same = spelling_key(target)
        for key, name in self._now.items():
            if spelling_key(name) in keys or spelling_key(name) == same:
                self._now[key] = target

    def _require(self, names: Iterable[str], step: str) -> None:
        present = sorted(self.counts())
        keys = set(map(spelling_key, present))
        for name in names:
            if spelling_key(name) not in keys:
                near = nearest(name, present, limit=1)
                hint = f"; did you mean '{near[0]}'?" if near else ""
                raise DatasetError(
                    f"labels.{step} names '{name}', which no film has{hint} "
                    f"(labels found: {', '.join(present) or 'none'})"
                )

    def _note_spellings(self, name: str, labels: list[str]) -> None:
        for label in labels:
            if label != name:
                self.notes.append(
                    f"{counted(self._found[label], 'film')} labelled '{label}' taken as '{name}': "
                    "only case, spaces or punctuation differ"
                )
