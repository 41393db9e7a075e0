"""A recipe's networks and their films become a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from carina.data.manifest import write_manifest
from carina.domain.evaluation import Evaluation
from carina.domain.progress import Progress, Step
from carina.domain.recipe import Recipe
from carina.domain.sentences import listed
from carina.errors import RunError
from carina.files.atomic import flush_tree, storage_errors
from carina.files.digest_list import compare_digests, read_digests, write_digests
from carina.files.digests import file_digest
from carina.files.documents import write_document
from carina.files.recipes import write_recipe
from carina.runs import FINISHED, Run
from carina.settings import Settings
from carina.workflows.changed_films import What
from carina.workflows.deploying import deploy
from carina.workflows.environment import (
    AskedWords,
    going_on,
    opening_of_piece,
    starting_environment,
)
from carina.workflows.films import Films
from carina.workflows.going_on import require_same_films, require_same_recipe
from carina.workflows.learning import (
    Learned,
    joined,
    learn,
    learned_before,
    remove_training_state,
    write_checkpoint,
)
from carina.workflows.log import Log
from carina.workflows.probing import masked_probe
from carina.workflows.record import Moment, Record, local_time
from carina.workflows.report import write_page
from carina.workflows.reproducing.recorded_data import require_recorded_parts
from carina.workflows.ruling import with_fitted_rules
from carina.workflows.serving_agreement import with_serving_agreement
from carina.workflows.start import Start
from carina.workflows.testing import Tested, test

_NAMED = 5


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for when a run is made.

    Attributes:
        films: what to learn from and test on.
        recipe: how.
        words: what was asked for, as the run's record keeps it.
        settings: caches and keys.
        progress: told as the work goes on.
        began: when the work on the run did.
        named: films that changed meanwhile and were named to the user, with what became of them;
            all trainings of a run share it.
    """

    films: Films
    recipe: Recipe
    words: AskedWords
    settings: Settings
    progress: Progress
    began: Moment = field(default_factory=Moment.now)
    named: set[tuple[str, What]] = field(default_factory=set)


def make_run(run: Run, order: Order, starts: Sequence[Start]) -> Learned:
    """Train, test and report one run, and return its network.

    The stages of a cascade are runs of their own below `members/`, tested on their own
    question; the run itself is the cascade.

    Args:
        run: its folder exists; what an interrupted training left in it is taken up.
        order: what is asked for.
        starts: the network, or one for each stage.
    """
    films, recipe = order.films, order.recipe
    log = begin_run(run, order)
    log.say(_opening_sentence(films))
    if recipe.stages:
        learned = _learn_stages(run, order, starts)
        write_checkpoint(run, "best", learned.network.state_dict(), epoch=0)
    else:
        films = starts[0].films
        learned = learn(run, starts[0], settings=order.settings, log=log)
    classifier = deploy(run, films, recipe, learned=learned, starts=starts, log=log)
    classifier, validation = with_fitted_rules(run, films, recipe, classifier=classifier, log=log)
    classifier = with_serving_agreement(
        run, films, recipe, classifier=classifier, validation=validation, log=log
    )
    probes = masked_probe(learned, settings=order.settings, log=log, run=run)
    learned = replace(learned, course=None)  # a cascade would keep every stage's start weights
    tested = Tested(films, recipe, learned, classifier, validation, probes)
    evaluation = test(run, tested, log=log, named=order.named)
    environment = run.environment.model_copy(
        update={
            "threads": learned.threads,
            "precision": learned.precision,
            "device": learned.device,
            "images_per_second": learned.images_per_second,
            "test_opened": evaluation.data.test_opened,
        }
    )
    write_document(run.environment_file, environment)
    finish_run(run, log)
    return learned


