"""Films in, answers out."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from carina.data.folders import films_below
from carina.data.predictions import write_predictions
from carina.domain.audit import Unreadable
from carina.domain.card import Card
from carina.domain.prediction import CAVEAT, Prediction
from carina.domain.progress import Progress, Step
from carina.domain.radiograph import Radiograph
from carina.errors import InputError, UsageError
from carina.files.atomic import write_bytes
from carina.files.names import printable
from carina.files.room import require_room
from carina.imaging.pictures import overlay_png
from carina.imaging.read import FILM_SUFFIXES
from carina.inference.bundle import load_classifier
from carina.inference.classifier import Classifier
from carina.workflows.places import file_word
from carina.workflows.progress_bar import default_progress
from carina.workflows.reading import read_batches

_OVERLAY_BYTES = 300_000


@dataclass(frozen=True, slots=True, repr=False)
class Predictions:
    """The answers on some films, and what could not be read.

    Attributes:
        card: the classifier's card.
        answers: one for each readable film, in the order given.
        unreadable: the files that are no readable films.
        overlays: film -> the heat map that was written for it.
    """

    card: Card
    answers: tuple[Prediction, ...]
    unreadable: tuple[Unreadable, ...]
    overlays: dict[str, Path]

    @property
    def caveat(self) -> str:
        """The sentence that every output carries."""
        return CAVEAT

    @property
    def rule_told(self) -> tuple[str, ...]:
        """A sentence on the rule where the answer may be another class than the most probable
        one; else none."""
        if self.card.thresholds.rule == "highest":
            return ()
        return (
            f"The answers are given by {self.card.answered_by}, and may be another class than the "
            "most probable one.",
        )

    def as_values(self) -> dict[str, Any]:
        """Return plain values, as `--json` prints them."""
        return {
            "classifier": self.card.name,
            "answered_by": self.card.answered_by,
            "predictions": [
                {
                    "path": answer.path,
                    "decision": answer.decision,
                    "predicted": answer.predicted,
                    "probabilities": dict(answer.probabilities),
                    "abstained": answer.abstained,
                    "reason": answer.reason,
                    "cautions": list(answer.cautions),
                    "heat_map": str(self.overlays[answer.path]) if self.overlays else None,
                }
                for answer in self.answers
            ],
            "unreadable": [file.model_dump() for file in self.unreadable],
            "cautions": list(self.card.cautions),
            "caveat": self.caveat,
        }

    def __repr__(self) -> str:
        """Return a line."""
        return (
            f"<{len(self.answers)} answers of '{self.card.name}', {len(self.unreadable)} files "
            "unreadable>"
        )

    def _repr_html_(self) -> str:
        """Return a table for notebooks, with what must not be overlooked below it."""
        names = self.card.labels.names
        head = "".join(f"<th>{escape(name)}</th>" for name in ("film", "answer", *names))
        rows = "".join(
            f"<tr><td>{escape(p.path)}</td><td>{escape(p.decision or 'abstains: ' + p.reason)}</td>"
            + "".join(f"<td>{p.probabilities[name]:.3f}</td>" for name in names)
            + "</tr>"
            for p in self.answers
        )
        skipped = (f"skipped: {file.message}" for file in self.unreadable)
        sentences = "".join(
            f"<p>{escape(sentence)}</p>"
            for sentence in (*skipped, *self.rule_told, *self.card.cautions, self.caveat)
        )
        return f"<table><tr>{head}</tr>{rows}</table>{sentences}"


def predict(
    classifier: str | Path,
    paths: str | Path | Sequence[str | Path],
    *,
    explain: str | Path | None = None,
    csv: str | Path | None = None,
    label: str | None = None,
    progress: Progress | None = None,
) -> Predictions:
    """Return the answers of a classifier on files and folders of films.

    Args:
        classifier: a classifier's folder, or a run.
        paths: films, and folders that are searched for films.
        explain: folder for heat maps, one PNG for each film; none are made if None.
        csv: file for the answers as a table.
        label: the class whose evidence the heat maps show; the predicted one if None.
        progress: called as the work goes on.

    Raises:
        ClassifierError: if the classifier is damaged.
        InputError: if a path does not exist or nothing can be read.
        StorageError: if the outputs cannot be written.
    """
    progress = progress or default_progress()
    loaded = load_classifier(classifier)
    if label is not None and label not in loaded.labels.names:
        raise InputError(
            f"the classifier has no class '{label}' (it has: {', '.join(loaded.labels.names)})"
        )
    films = find_films(paths)
    overlays_dir = Path(explain) if explain is not None else None
    _require_outputs(films, overlays_dir, Path(csv) if csv is not None else None)
    answers: list[Prediction] = []
    unreadable: list[Unreadable] = []
    overlays: dict[str, Path] = {}
    taken: set[Path] = set()
    named = ((printable(str(film)), film, printable(str(film))) for film in films)
    for names, radiographs in read_batches(named, unreadable):
        for name, film, answer in zip(names, radiographs, loaded.answers(radiographs), strict=True):
            answers.append(answer)
            if overlays_dir is not None:
                overlays[name] = _write_overlay(loaded, film, answer, overlays_dir, label, taken)
        progress(Step("predicting", len(answers) + len(unreadable), len(films)))
    if not answers:
        raise InputError(_nothing_read(unreadable))
    if csv is not None:
        write_predictions(Path(csv), loaded.labels.names, answers)
    return Predictions(loaded.card, tuple(answers), tuple(unreadable), overlays)


def _require_outputs(films: Sequence[Path], overlays_dir: Path | None, csv: Path | None) -> None:
    """Prove that the outputs can be written, before any film is answered."""
    if overlays_dir is not None:
        require_room(overlays_dir, n_bytes=len(films) * _OVERLAY_BYTES)
    if csv is None:
        return
    if csv.exists() and csv.resolve() in {film.resolve() for film in films}:
        raise UsageError(f"--csv {csv} is one of the films; name another file for the answers")
    if csv.is_dir():
        raise UsageError(f"--csv {csv} is a folder; name a file for the answers")
    require_room(csv.parent, n_bytes=len(films) * 1000)


def find_films(paths: str | Path | Sequence[str | Path]) -> list[Path]:
    """Return the files that `paths` name, and the films inside the folders, sorted by name.

    A file is taken whatever its ending; in a folder what a data set would take: files with
    a film's ending and DICOM without one, but nothing hidden.

    Raises:
        InputError: if a path does not exist, or a folder holds no film or may not be read.
    """
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    films: list[Path] = []
    for path in map(Path, given):
        if path.is_dir():
            inside = films_below(path)
            if not inside:
                raise InputError(
                    f"{path} holds no film (looked for {', '.join(sorted(FILM_SUFFIXES))} and "
                    "DICOM without an ending, also in its folders but in no hidden one); name "
                    "the films themselves, or another folder"
                )
            films.extend(inside)
        elif not path.exists() and ".npz!" not in str(path):
            raise InputError(f"{path} does not exist; name films or folders of films")
        else:
            films.append(path)
    if not films:
        raise InputError("no film was named; give files or folders of films")
    return films


def _write_overlay(
    classifier: Classifier,
    film: Radiograph,
    answer: Prediction,
    folder: Path,
    label: str | None,
    taken: set[Path],
) -> Path:
    shown = label or answer.predicted
    explanation = classifier.explain(film, shown)
    stem = film.path.name
    number = 1
    file = folder / f"{stem}.{file_word(shown)}.png"
    while file in taken:
        number += 1
        file = folder / f"{stem}.{number}.{file_word(shown)}.png"
    taken.add(file)
    write_bytes(file, overlay_png(film, explanation.heat))
    return file


def _nothing_read(unreadable: Sequence[Unreadable]) -> str:
    first = unreadable[0]
    more = f" (and {len(unreadable) - 1} more files like it)" if len(unreadable) > 1 else ""
    return f"none of the files can be read as a film: {first.message}{more}"
