"""A training as a directory, read as an object."""

from __future__ import annotations

import shlex
from base64 import b64encode
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import ClassVar

from carina.data.manifest import ManifestRow, read_manifest
from carina.data.predictions import read_predictions
from carina.domain.audit import Audit
from carina.domain.card import Card
from carina.domain.environment import Environment, GitState, Piece
from carina.domain.estimate import Estimate
from carina.domain.evaluation import Evaluation
from carina.domain.prediction import CAVEAT, Prediction
from carina.domain.probes import probe_title
from carina.domain.recipe import Recipe
from carina.domain.record import Part
from carina.errors import ClassifierError, EvaluationError, RunError
from carina.files.documents import read_document
from carina.files.recipes import read_recipe
from carina.files.tables import read_table

__all__ = [
    "DIVERGED",
    "FINISHED",
    "HISTORY_COLUMNS",
    "MEMBERS",
    "PREPARED",
    "STOPPED",
    "TRAINING",
    "Environment",
    "EvaluatedFolder",
    "GitState",
    "Piece",
    "Run",
    "TestFolder",
    "whole_run",
]

TRAINING, FINISHED, STOPPED, DIVERGED = "training", "finished", "stopped", "diverged"
PREPARED = "prepared"
"""What a run is that has nothing but the record of another one, which it is to repeat."""
MEMBERS = "members"
EXTERNAL = "external"
"""The folder of a run that holds runs."""
HISTORY_COLUMNS = (
    "epoch",
    "loss",
    "accuracy",
    "auc",
    "auc_macro",
    "val_loss",
    "val_accuracy",
    "val_auc",
    "val_auc_macro",
    "seconds",
)


@dataclass(frozen=True, slots=True)
class EvaluatedFolder:
    """A folder that holds a test and its page; every property reads its file when asked.

    Attributes:
        folder: the directory.
    """

    folder: Path

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.resolve().name

    @property
    def evaluation_file(self) -> Path:
        """The test's numbers."""
        return self.folder / "evaluation.json"

    @property
    def report_file(self) -> Path:
        """The page."""
        return self.folder / "report.html"

    @property
    def figures_dir(self) -> Path:
        """The page's figures as PNG files."""
        return self.folder / "figures"

    @property
    def evaluation(self) -> Evaluation:
        """The test's numbers."""
        return read_document(self.evaluation_file, Evaluation, error=EvaluationError)


