"""Every number that a run's page shows stands in the run's files."""

import re

import pytest

from carina.evaluation.external import against_internal
from carina.files.documents import write_document
from carina.reporting.build import build_report
from carina.reporting.render import render_html
from making.page_numbers import INTERVAL, NUMBER, KnownNumbers, Words, foreign_intervals, strangers
from making.runs import ExampleRun, write_example_run

EXAMPLES = {
    "leaky, two sources": ExampleRun(
        leaks=5, sources=("hospital-a", "hospital-b"), films_per_patient=2, pictures=False
    ),
    "no Covid in the test": ExampleRun(
        films=(("train", (9, 9, 9)), ("validation", (3, 3, 3)), ("test", (0, 8, 8))),
        pictures=False,
    ),
}


def with_external_test(run):
    """Put the run's own evaluation beside it as a test on other films, with its drops."""
    own = run.evaluation
    data = own.data.model_copy(update={"name": "elsewhere", "external": True})
    test = own.model_copy(update={"data": data})
    beside = against_internal(test, own, name="the internal test part")
    test = test.model_copy(update={"against_internal": beside})
    write_document(run.external_dir / "elsewhere" / "evaluation.json", test)
    return run


def page_of(run):
    return render_html(build_report(run))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["leaky, two sources", "no Covid in the test"])
def test_every_number_of_an_example_stands_in_its_files(tmp_path, name):
    run = with_external_test(write_example_run(tmp_path / "run", EXAMPLES[name]))
    page, known = page_of(run), KnownNumbers(run.folder)
    assert strangers(page, known) == []
    assert foreign_intervals(page, known) == []


def test_every_number_of_a_real_run_stands_in_its_files(trained_run):
    page, known = trained_run.report_file.read_text(), KnownNumbers(trained_run.folder)
    assert strangers(page, known) == []
    assert foreign_intervals(page, known) == []
    texts = Words(page).texts
    assert sum(len(NUMBER.findall(text)) for text in texts) > 300
    assert sum(len(INTERVAL.findall(text)) for text in texts) > 60


def test_a_number_that_is_in_no_file_is_found(trained_run):
    page, known = trained_run.report_file.read_text(), KnownNumbers(trained_run.folder)
    made_up = page.replace("<p>", "<p>Better by 4711.8 points, or 0.87654321. ", 1)
    assert len(strangers(made_up, known)) == 2


def test_an_interval_of_another_number_is_found(trained_run):
    page, known = trained_run.report_file.read_text(), KnownNumbers(trained_run.folder)
    accuracy = trained_run.evaluation.metrics["accuracy"]
    shown = f"{100 * accuracy.low:.1f} to {100 * accuracy.high:.1f}\N{NO-BREAK SPACE}%"
    wrong = f"{100 * accuracy.low - 0.3:.1f} to {100 * accuracy.high:.1f} %"
    assert page.count(shown) > 2
    assert len(foreign_intervals(re.sub(re.escape(shown), wrong, page), known)) > 2
