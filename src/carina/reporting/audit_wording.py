"""An audit in words: kinds, signals, codes and the verdict, one place for page and terminal."""

from __future__ import annotations

from collections.abc import Mapping

from carina.domain.audit import Audit, Confounder, LeakKind, Power, Severity, Subject, Sureness
from carina.domain.sentences import listed

# from what needs no proof to what needs a look
KINDS: Mapping[LeakKind, str] = {
    "identical-bytes": "Same file",
    "identical-pixels": "Same picture in another file",
    "near-duplicate": "Nearly the same picture",
    "same-patient": "Same patient",
}
SURENESS: tuple[Sureness, ...] = ("certain", "likely", "possible")

_SIGNALS = {
    "bit-depth": "Bit depth",
    "colour-mode": "Colour mode",
    "corners": "Corners of the image",
    "demographics": "Age and sex",
    "file-format": "File format",
    "frame": "Frame of the image",
    "histogram": "Grey values",
    "image-size": "Size of the image",
    "jpeg-tables": "JPEG compression",
    "metadata": "Metadata in the file",
    "source": "Source",
    "thumbnail": "8 x 8 thumbnail",
    "thumbnail-masked": "Thumbnail, centre masked",
}
_MISFITS = {
    "blank": "Blank",
    "inverted": "Black and white swapped",
    "rotated": "Rotated",
    "lateral": "Lateral view",
    "not-chest": "Not a chest film",
    "colour": "Colour picture",
    "collage": "Several pictures in one",
    "text": "Text over the lungs",
    "outlier": "Unlike the other films",
}
_REASONS: Mapping[Subject, str] = {
    "leaks": "one part knows films or patients of another",
    "labels": "one film stands under two classes",
    "against": "another data set holds the same films",
    "confounders": "the class can be told without looking at the lungs",
    "ages": "children stand against adults",
    "sources": "the classes come from different sources",
    "misfits": "some films may not belong",
    "duplicates": "films are there more than once",
    "unreadable": "some files cannot be read",
    "parts": "a part to check with is missing",
    "classes": "a class has few films or none",
    "power": "the test part is small",
    "patients": "the patients are not all known",
    "writing": "writing on some films may name patients",
}


def signal_title(signal: str) -> str:
    """Return what a confounder looks at, in words; an unknown one keeps its name.

    >>> signal_title("file-format"), signal_title("pixel-noise")
    ('File format', 'Pixel noise')
    """
    return _SIGNALS.get(signal, signal.replace("-", " ").capitalize())


def telling(confounder: Confounder) -> str:
    """Return whether a signal tells the class, in few words.

    >>> telling(Confounder(signal="frame", balanced_accuracy=0.6, low=0.4, high=0.8, chance=0.5))
    'little, or luck'
    """
    return "tells the class" if confounder.tells else "little, or luck"


def misfit_title(code: str) -> str:
    """Return why a film may not belong, in words; an unknown code keeps its name.

    >>> misfit_title("inverted"), misfit_title("two-heads")
    ('Black and white swapped', 'Two heads')
    """
    return _MISFITS.get(code, code.replace("-", " ").capitalize())


def verdict(audit: Audit) -> str:
    """Return what the findings come to, in one sentence.

    >>> verdict(Audit(images={}))
    'Nothing was found by what this audit looks at; what it did not look at stands at the end.'
    """
    severities = {finding.severity for finding in audit.findings}
    if "critical" in severities:
        claim = "A result on these films cannot be believed as they stand"
        return f"{claim}{_because(audit, 'critical')}."
    if "warning" in severities:
        claim = "A result on these films must be read with care"
        return f"{claim}{_because(audit, 'warning')}."
    found = "Nothing serious was found" if severities else "Nothing was found"
    return f"{found} by what this audit looks at; what it did not look at stands at the end."


def _because(audit: Audit, severity: Severity) -> str:
    """Return what the findings of a severity are about, each once."""
    about = [f.about for f in audit.findings if f.severity == severity and f.about is not None]
    reasons = [_REASONS[subject] for subject in dict.fromkeys(about) if subject in _REASONS]
    return f": {listed(reasons)}" if reasons else ""


def power_sentence(power: Power) -> str:
    """Return what the test part could show, for a student."""
    return (
        f"The test part counts {power.n:,} (patients where they are known, else films). A "
        f"classifier that is right for {100 * power.accuracy:.0f} % of them is known to about "
        f"{100 * power.half_width:.1f} points either way. Two classifiers tested on these same "
        f"films must differ by {100 * power.smallest_difference:.1f} points or more, or the test "
        "will probably not show which one is better: a smaller difference is luck as far as "
        "anyone can tell."
    )
