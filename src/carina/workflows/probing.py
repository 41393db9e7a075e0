"""What can be told about the class without the lungs: the masked probe, the best confounder."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from carina.domain.audit import Audit
from carina.domain.calibration import Calibration
from carina.domain.estimate import Estimate
from carina.domain.evaluation import Estimates
from carina.domain.probes import (
    COARSE_CONFOUNDER_BALANCED_ACCURACY,
    CONFOUNDER_BALANCED_ACCURACY,
    MASKED_ACCURACY,
    MASKED_BALANCED_ACCURACY,
    MASKED_EPOCHS,
    MASKED_VALIDATION_ACCURACY,
    WITHOUT_LEAKS,
    method_of_signal,
)
from carina.domain.progress import Progress, Step
from carina.domain.recipe import EvaluateSection
from carina.domain.record import Part, Record
from carina.errors import RunError, StorageError, TrainingError
from carina.evaluation.estimating import estimate_metrics
from carina.evaluation.intervals import wilson
from carina.evaluation.metrics import METRICS
from carina.evaluation.scored_films import ScoredFilms
from carina.imaging.prepare import without_centre
from carina.reporting.audit_counts import best_confounder
from carina.runs import Run
from carina.settings import Settings
from carina.workflows.films import Films
from carina.workflows.going_on import identity_of, stopping_at_signals
from carina.workflows.learning import Course, Learned, film_part
from carina.workflows.log import Log
from carina.workflows.probe_plan import ProbePlan, Sizes, Work, evenly_chosen, plan_probe
from carina.workflows.record import note_facts, recorded_circumstances
from carina.workflows.start import Start

if TYPE_CHECKING:
    from carina.models.network import Network
    from carina.training.checkpoints import Checkpoints
    from carina.training.films import FilmPart, TrainingFilms

STAGE = "masked probe"
# The fixed layers compute so many times longer in float32 than in bfloat16: VGG16's with
# AVX-512's bfloat16 instructions (`choose_runtime`'s timings of both).
_FIXED_IN_FLOAT32 = 2.0
_METRICS = {"accuracy": MASKED_ACCURACY, "balanced_accuracy": MASKED_BALANCED_ACCURACY}


@dataclass(frozen=True, slots=True)
class _Probed:
    """What a masked probe found.

    Attributes:
        plan: what it was given.
        records: the test films that it answered.
        logits: float64 `[n, classes]`, their answers.
        validation_accuracy: at the epoch that was chosen.
    """

    plan: ProbePlan
    records: Sequence[Record]
    logits: NDArray[np.float64]
    validation_accuracy: float


def masked_probe(
    learned: Learned, *, settings: Settings, log: Log, run: Run | None = None
) -> Estimates:
    """Train the same network from the same start on films whose middle is black, and test it.

    It is an ordinary training with the recipe's augmentation, class weights and choice of the
    epoch, cut to a quarter of the training's work (`plan_probe`); the test films
    are answered by torch. It draws from generators of its own and leaves the trained network
    as it was.

    Args:
        learned: the training; with its course, or there is no probe.
        settings: where features of fixed layers are kept.
        log: told what it is given and what it finds.
        run: its record keeps what the probe is given; what stands there is given again.

    Returns:
        Estimates under the names of `domain.probes`; undefined with the reason where the
        probe could not be trained; none where there is no probe.
    """
    course = learned.course
    if course is None:
        return {}
    films, section = course.start.films, course.start.recipe.evaluate
    with log.stage(STAGE):
        try:
            probed = _probed(course, settings, log, run)
        except (TrainingError, StorageError) as error:
            log.say(f"{STAGE}: could not be trained: {error}")
            why = f"the probe could not be trained: {error}"
            n_test = len(films.of("test"))
            return {name: Estimate.undefined(why, n=n_test) for name in _METRICS.values()}
    return _estimates(probed, films, section)


def confounder_probes(audit: Audit) -> Estimates:
    """Return how well the class is told by the audit's best signals of those in the pixels,
    which a network can see: one without the lungs, and one that shows them coarsely.

    What an audit did not measure is left out.
    """
    found = {}
    for name, has_lungs in (
        (CONFOUNDER_BALANCED_ACCURACY, False),
        (COARSE_CONFOUNDER_BALANCED_ACCURACY, True),
    ):
        asked = [c for c in audit.confounders if c.has_lungs == has_lungs]
        best = best_confounder(asked, in_pixels=True)
        if best is not None:
            found[name] = Estimate(
                value=best.balanced_accuracy,
                low=best.low,
                high=best.high,
                n=best.n,
                method=method_of_signal(best.signal),
            )
    return found


def _probed(course: Course, settings: Settings, log: Log, run: Run | None) -> _Probed:
    from carina.training.answering import Answering, answers
    from carina.training.films import TrainingFilms
    from carina.training.fit import fit

    start, recipe = course.start, course.start.recipe
    network = copy.deepcopy(start.network)
    network.load_state_dict(course.start_state)
    way = Answering(
        # Fixed layers do not mind the mask: for the same spec they need not start again.
        spec=recipe.input,
        train=recipe.train,
        precision=course.precision,
        films_at_once=course.films_at_once,
        cache_dir=settings.cache_dir,
        progress=_told_as_probe(log.progress),
    )
    plan = _recorded_plan(run, course)
    if plan is None:
        plan = plan_probe(_work(network, course), _sizes(start.films))
    if run is not None:
        note_facts(run, masked_probe={"epochs": plan.epochs, **asdict(plan.films)})
    log.say(_what_it_gets(plan, course))
    train, _ = _some_masked(start, "train", plan.films.train)
    validation, _ = _some_masked(start, "validation", plan.films.validation)
    shown = TrainingFilms(train, validation, recipe.input)
    section = recipe.train.model_copy(update={"epochs": plan.epochs})
    checkpoints = _checkpoints(run, course, shown, plan)
    with ExitStack() as stack:
        if checkpoints is not None:
            stack.enter_context(stopping_at_signals(checkpoints))
        fitted = fit(
            network,
            shown,
            train=section,
            augment=recipe.augment,
            precision=course.precision,
            cache_dir=settings.cache_dir,
            films_at_once=course.films_at_once,
            checkpoints=checkpoints,
            progress=way.progress,
        )
    network.load_state_dict(fitted.best_state)
    test, records = _some_masked(start, "test", plan.films.test)
    return _Probed(
        plan=plan,
        records=records,
        logits=answers(network, test, way),
        validation_accuracy=fitted.history[fitted.best_epoch - 1]["val_accuracy"],
    )


def _checkpoints(
    run: Run | None, course: Course, shown: TrainingFilms, plan: ProbePlan
) -> Checkpoints | None:
    """Return the checkpoints of a run's masked probe; a training without a run has none."""
    from carina.training.checkpoints import PROBE, Checkpoints

    if run is None:
        return None
    identity = {**identity_of(course.start.recipe, shown), "epochs of the probe": plan.epochs}
    return Checkpoints(
        run.checkpoints_dir,
        name=PROBE,
        identity=identity,
        circumstances=recorded_circumstances(run),
    )


