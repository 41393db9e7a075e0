"""What `carina audit` prints: ten lines, the three worst findings, and its exit codes."""

import json
from pathlib import Path

import pytest

from carina.workflows.audit import AuditResult
from making.audits import clean_audit, rich_audit


@pytest.fixture
def audit_command(carina_command, monkeypatch):
    """Return a function that runs `carina audit` on films that have been audited already."""

    def run(audit, *words):
        asked = {}

        def answer(data, **options):
            asked.update(options, data=data)
            return AuditResult(audit, Path("runs/now-audit"), ("2 classes were merged",))

        monkeypatch.setattr("carina.workflows.audit.audit", answer)
        return (*carina_command("audit", "films", *words), asked)

    return run


def table_rows(out):
    lines = [line for line in out.splitlines() if line.strip()]
    assert lines[0].split() == ["looked", "at", "found"]
    return [line.strip() for line in lines[2:]]


@pytest.mark.parametrize(("audit", "words"), [
    (rich_audit(), ()), (rich_audit(), ("--against", "others")), (clean_audit(), ()),
])  # fmt: skip
def test_the_table_has_ten_lines_at_most(audit_command, audit, words):
    _, out, _, _ = audit_command(audit, *words)
    assert 8 <= len(table_rows(out)) <= 10


def test_every_line_says_what_was_looked_at_and_what_was_found(audit_command):
    _, out, _, _ = audit_command(rich_audit(), "--against", "others")
    rows = [" ".join(row.split()) for row in table_rows(out)]
    assert rows == [
        "films 1,708; Normal 1,503, COVID-19 205; train 1,583, validation 59, test 66",
        "unreadable files 2 (damaged 1, empty 1)",
        "copies 10 surplus (pictures: 2 identical, 7 nearly)",
        "test films as copies 8 of 66",
        "test films by patient 2 of 66",
        "conflicting classes 1 (COVID-19 / Normal 1)",
        "in the other data too 2 (near-duplicate 1, identical-bytes 1)",
        "class from the pixels 97.0 % (95.1 to 98.4) by frame; guessing 50 %",
        "class from other facts 99.0 % (97.2 to 99.8) by source; guessing 50 %",
        "may not belong 30 (outlier 30, inverted 4, lateral 3, blank 2, colour 1)",
    ]


def test_nothing_found_is_zero_and_not_measured_is_said(audit_command):
    bare = clean_audit().model_copy(update={"confounders": (), "images": {"all": {"A": 3}}})
    _, out, _, _ = audit_command(bare)
    rows = [" ".join(row.split()) for row in table_rows(out)]
    assert rows[0] == "films 3; A 3"
    assert "copies 0" in rows
    assert "leaks between parts no test part is described" in rows
    assert "class from the pixels not measured" in rows


def test_what_may_be_luck_is_called_so(audit_command):
    _, out, _, _ = audit_command(clean_audit())
    assert "54.1 % (48.9 to 59.2) by corners (little, or luck); guessing 50 %" in out


def test_the_three_worst_findings_follow_in_words(audit_command):
    _, _, err, _ = audit_command(rich_audit())
    findings = rich_audit().findings
    for finding in findings[:3]:
        assert f"{finding.severity}: {finding.sentence}" in err
    assert findings[3].sentence not in err
    assert "more findings in audit.json: 5" in err
    assert "note: 2 classes were merged" in err
    assert "not checked: labels that are wrong" in err
    assert f"written: {Path('runs/now-audit') / 'audit.html'}" in err


def test_other_data_is_held_against_it(audit_command):
    _, _, _, asked = audit_command(clean_audit(), "--against", "one", "--against", "two")
    assert list(asked["against"]) == ["one", "two"]
    assert list(asked["data"]) == ["films"]
    _, _, _, asked = audit_command(clean_audit())
    assert not asked["against"]


def test_json_is_the_audit_and_nothing_else(audit_command):
    _, out, _, _ = audit_command(rich_audit(), "--json")
    assert json.loads(out) == rich_audit().model_dump(mode="json")


@pytest.mark.parametrize(
    ("audit", "words", "code"),
    [
        (rich_audit(), (), 3),
        (rich_audit(), ("--strict",), 4),
        (rich_audit(), ("--strict", "--json"), 4),
        (clean_audit(), (), 0),
        (clean_audit(), ("--strict",), 0),
    ],
)
def test_the_exit_code_says_whether_a_check_found_something(audit_command, audit, words, code):
    assert audit_command(audit, *words)[0] == code
