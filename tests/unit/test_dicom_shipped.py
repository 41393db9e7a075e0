"""Every DICOM file that pydicom ships is read as pydicom reads it, or refused with its code."""

from collections import Counter
from pathlib import Path

import numpy as np
import pydicom.data

from carina.errors import ImageError
from carina.imaging.dicom import decode_dicom, is_dicom
from making.dicom_reference import reference_pixels

SHIPPED = Path(pydicom.data.__file__).parent
# What pydicom alone cannot decode: JPEG of 12 bits, lossless JPEG, and a stream in a wrapping
# that it does not look into.
ALONE = {
    "JPEG-lossy.dcm", "JPGExtended.dcm", "SC_rgb_jpeg_gdcm.dcm", "GDCMJ2K_TextGBR.dcm",
}  # fmt: skip
REFUSED = {
    "MR_truncated.dcm": "damaged",
    "rtplan_truncated.dcm": "damaged",
    "JPEG2000-embedded-sequence-delimiter.dcm": "damaged",
    "SC_rgb_small_odd.dcm": "too-small",
    "SC_rgb_rle_2frame.dcm": "several-frames",
    "rtdose.dcm": "several-frames",
    "DICOMDIR": "no-pixels",
    "reportsi.dcm": "no-pixels",
    "waveform_ecg.dcm": "no-pixels",
    "ExplVR_BigEndNoMeta.dcm": "no-pixels",
}


def test_every_shipped_file_is_read_exactly_or_refused_with_its_code():
    outcomes, differing = {}, []
    for path in sorted(SHIPPED.rglob("*")):
        if not path.is_file() or not is_dicom(data := path.read_bytes()):
            continue
        try:
            found = decode_dicom(data, name=path.name)
        except ImageError as error:
            outcomes[path.name] = error.image_code
            continue
        outcomes[path.name] = "read"
        if path.name not in ALONE and not np.array_equal(found.pixels, reference_pixels(data)):
            differing.append(path.name)
    assert differing == []
    assert {name: outcomes[name] for name in REFUSED} == REFUSED
    counts = Counter(outcomes.values())
    assert counts["read"] >= 80
    assert set(counts) <= {"read", "no-pixels", "several-frames", "damaged", "too-small"}
