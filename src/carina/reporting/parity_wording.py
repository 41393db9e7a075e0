"""How closely a network answers like the one that it was made of."""

from collections.abc import Mapping

from carina.domain.sentences import counted


def parity_in_words(parity: Mapping[str, float], *, film: str = "validation film") -> str:
    """Return what a card's `parity` says, as the end of a sentence.

    Args:
        parity: of a card.
        film: what it was found on.

    >>> parity_in_words({"n_films": 2, "max_probability_difference": 3e-7})
    'probabilities differ by at most 3.0e-07 on 2 validation films'
    """
    films = counted(int(parity.get("n_films", 0)), film)
    if parity["max_probability_difference"] == 0:
        return f"the probabilities are the same on {films}"
    said = f"probabilities differ by at most {parity['max_probability_difference']:.1e} on {films}"
    if "float32_rounding" not in parity:
        return said
    return (
        f"{said}, which rounding explains: float32 alone moves this network's by up to "
        f"{parity['float32_rounding']:.1e} ({parity['accepted']:.1g} is accepted)"
    )
