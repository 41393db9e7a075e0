"""The sections of a run's page; one file here adds one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from carina.domain.report import Section
from carina.registry import Registry
from carina.runs import Run

WriteSection = Callable[[Run], Section | None]


@dataclass(frozen=True, slots=True)
class SectionPart:
    """One section of a run's page.

    Attributes:
        order: where it stands on the page, the smallest first.
        write: the section of a run, or None if the run has nothing for it.
    """

    order: int
    write: WriteSection


SECTIONS: Registry[SectionPart] = Registry("section", package="carina.reporting.sections")


def section(name: str, *, order: int) -> Callable[[WriteSection], WriteSection]:
    """Return a decorator that registers a function as the section called `name`."""

    def add(write: WriteSection) -> WriteSection:
        SECTIONS.register(name)(SectionPart(order, write))
        return write

    return add
