"""What every registered section of the page keeps, whoever adds it."""

import itertools

import pytest

from carina.domain.report import Figure, Gallery, Section, Table
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


@pytest.fixture(scope="module")
def written(runs):
    """Each section of each run, written once."""
    found = {}

    def write(name, kind):
        if (name, kind) not in found:
            found[name, kind] = SECTIONS.get(name).write(runs[kind])
        return found[name, kind]

    return write


every_section_and_run = pytest.mark.parametrize(
    ("name", "kind"), list(itertools.product(SECTIONS.names(), RUNS))
)


@every_section_and_run
def test_a_section_is_written_from_any_run_or_left_out(written, name, kind):
    section = written(name, kind)
    assert section is None or isinstance(section, Section)
    if section is not None:
        assert section.anchor
        assert section.title
        assert section.blocks


@every_section_and_run
def test_tables_are_rectangular_and_pictures_have_words(written, name, kind):
    section = written(name, kind)
    for block in section.blocks if section else ():
        if isinstance(block, Table):
            assert {len(row) for row in block.rows} <= {len(block.columns)}
            assert len(block.align) in (0, len(block.columns))
        if isinstance(block, Figure):
            assert block.alt
            assert block.svg.startswith("<svg")
        if isinstance(block, Gallery):
            assert all(picture.alt for picture in block.pictures)


@pytest.mark.parametrize("name", SECTIONS.names())
def test_a_section_says_the_same_each_time(runs, written, name):
    assert SECTIONS.get(name).write(runs["leaky"]) == written(name, "leaky")


def test_orders_and_anchors_are_unique(written):
    orders = [SECTIONS.get(name).order for name in SECTIONS.names()]
    assert len(set(orders)) == len(orders)
    sections = [written(name, "plain") for name in SECTIONS.names()]
    anchors = [section.anchor for section in sections if section is not None]
    assert len(set(anchors)) == len(anchors)
