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
