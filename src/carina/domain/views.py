"""What a file says of how its picture was taken."""

# DICOM PS3.3 C.8.7.1.1.1 (View Position: LL left lateral, RL right lateral, the four obliques)
# and what tables of public sets write. LLD and RLD are not here: in a decubitus film the
# patient lies on the side, and the beam is frontal.
_LATERALS = frozenset(
    {"l", "ll", "rl", "lat", "lateral", "llat", "rlat", "left lateral", "right lateral",
     "lateral left", "lateral right"}
)  # fmt: skip
_OBLIQUES = frozenset({"lao", "rao", "lpo", "rpo", "llo", "rlo", "oblique"})
_FRONTALS = frozenset({"ap", "pa", "rld", "lld", "frontal"})
# What follows AP and PA in some archives: how the patient lay or stood, or that the film was
# taken at the bed.
_POSTURES = frozenset({"supine", "erect", "upright", "sitting", "portable", "standing"})

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


def known_view(text: str) -> str | None:
    """Return a view as DICOM files write it if it is one that is known, without its posture.

    >>> known_view("PA"), known_view("AP SUPINE"), known_view("left-lateral"), known_view("DOE")
    ('PA', 'AP', 'LEFT LATERAL', None)
    """
    name = " ".join(text.casefold().replace("_", " ").replace("-", " ").split())
    first, _, rest = name.partition(" ")
    if first in ("ap", "pa") and rest in _POSTURES:
        name = first
    return name.upper() if name in _LATERALS | _OBLIQUES | _FRONTALS else None


def modality_of(traces: tuple[str, ...]) -> str:
    """Return the DICOM modality among what a file told (`FilmFacts.traces`), or "".

    >>> modality_of(("modality CR", "Manufacturer 3f2a9c01"))
    'CR'
    """
    told = (trace.removeprefix(_TRACE) for trace in traces if trace.startswith(_TRACE))
    return next((name for name in told if name != "not said"), "")
