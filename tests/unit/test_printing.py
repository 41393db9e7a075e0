"""The page on paper: printed by a browser that is found, in time, and only if it prints."""

import re
import shutil
import stat
import sys

import pytest

from carina.errors import MissingProgramError
from carina.settings import Settings
from carina.workflows.printing import BROWSERS, find_browser, printed, report_pdf
from making.runs import ExampleRun, write_example_run

PRINTS = """
import pathlib, sys
words = dict(word[2:].partition("=")[::2] for word in sys.argv[1:] if word.startswith("--"))
assert pathlib.Path(words["user-data-dir"]).parent == pathlib.Path(words["print-to-pdf"]).parent
assert words["host-resolver-rules"] == "MAP * ~NOTFOUND"
page = sys.argv[-1]
assert page.startswith("file://")
pathlib.Path(words["print-to-pdf"]).write_bytes(b"%PDF-1.7 " + page.encode())
"""
FAILS = "import sys; sys.exit('the display is gone')"
SLEEPS = "import time; time.sleep(600)"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the browsers here are scripts")


def browser(folder, program, name="chromium"):
    """Write a browser: a program that prints, fails or sleeps."""
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(f"#!{sys.executable}\n{program}")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return file


@pytest.fixture
def page(tmp_path):
    file = tmp_path / "a page.html"
    file.write_text("<p>film")
    return file


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """An empty PATH of the test's own."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_the_first_browser_on_the_path_is_taken(alone):
    browser(alone, PRINTS, "msedge")
    assert find_browser() == str(alone / "msedge")
    browser(alone, PRINTS, BROWSERS[0])
    assert find_browser() == str(alone / BROWSERS[0])


def test_a_named_browser_goes_before_those_on_the_path(alone, tmp_path):
    browser(alone, PRINTS)
    mine = browser(tmp_path / "mine", PRINTS, "my-browser")
    assert find_browser(str(mine)) == str(mine)
    assert Settings.from_environment({"CARINA_BROWSER": str(mine)}).browser == str(mine)


@pytest.mark.skipif(sys.platform == "darwin", reason="a browser may be installed there")
def test_without_a_browser_the_ways_out_are_named(alone):
    with pytest.raises(MissingProgramError) as caught:
        find_browser()
    for way in ("Chromium", "CARINA_BROWSER", "open the page in any browser and print it"):
        assert way in str(caught.value)


def test_a_named_browser_that_is_not_there_is_told(alone):
    browser(alone, PRINTS)
    with pytest.raises(MissingProgramError, match="no-such-browser"):
        find_browser("no-such-browser")


def test_a_page_is_printed_with_a_profile_of_its_own_and_without_a_network(tmp_path, page):
    data = printed(page, browser=str(browser(tmp_path / "bin", PRINTS)), timeout_s=30)
    assert data == b"%PDF-1.7 " + page.as_uri().encode()


def test_a_browser_that_prints_nothing_is_told_with_its_last_words(tmp_path, page):
    with pytest.raises(MissingProgramError, match="the display is gone"):
        printed(page, browser=str(browser(tmp_path / "bin", FAILS)), timeout_s=30)


def test_a_browser_that_does_not_end_is_stopped(tmp_path, page):
    with pytest.raises(MissingProgramError, match=r"within 0\.5 s"):
        printed(page, browser=str(browser(tmp_path / "bin", SLEEPS)), timeout_s=0.5)


@pytest.mark.slow
def test_the_command_writes_the_pdf_beside_the_page(carina_command, tmp_path, alone):
    run = write_example_run(tmp_path / "run", ExampleRun(pictures=False))
    browser(alone, PRINTS)
    code, out, _ = carina_command("report", run.folder, "--pdf")
    assert code == 0
    assert out.strip() == str(run.folder / "report.pdf")
    assert (run.folder / "report.pdf").read_bytes().startswith(b"%PDF")
    assert run.report_file.is_file()


def test_without_a_browser_the_command_exits_1(carina_command, tmp_path, monkeypatch):
    run = write_example_run(tmp_path / "run", ExampleRun(pictures=False))
    monkeypatch.setenv("CARINA_BROWSER", "no-such-browser")
    code, _, err = carina_command("report", run.folder, "--pdf")
    assert code == 1
    assert "CARINA_BROWSER" in err


@pytest.mark.slow
@pytest.mark.skipif(not any(map(shutil.which, BROWSERS)), reason="no browser is installed")
def test_an_installed_browser_prints_the_whole_page_on_a4(tmp_path):
    run = write_example_run(tmp_path / "run", ExampleRun())
    wanted = tmp_path / "paper" / "mine.pdf"
    data = report_pdf(run.folder, out=wanted, settings=Settings(tmp_path, tmp_path)).read_bytes()
    assert not (run.folder / "report.pdf").exists()
    assert data.startswith(b"%PDF")
    assert data.rstrip().endswith(b"%%EOF")
    sizes = {
        tuple(round(float(side)) for side in found.split())
        for found in re.findall(rb"/MediaBox \[([^]]*)\]", data)
    }
    assert sizes == {(0, 0, 595, 842)}
    assert data.count(b"/MediaBox") > 5
