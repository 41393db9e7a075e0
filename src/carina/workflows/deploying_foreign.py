"""A network that another tool wrote becomes a classifier's folder."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from carina.domain.card import IMPORTED, Card, ExplanationSource, Provenance
from carina.domain.gate import Gate
from carina.domain.input_spec import InputSpec
from carina.domain.input_statistics import InputStatistics
from carina.domain.label_set import LabelSet
from carina.domain.parity import LARGEST_DIFFERENCE, accepted_difference
from carina.domain.pixel_scaling import PixelRule
from carina.domain.sentences import counted
from carina.domain.softmax import log_softmax
from carina.errors import ParityError
from carina.files.names import one_line
from carina.imaging.prepare import network_input
from carina.inference.bundle import load_classifier, save_classifier
from carina.inference.classifier import Classifier
from carina.inference.foreign.answers import LOGITS
from carina.inference.foreign.contract import FEATURES, ContractFiles, contract_files
from carina.inference.foreign.opening import ForeignNetwork
from carina.inference.foreign.running import smooth_images
from carina.inference.runtimes.onnxruntime import load_with_onnxruntime
from carina.reporting.model_card import model_card
from carina.workflows.model_files import ModelFile

if TYPE_CHECKING:
    from carina.workflows.checking import LabelledFilms
    from carina.workflows.keras_files import ConvertedKeras
    from carina.workflows.scaling_check import ScalingCheck

LARGEST_HALF_DIFFERENCE = 0.01
"""The most by which a probability may differ from what the model itself gives for a film if its
numbers have 16 bits: three digits are exact."""
NOT_KNOWN = "what it was trained on is not known, so whether training had seen a film is not either"
NOT_CHECKED = (
    "its pixel scaling was not checked on films: a wrong one gives wrong answers without a sign"
)
_PARITY_FILMS = 16


@dataclass(frozen=True, slots=True, eq=False)
class ForeignSource:
    """The model that is imported.

    Attributes:
        file: the model's.
        foreign: the network.
        keras: what Keras told of it, or None.
        name: of the classifier.
    """

    file: ModelFile
    foreign: ForeignNetwork
    keras: ConvertedKeras | None
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class ChosenScaling:
    """The pixel values that the classifier's network is given.

    Attributes:
        name, rule: what they are.
        check: what films said of them, or None without films.
        findings: what a check found wrong.
        notes: sentences on the choice.
        is_chosen_by_films: whether films decided.
    """

    name: str
    rule: PixelRule
    check: ScalingCheck | None = None
    findings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    is_chosen_by_films: bool = False


def deploy_foreign(
    folder: Path,
    source: ForeignSource,
    chosen: ChosenScaling,
    *,
    films: LabelledFilms | None,
    spec: InputSpec,
    labels: LabelSet,
) -> Classifier:
    """Write a classifier, once it answers like the model that it is made of.

    Args:
        folder: new or empty.
        source: the model.
        chosen: its pixel scaling.
        films: labelled ones, to which the gate is fitted; or None.
        spec: how films are prepared for it.
        labels: the classes.

    Raises:
        ParityError: if it answers otherwise than the model.
        StorageError: if there is no room or no permission.
    """
    files = contract_files(source.foreign, chosen.rule)
    parity = _parity(source, chosen.rule, files, films=films, spec=spec)
    gate, statistics, gate_files = _gate(files, films, spec)
    card = Card(
        name=source.name,
        labels=labels,
        input=spec,
        gate=gate,
        input_statistics=statistics,
        provenance=Provenance(
            recipe=IMPORTED,
            architecture=_architecture(source),
            parameters=(source.keras or source.foreign).n_parameters,
            origin=_origin(source, chosen),
        ),
        explanations={name: ExplanationSource() for name in labels.names} if files.heads else {},
        parity=parity,
        cautions=_cautions(chosen, films),
    )
    save_classifier(
        folder,
        card,
        network=files.network,
        heads={**files.heads, **gate_files},
        seen=_seen(films),
        readme=model_card(card),
    )
    return load_classifier(folder)


def _parity(
    source: ForeignSource,
    rule: PixelRule,
    files: ContractFiles,
    *,
    films: LabelledFilms | None,
    spec: InputSpec,
) -> Mapping[str, float]:
    """Return how closely the classifier answers like the model, as a card's `parity`.

    Raises:
        ParityError: if it answers otherwise than rounding explains.
    """
    prepared = _parity_films(films, spec)
    served = load_with_onnxruntime(files.network)
    logits = np.concatenate([served.run([LOGITS], {"image": film[None]})[0] for film in prepared])
    answers = np.exp(log_softmax(logits))
    # The model's own steps one by one: what ONNX Runtime's optimiser gets wrong is seen.
    own = source.foreign.own_probabilities(prepared, rule, is_optimised=False)
    difference = float(np.abs(answers - own).max())
    if source.keras is not None:
        difference = max(difference, _keras_difference(source.foreign, source.keras))
    accepted = LARGEST_DIFFERENCE
    found: dict[str, float] = {"n_films": len(prepared), "max_probability_difference": difference}
    if source.foreign.has_half_floats:
        accepted = LARGEST_HALF_DIFFERENCE
    elif difference > accepted:
        rounding = source.foreign.float32_rounding(prepared, rule)
        if source.keras is not None:
            images = _channels_first(source.keras.images)
            rounding = max(rounding, source.foreign.float32_rounding(images, PixelRule()))
        accepted = accepted_difference(rounding)
        found |= {"float32_rounding": rounding, "accepted": accepted}
    if not difference <= accepted:
        raise ParityError(
            f"the classifier answers otherwise than the model: probabilities differ by "
            f"{difference:.1e} on {counted(len(prepared), 'film')}, and {accepted:.1g} is the most "
            "that is accepted; nothing was written: please report this"
        )
    return found


def _parity_films(films: LabelledFilms | None, spec: InputSpec) -> NDArray[np.float32]:
    """Return films to compare on: some of the check, else smooth random images."""
    if films is None:
        return smooth_images(
            _PARITY_FILMS, channels=spec.channels, height=spec.height, width=spec.width, seed=2
        )
    places = np.linspace(0, len(films) - 1, min(len(films), _PARITY_FILMS)).astype(int)
    return network_input(films.levels[places], spec)


def _keras_difference(foreign: ForeignNetwork, keras: ConvertedKeras) -> float:
    """Return how far the network is from what Keras itself answered to some images."""
    images = _channels_first(keras.images)
    found = foreign.own_probabilities(images, PixelRule(), is_optimised=False)
    return float(np.abs(found - foreign.answers.probabilities(keras.answers)).max())


def _channels_first(images: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2))


def _gate(
    files: ContractFiles, films: LabelledFilms | None, spec: InputSpec
) -> tuple[Gate, InputStatistics, dict[str, bytes]]:
    """Return the gate, fitted where there are films, what servers compare with, and its files."""
    if films is None:
        why = "nothing was fitted: the network was imported without films (--check)"
        return Gate(fitted_on=why), InputStatistics(), {}
    from carina.inference.gate.fitting import GateFilms, fit_gate

    served = load_with_onnxruntime(files.network)

    def features(places: NDArray[np.intp]) -> NDArray[np.float64]:
        images = network_input(films.levels[places], spec)
        found = [served.run([FEATURES], {"image": image[None]})[0] for image in images]
        return np.concatenate(found).astype(np.float64)

    fitted = fit_gate(
        GateFilms(
            measures=films.measures,
            classes=films.y_true.tolist(),
            groups=films.patients,
            is_new=np.ones(len(films), dtype=np.bool_),
            levels=lambda places: films.levels[places],
            features=features,
        )
    )
    return fitted.gate, fitted.statistics, fitted.files


def _seen(films: LabelledFilms | None) -> list[Mapping[str, str]]:
    """Return the rows of `seen.csv`: the films that fitted the gate, so that a later test can tell
    whether it asks of them; no patients."""
    return [
        {
            "sha256": one.sha256,
            "pixel_digest": one.pixel_digest,
            "perceptual_hash": one.perceptual_hash,
            "patient": "",
        }
        for one in (films.facts if films is not None else ())
    ]


def _architecture(source: ForeignSource) -> str:
    """Return what the network is, as far as the file tells."""
    convolutions = counted(source.foreign.n_convolutions, "convolution")
    if source.keras is not None and source.keras.models:
        inner = ", ".join(one_line(name)[:60] for name in source.keras.models)
        return f"{inner} (Keras, {convolutions})"
    return f"{source.file.kind} network of {convolutions}"


def _origin(source: ForeignSource, chosen: ChosenScaling) -> str:
    digest = hashlib.sha256(source.file.data).hexdigest()
    written: str = source.file.kind
    if source.keras is not None and source.keras.keras_version:
        written = f"Keras {one_line(source.keras.keras_version)[:20]}"
    return (
        f"imported from a file of {written} ({len(source.file.data) / 1e6:.1f} MB, sha256 "
        f"{digest[:16]}), pixel scaling {chosen.name}"
    )


def _cautions(chosen: ChosenScaling, films: LabelledFilms | None) -> tuple[str, ...]:
    """Return what every user of the classifier must know."""
    if films is None:
        return (NOT_KNOWN, NOT_CHECKED)
    what = "its input gate was fitted to"
    if chosen.is_chosen_by_films:
        what = "its pixel scaling was chosen by, and its input gate fitted to,"
    used = f"{what} {counted(len(films), 'labelled film')} of {films.name}: test it on others"
    found = (re.sub(r": (use|check) .*$", "", sentence) for sentence in chosen.findings)
    return (NOT_KNOWN, *found, used)
