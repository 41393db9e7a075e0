"""A network that another tool wrote becomes a classifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from carina.domain.audit import Unreadable
from carina.domain.card import Card
from carina.domain.input_spec import InputSpec
from carina.domain.label_set import LabelSet
from carina.domain.pixel_scaling import PixelRule, scalings_to_try
from carina.domain.progress import Progress, Step
from carina.files.recipes import SettingWords
from carina.inference.classifier import Classifier
from carina.inference.foreign.image_input import Declared
from carina.inference.foreign.opening import open_foreign
from carina.settings import Settings
from carina.workflows.deploying_foreign import ChosenScaling, ForeignSource, deploy_foreign
from carina.workflows.extras import require_extra
from carina.workflows.model_files import (
    ModelFile,
    declared_input,
    fit_called,
    labels_of,
    read_model_file,
    rule_called,
)
from carina.workflows.places import claimed
from carina.workflows.progress_bar import default_progress

if TYPE_CHECKING:
    from carina.workflows.checking import LabelledFilms
    from carina.workflows.scaling_check import ScalingCheck


@dataclass(frozen=True, slots=True, eq=False)
class ImportedModel:
    """A classifier that was made of another tool's model.

    Attributes:
        folder: the classifier's.
        classifier: it, loaded.
        scaling: the name of the pixel values that it was given.
        scaling_in_words: what they are.
        check: what labelled films said of the scaling, or None without films.
        findings: what a check found wrong, and what to do.
        notes: what was read from the file, or taken to be so.
        unreadable: films of the check that could not be read.
    """

    folder: Path
    classifier: Classifier
    scaling: str
    scaling_in_words: str
    check: ScalingCheck | None
    findings: tuple[str, ...]
    notes: tuple[str, ...]
    unreadable: tuple[Unreadable, ...]

    @property
    def card(self) -> Card:
        """The classifier's card."""
        return self.classifier.card

    def as_values(self) -> dict[str, Any]:
        """Return plain values, as `--json` prints them."""
        card = self.card
        return {
            "folder": str(self.folder),
            "digest": self.classifier.digest,
            "name": card.name,
            "labels": list(card.labels.names),
            "input": card.input.model_dump(mode="json"),
            "scaling": self.scaling,
            "scaling_in_words": self.scaling_in_words,
            "check": self.check.as_values() if self.check else None,
            "findings": list(self.findings),
            "notes": list(self.notes),
            "provenance": card.provenance.model_dump(mode="json"),
            "parity": dict(card.parity),
            "explained_by": {name: list(card.explained_by(name)) for name in card.labels.names},
            "gate": card.gate.fitted_on,
            "cautions": list(card.cautions),
            "unreadable": [one.model_dump(mode="json") for one in self.unreadable],
        }


