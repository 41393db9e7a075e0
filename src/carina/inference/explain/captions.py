"""What a picture of an explanation shows, in words that go with it."""

from __future__ import annotations

from carina.domain.explanation import Explanation
from carina.domain.explanation_scores import ExplanationScores
from carina.inference.explain import EXPLAINERS

NOT_FOR_DIAGNOSIS = "Research and education only: not for diagnosis."


def caption(
    explanation: Explanation, *, scores: ExplanationScores | None = None, no_answer: str = ""
) -> tuple[str, ...]:
    """Return what stands below a picture of an explanation, line by line.

    Args:
        explanation: what is shown.
        scores: what the classifier's card says of its heat maps.
        no_answer: why the film has no answer; empty if it has one.
    """
    title = EXPLAINERS.get(explanation.method).title
    if explanation.heat.any():
        shown = (
            f"What speaks for '{explanation.label}' by {title}: 1 is the place that speaks most "
            "for it on this film, the outline half of that."
        )
    else:
        shown = f"Nothing on this film speaks for '{explanation.label}' by {title}."
    abstained = (f"The classifier gives no answer on this film: {no_answer}.",) if no_answer else ()
    cautions = scores.cautions_on(title) if scores is not None else ()
    return (*abstained, shown, *cautions, NOT_FOR_DIAGNOSIS)
