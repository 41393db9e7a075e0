"""A page, before it is drawn: ordered sections of blocks."""

from dataclasses import dataclass
from typing import Literal

from carina.domain.audit import Severity
from carina.domain.prediction import CAVEAT


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Plain text; the one that leads a page stands in larger type."""

    text: str
    leads: bool = False


@dataclass(frozen=True, slots=True)
class Bullets:
    """Things of one kind, one below another, after the words that introduce them."""

    lead: str
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence that must not be overlooked."""

    severity: Severity
    text: str


@dataclass(frozen=True, slots=True)
class KeyFigure:
    """A number in large type: "96.6 %", its interval "88.5 to 99.1 %", and what it is."""

    name: str
    value: str
    interval: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class KeyFigures:
    """Some numbers in large type, side by side."""

    figures: tuple[KeyFigure, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table; `align` has "left" or "right" per column (all left if empty)."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""
    align: tuple[Literal["left", "right"], ...] = ()


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing: its SVG source, what it shows for those who cannot see it, and a caption.

    It takes half the page, or all of it where it is more than twice as wide as high. A
    `whole` one stands alone in its row.
    """

    svg: str
    alt: str
    caption: str = ""
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """A small picture: PNG or JPEG bytes with a caption; `alt` describes it."""

    image: bytes
    media_type: Literal["image/png", "image/jpeg"]
    alt: str
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Gallery:
    """Pictures side by side; a wide one has six in a row, over the whole page."""

    pictures: tuple[Picture, ...]
    caption: str = ""
    title: str = ""
    wide: bool = False


@dataclass(frozen=True, slots=True)
class ShownFilm:
    """A film to look at: its name, what is said of it, and its picture where there is one."""

    name: str
    remarks: tuple[str, ...] = ()
    picture: Picture | None = None


@dataclass(frozen=True, slots=True)
class FilmRow:
    """Films side by side under one title; a pair to be compared takes half the page."""

    title: str
    films: tuple[ShownFilm, ...]
    is_pair: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and values, as a definition list."""

    pairs: tuple[tuple[str, str], ...]


AnswerKind = Literal["filled", "missing", "author", "not-applicable"]


@dataclass(frozen=True, slots=True)
class AnsweredItem:
    """One item of a reporting checklist, and what a run says to it.

    Attributes:
        number: as the checklist counts ("12a").
        topic: what it asks for, in a few words.
        kind: "filled" from the run, "missing" in this run though a program could know it,
            "author": only the author knows, or "not-applicable".
        answer: the sentence with the run's own values, what is missing, or why not.
        to_add: what the author has to add to a filled item, or "".
        anchors: sections of the same page that the answer rests on; one that the page does
            not have is not linked.
    """

    number: str
    topic: str
    kind: AnswerKind
    answer: str
    to_add: str = ""
    anchors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Checklist:
    """A reporting checklist: its title, and each of its sections with its items."""

    title: str
    sections: tuple[tuple[str, tuple[AnsweredItem, ...]], ...]


Block = (
    Paragraph
    | Bullets
    | Notice
    | KeyFigures
    | Table
    | Figure
    | Gallery
    | FilmRow
    | Facts
    | Checklist
)


@dataclass(frozen=True, slots=True)
class Section:
    """A titled part of a page; `anchor` is unique on it."""

    anchor: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """A page, before it is drawn."""

    title: str
    subtitle: str
    sections: tuple[Section, ...]
    caveat: str = CAVEAT
