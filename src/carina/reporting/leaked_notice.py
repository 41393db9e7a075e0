"""The warning at the head of a section whose numbers count films known from training."""

from __future__ import annotations

from carina.domain.evaluation import Evaluation
from carina.domain.report import Block, Notice
from carina.domain.sentences import counted


def leaked_notice(evaluation: Evaluation) -> list[Block]:
    """Return the warning that belongs to numbers on films known from training; none without.

    Args:
        evaluation: what the numbers of the section are taken from.
    """
    without = evaluation.without_leaks
    if without is None or without.n_removed == 0:
        return []
    verb = "was" if without.n_removed == 1 else "were"
    return [
        Notice(
            "warning",
            f"{without.n_removed:,} of the {counted(evaluation.data.n_images, 'film')} tested "
            f"here {verb} known from training. The numbers of this section include "
            f"{'it' if without.n_removed == 1 else 'them'}, and are too good for it.",
        )
    ]
