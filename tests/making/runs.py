"""A complete run folder without a training: real documents with coherent numbers."""

import hashlib
import io
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from carina.data.predictions import write_predictions
from carina.domain.audit import Audit, Finding, Leak
from carina.domain.card import Card, Provenance
from carina.domain.evaluation import EpochFigures, WithoutLeaks
from carina.domain.input_spec import InputSpec
from carina.domain.label_set import LabelSet
from carina.domain.prediction import Prediction
from carina.domain.recipe import EvaluateSection, Recipe
from carina.domain.rules import Rules
from carina.evaluation.evaluate import (
    evaluate,
    evaluated_data,
    loss_and_accuracy,
    overall_metrics,
    scored_films,
)
from carina.evaluation.fit_rules import fit_rules
from carina.files.atomic import write_bytes
from carina.files.documents import write_document
from carina.files.recipes import write_recipe
from carina.files.tables import write_table
from carina.runs import HISTORY_COLUMNS, Environment, Run
from making.heat_map_scores import made_scores

MANIFEST_COLUMNS = (
    "path",
    "sha256",
    "label",
    "patient",
    "source",
    "split",
    "duplicate_group",
    "view",
    "sex",
    "age_years",
)


@dataclass(frozen=True)
class ExampleRun:
    """What an example run is about.

    Attributes:
        labels: the classes.
        films: part -> films of each class.
        sources: names of the sources; films go to them in turn.
        separation: how much the logit of the true class stands out; large: no error.
        films_per_patient: 0 for unknown patients.
        leaks: how many test films are leaked.
        resamples: of the bootstrap.
        pictures: whether thumbnails and heat maps are there.
        folder_name: folder that stands in every film's path.
    """

    labels: tuple[str, ...] = ("Covid", "Normal", "Viral Pneumonia")
    films: tuple[tuple[str, tuple[int, ...]], ...] = (
        ("train", (94, 60, 60)),
        ("validation", (17, 10, 10)),
        ("test", (26, 20, 20)),
    )
    sources: tuple[str, ...] = ("covid19-image-dataset",)
    separation: float = 2.6
    films_per_patient: int = 0
    leaks: int = 0
    resamples: int = 200
    pictures: bool = True
    folder_name: str = "films"


def write_example_run(folder: Path, example: ExampleRun | None = None) -> Run:
    """Write a run folder and return it; it holds every file but checkpoints and network."""
    example = example or ExampleRun()
    run = Run(folder)
    predictions = {part: _predictions(example, part) for part, _ in example.films}
    recipe = Recipe(
        name="two-conv",
        purpose="two convolutions from scratch",
        input=InputSpec(height=150, width=150),
        evaluate=EvaluateSection(resamples=example.resamples),
    )
    rules = fit_rules(scored_films(example.labels, predictions["validation"]), recipe.evaluate)
    predictions = {part: _decided(films, rules, example) for part, films in predictions.items()}
    write_recipe(run.recipe_file, recipe)
    write_document(run.environment_file, _environment(example))
    _write_manifest(run, predictions)
    write_document(run.audit_file, _audit(example, predictions))
    write_table(run.history_file, HISTORY_COLUMNS, _history())
    for part in ("validation", "test"):
        write_predictions(run.predictions_file(part), example.labels, predictions[part])
    card = _card(example).answering_by(rules)
    write_document(run.classifier_dir / "card.json", card)
    evaluation = _evaluation(example, predictions, recipe.evaluate, rules)
    write_document(run.evaluation_file, evaluation)
    if example.pictures:
        _write_pictures(run, predictions["test"])
    return run


def _predictions(example: ExampleRun, part: str) -> list[Prediction]:
    rng = np.random.default_rng([len(part), 7])
    films = []
    for index, label in enumerate(example.labels):
        for number in range(dict(example.films)[part][index]):
            logits = rng.normal(size=len(example.labels))
            logits[index] += example.separation
            shares = np.exp(logits) / np.exp(logits).sum()
            path = f"{example.folder_name}/{part}/{label}/{number:04d}.png"
            patient = None
            if example.films_per_patient:
                patient = f"{part}-{label}-{number // example.films_per_patient}"
            films.append(
                Prediction(
                    path=path,
                    source=example.sources[len(films) % len(example.sources)],
                    part=part,
                    patient=patient,
                    label=label,
                    predicted=example.labels[int(shares.argmax())],
                    probabilities=dict(zip(example.labels, shares.tolist(), strict=True)),
                    logits=dict(zip(example.labels, logits.tolist(), strict=True)),
                    sha256=hashlib.sha256(path.encode()).hexdigest(),
                )
            )
    return films


def _decided(films: list[Prediction], rules: Rules, example: ExampleRun) -> list[Prediction]:
    logits = np.array([[film.logits[label] for label in example.labels] for film in films])
    logits = logits.reshape(len(films), len(example.labels))
    probabilities = rules.calibration.apply(logits)
    answers = rules.thresholds.apply(probabilities)
    return [
        replace(
            film,
            probabilities=dict(zip(example.labels, shares.tolist(), strict=True)),
            predicted=example.labels[int(answer)],
        )
        for film, shares, answer in zip(films, probabilities, answers, strict=True)
    ]


