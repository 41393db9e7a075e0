"""Which runtime answers, in which precision, and why: the rule behind `runtime="auto"`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal, get_args

from carina.domain.serving import ServingAgreement
from carina.errors import UnknownNameError, UsageError
from carina.inference.runtimes import RUNTIMES, NumberFormat
from carina.registry import unknown_name_sentence

Precision = Literal["f32", "bf16", "bf16-unchecked"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
AUTO = "auto"
FILMS_WORTH_COMPILING = 200
"""From so many films on OpenVINO's longer start is no more than 5 % of the work: for densenet121
it takes 0.6 s of processor time more than ONNX Runtime's, and a film 0.06 s
(docs/explanation/runtimes.md)."""
UNCHECKED_CAUTION = "computed in bf16, which was not shown to answer like f32 for this classifier"
"""What every answer carries where bf16 is taken without its agreement."""


@dataclass(frozen=True, slots=True)
class ChosenRuntime:
    """What computes a classifier's answers.

    Attributes:
        name: a registered runtime.
        version: its version.
        device: "cpu" or "cuda".
        precision: what the layers compute in: "f32" or "bf16".
        because: why it was chosen, in words.
    """

    name: str
    version: str
    device: str
    precision: NumberFormat
    because: str

    @property
    def in_words(self) -> str:
        """What it is, without why: "OpenVINO 2026.4.1 on the CPU, in f32"."""
        where = "a GPU" if self.device == "cuda" else "the CPU"
        title = RUNTIMES.get(self.name).title
        return f"{title} {self.version} on {where}, in {self.precision}"

    def as_values(self) -> dict[str, str]:
        """Return plain values, as `--json` prints them."""
        return asdict(self)


def choose_runtime(
    asked: str = AUTO,
    *,
    precision: str = "f32",
    films_expected: int | None = None,
    serving: ServingAgreement | None = None,
) -> ChosenRuntime:
    """Return what will compute, once it is known to be there and allowed.

    The rule of "auto": CUDA where it can run; OpenVINO where bf16 is asked for, or where it
    is installed and so many films are expected that its longer start is a small share of the
    work; else ONNX Runtime.

    Args:
        asked: a registered runtime, or "auto".
        precision: "f32"; "bf16", if the classifier's card offers it; or "bf16-unchecked".
        films_expected: how many films will be answered; None for many, as a server's.
        serving: what the card says of bf16.

    Raises:
        CouldNotError: if the runtime is not there.
        UnknownNameError: if there is no such runtime or precision.
        UsageError: if the runtime does not compute in that precision here, or the card does
            not offer it.
    """
    if precision not in PRECISIONS:
        raise UnknownNameError(unknown_name_sentence("precision", precision, PRECISIONS))
    computed_in: NumberFormat = "f32" if precision == "f32" else "bf16"
    name, because = (
        (asked, "it was asked for") if asked != AUTO else _auto(computed_in, films_expected)
    )
    runtime = RUNTIMES.get(name)
    runtime.require(computed_in)
    if precision == "bf16":
        _require_offered(serving)
    return ChosenRuntime(name, runtime.version(), runtime.device, computed_in, because)


def _auto(precision: NumberFormat, films_expected: int | None) -> tuple[str, str]:
    """Return the runtime that the rule takes, and why."""
    if precision == "bf16":
        return "openvino", "bf16 was asked for, and of the runtimes only OpenVINO computes in it"
    if RUNTIMES.get("cuda").absence() is None:
        return "cuda", "ONNX Runtime has CUDA here, and there is a GPU"
    if RUNTIMES.get("openvino").absence() is not None:
        return "onnxruntime", "OpenVINO is not installed, and no GPU can be used"
    if films_expected is not None and films_expected < FILMS_WORTH_COMPILING:
        return "onnxruntime", (
            f"OpenVINO, which is installed too, takes longer to start, and is taken from "
            f"{FILMS_WORTH_COMPILING} films on; here: {films_expected}"
        )
    return "openvino", (
        "it is installed, and so many films may come that its longer start matters little"
    )


def _require_offered(serving: ServingAgreement | None) -> None:
    """Refuse bf16 where the card does not offer it."""
    if serving is not None and serving.offered:
        return
    found = (
        serving.sentence
        if serving is not None
        else (
            "Whether its answers in bf16 agree with those in f32 was not measured when it was made."
        )
    )
    raise UsageError(
        f"this classifier's card does not offer bf16. {found} Take --precision f32; or train it "
        "again where OpenVINO is installed on a processor with bf16, which measures it; or take "
        "--precision bf16-unchecked, and every answer says that it was not checked"
    )
