"""Known public data sets: what there is, and one of them brought here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from carina.data import open_dataset
from carina.data.catalogue import KNOWN_DATASETS, KnownDataset, known_dataset
from carina.data.fetching import fetch_dataset
from carina.data.labels import spelling_key
from carina.data.patients import load_patient_key
from carina.domain.dataset import Dataset
from carina.domain.progress import Progress
from carina.domain.sentences import listed
from carina.errors import DownloadError
from carina.settings import Settings
from carina.workflows.extras import require_extra
from carina.workflows.progress_bar import default_progress


@dataclass(frozen=True, slots=True)
class GotData:
    """A known data set on this machine, opened.

    Attributes:
        known: what is known of it.
        folder: where it lies.
        opens: the folder or file in it that the commands take as DATA.
        dataset: its films.
        was_there: True if it had been fetched before.
        remarks: how what came differs from what was published.
    """

    known: KnownDataset
    folder: Path
    opens: Path
    dataset: Dataset
    was_there: bool
    remarks: tuple[str, ...]

    @property
    def counts(self) -> Mapping[str, Mapping[str, int]]:
        """Films by described part ("all" where none is described) and class."""
        return self.dataset.counts()

    @property
    def next_commands(self) -> tuple[str, ...]:
        """What one would type now."""
        with_recipe = f" --recipe {self.known.recipe}" if self.known.recipe else ""
        return f"carina audit {self.opens}", f"carina train {self.opens}{with_recipe}"

    def to_json(self) -> dict[str, Any]:
        """Return the facts as plain values."""
        return {
            "name": self.known.name,
            "folder": str(self.folder),
            "opens": str(self.opens),
            "was_there": self.was_there,
            "n_films": len(self.dataset.records),
            "images": self.counts,
            "licence": self.known.licence,
            "citation": self.known.citation,
            "caution": self.known.caution,
            "remarks": list(self.remarks),
            "notes": [*self.dataset.notes, *(out.sentence for out in self.dataset.left_out)],
            "next": list(self.next_commands),
        }


def known_data() -> tuple[KnownDataset, ...]:
    """Return the public data sets that Carina knows, by name.

    >>> known_data()[0].name
    'chest-xray-pneumonia'
    """
    return KNOWN_DATASETS


def known_as_json(known: KnownDataset) -> dict[str, Any]:
    """Return what is known of a data set as plain values."""
    return asdict(known)


def get_data(
    name: str | KnownDataset,
    *,
    out: str | Path | None = None,
    from_file: str | Path | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> GotData:
    """Bring a known data set to this machine, and open it.

    Args:
        name: one of `known_data`, or a data set of your own described in the same way.
        out: a new or empty folder, or the one an earlier call made; `data/<name>` if None.
        from_file: the archive or file, fetched by hand; no network is then needed.
        settings: caches and keys; from the environment if None.
        progress: called as the work goes on.

    Raises:
        UnknownNameError: if no data set has this name.
        MissingExtraError: if it comes from Kaggle and the extra `kaggle` is not installed.
        UsageError: if `out` holds something else.
        DownloadError: if it cannot be had; the sentence says how to go on by hand.
        DatasetError: if what came cannot be opened.
        StorageError: if there is no room or no permission.
    """
    settings = settings or Settings.from_environment()
    known = known_dataset(name) if isinstance(name, str) else name
    folder = Path("data") / known.name if out is None else Path(out)
    is_there = folder.is_dir() and any(folder.iterdir())
    if known.kind == "kaggle" and from_file is None and not is_there:
        by_hand = f"without --from FILE (the zip file of {known.page})"
        require_extra("kaggle", needed_for=f"carina data get {known.name} {by_hand}")
    try:
        there = fetch_dataset(
            known,
            folder,
            downloads_dir=settings.cache_dir / "downloads",
            given=None if from_file is None else Path(from_file),
            progress=progress or default_progress(),
        )
    except DownloadError as error:
        raise DownloadError(
            f"{error}; or fetch it from {known.page} with a browser and give the file: carina data "
            f"get {known.name} --from FILE"
        ) from error
    key = load_patient_key(settings.config_dir, given=settings.patient_key)
    dataset = open_dataset([there.opens], patient_key=key)
    remarks = tuple(_remarks(known, dataset))
    return GotData(known, folder, there.opens, dataset, there.was_there, remarks)


def _remarks(known: KnownDataset, dataset: Dataset) -> list[str]:
    """Say how what came differs from what was published."""
    remarks = []
    n_films = len(dataset.records)
    if known.n_films is not None and n_films != known.n_films:
        remarks.append(f"{n_films:,} films were found, and {known.n_films:,} are published")
    found = set(map(spelling_key, dataset.labels.names))
    missing = [name for name in known.classes if spelling_key(name) not in found]
    if missing:
        remarks.append(
            f"no film of {listed(missing)} was found; the classes are "
            f"{listed(dataset.labels.names)}"
        )
    return remarks
