"""A trained network becomes a classifier."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from carina.domain.card import Card, ExplanationSource, Provenance
from carina.domain.parity import LARGEST_DIFFERENCE, accepted_difference
from carina.domain.recipe import Recipe
from carina.domain.record import Part
from carina.domain.sentences import listed
from carina.errors import ParityError
from carina.files.atomic import UNFINISHED, storage_errors
from carina.imaging.prepare import network_input
from carina.inference.bundle import load_classifier, save_classifier
from carina.inference.classifier import Classifier
from carina.reporting.model_card import model_card
from carina.reporting.parity_wording import parity_in_words
from carina.runs import Run
from carina.workflows.films import Films
from carina.workflows.gating import gate_of
from carina.workflows.learning import Learned
from carina.workflows.log import Log
from carina.workflows.start import Start

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from carina.models.export import ExportedNetwork
    from carina.models.network import ImageNetwork

_PARITY_FILMS = 64


def deploy(
    run: Run, films: Films, recipe: Recipe, *, learned: Learned, starts: Sequence[Start], log: Log
) -> Classifier:
    """Write the classifier, once its network has been shown to answer like the trained one.

    One that was written before the run was interrupted gives way to it.

    Args:
        run: where it is written.
        films: what was learned from.
        recipe: the run's.
        learned: the trained network.
        starts: what it, or each of its stages, began with.
        log: told how close the two networks are.

    Raises:
        ParityError: if the exported network does not answer like the trained one.
        StorageError: if there is no room or no permission.
    """
    with log.stage("export"):
        exported, parity = _exported(films, recipe, learned)
    with log.stage("input gate"):
        fitted = gate_of(films, recipe.input, network=exported.network)
    card = _card(films, recipe, learned, starts).model_copy(
        update={
            "gate": fitted.gate,
            "input_statistics": fitted.statistics,
            "explanations": {
                name: ExplanationSource(maps=maps, head=head)
                for name, (maps, head) in zip(
                    films.dataset.labels.names, exported.explanations, strict=True
                )
            },
            "parity": parity,
        }
    )
    _let_go_of_earlier(run.classifier_dir)
    save_classifier(
        run.classifier_dir,
        card,
        network=exported.network,
        heads={**exported.heads, **fitted.files},
        seen=_seen(films, starts),
        readme=model_card(card, recipe=recipe, audit=films.audit),
    )
    classifier = load_classifier(run.classifier_dir)
    log.say(f"the exported network answers like the trained one: {parity_in_words(parity)}")
    log.say(f"the input gate: {fitted.gate.in_words}")
    return classifier


def _let_go_of_earlier(folder: Path) -> None:
    """Remove a classifier's folder, so that at no time a part of it is there under its name."""
    if not folder.exists():
        return
    with storage_errors(folder):
        aside = folder.with_name(f".{folder.name}.earlier{UNFINISHED}")
        shutil.rmtree(aside, ignore_errors=True)
        folder.rename(aside)
        shutil.rmtree(aside)


def _exported(
    films: Films, recipe: Recipe, learned: Learned
) -> tuple[ExportedNetwork, Mapping[str, float]]:
    """Return the network as ONNX, and how closely it answers like the trained one."""
    from carina.models.export import export_network

    pixels = films.scan.pixels
    assert pixels is not None  # open_films scans with an input spec
    exported = export_network(learned.network, recipe.input)
    keys = [record.key for record in films.of("validation")[:_PARITY_FILMS]]
    prepared = network_input(pixels.levels(keys), recipe.input)
    return exported, required_parity(learned.network, exported, prepared)


def required_parity(
    network: ImageNetwork, exported: ExportedNetwork, prepared: NDArray[np.float32]
) -> Mapping[str, float]:
    """Return how closely an exported network answers like the trained one, as a card's `parity`.

    Args:
        network: the trained one.
        exported: what was made of it.
        prepared: validation films, float32 `[n, channels, height, width]`.

    Raises:
        ParityError: if it answers otherwise than rounding explains.
    """
    from carina.models.export import float32_rounding, parity

    difference, accepted = parity(network, exported, prepared), LARGEST_DIFFERENCE
    found: dict[str, float] = {
        "n_films": len(prepared),
        "max_probability_difference": difference,
    }
    if difference > accepted:
        rounding = float32_rounding(network, prepared)
        accepted = accepted_difference(rounding)
        found |= {"float32_rounding": rounding, "accepted": accepted}
    if not difference <= accepted:
        raise ParityError(
            f"the exported network's probabilities differ from the trained one's by "
            f"{difference:.1e} on {len(prepared)} validation films, and {accepted:.1g} is "
            "the most that is accepted; the weights are kept in checkpoints/: please report this"
        )
    return found


def _card(films: Films, recipe: Recipe, learned: Learned, starts: Sequence[Start]) -> Card:
    """Return what is known before anything is fitted."""
    labels = films.dataset.labels
    train_counts = Counter(record.label for record in films.of("train"))
    return Card(
        name=recipe.name,
        labels=labels,
        input=recipe.input,
        provenance=Provenance(
            recipe=recipe.name,
            architecture=_architecture(recipe),
            parameters=learned.network.n_parameters,
            epoch=learned.epoch,
            weights="; ".join(start.origin for start in starts if start.origin),
            sources=_sources(films),
            dataset_digest=films.dataset.digest,
            split_digest=films.split.digest,
            split=films.split.in_words,
            n_train={name: train_counts[name] for name in labels.names},
            patient_key_fingerprint=films.dataset.patient_key_fingerprint,
            licences=tuple(
                sorted({source.licence for source in films.dataset.sources if source.licence})
            ),
        ),
        cautions=_card_cautions(films),
    )


def _sources(films: Films) -> tuple[str, ...]:
    """Return where the training films come from: a held-out source gave none."""
    if films.split.by_source:
        return tuple(sorted({record.source for record in films.of("train")}))
    return tuple(source.name for source in films.dataset.sources)


def _card_cautions(films: Films) -> tuple[str, ...]:
    """Return what every user of the classifier must know about its training data."""
    critical = [f.sentence for f in films.audit.findings if f.severity == "critical"]
    untested = "when it was made, it had not been tested on another source"
    return (
        *critical,
        *films.split.cautions,
        *(() if films.split.by_source else (untested,)),
    )


def _architecture(recipe: Recipe) -> str:
    if not recipe.stages:
        return recipe.network.architecture
    return f"cascade ({listed([stage.network.architecture for stage in recipe.stages])})"


def _seen(films: Films, starts: Sequence[Start]) -> list[Mapping[str, str]]:
    """Return the rows of `seen.csv`: the films that trained or chose the network, also in the
    earlier run whose weights it began with."""
    rows: list[Mapping[str, str]] = []
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
    earlier = {row["sha256"]: row for start in starts for row in start.seen}
    here = {row["sha256"] for row in rows}
    return [*rows, *(row for digest, row in earlier.items() if digest not in here)]
