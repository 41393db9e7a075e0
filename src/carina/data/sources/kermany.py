"""Class folders of the paediatric films of Kermany et al. under their original names."""

from dataclasses import replace
from pathlib import Path

from carina.data.class_folders import read_class_folders
from carina.data.folders import film_names
from carina.data.found import Found, ReadOptions
from carina.data.patient_names import is_kermany_name
from carina.data.sources import SOURCES
from carina.files.tree import is_folder

_N_LOOKED_AT = 500
_SHARE = 0.9


class KermanyNames:
    """Class folders with `person1_bacteria_1`, `IM-0115-0001` or `VIRUS-123-0001`."""

    precedence = 50

    def recognises(self, path: Path) -> bool:
        """Return whether nine in ten of the first 500 names are Kermany's."""
        if not is_folder(path):
            return False
        names = film_names(path, limit=_N_LOOKED_AT)
        return bool(names) and sum(map(is_kermany_name, names)) >= _SHARE * len(names)

    def read(self, path: Path, options: ReadOptions) -> Found:  # noqa: ARG002 (Layout)
        """Return the films with the patients of their names."""
        return replace(
            read_class_folders(path, layout="kermany"),
            licence="CC BY 4.0",
            citation="Kermany et al., Cell 172 (2018) 1122-1131",
        )


SOURCES.register("kermany")(KermanyNames())
