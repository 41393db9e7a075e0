"""A run's recorded answers -> its numbers again, as far as they can be had without a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from carina.auditing.audit import inseparable_films
from carina.auditing.confounders import find_confounders
from carina.auditing.duplicates import near_pairs
from carina.data.manifest import ManifestRow
from carina.data.scan import scan_films
from carina.domain.dataset import Dataset, Source
from carina.domain.evaluation import EpochFigures, EvaluatedData, Evaluation
from carina.domain.label_set import LabelSet
from carina.domain.prediction import Prediction
from carina.domain.probes import COARSE_CONFOUNDER_BALANCED_ACCURACY, CONFOUNDER_BALANCED_ACCURACY
from carina.domain.progress import Progress
from carina.domain.recipe import Recipe
from carina.domain.record import Part, Record
from carina.domain.split import Split
from carina.evaluation.evaluate import overall_metrics, scored_films
from carina.inference.classifier import Classifier
from carina.runs import Run
from carina.settings import Settings
from carina.workflows.error_agreement import agreement_with_confounders
from carina.workflows.explained_films import score_test_films
from carina.workflows.extras import extra_is_installed
from carina.workflows.films import Films
from carina.workflows.gate_pictures import answers_to_made_pictures
from carina.workflows.known_films import PlacedFilm, seen_while_training
from carina.workflows.last_epoch import recorded_last_epoch
from carina.workflows.probing import confounder_probes
from carina.workflows.run_numbers import BesideAnswers, TestedFilms, run_numbers
from carina.workflows.verifying.answers import with_reason_codes
from carina.workflows.verifying.findings import Verified
from carina.workflows.verifying.numbers import (
    Comparison,
    Recomputed,
    compare_numbers,
)
from carina.workflows.verifying.recorded_films import RecordedFilms

FROM_ANSWERS = (
    "metrics", "per_class", "per_source", "per_subgroup", "confusion_matrix", "curves",
    "calibration", "operating_points", "decision_curves", "abstention",
)  # fmt: skip
"""Places of `evaluation.json` that follow from answers, labels and rules."""
_ON_OTHER_PROCESSORS = 0.01
"""Of a score of heat maps: a rank correlation moves where two places of almost equal heat change
their order."""
_OF_FILMS = 1e-4
"""Of a loss over films that were answered again: as between two logits."""
_CONFOUNDER_PROBES = tuple(
    f"probes.{name}" for name in (CONFOUNDER_BALANCED_ACCURACY, COARSE_CONFOUNDER_BALANCED_ACCURACY)
)


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What the files of one run say, read once.

    Attributes:
        run: the run.
        at: where it lies in the run that is verified, as "members/seed-1/", or "".
        recipe, evaluation, rows: of its files.
        recorded: part -> the answers in its files.
        classifier: loaded from it; None if it is damaged.
    """

    run: Run
    at: str
    recipe: Recipe
    evaluation: Evaluation
    rows: tuple[ManifestRow, ...]
    recorded: Mapping[Part, Sequence[Prediction]]
    classifier: Classifier

    @classmethod
    def read(cls, run: Run, at: str, classifier: Classifier) -> RunRecord:
        """Return what the files of a run say.

        Args:
            run: the run.
            at: where it lies in the run that is verified, or "".
            classifier: its own.

        Raises:
            InputError: if one of them cannot be used.
        """
        parts: tuple[Part, ...] = ("validation", "test")
        return cls(
            run=run,
            at=at,
            recipe=run.recipe,
            evaluation=run.evaluation,
            rows=run.manifest,
            recorded={part: run.predictions(part)[1] for part in parts},
            classifier=classifier,
        )

    def of(self, part: Part) -> tuple[ManifestRow, ...]:
        """Return the manifest's rows of a part, in the order in which they were answered."""
        if part == "validation" and self.evaluation.data.chose_the_network:
            part = "test"
        own = (row for row in self.rows if row.split == part)
        return tuple(sorted(own, key=lambda row: (row.sha256, row.key)))


