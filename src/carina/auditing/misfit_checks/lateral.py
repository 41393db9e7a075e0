"""Films whose view is stated and is not frontal."""

from collections.abc import Iterable

from carina.auditing.misfit_check import MeasuredFilms, MisfitCheck, Suspect
from carina.auditing.misfit_checks import CHECKS
from carina.domain.views import not_frontal


def _judge(films: MeasuredFilms) -> Iterable[Suspect]:
    """Suspect the films that their data set or their file calls lateral or oblique."""
    for place, (record, facts) in enumerate(zip(films.records, films.facts, strict=True)):
        view = record.view or facts.view or ""
        kind = not_frontal(view)
        if kind:
            yield Suspect(
                place=place,
                sureness="certain",
                strength=1.0,
                sentence=f"Its view is stated as '{view}', {kind}, among frontal films. Tags "
                "are sometimes wrong: one look tells.",
            )


CHECKS.register("lateral")(MisfitCheck(title="lateral", judge=_judge))
