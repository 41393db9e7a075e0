"""The covid-chestxray-dataset of Cohen et al.: `metadata.csv` beside the films."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from carina.data.cell_values import age_in_years, finite_number
from carina.data.found import Found, FoundFilm, PatientNumber, ReadOptions
from carina.data.patient_names import patients_sentence
from carina.data.sources import SOURCES
from carina.domain.dataset import LeftOut
from carina.domain.sentences import counted
from carina.errors import DatasetError
from carina.files.archives.entries import leaves
from carina.files.tables import header_of, read_rows
from carina.files.tree import home_of, is_file

FRONTAL_VIEWS = frozenset({"pa", "ap", "ap supine", "ap erect"})

# Findings of the data set's releases before September 2020 had no path.
_OLDER_PNEUMONIAS = frozenset(
    {
        "sars",
        "mers",
        "mers-cov",
        "streptococcus",
        "klebsiella",
        "legionella",
        "e.coli",
        "pneumocystis",
        "varicella",
        "influenza",
        "lipoid",
        "mycoplasma bacterial pneumonia",
    }
)
_NOT_STATED = frozenset({"todo", "unknown", ""})
_NUMBERS: Mapping[str, Callable[[str], float]] = {"age": age_in_years, "offset": finite_number}
_COLUMNS = ("patientid", "finding", "filename")


class CovidChestXray:
    """`metadata.csv` with a row per film, `images/`, and perhaps `lung-masks/`.

    Taken: X-rays (no CT) of the views PA, AP, AP Supine and AP Erect whose film is there.
    A finding becomes a class by `class_of_finding`; a finding that the recipe's `labels`
    section names in aliases, merge, rename or drop is taken as it stands instead, so that
    `merge = {SARS = ["Pneumonia/Viral/SARS"]}` makes a class of it.
    """

    precedence = 10

    def recognises(self, path: Path) -> bool:
        """Return whether `path` holds a `metadata.csv` with this data set's columns."""
        return header_of(path / "metadata.csv").issuperset(_COLUMNS)

    def read(self, path: Path, options: ReadOptions) -> Found:  # noqa: ARG002 (Layout)
        """Return the frontal films.

        Raises:
            DatasetError: if the table cannot be read or no film is left.
        """
        _, table, table_notes = read_rows(path / "metadata.csv", error=DatasetError)
        rows = [dict(row.cells) for row in table]
        taken, left_out = _choose(path, rows)
        by_film: dict[str, list[Mapping[str, str]]] = defaultdict(list)
        for row in taken:
            by_film[_path_of(row)].append(row)
        left_out += _drop_contradictions(by_film)
        if not by_film:
            raise DatasetError(
                f"{path} holds no frontal film that metadata.csv names ({len(rows)} rows); "
                "expected the folder of the covid-chestxray-dataset with images/"
            )
        patients = _join_patients(by_film)
        films = tuple(_film(path, name, by_film[name][0], patients) for name in sorted(by_film))
        findings = sorted({film.label for film in films if film.label is not None})
        return Found(
            films=films,
            layout="covid-chestxray",
            patients=patients_sentence([f.patient for f in films], rest_on="metadata.csv"),
            label_table={finding: class_of_finding(finding) for finding in findings},
            left_out=tuple(left_out),
            notes=(*table_notes, *_notes_on_shared_films(by_film), *_notes_on_numbers(by_film)),
            licence=_licences(rows[0] for rows in by_film.values()),
            citation="Cohen et al., COVID-19 Image Data Collection, arXiv 2006.11988",
        )


def class_of_finding(finding: str) -> str | None:
    """Return the class of a `finding`; None leaves the film out.

    | finding | class |
    | --- | --- |
    | `Pneumonia/Viral/COVID-19`, or any list with COVID-19 in it | `COVID-19` |
    | `Pneumonia` and every other `Pneumonia/...`; the older names SARS, MERS, ... | `Pneumonia` |
    | `No Finding` | `Normal` |
    | `todo`, `Unknown` or empty | left out |
    | anything else (`Tuberculosis`, ...) | as it stands |

    >>> class_of_finding("Pneumonia/Viral/SARS"), class_of_finding("todo")
    ('Pneumonia', None)
    """
    names = [name.strip().casefold() for name in finding.split(",")]
    if any(name.split("/")[-1] in ("covid-19", "covid19") for name in names):
        return "COVID-19"
    if any(name.split("/")[0] == "pneumonia" or name in _OLDER_PNEUMONIAS for name in names):
        return "Pneumonia"
    if names == ["no finding"]:
        return "Normal"
    return None if names[0] in _NOT_STATED else finding.strip()


