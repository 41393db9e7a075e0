"""What every shipped recipe reaches on the films it was described for, with several seeds.

Each recipe is `carina train DATA --recipe NAME --seeds N` in a fresh process; its test
figures are appended to a JSON-lines file as they come, and what the file holds is not
trained again. The interval is the 95 % one of the seed that is best on validation; the
range is over the seeds, on the same test films.

    python benchmarks/results_table.py [--recipe NAME ...] [--seeds N] [--epochs N] \\
        [--weights ARCHITECTURE=FILE or none ...] [--data DIR] [--append FILE.jsonl] \\
        [--runs DIR] [--measured FILE.json]

`--measured src/carina/recipes/measured.json` keeps the figures for `carina recipes`, beside
those that it holds of other trials.
A recipe that starts from ImageNet's weights takes the file that `--weights` names for its
architecture, "none" for a random start (the table then says so), and without that option
the weights that Carina finds itself (an installed package, or the published ones).
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from described.measuring import Kept, machine

import carina
from carina.domain.recipe import NetworkSection, Recipe, TrainSection
from carina.files.recipes import read_recipe

_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
_METRICS = ("accuracy", "balanced_accuracy", "roc_auc_macro", "f1_macro")
_TAIL = 2000


@dataclass(frozen=True)
class Trial:
    """A recipe and the films that it is trained on.

    Attributes:
        recipe: a shipped one.
        data: folders under the data folder; several make one data set.
        why: why these, in a few words.
    """

    recipe: str
    data: tuple[str, ...]
    why: str

    @property
    def name(self) -> str:
        """The recipe and its data."""
        return f"{self.recipe} on {' + '.join(self.data)}"


TRIALS = (
    Trial("two-conv", ("covid-dataset",), "COVID-19 or normal, as described"),
    Trial("five-conv-500", ("covid-dataset",), "COVID-19 or not; its own Kaggle set needs a login"),
    Trial("three-class-cnn", ("covid19-image-dataset",), "three classes of one set"),
    Trial("three-class-cnn", ("covid-dataset", "kermany", "nih"), "several sources, as described"),
    Trial("custom-cnn", ("covid19-image-dataset",), "normal or abnormal"),
    Trial("vgg16", ("covid19-image-dataset",), "COVID-19 or pneumonia, Normal left out"),
    Trial("cascade", ("covid19-image-dataset",), "the two joined"),
    Trial("augmented-three-class", ("covid19-image-dataset",), "as described"),
    Trial("densenet121", ("covid19-image-dataset",), "for today"),
    Trial("efficientnet-lite0", ("covid19-image-dataset",), "for today"),
)


def resolved(recipe: Recipe, *, weights: dict[str, str], epochs: int | None) -> Recipe:
    """Return the recipe with the weights of the user and at most so many epochs, in every
    stage of a cascade too."""

    def network(section: NetworkSection) -> NetworkSection:
        given = weights.get(section.architecture)
        if section.weights == "none" or given is None:
            return section
        trained = "all" if given == "none" else section.trained
        return section.model_copy(update={"weights": given, "trained": trained})

    def train(section: TrainSection) -> TrainSection:
        fewest = min(section.epochs, epochs or section.epochs)
        return section.model_copy(update={"epochs": fewest})

    stages = tuple(
        stage.model_copy(update={"network": network(stage.network), "train": train(stage.train)})
        for stage in recipe.stages
    )
    evaluate = recipe.evaluate.model_copy(
        update={"masked_probe": False, "score_explanations": False}
    )
    return recipe.model_copy(
        update={
            "network": network(recipe.network),
            "train": train(recipe.train),
            "evaluate": evaluate,
            "stages": stages,
        }
    )


def starts_pretrained(recipe: Recipe) -> bool:
    """Return whether a network of the recipe starts from pretrained weights."""
    sections = [recipe.network, *(stage.network for stage in recipe.stages)]
    return any(section.weights != "none" for section in sections)


def trained(recipe: Recipe, data: Sequence[str], *, seeds: int, out: Path) -> dict[str, Any]:
    """Train and return the figures that the table shows."""
    began = time.perf_counter()
    run = carina.train(list(data), recipe=recipe, seeds=seeds, out=out)
    evaluation, split = run.evaluation, [row.split for row in run.manifest]
    leaks = evaluation.without_leaks
    return {
        "seconds": time.perf_counter() - began,
        "films": {part: split.count(part) for part in ("train", "validation", "test")},
        "n_test": evaluation.data.n_images,
        "labels": list(evaluation.labels),
        "chosen": _plain(evaluation.metrics),
        "members": [
            {"seed": member.seed, "chosen": member.chosen, **_plain(member.metrics)}
            for member in evaluation.members
        ],
        "over_members": _plain(evaluation.over_members),
        "without_leaks": _plain(leaks.metrics) if leaks else {},
        "n_leaked": leaks.n_removed if leaks else 0,
        "critical": [f.sentence for f in run.audit.findings if f.severity == "critical"],
        "cautions": list(evaluation.cautions),
        "pretrained": starts_pretrained(recipe),
        "versions": dict(run.environment.versions),
    }


def _plain(estimates: Any) -> dict[str, Any]:
    return {name: estimates[name].model_dump() for name in _METRICS if name in estimates}


def main(arguments: argparse.Namespace) -> None:
    """Train what is not yet in the file, and print the table."""
    kept = Kept(arguments.append)
    for row in kept.rows:  # how a test is evaluated does not change the training
        row["recipe"].pop("evaluate", None)
    weights = dict(pair.partition("=")[::2] for pair in arguments.weights)
    rows = []
    for trial in TRIALS:
        if arguments.recipe and trial.recipe not in arguments.recipe:
            continue
        recipe = resolved(read_recipe(trial.recipe), weights=weights, epochs=arguments.epochs)
        identity = {
            "result": trial.name,
            "seeds": arguments.seeds,
            "recipe": recipe.model_dump(mode="json", exclude={"evaluate"}),
        }
        if not kept.has(**identity) and not arguments.table_only:
            found = in_own_process(trial, recipe, arguments)
            if found is not None:
                kept.add({**identity, **found, "why": trial.why, "machine": machine()})
        rows += kept.where(**identity)[:1]
    if rows:
        print(table(rows))
    if arguments.measured:
        keep_measured(arguments.measured, [measured(row) for row in rows if not _start(row)])


def measured(row: dict[str, Any]) -> dict[str, Any]:
    """Return what `carina recipes` shows of a row."""
    return {
        "recipe": row["recipe"]["name"],
        "data": row["result"].partition(" on ")[2],
        "n_test": row["n_test"],
        "seeds": row["seeds"],
        "metrics": row["over_members"],
        "interval": row["chosen"],
    }


def keep_measured(file: Path, found: Sequence[dict[str, Any]]) -> None:
    """Put figures into a file, in the order of the trials; those of other trials stay."""
    before = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []
    by_trial = {f"{one['recipe']} on {one['data']}": one for one in (*before, *found)}
    kept = [by_trial[trial.name] for trial in TRIALS if trial.name in by_trial]
    file.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


def in_own_process(
    trial: Trial, recipe: Recipe, arguments: argparse.Namespace
) -> dict[str, Any] | None:
    """Return what a fresh process found, or None, said why, if it failed."""
    out = arguments.runs / f"{trial.recipe}-{'-'.join(trial.data)}-{time.strftime('%H%M%S')}"
    out.parent.mkdir(parents=True, exist_ok=True)
    job = {
        "recipe": recipe.model_dump(mode="json"),
        "data": [str(arguments.data / name) for name in trial.data],
        "seeds": arguments.seeds,
        "out": str(out),
    }
    done = subprocess.run(
        [sys.executable, __file__, "--job", json.dumps(job)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        print(f"{trial.name} failed:\n{done.stderr[-_TAIL:]}", file=sys.stderr)
        return None
    print(f"{trial.name} is trained: {out}", file=sys.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return the table, and below it what the audit found critical."""
    lines = [
        "| recipe and films | train/val/test | seeds | test accuracy (95 %) | over the seeds "
        "| AUC, mean of the classes (95 %) | over the seeds | balanced accuracy (95 %) "
        "| accuracy without leaked films | minutes |\n|---|---|---|---|---|---|---|---|---|---|"
    ]
    for row in rows:
        chosen, over = row["chosen"], row["over_members"]
        leaks = row["without_leaks"].get("accuracy")
        cells = (
            f"{row['result']}{_start(row)}",
            "/".join(str(n) for n in row["films"].values()),
            f"{row['seeds']}",
            _interval(chosen.get("accuracy")),
            _interval(over.get("accuracy")),
            _interval(chosen.get("roc_auc_macro")),
            _interval(over.get("roc_auc_macro")),
            _interval(chosen.get("balanced_accuracy")),
            f"{_interval(leaks)} ({row['n_leaked']} films less)" if leaks else "no leaks",
            f"{row['seconds'] / 60:.1f}",
        )
        lines.append("| " + " | ".join(cells) + " |")
    lines.append("\nWhat the audits found critical:")
    for row in rows:
        for sentence in row["critical"] or ["nothing"]:
            lines.append(f"- {row['result']}: {sentence}")
    machines = {row["machine"] for row in rows}
    return "\n".join([*lines, "", *sorted(machines)])


