"""What a worker can be asked to do with a file's bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from types import MappingProxyType

from carina.imaging.worker.answers import Answer, facts_of

Task = Callable[..., Answer]


def read_film(data: bytes, *, name: str) -> Answer:
    """Decode a film: the facts and float32 `[height, width]`."""
    from carina.imaging.decode import decode

    decoded = decode(data, name=name)
    return Answer(facts_of(decoded), decoded.pixels)


def read_patient(data: bytes, *, name: str) -> Answer:  # noqa: ARG001  as all tasks
    """Look for whose film a DICOM file is, in its first bytes; no facts where it is none."""
    from carina.imaging.dicom_patient import read_dicom_patient

    patient = read_dicom_patient(data)
    return Answer({} if patient is None else asdict(patient))


def read_elements(data: bytes, *, name: str, keywords: list[str]) -> Answer:
    """Read some elements of a DICOM file as plain values."""
    from carina.imaging.dicom_elements import dicom_elements

    return Answer({"elements": dicom_elements(data, keywords, name=name)})


def read_colours(data: bytes, *, name: str, longer_side: int) -> Answer:
    """Decode a raster file in its colours: uint8 `[height, width, 3]`."""
    from carina.imaging.colour_pictures import decode_colours

    return Answer({}, decode_colours(data, name=name, longer_side=longer_side))


TASKS: Mapping[str, Task] = MappingProxyType(
    {
        "film": read_film,
        "patient": read_patient,
        "elements": read_elements,
        "colours": read_colours,
    }
)