def import_model(
    model: str | Path,
    *,
    labels: str | Sequence[str] = (),
    input_size: str = "",
    scaling: str = "",
    channels: int = 0,
    layout: str = "",
    fit: str = "stretch",
    output_name: str = "",
    check: str | Path | Sequence[str | Path] = (),
    set: SettingWords = (),  # noqa: A002  the name of the command's option
    out: str | Path | None = None,
    name: str = "",
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> ImportedModel:
    """Make a classifier of an ONNX model, or of a Keras model (`.keras`, `.h5`).

    With labelled films (`check`) every usual scaling of the pixels is tried. One that was
    declared is kept, and a better one is a finding; where none was declared, one that is shown
    to be better is taken. The films also fit the input gate.

    Args:
        model: the file.
        labels: the classes in the order of the outputs, or "a,b,c"; read from a `labels.txt`
            beside the model if empty.
        input_size: "224" or "224x320" (height x width), where the model takes any size.
        scaling: the pixel values that it was trained on: a name of
            `carina.domain.pixel_scaling`; what the model itself says, or else "0..1", if "".
        channels: 1 or 3, where the model does not say.
        layout: "nchw" or "nhwc", where the model does not say.
        fit: how films of another shape were fitted in its training: "stretch", "letterbox" or
            "crop" (Teachable Machine crops).
        output_name: the output with the classes, where it has several.
        check: DATA with labelled films; they are not used for training, and should not have been.
        set: `labels.*` settings for these films.
        out: a new or empty folder, which becomes the classifier; `runs/<time>-import` if None.
        name: of the classifier; the file's if "".
        settings: keys and where runs go; from the environment if None.
        progress: called as the work goes on.

    Raises:
        ClassifierError: if the model cannot become a classifier; the sentence says why.
        DatasetError: if the films of the check cannot be used.
        MissingExtraError: if `import`, `keras` (for its files) or `study` (for a check) is not
            installed.
        ParityError: if the classifier answers otherwise than the model.
        UsageError: if something has to be said that was not, or was said wrongly.
    """
    require_extra("import", needed_for="carina import")
    if check:
        require_extra("study", needed_for="carina import --check")
    settings = settings or Settings.from_environment()
    progress = progress or default_progress()
    declared = declared_input(layout, channels, input_size)
    chosen_fit, rule = fit_called(fit), rule_called(scaling) if scaling else None
    file = read_model_file(Path(model))
    names = labels_of(labels, file.path)
    progress(Step("reading the model"))
    source = _opened(file, declared, labels=names, output_name=output_name, name=name)
    image = source.foreign.image
    spec = InputSpec(
        height=image.height,
        width=image.width,
        fit=chosen_fit,
        channels=3 if image.channels == 3 else 1,
    )
    guess, notes = _guessed(source, scaling)
    n_bytes = 3 * len(file.data) + 5_000_000
    with claimed(out, settings=settings, name="import", n_bytes=n_bytes) as folder:
        films = None
        if check:
            from carina.workflows.checking import read_labelled

            films = read_labelled(
                check, LabelSet(names=names), spec, set=set, settings=settings, progress=progress
            )
        chosen = _choose(source, films, spec, guess=guess, declared=rule, labels=names,
                         progress=progress)  # fmt: skip
        classifier = deploy_foreign(
            folder, source, chosen, films=films, spec=spec, labels=LabelSet(names=names)
        )
    return ImportedModel(
        folder=folder,
        classifier=classifier,
        scaling=chosen.name,
        scaling_in_words=chosen.rule.in_words,
        check=chosen.check,
        findings=chosen.findings,
        notes=(*notes, *chosen.notes, *(films.notes if films else ())),
        unreadable=films.unreadable if films else (),
    )


def _opened(
    file: ModelFile, declared: Declared, *, labels: Sequence[str], output_name: str, name: str
) -> ForeignSource:
    """Return the model of a file, understood; a Keras file's once it was converted."""
    keras, data = None, file.data
    if file.kind == "Keras":
        from carina.workflows.keras_files import convert_keras

        size = (declared.height, declared.width) if declared.height else None
        keras = convert_keras(file.path, file.data, size=size)
        data, output_name = keras.network, ""
    foreign = open_foreign(data, declared=declared, labels=labels, output_name=output_name)
    return ForeignSource(file, foreign, keras, name or file.path.stem)


def _guessed(source: ForeignSource, scaling: str) -> tuple[str, tuple[str, ...]]:
    """Return the name of the pixel scaling to begin with, and sentences on how it was found."""
    notes = list(source.foreign.image.guesses)
    own = source.foreign.scaling
    if source.keras is not None and source.keras.is_teachable_machine:
        own = own or "-1..1"
        notes.append("built as Teachable Machine builds its models, which take -1..1")
    elif own:
        notes.append(f"the first step of the model is made for pixels of {own}")
    if scaling:
        if own and rule_called(scaling) != rule_called(own):
            notes.append(f"the model itself speaks for {own}, and {scaling} was declared")
        return scaling, tuple(notes)
    if not own:
        notes.append(
            "the model does not say which pixel values it was trained on: 0..1 was assumed; "
            "--scaling says otherwise"
        )
    return own or "0..1", tuple(notes)


def _choose(
    source: ForeignSource,
    films: LabelledFilms | None,
    spec: InputSpec,
    *,
    guess: str,
    declared: PixelRule | None,
    labels: Sequence[str],
    progress: Progress,
) -> ChosenScaling:
    """Return the scaling that was declared; else the guess, or a better one that films show."""
    rule = declared or rule_called(guess)
    if films is None:
        return ChosenScaling(guess, rule, None, (), (), False)
    from carina.workflows.checking import ScaledAnswers
    from carina.workflows.scaling_check import CheckFilms, check_scaling

    scalings = scalings_to_try(spec.channels)
    known = next((name for name, one in scalings.items() if one == rule), guess)
    result = check_scaling(
        CheckFilms(films.y_true, films.units, ScaledAnswers(source.foreign, films, spec)),
        {**scalings, known: rule},
        used=known,
        labels=labels,
        progress=progress,
    )
    if declared is None and result.better and not result.order:
        better = scalings[result.better]
        note = (
            f"no pixel scaling was declared, and {result.better} was taken: {result.findings[-1]}"
        )
        note = note.rpartition(": use ")[0]
        return ChosenScaling(result.better, better, result, (), (note,), True)
    return ChosenScaling(known, rule, result, result.findings, (), False)
