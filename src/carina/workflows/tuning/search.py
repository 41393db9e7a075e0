"""The trials of a search, worked off; and those that tell luck, trained again."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from carina.domain.progress import Progress, Step
from carina.domain.record import Record
from carina.domain.tune_study import TuneRepeat, TuneTrial
from carina.errors import StoppedBySignal, TrainingError
from carina.workflows.tuning.ledger import Entry, Ledger, Task
from carina.workflows.tuning.training import MEMORY_STAGE, Trainings

_POLL_S = 1.0
_STAGE = "searching"


@dataclass(frozen=True, slots=True)
class Search:
    """A search under way in this process.

    Attributes:
        trials: what was and is being tried.
        repeats: what is trained again.
        trainings: how.
        n_folds: of every trial.
        n_trials: how many there shall be.
        n_repeats: how often the recipe as it was and the best trial are trained again.
        ends: by `time.monotonic`, when this process takes no more trials; None: never.
        progress: told as the work goes on.
    """

    trials: Ledger
    repeats: Ledger
    trainings: Trainings
    n_folds: int
    n_trials: int
    n_repeats: int
    ends: float | None
    progress: Progress

    def try_all(self) -> None:
        """Work off trials until there are as many as there shall be, or the time is over, and
        nobody works on one any more.

        Raises:
            StoppedBySignal: with the trial given back as far as it was.
            StorageError: if there is no room.
        """
        films, recipe = self.trainings.films, self.trainings.base
        folds = films.folds(self.n_folds, recipe.split.seed)

        def work(task: Task) -> None:
            self._work(self.trials, task, folds, told=f"trial {task.number}", seeds=("trial",))

        def take() -> Task | None:
            is_over = self.ends is not None and time.monotonic() > self.ends
            return None if is_over else self.trials.take(self.n_trials)

        self._work_off(self.trials, take, work)

    def repeat(self, best: int) -> None:
        """Train the recipe as it was and the best trial's settings again: on folds that are cut
        anew, with other seeds, the same for both.

        Args:
            best: the number of the best trial.

        Raises:
            StoppedBySignal, StorageError: as `try_all` does.
        """
        numbers = range(1, self.n_repeats + 1)
        trials = sorted({0, best})
        self.repeats.add([{"trial": t, "repeat": n} for n in numbers for t in trials])
        settings = {entry.number: entry.settings for entry in self.trials.entries()}
        films, recipe = self.trainings.films, self.trainings.base

        def work(task: Task) -> None:
            from carina.training.chance import derived_seed

            trial, number = task.facts["trial"], task.facts["repeat"]
            folds = films.folds(self.n_folds, derived_seed(recipe.split.seed, "repeat", number))
            task = replace(task, settings=settings[trial])
            told = f"repeat {number} of trial {trial}"
            self._work(self.repeats, task, folds, told=told, seeds=("repeat", number))

        self._work_off(self.repeats, self.repeats.take, work)

    def seconds(self) -> float:
        """Return what all trainings took until now."""
        entries = (*self.trials.entries(), *self.repeats.entries())
        return sum(entry.seconds for entry in entries)

    def _work_off(
        self, ledger: Ledger, take: Callable[[], Task | None], work: Callable[[Task], None]
    ) -> None:
        """Take tasks until there is none, and wait for those that other processes have."""
        is_told = False
        while True:
            task = take()
            if task is not None:
                try:
                    work(task)
                except (KeyboardInterrupt, StoppedBySignal):
                    ledger.give_back(task)
                    raise
                continue
            others = ledger.others()
            if not others:
                return
            if not is_told:
                self.progress(Step("", message=f"waiting for {' and '.join(others)}"))
                is_told = True
            time.sleep(_POLL_S)

    def _work(
        self,
        ledger: Ledger,
        task: Task,
        folds: Sequence[Sequence[Record]],
        *,
        told: str,
        seeds: tuple[str | int, ...],
    ) -> None:
        """Train a task's settings on every fold that is left, and note what that gave."""
        from carina.training.chance import derived_seed

        seed = self.trainings.base.train.seed
        own = (task.number,) if ledger is self.trials else ()
        try:
            for number in range(len(task.folds), self.n_folds):
                began = time.monotonic()
                value = self.trainings.figure(
                    task.settings,
                    folds,
                    number,
                    seed=derived_seed(seed, *seeds, *own, number),
                    place="-".join(map(str, (*told.split(), "fold", number))),
                    progress=self._teller(told, number),
                )
                ledger.note_fold(task, value, seconds=time.monotonic() - began)
        except TrainingError as error:
            ledger.fail(task, str(error))
            self._tell(f"{told} did not work out: {error}")
            return
        figure = statistics.fmean(task.folds)
        ledger.finish(task, figure)
        settings = ", ".join(f"{name}={_short(value)}" for name, value in task.settings.items())
        name = self.trainings.base.train.choose_by
        self._tell(f"{told}: {name} {figure:.4f} ({settings})")

    def _teller(self, told: str, fold: int) -> Progress:
        """Return what tells a training's progress as a part of the search's."""
        done, total = self._counts()

        def tell(step: Step) -> None:
            if step.stage == "training" and step.total:
                facts = {"now": f"{told}, fold {fold + 1}/{self.n_folds}", **step.facts}
                self.progress(Step(_STAGE, done, total, facts))
            elif step.stage == MEMORY_STAGE:
                self.progress(Step("", message=f"{told}: {step.message}"))

        return tell

    def _tell(self, message: str) -> None:
        done, total = self._counts()
        self.progress(Step(_STAGE, done, total, message=message))

    def _counts(self) -> tuple[int, int]:
        """Return how many trainings are done, and how many there will be."""
        done = total = 0
        for ledger, n_tasks in ((self.trials, self.n_trials), (self.repeats, 2 * self.n_repeats)):
            entries = ledger.entries()
            ended = [entry for entry in entries if entry.state in ("done", "failed")]
            open_folds = sum(len(entry.folds) for entry in entries if entry not in ended)
            done += self.n_folds * len(ended) + open_folds
            total += self.n_folds * max(n_tasks, len(entries))
        return done, total


def tried(entries: Sequence[Entry]) -> tuple[TuneTrial, ...]:
    """Return the trials that ended, by number."""
    return tuple(
        TuneTrial(
            number=entry.number,
            state="done" if entry.state == "done" else "failed",
            settings=entry.settings,
            figure=entry.value,
            folds=entry.folds,
            seconds=entry.seconds,
            reason=entry.reason,
        )
        for entry in entries
        if entry.state in ("done", "failed")
    )


def repeated(entries: Sequence[Entry], best: int) -> tuple[TuneRepeat, ...]:
    """Return the repeats of the recipe as it was and of the best trial that ended.

    Args:
        entries: of the repeats; those of a trial that was the best earlier are left out.
        best: the number of the best trial.
    """
    return tuple(
        TuneRepeat(
            repeat=entry.facts["repeat"],
            trial=entry.facts["trial"],
            figure=entry.value,
            folds=entry.folds,
            reason=entry.reason,
        )
        for entry in entries
        if entry.state in ("done", "failed") and entry.facts["trial"] in (0, best)
    )


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
