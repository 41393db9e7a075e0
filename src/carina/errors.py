"""Every error that Carina raises on purpose.

CarinaError
|-- UsageError            a wrong call: options, names, an output that is in the way   exit 2
|   |-- RecipeError       a recipe that cannot be used
|   `-- UnknownNameError  a name that nothing is registered under
|-- InputError            files that cannot be used                                    exit 2
|   |-- ImageError        one image, with a code of IMAGE_CODES
|   |-- DatasetError      a data set
|   |-- DownloadError     a file that cannot be had from the network
|   |-- WeightsError      pretrained weights that cannot be had or used
|   |-- ClassifierError   a classifier's folder
|   |-- RunError          a run's folder
|   |-- SigningKeyError   a file that should hold a key to sign or to check with
|   `-- EvaluationError   predictions that cannot be evaluated
`-- CouldNotError         right usage, but it did not work out                         exit 1
    |-- MissingExtraError an extra that is not installed
    |-- MissingProgramError  another program that is not installed, or does not do its work
    |-- StorageError      no room, no permission
    |-- TrainingError     a training that diverged
    `-- ParityError       an exported network that answers otherwise than the trained one

CarinaWarning             the class of every warning that Carina gives
"""

from typing import ClassVar, Literal, get_args

ImageCode = Literal[
    "not-found",
    "not-a-file",
    "broken-link",
    "no-permission",
    "cannot-be-read",
    "changed-while-read",
    "empty-file",
    "unknown-format",
    "damaged",
    "bad-checksum",
    "too-large",
    "too-small",
    "inflates-too-far",
    "nested-too-deep",
    "several-frames",
    "no-pixels",
    "decoder-missing",
    "unsupported-pixels",
    "takes-too-long",
    "takes-too-much-memory",
    "decoder-crashed",
]
IMAGE_CODES: tuple[ImageCode, ...] = get_args(ImageCode)


class CarinaError(Exception):
    """The root of the tree; `code` is stable, the sentence may change."""

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1


class UsageError(CarinaError):
    """A command or function was called with arguments that do not fit."""

    code = "usage"
    exit_code = 2


class RecipeError(UsageError):
    """A recipe has an unknown key or a value that cannot be used."""

    code = "recipe"


class UnknownNameError(UsageError):
    """A name that nothing is registered under."""

    code = "unknown-name"


class InputError(CarinaError):
    """A file or folder that cannot be used as what it was given for."""

    code = "input"
    exit_code = 2


class ImageError(InputError):
    """One image that cannot be read as a radiograph.

    Attributes:
        image_code: why, one of `IMAGE_CODES`.
    """

    code = "image"

    def __init__(self, message: str, *, image_code: ImageCode) -> None:
        super().__init__(message)
        self.image_code: ImageCode = image_code


class DatasetError(InputError):
    """A data set that cannot be opened, split or trained on."""

    code = "dataset"


class DownloadError(InputError):
    """A file that cannot be had from the network, or that is not the one it should be."""

    code = "download"


class WeightsError(InputError):
    """Pretrained weights that cannot be had, are damaged, or belong to another network."""

    code = "weights"


class ClassifierError(InputError):
    """A classifier's folder that is damaged, changed or of a newer version."""

    code = "classifier"


class RunError(InputError):
    """A run's folder that lacks what is asked of it."""

    code = "run"


class SigningKeyError(InputError):
    """A file that holds no key that can sign, or that a signature can be checked with."""

    code = "signing-key"


class EvaluationError(InputError):
    """Predictions that cannot be evaluated."""

    code = "evaluation"


class CouldNotError(CarinaError):
    """The call was right, and still it did not work out."""

    code = "could-not"


class MissingExtraError(CouldNotError):
    """A part of Carina that is not installed."""

    code = "missing-extra"

    def __init__(self, *, needed_for: str, extra: str) -> None:
        super().__init__(
            f"{needed_for} needs the extra '{extra}', which is not installed; "
            f"install it with: pip install 'carina[{extra}]' "
            f"(in a clone: pip install '.[{extra}]')"
        )
        self.extra = extra


class MissingProgramError(CouldNotError):
    """Another program that is not installed, or that did not do what it was asked to."""

    code = "missing-program"


class StorageError(CouldNotError):
    """A file could not be written: no room, no permission, a read-only place."""

    code = "storage"


class TrainingError(CouldNotError):
    """A training that cannot go on."""

    code = "training"


class ParityError(CouldNotError):
    """An exported network that answers otherwise than the trained one."""

    code = "parity"


class StoppedBySignal(BaseException):
    """The work was asked to end by a signal.

    No `KeyboardInterrupt`, which click would swallow together with the sentence on what to do.

    Attributes:
        signal_number: as `SIGINT` and `SIGTERM`; the exit code is 128 more.
    """

    def __init__(self, signal_number: int, *, advice: str = "") -> None:
        name = {2: "Ctrl-C", 15: "SIGTERM"}.get(signal_number, f"signal {signal_number}")
        super().__init__(f"stopped by {name}{'; ' if advice else ''}{advice}")
        self.signal_number = signal_number


def error_of_code(code: str, message: str) -> CarinaError:
    """Return an error that another process met, by its code; the root of all for one that needs
    more than a message."""
    kinds: list[type[CarinaError]] = [CarinaError]
    while kinds:
        kind = kinds.pop()
        if vars(kind).get("code") == code and "__init__" not in vars(kind):
            return kind(message)
        kinds.extend(kind.__subclasses__())
    return CarinaError(message)


class CarinaWarning(UserWarning):
    """The class of every warning that Carina gives."""