def _choose(path: Path, rows: list[dict[str, str]]) -> tuple[list[dict[str, str]], list[LeftOut]]:
    """Return the rows whose films are taken, and the others counted by reason."""
    taken = []
    not_xray: Counter[str] = Counter()
    not_frontal: Counter[str] = Counter()
    n_absent = 0
    for row in rows:
        modality, view = row.get("modality", "X-ray").strip(), row.get("view", "").strip()
        if modality.casefold() not in ("x-ray", "xray", ""):
            not_xray[modality] += 1
        elif view.casefold() not in FRONTAL_VIEWS:
            not_frontal[view or "not stated"] += 1
        elif leaves(_path_of(row)) or not is_file(path / _path_of(row)):
            n_absent += 1
        else:
            taken.append(row)
    left_out = [LeftOut(f"modality {name}", n, "not an X-ray") for name, n in not_xray.items()]
    left_out += [
        LeftOut(f"view {name}", n, "not a frontal view") for name, n in sorted(not_frontal.items())
    ]
    if n_absent:
        left_out.append(
            LeftOut("rows of metadata.csv", n_absent, "the film they name is not in the folder")
        )
    return taken, left_out


def _path_of(row: Mapping[str, str]) -> str:
    return f"{row.get('folder', '').strip() or 'images'}/{row['filename'].strip()}"


def _drop_contradictions(by_film: dict[str, list[Mapping[str, str]]]) -> list[LeftOut]:
    names = [
        name
        for name, rows in by_film.items()
        if len({class_of_finding(row["finding"]) for row in rows}) > 1
    ]
    for name in names:
        del by_film[name]
    reason = "two rows of metadata.csv give different classes"
    return [LeftOut(name, 1, reason) for name in sorted(names)]


def _join_patients(by_film: Mapping[str, list[Mapping[str, str]]]) -> dict[str, str]:
    """Return patient number -> the number that stands for it.

    Numbers that share a film are joined under the lowest of them: whether they are one
    person or a film stands in the wrong place, they must not fall into two parts.
    """
    stands_for: dict[str, str] = {}

    def find(number: str) -> str:
        while stands_for.setdefault(number, number) != number:
            number = stands_for[number]
        return number

    for rows in by_film.values():
        numbers = sorted({find(row["patientid"].strip()) for row in rows}, key=_by_length)
        for number in numbers[1:]:
            stands_for[number] = numbers[0]
    return {number: find(number) for number in list(stands_for)}


def _by_length(number: str) -> tuple[int, str]:
    return len(number), number


def _film(path: Path, name: str, row: Mapping[str, str], patients: Mapping[str, str]) -> FoundFilm:
    number = patients[row["patientid"].strip()]
    home = home_of(path)
    mask = path / "lung-masks" / f"{Path(name).stem}.png"
    sex = row.get("sex", "").strip().upper()
    return FoundFilm(
        path=(path / name).relative_to(home).as_posix(),
        file=path / name,
        label=row["finding"].strip() or "todo",
        patient=PatientNumber("covid-chestxray", number) if number else None,
        view=row.get("view", "").strip() or None,
        sex=sex if sex in ("F", "M") else None,
        age_years=_number(row, "age"),
        date_offset_days=_number(row, "offset"),
        lung_mask=mask.relative_to(home).as_posix() if is_file(mask) else None,
    )


def _number(row: Mapping[str, str], column: str) -> float | None:
    try:
        return _NUMBERS[column](row.get(column, ""))
    except ValueError:
        return None


def _notes_on_numbers(by_film: Mapping[str, list[Mapping[str, str]]]) -> list[str]:
    firsts = [rows[0] for rows in by_film.values()]
    notes = []
    for column in _NUMBERS:
        n = sum(
            row.get(column, "").strip() != "" and _number(row, column) is None for row in firsts
        )
        if n:
            cells = f"{counted(n, 'cell')} of the column '{column}'"
            notes.append(f"{cells} of metadata.csv taken as unknown, being unreadable")
    return notes


def _notes_on_shared_films(by_film: Mapping[str, list[Mapping[str, str]]]) -> tuple[str, ...]:
    notes = []
    for name, rows in sorted(by_film.items()):
        n_patients = len({row["patientid"].strip() for row in rows})
        if n_patients > 1:
            notes.append(
                f"{name} stands under {n_patients} patients in metadata.csv; it is one film here, "
                "with what its first row says, and these patients are kept together as one"
            )
        elif len(rows) > 1:
            notes.append(f"{name} stands {len(rows)} times in metadata.csv; it is one film here")
    return tuple(notes)


def _licences(rows: Iterable[Mapping[str, str]]) -> str:
    counts = Counter(row.get("license", "").strip() or "not stated" for row in rows)
    listed = ", ".join(f"{name} ({n})" for name, n in counts.most_common())
    return f"per image: {listed}"


SOURCES.register("covid-chestxray")(CovidChestXray())
