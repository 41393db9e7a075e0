"""Networks joined into one: each asks a question, and one answer leads to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import log_softmax

from carina.errors import RecipeError
from carina.models.network import ImageNetwork, Network

# A class that a stage does not tell from others has this logit in the stage's own answer.
_NOT_ASKED = 0.0


@dataclass(frozen=True, slots=True)
class Question:
    """What a stage of a cascade asks.

    Attributes:
        name: the stage's.
        answers: the stage's classes, in the order of its logits.
    """

    name: str
    answers: tuple[str, ...]


def joined_answers(
    questions: Sequence[Question], classes: Sequence[str]
) -> tuple[tuple[int | None, ...], ...]:
    """Return, for each stage's answers, the class of the cascade, or None for "ask on".

    Args:
        questions: of the stages, in order.
        classes: of the cascade, in the order of its logits.

    Raises:
        RecipeError: unless every stage but the last has exactly one answer that leads on,
            the last one none, and every class is the answer of one stage.

    >>> first = Question("abnormal", ("Abnormal", "Normal"))
    >>> joined_answers([first, Question("which", ("A", "B"))], ["A", "B", "Normal"])
    ((None, 2), (0, 1))
    """
    found: list[str] = []
    plan = []
    for number, question in enumerate(questions, start=1):
        leading_on = [answer for answer in question.answers if answer not in classes]
        if len(leading_on) != (number < len(questions)):
            wanted = "one answer leads on" if number < len(questions) else "no answer leads on"
            raise RecipeError(
                f"stage '{question.name}' of the cascade answers {', '.join(question.answers)}: "
                f"{wanted} to the next stage, being none of the classes {', '.join(classes)}, "
                f"and there are {len(leading_on)}; look at the labels of stages.{number - 1}"
            )
        found.extend(answer for answer in question.answers if answer in classes)
        plan.append(
            tuple(None if a in leading_on else list(classes).index(a) for a in question.answers)
        )
    if sorted(found) != sorted(classes):
        raise RecipeError(
            f"the stages of the cascade answer {', '.join(found)}, and the classes are "
            f"{', '.join(classes)}: every class must be the answer of one stage"
        )
    return tuple(plan)


class Cascade(ImageNetwork):
    """Stages asked in turn, as one network whose logits are log-probabilities.

    The probability of a class is the product of the answers that lead to it, so the
    probabilities sum to one. Each stage explains the classes that it answers itself.

    Attributes:
        stages: the networks, in the order in which they are asked.
        plan: as `joined_answers` returns it.
    """

    def __init__(self, stages: Sequence[Network], plan: Sequence[Sequence[int | None]]) -> None:
        n_classes = sum(answer is not None for answers in plan for answer in answers)
        super().__init__(
            channels=max(stage.channels for stage in stages),
            height=stages[0].height,
            width=stages[0].width,
            n_classes=n_classes,
        )
        self.stages = nn.ModuleList(stages)
        self.plan = tuple(tuple(answers) for answers in plan)

    @property
    def networks(self) -> tuple[Network, ...]:
        """The stages, typed."""
        return tuple(stage for stage in self.stages if isinstance(stage, Network))

    @property
    def maps_of_class(self) -> tuple[int, ...]:
        """The number of the stage that answers each class."""
        stage_of = {
            answer: number
            for number, answers in enumerate(self.plan)
            for answer in answers
            if answer is not None
        }
        return tuple(stage_of[index] for index in range(self.n_classes))

    def forward(self, images: Tensor) -> Tensor:
        """Return the log-probabilities float32 `[n, classes]`."""
        return self._joined([stage(_seen_by(stage, images)) for stage in self.networks])

    def outputs(self, images: Tensor) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        """Return log-probabilities, the features of all stages in a row, and each stage's maps."""
        maps = [stage.maps(_seen_by(stage, images)) for stage in self.networks]
        features = [stage.embed(own) for stage, own in zip(self.networks, maps, strict=True)]
        answers = [stage.classify(own) for stage, own in zip(self.networks, features, strict=True)]
        return self._joined(answers), torch.cat(features, dim=1), tuple(maps)

    def logits_of_maps(self, index: int, maps: Tensor) -> Tensor:
        """Return what a stage adds to the log-probabilities of the classes that it answers;
        0 for the others."""
        stage = self.networks[index]
        answers = log_softmax(stage.classify(stage.embed(maps)).float(), dim=1)
        columns = [torch.full_like(answers[:, 0], _NOT_ASKED)] * self.n_classes
        for number, answer in enumerate(self.plan[index]):
            if answer is not None:
                columns[answer] = answers[:, number]
        return torch.stack(columns, dim=1)

    def _joined(self, stage_logits: Sequence[Tensor]) -> Tensor:
        columns: dict[int, Tensor] = {}
        reached = torch.zeros_like(stage_logits[0][:, 0], dtype=torch.float32)
        for answers, logits in zip(self.plan, stage_logits, strict=True):
            shares = log_softmax(logits.float(), dim=1) + reached[:, None]
            for number, answer in enumerate(answers):
                if answer is None:
                    reached = shares[:, number]
                else:
                    columns[answer] = shares[:, number]
        return torch.stack([columns[index] for index in range(self.n_classes)], dim=1)


def _seen_by(stage: Network, images: Tensor) -> Tensor:
    """Return the channels that a stage takes; a radiograph's are all equal."""
    return images[:, : stage.channels]
