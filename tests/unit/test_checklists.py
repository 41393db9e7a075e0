"""CLAIM and TRIPOD+AI: their numbering, and answers that are the run's own or nobody's."""

import csv
import dataclasses

import pytest

from carina.domain.abstention import Abstention, ConformalRule
from carina.domain.evaluation import WithoutLeaks
from carina.domain.report import Checklist, Report
from carina.files.documents import write_document
from carina.reporting.build import build_report
from carina.reporting.checklists import claim_2024, tripod_ai
from carina.reporting.checklists.answers_on_network import poor_input
from carina.reporting.checklists.items import answered, facts_of, tally_of
from carina.reporting.render import render_html
from carina.reporting.sections import SECTIONS
from making.pages import Elements
from making.runs import ExampleRun, write_example_run

# Collins et al. 2024, table 1: 27 items, those with letters several times
LETTERS = {3: "abc", 5: "ab", 6: "abc", 8: "abc", 9: "abc", 12: "abcdefg", 18: "abcdef",
           20: "abc", 23: "ab", 27: "abc"}  # fmt: skip
TRIPOD_NUMBERS = [
    f"{number}{letter}" for number in range(1, 28) for letter in LETTERS.get(number, [""])
]
ITEMS = (*claim_2024.ITEMS, *tripod_ai.ITEMS)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_example_run(tmp_path_factory.mktemp("example") / "run")


@pytest.fixture(scope="module")
def report(run):
    return build_report(run)


def answers(run):
    facts = facts_of(run)
    return {
        name: {item.number: answered(item, facts) for item in checklist.ITEMS}
        for name, checklist in (("claim", claim_2024), ("tripod", tripod_ai))
    }


def with_characteristics(run):
    """Give every film a sex, an age and a view."""
    rows = list(csv.DictReader(run.manifest_file.read_text().splitlines()))
    for number, row in enumerate(rows):
        row |= {"sex": "FM"[number % 2], "age_years": str(20 + number % 60), "view": "PA"}
    with run.manifest_file.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return run


def test_claim_has_its_44_items_in_order():
    assert [item.number for item in claim_2024.ITEMS] == [str(n) for n in range(1, 45)]


def test_tripod_ai_has_its_27_items_with_52_subitems_in_order():
    assert [item.number for item in tripod_ai.ITEMS] == TRIPOD_NUMBERS
    assert len(TRIPOD_NUMBERS) == 52
    assert len({number.rstrip("abcdefg") for number in TRIPOD_NUMBERS}) == 27


def test_an_item_is_for_a_program_or_says_what_only_the_author_knows():
    for item in ITEMS:
        assert item.is_for_a_program or item.for_author, item
        assert item.topic, item


def test_every_filled_item_rests_on_a_section_of_the_page(run, report):
    anchors = {section.anchor for section in report.sections}
    for items in answers(run).values():
        for item in items.values():
            if item.kind == "filled":
                assert anchors & set(item.anchors), item
            else:
                assert not item.anchors, item
                assert not item.to_add, item


def test_links_of_the_checklists_lead_to_sections_by_their_titles(report):
    titles = {section.anchor: section.title for section in report.sections}
    page = Elements(render_html(report))
    links = [link["href"].removeprefix("#") for link in page.of("a")]
    assert set(links) <= set(titles)
    assert links.count("results") > 5
    assert page.text.count(titles["results"]) > 5


def test_at_least_85_of_100_items_that_a_program_can_know_are_filled(run):
    items = [one for checklist in answers(run).values() for one in checklist.values()]
    tally = tally_of(items)
    assert tally.share >= 0.85
    assert tally.filled + (tally.askable - tally.filled) + tally.not_applicable + tally.author == 96
    section = SECTIONS.get("checklists").write(run)
    words = section.blocks[0].text
    assert words.startswith(f"{tally.filled} of {tally.askable} items that a program can know")


