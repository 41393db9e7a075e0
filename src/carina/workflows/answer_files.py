"""What is written for each answered film beside the table: heat maps and reports."""

from __future__ import annotations

import json
import os
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from carina.domain.explanation import Explanation
from carina.domain.prediction import Prediction
from carina.domain.radiograph import Radiograph
from carina.domain.sentences import counted
from carina.errors import ClassifierError, InputError, UsageError
from carina.files.atomic import write_bytes
from carina.files.names import encodable
from carina.files.room import require_room
from carina.imaging.pictures import overlay_png
from carina.inference.classifier import Classifier
from carina.inference.explain import EXPLAINERS
from carina.inference.explain.captions import caption
from carina.workflows.film_files import FilmFile, real_paths
from carina.workflows.places import file_word

_STEM_BYTES = 150  # of the 255 that file systems allow, with room for a class and a number
FileKind = Literal["heat_maps", "fhir", "dicom"]
_NOUNS: dict[FileKind, str] = {
    "heat_maps": "heat map",
    "fhir": "FHIR report",
    "dicom": "DICOM answer",
}
_NO_NAMES = frozenset('<>:"/\\|?*')


@dataclass(frozen=True, slots=True)
class WantedFiles:
    """What is wanted for each film.

    Attributes:
        explain: folder for heat maps; None for none.
        label: the class whose evidence they show; None for the predicted one of each film.
        method: their registered method; None for the usual one of each class.
        fhir: folder for FHIR reports; None for none.
        dicom: folder for a Secondary Capture and a structured report; None for none.
        with_patient: whether these two name the patient, as the film does.
    """

    explain: Path | None = None
    label: str | None = None
    method: str | None = None
    fhir: Path | None = None
    dicom: Path | None = None
    with_patient: bool = False

    @classmethod
    def of(
        cls,
        *,
        explain: str | Path | None = None,
        label: str | None = None,
        method: str | None = None,
        fhir: str | Path | None = None,
        dicom: str | Path | None = None,
        with_patient: bool = False,
    ) -> WantedFiles:
        """Return what a call asks for.

        Raises:
            UsageError: if something is said of files that are not asked for.
        """
        if explain is None and dicom is None and (label is not None or method is not None):
            raise UsageError(
                "a class and a method are those of heat maps, and none are asked for: name a "
                "folder for them with --explain DIR"
            )
        if dicom is None and with_patient:
            raise UsageError(
                "--with-patient is about DICOM answers: name a folder with --dicom DIR"
            )
        return cls(
            explain=_folder(explain),
            label=label,
            method=method,
            fhir=_folder(fhir),
            dicom=_folder(dicom),
            with_patient=with_patient,
        )

    @property
    def kinds(self) -> dict[FileKind, Path]:
        """What is written, and where."""
        every: dict[FileKind, Path | None] = {
            "heat_maps": self.explain, "fhir": self.fhir, "dicom": self.dicom,
        }  # fmt: skip
        return {kind: folder for kind, folder in every.items() if folder is not None}

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where something is written."""
        return tuple(self.kinds.values())

    def require_other_folders(self, searched: Iterable[str | Path], *, what: str) -> None:
        """Refuse to write what looks like a film where films are looked for: the next look would
        answer it.

        Args:
            searched: the files and folders that are read.
            what: is done with these folders ("watched").

        Raises:
            UsageError: if one of them is a folder for heat maps or DICOM answers.
        """
        read = real_paths(searched)
        for written in (self.explain, self.dicom):
            if written is not None and real_paths([written]) <= read:
                raise UsageError(
                    f"{written} is the folder that is {what}, and what is written there would be "
                    "answered as a film at the next look: name another folder, which may lie in it"
                )


@dataclass(frozen=True, slots=True)
class WrittenFiles:
    """What a call wrote into a folder.

    Attributes:
        kind: what it is.
        folder: where.
        n_files: how many.
    """

    kind: FileKind
    folder: Path
    n_files: int

    @property
    def in_words(self) -> str:
        """A line that says so.

        >>> WrittenFiles("heat_maps", Path("maps"), 3).in_words
        '3 heat maps were written to maps'
        """
        were = "was" if self.n_files == 1 else "were"
        return f"{counted(self.n_files, _NOUNS[self.kind])} {were} written to {self.folder}"


class AnswerFiles:
    """Writes what is wanted for each film, under names that do not collide.

    A film of a folder that was searched lies in the same folders here as there. A name that
    is taken gets a number; nothing that is there is ever written over.

    Attributes:
        n_written: files of each kind.
        n_without_dicom: films for which no DICOM answer could be written.
        without_dicom: why not, for the last of them.
    """

    def __init__(self, classifier: Classifier, wanted: WantedFiles) -> None:
        """Know what is wanted.

        Raises:
            UnknownNameError: if there is no such class or method.
            ClassifierError: if the method cannot explain a class that it may be asked for.
            MissingExtraError: if DICOM is asked for and highdicom is not installed.
        """
        self.n_written: Counter[FileKind] = Counter()
        self.n_without_dicom = 0
        self.without_dicom = ""
        self._classifier = classifier
        self._wanted = wanted
        self._label = classifier.class_named(wanted.label) if wanted.label is not None else None
        self._numbers: Counter[str] = Counter()
        if wanted.method is not None:
            _require_method(classifier, self._label, wanted.method)
        if wanted.dicom is not None:
            from carina.inference.answers.dicom_objects import require_highdicom

            require_highdicom("--dicom")

    @property
    def need_film(self) -> bool:
        """Whether the film itself is needed, not only its answer."""
        return self._wanted.explain is not None or self._wanted.dicom is not None

    @property
    def in_words(self) -> tuple[str, ...]:
        """What is written, in words that stay the same from call to call."""
        wanted = self._wanted
        of = f"of {self._label}" if self._label else "of the predicted class"
        maps = f"heat maps {of} by {wanted.method or 'the usual method'}"
        patient = " with the patient" if wanted.with_patient else ""
        words = [
            maps if wanted.explain is not None else "",
            "FHIR" if wanted.fhir is not None else "",
            f"DICOM with {maps}{patient}" if wanted.dicom is not None else "",
        ]
        return tuple(word for word in words if word)

    @property
    def written(self) -> tuple[WrittenFiles, ...]:
        """What was written so far, and where."""
        return tuple(
            WrittenFiles(kind, folder, self.n_written[kind])
            for kind, folder in self._wanted.kinds.items()
        )

    def require_room(self, n_films: int) -> None:
        """Prove that the files can be written, before any film is answered.

        Raises:
            StorageError: if there is no room or no permission.
        """
        for folder, n_bytes, option in (
            (self._wanted.explain, 300_000, "--explain"),
            (self._wanted.fhir, 10_000, "--fhir"),
            (self._wanted.dicom, 4_000_000, "--dicom"),
        ):
            if folder is not None:
                require_room(folder, n_bytes=n_films * n_bytes, option=option)

    def write(
        self, film: FilmFile, answer: Prediction, radiograph: Radiograph | None
    ) -> tuple[str, ...]:
        """Write what is wanted for a film, and return the files.

        Args:
            film: its file.
            answer: its answer.
            radiograph: the film; None only where `need_film` is false.

        Raises:
            StorageError: if there is no room or no permission.
        """
        wanted = self._wanted
        files: dict[Path, bytes] = {}
        explanation = None
        if radiograph is not None:
            explanation = self._explanation(radiograph, answer)
        if wanted.explain is not None and radiograph is not None and explanation is not None:
            name = f".{file_word(explanation.label)}.png"
            said = caption(
                explanation,
                scores=self._classifier.card.explanation_scores,
                no_answer=answer.reason if answer.abstained else "",
            )
            heat_map = overlay_png(radiograph, explanation.heat, caption=said)
            files[self._free_file(wanted.explain, film, name)] = heat_map
            self.n_written["heat_maps"] += 1
        if wanted.fhir is not None:
            files[self._free_file(wanted.fhir, film, ".fhir.json")] = self._report(answer)
            self.n_written["fhir"] += 1
        if wanted.dicom is not None and radiograph is not None and explanation is not None:
            made = self._dicom(film, answer, radiograph, explanation)
            files |= {self._free_file(wanted.dicom, film, end): data for end, data in made.items()}
            self.n_written["dicom"] += len(made)
        for file, data in files.items():
            write_bytes(file, data)
        return tuple(map(str, files))

    def _explanation(self, radiograph: Radiograph, answer: Prediction) -> Explanation:
        label = self._label or answer.predicted
        method = self._wanted.method or self._classifier.card.explained_by(label)[0]
        return self._classifier.explain(radiograph, label, method=method)

    def _report(self, answer: Prediction) -> bytes:
        from carina.inference.answers.fhir import diagnostic_report

        report = diagnostic_report(
            answer, classifier=self._classifier, issued=datetime.now().astimezone()
        )
        return (json.dumps(report, indent=1, ensure_ascii=False) + "\n").encode()

    def _dicom(
        self, film: FilmFile, answer: Prediction, radiograph: Radiograph, explanation: Explanation
    ) -> dict[str, bytes]:
        """Return ending -> DICOM file; none for a film that has no DICOM file to refer to."""
        from carina.workflows.dicom_answers import dicom_answers

        try:
            return dicom_answers(
                film,
                answer,
                radiograph=radiograph,
                explanation=explanation,
                classifier=self._classifier,
                with_patient=self._wanted.with_patient,
            )
        except InputError as error:
            self.n_without_dicom += 1
            self.without_dicom = f"no DICOM answer: {error}"
            return {}

    def _free_file(self, folder: Path, film: FilmFile, ending: str) -> Path:
        """Return a file in `folder` that is not there yet, named after a film."""
        *folders, name = Path(film.inside).parts
        place = folder.joinpath(*map(safe_name, folders))
        stem = safe_name(name)
        key = str(place / f"{stem}{ending}")
        while True:
            self._numbers[key] += 1
            number = self._numbers[key]
            file = place / (f"{stem}{ending}" if number == 1 else f"{stem}.{number}{ending}")
            if not os.path.lexists(file):
                return file


def safe_name(name: str) -> str:
    r"""Return a name as one that any system takes for one file: no folder, no control character.

    >>> safe_name("a\nb:c?.png"), safe_name(".."), safe_name("film.png")
    ('a-b-c-.png', 'unnamed', 'film.png')
    """
    kept = "".join(
        "-" if c in _NO_NAMES or (unicodedata.category(c)[0] in "CZ" and c != " ") else c
        for c in encodable(name)
    )
    shorter = kept.encode()[:_STEM_BYTES].decode(errors="ignore").strip(" ")
    return shorter if shorter.strip(".") else "unnamed"


def _folder(named: str | Path | None) -> Path | None:
    return Path(named) if named is not None else None


def _require_method(classifier: Classifier, label: str | None, method: str) -> None:
    """Refuse a method that some film could not be explained by, before any is answered."""
    EXPLAINERS.get(method)
    card = classifier.card
    for name in (label,) if label else card.labels.names:
        able = card.explained_by(name)
        if method not in able:
            raise ClassifierError(
                f"this classifier cannot explain its class '{name}' by {method}; what works is "
                f"{', '.join(able)}: name one with --method"
            )
