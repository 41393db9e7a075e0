"""Debian's Chromium on a served classifier, for tests of the page."""

import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
NO_CHROMIUM = "no chromium on this machine (Debian: apt-get install chromium)"
_SERVE = "import sys; sys.argv[1:1] = ['serve']; from carina.cli import main; main()"
_PATIENCE_MS = 20_000  # a busy machine is no fault of the page
# Root needs --no-sandbox; the others keep it from calling its maker.
_ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


@contextmanager
def browser():
    """Give a headless browser; the test is skipped where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
    if CHROMIUM is None:
        pytest.skip(NO_CHROMIUM)
    playwright.expect.set_options(timeout=_PATIENCE_MS)
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=list(_ARGUMENTS))
        try:
            yield opened
        finally:
            opened.close()


@contextmanager
def served(classifier, folder, *words, **environment):
    """Serve a classifier in a process of its own and give the address.

    Args:
        classifier: its folder, or a run.
        folder: for what the server keeps beside it.
        words: more words of the command.
        environment: more environment variables.
    """
    own = {f"CARINA_{name}_DIR": str(folder / name.lower()) for name in ("CACHE", "CONFIG", "RUNS")}
    command = [sys.executable, "-c", _SERVE, str(classifier), "--port", "0", *words]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env={**os.environ, **own, **environment}
    ) as server:
        try:
            yield _address(server)
        finally:
            server.terminate()
            server.communicate(timeout=30)


def _address(server):
    said = []
    for line in server.stderr:
        said.append(line)
        if "http://127.0.0.1:" in line:
            port = line.split("http://127.0.0.1:")[1].split()[0].strip("/.,;")
            return f"http://127.0.0.1:{port}"
    raise AssertionError(f"the server did not say where it listens: {''.join(said)}")


@contextmanager
def visited(opened_browser, address, **context):
    """Give a page of a new user who opened the address.

    At the end nothing may have been asked of another host, and nothing may have failed in the
    page's script or been stopped by its Content Security Policy.

    Args:
        opened_browser: from `browser`.
        address: of the server, with or without a path.
        context: of the browser's context, such as `color_scheme` and `viewport`.
    """
    host = "/".join(address.split("/")[:3])
    faults = []
    user = opened_browser.new_context(**{"reduced_motion": "reduce", **context})
    user.set_default_timeout(_PATIENCE_MS)
    page = user.new_page()
    page.on("request", lambda asked: faults.append(asked.url) if _outside(asked.url, host) else 0)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if _is_fault(said) else 0)
    try:
        page.goto(address)
        yield page
        assert faults == []
    finally:
        user.close()


def drop(page, *films):
    """Put films into the page's drop zone."""
    page.locator("#file").set_input_files(list(films))


def wait_until(page, expression, *, timeout_s=_PATIENCE_MS / 1000):
    """Wait until a JavaScript expression is true on a page.

    Playwright's own `wait_for_function` needs `eval`, which the page's policy forbids.
    """
    deadline = time.monotonic() + timeout_s
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, f"never came true: {expression}"
        page.wait_for_timeout(50)


def _outside(url, host):
    return not url.startswith((f"{host}/", "data:", "blob:"))


def _is_fault(said):
    # A refused film and a server that is gone are told so; the page shows them in words.
    return said.type == "error" and not said.text.startswith("Failed to load resource")
