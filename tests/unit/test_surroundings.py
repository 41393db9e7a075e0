"""However a command is started, its streams, its names and its exit code are the same."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX streams and locales")
SETTLED = "from carina.cli.surroundings import settle; settle(); "


def started(code, *, env=None, **how):
    how = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | how
    environment = {**os.environ, **(env or {})}
    return subprocess.run(
        [sys.executable, "-c", SETTLED + code], env=environment, text=True, check=False, **how
    )


def test_no_file_takes_the_number_of_a_closed_stream(tmp_path):
    code = "import os, sys; sys.exit(os.open(sys.executable, os.O_RDONLY))"
    assert started(code, preexec_fn=lambda: os.closerange(0, 3)).returncode > 2


def test_who_stops_reading_the_messages_stops_nothing():
    unread, stderr = os.pipe()
    os.close(unread)
    code = "import sys; print('a', file=sys.stderr); sys.stderr.write('b' * 99999); print('on')"
    for unbuffered in ("", "1"):
        done = started(code, stderr=stderr, env={"PYTHONUNBUFFERED": unbuffered})
        assert (done.returncode, done.stdout) == (0, "on\n")
    os.close(stderr)
    code = "import sys; print('a\\udcf6', file=sys.stderr); print(sys.stderr.isatty())"
    done = started(code)
    assert (done.stderr, done.stdout) == ("a\\udcf6\n", "False\n")


def test_names_are_utf_8_where_the_locale_says_ascii():
    env = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = started("import sys; print(sys.getfilesystemencoding(), chr(0x80F8))", env=env)
    assert done.stdout == "utf-8 胸\n"


def test_a_user_without_an_account_has_a_name_to_give():
    code = (
        "import getpass, os, pwd\n"
        "def unknown(number): raise KeyError(number)\n"
        "pwd.getpwuid = unknown\n"
        "for name in ('LOGNAME', 'USER', 'LNAME', 'USERNAME'): os.environ.pop(name, None)\n"
        f"{SETTLED}\nprint(getpass.getuser())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "nobody\n"


@pytest.mark.skipif(sys.platform != "linux", reason="a folder that is gone")
def test_a_removed_working_folder_is_left_and_nothing_relative_is_found(tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    code = f"import os; os.rmdir({str(gone)!r}); {SETTLED}print(os.getcwd())"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=gone, capture_output=True, text=True, check=True
    )
    assert done.stdout == "/proc\n"


def test_own_warnings_are_sentences_and_others_stay_as_they_were():
    code = (
        "import warnings; from carina.errors import CarinaWarning; "
        "warnings.warn('it is so', CarinaWarning); warnings.warn('theirs')"
    )
    said = started(code).stderr
    assert said.startswith("warning: it is so\n<string>:1: UserWarning: theirs")
