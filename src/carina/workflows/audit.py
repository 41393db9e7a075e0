"""What is in the data, and what is wrong with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from carina.auditing.audit import audit_dataset
from carina.data import open_dataset
from carina.data.patients import load_patient_key
from carina.data.scan import scan_films, with_views
from carina.domain.audit import Audit
from carina.domain.progress import Progress
from carina.domain.recipe import Recipe
from carina.errors import DatasetError, RecipeError
from carina.files.atomic import write_text
from carina.files.documents import write_document
from carina.files.recipes import SettingWords, setting_list, with_settings
from carina.settings import Settings
from carina.workflows.extras import require_extra
from carina.workflows.places import claimed
from carina.workflows.progress_bar import default_progress


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
    set: SettingWords = (),  # noqa: A002  the name of the command's option
    out: str | Path | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> AuditResult:
    """Find what is wrong with a data set, and write it as JSON and as a page.

    Args:
        data: folders, manifests or archives; several make one data set.
        set: `labels.*=VALUE` settings, as for a recipe.
        out: a new or empty folder; `runs/<time>-audit` if None.
        settings: caches, keys and where runs go; from the environment if None.
        progress: called as the work goes on.

    Raises:
        DatasetError: if the data cannot be opened, or no film of it can be read.
        UsageError: if `out` is not empty.
        RecipeError: if a setting is not of `labels`.
        StorageError: if `out` cannot be written.
    """
    require_extra("study", needed_for="carina audit")
    from carina.reporting.audit_page import build_audit_report
    from carina.reporting.render import render_html

    progress = progress or default_progress()
    settings = settings or Settings.from_environment()
    labels = with_settings(Recipe(), only(("labels",), set)).labels
    with claimed(out, settings=settings, name="audit", n_bytes=20_000_000) as folder:
        key = load_patient_key(settings.config_dir, given=settings.patient_key)
        dataset = open_dataset(data_list(data), labels=labels, patient_key=key)
        scan = scan_films(dataset, spec=None, cache_dir=settings.cache_dir, progress=progress)
        if not scan.facts:
            raise DatasetError(
                f"none of the {len(dataset.records)} files can be read as a film: "
                f"{scan.unreadable[0].message}"
            )
        dataset = with_views(dataset, scan)
        found = audit_dataset(dataset, scan)
        title = " + ".join(source.name for source in dataset.sources)
        write_document(folder / "audit.json", found)
        write_text(folder / "audit.html", render_html(build_audit_report(found, title=title)))
    left_out = (out.sentence for out in dataset.left_out)
    return AuditResult(found, folder, (*dataset.notes, *left_out))


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
