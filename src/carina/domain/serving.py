"""Whether a classifier may be served in a shorter number format than it was tested in."""

from carina.domain.document import Plain
from carina.domain.sentences import counted

LARGEST_MARGIN = 0.01
"""Decisions may change only on films whose deciding probability lies within this of its
threshold."""
LARGEST_DIFFERENCE = 0.02
"""No probability may differ by more."""


class ServingAgreement(Plain):
    """How the answers in bf16 agree with those in f32 on the validation films.

    Attributes:
        precision: what was tried: "bf16".
        runtime: what computed it, with its version.
        n_films: validation films that both answered.
        n_changed: films whose decision differs.
        largest_margin: the largest distance from its threshold at which a decision changed, in
            f32; 0 if none did.
        max_probability_difference: over all films and classes.
        offered: whether bf16 is offered: no decision changed beyond `LARGEST_MARGIN`, and no
            probability by more than `LARGEST_DIFFERENCE`.
        because: why it was not measured, in words; else "".
    """

    precision: str = "bf16"
    runtime: str = ""
    n_films: int = 0
    n_changed: int = 0
    largest_margin: float = 0.0
    max_probability_difference: float = 0.0
    offered: bool = False
    because: str = ""

    @property
    def sentence(self) -> str:
        """What was found, as a sentence.

        >>> ServingAgreement(because="OpenVINO is not installed").sentence
        'Serving in bf16 is not offered: OpenVINO is not installed.'
        """
        if self.because:
            return f"Serving in {self.precision} is not offered: {self.because}."
        changed = (
            f"changed {counted(self.n_changed, 'decision')}, at most {self.largest_margin:.3f} "
            "from the threshold"
            if self.n_changed
            else "changed no decision"
        )
        offer = "offered" if self.offered else "not offered"
        films = counted(self.n_films, "validation film")
        return (
            f"Serving in {self.precision} is {offer}: on {films} it {changed}, and probabilities "
            f"differ by at most {self.max_probability_difference:.4f} (accepted: "
            f"{LARGEST_MARGIN:g} and {LARGEST_DIFFERENCE:g}; {self.runtime})."
        )
