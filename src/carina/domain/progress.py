"""What long work tells whoever draws it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Step:
    """One step of long work.

    Attributes:
        stage: what is being done, in the words of a progress bar ("reading films").
        done: how many of `total` are done.
        total: how many there are; 0 if that is not known.
        facts: what else to show beside the bar, by name ("images/s", "val_auc").
        message: a sentence to print and keep, or "".
    """

    stage: str
    done: int = 0
    total: int = 0
    facts: Mapping[str, float | str] = field(default_factory=dict)
    message: str = ""


Progress = Callable[[Step], None]


def silent(step: Step) -> None:
    """Draw nothing."""
