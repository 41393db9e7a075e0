"""The REST answers, as they stand in the OpenAPI description."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field


class Answer(BaseModel):
    """What every answer has in common: frozen, and no field that is not described."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ClassifierName(Answer):
    """Which classifier answered."""

    name: str = Field(description="Short name.")
    digest: str = Field(description="SHA-256 of the classifier's card; it covers every file.")


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
    probabilities: Mapping[str, float] = Field(description="Class to probability; sum 1.")
    cautions: tuple[str, ...] = Field(description="What was noticed while reading the film.")
    film: FilmFile
    explained: str | None = Field(
        default=None, description="With `explain=true`: the class that the heat map is about."
    )
    film_png: str | None = Field(
        default=None, description="With `explain=true`: the film, grey; base64."
    )
    heat_map_png: str | None = Field(
        default=None,
        description="With `explain=true`: the heat map, a transparent layer of the size of "
        "`film_png`; base64. Null if there is none; `heat_map_note` then says why.",
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
    caveat: str = Field(description="What the answers are not.")
    answered_by: str = Field(
        default="",
        description="The rule in words: the most probable class, or a threshold of one class.",
    )
    cautions: tuple[str, ...] = Field(description="What holds for every answer of the classifier.")
    predictions: tuple[FilmAnswer, ...]
    errors: tuple[FilmError, ...] = Field(description="The files that could not be read.")


class ModelSummary(Answer):
    """What stands on the classifier's card."""

    classifier: ClassifierName
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
    tested_on: str = Field(description="How it was tested, or empty.")
    cautions: tuple[str, ...]
    version: str = Field(description="The version of Carina that answers.")


class Health(Answer):
    """Whether the server lives or is ready."""

    status: str


class Problem(Answer):
    """An error, as RFC 9457 describes it."""

    type: str = "about:blank"
    title: str = Field(description="The meaning of the status.")
    status: int
    detail: str = Field(description="What is wrong and what can be done.")
    code: str = Field(description="Stable; the sentence may change.")
    errors: tuple[FilmError, ...] | None = Field(
        default=None, description="Each file's own error, where several were sent."
    )
