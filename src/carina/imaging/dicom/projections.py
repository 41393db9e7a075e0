"""From which side a film was taken, and which side of the body it shows, as the file says.

Only words that the standard or `domain.views` names come out: what else stands there is nobody's
view, and may be text of a person.
"""

from __future__ import annotations

from carina.domain.views import known_view
from carina.imaging.dicom import tags
from carina.imaging.dicom.elements import Elements
from carina.imaging.dicom.values import word, words

# DICOM PS3.16, CID 4010 (DX View): code of SNOMED CT, and its older form -> View Position.
_VIEW_OF_CODE = {
    **dict.fromkeys(("399348003", "R-10206"), "AP"),
    **dict.fromkeys(("272479007", "R-10214", "R-40888"), "PA"),
    **dict.fromkeys(("399173006", "R-10236"), "LL"),
    **dict.fromkeys(("399198007", "R-10232"), "RL"),
    **dict.fromkeys(("399067008", "R-102CD"), "LATERAL"),
    **dict.fromkeys(("399135007", "R-10220"), "LAO"),
    **dict.fromkeys(("399356000", "R-10224", "R-40985"), "RAO"),
    **dict.fromkeys(("399006002", "R-10212"), "LPO"),
    **dict.fromkeys(("399038007", "R-10210"), "RPO"),
    **dict.fromkeys(
        (
            "399182000", "R-102C1", "399184004", "R-10238", "399236003", "R-10234",
            "399160007", "R-10204", "399312000", "R-10208", "399059000", "R-10216",
        ),
        "OBLIQUE",
    ),
}  # fmt: skip
_SIDES = ("R", "L", "B", "U")


def view_of(elements: Elements) -> str | None:
    """Return the view: ViewPosition, else ViewCodeSequence, else a lateral by the orientation.

    PatientOrientation names where rows and columns lead; rows that lead to front or back are a
    lateral's (PS3.3, C.7.6.1.1.1). Of a frontal film it does not tell AP from PA.
    """
    stated = known_view(word(elements, tags.VIEW_POSITION))
    if stated is not None:
        return stated
    codes = elements[tags.VIEW_CODE].items if tags.VIEW_CODE in elements else ()
    for item in codes:
        found = _VIEW_OF_CODE.get(word(item, tags.CODE_VALUE))
        if found is not None:
            return found
    return "LATERAL" if word(elements, tags.ORIENTATION)[:1] in ("A", "P") else None


def laterality_of(elements: Elements) -> str | None:
    """Return "R", "L", "B" (both) or "U" (unpaired), or None where the file does not say."""
    places = [elements]
    for groups in (tags.FRAME_GROUPS, tags.SHARED_GROUPS):
        for group in elements[groups].items if groups in elements else ():
            places += group[tags.FRAME_ANATOMY].items if tags.FRAME_ANATOMY in group else ()
    for tag in (tags.IMAGE_LATERALITY, tags.FRAME_LATERALITY, tags.LATERALITY):
        for place in places:
            side = next(iter(words(place, tag)), "")
            if side in _SIDES:
                return side
    return None