def _recorded_plan(run: Run | None, course: Course) -> ProbePlan | None:
    """Return what the probe was given when the training was first made, or None.

    Raises:
        RunError: if the record names more than the training itself had.
    """
    if run is None or not run.environment_file.is_file():
        return None
    facts = run.environment.masked_probe
    if not facts:
        return None
    had = {"epochs": course.epochs, **asdict(_sizes(course.start.films))}
    if facts.keys() != had.keys() or any(facts[name] > most for name, most in had.items()):
        raise RunError(
            f"{run.environment_file} names a masked probe of {dict(facts)}, and the training had "
            f"{had}: the record was changed; take an unchanged copy of the run"
        )
    return ProbePlan(facts["epochs"], Sizes(facts["train"], facts["validation"], facts["test"]))


def _work(network: Network, course: Course) -> Work:
    """Return what the training took, in multiplications on a film's way forward.

    A film that is trained on counts three times: the way back takes two of the way forward
    (a product for the layer's values and one for its weights). One that is only answered
    counts as much, since that is never in bfloat16. Fixed layers meet each film once, though
    the training may have found its own features in the cache.
    """
    from carina.training.feed import epochs_through_fixed_layers
    from carina.training.work import film_work

    recipe, sizes = course.start.recipe, _sizes(course.start.films)
    film = film_work(network, recipe.input)
    trained = 3.0 * film.trained
    fixed_answer = (_FIXED_IN_FLOAT32 if course.precision.name == "bf16" else 1.0) * film.fixed
    n_fixed = epochs_through_fixed_layers(recipe.train, recipe.augment)
    return Work(
        epochs=tuple(
            (sizes.train + sizes.validation) * trained
            + (number < n_fixed) * sizes.train * film.fixed
            + (number == 0) * sizes.validation * fixed_answer
            for number in range(course.epochs)
        ),
        answer=trained + fixed_answer,
    )


