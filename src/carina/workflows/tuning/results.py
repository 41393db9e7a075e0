"""What a search found, and its files."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from carina.domain.sentences import counted
from carina.domain.tune_study import TuneStudy
from carina.errors import TrainingError
from carina.evaluation.search_luck import Scale, best_trial, luck_of
from carina.files.atomic import write_text
from carina.files.documents import write_document
from carina.files.recipes import with_settings, write_recipe
from carina.files.tables import write_table
from carina.reporting.render import render_html
from carina.reporting.tune_page import build_tune_report
from carina.workflows.tuning.search import Search, repeated, tried

_CAUTIONS = (
    "A fold's figure is that of the epoch which was best on that fold: every figure here "
    "flatters a little, the recipe's own as much as any.",
    "The repeats cut the same films anew: what suits these films by chance, and no others, they "
    "cannot show. Train once with the recipe that was found and read its test figures; a search "
    "that is repeated until the test figures please has seen the test part after all.",
    "The intervals are those of folds that share films, widened for that (Nadeau and Bengio "
    "2003); they do not cover other hospitals.",
)


def studied(search: Search, *, notes: Sequence[str] = ()) -> TuneStudy:
    """Return what a search found, once all its trainings are done.

    Args:
        search: this process's part in it.
        notes: what was noted of the search.

    Raises:
        TrainingError: if no trial worked out.
        StoppedBySignal, StorageError: as `Search.try_all` does.
    """
    search.try_all()
    trials = tried(search.trials.entries())
    failed = [trial for trial in trials if trial.state == "failed"]
    if len(failed) == len(trials):
        why = f"; trial {failed[0].number}: {failed[0].reason}" if failed else ""
        raise TrainingError(f"none of {counted(len(trials), 'trial')} worked out{why}")
    films, base = search.trainings.films, search.trainings.base
    name = base.train.choose_by
    scale = Scale(
        higher_is_better=name != "val_loss",
        in_points=name != "val_loss",
        n_films=len(films.dataset.records),
    )
    best = best_trial(trials, scale)
    search.repeat(best)
    repeats = repeated(search.repeats.entries(), best)
    luck = luck_of(trials, repeats, scale)
    chosen = next(trial for trial in trials if trial.number == best)
    data = " + ".join(source.name for source in films.dataset.sources)
    found = with_settings(base, dict(chosen.settings)).model_copy(
        update={
            "name": f"{base.name}-tuned",
            "notes": (
                *base.notes,
                f"Found by carina tune: the best of {counted(len(trials), 'trial')} on "
                f"{search.n_folds} folds of {counted(scale.n_films, 'film')} of {data}, by {name}. "
                f"{luck.sentence} {luck.verdict}",
            ),
        }
    )
    return TuneStudy(
        data=data,
        figure=name,
        higher_is_better=scale.higher_is_better,
        base=base,
        found=found,
        ranges={name: str(span) for name, span in base.tune.items()},
        n_films=scale.n_films,
        n_folds=search.n_folds,
        test=films.test,
        trials=trials,
        repeats=repeats,
        luck=luck,
        seconds=sum(
            entry.seconds for entry in (*search.trials.entries(), *search.repeats.entries())
        ),
        circumstances=search.trainings.circumstances,
        cautions=_CAUTIONS,
        notes=(*notes, *films.dataset.notes, *(one.sentence for one in films.dataset.left_out)),
    )


def write_results(folder: Path, study: TuneStudy) -> None:
    """Write the recipe that was found, the table of trials, the page, and all as a document.

    Raises:
        StorageError: if there is no room or no permission.
    """
    with suppress(OSError):  # another process may have a training there
        (folder / "training").rmdir()
    write_recipe(folder / "recipe.toml", study.found)
    folds = [f"fold_{number + 1}" for number in range(study.n_folds)]
    columns = ("trial", "state", study.figure, *folds, "seconds", *study.ranges, "reason")
    rows = [
        {
            "trial": trial.number,
            "state": trial.state,
            study.figure: trial.figure,
            **dict(zip(folds, trial.folds, strict=False)),
            "seconds": round(trial.seconds, 1),
            **{name: _cell(value) for name, value in trial.settings.items()},
            "reason": trial.reason,
        }
        for trial in study.trials
    ]
    write_table(folder / "trials.csv", columns, rows)
    write_text(folder / "tune.html", render_html(build_tune_report(study)))
    write_document(folder / "tune.json", study)


def _cell(value: object) -> object:
    return " ".join(map(str, value)) if isinstance(value, tuple) else value
