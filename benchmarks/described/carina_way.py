"""Carina: `carina.train` on the same folder with the same recipe, every cache empty but, where
the job names one, that of this machine's timings.

python -m described.carina_way JOB.json RESULT.json
"""

import csv
import shutil
import sys
import time
from pathlib import Path

from described.job import Job
from described.stopwatch import Stopwatch, write_result

stopwatch = Stopwatch()

import torch  # noqa: E402  its import is part of what is measured

import carina  # noqa: E402
from carina.domain.recipe import recipe_from_values  # noqa: E402
from carina.settings import Settings  # noqa: E402
from carina.training import fit  # noqa: E402, F401  what the command imports where it is used
from carina.version import VERSION  # noqa: E402
from carina.workflows import making, start  # noqa: E402, F401


class Watching:
    """Hears the progress: when a stage last spoke, and when the training stage began to."""

    def __init__(self):
        self.began = time.perf_counter()
        self.last = {}

    def __call__(self, step):
        """Note a step; the last word of the stage "training" is the end of the training."""
        if step.stage == "training":
            stopwatch.step_done()
            stopwatch.trained()
        self.last[step.stage] = round(time.perf_counter() - self.began, 3)


def main(job_file, result_file):
    """Train as the job says and write what was found."""
    job = Job.read(job_file)
    scratch = Path(job.scratch)
    settings = Settings(cache_dir=scratch / "cache", config_dir=scratch / "config")
    timings = settings.cache_dir / "precision.json"
    if job.timings and Path(job.timings).is_file():
        timings.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(job.timings, timings)
    # The others train once; the probe is a second training, for another number, and none of
    # them scores its heat maps.
    left_out = {"masked_probe": False, "score_explanations": False}
    section = {**job.recipe.get("evaluate", {}), **left_out}
    recipe = recipe_from_values({**job.recipe, "evaluate": section}, origin="the benchmark's job")
    stopwatch.start()
    watching = Watching()
    run = carina.train(
        job.folder, recipe=recipe, out=scratch / "run", settings=settings, progress=watching
    )
    stopwatch.epoch_seconds = [row["seconds"] for row in run.history]
    if job.timings and timings.is_file():
        shutil.copyfile(timings, job.timings)
    provenance, environment = run.card.provenance, run.environment
    write_result(
        result_file,
        stopwatch,
        n_train=sum(provenance.n_train.values()),
        n_parameters=provenance.parameters,
        test=test_answers(run, job),
        more={
            "versions": {"carina": VERSION, "torch": torch.__version__},
            "classes": list(job.classes),
            "detail": {
                "stages": dict(environment.seconds),
                "last_word": watching.last,
                "precision": dict(environment.precision),
                "images_per_second": environment.images_per_second,
            },
        },
    )


def test_answers(run, job):
    """Return the class index and the probabilities of each test film."""
    with run.predictions_file("test").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    labels = [job.classes.index(row["label"]) for row in rows]
    return labels, [[float(row[f"p_{name}"]) for name in job.classes] for row in rows]


if __name__ == "__main__":
    main(*sys.argv[1:])
