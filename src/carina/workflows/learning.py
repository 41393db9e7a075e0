"""Split films become a trained network, and the network a classifier."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carina.domain.card import Card, ExplanationSource, Provenance
from carina.domain.recipe import NetworkSection, Recipe
from carina.domain.record import Part, Record
from carina.errors import ParityError
from carina.files.atomic import write_bytes
from carina.files.tables import write_table
from carina.imaging.prepare import network_input
from carina.inference.bundle import load_classifier, save_classifier
from carina.inference.classifier import Classifier
from carina.runs import HISTORY_COLUMNS, Run
from carina.settings import Settings
from carina.workflows.films import Films
from carina.workflows.log import Log

if TYPE_CHECKING:
    from carina.models.network import Network
    from carina.training.films import FilmPart
    from carina.training.fit import Fitted

LARGEST_DIFFERENCE = 1e-5
_PARITY_FILMS = 64


@dataclass(frozen=True, slots=True)
class Learned:
    """A trained network and the classifier made of it.

    Attributes:
        network: holds the weights of the chosen epoch.
        fitted: how the training went.
        classifier: as it will be deployed.
        threads: CPU threads of the training.
        precision: the precision chosen, and why.
        device: "cpu" or the name of the GPU.
        images_per_second: training speed.
    """

    network: Network
    fitted: Fitted
    classifier: Classifier
    threads: int
    precision: Mapping[str, str | float]
    device: str
    images_per_second: float


def require_architecture(section: NetworkSection) -> None:
    """Refuse an unknown architecture before any work is done for it.

    Raises:
        UnknownNameError: with the nearest names.
    """
    from carina.models.architectures import ARCHITECTURES

    ARCHITECTURES.get(section.architecture)


def start_network(films: Films, recipe: Recipe) -> Network:
    """Return the recipe's network with its start weights.

    Raises:
        RecipeError: if the recipe's network or choice of epoch does not fit the films.
    """
    from carina.models.build import build_network
    from carina.training.fit import require_choosable

    n_classes = len(films.dataset.labels)
    watched = np.array([_label_index(films, record) for record in films.of("validation")])
    require_choosable(recipe.train, watched, n_classes)
    return build_network(
        recipe.network, spec=recipe.input, n_classes=n_classes, seed=recipe.train.seed
    )


def learn(
    run: Run, films: Films, recipe: Recipe, *, network: Network, settings: Settings, log: Log
) -> Learned:
    """Train a network, and write history, checkpoints and classifier.

    Raises:
        TrainingError: if the training diverges.
        ParityError: if the exported network does not answer like the trained one.
        StorageError: if the run cannot be written.
    """
    from carina.training.device import training_device, usable_threads
    from carina.training.films import TrainingFilms
    from carina.training.fit import fit
    from carina.training.precision import choose_precision

    with log.stage("precision probe"):
        precision = choose_precision(
            network,
            recipe.input,
            train=recipe.train,
            cache_file=settings.cache_dir / "precision.json",
        )
    log.say(
        f"training {recipe.network.architecture} ({network.n_parameters:,} parameters) "
        f"in {precision.name}: {precision.reason}"
    )
    with log.stage("training"):
        fitted = fit(
            network,
            TrainingFilms(film_part(films, "train"), film_part(films, "validation"), recipe.input),
            train=recipe.train,
            augment=recipe.augment,
            precision=precision,
            progress=log.progress,
        )
    _write_training(run, fitted)
    network.load_state_dict(fitted.best_state)
    with log.stage("export"):
        classifier = _export(run, films, recipe, network, fitted.best_epoch)
    log.say(
        f"the exported network answers like the trained one: probabilities differ by at most "
        f"{classifier.card.parity['max_probability_difference']:.1e} on "
        f"{classifier.card.parity['n_films']:.0f} validation films"
    )
    return Learned(
        network=network,
        fitted=fitted,
        classifier=classifier,
        threads=usable_threads(recipe.train.threads),
        precision={
            "chosen": precision.name,
            "reason": precision.reason,
            **{f"{name}_step_seconds": s for name, s in precision.step_seconds.items()},
        },
        device=str(training_device()),
        images_per_second=round(fitted.images_per_second, 1),
    )


def film_part(films: Films, part: Part) -> FilmPart:
    """Return a part as training takes it: films named by their content, not by their paths."""
    from carina.training.films import FilmPart

    records = films.of(part)
    pixels, facts = films.scan.pixels, films.scan.facts
    assert pixels is not None  # open_films scans with an input spec
    key_of = {facts[record.key].sha256: record.key for record in records}
    return FilmPart(
        keys=tuple(facts[record.key].sha256 for record in records),
        labels=np.array([_label_index(films, record) for record in records], dtype=np.int64),
        read_levels=lambda digests: pixels.levels([key_of[digest] for digest in digests]),
    )


def _label_index(films: Films, record: Record) -> int:
    assert record.label is not None  # a split holds labelled records only
    return films.dataset.labels.index(record.label)


def _write_training(run: Run, fitted: Fitted) -> None:
    from carina.models.weights import weights_to_bytes

    rows = [{n: None if math.isnan(v) else v for n, v in row.items()} for row in fitted.history]
    write_table(run.history_file, HISTORY_COLUMNS, rows)
    last_epoch = len(fitted.history)
    for name, state, epoch in (
        ("best", fitted.best_state, fitted.best_epoch),
        ("last", fitted.last_state, last_epoch),
    ):
        data = weights_to_bytes(state, {"epoch": epoch})
        write_bytes(run.checkpoints_dir / f"{name}.safetensors", data)


def _export(run: Run, films: Films, recipe: Recipe, network: Network, epoch: int) -> Classifier:
    """Write the classifier, once its network has been shown to answer like the trained one."""
    from carina.models.export import export_network, parity

    labels = films.dataset.labels
    pixels = films.scan.pixels
    assert pixels is not None  # open_films scans with an input spec
    exported = export_network(network, recipe.input)
    keys = [record.key for record in films.of("validation")[:_PARITY_FILMS]]
    difference = parity(network, exported, network_input(pixels.levels(keys), recipe.input))
    if not difference <= LARGEST_DIFFERENCE:
        raise ParityError(
            f"the exported network's probabilities differ from the trained one's by "
            f"{difference:.1e} on {len(keys)} validation films, and {LARGEST_DIFFERENCE:g} is "
            "the most that is accepted; the weights are kept in checkpoints/: please report this"
        )
    train_counts = Counter(record.label for record in films.of("train"))
    card = Card(
        name=recipe.name,
        labels=labels,
        input=recipe.input,
        provenance=Provenance(
            recipe=recipe.name,
            architecture=recipe.network.architecture,
            parameters=network.n_parameters,
            epoch=epoch,
            sources=tuple(source.name for source in films.dataset.sources),
            dataset_digest=films.dataset.digest,
            split_digest=films.split.digest,
            n_train={name: train_counts[name] for name in labels.names},
            patient_key_fingerprint=films.dataset.patient_key_fingerprint,
            licences=tuple(
                sorted({source.licence for source in films.dataset.sources if source.licence})
            ),
        ),
        explanations={name: ExplanationSource() for name in labels.names},
        parity={"n_films": len(keys), "max_probability_difference": difference},
        cautions=_card_cautions(films),
    )
    save_classifier(
        run.classifier_dir,
        card,
        network=exported.network,
        heads={"head.onnx": exported.head},
        seen=_seen(films),
        readme=model_card(card),
    )
    return load_classifier(run.classifier_dir)


def _card_cautions(films: Films) -> tuple[str, ...]:
    """Return what every user of the classifier must know about its training data."""
    critical = [f.sentence for f in films.audit.findings if f.severity == "critical"]
    return (
        *critical,
        *films.split.cautions,
        "when it was made, it had not been tested on another source",
    )


def _seen(films: Films) -> list[dict[str, str]]:
    """Return the rows of `seen.csv`: the films that trained or chose the network."""
    rows = []
    parts: tuple[Part, ...] = ("train", "validation")
    for part in parts:
        for record in films.of(part):
            facts = films.scan.facts[record.key]
            rows.append(
                {
                    "sha256": facts.sha256,
                    "pixel_digest": facts.pixel_digest,
                    "perceptual_hash": facts.perceptual_hash,
                    "patient": record.patient or "",
                }
            )
    return rows


def model_card(card: Card) -> str:
    """Return the classifier's README."""
    provenance = card.provenance
    counts = "\n".join(f"| {name} | {n} |" for name, n in provenance.n_train.items())
    cautions = "\n".join(f"- {sentence}" for sentence in card.cautions)
    return f"""---
tags: [chest-x-ray, image-classification, onnx, carina]
---
# {card.name}

Chest X-ray classifier made with Carina: {", ".join(card.labels.names)}.
**Research and education only: not a medical device, not for diagnosis.**

| | |
| --- | --- |
| recipe | {provenance.recipe} |
| network | {provenance.architecture}, {provenance.parameters:,} parameters |
| weights | of epoch {provenance.epoch}, the best on validation |
| input | {card.input.height} x {card.input.width}, {card.input.channels} channel(s) |
| trained on | {", ".join(provenance.sources)} |

| class | training films |
| --- | --- |
{counts}

## Tested on

{card.tested_on or "No test is recorded."}

## Cautions

{cautions}

## Use

```
carina predict THIS-FOLDER film.png
carina serve THIS-FOLDER
```
"""
