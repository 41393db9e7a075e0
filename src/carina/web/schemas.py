"""The REST answers, as they stand in the OpenAPI description."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field

from carina.domain.explanation_scores import ExplanationScores


class Answer(BaseModel):
    """What every answer has in common: frozen, and no field that is not described."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ClassifierName(Answer):
    """Which classifier answered."""

    name: str = Field(description="Short name.")
    digest: str = Field(description="SHA-256 of the classifier's card; it covers every file.")


class RuntimeFacts(Answer):
    """What computes the answers."""

    name: str = Field(description="`onnxruntime`, `openvino` or `cuda`.")
    version: str = Field(description="The runtime's version.")
    device: str = Field(description="`cpu` or `cuda`.")
    precision: str = Field(description="What the layers compute in: `f32` or `bf16`.")
    because: str = Field(description="Why this runtime was taken, in words.")


class FilmFile(Answer):
    """What was found in the file."""

    file_format: str = Field(description="PNG, JPEG, TIFF, BMP or DICOM.")
    width: int = Field(description="Pixel columns.")
    height: int = Field(description="Pixel rows.")
    bits: int = Field(description="Significant bits of one grey value.")
    view: str | None = Field(description="View position, if the file says it.")


class FilmAnswer(Answer):
    """One film's answer."""

    name: str = Field(description="The file's name, without folders.")
    sha256: str = Field(description="SHA-256 of the file's bytes.")
    decision: str | None = Field(description="The answer; null if the classifier abstains.")
    predicted: str = Field(
        description="The class that the rule of `answered_by` gives, also where the classifier "
        "abstains."
    )
    abstained: bool = Field(description="True if there is no answer that Carina stands by.")
    reason: str = Field(description="Why it abstains, in words, or empty.")
    reason_code: str = Field(
        default="",
        description="The same as a stable word for programs, such as `gate/rotated` or "
        "`rule/unsure`, or empty.",
    )
    probabilities: Mapping[str, float] = Field(description="Class to probability; sum 1.")
    cautions: tuple[str, ...] = Field(description="What was noticed while reading the film.")
    film: FilmFile
    explained: str | None = Field(
        default=None, description="With `explain=true`: the class that the heat map is about."
    )
    method: str | None = Field(
        default=None, description="With `explain=true`: the explanation method of the heat map."
    )
    film_png: str | None = Field(
        default=None,
        description="The film in 8 bit grey, its longer side at most 1280 pixels; base64. With "
        "`film=png`, and with `explain=true` unless `film` says otherwise.",
    )
    levels_png: str | None = Field(
        default=None,
        description="With `film=levels`: the film in 16 bit grey (8 if the file has no more and "
        "nothing was made smaller), its longer side at most 2048 pixels; base64.",
    )
    thumbnail_png: str | None = Field(
        default=None,
        description="With `film=levels` or `film=thumbnail`: the film in 8 bit grey, its longer "
        "side at most 144 pixels; base64.",
    )
    heat_map_png: str | None = Field(
        default=None,
        description="With `explain=true`: the heat map, a transparent layer over the whole film, "
        "with the sides of `film_png` if that comes too; base64. Null if there is none; "
        "`heat_map_note` then says why.",
    )
    heat_map_note: str = Field(default="", description="Why there is no heat map, or empty.")


class FilmError(Answer):
    """One file that is no readable film."""

    name: str = Field(description="The file's name, without folders.")
    code: str = Field(description="Stable, such as `image/damaged`.")
    detail: str = Field(description="What is wrong and what can be done.")


class Predictions(Answer):
    """The answers on some films."""

    classifier: ClassifierName
    runtime: RuntimeFacts
    caveat: str = Field(description="What the answers are not.")
    answered_by: str = Field(
        default="",
        description="The rule in words: the most probable class, or a threshold of one class.",
    )
    cautions: tuple[str, ...] = Field(description="What holds for every answer of the classifier.")
    predictions: tuple[FilmAnswer, ...]
    errors: tuple[FilmError, ...] = Field(description="The files that could not be read.")


class SignatureFacts(Answer):
    """Who signed the classifier."""

    fingerprint: str = Field(description="Of the key, as `ssh-keygen -l` prints it.")
    trusted_as: str = Field(
        description="What this server was told to call the key (`--signer`); empty if it was told "
        "of no key, so that anybody may have signed."
    )
    checked: bool = Field(
        description="False where the extra `sign` is not installed, so that the signature was "
        "not held against the key."
    )
    in_words: str = Field(description="The same as a sentence.")


class OperatingPoint(Answer):
    """The probability that decides, where one class's does."""

    label: str = Field(description="The class that the threshold is for.")
    threshold: float = Field(description="It is the answer from this probability on.")


class ModelSummary(Answer):
    """What stands on the classifier's card."""

    classifier: ClassifierName
    runtime: RuntimeFacts
    caveat: str
    labels: tuple[str, ...] = Field(description="The classes it tells apart.")
    explained: tuple[str, ...] = Field(description="The classes that it has heat maps for.")
    input_height: int = Field(description="Rows of the pixels that the network sees.")
    input_width: int = Field(description="Columns of the pixels that the network sees.")
    architecture: str
    recipe: str
    sources: tuple[str, ...] = Field(description="Where the training films come from.")
    n_train: Mapping[str, int] = Field(description="Class to number of training films.")
    licences: tuple[str, ...] = Field(description="Of the training films, as far as known.")
    answered_by: str = Field(
        default="",
        description="The rule in words: the most probable class, or a threshold of one class.",
    )
    operating_point: OperatingPoint | None = Field(
        default=None, description="The threshold that decides; null for the most probable class."
    )
    explained_by: Mapping[str, tuple[str, ...]] = Field(
        default_factory=dict, description="Class to the explanation methods that work for it."
    )
    explanation_scores: ExplanationScores | None = Field(
        default=None, description="How far the heat maps can be believed; null if not scored."
    )
    tested_on: str = Field(description="How it was tested, or empty.")
    external_tests: tuple[str, ...] = Field(
        default=(), description="What each test on films of another source said, if any is known."
    )
    cautions: tuple[str, ...]
    signature: SignatureFacts | None = Field(
        default=None, description="Who signed the classifier; null if nobody did."
    )
    version: str = Field(description="The version of Carina that answers.")


class Health(Answer):
    """Whether the server lives."""

    status: str = Field(description="`alive`.")


class Readiness(Answer):
    """Whether the server takes films."""

    status: str = Field(description="`ready`, or `stopping` with the status 503.")
    classifier: ClassifierName
    reload: str = Field(
        description="What became of the last changed classifier folder: `none` if there was "
        "none, `taken`, `unchanged`, or `refused` if the earlier classifier was kept."
    )


class Problem(Answer):
    """An error, as RFC 9457 describes it."""

    type: str = Field(description="The place in `/docs` that describes the code.")
    title: str = Field(description="What kind of error it is; the same for the same code.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What is wrong and what can be done.")
    code: str = Field(description="Stable; the sentences may change.")
    errors: tuple[FilmError, ...] | None = Field(
        default=None, description="Each file's own error, where several were sent."
    )
