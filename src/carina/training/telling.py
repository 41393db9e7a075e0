"""What a training tells while it runs."""

from __future__ import annotations

import math
import time

from torch import Tensor

from carina.domain.progress import Progress, Step
from carina.domain.recipe import TrainSection
from carina.domain.sentences import counted
from carina.training.checkpoints import Checkpoints, Standing

_SECONDS_BETWEEN_STEPS_SHOWN = 0.2


class Bar:
    """Tells the progress of an epoch, not more often than an eye can follow.

    The loss is read from the device only then, since reading it waits for the step.
    """

    def __init__(
        self, progress: Progress, standing: Standing, epochs: int, n_films: int, n_before: int
    ) -> None:
        self._progress = progress
        self._epoch = standing.epoch.number
        self._epochs = epochs
        self._n_films = n_films
        self._n_before = n_before
        history = standing.history
        self._watched = {"val AUC": _area(history[-1]["val_auc_macro"])} if history else {}
        self._began = self._shown = time.monotonic()

    def show(self, n_seen: int, total_loss: Tensor) -> float | None:
        """Tell that `n_seen` of the epoch's films are done, if it is time to.

        Returns:
            The mean loss so far, if it was told.
        """
        now = time.monotonic()
        is_last = n_seen >= self._n_films  # told with the epoch's own figures
        if is_last or now - self._shown < _SECONDS_BETWEEN_STEPS_SHOWN:
            return None
        self._shown = now
        loss = float(total_loss) / n_seen
        facts: dict[str, float | str] = {
            "epoch": f"{self._epoch}/{self._epochs}",
            "images/s": round((n_seen - self._n_before) / (now - self._began), 1),
            "loss": round(loss, 4),
            **self._watched,
        }
        done = (self._epoch - 1) * self._n_films + n_seen
        self._progress(Step("training", done, self._epochs * self._n_films, facts))
        return loss


def epoch_done(history: list[dict[str, float]], n_films: int, rate: float, *, epochs: int) -> Step:
    """Return what is told after an epoch.

    Args:
        history: a row for each epoch that is done.
        n_films: training films.
        rate: films trained on a second, in the last of them.
        epochs: there will be.
    """
    row = history[-1]
    epoch = int(row["epoch"])
    return Step(
        "training",
        epoch * n_films,
        epochs * n_films,
        {
            "epoch": f"{epoch}/{epochs}",
            "images/s": round(rate, 1),
            "loss": round(row["loss"], 4),
            "val AUC": _area(row["val_auc_macro"]),
        },
        f"epoch {epoch} of {epochs}: loss {row['loss']:.4f}, accuracy {row['accuracy']:.4f}; "
        f"validation loss {row['val_loss']:.4f}, accuracy {row['val_accuracy']:.4f}, "
        f"AUC {_area(row['val_auc_macro'])}",
    )


def _area(area: float) -> str:
    """Return an area under the ROC curve for people, or a dash where it is undefined."""
    return "-" if math.isnan(area) else f"{area:.4f}"


def where_it_goes_on(standing: Standing, epochs: int) -> str:
    """Return what is told of a training that was taken up again."""
    if standing.epoch.number > epochs:
        return f"all {epochs} epochs were trained before; nothing is trained again"
    where = f"the training goes on in epoch {standing.epoch.number} of {epochs}"
    if standing.epoch.steps:
        where += f", after {counted(standing.epoch.steps, 'step')} of it"
    return where


def rather_anew(standing: Standing, train: TrainSection, checkpoints: Checkpoints) -> str:
    """Return a sentence where to train anew may take no longer than to go on; else "".

    That is so where reading the checkpoint took longer than the training that it saves, or
    where the training keeps to fewer threads than it would now begin with. With n times the
    threads a training is at most n times as quick, so what is told of them is the least.

    Args:
        standing: of a training that was taken up again.
        train: of the recipe, with the threads that the training keeps to.
        checkpoints: which it was taken from.
    """
    spent_s = standing.seconds + standing.epoch.seconds
    n_epochs = len(standing.history)
    if n_epochs == train.epochs:
        return ""
    if spent_s < checkpoints.read_s:
        return (
            f"to train anew would take no longer: {spent_s:.1f} s of training are kept, and to "
            f"read them took {checkpoints.read_s:.1f} s"
        )
    if n_epochs == 0 or checkpoints.threads_anew <= train.threads:
        return ""
    whole_s = standing.seconds / n_epochs * train.epochs
    left_s = max(whole_s - spent_s, 0.0)
    anew_s = whole_s * train.threads / checkpoints.threads_anew
    if anew_s >= left_s:
        return ""
    return (
        f"to go on takes about {left_s:.0f} s with the {counted(train.threads, 'thread')} that the "
        f"training began with; anew, with {checkpoints.threads_anew}, it may take as little as "
        f"{anew_s:.0f} s, and its last digits would be others"
    )
