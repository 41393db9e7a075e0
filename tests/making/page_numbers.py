"""The numbers of a rendered page, and those of the files it was made from."""

import ast
import csv
import json
import math
import re
import tomllib
from collections import Counter
from html.parser import HTMLParser
from itertools import combinations
from pathlib import Path

import carina

_FIGURE = r"-?\d+(?:,\d{3})*(?:\.\d+)?"
NUMBER = re.compile(rf"(?<![\w.]){_FIGURE}(?:e[+-]?\d+)?(?![\w]|\.\d)")
# "97.0 % (89.6 to 99.2 %)", "0.988 0.950 to 1.000", or the interval alone
INTERVAL = re.compile(
    rf"(?:(?P<value>{_FIGURE})(?: %| points)? \(?(?:95 % interval )?)?"
    rf"(?P<low>{_FIGURE})(?: %)? to (?P<high>{_FIGURE})(?: %| points)?(?!\w)"
)
_LONE = re.compile(rf"({_FIGURE})(?: %)?")
_DOCUMENTS = ("evaluation.json", "audit.json", "environment.json", "classifier/card.json")


class Words(HTMLParser):
    """A page's text by block, without its drawings, its style and its pictures."""

    _BLOCKS = frozenset(
        {"p", "li", "td", "th", "dt", "dd", "h1", "h2", "figcaption", "span", "div"}
    )

    def __init__(self, page: str) -> None:
        super().__init__()
        self._hidden = 0
        self.texts = [""]
        self.feed(page)
        self.texts = [" ".join(text.split()) for text in self.texts if text.strip()]

    def handle_starttag(self, tag, attrs):
        if tag in ("svg", "style"):
            self._hidden += 1
        if tag == "td" or (tag in self._BLOCKS and tag != "span"):
            self.texts.append("")
        elif tag == "span":
            self.texts[-1] += " "

    def handle_endtag(self, tag):
        if tag in ("svg", "style"):
            self._hidden -= 1

    def handle_data(self, data):
        if not self._hidden:
            self.texts[-1] += data


class KnownNumbers:
    """Every number of a run's or a test's files, the counts of the manifest's rows, and the
    words of the program itself."""

    def __init__(self, folder: Path) -> None:
        self.values: set[float] = set()
        self.estimates: set[tuple[float, float, float]] = set()
        self.ranges: set[tuple[float, float]] = set()
        self.words: set[str] = set()
        documents = [folder / name for name in _DOCUMENTS]
        documents += sorted(folder.glob("external/*/evaluation.json"))
        documents += sorted(folder.glob("members/*/evaluation.json"))
        for file in documents:
            if file.is_file():
                self._add(json.loads(file.read_text(encoding="utf-8")))
        if (folder / "recipe.toml").is_file():
            self._add(tomllib.loads((folder / "recipe.toml").read_text(encoding="utf-8")))
        for row in _rows(folder / "history.csv"):
            self._add(row)
        for row in (
            *_rows(folder / "predictions" / "test.csv"),
            *_rows(folder / "predictions.csv"),
        ):
            self.words.add(row["path"])
            if row["label"] != row["predicted"]:  # the worst errors show their probabilities
                self._add({name: cell for name, cell in row.items() if name.startswith("p_")})
        self._add_manifest(_rows(folder / "manifest.csv"))
        self.fixed = _literals()

    def _add(self, tree) -> None:
        if isinstance(tree, dict):
            self._add_estimate(tree)
            self._add_right_and_wrong(tree)
            self.words |= set(tree)
            self._add([value for key, value in tree.items() if key != "curves"])
        elif isinstance(tree, list):
            self._add_list(tree)
        elif isinstance(tree, str):
            self.words.add(tree)
            self.values |= {_value(found) for found in NUMBER.findall(tree)}
        elif isinstance(tree, int | float) and math.isfinite(tree):
            self.values.add(float(tree))

    def _add_list(self, items: list) -> None:
        if len(items) == 2 and all(isinstance(one, int | float) for one in items):
            self.ranges.add((float(items[0]), float(items[1])))
        self.values.add(float(len(items)))
        for item in items:
            self._add(item)

    def _add_estimate(self, tree: dict) -> None:
        for value, low, high in (("value", "low", "high"), ("balanced_accuracy", "low", "high")):
            found = (tree.get(value), tree.get(low), tree.get(high))
            if all(isinstance(one, int | float) for one in found):
                self.estimates.add(tuple(float(one) for one in found))
                self.ranges.add((float(tree[low]), float(tree[high])))

    def _add_right_and_wrong(self, tree: dict) -> None:
        """Add how many films a confusion matrix counts as right, and how many as wrong."""
        if {"labels", "counts"} <= set(tree):
            right = sum(row[place] for place, row in enumerate(tree["counts"]))
            self.values |= {float(right), float(sum(map(sum, tree["counts"])) - right)}

    def _add_manifest(self, rows: list[dict[str, str]]) -> None:
        fields = ("split", "label", "source", "sex", "view", "patient")
        for n_fields in range(len(fields) + 1):
            for chosen in combinations(fields, n_fields):
                counts = Counter(tuple(row[field] for field in chosen) for row in rows)
                self.values |= {float(count) for count in counts.values()} | {float(len(counts))}
        for field in rows[0] if rows else ():
            known = [row[field] for row in rows if row[field]]
            self.values |= {float(len(known)), float(len(rows) - len(known))}
            self.values.add(float(len(set(known))))
            self.values.add(float(_shared(rows, field)))
        self._add([row["age_years"] for row in rows])

    def has(self, shown: str) -> bool:
        """Return whether a number as shown is a rounding of a known one, or of a hundred times
        it, a thousand times less seconds, or a number of the program's own words."""
        if shown in self.fixed:
            return True
        digits = len(shown.partition(".")[2].partition("e")[0])
        value = _value(shown)
        if "e" in shown:
            return any(_close(value, one, 0.06 * abs(value)) for one in self.values)
        step = 10.0**-digits
        return any(_close(value, one * scale, step) for one in self.values for scale in (1, 100))

    def has_estimate(self, *shown: str) -> bool:
        """Return whether one estimate has value, low and high, or just low and high, rounded."""
        known = self.estimates if len(shown) == 3 else self.ranges
        return any(
            all(
                _close(_value(one), number * scale, 10.0 ** -len(one.partition(".")[2]))
                for one, number in zip(shown, numbers, strict=True)
            )
            for numbers in known
            for scale in (1, 100)
        )


