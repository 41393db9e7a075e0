"""What every registered section of the page keeps, whoever adds it."""

import itertools

import pytest

from carina.domain.report import Figure, Gallery, Section, Table
from carina.reporting.build import build_report
from carina.reporting.sections import SECTIONS
from making.runs import ExampleRun, write_example_run

RUNS = {
    "plain": ExampleRun(),
    "leaky": ExampleRun(leaks=5, sources=("hospital-a", "hospital-b"), films_per_patient=2),
    "perfect": ExampleRun(separation=40.0, pictures=False),
    "no Covid in the test": ExampleRun(
        films=(("train", (9, 9, 9)), ("validation", (3, 3, 3)), ("test", (0, 8, 8)))
    ),
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return {
        name: write_example_run(folder / str(number), example)
        for number, (name, example) in enumerate(RUNS.items())
    }


every_section_and_run = pytest.mark.parametrize(
    ("name", "kind"), list(itertools.product(SECTIONS.names(), RUNS))
)


@every_section_and_run
def test_a_section_is_written_from_any_run_or_left_out(runs, name, kind):
    section = SECTIONS.get(name).write(runs[kind])
    assert section is None or isinstance(section, Section)
    if section is not None:
        assert section.anchor
        assert section.title
        assert section.blocks


@every_section_and_run
def test_tables_are_rectangular_and_pictures_have_words(runs, name, kind):
    section = SECTIONS.get(name).write(runs[kind])
    for block in section.blocks if section else ():
        if isinstance(block, Table):
            assert {len(row) for row in block.rows} <= {len(block.columns)}
            assert len(block.align) in (0, len(block.columns))
        if isinstance(block, Figure):
            assert block.alt
            assert block.svg.startswith("<svg")
        if isinstance(block, Gallery):
            assert all(picture.alt for picture in block.pictures)


@every_section_and_run
def test_a_section_says_the_same_each_time(runs, name, kind):
    write = SECTIONS.get(name).write
    assert write(runs[kind]) == write(runs[kind])


def test_orders_and_anchors_are_unique(runs):
    orders = [SECTIONS.get(name).order for name in SECTIONS.names()]
    assert len(set(orders)) == len(orders)
    anchors = [section.anchor for section in build_report(runs["plain"]).sections]
    assert len(set(anchors)) == len(anchors)