def _environment(example: ExampleRun) -> Environment:
    return Environment(
        started="2026-11-20T14:03:27+01:00",
        status="finished",
        command="carina train covid19-image-dataset --recipe two-conv",
        versions={"carina": "0.1.0", "numpy": "2.4.6", "torch": "2.13.0+cpu"},
        machine={"system": "Linux", "processor": "x86_64", "cores": 2, "memory_gb": 15.6},
        sources={name: name for name in example.sources},
        threads=2,
        precision={
            "chosen": "bf16",
            "reason": "faster on this network (272 images/s, 190 in fp32)",
        },
        images_per_second=272.4,
        seconds={"audit": 3.4, "training": 6.1, "evaluation": 1.2, "report": 2.0},
        test_opened=1,
        notes=("Prediction/ holds 23 films without a label: left out.",),
    )


def _write_manifest(run: Run, predictions: dict[str, list[Prediction]]) -> None:
    rows = [
        {
            "path": film.path,
            "sha256": film.sha256,
            "label": film.label,
            "patient": film.patient or "",
            "source": film.source,
            "split": part,
        }
        for part, films in predictions.items()
        for film in films
    ]
    empty = dict.fromkeys(MANIFEST_COLUMNS, "")
    write_table(run.manifest_file, MANIFEST_COLUMNS, [empty | row for row in rows])


def _audit(example: ExampleRun, predictions: dict[str, list[Prediction]]) -> Audit:
    images = {
        part: dict(zip(example.labels, counts, strict=True)) for part, counts in example.films
    }
    leaks = tuple(
        Leak(a=a.path, b=b.path, kind="identical-pixels", parts=("train", "test"))
        for a, b in zip(predictions["train"][: example.leaks], predictions["test"], strict=False)
    )
    findings = [Finding(severity="note", sentence="No film says whose it is.")]
    if leaks:
        sentence = f"{len(leaks)} test films are copies of training films."
        findings.insert(0, Finding(severity="critical", sentence=sentence))
    return Audit(
        images=images,
        leaks=leaks,
        findings=tuple(findings),
        not_checked=("near duplicates", "confounders"),
    )


def _history() -> list[dict[str, object]]:
    rows = []
    for epoch in range(1, 6):
        fall = 0.55**epoch
        values = {
            "epoch": epoch,
            "loss": 1.4 * fall + 0.08,
            "accuracy": 0.97 - 0.5 * fall,
            "auc": 0.99 - 0.3 * fall,
            "auc_macro": 0.99 - 0.3 * fall,
            "val_loss": 1.2 * fall + 0.21 + 0.03 * max(0, epoch - 3),
            "val_accuracy": 0.93 - 0.4 * fall,
            "val_auc": 0.975 - 0.25 * fall,
            "val_auc_macro": 0.975 - 0.25 * fall,
            "seconds": 1.2,
        }
        rows.append({name: values[name] for name in HISTORY_COLUMNS})
    return rows


def _card(example: ExampleRun) -> Card:
    digest = hashlib.sha256(b"example").hexdigest()
    return Card(
        name="two-conv",
        labels=LabelSet(names=example.labels),
        input=InputSpec(height=150, width=150),
        provenance=Provenance(
            recipe="two-conv",
            architecture="two-conv",
            parameters=21_253_443,
            epoch=4,
            sources=example.sources,
            dataset_digest=digest,
            split_digest=digest[::-1],
            split="the described parts train, validation and test were kept",
            n_train=dict(zip(example.labels, dict(example.films)["train"], strict=True)),
            patient_key_fingerprint="0123456789abcdef",
            licences=("CC BY-SA 4.0",),
        ),
        parity={"n_films": 37.0, "max_probability_difference": 2.4e-7},
    )


def _evaluation(example, predictions, section, rules):
    test = scored_films(example.labels, predictions["test"])
    data = evaluated_data(
        example.labels,
        predictions["test"],
        name=" and ".join(example.sources),
        part="test",
        test_opened=1,
    )
    evaluation = evaluate(test, data=data, classifier="ab" * 32, section=section, rules=rules)
    worse = [replace(film, predicted=film.predicted) for film in predictions["test"]]
    last = EpochFigures(
        epoch=5,
        best_epoch=4,
        metrics=overall_metrics(scored_films(example.labels, worse), section),
    )
    kept = scored_films(example.labels, predictions["test"][example.leaks :])
    without = WithoutLeaks(
        n_removed=example.leaks,
        metrics=overall_metrics(kept, section),
        sentence=f"{example.leaks} of {len(test)} test films were known from training",
    )
    parts = {}
    for part, films in predictions.items():
        logits = np.array([[film.logits[label] for label in example.labels] for film in films])
        parts[part] = loss_and_accuracy(scored_films(example.labels, films), logits, section)
    return evaluation.model_copy(
        update={
            "last_epoch": last,
            "without_leaks": without if example.leaks else None,
            "parts": parts,
            "explanation_scores": made_scores(masks=not example.leaks),
        }
    )


def _write_pictures(run: Run, films: list[Prediction]) -> None:
    y, x = np.mgrid[0:96, 0:80] / 96.0
    lungs = np.exp(-(((x - 0.24) / 0.1) ** 2) - ((y - 0.5) / 0.3) ** 2)
    lungs += np.exp(-(((x - 0.6) / 0.1) ** 2) - ((y - 0.5) / 0.3) ** 2)
    grey = (220 - 170 * lungs.clip(0, 1)).astype(np.uint8)
    hot = np.stack([grey, grey // 2, grey // 3], axis=-1)
    for film in films:
        if film.predicted != film.label:
            name = f"{film.sha256[:12]}.png"
            write_bytes(run.thumbnails_dir / name, _png(grey))
            write_bytes(run.explanations_dir / name, _png(hot))


def _png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()
