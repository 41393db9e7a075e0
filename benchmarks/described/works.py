"""The works of the speed table: each is a shipped recipe with settings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from carina.domain.recipe import Recipe
from carina.files.recipes import read_recipe, with_settings

# One line of changes that many such projects share:
# ImageDataGenerator(shear_range=0.2, zoom_range=0.2, horizontal_flip=True); Keras takes
# the shear in degrees.
_USUAL_CHANGES = (
    'augment={shear_degrees = 0.2, zoom = 0.2, horizontal_flip = true, fill = "nearest"}'
)
# One view of each film, unchanged: what a fixed base makes of it need be computed only once.
_NO_CHANGES = "augment={views = 1}"
# The films are in folders by class and part already, whatever the recipe expects of its own.
_AS_FOUND = ("labels={}", "split={}")


@dataclass(frozen=True)
class Work:
    """One row of the table.

    Attributes:
        name: what `--work` calls it.
        title: in words.
        recipe: the shipped recipe.
        settings: what is changed of it, as `--set` takes it.
        source: folder of the films under the data folder.
        classes: its class folders that are used.
        pretrained: whether it starts from `--vgg16-weights`.
        floors: how many times faster than the described way and than plain PyTorch it
            must be.
    """

    name: str
    title: str
    recipe: str
    settings: tuple[str, ...]
    source: str
    classes: tuple[str, ...]
    floors: tuple[float, float]
    pretrained: bool = False

    def resolved(self, *, weights: Path | None, epochs: int | None) -> Recipe:
        """Return the recipe with every setting in it.

        Args:
            weights: the pretrained backbone, if this work wants one.
            epochs: at most so many; None for the work's own.
        """
        settings = [*_AS_FOUND, *self.settings]
        if self.pretrained:
            settings.append(f"network.weights={weights}")
        recipe = with_settings(read_recipe(self.recipe), settings)
        if epochs is not None and epochs < recipe.train.epochs:
            recipe = with_settings(recipe, [f"train.epochs={epochs}"])
        return recipe


_TWO = ("Covid", "Normal")
_COVID_OR_PNEUMONIA = ("Covid", "Viral Pneumonia")
_THREE = ("Covid", "Normal", "Viral Pneumonia")

WORKS = (
    Work(
        "two-conv",
        "two-conv, 10 epochs",
        "two-conv",
        ("train.epochs=10",),
        "covid-dataset",
        _TWO,
        (2, 2),
    ),
    Work(
        "five-conv-500",
        "five-conv-500, 13 epochs",
        "five-conv-500",
        ("train.epochs=13",),
        "covid-dataset",
        _TWO,
        (2, 1.8),
    ),
    Work(
        "vgg16-head",
        "vgg16 head on a frozen base, 10 epochs, no fresh augmentation",
        "vgg16",
        ("network.trained=head", "train.epochs=10", "train.learning_rate=0.001", _NO_CHANGES),
        "covid19-image-dataset",
        _COVID_OR_PNEUMONIA,
        (20, 20),
        pretrained=True,
    ),
    Work(
        "vgg16-head-fresh",
        "vgg16 head on a frozen base, 10 epochs, fresh augmentation each epoch",
        "vgg16",
        (
            "network.trained=head",
            "train.epochs=10",
            "train.learning_rate=0.001",
            _USUAL_CHANGES,
        ),
        "covid19-image-dataset",
        _COVID_OR_PNEUMONIA,
        (4, 4),
        pretrained=True,
    ),
    Work(
        "vgg16-last-block",
        "vgg16, last block trained, 5 epochs, fresh augmentation",
        "vgg16",
        (
            "network.trained=last-block",
            "train.epochs=5",
            "train.learning_rate=0.0001",
            _USUAL_CHANGES,
        ),
        "covid19-image-dataset",
        _COVID_OR_PNEUMONIA,
        (4, 4),
        pretrained=True,
    ),
    Work(
        "vgg16-last-block-same-films",
        "vgg16, last block trained, 5 epochs, no fresh augmentation",
        "vgg16",
        (
            "network.trained=last-block",
            "train.epochs=5",
            "train.learning_rate=0.0001",
            _NO_CHANGES,
        ),
        "covid19-image-dataset",
        _COVID_OR_PNEUMONIA,
        (4, 4),
        pretrained=True,
    ),
    Work(
        "densenet121",
        "densenet121, all layers, 3 epochs, from a random start",
        "densenet121",
        (
            "network.trained=all",
            "network.weights=none",
            "train.epochs=3",
            "input.fit=stretch",
            _USUAL_CHANGES,
        ),
        "covid19-image-dataset",
        _THREE,
        (3, 2.5),
    ),
)


def work_named(name: str) -> Work:
    """Return the work of that name.

    Raises:
        SystemExit: if there is none, with the names that there are.
    """
    for work in WORKS:
        if work.name == name:
            return work
    raise SystemExit(f"no work is called '{name}'; there are {', '.join(w.name for w in WORKS)}")
