"""DATA under the names of a run's record, film by film the same bytes: what a run that is
repeated is trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from types import MappingProxyType

from carina.data.manifest import ManifestRow, manifest_rows
from carina.domain.dataset import Dataset
from carina.domain.progress import Progress, Step
from carina.domain.record import Record
from carina.domain.sentences import counted
from carina.errors import ImageError, RunError
from carina.files.digests import sha256_bytes
from carina.files.film_bytes import read_film_bytes
from carina.files.machine import reading_threads
from carina.imaging.medmnist_films import is_medmnist_film
from carina.imaging.read import read_radiograph
from carina.runs import Run
from carina.workflows.films import Films, UncutFilms

_FEW = 5
_STAGE = "checking films"


@dataclass(frozen=True, slots=True)
class RecordedData:
    """What a run's record says of its films.

    Attributes:
        rows: key -> the row of every film that any of its trainings had.
        sources: names of DATA, in their order.
        patient_key: fingerprint of the key that hashed the patients.
    """

    rows: Mapping[str, ManifestRow]
    sources: tuple[str, ...]
    patient_key: str

    @classmethod
    def of(cls, run: Run) -> RecordedData | None:
        """Return what a run goes by that repeats another one; None for any other run."""
        if not run.environment_file.is_file() or not run.environment.reproduces:
            return None
        environment = run.environment
        rows: dict[str, ManifestRow] = {}
        # A source that is held out is in no part of some folds; a stage has other classes.
        for each in (run, *run.members):
            rows = {row.key: row for row in each.manifest} | rows
        return cls(MappingProxyType(rows), tuple(environment.sources), environment.patient_key)

    def applied(self, dataset: Dataset, progress: Progress) -> Dataset:
        """Return the same films under their recorded names, with the recorded patients.

        A film is known by its bytes, wherever it lies and whatever it is called; of several with
        the same the one of the recorded name is taken. What the record says of a patient is
        taken as it is, so that the key that hashed it is not needed.

        Args:
            dataset: as DATA was opened.
            progress: told after every film ("checking films").

        Raises:
            RunError: naming the films that are missing, changed or of another class.
        """
        digests = _digests(dataset.records, progress)
        found = _matched(self.rows, dataset.records, digests)
        self._require_all(dataset, found)
        row_of = {record.key: self.rows[key] for key, record in found.items()}
        names = self._names_of_sources(dataset)
        return replace(
            dataset,
            records=tuple(
                _as_recorded(record, row_of[record.key])
                if record.key in row_of
                else replace(record, source=names.get(record.source, record.source))
                for record in dataset.records
            ),
            sources=tuple(replace(one, name=names[one.name]) for one in dataset.sources),
            patient_key_fingerprint=self.patient_key or dataset.patient_key_fingerprint,
        )

    def _require_all(self, dataset: Dataset, found: Mapping[str, Record]) -> None:
        lost = [row for key, row in self.rows.items() if key not in found]
        here = {record.path for record in dataset.records}
        other = [
            f"{key} ({self.rows[key].label} recorded, {one.label or 'none'} here)"
            for key, one in found.items()
            if (one.label or "") != self.rows[key].label
        ]
        said = [
            named_films([row.key for row in lost if row.path not in here], "missing"),
            named_films([row.key for row in lost if row.path in here], "not what was recorded"),
            named_films(other, "of another class"),
        ]
        told = "; ".join(one for one in said if one)
        if told:
            raise RunError(
                "the films are not those of the run's record, and all of them are needed "
                f"({told}); put them back as they were, or say where they are: carina reproduce "
                "RUN DATA"
            )

    def _names_of_sources(self, dataset: Dataset) -> dict[str, str]:
        """Return name here -> recorded name of each DATA, if there are as many."""
        here = tuple(source.name for source in dataset.sources)
        recorded = self.sources if len(self.sources) == len(here) else here
        return dict(zip(here, recorded, strict=True))


def with_recorded_parts(run: Run, films: Films) -> Films:
    """Return the films in the parts that a run's manifest puts them in.

    The cut depends on the seed and the films alone, so that it is mostly the same again; another
    version of Carina may cut otherwise.

    Args:
        run: with the manifest of the run that it repeats.
        films: as they were cut now.
    """
    recorded = {row.key: row.split for row in run.manifest}
    now = films.split.parts
    if recorded == dict(now):
        return films
    left_out = {**films.split.left_out, **now}
    split = replace(
        films.split,
        parts=MappingProxyType(recorded),
        left_out=MappingProxyType({k: part for k, part in left_out.items() if k not in recorded}),
    )
    return UncutFilms(films.dataset, films.scan, films.near).with_split(split)


def require_recorded_parts(run: Run, films: Films) -> None:
    """Refuse to repeat a training with films in other parts than the record says.

    Raises:
        RunError: naming some of the films.
    """
    recorded = {row.key: row for row in run.manifest}
    now = {row.key: row for row in manifest_rows(films.dataset, films.split, films.scan)}
    said = [
        named_films(sorted(recorded.keys() - now.keys()), "not used"),
        named_films(sorted(now.keys() - recorded.keys()), "not in the record"),
        named_films(_apart(recorded, now), "other than recorded, or in another part"),
    ]
    told = "; ".join(one for one in said if one)
    if told:
        raise RunError(
            f"{run.folder} cannot be repeated: the films do not fall into the recorded parts "
            f"({told}); take the films of the record alone, with the version of Carina that made "
            "the run"
        )


def named_films(keys: Sequence[str], how: str) -> str:
    """Return how many films are how, with the names of a few; "" for none.

    >>> named_films(["films/a.png"], "missing")
    '1 film missing: films/a.png'
    """
    if not keys:
        return ""
    more = f" and {len(keys) - _FEW:,} more" if len(keys) > _FEW else ""
    return f"{counted(len(keys), 'film')} {how}: {', '.join(keys[:_FEW])}{more}"


def _apart(recorded: Mapping[str, ManifestRow], now: Mapping[str, ManifestRow]) -> list[str]:
    def decides(row: ManifestRow) -> tuple[str, str, str]:
        return row.sha256, row.label, row.split

    shared = recorded.keys() & now.keys()
    return sorted(key for key in shared if decides(recorded[key]) != decides(now[key]))


def _as_recorded(record: Record, row: ManifestRow) -> Record:
    return replace(
        record,
        path=row.path,
        source=row.source,
        patient=row.patient,
        view=row.view,
        sex=row.sex,
        age_years=row.age_years,
    )


def _matched(
    rows: Mapping[str, ManifestRow], records: Sequence[Record], digests: Mapping[str, str]
) -> dict[str, Record]:
    """Return key of a row -> a film of its bytes, each film once: the one of its key, or else of
    its path, of its class, or any."""
    alike: dict[str, list[Record]] = {}
    for record in records:
        if record.key in digests:
            alike.setdefault(digests[record.key], []).append(record)
    found: dict[str, Record] = {}
    for is_it in (_has_key, _has_path, _has_label, _has_any):
        for key, row in rows.items():
            left = alike.get(row.sha256, [])
            chosen = next((one for one in left if is_it(one, row)), None)
            if key not in found and chosen is not None:
                left.remove(chosen)
                found[key] = chosen
    return found


def _has_key(record: Record, row: ManifestRow) -> bool:
    return record.key == row.key


def _has_path(record: Record, row: ManifestRow) -> bool:
    return record.path == row.path


def _has_label(record: Record, row: ManifestRow) -> bool:
    return record.label == row.label


def _has_any(_record: Record, _row: ManifestRow) -> bool:
    return True


def _digests(records: Sequence[Record], progress: Progress) -> dict[str, str]:
    """Return record key -> hex sha256 of what training would read, of the films that can be."""
    digests = {}
    with ThreadPoolExecutor(reading_threads()) as pool:
        for number, (record, sha256) in enumerate(
            zip(records, pool.map(_digest_of, records), strict=True), start=1
        ):
            progress(Step(_STAGE, number, len(records)))
            if sha256 is not None:
                digests[record.key] = sha256
    return digests


def _digest_of(record: Record) -> str | None:
    try:
        if is_medmnist_film(record.file):
            return read_radiograph(record.file).sha256
        return sha256_bytes(read_film_bytes(record.file))
    except ImageError:
        return None