def _sizes(films: Films) -> Sizes:
    return Sizes(*(len(films.of(part)) for part in ("train", "validation", "test")))


def _some_masked(start: Start, part: Part, n: int) -> tuple[FilmPart, list[Record]]:
    """Return some films of a part without their middle, and their records."""
    from carina.training.chance import derived_rng

    whole, records = film_part(start.films, part), start.films.of(part)
    rng = derived_rng(start.recipe.train.seed, STAGE, part)
    chosen = evenly_chosen(whole.labels, n, rng)

    def read_masked(keys: Sequence[str]) -> NDArray[np.uint16]:
        return without_centre(whole.read_levels(keys))

    masked = replace(
        whole,
        keys=tuple(whole.keys[index] for index in chosen),
        labels=whole.labels[chosen],
        read_levels=read_masked,
    )
    return masked, [records[index] for index in chosen]


def _what_it_gets(plan: ProbePlan, course: Course) -> str:
    sizes, n_epochs = _sizes(course.start.films), course.epochs
    return (
        f"{STAGE}: the same training on films whose middle is black, {plan.epochs} of {n_epochs} "
        f"epochs on {plan.films.train} of {sizes.train} films, {plan.films.test} of {sizes.test} "
        "test films"
    )


def _told_as_probe(progress: Progress) -> Progress:
    """Return what tells a training's steps as the probe's own."""

    def tell(step: Step) -> None:
        message = f"{STAGE}: {step.message}" if step.message else ""
        progress(replace(step, stage=STAGE, message=message))

    return tell


def _estimates(probed: _Probed, films: Films, section: EvaluateSection) -> Estimates:
    records, n_validation = probed.records, probed.plan.films.validation
    right = probed.validation_accuracy
    low, high = wilson(right * n_validation, n_validation)
    estimates = _test_estimates(probed, list(range(len(records))), films, section)
    known = films.seen_while_training()
    kept = [index for index, record in enumerate(records) if record.key not in known]
    every_class = {record.label for record in records}
    if len(kept) < len(records) and {records[index].label for index in kept} == every_class:
        left = _test_estimates(probed, kept, films, section)
        estimates |= {f"{name}{WITHOUT_LEAKS}": estimate for name, estimate in left.items()}
    return {
        **estimates,
        MASKED_VALIDATION_ACCURACY: Estimate(
            value=right, low=low, high=high, n=n_validation, method="wilson"
        ),
        MASKED_EPOCHS: Estimate.count(probed.plan.epochs, n=probed.plan.films.train),
    }


def _test_estimates(
    probed: _Probed, chosen: Sequence[int], films: Films, section: EvaluateSection
) -> dict[str, Estimate]:
    """Return accuracy and balanced accuracy on some of the test films."""
    names = films.dataset.labels.names
    records = [probed.records[index] for index in chosen]
    probabilities = Calibration().apply(probed.logits[chosen])
    scored = ScoredFilms(
        labels=names,
        y_true=np.array([names.index(record.label or "") for record in records], dtype=np.int64),
        probabilities=probabilities,
        predicted=probabilities.argmax(axis=1),
        patients=tuple(record.patient for record in records),
        sources=tuple(record.source for record in records),
    )
    metrics = {name: METRICS.get(name) for name in _METRICS}
    found, _ = estimate_metrics(scored, metrics, section)
    return {_METRICS[name]: estimate for name, estimate in found.items()}