@dataclass(frozen=True, slots=True)
class Run(EvaluatedFolder):
    """A training as a directory; every property reads its file when asked.

    Attributes:
        folder: the directory.
    """

    @classmethod
    def open(cls, folder: Path | str) -> Run:
        """Return the run in a folder.

        Raises:
            RunError: if the folder does not exist or is not a run.
        """
        folder = Path(folder)
        if folder.is_file():
            raise RunError(f"{folder} is a file; a run is a folder that carina train wrote")
        if not folder.is_dir():
            raise RunError(f"{folder} does not exist; a run is a folder that carina train wrote")
        run = cls(folder)
        if (folder / "study.journal").is_file() and not run.environment_file.is_file():
            again = shlex.join(["carina", "tune", "--resume", str(folder)])
            raise RunError(
                f"{folder} is a search of carina tune, and not a run; the search goes on with "
                f"{again}, and carina train DATA --recipe takes its recipe.toml"
            )
        if not run.recipe_file.is_file():
            found = ", ".join(sorted(f.name for f in folder.iterdir())[:6]) or "nothing"
            raise RunError(
                f"{folder} is not a run: it has no {run.recipe_file.name} (found: {found}); "
                "a run is a folder that carina train wrote"
            )
        return run

    @property
    def recipe_file(self) -> Path:
        """The resolved recipe."""
        return self.folder / "recipe.toml"

    @property
    def environment_file(self) -> Path:
        """Where and how the run was made."""
        return self.folder / "environment.json"

    @property
    def manifest_file(self) -> Path:
        """Every film with its part."""
        return self.folder / "manifest.csv"

    @property
    def audit_file(self) -> Path:
        """What was found in the data."""
        return self.folder / "audit.json"

    @property
    def history_file(self) -> Path:
        """One row an epoch."""
        return self.folder / "history.csv"

    @property
    def log_file(self) -> Path:
        """What happened, in sentences without names."""
        return self.folder / "log.txt"

    @property
    def checkpoints_dir(self) -> Path:
        """Weights of the best and the last epoch."""
        return self.folder / "checkpoints"

    @property
    def classifier_dir(self) -> Path:
        """What is deployed."""
        return self.folder / "classifier"

    @property
    def explanations_dir(self) -> Path:
        """Heat maps as PNG files, named by 12 digits of the film's sha256."""
        return self.folder / "explanations"

    @property
    def thumbnails_dir(self) -> Path:
        """Small films as PNG files, named by 12 digits of the film's sha256."""
        return self.folder / "thumbnails"

    @property
    def external_dir(self) -> Path:
        """One folder for each external test."""
        return self.folder / EXTERNAL

    @property
    def members_dir(self) -> Path:
        """One run for each seed, fold or stage of a cascade."""
        return self.folder / MEMBERS

    @property
    def members(self) -> tuple[Run, ...]:
        """The members, the stages of a cascade in their order; none for a plain run."""
        if not self.members_dir.is_dir():
            return ()
        order = [stage.name for stage in self.recipe.stages]
        found = sorted(folder for folder in self.members_dir.iterdir() if folder.is_dir())
        found.sort(key=lambda f: order.index(f.name) if f.name in order else len(order))
        return tuple(Run(folder) for folder in found)

    @property
    def stages(self) -> tuple[Run, ...]:
        """The runs of a cascade's stages, in their order; none for another run."""
        if not self.recipe.stages:
            return ()
        evaluation = self.evaluation
        chosen = [member.name for member in evaluation.members if member.chosen]
        if evaluation.folds is not None:
            chosen = [evaluation.folds.chosen.name]
        return Run(self.members_dir / chosen[0]).members if chosen else self.members

    def predictions_file(self, part: Part) -> Path:
        """The predictions on one part."""
        return self.folder / "predictions" / f"{part}.csv"

    @property
    def folds_file(self) -> Path:
        """Every film's answer by the fold that had not seen it; absent without folds."""
        return self.folder / "predictions" / "folds.csv"

    @property
    def is_finished(self) -> bool:
        """Whether every file of the run is written."""
        return self.environment_file.is_file() and self.environment.status == FINISHED

    @property
    def recipe(self) -> Recipe:
        """The resolved recipe."""
        return read_recipe(str(self.recipe_file))

    @property
    def environment(self) -> Environment:
        """Where and how the run was made."""
        return read_document(self.environment_file, Environment, error=RunError)

    @property
    def manifest(self) -> tuple[ManifestRow, ...]:
        """Every film with its part."""
        return read_manifest(self.manifest_file)

    @property
    def audit(self) -> Audit:
        """What was found in the data."""
        return read_document(self.audit_file, Audit, error=RunError)

    @property
    def card(self) -> Card:
        """The classifier's card."""
        return read_document(self.classifier_dir / "card.json", Card, error=ClassifierError)

    @property
    def history(self) -> list[dict[str, float]]:
        """One row an epoch, with the columns of `HISTORY_COLUMNS`; NaN where undefined; none
        for a cascade, whose stages have their own."""
        if self.recipe.stages and not self.history_file.exists():
            return []
        rows = read_table(self.history_file, error=RunError)
        missing = [name for name in HISTORY_COLUMNS if rows and name not in rows[0]]
        if missing:
            raise RunError(f"{self.history_file} has no column {', '.join(missing)}")
        return [{name: float(row[name] or "nan") for name in HISTORY_COLUMNS} for row in rows]

    def predictions(self, part: Part) -> tuple[tuple[str, ...], list[Prediction]]:
        """Return the classes and the predictions on one part."""
        return read_predictions(self.predictions_file(part))

    def external_names(self) -> tuple[str, ...]:
        """Return the names of the external tests, sorted."""
        if not self.external_dir.is_dir():
            return ()
        folders = (f for f in self.external_dir.iterdir() if (f / "evaluation.json").is_file())
        return tuple(sorted(f.name for f in folders))

    def external_evaluation(self, name: str) -> Evaluation:
        """Return the evaluation of one external test."""
        file = self.external_dir / name / "evaluation.json"
        return read_document(file, Evaluation, error=EvaluationError)

    def _repr_html_(self) -> str:
        """Return the headline and the curves for a notebook."""
        evaluation = self.evaluation
        rows = "".join(
            f"<tr><td>{escape(name)}</td><td>{_shown(estimate)}</td></tr>"
            for name, estimate in (
                *evaluation.metrics.items(),
                *((probe_title(n), e) for n, e in evaluation.probes.items() if e.method != "count"),
            )
        )
        leaks = (evaluation.without_leaks.sentence,) if evaluation.without_leaks else ()
        cautions = "".join(f"<p>{escape(one)}</p>" for one in (*leaks, *evaluation.cautions))
        pictures = "".join(
            f'<img alt="{escape(file.stem)}" style="max-width:32em" '
            f'src="data:image/png;base64,{b64encode(file.read_bytes()).decode()}">'
            for file in sorted(self.figures_dir.glob("*.png"))
        )
        return (
            f"<p><b>{escape(self.name)}</b>: {escape(str(self.report_file))}</p>"
            f"<table><tr><th>test metric</th><th>value (95 % interval)</th></tr>{rows}</table>"
            f"{pictures}{cautions}<p>{escape(CAVEAT)}</p>"
        )


@dataclass(frozen=True, slots=True)
class TestFolder(EvaluatedFolder):
    """A test without a run: other films, or any tool's predictions.

    Attributes:
        folder: holds `evaluation.json` and `predictions.csv`.
    """

    __test__: ClassVar[bool] = False  # pytest would collect a class of this name

    def predictions(self, _part: Part = "test") -> tuple[tuple[str, ...], list[Prediction]]:
        """Return the classes and the predictions on the films of the test, its only part."""
        return read_predictions(self.folder / "predictions.csv")


def whole_run(folder: Path) -> Path:
    """Return the folder of the run that a member or a test lies in; of any other, its own."""
    above = folder.absolute().parent
    if above.name in (MEMBERS, EXTERNAL) and Run(above.parent).recipe_file.is_file():
        return whole_run(above.parent)
    return folder


def _shown(estimate: Estimate) -> str:
    if estimate.value is None:
        return escape(f"undefined: {estimate.undefined_because}")
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"
