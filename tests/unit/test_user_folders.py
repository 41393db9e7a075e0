"""Where a user's caches and key lie, with and without a home."""

import os
import stat
import sys
import tempfile
from pathlib import Path

import pytest

from carina.data.patients import load_patient_key
from carina.errors import CarinaWarning
from carina.settings import Settings

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="homes and modes of POSIX")


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The system's folder for temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def no_account(monkeypatch):
    def unknown(number):
        raise KeyError(number)

    monkeypatch.setattr("pwd.getpwuid", unknown)


def found(**variables):
    settings = Settings.from_environment(variables)
    return settings.cache_dir, settings.config_dir


@pytest.mark.skipif(sys.platform == "darwin", reason="there the folders have other names")
def test_the_homes_folders_are_taken_and_relative_ones_ignored(tmp_path):
    home = {"HOME": str(tmp_path)}
    usual = (tmp_path / ".cache" / "carina", tmp_path / ".config" / "carina")
    assert found(**home) == usual
    assert found(**home, XDG_CACHE_HOME="relative", XDG_CONFIG_HOME="") == usual
    other = {"XDG_CACHE_HOME": str(tmp_path / "c"), "XDG_CONFIG_HOME": str(tmp_path / "d")}
    assert found(**home, **other) == (tmp_path / "c" / "carina", tmp_path / "d" / "carina")


def test_without_home_that_of_the_account_is_taken(tmp_path, monkeypatch):
    account = type("Account", (), {"pw_dir": str(tmp_path)})
    monkeypatch.setattr("pwd.getpwuid", lambda number: account)
    for home in ({}, {"HOME": ""}, {"HOME": "relative"}):
        assert all(folder.is_relative_to(tmp_path) for folder in found(**home))


@pytest.mark.usefixtures("no_account")
def test_without_an_account_a_temporary_folder_of_the_users_own_is_taken(temporary):
    cache, config = found()
    own = temporary / f"carina-{os.getuid()}"
    assert (cache, config) == (own / "cache", own / "config")
    assert stat.S_IMODE(own.stat().st_mode) == 0o700
    with pytest.warns(CarinaWarning, match=r"key that hashes patients .* CARINA_CONFIG_DIR"):
        key = load_patient_key(config, given=None)
    assert found() == (cache, config)
    with pytest.warns(CarinaWarning):
        assert load_patient_key(config, given=None) == key


@pytest.mark.usefixtures("no_account")
@pytest.mark.parametrize("prepared", ["open to others", "a link", "a file"])
def test_a_temporary_folder_that_somebody_else_prepared_is_not_taken(temporary, prepared):
    own = temporary / f"carina-{os.getuid()}"
    if prepared == "open to others":
        own.mkdir()
        own.chmod(0o777)
    elif prepared == "a link":
        (temporary / "theirs").mkdir(mode=0o700)
        own.symlink_to(temporary / "theirs")
    else:
        own.touch()
    cache, config = found()
    for folder in (cache, config):
        assert folder.parent != own
        assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("home", ["a file", "read only"])
def test_a_home_that_cannot_be_written_to_is_passed_over(tmp_path, temporary, home, monkeypatch):
    place = tmp_path / "home"
    if home == "a file":
        place.touch()
    else:
        place.mkdir()
        monkeypatch.setattr("os.access", lambda path, mode: not Path(path).is_relative_to(place))
    assert all(folder.is_relative_to(temporary) for folder in found(HOME=str(place)))


@pytest.mark.skipif(sys.platform == "darwin", reason="there the folders have other names")
def test_a_key_that_is_there_is_used_from_a_home_that_cannot_be_written_to(
    tmp_path, temporary, monkeypatch
):
    config = tmp_path / ".config" / "carina"
    config.mkdir(parents=True)
    (config / "patient.key").write_text("ab" * 32)
    monkeypatch.setattr("os.access", lambda path, mode: False)
    cache, found_config = found(HOME=str(tmp_path))
    assert found_config == config
    assert cache.is_relative_to(temporary)


def test_a_folder_that_is_named_is_taken_as_it_is(tmp_path):
    named = {"CARINA_CACHE_DIR": "c", "CARINA_CONFIG_DIR": str(tmp_path / "none" / "d")}
    assert found(**named) == (Path("c"), tmp_path / "none" / "d")
