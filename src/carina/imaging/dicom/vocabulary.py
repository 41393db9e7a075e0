"""Words of the DICOM standard that are told to the user; no others come out of a file."""

from __future__ import annotations

_MODALITIES = """
    ANN AR ASMT AU BDUS BI BMD CFM CR CT CTPROTOCOL DG DMS DOC DX ECG EEG EMG EOG EPS ES FID GM
    HC HD IO IOL IVOCT IVUS KER KO LEN LS M3D MG MR NM OAM OCT OP OPM OPT OPTBSV OPTENF OPV OSS OT
    PLAN POS PR PT PX REG RESP RF RG RTDOSE RTIMAGE RTINTENT RTPLAN RTRAD RTRECORD RTSEGANN
    RTSTRUCT RWV SEG SM SMR SR SRF STAIN TEXTUREMAP TG US VA XA XAPROTOCOL XC"""
KNOWN_MODALITIES = frozenset(_MODALITIES.split())
"""DICOM PS3.3, C.7.3.1.1.1."""

# Beginnings of SOP class UIDs (PS3.6, annex A) -> what the object is.
_WITHOUT_PICTURE = {
    "1.2.840.10008.1.3.10": "a DICOMDIR, the table of contents of a disc: give the folder of the "
    "films that lie beside it",
    "1.2.840.10008.5.1.4.1.1.104.": "a DICOM object that wraps a document, such as a PDF: give "
    "the film itself",
    "1.2.840.10008.5.1.4.1.1.88.": "a DICOM report, with no picture: give the film that it is "
    "about",
    "1.2.840.10008.5.1.4.1.1.9.": "a DICOM recording of waves, such as an ECG, with no picture",
    "1.2.840.10008.5.1.4.1.1.11.": "a DICOM presentation state, with no picture: give the film "
    "that it belongs to",
    "1.2.840.10008.5.1.4.1.1.481.": "a DICOM object of radiotherapy, with no picture",
}


def kind_without_picture(sop_class: str) -> str:
    """Return what an object without pixel data is, for "FILE is ...".

    >>> kind_without_picture("1.2.3")
    'DICOM without a picture (no pixel data)'
    """
    for beginning, kind in _WITHOUT_PICTURE.items():
        if sop_class.startswith(beginning):
            return kind
    return "DICOM without a picture (no pixel data)"
