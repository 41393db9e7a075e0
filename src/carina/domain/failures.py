"""Whether a classifier errs where a confounder would."""

from carina.domain.document import Plain
from carina.domain.estimate import Estimate


class ErrorAgreement(Plain):
    """How right a classifier is where a confounder points to the true class, and elsewhere.

    Attributes:
        signal: the confounder ("frame", "source", ...).
        n_right, n_wrong: test films whose class the confounder alone tells rightly, wrongly.
        accuracy_where_right, accuracy_where_wrong: of the classifier on them.
        difference: the first less the second: far above 0 speaks for a shortcut.
        within_classes: the same difference between films of one class, the mean over the
            classes by their films on both sides: what is left if one class is easier than
            another to both.
        n_errors: wrong answers of the classifier on these films.
        n_errors_alike: those of them that are what the confounder points to.
        sentence: what this says, in words.
    """

    signal: str
    n_right: int
    n_wrong: int
    accuracy_where_right: Estimate
    accuracy_where_wrong: Estimate
    difference: Estimate
    within_classes: Estimate | None = None
    n_errors: int = 0
    n_errors_alike: int = 0
    sentence: str = ""
