"""The page of an audit: everything found, pictures beside words, calm where nothing is wrong."""

import itertools
import re
from io import BytesIO

import pytest
from PIL import Image

from carina.domain.audit import Audit, Confounder, Finding, LabelConflict, Leak, Unreadable
from carina.domain.report import Bullets, FilmRow, KeyFigures, Notice, Report, Section, Table
from carina.reporting.audit_figures import confounder_figure
from carina.reporting.audit_page import build_audit_report
from carina.reporting.audit_pictures import films_to_show
from carina.reporting.audit_wording import verdict
from carina.reporting.figures import PALETTE
from carina.reporting.render import render_html
from carina.reporting.sections.audit import audit_blocks
from making.audits import (
    HOSTILE_NAME,
    LONG_NAME,
    clean_audit,
    confounders,
    film,
    phantom_pictures,
    rich_audit,
)
from making.datasets import dataset_of, record_of
from making.pages import Elements, assert_stands_alone


@pytest.fixture(scope="module")
def pictures():
    return phantom_pictures(films_to_show(rich_audit()))


@pytest.fixture(scope="module")
def report(pictures):
    return build_audit_report(rich_audit(), title="<films>", pictures=pictures)


@pytest.fixture(scope="module")
def page(report):
    return render_html(report)


@pytest.fixture(scope="module")
def clean_page():
    return render_html(build_audit_report(clean_audit(), title="films"))


def section_of(report, anchor):
    return next(section for section in report.sections if section.anchor == anchor)


def blocks_of(report, kind, anchor=None):
    sections = [section_of(report, anchor)] if anchor else report.sections
    return [b for section in sections for b in section.blocks if isinstance(b, kind)]


def text_of(audit, **more):
    return Elements(render_html(build_audit_report(audit, title="films", **more))).text


def test_the_page_needs_nothing_beside_it(page):
    assert_stands_alone(page)


def test_names_with_html_in_them_are_text(page):
    elements = Elements(page)
    assert HOSTILE_NAME in elements.text
    assert "<films>" in elements.text
    assert all(image["src"].startswith("data:image/jpeg") for image in elements.of("img"))
    assert all(image["alt"] for image in elements.of("img"))


def test_ids_are_unique_and_links_on_the_page_lead_somewhere(page):
    elements = Elements(page)
    ids = [attributes["id"] for _, attributes in elements.found if "id" in attributes]
    assert len(set(ids)) == len(ids)
    for link in elements.of("a"):
        assert link["href"].removeprefix("#") in ids
    levels = [int(tag[1]) for tag, _ in elements.found if re.fullmatch(r"h[1-6]", tag)]
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))


def test_the_same_audit_gives_the_same_page(page, pictures):
    again = build_audit_report(rich_audit(), title="<films>", pictures=pictures)
    assert render_html(again) == page


def test_the_verdict_and_the_three_worst_findings_come_first(report):
    found = report.sections[0]
    assert found.blocks[0].text == verdict(rich_audit())
    assert found.blocks[0].leads
    worst = rich_audit().findings[:3]
    assert [(b.severity, b.text) for b in found.blocks if isinstance(b, Notice)] == [
        (finding.severity, finding.sentence) for finding in worst
    ]


def test_every_finding_stands_on_the_page_once(page):
    text = Elements(page).text
    for finding in rich_audit().findings:
        # the page tells of the test part's power itself, with its numbers
        assert text.count(finding.sentence) == (0 if finding.about == "power" else 1)


@pytest.mark.parametrize("about", [None, "leaks", "labels", "confounders", "misfits", "ages",
    "against", "sources", "unreadable", "duplicates", "parts", "classes", "power", "patients",
    "left-out"])  # fmt: skip
def test_a_finding_on_anything_stands_on_the_page(about):
    three = [Finding(severity="critical", sentence=f"First {n}.", about="leaks") for n in range(3)]
    last = Finding(severity="note", sentence="And this one.", about=about)
    assert text_of(Audit(images={}, findings=(*three, last))).count("And this one.") == 1


def test_the_key_figures_count_what_was_found(report):
    (figures,) = blocks_of(report, KeyFigures)
    told = {figure.name: figure for figure in figures.figures}
    assert told["Readable films with a class"].value == "1,708"
    assert told["Unreadable files"].value == "2"
    assert told["Surplus copies"].value == "10"
    assert told["Leaked test films"].value == "9"
    assert told["Leaked test films"].note == (
        "of 66, known from another part: 8 as copies, 1 more by patient"
    )
    best = told["Class told without the lungs"]
    assert (best.value, best.interval) == ("97.0 %", "95.1 to 98.4 %")
    assert "Frame of the image" in best.note
    assert "guessing gets 50.0 %" in best.note
    assert told["Films that may not belong"].value == "30"


def test_leaks_into_validation_count_where_there_is_no_test_part():
    audit = Audit(
        images={"train": {"A": 9}, "validation": {"A": 4}},
        leaks=(Leak(a="a", b="b", kind="identical-bytes", parts=("train", "validation")),),
    )
    assert "Leaked validation films 1 of 4" in text_of(audit)


