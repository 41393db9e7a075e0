"""What every competitor is told: one resolved recipe, one folder of films."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Job:
    """One training, the same for every competitor.

    Attributes:
        recipe: Carina's recipe with every value, as plain values.
        folder: films in `train|val|test/CLASS/*.jpg`.
        classes: the class folders, sorted.
        weights: file of the pretrained backbone, or "" for a random start.
        bf16: whether Keras computes in `mixed_bfloat16`; the others decide for themselves.
        seed: of weights, order and augmentation.
        scratch: an empty folder of this measurement's own.
        timings: file of this machine's timings that Carina starts from, if it is there, and
            leaves behind; "" for none.
    """

    recipe: Mapping[str, Any]
    folder: str
    classes: tuple[str, ...]
    weights: str = ""
    bf16: bool = False
    seed: int = 0
    scratch: str = ""
    timings: str = ""

    @classmethod
    def read(cls, path: str) -> Job:
        """Return the job that a JSON file holds."""
        values = json.loads(Path(path).read_text(encoding="utf-8"))
        return cls(**{**values, "classes": tuple(values["classes"])})

    def write(self, path: Path) -> None:
        """Write the job as JSON."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @property
    def side(self) -> tuple[int, int]:
        """Height and width of the network's input, in pixels."""
        return self.recipe["input"]["height"], self.recipe["input"]["width"]

    @property
    def channels(self) -> int:
        """Grey (1) or three channels."""
        return int(self.recipe["input"]["channels"])

    @property
    def architecture(self) -> str:
        """The network's name in Carina."""
        return str(self.recipe["network"]["architecture"])

    @property
    def trained(self) -> str:
        """The layers that are trained: "all", "last-block" or "head"."""
        return str(self.recipe["network"]["trained"])

    @property
    def train(self) -> Mapping[str, Any]:
        """Epochs, batch size, learning rate and Adam's epsilon."""
        return dict(self.recipe["train"])

    @property
    def augment(self) -> Mapping[str, Any]:
        """Ranges of the random changes."""
        return dict(self.recipe["augment"])

    @property
    def caffe(self) -> bool:
        """Whether pixels become BGR less ImageNet's mean, or are scaled by 1/255."""
        return self.architecture == "vgg16"

    @property
    def sigmoid(self) -> bool:
        """Whether two classes share one output."""
        if len(self.classes) != 2:
            return False
        return self.architecture == "two-conv" or self.options.get("output") == "sigmoid"

    @property
    def options(self) -> Mapping[str, Any]:
        """The architecture's settings, with the defaults that Carina gives them."""
        given = dict(self.recipe["network"]["options"])
        return {**_DEFAULTS.get(self.architecture, {}), **given}


_DEFAULTS: dict[str, dict[str, Any]] = {
    "two-conv": {"filters": (32, 64), "dense": 256, "dropout_maps": 0.25, "dropout_features": 0.5},
    "conv-stack": {
        "filters": (32, 64, 128),
        "kernel": 3,
        "padding": "valid",
        "batch_norm": False,
        "dropout_maps": 0.0,
        "dense": (128,),
        "dropout_dense": 0.5,
        "output": "softmax",
    },
    "vgg16": {"pooling": "flatten", "dense": (256,), "dropout": 0.5},
    "densenet121": {"dense": (), "dropout": 0.0},
}
