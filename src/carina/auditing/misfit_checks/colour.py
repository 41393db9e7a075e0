"""Colour photographs, and films with colour in them."""

from collections.abc import Iterable

from carina.auditing.misfit_check import MeasuredFilms, MisfitCheck, Suspect
from carina.auditing.misfit_checks import CHECKS

# A film has no colour. A coloured arrow or word covers a few percent, the tint of a photographed
# light box or a photograph of something else nearly all of it.
_DRAWN_ON, _PHOTOGRAPH = 0.01, 0.2


def _judge(films: MeasuredFilms) -> Iterable[Suspect]:
    """Suspect pictures whose channels differ clearly."""
    for place, facts in enumerate(films.facts):
        share = facts.colour_share
        if share <= _DRAWN_ON:
            continue
        is_photograph = share >= _PHOTOGRAPH
        yield Suspect(
            place=place,
            sureness="likely" if is_photograph else "possible",
            strength=share,
            sentence=f"Coloured: {100 * share:.0f} % of its pixels have a colour, a film has none; "
            + (
                "a photograph, a tinted film, or a drawing made of a film."
                if is_photograph
                else "something was drawn or written on it, or it was coloured afterwards."
            ),
        )


CHECKS.register("colour")(MisfitCheck(title="colour", judge=_judge, yields_to=("blank",)))
