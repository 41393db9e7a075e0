"""What a file says of how its picture was taken."""

# DICOM PS3.3 C.8.7.1.1.1 (View Position: LL left lateral, RL right lateral, the four obliques)
# and what tables of public sets write. LLD and RLD are not here: in a decubitus film the
# patient lies on the side, and the beam is frontal.
_LATERALS = frozenset(
    {"l", "ll", "rl", "lat", "lateral", "llat", "rlat", "left lateral", "right lateral",
     "lateral left", "lateral right"}
)  # fmt: skip
_OBLIQUES = frozenset({"lao", "rao", "lpo", "rpo", "llo", "rlo", "oblique"})

NO_RADIOGRAPHS = {
    "CT": "CT",
    "MR": "MR",
    "PT": "PET",
    "US": "ultrasound",
    "NM": "nuclear medicine",
}
"""DICOM PS3.3 C.7.3.1.1.1 (Modality) of what is no radiograph -> its name."""
_TRACE = "modality "


def not_frontal(view: str) -> str:
    """Return what a stated view is in words, or "" for a frontal or unknown one.

    >>> not_frontal("LL"), not_frontal("PA")
    ('a lateral film', '')
    """
    name = " ".join(view.casefold().replace("_", " ").replace("-", " ").split())
    if name in _LATERALS:
        return "a lateral film"
    return "an oblique film" if name in _OBLIQUES else ""


def modality_of(traces: tuple[str, ...]) -> str:
    """Return the DICOM modality among what a file told (`FilmFacts.traces`), or "".

    >>> modality_of(("modality CR", "Manufacturer 3f2a9c01"))
    'CR'
    """
    told = (trace.removeprefix(_TRACE) for trace in traces if trace.startswith(_TRACE))
    return next((name for name in told if name != "not said"), "")