def strangers(page: str, known: KnownNumbers) -> list[str]:
    """Return every number of a page that is in none of its files, with the text around it."""
    found = []
    for text in Words(page).texts:
        if any(text in word for word in known.words):
            continue
        bare = _without_quoted(text, known)
        found += [
            f"{number} in: {text[:160]}" for number in NUMBER.findall(bare) if not known.has(number)
        ]
    return found


def foreign_intervals(page: str, known: KnownNumbers) -> list[str]:
    """Return every "value (low to high)" of a page that no estimate of its files has; where
    the value stands in the cell before, it belongs to the interval."""
    found, before = [], ""
    for text in Words(page).texts:
        for match in INTERVAL.finditer(text):
            if any(match[0] in word for word in known.words):
                continue
            lone = _LONE.fullmatch(before) if match[0] == text else None
            value = match["value"] or (lone and lone[1])
            shown = (value,) if value else ()
            if not known.has_estimate(*shown, match["low"], match["high"]):
                found.append(f"{value or ''} | {match[0]} in: {text[:160]}")
        before = text
    return found


def _without_quoted(text: str, known: KnownNumbers) -> str:
    """Return a text without the words that stand in the files as they are (versions, names)."""
    return " ".join(
        word for word in text.split() if len(word) < 4 or word.strip(".,;:()") not in known.words
    )


def _rows(file: Path) -> list[dict[str, str]]:
    if not file.is_file():
        return []
    return list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))


def _value(shown: str) -> float:
    return float(shown.replace(",", ""))


def _close(shown: float, known: float, step: float) -> bool:
    return abs(shown - known) <= 0.5000001 * step


def _shared(rows: list[dict[str, str]], field: str) -> int:
    parts: dict[str, set[str]] = {}
    for row in rows:
        if row[field]:
            parts.setdefault(row[field], set()).add(row["split"])
    return sum(len(found) > 1 for found in parts.values())


def _literals() -> frozenset[str]:
    """Return the numbers that stand in the words of the program itself ("95 % interval")."""
    found: set[str] = set()
    package = Path(carina.__file__).parent
    files = [*package.glob("reporting/**/*.py"), *package.glob("domain/*.py")]
    for file in files:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        docstrings = {
            ast.get_docstring(node, clean=False)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        }
        found |= {
            number
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
            if node.value not in docstrings
            for number in NUMBER.findall(node.value)
        }
    return frozenset(found)
