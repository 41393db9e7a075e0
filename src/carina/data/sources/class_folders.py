"""Class folders, with or without train, validation and test."""

from pathlib import Path

from carina.data.class_folders import read_class_folders
from carina.data.found import Found, ReadOptions
from carina.data.sources import SOURCES
from carina.files.tree import is_folder


class ClassFolders:
    """`train|val|test/CLASS/film.png` in any spelling, or `CLASS/film.png` alone."""

    precedence = 90

    def recognises(self, path: Path) -> bool:
        """Return whether `path` is a folder: every folder that nothing else knows is
        read so, and the reading says what is missing."""
        return is_folder(path)

    def read(self, path: Path, options: ReadOptions) -> Found:  # noqa: ARG002 (Layout)
        """Return the films, labelled by the folders they lie in."""
        return read_class_folders(path, layout="class-folders")


SOURCES.register("class-folders")(ClassFolders())
