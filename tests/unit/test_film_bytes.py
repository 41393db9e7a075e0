"""What lies at a path is looked at before it is opened, and has its code."""

import os
import socket
import sys
import threading
from pathlib import Path

import pytest

from carina.errors import ImageError
from carina.files import film_bytes
from carina.files.film_bytes import read_film_bytes, read_film_head, read_film_stream
from carina.imaging import read_radiograph

unix = pytest.mark.skipif(sys.platform == "win32", reason="such files are Unix's")


def code_of(path, **options):
    with pytest.raises(ImageError) as caught:
        read_film_bytes(Path(path), **options)
    return caught.value.image_code


def test_a_file_gives_its_bytes_and_its_head(tmp_path):
    path = tmp_path / "film.png"
    path.write_bytes(bytes(range(256)) * 100)
    assert read_film_bytes(path) == bytes(range(256)) * 100
    assert read_film_head(path, 3) == b"\0\1\2"
    assert read_film_head(path, 10**6) == read_film_bytes(path)


@unix
def test_what_is_no_file_is_refused_without_waiting_for_it(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(tmp_path)
        listener.bind("socket.png")
        opened = []
        monkeypatch.setattr(film_bytes.os, "open", lambda *_: opened.append(_))
        for name in ("pipe.png", "folder.png", "socket.png", "/dev/zero", "/dev/null", "."):
            assert code_of(name) == "not-a-file", name
        assert opened == []


@unix
def test_a_pipe_that_takes_a_films_place_is_not_waited_for(tmp_path, monkeypatch):
    path = tmp_path / "film.png"
    path.write_bytes(b"a film")
    real = film_bytes.os.stat

    def swapped(place):
        facts = real(place)
        path.unlink()
        os.mkfifo(path)
        return facts

    monkeypatch.setattr(film_bytes.os, "stat", swapped)
    assert code_of(path) == "not-a-file"


@unix
def test_links_are_followed_unless_they_lead_nowhere(tmp_path):
    (tmp_path / "film.png").write_bytes(b"a film")
    links = {"good.png": "film.png", "gone.png": "no.png", "a.png": "b.png", "b.png": "a.png"}
    for link, target in links.items():
        (tmp_path / link).symlink_to(target)
    assert read_film_bytes(tmp_path / "good.png") == b"a film"
    assert code_of(tmp_path / "gone.png") == "broken-link"
    assert code_of(tmp_path / "a.png") == "broken-link"
    (tmp_path / "folder.png").symlink_to(tmp_path)
    assert code_of(tmp_path / "folder.png") == "not-a-file"


def test_what_is_not_there_is_not_found(tmp_path):
    (tmp_path / "film.png").write_bytes(b"a film")
    for path in ("no.png", "film.png/deeper.png", "x" * 5000, "zero\0byte.png"):
        assert code_of(tmp_path / path) == "not-found", path


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    path = tmp_path / "film.png"
    with path.open("wb") as stream:
        stream.truncate(10**12)  # sparse
    assert code_of(path) == "too-large"
    path.write_bytes(b"four")
    assert code_of(path, most_bytes=3) == "too-large"
    assert read_film_bytes(path, most_bytes=4) == b"four"


@pytest.mark.parametrize("change", ["grows", "shrinks", "is touched"])
def test_a_file_that_changes_while_it_is_read_is_noticed(tmp_path, monkeypatch, change):
    path = tmp_path / "film.png"
    path.write_bytes(b"a film that is read")
    real = film_bytes._read

    def changed(descriptor, n_bytes):
        data = real(descriptor, n_bytes)
        if change == "grows":
            path.write_bytes(b"a film that is read, and more")
        elif change == "shrinks":
            path.write_bytes(b"a film")
        else:
            os.utime(path, ns=(1, 1))
        return data

    monkeypatch.setattr(film_bytes, "_read", changed)
    assert code_of(path) == "changed-while-read"


@unix
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="the superuser may all")
def test_a_file_that_may_not_be_read_says_so(tmp_path):
    path = tmp_path / "film.png"
    path.write_bytes(b"a film")
    path.chmod(0)
    assert code_of(path) == "no-permission"


def test_what_the_system_fails_to_read_cannot_be_read(tmp_path, monkeypatch):
    path = tmp_path / "film.png"
    path.write_bytes(b"a film")

    def broken(*_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(film_bytes.os, "read", broken)
    assert code_of(path) == "cannot-be-read"


def test_a_stream_is_read_up_to_the_limit(monkeypatch):
    monkeypatch.setattr(film_bytes, "MAX_FILE_BYTES", 100)
    reader, writer = os.pipe()
    thread = threading.Thread(target=lambda: (os.write(writer, bytes(1000)), os.close(writer)))
    thread.start()
    with os.fdopen(reader, "rb") as stream, pytest.raises(ImageError) as caught:
        read_film_stream(stream, name="-")
    thread.join()
    assert caught.value.image_code == "too-large"


def test_no_descriptor_is_left_open(tmp_path):
    if not Path("/proc/self/fd").exists():
        pytest.skip("this system does not list them")
    (tmp_path / "empty.png").touch()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for name in ("empty.png", "no.png", "."):
        with pytest.raises(ImageError):
            read_radiograph(tmp_path / name)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
