"""A run's network as a file for other tools."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from carina.domain.calibration import Calibration
from carina.domain.card import Card
from carina.domain.input_spec import InputSpec
from carina.domain.parity import LARGEST_DIFFERENCE
from carina.errors import ImageError, ParityError, RunError, UnknownNameError, UsageError
from carina.files.atomic import storage_errors, write_bytes, writing
from carina.files.room import require_room
from carina.imaging import read_radiograph
from carina.imaging.prepare import prepare
from carina.inference.bundle import NETWORK, checked_files, load_classifier
from carina.inference.classifier import Classifier
from carina.registry import unknown_name_sentence
from carina.runs import Run
from carina.settings import Settings
from carina.workflows.export_usage import keras_usage, onnx_usage
from carina.workflows.extras import require_extra
from carina.workflows.places import claimed, file_word

if TYPE_CHECKING:
    from carina.models.network import ImageNetwork, Network

_PARITY_FILMS = 32
_SUFFIXES = {"keras": ".keras", "onnx": ".onnx"}


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """A network that was written for another tool, and how it compares.

    Attributes:
        file: the file.
        to: "keras" or "onnx".
        card: the classifier's card: classes in order, pixels, cautions.
        n_outputs: columns of what it answers; 1: the probability of the second class.
        compared_on: what it was compared on, in words; "" for the classifier's own file.
        n_films: on how many.
        max_probability_difference: the largest difference from the classifier there.
    """

    file: Path
    to: str
    card: Card
    n_outputs: int
    compared_on: str = ""
    n_films: int = 0
    max_probability_difference: float = 0.0

    @property
    def usage(self) -> tuple[str, ...]:
        """The lines that load and ask it."""
        if self.to == "keras":
            return keras_usage(str(self.file), self.card, n_outputs=self.n_outputs)
        return onnx_usage(str(self.file), self.card)

    @property
    def input_sentence(self) -> str:
        """How a film must be prepared."""
        spec = self.card.input
        layout = [str(spec.height), str(spec.width)]
        layout.insert(2 if self.to == "keras" else 0, str(spec.channels))
        equal = " (equal)" if spec.channels == 3 else ""
        denoise = f", noise filter {spec.denoise}" if spec.denoise != "none" else ""
        return (
            f"float32 [n, {', '.join(layout)}]: grey from 0 (black) to 1 (white), "
            f"{spec.channels} channel(s){equal}, {spec.height} rows and {spec.width} columns, "
            f"fit {spec.fit}, {spec.interpolation}, antialiased{denoise}; "
            "carina.imaging.prepare makes exactly this"
        )

    def as_values(self) -> dict[str, Any]:
        """Return plain values, as `--json` prints them."""
        return {
            "file": str(self.file),
            "to": self.to,
            "classes": list(self.card.labels.names),
            "outputs": self.n_outputs,
            "input": self.card.input.model_dump(mode="json"),
            "input_sentence": self.input_sentence,
            "compared_on": self.compared_on,
            "n_films": self.n_films,
            "max_probability_difference": self.max_probability_difference,
            "usage": list(self.usage),
            "cautions": list(self.card.cautions),
        }


def export(
    run: Run | str | Path,
    *,
    to: str,
    out: str | Path | None = None,
    settings: Settings | None = None,
) -> ExportedFile:
    """Write a run's network for another tool, and return what was written.

    A `.keras` file is read again and compared with the classifier before it takes its name:
    on validation films of the run, or on random images where those are gone. Its
    probabilities are the network's own; the printed lines add the classifier's calibration.

    Args:
        run: a run, or its folder.
        to: "keras" (the extra `keras`) or "onnx".
        out: the file; it must not exist, and end in `.keras` for Keras.
            `runs/<time>-export/<name>` if None.
        settings: where runs go without `out`; from the environment if None.

    Raises:
        UsageError: if the file exists, or the network is not known in Keras.
        RunError: if the folder is not a whole run.
        ClassifierError: if the run's classifier is damaged.
        ParityError: if the written network answers otherwise than the classifier.
        StorageError: if the file cannot be written.
    """
    if to not in _SUFFIXES:
        raise UnknownNameError(unknown_name_sentence("format for --to", to, _SUFFIXES))
    if to == "keras":
        require_extra("keras", needed_for="carina export --to keras")
    run = run if isinstance(run, Run) else Run.open(run)
    settings = settings or Settings.from_environment()
    classifier = load_classifier(run.folder)
    network_file = run.classifier_dir / NETWORK
    n_bytes = round(1.2 * network_file.stat().st_size)
    with _new_file(out, to, classifier.card.name, settings=settings, n_bytes=n_bytes) as file:
        if to == "keras":
            return _write_keras(run, classifier, file)
        write_bytes(file, checked_files(run.classifier_dir, classifier.card)[NETWORK])
        return ExportedFile(file, to, classifier.card, n_outputs=len(classifier.labels))


def trained_network(run: Run) -> ImageNetwork:
    """Return the network of a run with the weights of its chosen epoch.

    Raises:
        RunError: if the run has no such weights, or they are of another network.
    """
    from carina.models.weights import weights_of_file

    file = run.checkpoints_dir / "best.safetensors"
    if not file.is_file():
        raise RunError(f"{run.folder} has no {file.relative_to(run.folder)}; train again")
    network = _untrained_network(run)
    state, _ = weights_of_file(file)
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise RunError(
            f"{file} does not hold the weights of the network that {run.recipe_file} describes: "
            f"{str(error).splitlines()[-1].strip()}; take the run as carina train left it"
        ) from error
    return network.eval()


@contextmanager
def _new_file(
    out: str | Path | None, to: str, name: str, *, settings: Settings, n_bytes: int
) -> Iterator[Path]:
    """Yield the file to write, where nothing stands and there is room."""
    suffix = _SUFFIXES[to]
    if out is None:
        with claimed(None, settings=settings, name="export", n_bytes=n_bytes) as folder:
            yield folder / f"{file_word(name)}{suffix}"
        return
    file = Path(out)
    if file.exists():
        raise UsageError(f"{file} is there already and was not touched; name another with --out")
    if to == "keras" and file.suffix != suffix:
        raise UsageError(
            f"--out {file} does not end in {suffix}, and Keras loads no other ending; take "
            f"--out {file.with_suffix(suffix)}"
        )
    require_room(file.parent, n_bytes=n_bytes)
    yield file


def _write_keras(run: Run, classifier: Classifier, file: Path) -> ExportedFile:
    """Write a `.keras` file, once what was written answers like the classifier."""
    from carina.models.keras.saving import KerasFile, write_keras

    films, compared_on = _films(run, classifier.card.input)
    with storage_errors(file):
        place = tempfile.TemporaryDirectory(prefix=f".{file.stem[:60]}.", dir=file.parent)
    with place as folder:
        draft = Path(folder) / "network.keras"
        write_keras(trained_network(run), draft)
        written = KerasFile(draft)
        wanted = Calibration().apply(classifier.logits(films))
        difference = float(np.abs(written.probabilities(films) - wanted).max())
        if not difference <= LARGEST_DIFFERENCE:
            raise ParityError(
                f"the network in Keras answers otherwise than the classifier: probabilities "
                f"differ by {difference:.1e} on {len(films)} {compared_on}, and "
                f"{LARGEST_DIFFERENCE:g} is the most that is accepted; nothing was written: "
                "please report this"
            )
        with writing(file) as temporary, storage_errors(file):
            draft.replace(temporary)
    return ExportedFile(
        file,
        "keras",
        classifier.card,
        n_outputs=written.n_outputs,
        compared_on=compared_on,
        n_films=len(films),
        max_probability_difference=difference,
    )


def _films(run: Run, spec: InputSpec) -> tuple[NDArray[np.float32], str]:
    """Return films to compare on, float32 `[n, channels, height, width]`, and what they are:
    some of the run's validation part, from all over it; else random images."""
    folders = run.environment.sources
    rows = [row for row in run.manifest if row.source in folders]
    # A run that validated on its test part has no films of validation alone.
    chosen = [r for r in rows if r.split == "validation"] or [r for r in rows if r.split == "test"]
    found = []
    for row in chosen[:: max(1, len(chosen) // _PARITY_FILMS)][:_PARITY_FILMS]:
        try:
            found.append(prepare(read_radiograph(Path(folders[row.source]) / row.path), spec))
        except ImageError:  # moved, changed or gone since the training
            continue
    if found:
        return np.stack(found), f"{chosen[0].split} films"
    rng = np.random.default_rng(0)
    grey = rng.random((_PARITY_FILMS, 1, spec.height, spec.width), dtype=np.float32)
    return np.repeat(grey, spec.channels, axis=1), "random images, since no film of it was found"


def _untrained_network(run: Run) -> ImageNetwork:
    from carina.models.cascade import Cascade, Question, joined_answers

    recipe = run.recipe
    if not recipe.stages:
        return _built(run)
    stages = [(stage.name, _stage_run(run, stage.name)) for stage in recipe.stages]
    questions = [Question(name, own.card.labels.names) for name, own in stages]
    plan = joined_answers(questions, run.card.labels.names)
    return Cascade([_built(own) for _, own in stages], plan)


def _built(run: Run) -> Network:
    from carina.models.build import build_network

    recipe, n_classes = run.recipe, len(run.card.labels)
    return build_network(
        recipe.network, spec=recipe.input, n_classes=n_classes, seed=recipe.train.seed
    )


def _stage_run(run: Run, name: str) -> Run:
    """Return the run of a cascade's stage; with several seeds any seed's has the same classes."""
    places: Sequence[Path] = sorted(run.folder.glob(f"members/{name}")) or sorted(
        run.folder.glob(f"members/*/members/{name}")
    )
    if not places:
        raise RunError(f"{run.folder} has no run of its stage '{name}' in members/; train again")
    return Run.open(places[0])
