"""What every DICOM object that Carina makes of a film says of itself."""

from __future__ import annotations

import io
from datetime import datetime
from typing import TYPE_CHECKING, Any

from carina.errors import MissingExtraError
from carina.inference.answers.dicom_source import uid_of
from carina.inference.classifier import Classifier
from carina.version import VERSION

if TYPE_CHECKING:
    from pydicom import Dataset

MANUFACTURER = "Carina"
# DICOM PS3.5, 6.2: a long string (LO), and so the meaning of a code, holds 64 characters.
_LONG_STRING = 64


def require_highdicom(needed_for: str) -> Any:
    """Return the module highdicom.

    Raises:
        MissingExtraError: if it is not installed.
    """
    try:
        import highdicom
        import highdicom.sc
        import highdicom.sr
    except ImportError as error:
        raise MissingExtraError(needed_for=needed_for, extra="dicom") from error
    return highdicom


def made_by(
    kind: str, *, source: Dataset, classifier: Classifier, made_at: datetime
) -> dict[str, Any]:
    """Return what highdicom wants of every object, by the names of its arguments.

    Film, classifier and kind give the series its UID; the object's depends on the time too.

    Args:
        kind: what the object is, in a word.
        source: as `read_source` returns it.
        classifier: what answered.
        made_at: when the object is made.
    """
    known = (kind, classifier.digest, str(source.SOPInstanceUID))
    return {
        "series_instance_uid": uid_of("series", *known),
        "series_description": f"Carina {kind}, not for diagnosis",
        "sop_instance_uid": uid_of("object", *known, made_at.isoformat()),
        "instance_number": 1,
        "manufacturer": MANUFACTURER,
        "manufacturer_model_name": long_string(classifier.card.name),
        "device_serial_number": classifier.digest,
        "software_versions": VERSION,
        "content_date": made_at.date(),
        "content_time": made_at.time().replace(microsecond=0),
        "specific_character_set": "ISO_IR 192",
        "transfer_syntax_uid": "1.2.840.10008.1.2.1",
    }


def file_of(made: Dataset, *, made_at: datetime) -> bytes:
    """Return a finished object as a DICOM file.

    Args:
        made: as highdicom made it, which dates it by the clock.
        made_at: its time, in the zone that it is told in.
    """
    made.InstanceCreationDate = made_at.strftime("%Y%m%d")
    made.InstanceCreationTime = made_at.strftime("%H%M%S")
    made.BodyPartExamined = "CHEST"
    for equipment in made.get("ContributingEquipmentSequence", ()):
        equipment.ContributionDateTime = made_at.strftime("%Y%m%d%H%M%S")
    if made_at.tzinfo is not None:
        made.TimezoneOffsetFromUTC = made_at.strftime("%z")[:5]
    buffer = io.BytesIO()
    made.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def long_string(text: str) -> str:
    r"""Return a text as DICOM's long strings hold it: 64 characters, no backslash.

    >>> long_string("a\\b" + 70 * "c")[:4], len(long_string(70 * "c"))
    ('a/bc', 64)
    """
    return text.replace("\\", "/")[:_LONG_STRING]
