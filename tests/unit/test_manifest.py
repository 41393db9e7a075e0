from dataclasses import replace

import pytest

from carina.data.manifest import COLUMNS, read_manifest, write_manifest
from carina.data.scan import FilmScan
from carina.data.split import split_dataset
from carina.domain.recipe import SplitSection
from carina.errors import RunError
from making.datasets import dataset_of, record_of, scan_of


def made(tmp_path):
    records = [
        record_of(f"{label}/{n}, odd.png", label, patient=f"{label}{n}", sex="F", age_years=61.5)
        for label in "AB"
        for n in range(10)
    ]
    records += [record_of("B/plain.png", "B"), record_of("x.png", None)]
    pictures = {"made/A/0, odd.png": "x", "made/A/1, odd.png": "x"}
    dataset, scan = dataset_of(records), scan_of(records, pictures)
    split = split_dataset(dataset, scan, SplitSection())
    path = tmp_path / "manifest.csv"
    write_manifest(path, dataset, split, scan)
    return path, dataset, split, scan


def test_the_columns_are_those_of_the_design(tmp_path):
    path, *_ = made(tmp_path)
    assert path.read_text().splitlines()[0] == (
        "path,sha256,label,patient,source,split,duplicate_group,view,sex,age_years"
    )


def test_every_film_of_the_split_comes_back_as_it_was(tmp_path):
    path, dataset, split, scan = made(tmp_path)
    rows = read_manifest(path)
    assert {row.key: row.split for row in rows} == dict(split.parts)
    by_key = {row.key: row for row in rows}
    for record in dataset.records:
        if record.label is None:
            assert record.key not in by_key
            continue
        row = by_key[record.key]
        assert (row.label, row.patient, row.sex) == (record.label, record.patient, record.sex)
        assert row.age_years == record.age_years
        assert row.sha256 == scan.facts[record.key].sha256
    assert by_key["made/A/0, odd.png"].duplicate_group == 1
    assert by_key["made/B/plain.png"].duplicate_group is None


def test_the_view_is_the_film_s_own_where_the_data_set_names_none(tmp_path):
    records = [record_of(f"{label}/{n}.dcm", label) for label in "AB" for n in range(10)]
    records[0] = replace(records[0], view="AP")
    facts = {key: replace(one, view="PA") for key, one in scan_of(records).facts.items()}
    dataset, scan = dataset_of(records), FilmScan(facts=facts)
    path = tmp_path / "manifest.csv"
    write_manifest(path, dataset, split_dataset(dataset, scan, SplitSection()), scan)
    assert [row.view for row in read_manifest(path)] == ["AP", *["PA"] * 19]


def test_a_file_without_a_column_is_no_manifest(tmp_path):
    path = tmp_path / "manifest.csv"
    path.write_text("path,label\na,b\n")
    with pytest.raises(RunError, match="no column sha256"):
        read_manifest(path)


def test_an_unknown_split_is_refused_with_its_film(tmp_path):
    path = tmp_path / "manifest.csv"
    path.write_text(",".join(COLUMNS) + "\na.png,00,A,,made,trian,,,,\n")
    with pytest.raises(RunError, match=r"film 1 \(a\.png\): split is 'trian'"):
        read_manifest(path)