def check_numbers(
    record: RunRecord,
    again: Mapping[Part, Mapping[str, Prediction]],
    films: Films | None,
    *,
    progress: Progress,
    into: Verified,
) -> None:
    """Check every number of a run's `evaluation.json` that can be had again, and name the others.

    Args:
        record: of the run.
        again: part -> key -> the answers of now, of films that were there.
        films: all films of the run, opened again; None if some are not there.
        progress: told as the work goes on.
        into: gets what is found.
    """
    evaluation, where = record.evaluation, f"{record.at}evaluation.json"
    known, known_because = _known(record, films)
    test = with_reason_codes(record.recorded["test"], again.get("test", {}))
    answers: dict[Part, Sequence[Prediction]] = {
        "validation": record.recorded["validation"],
        "test": test or record.recorded["test"],
    }
    train = record.of("train")
    answered = again.get("train", {})
    if all(row.key in answered for row in train):
        answers["train"] = [answered[row.key] for row in train]
    found = run_numbers(
        answers,
        TestedFilms(
            name=evaluation.data.name,
            records=[record_of(row) for row in record.rows],
            known=known or (),
            is_held_out_source=bool(evaluation.data.external),
            chose_the_network=evaluation.data.chose_the_network,
        ),
        card=record.classifier.card,
        digest=record.classifier.digest,
        section=record.recipe.evaluate,
        beside=_beside(record, answers["test"], films),
    )
    places = [*FROM_ANSWERS, *counted_places(evaluation), "parts.validation", "parts.test"]
    if known is not None:
        places.append("without_leaks")
    else:
        into.not_checked("numbers", f"{where}: without_leaks", known_because)
    compare = Comparison(evaluation, found, where, into)
    compare(places, "computed again from the recorded answers")
    if "train" in answers:
        compare(["parts.train"], "computed again from the training films", tolerance=_OF_FILMS)
    else:
        compare.cannot(["parts.train"], "its films are not all there")
    from_films = ("gate", "error_agreement", *_CONFOUNDER_PROBES)
    if films is not None and test is not None:
        compare(from_films, "computed again from all films")
        _check_confounders(record, films, progress=progress, into=into)
        _check_heat_maps(record, films, compare, progress)
    else:
        compare.cannot([*from_films, "explanation_scores"], "its films are not all there")
    _check_last_epoch(evaluation, compare)
    others = [f"probes.{name}" for name in evaluation.probes]
    compare.cannot(
        [place for place in others if place not in _CONFOUNDER_PROBES],
        "it would take another training",
    )


def counted_places(evaluation: Evaluation) -> tuple[str, ...]:
    """Return the places of what was evaluated; resamples were not always recorded."""
    names = [name for name in EvaluatedData.model_fields if name not in ("resamples", "seed")]
    if evaluation.data.resamples:
        names += ["resamples", "seed"]
    return tuple(f"data.{name}" for name in names)


def all_films(
    record: RunRecord, films: RecordedFilms, settings: Settings, progress: Progress
) -> Films:
    """Return the films of a run as its training had them, opened again.

    Args:
        record: of the run.
        films: where they lie; each was read and found to be the recorded one.
        settings: the cache.
        progress: told as films are read.
    """
    records = tuple(
        replace(record_of(row), file=place.file, lung_mask=place.lung_mask)
        for row in record.rows
        for place in [films.records[row.key]]
    )
    dataset = Dataset(
        records=records,
        labels=LabelSet(names=record.classifier.labels.names),
        sources=tuple(Source(name, "", "") for name in record.run.environment.sources),
    )
    scan = scan_films(
        dataset, spec=record.recipe.input, cache_dir=settings.cache_dir, progress=progress
    )
    split = Split(
        parts={row.key: row.split for row in record.rows},
        duplicate_groups={
            row.key: row.duplicate_group for row in record.rows if row.duplicate_group is not None
        },
        seed=None,
        validation_is_test=record.evaluation.data.chose_the_network,
    )
    near = near_pairs(records, scan, progress)
    return Films(dataset, scan, split, record.run.audit, near=near)


