"""A search of a recipe's ranges -> its page."""

from __future__ import annotations

from carina.domain.estimate import Estimate
from carina.domain.report import (
    Block,
    Facts,
    KeyFigure,
    KeyFigures,
    Notice,
    Paragraph,
    Report,
    Section,
    Table,
)
from carina.domain.sentences import capitalised, counted, sentence
from carina.domain.tune_study import TuneStudy
from carina.reporting.wording import duration, name_then_numbers

FIGURE_NAMES = {
    "val_loss": "validation loss",
    "val_accuracy": "validation accuracy",
    "val_auc_macro": "validation AUC, macro average",
}
_GAP = "–"


def build_tune_report(study: TuneStudy) -> Report:
    """Return the page of a search.

    Args:
        study: what was found.
    """
    return Report(
        title=f"Search of the recipe {study.base.name}: {study.data}",
        subtitle=f"What better settings there are, and how much of that is luck, by Carina "
        f"{study.carina_version}",
        sections=(_luck(study), _settings(study), _trials(study), _how(study)),
    )


def luck_rows(study: TuneStudy) -> list[tuple[str, str, str]]:
    """Return the table that tells luck, for the page and the terminal: what, its figure in the
    search, and its figure when it was trained again."""
    luck = study.luck
    n_done = sum(trial.state == "done" for trial in study.trials)
    rows = [
        ("the recipe as it was (trial 0)", _in_search(luck.base), _cell(luck.base_repeated)),
        (f"the median of {counted(n_done, 'trial')}", _in_search(luck.median), _GAP),
    ]
    if luck.best_trial:
        best = f"the best (trial {luck.best_trial})"
        rows.append((best, _in_search(luck.best), _cell(luck.best_repeated)))
    return rows


def _luck(study: TuneStudy) -> Section:
    luck = study.luck
    n_repeats = len({one.repeat for one in study.repeats})
    blocks: list[Block] = [
        KeyFigures(
            (
                KeyFigure("The best as found", _in_search(luck.best), note="the best of many"),
                KeyFigure("The same, trained again", *_value_and_interval(luck.best_repeated)),
                KeyFigure("The recipe, trained again", *_value_and_interval(luck.base_repeated)),
            )
        ),
        Paragraph(luck.sentence, leads=True),
        Paragraph(luck.verdict),
        Table(
            columns=("What", "In the search", "Trained again"),
            rows=tuple(luck_rows(study)),
            caption=f"{capitalised(_name(study))} ({_direction(study)} is better); trained "
            f"again: mean of {counted(n_repeats, 'repeat')} of {study.n_folds} folds with 95 % "
            "interval",
            align=name_then_numbers(2),
        ),
        *(Notice("warning", caution) for caution in study.cautions),
    ]
    return Section("luck", "How much was luck", tuple(blocks))


def _settings(study: TuneStudy) -> Section:
    own = _settings_of(study, 0)
    best = _settings_of(study, study.luck.best_trial)
    rows = tuple(
        (name, span, own.get(name, _GAP), best.get(name, _GAP))
        for name, span in study.ranges.items()
    )
    blocks: tuple[Block, ...] = (
        Table(
            columns=("Setting", "Range", "The recipe as it was", "The best trial"),
            rows=rows,
            caption="What was searched, and what was found; recipe.toml holds it",
        ),
    )
    return Section("settings", "The settings", blocks)


def _trials(study: TuneStudy) -> Section:
    done = sorted(
        (trial for trial in study.trials if trial.figure is not None),
        key=lambda trial: (trial.figure or 0.0) * (-1 if study.higher_is_better else 1),
    )
    folds = [f"Fold {number + 1}" for number in range(study.n_folds)]
    table = Table(
        columns=("Trial", "Mean", *folds, *study.ranges),
        rows=tuple(
            (
                str(trial.number),
                f"{trial.figure:.4f}",
                *(f"{value:.4f}" for value in trial.folds),
                *(shown_setting(trial.settings.get(name)) for name in study.ranges),
            )
            for trial in done
        ),
        caption=f"Every trial that worked out, the best first: {_name(study)} on each fold",
        align=name_then_numbers(1 + len(folds) + len(study.ranges)),
    )
    failed = tuple(
        Notice("note", sentence(f"Trial {trial.number} did not work out: {trial.reason}"))
        for trial in study.trials
        if trial.state == "failed"
    )
    return Section("trials", "All trials", (table, *failed))


def _how(study: TuneStudy) -> Section:
    pairs = (
        ("Films", f"{study.n_films:,} of train and validation, in {study.n_folds} folds cut by "
         "patient and duplicate group; every trial is trained once for each"),
        ("Test part", study.test),
        ("Figure", f"{_name(study)} of the epoch that is best by it (train.choose_by = "
         f"{study.figure}), mean of the folds"),
        ("Trials", "trial 0 is the recipe as it was; then tree-structured Parzen estimators "
         "(Bergstra et al. 2011, Optuna), the first ten drawn at random"),
        ("Trained again", "on folds cut anew, with other seeds; the recipe as it was and the best "
         "trial share both"),
        ("Interval", "Student's, with the variance of figures of folds that share films (Nadeau "
         "and Bengio 2003; Bouckaert and Frank 2004)"),
        ("Time", f"{duration(study.seconds)} of training in all"),
        ("Computed in", f"{study.circumstances.get('precision', _GAP)}, on "
         f"{counted(int(study.circumstances.get('threads', 0)), 'CPU thread')}"),
    )  # fmt: skip
    notes = (Paragraph(sentence(note)) for note in study.notes)
    return Section("how", "How it was searched", (Facts(pairs), *notes))


def shown_setting(value: object) -> str:
    """Return a setting's value for people.

    >>> shown_setting(0.00123456), shown_setting((32, 64))
    ('0.00123', '32, 64')
    """
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if value is None:
        return _GAP
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _settings_of(study: TuneStudy, number: int) -> dict[str, str]:
    for trial in study.trials:
        if trial.number == number:
            return {name: shown_setting(value) for name, value in trial.settings.items()}
    return {}


def _name(study: TuneStudy) -> str:
    return FIGURE_NAMES[study.figure]


def _direction(study: TuneStudy) -> str:
    return "higher" if study.higher_is_better else "lower"


def _in_search(estimate: Estimate) -> str:
    return _GAP if estimate.value is None else f"{estimate.value:.4f}"


def _cell(estimate: Estimate) -> str:
    value, interval = _value_and_interval(estimate)
    return f"{value} ({interval})" if interval else value


def _value_and_interval(estimate: Estimate) -> tuple[str, str]:
    if estimate.value is None:
        return _GAP, ""
    assert estimate.low is not None
    assert estimate.high is not None
    return f"{estimate.value:.4f}", f"{estimate.low:.4f} to {estimate.high:.4f}"