def test_without_described_parts_nothing_is_said_to_leak_or_not():
    text = text_of(Audit(images={"all": {"A": 9}}))
    assert "no test part is described" in text
    assert "nothing can leak yet" in text


def test_films_and_patients_stand_by_part_and_class(page):
    text = Elements(page).text
    assert "train 143 97 patients 1,440 1,440 patients 1,583" in text
    assert "validation 29 30 59" in text
    assert "right for 90 % of them is known to about 7.3 points either way" in text
    assert "must differ by 10.9 points or more" in text


def test_parts_stand_in_the_order_of_their_use_and_films_without_one_last():
    audit = Audit(images={"test": {"A": 2}, "all": {"A": 1}, "train": {"A": 3}})
    (table,) = blocks_of(build_audit_report(audit, title="films"), Table, "images")
    assert [row[0] for row in table.rows] == ["train", "test", "no part"]
    assert "1 class; 2 parts" in text_of(audit)


def test_how_the_data_was_opened_is_a_list_and_no_warning():
    audit = Audit(
        images={},
        findings=tuple(
            Finding(severity="note", sentence=f"{n} films taken as 'A'.", about="left-out")
            for n in range(20)
        ),
    )
    report = build_audit_report(audit, title="films")
    assert blocks_of(report, Notice, "images") == []
    (bullets,) = blocks_of(report, Bullets, "images")
    assert len(bullets.items) == 20


def test_pairs_stand_side_by_side_with_names_parts_and_kind(report):
    rows = blocks_of(report, FilmRow, "copies")
    assert rows[0].is_pair
    assert rows[0].title == "Nearly the same picture: train and test"
    assert [film.name for film in rows[0].films] == [LONG_NAME, HOSTILE_NAME]
    assert [film.remarks for film in rows[0].films] == [("train",), ("test",)]
    assert {"Same file: train and test", "Same patient: train and test"} <= {
        row.title for row in rows
    }


def test_a_pairs_classes_stand_beside_it_where_the_films_are_known():
    audit = Audit(
        images={"train": {"A": 1}, "test": {"B": 1}},
        leaks=(Leak(a="a", b="b", kind="near-duplicate", parts=("train", "test")),),
    )
    dataset = dataset_of([record_of("a", "A", part="train"), record_of("b", "B", part="test")])
    pictures = phantom_pictures(["a", "b"], side=32)
    report = build_audit_report(audit, title="films", pictures=pictures, dataset=dataset)
    (row,) = blocks_of(report, FilmRow)
    assert [film.remarks for film in row.films] == [("train, A",), ("test, B",)]


def test_label_conflicts_and_shared_films_have_their_pictures(report):
    conflict = blocks_of(report, FilmRow, "copies")[-1]
    assert conflict.title == "COVID-19 and Normal, in 3 files"
    shared = blocks_of(report, FilmRow, "against")
    assert shared[0].title == "Nearly the same picture, under another class there"
    assert [film.remarks for film in shared[0].films] == [("here, COVID-19",), ("there, Normal",)]
    assert all(film.picture for row in (conflict, *shared) for film in row.films)


def test_misfits_stand_by_reason_with_what_it_rests_on(report):
    rows = blocks_of(report, FilmRow, "misfits")
    assert [row.title for row in rows] == [
        "Blank: 2 films",
        "Colour picture: 1 film",
        "Lateral view: 3 films",
        "Black and white swapped: 4 films",
        "Unlike the other films: 30 films, 14 shown",
    ]
    assert rows[2].films[0].remarks == ("certain: The tag ViewPosition says LL.",)


def test_every_picture_that_was_asked_for_is_shown(pictures, page):
    shown = {image["alt"] for image in Elements(page).of("img")}
    assert shown == {f"Film {name}" for name in pictures}


def test_a_film_without_a_picture_is_named_only(pictures):
    some = {name: image for name, image in pictures.items() if name != film("test", 2)}
    page = render_html(build_audit_report(rich_audit(), title="films", pictures=some))
    assert page.count("no picture") == 1
    assert film("test", 2) in Elements(page).text


def test_without_any_picture_the_films_are_named():
    page = Elements(render_html(build_audit_report(rich_audit(), title="films")))
    assert page.of("img") == []
    for name in films_to_show(rich_audit()):
        assert name in page.text


def test_pictures_are_made_small_whatever_comes():
    buffer = BytesIO()
    Image.new("RGB", (2000, 1000), "white").save(buffer, format="PNG")
    audit = Audit(images={}, exact_duplicates=(("a", "b"),))
    report = build_audit_report(audit, title="films", pictures={"a": buffer.getvalue()})
    (row,) = blocks_of(report, FilmRow)
    with Image.open(BytesIO(row.films[0].picture.image)) as shown:
        assert (shown.format, shown.size) == ("JPEG", (240, 120))


def test_every_confounder_stands_with_its_value_and_its_sentence(page):
    text = Elements(page).text
    for one in confounders():
        assert one.sentence in text
        assert f"{100 * one.balanced_accuracy:.1f} % {100 * one.low:.1f} to" in text
    assert "Whoever answers every film with the commonest class of its source is right for " in text
    assert "99.5 %" in text


