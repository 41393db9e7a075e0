"""The sections of a run's page, or of a test's; one file here adds one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from carina.domain.report import Section
from carina.registry import Registry
from carina.runs import Run, TestFolder

WriteSection = Callable[[Run], Section | None]
WriteTestSection = Callable[[Run | TestFolder], Section | None]


@dataclass(frozen=True, slots=True)
class SectionPart:
    """One section of a run's page.

    Attributes:
        order: where it stands on the page, the smallest first.
        write: the section of a run, or None if the run has nothing for it.
        write_of_test: the section of a test without a run as well, if it can be written.
    """

    order: int
    write: WriteSection
    write_of_test: WriteTestSection | None = None


SECTIONS: Registry[SectionPart] = Registry("section", package="carina.reporting.sections")


def section(name: str, *, order: int) -> Callable[[WriteSection], WriteSection]:
    """Return a decorator that registers a function as the section called `name`."""

    def add(write: WriteSection) -> WriteSection:
        SECTIONS.register(name)(SectionPart(order, write))
        return write

    return add


def test_section(name: str, *, order: int) -> Callable[[WriteTestSection], WriteTestSection]:
    """Return a decorator that registers a function as the section called `name`, for the
    page of a run and for that of a test which has no run."""

    def add(write: WriteTestSection) -> WriteTestSection:
        SECTIONS.register(name)(SectionPart(order, write, write))
        return write

    return add