def begin_run(run: Run, order: Order) -> Log:
    """Write what is known of a run before its training, and return its log.

    Raises:
        RunError: if it goes on, and the recipe or the films are no longer those that it began
            with.
    """
    films = order.films
    environment = starting_environment(films.dataset, words=order.words)
    is_kept = False
    if run.environment_file.is_file():
        before = run.environment
        is_kept = require_same_recipe(run)
        if before.reproduces:
            require_recorded_parts(run, films)
        else:
            require_same_films(run, films)
        environment = going_on(environment, before=before)
    if not is_kept:
        write_recipe(run.recipe_file, order.recipe)
    environment = environment.model_copy(update={"recipe_sha256": file_digest(run.recipe_file)})
    write_document(run.environment_file, environment)
    log = Log(run.log_file, order.progress, Record(run, order.began))
    log.begin_piece(opening_of_piece(environment))
    write_document(run.audit_file, films.audit)
    write_manifest(run.manifest_file, films.dataset, films.split, films.scan)
    return log


def finish_run(run: Run, log: Log) -> None:
    """Write the report, then that the run is whole, and last the digest of every file."""
    log.progress(Step("report", message="writing the report"))
    log.note_time()  # the page shows it; without the page's own, it can be built again as it is
    write_page(run)
    environment = run.environment.model_copy(update={"status": FINISHED, "ended": local_time()})
    write_document(run.environment_file, environment)
    remove_training_state(run)
    log.say("finished")
    _list_files(run)


def complete_end(run: Run) -> None:
    """Do what is left of a run whose process was killed after it had written that it is whole;
    hold one that was completed against its list.

    Raises:
        RunError: naming files that are not as they were when the run was finished.
    """
    was = read_digests(run.folder)
    if was is None:
        remove_training_state(run)
        _list_files(run)
        return
    changes = compare_digests(run.folder, was)
    if changes.any:
        names = [*changes.changed, *changes.missing, *changes.added, *changes.unreadable]
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        raise RunError(
            f"{run.folder} was finished, and is no longer as it was ({listed(names[:_NAMED])}"
            f"{more}); put these files back, or remove {run.folder}: it is then made again"
        )


def _list_files(run: Run) -> None:
    """Write the digest of every file, once each would outlive a power cut as it is listed."""
    with storage_errors(run.folder):
        flush_tree(run.folder)
    write_digests(run.folder)


def best_by_validation(candidates: Sequence[Evaluation]) -> int:
    """Return the number of the evaluation with the least loss on validation, the first at a
    tie; the test part has no say."""
    losses = [evaluation.parts["validation"]["loss"].value for evaluation in candidates]
    return min(range(len(losses)), key=lambda number: (losses[number] is None, losses[number]))


def _learn_stages(run: Run, order: Order, starts: Sequence[Start]) -> Learned:
    """Make a run of every stage, and return the stages joined."""
    learned = {}
    for number, start in enumerate(starts, start=1):
        order.progress(
            Step("", message=f"stage {number} of {len(starts)} of the cascade: '{start.name}'")
        )
        stage = Run(run.members_dir / start.name)
        own = replace(order, films=start.films, recipe=start.recipe, began=Moment.now())
        if stage.is_finished:
            complete_end(stage)
            learned[start.name] = learned_before(stage, start)
            continue
        stage.folder.mkdir(parents=True, exist_ok=True)
        learned[start.name] = make_run(stage, own, [start])
    return joined(learned, {start.name: start for start in starts}, order.films)


def _opening_sentence(films: Films) -> str:
    sizes = films.split.sizes()
    parts = ", ".join(f"{part} {n}" for part, n in sizes.items())
    if films.split.validation_is_test:
        parts += ": the same films as validation"
    classes = ", ".join(films.dataset.labels.names)
    n_films = len(films.split.parts)
    if films.split.left_out:
        why = "so that classes are equal"
        if films.split.by_source:
            why = f"so that training knows nothing of {films.split.tested_on}"
        parts += f"; {len(films.split.left_out)} left out {why}"
    return f"{n_films} films ({parts}) of {len(films.dataset.labels)} classes: {classes}"
