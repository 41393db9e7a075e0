"""What it takes to get these numbers again."""

from __future__ import annotations

from carina.domain.report import Facts, Paragraph, Section, Table
from carina.domain.sentences import counted
from carina.reporting.sections import section
from carina.reporting.wording import duration
from carina.runs import Environment, Run


@section("reproduction", order=90)
def reproduction(run: Run) -> Section:
    """Return the section on how the run was made."""
    environment, evaluation = run.environment, run.evaluation
    recipe = run.recipe
    provenance = run.card.provenance
    return Section(
        anchor="reproduction",
        title="Making it again",
        blocks=(
            Paragraph(
                "The same films, recipe, versions, thread count and kind of processor give the "
                "same numbers. The recipe stands in recipe.toml, every film's digest and part in "
                "manifest.csv, and every number of this page in evaluation.json, audit.json, "
                "history.csv or manifest.csv."
            ),
            Facts(
                (
                    ("Command", environment.command),
                    ("Started", environment.started),
                    ("Seeds", f"split {recipe.split.seed}, training {recipe.train.seed}, "
                              f"resampling {recipe.evaluate.seed}"),
                    ("Resamples", f"{recipe.evaluate.resamples:,}"),
                    ("Classifier", evaluation.classifier),
                    ("Data set", provenance.dataset_digest),
                    ("Split", provenance.split_digest),
                    ("Exported network", _parity(run)),
                    ("Precision", _precision(environment)),
                    ("Machine", _machine(environment)),
                    ("Test part opened", counted(evaluation.data.test_opened, "time")),
                )
            ),
            _seconds(environment),
            _versions(environment),
        ),
    )  # fmt: skip


def _parity(run: Run) -> str:
    parity = run.card.parity
    if "max_probability_difference" not in parity:
        return "not compared"
    return (
        f"probabilities within {parity['max_probability_difference']:.1e} of the trained network "
        f"on {counted(int(parity.get('n_films', 0)), 'film')}"
    )


def _precision(environment: Environment) -> str:
    chosen = str(environment.precision.get("chosen", "not recorded"))
    reason = environment.precision.get("reason")
    return f"{chosen}: {reason}" if reason else chosen


def _machine(environment: Environment) -> str:
    facts = [f"{name.replace('_', ' ')} {value}" for name, value in environment.machine.items()]
    return ", ".join([*facts, f"threads {environment.threads}", f"device {environment.device}"])


def _seconds(environment: Environment) -> Table:
    return Table(
        columns=("Stage", "Time"),
        rows=tuple((stage, duration(seconds)) for stage, seconds in environment.seconds.items()),
        caption="How long it took",
        align=("left", "right"),
    )


def _versions(environment: Environment) -> Table:
    return Table(
        columns=("Package", "Version"),
        rows=tuple(environment.versions.items()),
        caption="Versions",
    )
