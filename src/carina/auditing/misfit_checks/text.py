"""Letters over the lungs."""

from collections.abc import Iterable

from carina.auditing.misfit_check import MeasuredFilms, MisfitCheck, Suspect
from carina.auditing.misfit_checks import CHECKS

# Strokes side by side in the inner part of the film (`imaging.strokes`). Of 2,246 real films 32
# have 2.5 or more, and 26 of those carry letters; the others have wires, ink or sharpened grain.
_SOME, _MANY = 2.5, 5.0


def _judge(films: MeasuredFilms) -> Iterable[Suspect]:
    """Suspect the films with as many sharp strokes in a row as writing has."""
    for place, facts in enumerate(films.facts):
        if facts.text_strokes >= _SOME:
            yield Suspect(
                place=place,
                sureness="likely" if facts.text_strokes >= _MANY else "possible",
                strength=facts.text_strokes,
                sentence=f"Letters, it seems: {facts.text_strokes:.1f} thin, sharp strokes side "
                "by side over the lungs or close to them; 98 of 100 films have fewer than "
                f"{_SOME:g}. Wires, clips and sharpened noise can look like that.",
            )


CHECKS.register("text")(
    MisfitCheck(
        title="letters over the lungs",
        judge=_judge,
        yields_to=("blank", "collage", "colour", "not-chest"),
    )
)
