"""Names are harmless wherever they are shown, and none is lost."""

import json
import sys
import unicodedata

import pytest

from carina.cli.terminal import note, show_json, show_table
from carina.data import open_dataset
from carina.domain.audit import Audit, Finding
from carina.domain.progress import Step
from carina.domain.report import FilmRow, Report, Section, ShownFilm
from carina.errors import DatasetError
from carina.files.documents import read_document, write_document
from carina.files.names import (
    LONGEST_NAME,
    encodable,
    in_json,
    on_disk,
    on_lines,
    one_line,
    printable,
)
from carina.reporting.render import render_html
from carina.workflows.progress_bar import progress_bar
from making.datasets import TEST_KEY, write_film

HOSTILE = (
    "two\nlines\rand\ttab.png",
    "\x1b[2J\x1b]0;title\x07.png",
    "\x9b31m\x85.png",
    "\u202egnp.exe",
    *(f"a{mark}b.png" for mark in "\u200e\u200f\u202a\u202b\u202c\u202d\u2066\u2067\u2068\u2069"),
    *(f"a{mark}b.png" for mark in "\u200b\u200c\u200d\u2060\ufeff\u00ad\u2028\u2029"),
    "R\udcf6ntgen\ud800.png",
)
ORDINARY = ("Röntgen 2.png", "胸片.png", "صورة.png", "a b.png", "[bold]b.png", "'=1+1.png")


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_not_harmless_is_written_out(name):
    shown = printable(name)
    assert {unicodedata.category(sign)[0] for sign in shown} <= set("LMNPSZ")
    assert "\n" not in shown
    assert shown != name
    assert "\\" in shown


@pytest.mark.parametrize("name", [*HOSTILE, *ORDINARY, "x" * 10_000])
def test_a_name_that_was_made_harmless_stays(name):
    assert printable(printable(name)) == printable(name)
    shown = printable(name)
    assert one_line(shown) == on_lines(shown) == in_json(shown) == encodable(shown) == shown


def test_ordinary_names_of_any_language_stay():
    assert [printable(name) for name in ORDINARY] == list(ORDINARY)


def test_hostile_names_stay_apart():
    assert len({printable(name) for name in HOSTILE}) == len(HOSTILE)
    long = [printable("a" * 5_000 + letter + "b" * 5_000) for letter in "xy"]
    assert len(set(long)) == 2
    assert all(len(name) <= LONGEST_NAME for name in long)
    assert "10,001 characters" in long[0]


@pytest.mark.parametrize("name", HOSTILE)
def test_json_on_the_terminal_keeps_the_very_name(capsys, name):
    show_json({"path": name})
    said = capsys.readouterr().out
    assert json.loads(said) == {"path": name}
    assert on_lines(said) == said


@pytest.mark.parametrize("name", [*HOSTILE, "[bold red]x[/].png"])
def test_nothing_that_is_printed_commands_the_terminal(capsys, name):
    note(f"skipped: {name}")
    show_table(["film"], [[name]], title=name)
    with progress_bar() as draw:
        draw(Step("reading", message=name))
    out, err = capsys.readouterr()
    assert "[bold red]x[/].png" in out + err or name in HOSTILE
    for text in (out, err):
        assert on_lines(text) == text


def test_a_page_shows_names_as_text_in_a_direction_of_their_own():
    name = '<img src=x onerror="alert(1)">صورة.png'
    section = Section("films", name, (FilmRow(name, (ShownFilm(name),)),))
    page = render_html(Report(title=name, subtitle=name, sections=(section,)))
    assert "<img" not in page
    assert "<bdi>&lt;img src=x onerror=&#34;alert(1)&#34;&gt;صورة.png</bdi>" in page


def test_films_and_classes_of_a_data_set_have_harmless_names(tmp_path):
    folder = tmp_path / "set\u202e"
    for n, name in enumerate(("a\nb.png", "R\udcf6.png", "c.png")):
        write_film(folder / "Nor\x1b[2Jmal" / name, n)
    write_film(folder / "Other" / "d.png", 7)
    dataset = open_dataset([folder], patient_key=TEST_KEY)
    words = [word for r in dataset.records for word in (r.path, r.source, r.label)]
    words += [*dataset.labels.names, *dataset.notes, *(source.name for source in dataset.sources)]
    assert [printable(word) for word in words] == words
    assert sum(record.file.is_file() for record in dataset.records) == 4


def test_two_films_whose_names_become_one_are_refused_by_name(tmp_path):
    for n, name in enumerate(("a\nb.png", "a\\nb.png")):
        write_film(tmp_path / "X" / name, n)
    write_film(tmp_path / "Y" / "c.png", 2)
    with pytest.raises(DatasetError, match=r"two films are called .*/X/a\\nb\.png"):
        open_dataset([tmp_path], patient_key=TEST_KEY)


@pytest.mark.skipif(sys.platform != "linux", reason="names that are no UTF-8")
def test_a_name_as_it_is_shown_leads_to_the_file(tmp_path):
    odd = tmp_path / "R\udcf6ntgen \udcff"
    odd.mkdir()
    assert on_disk(printable(str(odd))) == odd
    literal = tmp_path / printable(odd.name)
    literal.mkdir()
    assert on_disk(str(literal)) == literal
    assert on_disk(str(tmp_path / r"none\xf6")) == tmp_path / r"none\xf6"
    dataset = tmp_path / "R\udce4" / "films"
    for number, label in enumerate("ab"):
        write_film(dataset / label / "film.png", number)
    found = open_dataset([printable(str(dataset))], patient_key=TEST_KEY)
    assert len(found.records) == 2


def test_a_document_with_a_name_that_is_no_utf_8_is_written(tmp_path):
    said = Finding(severity="note", sentence="R\udcf6ntgen, Größe 0.1")
    audit = Audit(images={"R\udcf6": {"b": 1}}, findings=(said,), not_checked=())
    write_document(tmp_path / "audit.json", audit)
    read = read_document(tmp_path / "audit.json", Audit, error=DatasetError)
    assert read.findings[0].sentence == r"R\xf6ntgen, Größe 0.1"
    assert read.images == {r"R\xf6": {"b": 1}}