def test_answers_are_the_runs_own(run):
    found = answers(run)
    assert "317 films" in found["claim"]["7"].answer
    assert "test 66 (Covid 26, Normal 20, Viral Pneumonia 20)" in found["claim"]["19"].answer
    assert "described parts" in found["claim"]["19"].answer
    assert "learning rate 0.001" in found["claim"]["25"].answer
    assert "Epoch 4 of 5" in found["claim"]["26"].answer
    assert "torch 2.13.0+cpu" in found["claim"]["23"].answer
    assert "150 x 150 pixels" in found["tripod"]["9b"].answer
    accuracy = run.evaluation.metrics["accuracy"]
    assert f"{100 * accuracy.low:.1f} to {100 * accuracy.high:.1f} %" in found["claim"]["37"].answer


def test_what_the_run_lacks_is_said_and_not_made_up(run, tmp_path):
    found = answers(run)
    assert found["claim"]["33"].kind == "missing"
    assert "carina evaluate" in found["claim"]["33"].answer
    assert found["claim"]["36"].kind == found["tripod"]["20b"].kind == "missing"
    assert found["claim"]["27"].kind == found["tripod"]["24"].kind == "not-applicable"
    assert found["claim"]["44"].kind == found["tripod"]["17"].kind == "author"
    known = answers(with_characteristics(write_example_run(tmp_path / "run", ExampleRun())))
    assert known["claim"]["36"].kind == known["tripod"]["20b"].kind == "filled"
    assert "F 107, M 107" in known["claim"]["36"].answer
    assert "age 20 to 79 years" in known["claim"]["36"].answer


def test_an_external_test_fills_its_item(run, tmp_path):
    other = write_example_run(tmp_path / "run", ExampleRun(pictures=False))
    data = run.evaluation.data.model_copy(update={"name": "elsewhere", "external": True})
    test = run.evaluation.model_copy(update={"data": data})
    write_document(other.external_dir / "elsewhere" / "evaluation.json", test)
    found = answers(other)
    assert found["claim"]["33"].kind == "filled"
    assert "66 films of elsewhere" in found["claim"]["33"].answer
    assert "elsewhere" in found["tripod"]["16"].answer
    nothing = WithoutLeaks(n_removed=66, metrics={}, sentence="nothing is left")
    known = test.model_copy(update={"without_leaks": nothing})
    write_document(other.external_dir / "elsewhere" / "evaluation.json", known)
    assert answers(other)["claim"]["33"].kind == "missing"


def test_films_that_the_prediction_sets_refuse_are_among_those_without_an_answer(run):
    facts = facts_of(run)
    assert "prediction set" not in poor_input(facts).words
    labels = facts.card.labels.names
    rule = ConformalRule(kind="marginal", error=0.1, limits=dict.fromkeys(labels, 0.5))
    unsure = Abstention(rule="conformal", labels=labels, conformal=rule)
    card = facts.card.model_copy(update={"abstention": unsure})
    assert "whose prediction set" in poor_input(dataclasses.replace(facts, card=card)).words


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "no film says whose it is"),
        ({"films_per_patient": 2}, "By patient: none of"),
    ],
)
def test_the_level_of_the_split_is_that_of_the_manifest(tmp_path, change, words):
    example = dataclasses.replace(ExampleRun(pictures=False), **change)
    found = answers(write_example_run(tmp_path / "run", example))
    assert words in found["claim"]["20"].answer


def test_a_patient_in_two_parts_is_counted(tmp_path):
    run = write_example_run(tmp_path / "run", ExampleRun(films_per_patient=2, pictures=False))
    text = run.manifest_file.read_text().replace("test-Covid-0", "train-Covid-0")
    run.manifest_file.write_text(text)
    assert "1 patient has films in more than one part" in answers(run)["claim"]["20"].answer


def test_hostile_names_are_text_in_a_checklist(tmp_path):
    labels = ("<script>alert(1)</script>", "Normal", "Other")
    run = write_example_run(tmp_path / "run", ExampleRun(labels=labels, pictures=False))
    section = SECTIONS.get("checklists").write(run)
    assert any(isinstance(block, Checklist) for block in section.blocks)
    page = Elements(render_html(Report("page", "of one section", (section,))))
    assert page.of("script") == []
    assert "<script>alert(1)</script>" in page.text
