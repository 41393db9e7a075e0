"""Everything that decides a training, as small nested plain values."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from carina.domain.document import Plain
from carina.domain.input_spec import InputSpec
from carina.domain.search_range import (
    TUNABLE_SECTIONS,
    SearchRange,
    flat_ranges,
    require_tunable,
)
from carina.errors import RecipeError
from carina.registry import nearest


class LabelsSection(Plain):
    """Which classes there are, and how the labels found become them.

    Applied in this order: aliases, merge, rename, drop, rest, classes.

    Attributes:
        classes: the classes in the order of the outputs; empty: those found, sorted.
            A label that is not among them is an error.
        aliases: a spelling found -> the label it means.
        merge: a new class -> the labels that become it.
        rename: a label -> its new name.
        drop: labels whose films are left out; with `optional_drop`, one that no film has
            is passed over.
        optional_drop: whether `drop` is a list of what may be there.
        rest: the class that every label which `classes` does not name becomes; "" for none.
        column: the label column of a CSV manifest.
    """

    classes: tuple[str, ...] = ()
    aliases: Mapping[str, str] = Field(default_factory=dict)
    merge: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    rename: Mapping[str, str] = Field(default_factory=dict)
    drop: tuple[str, ...] = ()
    optional_drop: bool = False
    rest: str = ""
    column: str = "label"


class SplitSection(Plain):
    """How films become train, validation and test.

    Attributes:
        mode: "respect": a described split is kept and what is missing is cut from
            train; "as-described": also a described mistake is repeated (validation on
            the test folder where there is no validation part); "cut": Carina cuts
            everything anew.
        validation: share of the films (of train, where test is described) to cut.
        test: share of the films to cut where no test part is described.
        seed: decides the cut.
        balanced: whether each part keeps as many films of every class as of its rarest;
            the others are left out, and counted.
    """

    mode: Literal["respect", "as-described", "cut"] = "respect"
    validation: float = Field(default=0.15, gt=0, lt=0.5)
    test: float = Field(default=0.15, gt=0, lt=0.5)
    seed: int = Field(default=0, ge=0)
    balanced: bool = False


class AugmentSection(Plain):
    """Random changes of a training film; every one is 0 or False for "none".

    Attributes:
        rotation_degrees: angle drawn from `[-x, x]`.
        zoom: scale drawn from `[1 - x, 1 + x]`, both axes together.
        shear_degrees: shear angle drawn from `[-x, x]`.
        shift: offset drawn from `[-x, x]` of the width and of the height.
        horizontal_flip: mirror every second film (it swaps the heart's side).
        vertical_flip: turn every second film upside down.
        brightness: offset drawn from `[-x, x]` of the grey range.
        contrast: factor about the film's mean drawn from `[1 - x, 1 + x]`.
        blur_sigma_px: Gaussian blur, sigma drawn from `[0, x]` pixels.
        noise_std: Gaussian noise, standard deviation drawn from `[0, x]` of the range.
        fill: what stands where the warp finds no film: "nearest" edge pixel, "constant"
            black, or "reflect".
        views: 0: every epoch shows each film changed anew. K: each film has K changed
            views, made once and shown in turn, so that the layers that are not trained
            need to see each of them only once.
    """

    rotation_degrees: float = Field(default=0.0, ge=0, le=180)
    zoom: float = Field(default=0.0, ge=0, lt=1)
    shear_degrees: float = Field(default=0.0, ge=0, le=60)
    shift: float = Field(default=0.0, ge=0, lt=1)
    horizontal_flip: bool = False
    vertical_flip: bool = False
    brightness: float = Field(default=0.0, ge=0, le=1)
    contrast: float = Field(default=0.0, ge=0, lt=1)
    blur_sigma_px: float = Field(default=0.0, ge=0, le=20)
    noise_std: float = Field(default=0.0, ge=0, le=1)
    fill: Literal["nearest", "constant", "reflect"] = "nearest"
    views: int = Field(default=0, ge=0, le=1000)


class NetworkSection(Plain):
    """Which network.

    Attributes:
        architecture: a registered architecture.
        options: its own settings (layer widths, dropout rates); unknown ones are refused.
        weights: where the pretrained weights come from: "none", the name of published
            ones ("imagenet"), or a file of the user's.
        trained: which layers are trained: "all", "last-block" (and the new head) or
            "head" (the new dense layers alone).
        init: the folder of an earlier run, whose chosen epoch's weights are the start; ""
            for none.
    """

    architecture: str = "two-conv"
    options: Mapping[str, float | int | str | bool | tuple[int, ...]] = Field(default_factory=dict)
    weights: str = "none"
    trained: Literal["all", "last-block", "head"] = "all"
    init: str = ""


class TrainSection(Plain):
    """How the network is trained.

    Attributes:
        epochs: passes over the training films.
        batch_size: films per step.
        optimizer: "adam".
        learning_rate: step size.
        epsilon: Adam's epsilon (Keras's default, 1e-7).
        weighting: "none", "class-weights" (the loss of each class weighted by
            n / (classes * n of the class)) or "balanced-sampling" (every class drawn
            equally often).
        precision: "auto" (bf16 where a short probe finds it faster), "fp32" or "bf16".
        threads: CPU threads; 0 for all that this process may use.
        choose_by: the validation figure that chooses the best epoch; the first one at
            a tie.
        seed: decides the start weights, order, dropout and augmentation.
        max_unreadable: the share of unreadable films above which training refuses.
    """

    epochs: int = Field(default=5, ge=1)
    batch_size: int = Field(default=32, ge=1)
    optimizer: Literal["adam"] = "adam"
    learning_rate: float = Field(default=0.001, gt=0)
    epsilon: float = Field(default=1e-7, gt=0)
    weighting: Literal["none", "class-weights", "balanced-sampling"] = "none"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    threads: int = Field(default=0, ge=0, le=4096)
    choose_by: Literal["val_loss", "val_accuracy", "val_auc_macro"] = "val_loss"
    seed: int = Field(default=0, ge=0)
    max_unreadable: float = Field(default=0.05, ge=0, le=1)


class EvaluateSection(Plain):
    """How the test part is evaluated.

    Attributes:
        resamples: bootstrap resamples, for numbers whose interval has no closed form.
        seed: decides the resamples.
        worst_errors: how many of the worst errors the report shows.
        calibration: how logits become probabilities, fitted on validation: "temperature",
            "vector" (a scale and a shift for each class) or "none".
        positive: the class that counts as positive in a test of two classes; "": the one
            whose name is not that of a normal film.
        sensitivity: what the operating point "sensitivity" asks for on validation.
        miss_cost: how many false alarms a missed film is worth to the operating point "cost".
        decide_by: how two classes are told apart: "highest" probability, or the threshold of
            an operating point ("sensitivity", "youden", "cost").
        abstain: the share of wrong prediction sets that is accepted: films whose set has not
            exactly one class get no answer; 0: every film gets one.
        masked_probe: whether the same network is also trained, in at most a quarter of the
            time, on films whose middle is blacked out: what it still tells does not come
            from the lungs.
        score_explanations: whether the classifier's heat maps are scored on some test films.
    """

    resamples: int = Field(default=2000, ge=100)
    seed: int = Field(default=0, ge=0)
    worst_errors: int = Field(default=12, ge=0)
    calibration: Literal["temperature", "vector", "none"] = "temperature"
    positive: str = ""
    sensitivity: float = Field(default=0.95, gt=0, lt=1)
    miss_cost: float = Field(default=10.0, gt=0)
    decide_by: Literal["highest", "sensitivity", "youden", "cost"] = "highest"
    abstain: float = Field(default=0.0, ge=0, lt=0.5)
    masked_probe: bool = True
    score_explanations: bool = True


class StageSection(Plain):
    """One part of a cascade: a network that answers one question.

    Attributes:
        name: what the part is called, in the log and as the folder of its run.
        channels: how many of the input's equal channels this part sees; 0 for all.
        labels: how the classes of the data set become the answers of this part.
        network, augment, train: as in the recipe; the input is the cascade's.
    """

    name: str
    channels: Literal[0, 1] = 0
    labels: LabelsSection = LabelsSection()
    augment: AugmentSection = AugmentSection()
    network: NetworkSection = NetworkSection()
    train: TrainSection = TrainSection()


class Recipe(Plain):
    """Everything that decides a training.

    Attributes:
        name: the recipe's name.
        purpose: what it is for, in one sentence.
        notes: what its reader should know: choices of ours, doubtful traditions.
        n_classes: how many classes it is described for; the data decide how many it gets.
        stages: the parts of a cascade, in the order in which they are asked; `network`,
            `augment` and `train` of the recipe itself are then not used.
        tune: full name of a setting ("train.learning_rate") -> the values among which `carina
            tune` looks for better ones; no training goes by them.
    """

    name: str = "custom"
    purpose: str = ""
    notes: tuple[str, ...] = ()
    n_classes: int = Field(default=2, ge=2)
    labels: LabelsSection = LabelsSection()
    split: SplitSection = SplitSection()
    input: InputSpec = InputSpec()
    augment: AugmentSection = AugmentSection()
    network: NetworkSection = NetworkSection()
    train: TrainSection = TrainSection()
    evaluate: EvaluateSection = EvaluateSection()
    stages: tuple[StageSection, ...] = ()
    tune: Annotated[Mapping[str, SearchRange], BeforeValidator(flat_ranges)] = Field(
        default_factory=dict
    )

    @model_validator(mode="after")
    def _ranges_are_of_settings(self) -> Self:
        sections = {name: getattr(self, name) for name in TUNABLE_SECTIONS}
        for name, span in self.tune.items():
            require_tunable(name, span, sections)
        return self


def recipe_from_values(values: Mapping[str, Any], *, origin: str) -> Recipe:
    """Return the recipe that nested plain values describe.

    Args:
        values: as TOML reads them.
        origin: where they come from, for messages.

    Raises:
        RecipeError: on an unknown key (the nearest one is named) or a bad value.

    >>> recipe_from_values({"train": {"epochs": 2}}, origin="example").train.epochs
    2
    """
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        problems = "; ".join(_problem(dict(detail)) for detail in error.errors())
        raise RecipeError(f"the recipe {origin} cannot be used: {problems}") from error


def _problem(detail: dict[str, Any]) -> str:
    place = [str(part) for part in detail["loc"]]
    dotted = ".".join(place)
    if detail["type"] != "extra_forbidden":
        said = str(detail["msg"]).removeprefix("Value error, ")
        return f"{dotted} = {detail['input']!r}: {said}" if place else said
    known = list(_keys_of(place[:-1]))
    near = nearest(place[-1], known)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
    return f"unknown key '{dotted}' ({hint})"


def _keys_of(place: list[str]) -> list[str]:
    if place[:1] == ["tune"]:
        return list(SearchRange.model_fields)
    section: type[Plain] = Recipe
    for name in place:
        field = section.model_fields.get(name)
        if field is None or not isinstance(field.annotation, type):
            return []
        section = field.annotation
    return list(section.model_fields) if issubclass(section, Plain) else []
