"""What is in the data, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from carina.data import open_dataset
from carina.data.patients import PatientKey, load_patient_key
from carina.data.scan import scan_films, with_views
from carina.domain.audit import Audit, SharedFilm
from carina.domain.progress import Progress, Step
from carina.domain.recipe import LabelsSection, Recipe
from carina.errors import DatasetError, ImageError, RecipeError
from carina.files.atomic import write_text
from carina.files.documents import write_document
from carina.files.recipes import SettingWords, setting_list, with_settings
from carina.imaging.colour_pictures import stored_png
from carina.settings import Settings
from carina.workflows.cluster.scan import seen_by
from carina.workflows.extras import require_extra
from carina.workflows.places import claimed
from carina.workflows.progress_bar import default_progress
from carina.workflows.sharing import require_workers

if TYPE_CHECKING:
    from carina.auditing.duplicates import Scanned

_PICTURE_SIDE = 240


@dataclass(frozen=True, slots=True)
class AuditResult:
    """An audit, and where it was written.

    Attributes:
        audit: what was found.
        folder: holds `audit.json` and `audit.html`.
        notes: sentences on how the data was opened (merged classes, what was left out).
    """

    audit: Audit
    folder: Path
    notes: tuple[str, ...]


def audit(
    data: str | Path | Sequence[str | Path],
    *,
    against: str | Path | Sequence[str | Path] = (),
    set: SettingWords = (),  # noqa: A002  the name of the command's option
    out: str | Path | None = None,
    workers: int = 1,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> AuditResult:
    """Find what is wrong with a data set, and write it as JSON and as a page.

    Args:
        data: folders, manifests or archives; several make one data set.
        against: another data set; films that both have are named.
        set: `labels.*=VALUE` settings, as for a recipe.
        out: a new or empty folder; `runs/<time>-audit` if None.
        workers: how many processes read and decode the films (extra `cluster`), on this machine
            or in the Ray that `settings.cluster` names.
        settings: caches, keys and where runs go; from the environment if None.
        progress: called as the work goes on.

    Raises:
        DatasetError: if the data cannot be opened, or no film of it can be read.
        UsageError: if `out` is not empty.
        RecipeError: if a setting is not of `labels`.
        StorageError: if `out` cannot be written.
    """
    require_extra("study", needed_for="carina audit")
    require_workers(workers, needed_for="carina audit")
    from carina.auditing.audit import audit_dataset
    from carina.auditing.duplicates import find_shared, near_pairs
    from carina.reporting.audit_page import build_audit_report
    from carina.reporting.audit_pictures import films_to_show
    from carina.reporting.render import render_html

    progress = progress or default_progress()
    settings = settings or Settings.from_environment()
    labels = with_settings(Recipe(), only(("labels",), set)).labels
    with claimed(out, settings=settings, name="audit", n_bytes=20_000_000) as folder:
        key = load_patient_key(settings.config_dir, given=settings.patient_key)
        opening = _Opening(labels, key, settings, progress, workers)
        ours = opening.scanned(data_list(data))
        files = {ours.dataset.name_of(record): record.file for record in ours.dataset.records}
        shared: tuple[SharedFilm, ...] | None = None
        if against:
            other = opening.scanned(data_list(against))
            files |= {record.key: record.file for record in other.dataset.records}
            shared = find_shared(ours, other, progress)
        near = near_pairs(ours.dataset.records, ours.scan, progress)
        found = audit_dataset(ours.dataset, ours.scan, near, against=shared, progress=progress)
        write_document(folder / "audit.json", found)
        progress(Step("report", message="writing the page"))
        page = build_audit_report(
            found,
            title=" + ".join(source.name for source in ours.dataset.sources),
            dataset=ours.dataset,
            pictures=_pictures(films_to_show(found, ours.dataset), files),
        )
        write_text(folder / "audit.html", render_html(page))
    left_out = (out.sentence for out in ours.dataset.left_out)
    return AuditResult(found, folder, (*ours.dataset.notes, *left_out))


@dataclass(frozen=True, slots=True)
class _Opening:
    """What every DATA of one audit is opened with."""

    labels: LabelsSection
    key: PatientKey
    settings: Settings
    progress: Progress
    workers: int = 1

    def scanned(self, data: Sequence[str | Path]) -> Scanned:
        """Return a data set and what its films told.

        Raises:
            DatasetError: if it cannot be opened, or no film of it can be read.
        """
        from carina.auditing.duplicates import Scanned

        dataset = open_dataset(data, labels=self.labels, patient_key=self.key)
        cache_dir = self.settings.cache_dir
        scan = scan_films(
            dataset,
            spec=None,
            cache_dir=cache_dir,
            elsewhere=seen_by(self.workers, self.settings),
            progress=self.progress,
        )
        if not scan.facts:
            raise DatasetError(
                f"none of the {len(dataset.records)} files can be read as a film: "
                f"{scan.unreadable[0].message}"
            )
        return Scanned(with_views(dataset, scan), scan)


def _pictures(names: Sequence[str], files: Mapping[str, Path]) -> dict[str, bytes]:
    """Return small pictures of films by name, but of those that changed meanwhile."""
    pictures = {}
    for name in names:
        with suppress(ImageError):
            pictures[name] = stored_png(files[name], longer_side=_PICTURE_SIDE)
    return pictures


def only(sections: Sequence[str], settings: SettingWords) -> list[str]:
    """Return `settings` if all are of sections that the command uses.

    Raises:
        RecipeError: if one is of another section, which would be ignored.
    """
    texts = setting_list(settings)
    for setting in texts:
        section = setting.partition("=")[0].partition(".")[0].strip()
        if section not in sections:
            raise RecipeError(
                f"--set {setting}: this command uses only the settings of {' and '.join(sections)}"
            )
    return texts


def data_list(data: str | Path | Sequence[str | Path]) -> list[str | Path]:
    """Return DATA as a list, whether one or several were given."""
    return [data] if isinstance(data, str | Path) else list(data)
