"""Who works on which trial of a search: a ledger that every process of it reads and writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from carina.domain.search_range import Choice, SearchRange
from carina.files.atomic import storage_errors
from carina.workflows.tuning.journal import Place, this_process
from carina.workflows.tuning.space import distribution_of, encoded

MOST_ATTEMPTS = 5
"""How often a trial is begun whose processes are killed before they finish one more fold: one
that takes all memory would otherwise end every process that goes on with the search."""

Settings = Mapping[str, Choice]


@dataclass(frozen=True, slots=True)
class Task:
    """A trial that this process has taken.

    Attributes:
        number: of the trial, from 0; a trial that is taken again keeps it.
        settings: full name of each searched setting -> its value.
        facts: what was noted when it was put into the ledger.
        folds: figures of the folds that are done; `note_fold` adds to them.
        seconds: what those took.
        attempt: how often it was begun since its last fold was finished, this time included.
        trial: Optuna's own.
    """

    number: int
    settings: Settings
    facts: Mapping[str, Any]
    trial: Trial
    attempt: int = 1
    folds: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Entry:
    """How a trial stands.

    Attributes:
        number, settings, facts, folds: as in `Task`.
        state: "waiting", "running", "done" or "failed".
        value: of one that is done.
        seconds: its trainings'.
        reason: why it failed, or "".
        process: who works on it, in words, or "".
    """

    number: int
    settings: Settings
    facts: Mapping[str, Any]
    state: str
    folds: tuple[float, ...] = ()
    value: float | None = None
    seconds: float = 0.0
    reason: str = ""
    process: str = ""


class Ledger:
    """The trials of one kind in a journal: taken one by one, finished, taken over.

    A new trial's settings depend on the seed, its number and the trials that are finished:
    one process alone makes the same trials again, and an interrupted one goes on with them.
    """

    def __init__(
        self,
        place: Place,
        name: str,
        *,
        seed: int = 0,
        higher_is_better: bool = True,
        ranges: Mapping[str, tuple[SearchRange, Choice]] | None = None,
    ) -> None:
        """Open the ledger, or begin it.

        Args:
            place: the journal.
            name: of the ledger; a journal may hold several.
            seed: decides the settings.
            higher_is_better: of the figure that trials are finished with.
            ranges: full name of each searched setting -> its range and the recipe's own
                value, the settings of trial 0. None: every trial is put in by `add`.
        """
        self._place = place
        self._seed = seed
        self._ranges = ranges
        self._distributions = {
            name: distribution_of(*own) for name, own in sorted((ranges or {}).items())
        }
        with storage_errors(place.file), place.turn:
            self._study = _opened(place, name, higher_is_better=higher_is_better)
            if ranges and not self._trials():
                own = {name: encoded(value) for name, (_, value) in ranges.items()}
                self._study.enqueue_trial(own, user_attrs={"number": 0, "facts": {}})

    @property
    def facts(self) -> Mapping[str, Any]:
        """What was noted of the whole search."""
        return self._study.user_attrs

    def note(self, name: str, value: object) -> None:
        """Note something of the whole search, but for what is noted already."""
        with storage_errors(self._place.file):
            if name not in self.facts or self.facts[name] != value:
                self._study.set_user_attr(name, value)

    def first_note(self, name: str, value: Callable[[], object]) -> Any:
        """Return what was noted, or note it if nobody has; of two processes one does."""
        with self._place.turn:
            if name not in self.facts:
                self.note(name, value())
            return self.facts[name]

    def add(self, facts: Sequence[Mapping[str, Any]]) -> None:
        """Put in trials with facts of their own, but for those that are in it."""
        with storage_errors(self._place.file), self._place.turn:
            entries = self.entries()
            known = [entry.facts for entry in entries]
            new = [one for one in facts if one not in known]
            for number, one in enumerate(new, start=len(entries)):
                self._study.enqueue_trial({}, user_attrs={"number": number, "facts": dict(one)})

    def take(self, n_most: int = 0) -> Task | None:
        """Return a trial for this process: one that waits, one that a dead process left, or a
        new one if there are less than `n_most`; None if there is nothing to take."""
        with storage_errors(self._place.file), self._place.turn:
            self._take_over()
            waiting = [t for t in self._trials() if t.state == TrialState.WAITING]
            numbers = {entry.number for entry in self.entries()}
            if not waiting and len(numbers) >= n_most:
                return None
            attrs = waiting[0].user_attrs if waiting else {}
            number = attrs.get("number", len(numbers))
            self._study.sampler = _sampler(self._seed, number)
            trial = self._study.ask(self._distributions)
            owner = {"worker": self._place.worker, "process": this_process(), "number": number}
            trial.set_user_attr("owner", owner)
            return Task(
                number=number,
                settings=self._decoded(trial.params),
                facts=attrs.get("facts", {}),
                trial=trial,
                attempt=attrs.get("attempt", 1),
                folds=list(attrs.get("folds", ())),
                seconds=list(attrs.get("seconds", ())),
            )

    def note_fold(self, task: Task, value: float, *, seconds: float) -> None:
        """Note a finished fold: whoever takes the trial over does not train it again."""
        task.folds.append(value)
        task.seconds.append(seconds)
        with storage_errors(self._place.file):
            task.trial.set_user_attr("folds", task.folds)
            task.trial.set_user_attr("seconds", task.seconds)

    def finish(self, task: Task, value: float) -> None:
        """Note a trial's figure."""
        with storage_errors(self._place.file):
            self._study.tell(task.trial, value)

    def fail(self, task: Task, reason: str) -> None:
        """Note that a trial did not work out, and why."""
        with storage_errors(self._place.file):
            task.trial.set_user_attr("reason", reason)
            self._study.tell(task.trial, state=TrialState.FAIL)

    def give_back(self, task: Task) -> None:
        """Leave a trial, as far as it is, to whoever goes on."""
        with storage_errors(self._place.file), self._place.turn:
            frozen = next(t for t in self._trials() if t.number == task.trial.number)
            if frozen.state == TrialState.RUNNING:
                self._put_back(frozen, number=task.number, attempt=task.attempt)

    def entries(self) -> list[Entry]:
        """Return how every trial stands, by number."""
        found: dict[int, Entry] = {}
        for trial in self._trials():
            entry = self._entry(trial)
            if entry is not None:
                found[entry.number] = entry
        return [found[number] for number in sorted(found)]

    def others(self) -> list[str]:
        """Return the processes that work on a trial now, in words."""
        found = set()
        for trial in self._trials():
            owner = trial.user_attrs.get("owner")
            is_running = trial.state == TrialState.RUNNING
            if is_running and owner and self._place.is_alive(owner["worker"]):
                found.add(owner["process"])
        return sorted(found)

    def _take_over(self) -> None:
        """Put back what dead processes were working on; the turn is held."""
        trials = self._trials()
        for trial in trials:
            if trial.state != TrialState.RUNNING:
                continue
            # The owner is noted within the turn: one without is dead.
            owner = trial.user_attrs.get("owner", {})
            if owner and self._place.is_alive(owner["worker"]):
                continue
            number = _number_of(trial)
            if any(t.number > trial.number and _number_of(t) == number for t in trials):
                number = None  # whoever put it back was killed before this line
            attrs = trial.user_attrs
            stood_still = len(attrs.get("folds", ())) == attrs.get("folds before", 0)
            attempt = 1 + attrs.get("attempt", 1) if stood_still else 1
            self._put_back(trial, number=number, attempt=attempt)

    def _put_back(self, trial: FrozenTrial, *, number: int | None, attempt: int) -> None:
        attrs = trial.user_attrs
        kept: dict[str, Any] = {"number": number, "attempt": attempt}
        kept |= {name: attrs[name] for name in ("facts", "folds", "seconds") if name in attrs}
        kept["folds before"] = len(attrs.get("folds", ()))
        if number is not None and attempt > MOST_ATTEMPTS:
            kept["reason"] = (
                f"its process was killed {MOST_ATTEMPTS} times, as one is that takes all memory"
            )
            self._study.add_trial(
                create_trial(
                    state=TrialState.FAIL, params=trial.params,
                    distributions=trial.distributions, user_attrs=kept,
                )
            )  # fmt: skip
        elif number is not None:
            # One that was taken before its settings were all drawn gets them drawn again.
            whole = trial.params.keys() == self._distributions.keys()
            params = trial.params if whole else trial.system_attrs.get("fixed_params", {})
            self._study.enqueue_trial(params, user_attrs=kept)
        self._study.tell(trial.number, state=TrialState.FAIL)

    def _entry(self, trial: FrozenTrial) -> Entry | None:
        """Return how a trial stands, or None for what a process left behind."""
        attrs = trial.user_attrs
        number, reason = _number_of(trial), attrs.get("reason", "")
        if number is None or (trial.state == TrialState.FAIL and not reason):
            return None
        params = trial.params or trial.system_attrs.get("fixed_params", {})
        return Entry(
            number=number,
            settings=self._decoded(params),
            facts=attrs.get("facts", {}),
            state=_STATES[trial.state],
            folds=tuple(attrs.get("folds", ())),
            value=trial.value,
            seconds=sum(attrs.get("seconds", ())),
            reason=reason,
            process=attrs.get("owner", {}).get("process", ""),
        )

    def _trials(self) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False)

    def _decoded(self, params: Mapping[str, Any]) -> dict[str, Choice]:
        """Return settings as a recipe has them."""
        decoded = {}
        for name in self._distributions:
            if name in params:
                span, _ = (self._ranges or {})[name]
                by_code = {encoded(one): one for one in span.choices}
                decoded[name] = by_code.get(params[name], params[name])
        return decoded


