"""The state of the user's working folder, as git tells it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from carina.runs import GitState

_PATIENCE_S = 3.0
# Nothing of the folder's own is run, nothing is written, nothing is asked of anybody.
_QUIET = (
    "--no-optional-locks",
    "-c", "core.fsmonitor=false",
    "-c", f"core.hooksPath={os.devnull}",
    "-c", "core.pager=",
)  # fmt: skip
_ENVIRONMENT = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}


def git_state(folder: Path) -> GitState:
    """Return commit, branch and number of changed files of the folder's repository.

    Files that git does not know are not counted, submodules not entered, no hook and no other
    program is run, and an answer is waited for 3 s at the most. No address of a remote is read.

    Args:
        folder: any folder.
    """
    program = shutil.which("git")
    if program is None:
        return GitState(note="git is not installed")
    told = _told(program, folder, "rev-parse", "--verify", "--quiet", "HEAD")
    if told is None:
        return GitState(note="git gave no answer within 3 s")
    if not told:
        return GitState(note="the working folder is in no git repository with a commit")
    branch = _told(program, folder, "symbolic-ref", "--quiet", "--short", "HEAD")
    changed = _told(
        program, folder,
        "status", "--porcelain=v1", "-z", "--untracked-files=no", "--no-renames",
        "--ignore-submodules=all",
    )  # fmt: skip
    return GitState(
        commit=told.strip(),
        branch=(branch or "").strip(),
        changed_files=None if changed is None else changed.count("\0"),
        note="git did not say within 3 s which files have changed" if changed is None else "",
    )


def _told(program: str, folder: Path, *words: str) -> str | None:
    """Return what git prints, "" where it refuses; None where it does not end in time."""
    with tempfile.TemporaryFile() as out:
        # What git starts may outlive it and hold a pipe open; a file holds nobody up.
        try:
            process = subprocess.Popen(
                [program, *_QUIET, *words],
                cwd=folder,
                env={**os.environ, **_ENVIRONMENT},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError:
            return ""
        try:
            process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            _end(process)
            return None
        out.seek(0)
        text = out.read().decode("utf-8", errors="replace")
        return text if process.returncode == 0 else ""


def _end(process: subprocess.Popen[bytes]) -> None:
    """End git and what it started."""
    with suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()