def test_what_a_network_can_see_stands_apart_from_what_it_cannot(report):
    seen, unseen = [
        table
        for table in blocks_of(report, Table, "confounders")
        if table.columns[0] == "Told from"
    ]
    assert [row[0].split(":")[0] for row in seen.rows] == [
        "Frame of the image",
        "8 x 8 thumbnail",
        "Thumbnail, centre masked",
        "Grey values",
        "Corners of the image",
        "Colour mode",
    ]
    assert unseen.rows[0][0].startswith("Source: tells the class\n")
    assert unseen.rows[-1][0].startswith("Metadata in the file: little, or luck\n")


def test_the_chart_colours_what_tells_and_nothing_else():
    n_telling = sum(one.tells for one in confounders())
    assert confounder_figure(confounders()).svg.count(PALETTE[1]) == n_telling
    quiet = [one for one in confounders() if not one.tells]
    assert PALETTE[1] not in confounder_figure(quiet).svg


def test_the_chart_has_a_place_for_each_groups_own_guessing():
    three = Confounder(signal="frame", balanced_accuracy=0.4, low=0.3, high=0.5, chance=1 / 3)
    figure = confounder_figure((three,))
    assert "guessing gets 33.3 %" in figure.alt
    assert figure.svg.startswith("<svg")


def test_a_clean_data_set_looks_calm_and_says_what_was_not_looked_at(clean_page):
    assert "notice critical" not in clean_page
    assert "notice warning" not in clean_page
    text = Elements(clean_page).text
    assert "Nothing was found by what this audit looks at" in text
    assert "Not looked at in this audit: labels that are wrong without a copy" in text


@pytest.mark.parametrize("audit", [clean_audit(), rich_audit(), Audit(images={})])
def test_no_page_calls_films_clean(audit):
    assert "clean" not in text_of(audit).lower()


def test_an_audit_without_findings_says_what_it_means():
    text = text_of(Audit(images={"all": {"A": 1}}))
    assert "Nothing was found by what this audit looks at" in text
    assert "Not measured in this audit" in text
    assert "No audit can tell whether a label is right" in text


@pytest.mark.parametrize(
    ("severities", "claim"),
    [
        ((), "Nothing was found by what"),
        (("note",), "Nothing serious was found by what"),
        (("note", "warning"), "must be read with care: the classes come from different sources."),
        (("warning", "critical"), "cannot be believed as they stand: the classes come from"),
    ],
)
def test_the_verdict_follows_the_worst_finding(severities, claim):
    findings = tuple(Finding(severity=s, sentence="x", about="sources") for s in severities)
    assert claim in verdict(Audit(images={}, findings=findings))


def test_a_long_list_is_cut_and_says_so():
    files = tuple(Unreadable(path=f"{n}.png", code="damaged", message="cut") for n in range(40))
    text = text_of(Audit(images={}, unreadable=files))
    assert "40 files cannot be read as films (damaged 40)" in text
    assert "the first 12 of 40 rows" in text


def test_one_file_that_cannot_be_read_is_one_and_is_named_once():
    file = Unreadable(path="a b.png", code="damaged", message="a b.png is damaged")
    text = text_of(Audit(images={}, unreadable=(file,)))
    assert "1 file cannot be read as a film (damaged 1). What it shows is not known." in text
    assert text.count("a b.png") == 1


def test_a_run_shows_the_same_facts_without_pictures():
    blocks = audit_blocks(rich_audit())
    kinds = [type(block).__name__ for block in blocks]
    assert kinds.count("Figure") == 1
    assert "FilmRow" not in kinds
    captions = [block.caption for block in blocks if isinstance(block, Table)]
    for words in ("Leaks:", "Copies:", "One picture", "How well the class", "Films by source",
                  "Films that may not belong", "Children and adults", "Unreadable"):  # fmt: skip
        assert any(caption.startswith(words) for caption in captions)
    assert kinds[-1] == "Bullets"
    report = Report("run", "", (Section("audit", "What the audit found", blocks),))
    assert_stands_alone(render_html(report))


def test_the_page_of_an_older_audit_has_all_that_was_found():
    audit = Audit(
        images={"train": {"A": 1200, "B": 7}},
        unreadable=(Unreadable(path="x.png", code="damaged", message="x.png is damaged"),),
        label_conflicts=(LabelConflict(paths=("a.png", "b.png"), labels=("A", "B")),),
        confounders=(
            Confounder(signal="frame", balanced_accuracy=0.97, low=0.9, high=0.99, chance=0.5),
        ),
        findings=(Finding(severity="critical", sentence="The frame tells the class"),),
        not_checked=("near duplicates",),
    )
    text = text_of(audit)
    for words in (
        "1,207 labelled films",
        "x.png is damaged",
        "a.png, b.png",
        "97.0 % 90.0 to 99.0 % guessing 50.0 %",
        "Serious: The frame tells the class.",
        "Not looked at in this audit: near duplicates.",
    ):
        assert words in text
