"""What the probes say about a classifier's accuracy: what can be had without the lungs."""

from __future__ import annotations

from dataclasses import dataclass, replace

from carina.domain.audit import Severity
from carina.domain.estimate import Estimate
from carina.domain.evaluation import Evaluation
from carina.domain.percentages import percent
from carina.domain.probes import (
    MASKED_BALANCED_ACCURACY,
    MASKED_EPOCHS,
    WITHOUT_LEAKS,
)
from carina.domain.sentences import counted, sentence
from carina.reporting.wording import value_of, with_interval
from carina.runs import Run

_NAME = "balanced_accuracy"
# Of the way from guessing to what the classifier reaches; words, not findings, depend on them.
_NEARLY_ALL = 0.9
_MUCH = 0.5


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the masked probe says, and how much it matters; None: it is good news."""

    severity: Severity | None
    sentence: str


@dataclass(frozen=True, slots=True)
class MaskedProbe:
    """A classifier's balanced accuracy beside that of its masked probe, on the test part.

    Attributes:
        own: the classifier's.
        masked: the probe's.
        guessing: what guessing reaches.
        epochs: the probe's, and those of the training.
        n_train: films that the probe was trained on, and those of the training.
        without_leaks: both without the films known from training, if there are any.
        seed: of the probe's training, where the classifier has another; else None.
        fold: what the training that both are of was tested on, where there are folds; else "".
    """

    own: Estimate
    masked: Estimate
    guessing: float
    epochs: tuple[int, int]
    n_train: tuple[int, int]
    without_leaks: tuple[Estimate, Estimate] | None = None
    seed: int | None = None
    fold: str = ""

    @property
    def is_shortened(self) -> bool:
        """Whether the probe had fewer epochs or films than the training."""
        return self.epochs[0] < self.epochs[1] or self.n_train[0] < self.n_train[1]


def probed_run(run: Run) -> Run:
    """Return the training that the probes of a run are of: with folds the first one's, whichever
    was chosen, since each fold has other films; else the run itself."""
    folds = run.evaluation.folds
    return run if folds is None else Run(run.members_dir / folds.folds[0].name)


def masked_probe_of(run: Run) -> MaskedProbe | None:
    """Return the masked probe of a run, or None if it has none."""
    evaluation = run.evaluation
    if evaluation.folds is not None:
        probe = masked_probe_of(probed_run(run))
        fold = evaluation.folds.folds[0].tested_on
        return None if probe is None else replace(probe, fold=fold)
    masked = evaluation.probes.get(MASKED_BALANCED_ACCURACY)
    if masked is None:
        return None
    n_all = sum(run.card.provenance.n_train.values())
    training = run.recipe.train
    trained = evaluation.probes.get(MASKED_EPOCHS)
    epochs, n_train = training.epochs, n_all
    if trained is not None and trained.value is not None:
        epochs, n_train = round(trained.value), trained.n
    chosen = [member.seed for member in evaluation.members if member.chosen]
    return MaskedProbe(
        own=evaluation.metrics[_NAME],
        masked=masked,
        guessing=guessing(evaluation),
        epochs=(epochs, training.epochs),
        n_train=(n_train, n_all),
        without_leaks=_without_leaks(evaluation),
        seed=training.seed if chosen and chosen != [training.seed] else None,
    )


def guessing(evaluation: Evaluation) -> float:
    """Return the balanced accuracy that guessing reaches: 1 over the classes that were tested."""
    return 1 / max(1, sum(any(row) for row in evaluation.confusion_matrix.counts))


def verdict_of(probe: MaskedProbe) -> Verdict:
    """Return what a masked probe says about the classifier's accuracy, in words.

    The probe tells something if its interval lies over guessing. What it reaches can be had
    without most of the lungs; whether the classifier had it from there it cannot tell.
    """
    masked, own = probe.masked, probe.own
    if masked.value is None or own.value is None or masked.low is None or own.low is None:
        why = masked.undefined_because or own.undefined_because
        return Verdict(None, f"What can be had without the lungs is not known: {sentence(why)}")
    guess = percent(probe.guessing)
    reached = with_interval(_NAME, masked)
    if own.low <= probe.guessing:
        return Verdict(
            "warning",
            f"The classifier's balanced accuracy, {with_interval(_NAME, own)}, cannot be told from "
            f"guessing ({guess}), so there is nothing that could come from the lungs. With the "
            f"middle of every film blacked out the same recipe reaches {reached}."
            f"{_which_fold(probe, ' ')}",
        )
    opening = "With the middle of every film blacked out, where the lungs are, the same recipe"
    if masked.low <= probe.guessing:
        found = (
            f"{opening} reaches a balanced accuracy of {reached}, which "
            f"{counted(masked.n, 'test film')} cannot tell from guessing ({guess}); the "
            f"classifier reaches {value_of(_NAME, own)}."
        )
        remarks = _remarks(probe, "; trained longer, it might find something")
        return Verdict(None, " ".join([found, *remarks]))
    way = (masked.value - probe.guessing) / (own.value - probe.guessing)
    found = (
        f"{opening} still reaches a balanced accuracy of {reached}, where guessing reaches "
        f"{guess}: {_how_much(way)} the classifier's {value_of(_NAME, own)} can be had without "
        "the lungs."
    )
    remarks = _remarks(probe, ", so this is the least that can be had")
    return Verdict("critical" if way >= _MUCH else "warning", " ".join([found, *remarks]))


def verdicts(run: Run) -> list[Verdict]:
    """Return the verdict on a run, or on each stage of a cascade; none without a probe."""
    found = []
    for stage, probe in probed_stages(run):
        own = verdict_of(probe)
        text = f"Stage '{stage.name}' of the cascade: {own.sentence}"
        found.append(Verdict(own.severity, text))
    probe_of_run = masked_probe_of(run)
    return [*found, *([verdict_of(probe_of_run)] if probe_of_run is not None else [])]


def probed_stages(run: Run) -> list[tuple[Run, MaskedProbe]]:
    """Return the stages of a cascade with their masked probes; none for another run.

    Of several seeds, or folds, the first alone has probes, whichever was chosen.
    """
    if not run.recipe.stages:
        return []
    evaluation = run.evaluation
    first, fold = run, ""
    if evaluation.members:
        first = Run(run.members_dir / evaluation.members[0].name)
    elif evaluation.folds is not None:
        first, fold = probed_run(run), evaluation.folds.folds[0].tested_on
    probes = [(stage, masked_probe_of(stage)) for stage in first.stages]
    return [(stage, replace(probe, fold=fold)) for stage, probe in probes if probe is not None]


def how_trained(probe: MaskedProbe) -> str:
    """Return how much the probe was trained, in words.

    >>> estimate = Estimate(value=0.9, low=0.8, high=0.95, n=60, method="wilson")
    >>> how_trained(MaskedProbe(estimate, estimate, 0.5, (2, 8), (300, 400)))
    '2 of 8 epochs on 300 of 400 films'
    """
    (epochs, all_epochs), (films, all_films) = probe.epochs, probe.n_train
    passes = f"{epochs} of {counted(all_epochs, 'epoch')}"
    if epochs == all_epochs:
        passes = f"all {all_epochs} epochs" if all_epochs > 1 else "the one epoch"
    if films == all_films:
        return f"{passes} on all {counted(all_films, 'film')}"
    return f"{passes} on {films:,} of {counted(all_films, 'film')}"


def _how_much(way: float) -> str:
    if way >= 1:
        return "all of"
    if way >= _NEARLY_ALL:
        return "nearly all of"
    return "much of" if way >= _MUCH else "some of"


def _remarks(probe: MaskedProbe, shortened: str) -> list[str]:
    """Return what else must be known of the probe, in sentences."""
    remarks = [_which_fold(probe)] if probe.fold else []
    if probe.is_shortened:
        remarks.append(f"The probe was trained in {how_trained(probe)}{shortened}.")
    if probe.masked.n < probe.own.n:
        remarks.append(f"It answered {probe.masked.n:,} of the {probe.own.n:,} test films.")
    if probe.seed is not None:
        remarks.append(f"It was trained with seed {probe.seed} alone.")
    if probe.without_leaks is not None:
        own, masked = (with_interval(_NAME, one) for one in probe.without_leaks)
        remarks.append(
            f"Without the films known from training it is {masked}, and the classifier's {own}."
        )
    return remarks


def _which_fold(probe: MaskedProbe, before: str = "") -> str:
    """Return of which training of several folds the numbers are, or ""."""
    if not probe.fold:
        return ""
    return (
        f"{before}Both numbers are of the training that was tested on {probe.fold} "
        f"({counted(probe.own.n, 'film')})."
    )


def _without_leaks(evaluation: Evaluation) -> tuple[Estimate, Estimate] | None:
    left = evaluation.without_leaks
    masked = evaluation.probes.get(f"{MASKED_BALANCED_ACCURACY}{WITHOUT_LEAKS}")
    if left is None or masked is None or _NAME not in left.metrics:
        return None
    return left.metrics[_NAME], masked
