"""An external test beside the internal one."""

from collections.abc import Mapping

from pydantic import Field

from carina.domain.document import Plain
from carina.domain.estimate import Estimate


class AgainstInternal(Plain):
    """An external test beside the internal one of the same classifier.

    Films that training knew count on neither side, as far as anything is left without them.

    Attributes:
        name: what the internal test was, in words.
        n_internal: its films that count here.
        n_external: the external test's films that count here.
        without_leaks: whether leaked films were left out of the internal test.
        without_known: whether films known from training were left out of the external one.
        absent: classes that one of the two tests has no film of; numbers over all classes
            then do not compare, and their drops are undefined.
        internal: metric -> on the internal test part.
        internal_per_class: class -> metric -> the same.
        drops: metric -> external less internal; below 0 it does worse elsewhere, but for an
            error, of which less is better.
        drops_per_class: class -> metric -> the same.
        sentence: what this says, in words.
    """

    name: str
    n_internal: int
    n_external: int = 0
    without_leaks: bool = False
    without_known: bool = False
    absent: tuple[str, ...] = ()
    internal: Mapping[str, Estimate]
    internal_per_class: Mapping[str, Mapping[str, Estimate]] = Field(default_factory=dict)
    drops: Mapping[str, Estimate]
    drops_per_class: Mapping[str, Mapping[str, Estimate]] = Field(default_factory=dict)
    sentence: str = ""
