"""A run's page on paper: printed to PDF by a browser that is installed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from carina.errors import MissingProgramError
from carina.files.atomic import write_bytes
from carina.files.digest_list import renew_digests
from carina.files.owners import added_to
from carina.runs import whole_run
from carina.settings import Settings
from carina.workflows.report import report

BROWSERS = (
    "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome",
    "microsoft-edge", "microsoft-edge-stable", "msedge", "brave-browser",
)  # fmt: skip
# Where the makers' installers put them: neither system has them on PATH.
_USUAL_PLACES = {
    "darwin": (
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        "/Applications/Chromium.app/Contents/MacOS/Chromium",
        "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    ),
    "win32": (
        r"C:\Program Files\Google\Chrome\Application\chrome.exe",
        r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
    ),
}
# No name can be resolved and nothing is fetched in the background: the page needs nothing.
_SWITCHES = (
    "--headless",
    "--disable-gpu",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-extensions",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--no-pdf-header-footer",
)
_OTHERWISE = (
    "install Chromium, Chrome or Edge, name one with CARINA_BROWSER=PATH, or open the page in any "
    "browser and print it"
)


def report_pdf(
    run: str | Path,
    *,
    out: str | Path | None = None,
    settings: Settings | None = None,
    timeout_s: float = 120.0,
) -> Path:
    """Write a run's page again, print it to PDF, and return the PDF's path.

    Args:
        run: a run's folder.
        out: the PDF; `report.pdf` in the run if None.
        settings: says which browser; from the environment if None.
        timeout_s: the most that the browser may take.

    Raises:
        RunError: if the folder is not a run, or lacks a file that the page needs.
        MissingProgramError: if there is no browser, or it does not print.
        StorageError: if the PDF cannot be written.
    """
    settings = settings or Settings.from_environment()
    browser = find_browser(settings.browser)
    page = report(run)
    file = Path(out) if out is not None else page.with_suffix(".pdf")
    pdf = printed(page, browser=browser, timeout_s=timeout_s)
    if out is not None:
        write_bytes(file, pdf)
        return file
    with added_to(whole_run(file.parent)):
        write_bytes(file, pdf)
        renew_digests(file.parent, [file])
    return file


def find_browser(named: str = "") -> str:
    """Return the path of the browser that prints.

    Args:
        named: the one to take, as a path or a name; "" for the first one that is found on
            PATH or where macOS and Windows keep programs.

    Raises:
        MissingProgramError: if there is none, or not the one that was named.
    """
    if named:
        found = shutil.which(named)
        if found is None:
            raise MissingProgramError(
                f"CARINA_BROWSER is '{named}', and there is no such program; {_OTHERWISE}"
            )
        return found
    places = (shutil.which(name) for name in (*BROWSERS, *_USUAL_PLACES.get(sys.platform, ())))
    browser = next((place for place in places if place is not None), None)
    if browser is None:
        raise MissingProgramError(
            f"a PDF is printed by a browser, and none was found (looked for: "
            f"{', '.join(BROWSERS)}); {_OTHERWISE}"
        )
    return browser


def printed(page: Path, *, browser: str, timeout_s: float) -> bytes:
    """Return a page as the bytes of a PDF file.

    The browser has a profile of its own, which is deleted, and no network.

    Raises:
        MissingProgramError: if it cannot be started, takes too long, or prints nothing.
    """
    with tempfile.TemporaryDirectory(prefix="carina-print-", ignore_cleanup_errors=True) as place:
        pdf = Path(place) / "page.pdf"
        command = [
            browser,
            *_SWITCHES,
            *_without_sandbox(),
            f"--user-data-dir={Path(place) / 'profile'}",
            f"--print-to-pdf={pdf}",
            page.resolve().as_uri(),
        ]
        said = _run(command, Path(place) / "said.txt", timeout_s=timeout_s)
        data = pdf.read_bytes() if pdf.is_file() else b""
    if not data.startswith(b"%PDF-"):
        last = f" (it said: {said.splitlines()[-1][:200]})" if said.strip() else ""
        raise MissingProgramError(f"{browser} printed no PDF of {page}{last}; {_OTHERWISE}")
    return data


def _without_sandbox() -> list[str]:
    """Return the switch without which Chromium does not start as root; the page it opens is
    our own, and holds no script."""
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    return ["--no-sandbox"] if is_root else []


def _run(command: Sequence[str], said: Path, *, timeout_s: float) -> str:
    """Run a browser to its end, and return what it said on stderr.

    That goes through a file: a browser's helpers may hold a pipe open longer than it runs.
    """
    with said.open("wb") as stream:
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stream,
                start_new_session=True,
            )
        except OSError as error:
            raise MissingProgramError(
                f"{command[0]} cannot be started: {error.strerror or error}; {_OTHERWISE}"
            ) from error
        with process:
            try:
                process.wait(timeout=timeout_s)
            except subprocess.TimeoutExpired as error:
                raise MissingProgramError(
                    f"{command[0]} did not print the page within {timeout_s:g} s and was stopped; "
                    f"{_OTHERWISE}"
                ) from error
            finally:
                _end(process)
    return said.read_text(encoding="utf-8", errors="replace")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a browser with the processes that it started, if it still runs."""
    if process.poll() is not None:
        return
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
