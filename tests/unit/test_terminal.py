"""What the commands print where a terminal shows it, and where it does not."""

import sys

from carina.cli.terminal import note_about

CAUTION = "its heat maps are not shown to matter more to the network than places drawn at random"


def test_a_caution_is_folded_between_words_in_a_terminal_alone(monkeypatch, capsys):
    note_about([CAUTION])
    assert capsys.readouterr().err == f"about the classifier: {CAUTION}\n"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    note_about([CAUTION])
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert max(map(len, lines)) <= 40
    assert all(line.startswith("  ") for line in lines[1:])
    assert " ".join(map(str.strip, lines)) == f"about the classifier: {CAUTION}"


def test_a_terminal_shows_the_beginning_of_a_long_caution_and_where_the_rest_is(
    monkeypatch, capsys
):
    long = f"{CAUTION}; {30 * 'and more '}(gain 0.1)"
    note_about([long])
    assert capsys.readouterr().err == f"about the classifier: {long}\n"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    note_about([CAUTION, long])
    told = " ".join(capsys.readouterr().err.split())
    assert told == (
        f"about the classifier: {CAUTION} about the classifier: {CAUTION} ... "
        "the classifier's README.md has these cautions whole"
    )
