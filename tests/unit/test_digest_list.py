"""`digests.json`: a changed byte is found, and renewing the list launders nothing."""

import json
import os
import sys

import pytest

from carina.errors import RunError
from carina.files.digest_list import (
    DIGESTS,
    compare_digests,
    digest_of_list,
    read_digests,
    renew_digests,
    write_digests,
)


@pytest.fixture
def folder(tmp_path):
    """A folder with three files, and its list."""
    run = tmp_path / "run"
    (run / "figures").mkdir(parents=True)
    for name in ("recipe.toml", "report.html", "figures/roc.png"):
        (run / name).write_text(name, encoding="utf-8")
    write_digests(run)
    return run


def changes(folder):
    return compare_digests(folder, read_digests(folder))


def test_an_untouched_folder_is_what_its_list_says(folder):
    assert not changes(folder).any
    assert list(read_digests(folder).files) == ["figures/roc.png", "recipe.toml", "report.html"]


def test_what_is_changed_missing_and_added_is_named(folder):
    (folder / "recipe.toml").write_text("recipe.tomL", encoding="utf-8")
    (folder / "figures" / "roc.png").unlink()
    (folder / "figures" / "note.txt").touch()
    found = changes(folder)
    assert found.changed == ("recipe.toml",)
    assert found.missing == ("figures/roc.png",)
    assert found.added == ("figures/note.txt",)


def test_a_lock_and_what_file_browsers_leave_are_no_additions(folder):
    for name in (".lock", ".owner", "figures/.DS_Store", "figures/Thumbs.db"):
        (folder / name).touch()
    assert not changes(folder).any
    (folder / "figures" / ".lock").touch()
    assert changes(folder).added == ("figures/.lock",)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX links and pipes")
def test_a_pipe_in_the_place_of_a_file_is_named_and_not_waited_for(folder):
    (folder / "report.html").unlink()
    os.mkfifo(folder / "report.html")
    (folder / "figures" / "elsewhere").symlink_to(folder)
    found = changes(folder)
    assert found.unreadable == ("report.html",)
    assert found.added == ("figures/elsewhere",)


def test_renewing_one_file_leaves_a_change_of_another_to_be_found(folder):
    (folder / "recipe.toml").write_text("changed by somebody", encoding="utf-8")
    (folder / "report.html").write_text("written again", encoding="utf-8")
    (folder / "figures" / "roc.png").unlink()
    renew_digests(folder, [folder / "report.html", folder / "figures" / "roc.png"])
    assert changes(folder).changed == ("recipe.toml",)
    assert not changes(folder).missing


def test_the_run_above_a_member_knows_what_was_renewed_in_it(tmp_path):
    run, member = tmp_path / "run", tmp_path / "run" / "members" / "seed-1"
    member.mkdir(parents=True)
    (member / "report.html").touch()
    write_digests(member)
    write_digests(run)
    (member / "report.html").write_text("again", encoding="utf-8")
    renew_digests(member, [member / "report.html"])
    assert not changes(member).any
    assert not changes(run).any


def test_a_folder_without_a_list_gets_none_by_renewing(folder):
    (folder / DIGESTS).unlink()
    renew_digests(folder, [folder / "report.html"])
    assert read_digests(folder) is None
    assert digest_of_list(folder) is None


def test_one_digest_stands_for_every_file_and_not_for_the_form_of_the_list(folder):
    before = digest_of_list(folder)
    values = json.loads((folder / DIGESTS).read_text(encoding="utf-8"))
    (folder / DIGESTS).write_text(json.dumps(values | {"carina_version": "9"}), encoding="utf-8")
    assert digest_of_list(folder) == before
    (folder / "report.html").write_text("other", encoding="utf-8")
    renew_digests(folder, [folder / "report.html"])
    assert digest_of_list(folder) != before


def test_a_damaged_list_is_refused_with_its_name(folder):
    (folder / DIGESTS).write_text("{", encoding="utf-8")
    with pytest.raises(RunError, match=r"digests\.json"):
        read_digests(folder)


def test_a_file_elsewhere_cannot_come_on_the_list(folder, tmp_path):
    (tmp_path / "other").touch()
    with pytest.raises(RunError, match="not below"):
        renew_digests(folder, [tmp_path / "other"])