def _start(row: dict[str, Any]) -> str:
    wanted = starts_pretrained(read_recipe(row["recipe"]["name"]))
    return " (random start: --weights none)" if wanted and not row["pretrained"] else ""


def _interval(estimate: dict[str, Any] | None) -> str:
    if estimate is None or estimate["value"] is None:
        return "-"
    if estimate["low"] is None:
        return f"{estimate['value']:.3f}"
    return f"{estimate['value']:.3f} ({estimate['low']:.3f} to {estimate['high']:.3f})"


def options() -> argparse.ArgumentParser:
    """Return what the command line takes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recipe", action="append", default=[], help="one; again for more")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, help="most epochs; none: as the recipes say")
    parser.add_argument("--weights", action="append", default=[], metavar="ARCHITECTURE=FILE")
    parser.add_argument("--data", type=Path, default=_DATA, help="folder of the data sets")
    parser.add_argument("--append", type=Path, default=Path("tmp") / "results_table.jsonl")
    parser.add_argument("--runs", type=Path, default=Path("runs") / "results")
    parser.add_argument("--measured", type=Path, help="also write the figures to this file")
    parser.add_argument("--table-only", action="store_true", help="train nothing")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    given = options().parse_args()
    if given.job:
        order = json.loads(given.job)
        figures = trained(
            Recipe.model_validate(order["recipe"]),
            order["data"],
            seeds=order["seeds"],
            out=Path(order["out"]),
        )
        print(json.dumps(figures))
    else:
        main(given)
