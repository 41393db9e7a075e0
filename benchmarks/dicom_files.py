"""Every DICOM file that pydicom and highdicom ship, and the real ones: what Carina makes of it.

For each file: read or refused with which code, seconds, and for one that is read how its grey
values agree with pydicom's own functions (`tests/making/dicom_reference.py`): exact, or the
largest difference in grey levels of its stored bits; "-" where pydicom cannot read it with the
codecs that are installed. No difference is rounded away: exact means every float is the same.

    python benchmarks/dicom_files.py [--data DIR] [--counts] [--without-extra]
"""

import argparse
import importlib.resources
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

from carina.errors import ImageError
from carina.imaging.decode import decode
from carina.imaging.dicom import codecs, is_dicom

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from making.dicom_reference import reference_pixels

REAL = Path(__file__).parents[2] / "shared" / "data" / "dicom"
PACKAGES = ("pydicom", "highdicom")


def shipped(package):
    """Return the files of a package that begin like DICOM."""
    folder = Path(str(importlib.resources.files(package)))
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and _is_dicom(path)]


def _is_dicom(path):
    with path.open("rb") as stream:
        head = stream.read(4096)
    return path.suffix not in (".py", ".pyc") and is_dicom(head)


def row(path):
    """Return (code or "read", seconds, agreement, cautions) of a file."""
    data = path.read_bytes()
    start = time.perf_counter()
    try:
        decoded = decode(data, name=path.name)
    except ImageError as error:
        return error.image_code, time.perf_counter() - start, "", str(error)
    seconds = time.perf_counter() - start
    try:
        expected = reference_pixels(data)
    except Exception as error:  # noqa: BLE001  whatever pydicom cannot do
        return "read", seconds, "-", type(error).__name__
    if expected.shape != decoded.pixels.shape:
        return "read", seconds, "shape", f"{expected.shape}"
    if np.array_equal(expected, decoded.pixels):
        return "read", seconds, "exact", "; ".join(decoded.cautions)
    levels = np.abs(expected - decoded.pixels).max() * (2**decoded.bits - 1)
    return "read", seconds, f"{levels:.3g} levels", "; ".join(decoded.cautions)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=REAL)
    parser.add_argument("--counts", action="store_true", help="print no single files")
    parser.add_argument("--without-extra", action="store_true")
    options = parser.parse_args()
    if options.without_extra:
        codecs._extra = lambda: None
    groups = {package: shipped(package) for package in PACKAGES}
    if options.data.is_dir():
        groups["real"] = [path for path in sorted(options.data.rglob("*")) if path.is_file()]
    for group, paths in groups.items():
        print_group(group, paths, each=not options.counts)


def print_group(group, paths, *, each):
    """Print what became of a group's files, with `each` of every one."""
    rows = {str(path): row(path) for path in paths}
    for name, (code, seconds, agreement, words) in rows.items() if each else ():
        print(f"{Path(name).name:45} {code:18} {seconds:7.3f} s {agreement:12} {words}")
    print(f"\n{group}: {len(paths)} files, {sum(one[1] for one in rows.values()):.1f} s")
    for code, n in Counter(one[0] for one in rows.values()).most_common():
        print(f"  {n:4} {code}")
    for agreement, n in Counter(one[2] for one in rows.values() if one[2]).most_common():
        print(f"  {n:4} of those read: {agreement}")


if __name__ == "__main__":
    main()
