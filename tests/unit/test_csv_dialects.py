"""CSV as spreadsheets, tools and people write it, read by every reader of data sets."""

import csv
import re

import pytest

from carina.data import open_dataset
from carina.errors import DatasetError, RunError
from carina.files.csv_text import CsvProblem, cells_of, decoded_csv, separator_of
from carina.files.tables import header_of, read_rows, read_table
from making.datasets import TEST_KEY, write_class_folders, write_covid_chestxray

TEXT = "path,label\nfilms/film000.png,Größe\nfilms/film001.png,B\n"


def as_bytes(text, *, separator=",", end="\n", encoding="utf-8"):
    return text.replace(",", separator).replace("\n", end).encode(encoding)


WRITTEN = {
    "UTF-8": as_bytes(TEXT),
    "UTF-8 with a mark": as_bytes(TEXT, encoding="utf-8-sig"),
    "UTF-16 with a mark, tabs (Excel's Unicode text)": as_bytes(
        TEXT, separator="\t", end="\r\n", encoding="utf-16"
    ),
    "UTF-16 LE without a mark": as_bytes(TEXT, encoding="utf-16-le"),
    "UTF-16 BE without a mark": as_bytes(TEXT, encoding="utf-16-be"),
    "UTF-16 BE with a mark": b"\xfe\xff" + as_bytes(TEXT, encoding="utf-16-be"),
    "Windows-1252, semicolons": as_bytes(TEXT, separator=";", end="\r\n", encoding="cp1252"),
    "Latin-1": as_bytes(TEXT, encoding="latin-1"),
    "tabs": as_bytes(TEXT, separator="\t"),
    "CR alone": as_bytes(TEXT, end="\r"),
    "blank lines and cells": as_bytes(TEXT).replace(b"\n", b"\n\n,,\n , \n"),
    "cells beyond the header": as_bytes(TEXT).replace(b"B", b"B,, "),
    "a column without a name": b",path,label,\n0,films/film000.png,Gr\xc3\xb6\xc3\x9fe,\n"
    b"1,films/film001.png,B,\n",
    "Excel's hint": b"sep=;\r\n" + as_bytes(TEXT, separator=";"),
    "quotes": b'"path","label"\n"films/film000.png","Gr\xc3\xb6\xc3\x9fe"\nfilms/film001.png,B',
    "a quoted line end": as_bytes(TEXT)
    .replace(b"label", b'label,"note\nof two lines"')
    .replace(b"B", b'B,"two\r\nlines"')
    .replace("Größe".encode(), "Größe,".encode()),
    "bars": as_bytes(TEXT, separator="|"),
    "defused": as_bytes(TEXT).replace(b",B", b",'=B"),
}


@pytest.fixture
def folder(tmp_path):
    return write_class_folders(tmp_path, {"films": 3})


@pytest.mark.parametrize("kind", WRITTEN)
def test_a_manifest_is_read_from_every_way_to_write_it(folder, kind):
    (folder / "m.csv").write_bytes(WRITTEN[kind])
    dataset = open_dataset([folder / "m.csv"], patient_key=TEST_KEY)
    labels = {record.path: record.label for record in dataset.records}
    expected = "=B" if kind == "defused" else "B"
    assert labels == {"films/film000.png": "Größe", "films/film001.png": expected}
    is_guess = any("read as Windows-1252 (Latin-1)" in note for note in dataset.notes)
    assert is_guess == (kind in ("Windows-1252, semicolons", "Latin-1"))


@pytest.mark.parametrize("separator", [";", "\t"])
def test_the_covid_metadata_may_be_saved_by_a_spreadsheet(tmp_path, separator):
    root = write_covid_chestxray(tmp_path / "d", [{"filename": "a.png"}])
    table = root / "metadata.csv"
    with table.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.reader(stream))
    with table.open("w", newline="", encoding="utf-16") as stream:
        csv.writer(stream, delimiter=separator).writerows(rows)
    (record,) = open_dataset([root], patient_key=TEST_KEY).records
    assert (record.path, record.label) == ("images/a.png", "COVID-19")


