"""Whether what stands on a card fits together: a card can be written by hand."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath

from carina.domain.card import Card
from carina.errors import ClassifierError

_MOST_CLASSES = 1_000
_MOST_FILES = 1_000
_DECILES = 11
# exp() of a larger distance is no number any more.
_FARTHEST = 500.0


def require_consistent(card: Card, *, path: Path, network: str) -> None:
    """Refuse a card whose parts contradict each other, or whose files lie elsewhere.

    Args:
        card: as it was read.
        path: where, for messages.
        network: the file of the network.

    Raises:
        ClassifierError: saying what does not fit.
    """
    problem = _files_problem(card, network) or _rules_problem(card) or _gate_problem(card)
    if problem:
        raise ClassifierError(
            f"{path} {problem}; the classifier is not whole: train or import it again"
        )


def _files_problem(card: Card, network: str) -> str:
    outside = [name for name in card.files if not _is_plain(name)]
    if outside:
        return f"names files outside its folder: {[name[:60] for name in outside[:3]]}"
    if len(card.files) > _MOST_FILES:
        return f"names {len(card.files):,} files, and {_MOST_FILES:,} are the most"
    heads = {source.head for source in card.explanations.values()}
    if "" in heads:
        return "has a class whose heat maps come from no file"
    others = heads | ({card.gate.file} - {""})
    if network in others:
        return f"names {network} as another file too"
    needed = {network, *others}
    unlisted = sorted(needed - set(card.files))
    if unlisted:
        return f"names {', '.join(unlisted[:5])} without a digest"
    return ""


def _is_plain(name: str) -> bool:
    """Return whether a name is that of a file in the same folder, on any system."""
    is_one_part = PurePosixPath(name).name == name and PureWindowsPath(name).name == name
    return is_one_part and name not in ("", ".", "..") and "\0" not in name


def _rules_problem(card: Card) -> str:
    names = card.labels.names
    if not 1 < len(names) <= _MOST_CLASSES:
        return f"names {len(names):,} classes, and 2 to {_MOST_CLASSES:,} are possible"
    if card.calibration.method == "vector" and len(card.calibration.scales) != len(names):
        return f"has a calibration of {len(card.calibration.scales)} classes for {len(names)}"
    if card.thresholds.rule == "at-least" and len(names) != 2:
        return f"has a threshold between two classes for {len(names)}"
    if card.abstention.conformal is not None and card.abstention.labels != names:
        return "abstains by other classes than its own"
    strange = [name for name in card.explanations if name not in names]
    if strange:
        return f"explains '{strange[0][:60]}', which is none of its classes"
    return ""


def _gate_problem(card: Card) -> str:
    measures = [check.measure for check in card.gate.checks]
    if len(set(measures)) < len(measures):
        return "has two limits of its gate for one measure"
    if card.gate.checks and not card.gate.file:
        return "has limits of a fitted gate without its file"
    for check in card.gate.checks:
        values = (check.limit, check.usual, check.tail_start, check.tail_scale)
        if max(map(abs, values)) > _FARTHEST:
            return f"has an impossible limit of its gate for '{check.measure}'"
    for measure, deciles in card.input_statistics.deciles.items():
        if len(deciles) != _DECILES or list(deciles) != sorted(deciles):
            return f"has deciles of '{measure[:60]}' that are not {_DECILES} values that rise"
    return ""
