"""Films whose view is stated and is not frontal."""

from collections.abc import Iterable

from carina.auditing.misfit_check import MeasuredFilms, MisfitCheck, Suspect
from carina.auditing.misfit_checks import CHECKS

# DICOM PS3.3 C.8.7.1.1.1 (View Position: LL left lateral, RL right lateral, the four obliques)
# and what tables of public sets write. LLD and RLD are not here: in a decubitus film the
# patient lies on the side, and the beam is frontal.
_LATERALS = frozenset(
    {"l", "ll", "rl", "lat", "lateral", "llat", "rlat", "left lateral", "right lateral",
     "lateral left", "lateral right"}
)  # fmt: skip
_OBLIQUES = frozenset({"lao", "rao", "lpo", "rpo", "llo", "rlo", "oblique"})


def _judge(films: MeasuredFilms) -> Iterable[Suspect]:
    """Suspect the films that their data set or their file calls lateral or oblique."""
    for place, (record, facts) in enumerate(zip(films.records, films.facts, strict=True)):
        view = record.view or facts.view or ""
        kind = _kind(view)
        if kind:
            yield Suspect(
                place=place,
                sureness="certain",
                strength=1.0,
                sentence=f"Its view is stated as '{view}', {kind}, among frontal films. Tags "
                "are sometimes wrong: one look tells.",
            )


def _kind(view: str) -> str:
    """Return what a view is in words, or "" for a frontal or unknown one."""
    name = " ".join(view.casefold().replace("_", " ").replace("-", " ").split())
    if name in _LATERALS:
        return "a lateral film"
    return "an oblique film" if name in _OBLIQUES else ""


CHECKS.register("lateral")(MisfitCheck(title="lateral", judge=_judge))
