"""Audits made by hand: one with something of everything, with phantom pictures to show."""

from collections.abc import Iterable

import numpy as np

from carina.domain.audit import (
    Ages,
    Audit,
    Confounder,
    Finding,
    LabelConflict,
    Leak,
    Misfit,
    Power,
    SharedFilm,
    SourceTable,
    Unreadable,
)
from carina.imaging.phantom import PHANTOM_FINDINGS, make_phantom
from carina.imaging.pictures import pixels_png

CLASSES = ("COVID-19", "Normal")
LONG_NAME = (
    "train/COVID-19/1-s2.0-S1684118220300608-main.pdf-002-and-a-name-that-goes-on-and-on-without"
    "-any-space-until-it-is-far-wider-than-a-telephone.jpeg"
)
HOSTILE_NAME = "test/Normal/<img src=x onerror=alert(1)>\"'&.png"

_SENTENCES = {
    "frame": "From the outer tenth of the image alone, where no lung is, the class is told rightly "
    "for 97 of 100 films: borders and positioning differ from class to class.",
    "corners": "Letters and markers in the corners alone tell little.",
    "histogram": "How bright the film is in all, without where, tells the class for 83 of 100.",
    "thumbnail": "A picture of 8 x 8 pixels, in which no disease can be seen, is enough for 91 of "
    "100 films.",
    "thumbnail-masked": "The same picture with the lungs blacked out is enough for 88 of 100.",
    "colour-mode": "All films of both classes have one colour mode: it tells nothing.",
    "file-format": "COVID-19 films are mostly PNG and normal ones JPEG.",
    "image-size": "The size of the files tells 78 of 100.",
    "metadata": "What else stands in the files tells 55 of 100, no more than luck would.",
    "source": "The data set that a film came from tells 99 of 100.",
}
_VALUES = (
    ("frame", 0.970, 0.951, 0.984, True, True),
    ("thumbnail", 0.912, 0.880, 0.938, True, True),
    ("thumbnail-masked", 0.881, 0.846, 0.911, True, True),
    ("histogram", 0.832, 0.793, 0.866, True, True),
    ("corners", 0.541, 0.489, 0.592, False, True),
    ("colour-mode", 0.500, 0.449, 0.551, False, True),
    ("source", 0.990, 0.972, 0.998, True, False),
    ("file-format", 0.861, 0.824, 0.893, True, False),
    ("image-size", 0.783, 0.740, 0.821, True, False),
    ("metadata", 0.470, 0.419, 0.521, False, False),
)


def confounders() -> tuple[Confounder, ...]:
    """Return ten signals: some tell much, some nothing, one less than guessing."""
    return tuple(
        Confounder(
            signal=signal,
            balanced_accuracy=value,
            low=low,
            high=high,
            chance=0.5,
            n=346,
            tells=tells,
            in_pixels=in_pixels,
            sentence=_SENTENCES[signal],
        )
        for signal, value, low, high, tells, in_pixels in _VALUES
    )


def rich_audit() -> Audit:
    """Return an audit with something in every field, long and hostile names among them."""
    near = [
        Leak(a=film("train", n), b=film("test", n), kind="near-duplicate", parts=("train", "test"))
        for n in range(5)
    ]
    leaks = (
        Leak(a=LONG_NAME, b=HOSTILE_NAME, kind="near-duplicate", parts=("train", "test")),
        *near,
        *(
            Leak(a=film("train", 10), b=film("test", n), kind=kind, parts=("train", "test"))
            for n, kind in (
                (10, "identical-bytes"),
                (11, "identical-pixels"),
                (11, "same-patient"),
                (12, "same-patient"),
            )
        ),
        Leak(
            a=film("train", 13),
            b=film("validation", 13),
            kind="identical-pixels",
            parts=("train", "validation"),
        ),
    )
    return Audit(
        images={
            "train": {"COVID-19": 143, "Normal": 1440},
            "validation": {"COVID-19": 29, "Normal": 30},
            "test": {"COVID-19": 33, "Normal": 33},
        },
        patients={
            "train": {"COVID-19": 97, "Normal": 1440},
            "test": {"COVID-19": 30, "Normal": 33},
        },
        unreadable=(
            Unreadable(path="train/Normal/x.png", code="damaged", message="it ends too early"),
            Unreadable(path="test/Normal/y.dcm", code="empty", message="it has no bytes"),
        ),
        exact_duplicates=(
            (film("train", 13), film("validation", 13)),
            (film("train", 20), film("train", 21), film("train", 22)),
        ),
        near_duplicates=(
            (film("train", 30), film("train", 31)),
            *((leak.a, leak.b) for leak in leaks if leak.kind == "near-duplicate"),
        ),
        leaks=leaks,
        label_conflicts=(
            LabelConflict(
                paths=(film("test", 40), film("train", 40), film("train", 41)), labels=CLASSES
            ),
        ),
        confounders=confounders(),
        sources=(
            SourceTable(
                films={
                    "ieee8023": {"COVID-19": 200, "Normal": 3},
                    "kermany": {"COVID-19": 5, "Normal": 1500},
                },
                inferred=False,
                majority_accuracy=0.9953,
            ),
            SourceTable(
                films={
                    "JPEG 1024 x 1024": {"COVID-19": 12, "Normal": 1300},
                    "PNG": {"COVID-19": 193, "Normal": 203},
                },
                inferred=True,
                majority_accuracy=0.88,
            ),
        ),
        misfits=_misfits(),
        ages=Ages(
            basis="estimated",
            sureness="likely",
            children={"COVID-19": 0.01, "Normal": 0.96},
            n={"COVID-19": 205, "Normal": 1503},
        ),
        against=(
            SharedFilm(
                a=film("test", 50),
                b="kermany/Normal/0050.jpeg",
                kind="near-duplicate",
                labels=("COVID-19", "Normal"),
            ),
            SharedFilm(
                a=film("test", 51),
                b="kermany/Normal/0051.jpeg",
                kind="identical-bytes",
                labels=("Normal", "Normal"),
            ),
        ),
        power=Power(n=66, accuracy=0.9, half_width=0.0726, smallest_difference=0.109),
        findings=_findings(),
        not_checked=(
            "labels that are wrong without a copy to contradict them",
            "whether 1,700 films of unknown patients share a patient with others",
            "the 2 files that cannot be read",
        ),
    )


