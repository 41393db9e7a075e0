"""Pictures of nearly one grey."""

from collections.abc import Iterable

from carina.auditing.misfit_check import MeasuredFilms, MisfitCheck, Suspect
from carina.auditing.misfit_checks import CHECKS
from carina.domain.gate import Gate

_LEAST_CONTRAST = Gate().min_contrast


def _judge(films: MeasuredFilms) -> Iterable[Suspect]:
    """Suspect the films that the classifiers' own gate would refuse as blank."""
    for place, facts in enumerate(films.facts):
        if facts.contrast < _LEAST_CONTRAST:
            yield Suspect(
                place=place,
                sureness="certain",
                strength=-facts.contrast,
                sentence=f"Nearly one grey: 90 % of its grey values lie within "
                f"{100 * facts.contrast:.1f} % of the range. Of a 16 bit file that only uses its "
                "lowest bits this is true as well: look at it stretched before dropping it.",
            )


CHECKS.register("blank")(MisfitCheck(title="blank", judge=_judge))
