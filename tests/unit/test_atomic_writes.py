import stat
import sys

import pytest

from carina.errors import StorageError
from carina.files.atomic import write_bytes, write_text, writing
from carina.files.room import require_room


def test_a_written_file_holds_exactly_the_bytes(tmp_path):
    write_bytes(tmp_path / "deep" / "er" / "film.bin", b"\x00\xff")
    assert (tmp_path / "deep" / "er" / "film.bin").read_bytes() == b"\x00\xff"


def test_text_has_unix_line_ends_and_utf_8_everywhere(tmp_path):
    write_text(tmp_path / "note.txt", "côté\n")
    assert (tmp_path / "note.txt").read_bytes() == "côté\n".encode()


def test_a_failure_in_the_middle_leaves_the_old_file_and_nothing_else(tmp_path):
    file = tmp_path / "card.json"
    write_text(file, "old")

    def write_half():
        with writing(file) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert file.read_text() == "old"
    assert [f.name for f in tmp_path.iterdir()] == ["card.json"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_written_files_get_the_permissions_of_the_users_umask(tmp_path):
    write_text(tmp_path / "a.txt", "a")
    (tmp_path / "b.txt").write_text("b")
    mode = (tmp_path / "a.txt").stat().st_mode
    assert stat.S_IMODE(mode) == stat.S_IMODE((tmp_path / "b.txt").stat().st_mode)


def test_a_place_below_a_file_is_refused_with_what_to_do(tmp_path):
    (tmp_path / "film.png").write_bytes(b"")
    with pytest.raises(StorageError, match="--out"):
        write_text(tmp_path / "film.png" / "report.html", "x")


def test_more_room_than_the_disk_has_is_refused_with_the_numbers(tmp_path):
    with pytest.raises(StorageError, match="MB are needed"):
        require_room(tmp_path, n_bytes=10**18)


def test_the_advice_on_room_is_the_caller_s(tmp_path):
    with pytest.raises(StorageError, match="free some, or buy a disk"):
        require_room(tmp_path, n_bytes=10**18, advice="buy a disk")
