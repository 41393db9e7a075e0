"""What is mutated: small honest films of every kind, bombs, and pydicom's shipped test files."""

import functools
from pathlib import Path

import pydicom.data

from making.hostile.bombs import small_bombs
from making.hostile.dicoms import dicom_films
from making.hostile.pictures import pictures

CORPUS = Path(__file__).parents[2] / "corpus"
_LARGEST = 40_000  # bytes; a larger one is mutated where it matters less, and slower


@functools.cache
def seeds() -> dict[str, bytes]:
    """Return name -> file, in an order that does not change."""
    made = {**pictures(), **dicom_films(), **small_bombs()}
    return {name: data for name, data in sorted({**made, **shipped(), **corpus()}.items()) if data}


def shipped() -> dict[str, bytes]:
    """Return pydicom's shipped test files that are not large, as `pydicom/NAME`."""
    folder = Path(pydicom.data.__file__).parent / "test_files"
    files = sorted(file for file in folder.glob("*.dcm") if file.stat().st_size <= _LARGEST)
    return {f"pydicom/{file.name}": file.read_bytes() for file in files}


def corpus() -> dict[str, bytes]:
    """Return the files that once broke something, as `corpus/NAME`."""
    files = sorted(file for file in CORPUS.iterdir() if file.suffix != ".json")
    return {f"corpus/{file.name}": file.read_bytes() for file in files}
