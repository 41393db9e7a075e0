"""The whole job on films that are made on the spot."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from carina.domain.prediction import Prediction
from carina.domain.progress import Progress, Step
from carina.files.atomic import write_bytes
from carina.imaging.phantom import make_phantom, write_phantoms
from carina.imaging.pictures import pixels_png
from carina.runs import Run
from carina.settings import Settings
from carina.workflows.extras import require_extra
from carina.workflows.places import claimed
from carina.workflows.predict import predict
from carina.workflows.progress_bar import default_progress
from carina.workflows.train import train

WHAT_THE_DEMO_DOES = """\
Carina's demo, under two minutes and without a network:
  1. draws 690 synthetic chest films: normal, lobar pneumonia, COVID-like
  2. audits them, and trains the two-conv network on them
  3. tests it on films kept apart, and once more without the lungs (the masked probe), and
     writes a report with intervals
  4. answers for a new film, and draws where the network looked
The films are drawings with a known truth: nothing here says anything about patients.
"""

_CLASSES = ("Normal", "Pneumonia", "COVID-19")
_COUNTS = {"train": 160, "validation": 30, "test": 40}
_SEED = 7
# Smaller steps than the recipe's: with the described ones several trial trainings on phantom
# films stayed at chance.
_SETTINGS = ("train.epochs=8", "train.learning_rate=0.0003")


@dataclass(frozen=True, slots=True)
class Demo:
    """What the demo made.

    Attributes:
        run: the training.
        film: a film that no part of the training saw.
        truth: the class it was made as.
        answer: what the classifier says.
        heat_map: where the network looked.
        next_commands: what to try next.
    """

    run: Run
    film: Path
    truth: str
    answer: Prediction
    heat_map: Path
    next_commands: tuple[str, ...]


def demo(
    *,
    out: str | Path | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> Demo:
    """Make phantom films, then audit, train, evaluate, report and predict on them.

    Args:
        out: a new or empty folder; `runs/<time>-demo` if None.
        settings: caches, keys and where runs go; from the environment if None.
        progress: called as the work goes on.

    Raises:
        MissingExtraError: if the extra `train` is not installed.
        UsageError: if `out` is not empty.
        StorageError: if `out` cannot be written.
    """
    require_extra("train", needed_for="carina demo")
    progress = progress or default_progress()
    settings = settings or Settings.from_environment()
    with claimed(out, settings=settings, name="demo", n_bytes=500_000_000) as folder:
        films = folder / "phantom-films"
        write_phantoms(
            films,
            counts={part: dict.fromkeys(_CLASSES, n) for part, n in _COUNTS.items()},
            seed=_SEED,
            lung_masks=True,
            progress=progress,
        )
    run = train(films, set=_SETTINGS, out=folder / "run", settings=settings, progress=progress)
    film = folder / "new-film.png"
    phantom = make_phantom("covid", rng=np.random.default_rng(_SEED + 1))
    write_bytes(film, pixels_png(phantom.pixels))
    progress(Step("a new film", message="answering for a new film"))
    result = predict(run.folder, film, explain=folder / "heat-map")
    return Demo(
        run=run,
        film=film,
        truth="COVID-19",
        answer=result.answers[0],
        heat_map=result.overlays[str(film)],
        next_commands=(
            f"carina serve {run.folder}",
            f"carina predict {run.folder} YOUR-FILM.png --explain heat-maps",
            "carina train YOUR-FOLDER --recipe two-conv",
        ),
    )
