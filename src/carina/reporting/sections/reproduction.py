"""What it takes to get these numbers again."""

from __future__ import annotations

from collections.abc import Iterator

from carina.domain.report import Facts, Paragraph, Section, Table
from carina.domain.sentences import counted
from carina.reporting.parity_wording import parity_in_words
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
                "same numbers: carina reproduce trains again from this record and compares. The "
                "recipe stands in recipe.toml, every film's digest and part in manifest.csv, time, "
                "memory and versions in environment.json, and every other number of this page in "
                "evaluation.json, audit.json, history.csv or manifest.csv."
            ),
            Facts(
                (
                    ("Command", environment.command),
                    ("Started", environment.started),
                    *_time_and_memory(environment),
                    ("Seeds", f"split {recipe.split.seed}, training {recipe.train.seed}, "
                              f"resampling {recipe.evaluate.seed}"),
                    ("Resamples", f"{recipe.evaluate.resamples:,}"),
                    ("Classifier", evaluation.classifier),
                    ("Data set", provenance.dataset_digest),
                    ("Split", provenance.split_digest),
                    ("Exported network", _parity(run)),
                    ("Precision", _precision(environment)),
                    ("Machine", _machine(environment)),
                    *_libraries(environment),
                    *_git(environment),
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
    return f"against the trained one, {parity_in_words(parity)}"


def _precision(environment: Environment) -> str:
    chosen = str(environment.precision.get("chosen", "not recorded"))
    reason = environment.precision.get("reason")
    return f"{chosen}: {reason}" if reason else chosen


def _machine(environment: Environment) -> str:
    forms = {"cores": "{} cores", "memory_gb": "{} GB of memory"}
    facts = [forms.get(name, "{}").format(value) for name, value in environment.machine.items()]
    used = f"computed on the {environment.device} with {counted(environment.threads, 'thread')}"
    workers = f" in each of {environment.workers} workers" if environment.workers > 1 else ""
    return f"{', '.join(facts)}; {used}{workers}"


def _time_and_memory(environment: Environment) -> Iterator[tuple[str, str]]:
    """Yield what the run took; nothing for a record without it."""
    if environment.wall_seconds:
        yield (
            "Time",
            f"{duration(environment.wall_seconds)} by the clock, "
            f"{duration(environment.processor_seconds)} of processor time",
        )
    if environment.peak_memory_mb:
        words = {"process": "", "decoding": " in a process that decodes films"}
        peaks = (
            f"{value:,.0f} MB{words.get(name, f' ({name})')}"
            for name, value in environment.peak_memory_mb.items()
        )
        yield "Memory at most", ", ".join(peaks)
    if environment.resumed:
        differs = [one for piece in environment.pieces for one in piece.differs]
        otherwise = f"; otherwise than before: {', '.join(differs)}" if differs else ""
        yield "Interrupted", f"{counted(environment.resumed, 'time')}{otherwise}"


def _libraries(environment: Environment) -> Iterator[tuple[str, str]]:
    if environment.computing:
        facts = (f"{name} {value}" for name, value in environment.computing.items())
        yield "Computing", ", ".join(facts)


def _git(environment: Environment) -> Iterator[tuple[str, str]]:
    """Yield the state of the folder that the run was started in, where git knows one."""
    git = environment.git
    if git is None or not git.commit:
        return
    branch = f" of {git.branch}" if git.branch else ""
    changed = ", changed files not counted"
    if git.changed_files is not None:
        n_files = counted(git.changed_files, "changed file")
        changed = f", with {n_files}" if git.changed_files else ", no file changed"
    yield "Working folder", f"commit {git.commit[:12]}{branch}{changed}"


def _seconds(environment: Environment) -> Table:
    return Table(
        columns=("Stage", "Time", "Processor time"),
        rows=tuple(
            (stage, duration(seconds), _cpu(environment, stage))
            for stage, seconds in environment.seconds.items()
        ),
        caption="How long it took",
        align=("left", "right", "right"),
    )


def _cpu(environment: Environment, stage: str) -> str:
    seconds = environment.cpu_seconds.get(stage)
    return "-" if seconds is None else duration(seconds)


def _versions(environment: Environment) -> Table:
    return Table(
        columns=("Package", "Version"),
        rows=tuple(environment.versions.items()),
        caption="Versions",
    )