def record_of(row: ManifestRow) -> Record:
    """Return a film as its row in a manifest tells of it; its file is not known."""
    return Record(
        path=row.path,
        source=row.source,
        file=Path(row.path),
        label=row.label or None,
        patient=row.patient,
        view=row.view,
        sex=row.sex,
        age_years=row.age_years,
    )


def _known(record: RunRecord, films: Films | None) -> tuple[frozenset[str] | None, str]:
    """Return the keys of test films that training knew; or None, and why it cannot be told."""
    recipe = record.recipe
    begun = [recipe.network.init, *(stage.network.init for stage in recipe.stages)]
    earlier: frozenset[str] = frozenset()
    if any(begun):
        if films is None or recipe.stages:
            return None, "which films the earlier run of network.init had seen is not known here"
        here = {row.sha256 for row in record.rows if row.split != "test"}
        seen = [row for row in record.classifier.seen if row["sha256"] not in here]
        earlier = films.knowing(seen).known
    placed = (PlacedFilm(r.key, r.split, r.patient, r.duplicate_group) for r in record.rows)
    chose = record.evaluation.data.chose_the_network
    return seen_while_training(placed, earlier, chose_the_network=chose), ""


def _beside(record: RunRecord, answers: Sequence[Prediction], films: Films | None) -> BesideAnswers:
    """Return what can be had again of the numbers that need more than answers."""
    classifier, section = record.classifier, record.recipe.evaluate
    again = _last_epoch(record, answers, films)
    if films is None:
        return BesideAnswers(last_epoch=again)
    made = None
    if classifier.card.gate.checks:
        made = answers_to_made_pictures(films, classifier, seed=section.seed)
    return BesideAnswers(
        last_epoch=again,
        made=made,
        agreement=agreement_with_confounders(films, answers, section),
        probes=confounder_probes(films.audit),
    )


def _last_epoch(
    record: RunRecord, answers: Sequence[Prediction], films: Films | None
) -> EpochFigures | None:
    """Return the metrics of the last epoch's network; None if it cannot be asked here."""
    last = record.evaluation.last_epoch
    if last is None:
        return None
    if last.epoch != last.best_epoch:
        if films is None or not extra_is_installed("train"):
            return None
        answers = recorded_last_epoch(
            record.run, films=films, answers=answers, classifier=record.classifier
        )
    own = scored_films(record.classifier.labels.names, answers)
    return last.model_copy(update={"metrics": overall_metrics(own, record.recipe.evaluate)})


def _check_last_epoch(evaluation: Evaluation, compare: Comparison) -> None:
    last = evaluation.last_epoch
    if compare.again.last_epoch is None:
        why = "asking the last epoch's network needs all films and the extra 'train'"
        compare.cannot(["last_epoch"], why)
    elif last is not None and last.epoch == last.best_epoch:
        compare(["last_epoch"], "computed again: the last epoch is the chosen one")
    else:
        said = "computed again with the weights of the last epoch"
        compare(["last_epoch"], said, tolerance=_OF_FILMS)


def _check_confounders(
    record: RunRecord, films: Films, *, progress: Progress, into: Verified
) -> None:
    """Check the audit's confounders on the same films."""
    used = films.used
    groups = inseparable_films(used, films.scan, films.near)
    again = find_confounders(used, films.scan, groups=groups, progress=progress)
    audit = record.run.audit
    numbers = Recomputed(
        f"{record.at}audit.json",
        {"confounders": [one.model_dump(mode="json") for one in audit.confounders]},
        {"confounders": [one.model_dump(mode="json") for one in again]},
        made_by=audit.carina_version,
    )
    compare_numbers(numbers, "computed again from all films", into)


def _check_heat_maps(
    record: RunRecord, films: Films, compare: Comparison, progress: Progress
) -> None:
    """Score the classifier's heat maps again, if the run did."""
    if compare.recorded.explanation_scores is None:
        return
    again = score_test_films(
        films,
        record.recorded["test"],
        classifier=record.classifier,
        folder=record.run.classifier_dir,
        progress=progress,
    )
    compare.again = compare.again.model_copy(update={"explanation_scores": again})
    compare(
        ["explanation_scores"],
        "computed again from the same test films",
        tolerance=_ON_OTHER_PROCESSORS,
    )
