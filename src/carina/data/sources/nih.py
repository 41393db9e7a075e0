"""Class folders of NIH ChestX-ray14 films under their original names."""

from dataclasses import replace
from pathlib import Path

from carina.data.class_folders import read_class_folders
from carina.data.folders import film_names
from carina.data.found import Found, ReadOptions
from carina.data.patient_names import NIH_SHARE, is_nih_name
from carina.data.sources import SOURCES
from carina.files.tree import is_folder

_N_LOOKED_AT = 500


class NihNames:
    """Class folders whose films are called `PPPPPPPP_NNN`: patient and follow-up."""

    precedence = 40

    def recognises(self, path: Path) -> bool:
        """Return whether nine in ten of the first 500 names are NIH's."""
        if not is_folder(path):
            return False
        names = film_names(path, limit=_N_LOOKED_AT)
        return bool(names) and sum(map(is_nih_name, names)) >= NIH_SHARE * len(names)

    def read(self, path: Path, options: ReadOptions) -> Found:  # noqa: ARG002 (Layout)
        """Return the films with the patients of their names."""
        return replace(
            read_class_folders(path, layout="nih"),
            licence="free use; the NIH Clinical Center is to be named as the source",
            citation="Wang et al., ChestX-ray8, CVPR 2017",
        )


SOURCES.register("nih")(NihNames())
