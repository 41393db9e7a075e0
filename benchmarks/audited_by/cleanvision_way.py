"""cleanvision on a folder of films, with everything that it looks for by default.

    PEERS_PYTHON -m audited_by.cleanvision_way FOLDER RESULT.json

A file that cannot be read stops it; it is then run again without such files, and only the
second time is taken for the seconds. Runs in an environment of its own and imports nothing
of Carina.
"""

import json
import sys
import time
from importlib.metadata import version
from itertools import combinations
from pathlib import Path
from typing import Any

from PIL import Image

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")


def main(folder: Path, result: Path) -> None:
    from cleanvision import Imagelab

    began = time.perf_counter()
    # Given a folder it takes these suffixes too; it reads no DICOM.
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    stopped_by = ""
    try:
        lab = looked_at(Imagelab, files)
    except (OSError, ValueError, SyntaxError) as error:
        stopped_by = str(error)[-200:]
        files = [path for path in files if _can_be_read(path)]
        began = time.perf_counter()
        lab = looked_at(Imagelab, files)
    seconds = time.perf_counter() - began
    flags = {}
    columns = [name for name in lab.issues.columns if name.startswith("is_")]
    for path, row in lab.issues[columns].iterrows():
        kinds = [name[len("is_") : -len("_issue")] for name in columns if bool(row[name])]
        flags[_name(path, folder)] = [kind for kind in kinds if "duplicates" not in kind]
    found = {
        "version": f"cleanvision {version('cleanvision')}",
        "n_films": len(lab.issues),
        "seconds": seconds,
        "stopped_by": stopped_by,
        "exact_pairs": _pairs(lab.info["exact_duplicates"]["sets"], folder),
        "near_pairs": _pairs(lab.info["near_duplicates"]["sets"], folder),
        "flags": {name: kinds for name, kinds in flags.items() if kinds},
    }
    result.write_text(json.dumps(found), encoding="utf-8")


def looked_at(imagelab: type, files: list[Path]) -> Any:
    lab = imagelab(filepaths=[str(path) for path in files], verbose=False)
    lab.find_issues(verbose=False)
    return lab


def _can_be_read(path: Path) -> bool:
    try:
        with Image.open(path) as image:
            image.load()
    except (OSError, ValueError, SyntaxError):
        return False
    return True


def _pairs(sets: list[list[str]], folder: Path) -> list[list[str]]:
    return [
        [_name(a, folder), _name(b, folder)]
        for group in sets
        for a, b in combinations(sorted(group), 2)
    ]


def _name(path: str, folder: Path) -> str:
    return Path(path).relative_to(folder).as_posix()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
