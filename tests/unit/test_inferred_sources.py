from dataclasses import replace

import pytest

from carina.auditing.inferred_sources import inferred_sources
from carina.auditing.sources import source_tables
from making.datasets import dataset_of, record_of, scan_of


def films_named(names_by_class):
    """Return twenty records per name, by class; `#` becomes a number."""
    return [
        record_of(f"{label}/{name.replace('#', f'{number:03d}')}", label)
        for label, names in names_by_class.items()
        for name in names
        for number in range(20)
    ]


def sources_of(records, **facts):
    scan = scan_of(records)
    return inferred_sources(records, [replace(scan.facts[r.key], **facts) for r in records])


@pytest.mark.parametrize(
    "names",
    [
        ("covid-#.png", "normal-#.png"),
        ("COVID19(#).png", "NORMAL-#.png"),
        ("a_#.png", "b_#.png"),
        ("ill#.png", "healthy#.png"),
        ("zebra-#.png", "giraffe-#.png"),
    ],
)
def test_names_that_only_say_the_class_are_no_sources(names):
    records = films_named({"zebra": names[:1], "giraffe": names[1:]})
    assert len(set(sources_of(records))) == 1


def test_one_word_that_all_films_of_a_class_bear_is_its_name_but_two_words_are_two_places():
    one = films_named({"A": ["hospital-#.png"], "B": ["#.png"]})
    two = films_named({"A": ["hospital-#.png", "#.png"], "B": ["#.png"]})
    assert len(set(sources_of(one))) == 1
    assert set(sources_of(two)) == {"PNG L", "PNG L; named 'hospital'"}


def test_films_made_differently_are_of_different_sources():
    records = films_named({"A": ["#.png"], "B": ["#.png"]})
    scan = scan_of(records)
    facts = [scan.facts[record.key] for record in records]
    half = len(facts) // 2
    for change in (
        {"file_format": "JPEG"},
        {"colour_mode": "RGB"},
        {"traces": ("exif",)},
        {"height": 512, "width": 512},
    ):
        changed = [replace(one, **change) for one in facts[:half]] + facts[half:]
        names = inferred_sources(records, changed)
        assert len(set(names[:half])) == len(set(names[half:])) == 1
        assert names[0] != names[-1]


def test_what_all_films_have_is_not_named():
    records = films_named({"A": ["#.png"]})
    assert set(sources_of(records, traces=("jfif 1.1",))) == {"PNG L"}


def test_sources_of_few_films_are_joined():
    records = films_named({"A": ["#.png"], "B": ["#.png"]})
    scan = scan_of(records)
    facts = [
        replace(scan.facts[r.key], traces=(f"comment {n}",) if n < 4 else ())
        for n, r in enumerate(records)
    ]
    assert set(inferred_sources(records, facts)) == {"PNG L", "various"}


def test_the_commonest_class_of_each_source_is_counted():
    records = [
        *(replace(record_of(f"{n}", "A"), source="north") for n in range(30)),
        *(replace(record_of(f"x{n}", "B"), source="north") for n in range(10)),
        *(replace(record_of(f"y{n}", "B"), source="south") for n in range(20)),
        replace(record_of("z", None), source="south"),
    ]
    (stated,) = source_tables(dataset_of(records), scan_of(records))
    assert not stated.inferred
    assert stated.films == {"north": {"A": 30, "B": 10}, "south": {"A": 0, "B": 20}}
    assert stated.majority_accuracy == pytest.approx(50 / 60)


def test_one_folder_of_two_places_gets_an_inferred_table():
    records = films_named({"A": ["#.png"], "B": ["#.png"]})
    scan = scan_of(records)
    facts = {
        key: replace(one, colour_mode="RGB") if key.startswith("made/A") else one
        for key, one in scan.facts.items()
    }
    (table,) = source_tables(dataset_of(records), replace(scan, facts=facts))
    assert table.inferred
    assert table.films == {"PNG L": {"A": 0, "B": 20}, "PNG RGB": {"A": 20, "B": 0}}
    assert table.majority_accuracy == 1


def test_films_that_were_not_read_are_not_counted_and_one_source_is_no_table():
    records = films_named({"A": ["#.png"], "B": ["#.png"]})
    assert source_tables(dataset_of(records), scan_of(records)) == ()
    assert source_tables(dataset_of(records), scan_of([])) == ()
