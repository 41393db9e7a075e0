"""What is deployed: films in, answers out."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from carina.domain.card import Card
from carina.domain.explanation import Explanation
from carina.domain.gate import UNSURE, GateMeasures
from carina.domain.label_set import LabelSet
from carina.domain.prediction import Prediction
from carina.domain.radiograph import Radiograph
from carina.domain.signature import SignatureCheck
from carina.errors import ClassifierError, UnknownNameError
from carina.imaging.burned_in_text import film_cautions
from carina.imaging.denoise import require_filter
from carina.imaging.prepare import back_to_film, prepare
from carina.inference.explain import EXPLAINERS, FilmInNetwork
from carina.inference.gate import measure
from carina.inference.network_fit import fitting_gate, require_fit, require_shapes
from carina.inference.onnx_safety import require_harmless
from carina.inference.runtime_choice import ChosenRuntime
from carina.inference.runtimes import RUNTIMES, LoadedNetwork, Shape
from carina.inference.seen_rows import seen_rows
from carina.inference.signatures import UNSIGNED
from carina.registry import unknown_name_sentence


class Classifier:
    """A network with its card, ready to answer; `inference.bundle` loads it from a folder.

    Attributes:
        card: what stands on it.
        digest: hex sha256 of its card, and so of everything in it.
        runtime: what computes its answers; its heat maps' heads compute in f32.
        signature: what was found of its signature when it was loaded.
        gate_reference: what its fitted gate measures with; None if nothing was fitted.
    """

    def __init__(
        self,
        card: Card,
        *,
        digest: str,
        files: Mapping[str, bytes],
        runtime: ChosenRuntime,
        threads: int = 0,
        signature: SignatureCheck = UNSIGNED,
    ) -> None:
        """Make a classifier of files whose digests were checked.

        Args:
            card: its card.
            digest: hex sha256 of the card's bytes.
            files: name -> bytes; `network.onnx` and the heads that the card names.
            runtime: what computes the answers (`runtime_choice.choose_runtime`).
            threads: CPU threads of one answer; 0 for all cores.
            signature: what was found of its signature.

        Raises:
            ClassifierError: if the network cannot be run, or does not fit its card.
            MissingExtraError: if the noise filter that its films pass is not installed.
        """
        denoise = card.input.denoise
        needed_for = f"the classifier '{card.name}', whose films pass the noise filter '{denoise}',"
        require_filter(denoise, needed_for=needed_for)
        self.card = card
        self.digest = digest
        self.runtime = runtime
        self.signature = signature
        self._load = RUNTIMES.get(runtime.name)
        self._threads = threads
        harmless = require_harmless(files["network.onnx"]).films_at_once
        self._films_at_once = card.input.films_at_once(harmless)
        self._network = self._load(
            files["network.onnx"], threads=threads, precision=runtime.precision
        )
        require_fit(card, self._network)
        self._files = {name: data for name, data in files.items() if name != "network.onnx"}
        self.gate_reference = fitting_gate(card, self._files, self._network)
        self._heads: dict[str, LoadedNetwork] = {}
        self._harmless: set[str] = set()

    @property
    def labels(self) -> LabelSet:
        """The classes, in the order of the logits."""
        return self.card.labels

    @cached_property
    def seen(self) -> tuple[Mapping[str, str], ...]:
        """The rows of `seen.csv`: what identifies the films that made the classifier.

        Reading them raises `ClassifierError` if they are no such table.
        """
        return seen_rows(self._files.get("seen.csv", b""))

    def prepare(self, radiograph: Radiograph) -> NDArray[np.float32]:
        """Return the network's input float32 `[channels, height, width]` for a film."""
        return prepare(radiograph, self.card.input)

    def logits(self, prepared: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the logits float64 `[n, classes]` for input `[n, channels, height, width]`.

        Raises:
            ClassifierError: if one is not a finite number.
        """
        (found,) = self._outputs(prepared, ["logits"])
        logits = found.reshape(-1, len(self.labels)).astype(np.float64)
        self._require_finite(logits)
        return logits

    def _outputs(
        self, prepared: NDArray[np.float32], names: Sequence[str]
    ) -> list[NDArray[np.float32]]:
        """Return outputs of the network, some films at a time."""
        if not len(prepared):
            return [np.empty((0, 0), dtype=np.float32) for _ in names]
        at_once = self._films_at_once
        found = [
            self._network.run(
                names, {"image": np.ascontiguousarray(prepared[start : start + at_once])}
            )
            for start in range(0, len(prepared), at_once)
        ]
        outputs = [np.concatenate(parts) for parts in zip(*found, strict=True)]
        if any(len(values) != len(prepared) for values in outputs):
            raise ClassifierError(
                f"the network of '{self.card.name}' does not give one answer for each film; take "
                "the classifier as it was made, or train it again"
            )
        return outputs

    def _require_finite(self, logits: NDArray[np.float64]) -> None:
        if not np.isfinite(logits).all():
            raise ClassifierError(
                f"the network of '{self.card.name}' answers with values that are no finite "
                "numbers, so its weights are of no use; train it again, with a smaller "
                "train.learning_rate if the loss had diverged"
            )

    def features(self, prepared: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the features float32 `[n, features]` for input `[n, channels, height, width]`."""
        return self._network.run(["features"], {"image": np.ascontiguousarray(prepared)})[0]

    def predict(self, radiograph: Radiograph) -> Prediction:
        """Return the answer for one film."""
        return self.answers([radiograph])[0]

    def answers(self, radiographs: Sequence[Radiograph]) -> list[Prediction]:
        """Return an answer for each film, in order."""
        return self.answers_and_measures(radiographs)[0]

    def answers_and_measures(
        self, radiographs: Sequence[Radiograph]
    ) -> tuple[list[Prediction], list[GateMeasures]]:
        """Return an answer for each film, and what the gate measured of it (`inference.drift`)."""
        if not radiographs:
            return [], []
        return self.answers_and_measures_prepared(
            np.stack([self.prepare(film) for film in radiographs]),
            measures=[measure(film) for film in radiographs],
            paths=[str(film.path) for film in radiographs],
            cautions=[film_cautions(film) for film in radiographs],
            digests=[film.sha256 for film in radiographs],
        )

    def answers_prepared(
        self,
        prepared: NDArray[np.float32],
        *,
        measures: Sequence[GateMeasures],
        paths: Sequence[str],
        cautions: Sequence[tuple[str, ...]],
        digests: Sequence[str],
    ) -> list[Prediction]:
        """Return an answer for each film that was prepared before.

        Args:
            prepared: float32 `[n, channels, height, width]`, as `prepare` makes it.
            measures: what the gate judges each film by, with its sketch if the gate was fitted
                (`inference.gate.measure`).
            paths: name of each film.
            cautions: what was noticed while reading each film.
            digests: sha256 of each film.
        """
        return self.answers_and_measures_prepared(
            prepared, measures=measures, paths=paths, cautions=cautions, digests=digests
        )[0]

    def answers_and_measures_prepared(
        self,
        prepared: NDArray[np.float32],
        *,
        measures: Sequence[GateMeasures],
        paths: Sequence[str],
        cautions: Sequence[tuple[str, ...]],
        digests: Sequence[str],
    ) -> tuple[list[Prediction], list[GateMeasures]]:
        """Return an answer for each film, and its measures with the fitted ones."""
        names = self.labels.names
        logits, measured = self._logits_and_measures(prepared, measures)
        refused = [self.card.gate.judge(one) for one in measured]
        raw = [
            Prediction(
                path=paths[row],
                probabilities={},
                logits=dict(zip(names, map(float, logits[row]), strict=True)),
                predicted="",
                abstained=refusal is not None,
                reason=refusal.reason if refusal else "",
                reason_code=refusal.code if refusal else "",
                cautions=cautions[row],
                sha256=digests[row],
            )
            for row, refusal in enumerate(refused)
        ]
        return self.decided(raw), measured

    def _logits_and_measures(
        self, prepared: NDArray[np.float32], measures: Sequence[GateMeasures]
    ) -> tuple[NDArray[np.float64], list[GateMeasures]]:
        """Return the logits and the measures with the fitted ones, in one pass."""
        if self.gate_reference is None:
            return self.logits(prepared), list(measures)
        if self.gate_reference.network is None:
            return self.logits(prepared), self.gate_reference.measured(measures, None)
        found, features = self._outputs(prepared, ["logits", "features"])
        logits = found.astype(np.float64)
        self._require_finite(logits)
        return logits, self.gate_reference.measured(measures, features)

    def decided(self, raw: Sequence[Prediction]) -> list[Prediction]:
        """Return answers made of logits by the card's rules.

        Args:
            raw: each with its logits; what the gate refused, and why, stays refused.
        """
        if not raw:
            return []
        names = self.labels.names
        logits = np.array([[film.logits[name] for name in names] for film in raw])
        probabilities = self.card.calibration.apply(logits)
        chosen = self.card.thresholds.apply(probabilities)
        unsure = self.card.abstention.apply(probabilities, chosen)
        return [
            replace(
                film,
                probabilities=dict(zip(names, map(float, probabilities[row]), strict=True)),
                predicted=names[int(chosen[row])],
                abstained=film.abstained or bool(unsure[row]),
                reason=film.reason or unsure[row],
                reason_code=film.reason_code or (UNSURE if unsure[row] and not film.reason else ""),
            )
            for row, film in enumerate(raw)
        ]

    def with_card(self, card: Card, *, digest: str) -> Classifier:
        """Return the same network with another card for the same pixels and classes.

        Args:
            card: differs in its rules and words alone.
            digest: hex sha256 of it.
        """
        other = copy.copy(self)
        other.card, other.digest, other.signature = card, digest, UNSIGNED
        return other

    def explain(
        self, radiograph: Radiograph, label: str | None = None, *, method: str = "grad-cam"
    ) -> Explanation:
        """Return where the network looked for a class on a film.

        Args:
            radiograph: the film.
            label: the class, or an alias of it; the most probable one if None.
            method: a registered explanation method.

        Raises:
            UnknownNameError: if there is no such class or method.
            ClassifierError: if the method cannot explain that class of this classifier; it
                says which ones can.
        """
        explainer = EXPLAINERS.get(method)
        label = self.class_named(label or self.predict(radiograph).predicted)
        able = self.card.explained_by(label)
        if explainer.needs_maps and label not in self.card.explanations:
            raise ClassifierError(
                f"this classifier cannot explain its class '{label}' by {method}, since it "
                f"brings no maps and head for it; what works is {', '.join(able)}"
            )
        film = self.in_network(radiograph, label)
        heat = back_to_film(
            explainer.explain(film, class_index=self.labels.index(label)),
            self.card.input,
            height=radiograph.height,
            width=radiograph.width,
        )
        largest = float(heat.max(initial=0))
        if largest > 0:
            heat = (heat / np.float32(largest)).clip(0, 1)
        return Explanation(heat=heat, method=method, label=label)

    def in_network(self, film: Radiograph | NDArray[np.float32], label: str) -> FilmInNetwork:
        """Return a film as the network sees it, with what an explanation method may ask.

        Args:
            film: the film, or float32 `[channels, height, width]` as `prepare` makes it.
            label: the class, or an alias of it, that is to be explained.

        Raises:
            UnknownNameError: if there is no such class.
        """
        source = self.card.explanations.get(self.class_named(label))
        image = film if isinstance(film, np.ndarray) else self.prepare(film)
        if source is None:
            return FilmInNetwork(image=image, network=self.logits)
        (maps,) = self._network.run([source.maps], {"image": np.ascontiguousarray(image[None])})
        return FilmInNetwork(
            image=image,
            network=self.logits,
            maps=maps[0],
            head=lambda moved: (
                self._head(source.head).run(["logits"], {"maps": moved})[0].astype(np.float64)
            ),
            head_file=self._head_file(source.head),
        )

    def class_named(self, label: str) -> str:
        """Return the class that a name or an alias means.

        Raises:
            UnknownNameError: if there is none.
        """
        name = self.labels.aliases.get(label, label)
        if name not in self.labels.names:
            raise UnknownNameError(unknown_name_sentence("class", name, self.labels.names))
        return name

    def _head(self, name: str) -> LoadedNetwork:
        """Return a head, loaded at its first use."""
        if name not in self._heads:
            head = self._load(self._head_file(name), threads=self._threads)
            gives: dict[str, Shape] = {"logits": (None, len(self.labels))}
            require_shapes(f"the file {name}", head.inputs, {"maps": (None,) * 4})
            require_shapes(f"the file {name}", head.outputs, gives)
            self._heads[name] = head
        return self._heads[name]

    def _head_file(self, name: str) -> bytes:
        """Return a head's bytes, checked at their first use."""
        if name not in self._harmless:
            require_harmless(self._files[name])
            self._harmless.add(name)
        return self._files[name]