REFUSED = {
    "nothing": (b"", r"m\.csv is empty; a header line"),
    "blank lines alone": (b"\n\n ,\n", r"m\.csv is empty; a header line"),
    "a zero byte": (b"path,label\na.png,A\nb\0.png,B\n", "line 3: a zero byte; .*save it again"),
    "a quote left open": (
        b'path,label\na.png,"A\nb.png,B\n', "line 2: a quote begins a cell here and is never closed"
    ),
    "a quote inside": (b'path,label\n"a"b.png,A\n', "line 2: a quote stands in the middle"),
    "a huge cell": (
        b"path,label\na.png," + b"A" * 140_000, "line 2: a cell has more than 131,072 letters"
    ),
    "too few cells": (b"path,label\n\na.png,A\nb.png\n", "line 4: 1 cells, and the header has 2"),
    "too many cells": (b"path,label\na.png,A,B\n", "line 2: 3 cells, and the header has 2"),
    "a line of several": (b'path,label\na.png,"A\nB"\nb.png\n', "line 4: 1 cells"),
    "two columns of one name": (
        b"path,label,path\na,A,b\n", r"2 columns called 'path' \(columns 1, 3\)"
    ),
    "two columns of one name in capitals": (
        b"path,label,Path \na,A,b\n", r"several columns called 'path' \('path', 'Path ': case"
    ),
    "a spreadsheet": (b"PK\3\4 and more", "is a spreadsheet or a zip file, not CSV"),
    "an old spreadsheet": (b"\xd0\xcf\x11\xe0 and more", "is an old Excel file, not CSV"),
    "half of UTF-16": (b"\xff\xfep\0a\0t", "is damaged: byte 6 is no UTF-16"),
    "a mark that lies": (b"\xef\xbb\xbfpath,label\n\xff,A\n", "line 2: byte 14 is no UTF-8"),
    "a web address": (
        b"path,label\nhttps://example.org/a.png,A\n", "1 web addresses: line 2: https://.*fetch"
    ),
    "a file address": (b"path,label\nfile:///a.png,A\n", "1 web addresses: line 2: file:"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_read_is_refused_with_its_line(folder, kind):
    data, words = REFUSED[kind]
    (folder / "m.csv").write_bytes(data)
    with pytest.raises(DatasetError, match=words) as refused:
        open_dataset([folder / "m.csv"], patient_key=TEST_KEY)
    assert str(refused.value).startswith(str(folder / "m.csv"))


def test_a_path_of_another_machine_is_known_by_its_last_names(folder):
    text = "path,label\nC:\\Users\\anna\\x.png,A\nfilms/film000.png,A\nfilms/film001.png,B\n"
    (folder / "m.csv").write_text(text + "films/film002.png,B\n", encoding="utf-8")
    paths = [r.path for r in open_dataset([folder / "m.csv"], patient_key=TEST_KEY).records]
    assert "x.png" in paths
    assert not any("anna" in path for path in paths)


def test_unnamed_columns_are_counted_where_they_hold_something(tmp_path):
    (tmp_path / "t.csv").write_text(",a,,b\n1,2,,3\n", encoding="utf-8")
    columns, (row,), notes = read_rows(tmp_path / "t.csv", error=DatasetError)
    assert columns == ("column 1", "a", "b")
    assert dict(row.cells) == {"column 1": "1", "a": "2", "b": "3"}
    assert notes == ()


def test_carinas_own_tables_are_utf_8_with_commas(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"a;b,c\n1;2,3\n")
    assert read_table(tmp_path / "t.csv", error=RunError) == [{"a;b": "1;2", "c": "3"}]
    (tmp_path / "t.csv").write_bytes("a\nä\n".encode("latin-1"))
    with pytest.raises(RunError, match="is no UTF-8, as Carina writes it"):
        read_table(tmp_path / "t.csv", error=RunError)


def test_a_table_that_is_not_there_or_no_file_is_told(tmp_path):
    with pytest.raises(RunError, match="does not exist"):
        read_table(tmp_path / "t.csv", error=RunError)
    with pytest.raises(RunError, match="is a folder"):
        read_table(tmp_path, error=RunError)
    assert header_of(tmp_path / "t.csv") == frozenset()


def test_the_separator_is_the_one_that_cuts_the_rows_alike():
    assert separator_of("path;label, said by A, B\na.png;Normal\nb.png;Covid\n") == ";"
    assert separator_of("path\na,b.png\nc.png\n") != ","
    assert separator_of("") == ","


def test_lines_are_counted_as_an_editor_counts_them():
    text = 'a,b\r\n\r\n1,"x\ny"\r2,z\n'
    assert [row.line for row in cells_of(text, ",")] == [1, 4, 5]
    with pytest.raises(CsvProblem) as problem:
        decoded_csv(b"a\nb\0")
    assert problem.value.line == 2
    assert re.search("zero", str(problem.value))