def clean_audit() -> Audit:
    """Return an audit that found nothing, and says what it did not look at."""
    quiet = ("corners", "colour-mode", "metadata")
    return Audit(
        images={"train": {"A": 400, "B": 380}, "test": {"A": 100, "B": 95}},
        confounders=tuple(one for one in confounders() if one.signal in quiet),
        power=Power(n=195, accuracy=0.9, half_width=0.042, smallest_difference=0.063),
        not_checked=("labels that are wrong without a copy to contradict them",),
    )


def film(part: str, number: int) -> str:
    """Return the name of a film in the made-up audit."""
    return f"{part}/{CLASSES[number % 2]}/{number:04d}.png"


def phantom_pictures(names: Iterable[str], *, side: int = 96) -> dict[str, bytes]:
    """Return a small phantom for every name, two by two alike: wide and tall ones by turns,
    the second darker."""
    pictures = {}
    for number, name in enumerate(names):
        pair = number // 2
        height, width = ((side, side), (side, side * 3 // 4), (side * 3 // 4, side))[pair % 3]
        phantom = make_phantom(
            PHANTOM_FINDINGS[pair % 3],
            rng=np.random.default_rng(pair),
            height=height,
            width=width,
        )
        pictures[name] = pixels_png(phantom.pixels * (0.4 if number % 2 else 1.0))
    return pictures


def _misfits() -> tuple[Misfit, ...]:
    codes = {
        "blank": ("certain", 2, "Its grey values differ by 0.4 % from end to end."),
        "colour": ("certain", 1, "31 % of its pixels are clearly coloured."),
        "inverted": ("likely", 4, "The lungs are brighter than the mediastinum by 0.31."),
        "lateral": ("certain", 3, "The tag ViewPosition says LL."),
        "outlier": ("possible", 30, "Its distance from the other films is 9.1 (the rule: 6)."),
    }  # fmt: skip
    order = ("certain", "likely", "possible")
    misfits = [
        Misfit(path=film("train", 100 + place), code=code, sureness=sureness, sentence=sentence)
        for code, (sureness, n, sentence) in codes.items()
        for place in range(n)
    ]
    return tuple(sorted(misfits, key=lambda misfit: order.index(misfit.sureness)))


def _findings() -> tuple[Finding, ...]:
    said = (
        ("critical", "leaks", "9 of 66 films of test (14 %) are also in train, the same picture or "
         "nearly: a network only has to remember them."),
        ("critical", "labels", "1 picture under several classes, so that some labels must be wrong "
         "(COVID-19 and Normal)."),
        ("critical", "confounders", "From the outer tenth of the image alone, where no lung is, "
         "the class is told rightly for 97 of 100 films (also told from thumbnail 0.91)."),
        ("critical", "against", "2 films also in the other data set: a test on it is no test."),
        ("warning", "ages", "Films of Normal are of children and films of COVID-19 of adults."),
        ("warning", "misfits", "40 of 1,708 films may not belong: look at them before you train."),
        ("warning", "unreadable", "2 of 1,710 files cannot be read as films and were skipped."),
        ("note", "power", "With 66 in the test part little can be shown."),
        ("note", "left-out", "Left out: Prediction/, 23 films (no label)."),
    )  # fmt: skip
    return tuple(
        Finding(severity=severity, about=about, sentence=sentence)
        for severity, about, sentence in said
    )