_STATES = {
    TrialState.WAITING: "waiting",
    TrialState.RUNNING: "running",
    TrialState.COMPLETE: "done",
    TrialState.FAIL: "failed",
}


def _opened(place: Place, name: str, *, higher_is_better: bool) -> optuna.Study:
    """Return the study under a name, or begin it; one that is there gets no new line."""
    try:
        return optuna.load_study(study_name=name, storage=place.storage)
    except KeyError:
        return optuna.create_study(
            study_name=name,
            storage=place.storage,
            direction="maximize" if higher_is_better else "minimize",
        )


def _number_of(trial: FrozenTrial) -> int | None:
    """Return the number under which a trial stands in the ledger; None if it was not taken."""
    attrs = trial.user_attrs
    number: int | None = attrs.get("owner", attrs).get("number")
    return number


def _sampler(seed: int, number: int) -> optuna.samplers.TPESampler:
    """Return what draws one trial's settings; a sampler of its own for each, since one that
    goes on after an interruption would draw from the beginning again.

    References:
        Bergstra et al., Algorithms for hyper-parameter optimization, NeurIPS 2011.
    """
    from carina.training.chance import derived_seed

    own = derived_seed(seed, "settings", number) % 2**32
    # Trials under way count as bad ones, so that two processes do not try the same.
    return optuna.samplers.TPESampler(seed=own, constant_liar=True)
