"""Bombs by name, each through the real command line: its code, its time and its memory."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from making.classifiers import write_tiny_classifier
from making.hostile import bombs
from making.hostile.pictures import grey
from making.hostile.pngs import Chunk, chunks_of, grey_png, png_of
from making.rasters import encoded, png_8_bit

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

from hostile.memory import MemoryWatch

MB_100 = 100_000_000
LONGEST_S = 20
"""An honest film takes one second; the rest is for a busy machine. A bomb let off takes minutes."""
MOST_MB = 400
"""The command and its network hold 150 MB, a worker at most 256 MB beside what it decodes."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="measured with /proc"),
]


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    return write_tiny_classifier(tmp_path_factory.mktemp("bombs") / "tiny")


def predicted(classifier, *paths, text=False):
    """Return the exit code and output of `carina predict`, within its time and memory."""
    words = [sys.executable, "-c", "from carina.cli import main; main()", "predict"]
    words += [str(classifier), *map(str, paths), "--runtime", "onnxruntime"]
    began = time.monotonic()
    process = subprocess.Popen(
        words if text else [*words, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    with MemoryWatch(process.pid) as memory:
        try:
            out, err = process.communicate(timeout=LONGEST_S)
        finally:
            process.kill()
            process.wait()
    assert time.monotonic() - began < LONGEST_S
    assert 0 < memory.own_mb < MOST_MB
    assert memory.below_mb < MOST_MB
    assert b"Traceback" not in err, err
    return process.returncode, out if text else json.loads(out), err


def code_of(classifier, path):
    """Return the code of one film, named beside an honest one that must be answered."""
    honest = path.parent / "honest.png"
    honest.write_bytes(png_8_bit(grey()))
    exit_code, document, _ = predicted(classifier, honest, path)
    assert [Path(film["path"]).name for film in document["predictions"]] == ["honest.png"]
    (unreadable,) = document["unreadable"]
    assert exit_code == 3
    assert len(unreadable["message"]) < 500
    return unreadable["code"]


def spoilt(kind):
    """Return a PNG with a chunk whose checksum is wrong."""
    chunks = chunks_of(grey_png(24, 20, Chunk(b"tEXt", b"Title\0film")))
    return png_of([c._replace(crc=0xBAD) if c.kind == kind else c for c in chunks])


def lying_png():
    """Return a PNG whose pixels say they are 2 GB long."""
    chunks = chunks_of(grey_png(24, 20))
    return png_of([c._replace(length=0x7FFFFFFF) if c.kind == b"IDAT" else c for c in chunks])


def lying_jpeg():
    data = bytearray(encoded(grey().astype("uint8"), "JPEG"))
    at = data.index(b"\xff\xdb")
    data[at + 2 : at + 4] = b"\xff\xff"
    return bytes(data)


def many_texts():
    """Return a PNG of 30,000 texts of 3,000 letters each: 90 MB out of 1.3 MB."""
    return grey_png(24, 20, *[bombs.compressed_text(3_000)] * 30_000)


FILES = {
    "a GIF of 425 bytes with 68 megapixels": (bombs.gif_bomb, "unknown-format"),
    "a PNG with a wrong checksum of its pixels": (lambda: spoilt(b"IDAT"), "bad-checksum"),
    "a PNG with a wrong checksum of a text": (lambda: spoilt(b"tEXt"), "bad-checksum"),
    "a PNG with a text of 100 MB": (
        lambda: grey_png(24, 20, bombs.compressed_text(MB_100)), "inflates-too-far",
    ),
    "a PNG with an international text of 100 MB": (
        lambda: grey_png(24, 20, bombs.compressed_text(MB_100, b"iTXt")), "inflates-too-far",
    ),
    "a PNG with many texts": (many_texts, "inflates-too-far"),
    "a PNG with a colour profile of 100 MB": (
        lambda: grey_png(24, 20, bombs.compressed_profile(MB_100)), "inflates-too-far",
    ),
    "a deflated DICOM file of 1 MB that becomes 1 GB": (
        lambda: bombs.deflated_bomb(10 * MB_100), "inflates-too-far",
    ),
    "1,000 nested sequences": (lambda: bombs.nested_dicom(1_000), "nested-too-deep"),
    "100,000 nested sequences": (lambda: bombs.nested_dicom(100_000), "nested-too-deep"),
    "a PNG of 100,000 x 100,000": (lambda: bombs.small_bombs()["bomb-png-size"], "too-large"),
    "a TIFF of 100,000 x 100,000": (lambda: bombs.tiff_bomb(100_000), "too-large"),
    "a BMP of 100,000 x 100,000": (bombs.bmp_bomb, "too-large"),
    "a JPEG of 65,500 x 65,500": (bombs.jpeg_bomb, "too-large"),
    "a DICOM of 65,535 x 65,535": (
        lambda: bombs.lying_dicom(rows=65535, columns=65535), "too-large",
    ),
    "a DICOM larger than its pixels": (
        lambda: bombs.lying_dicom(rows=5000, columns=5000), "damaged",
    ),
    "a DICOM whose pixels say they are 4 GB": (
        lambda: bombs.lying_length(0xFFFFFFFE), "damaged",
    ),
    "a PNG whose pixels say they are 2 GB": (lying_png, "damaged"),
    "a JPEG segment that says it is longer than the file": (lying_jpeg, "damaged"),
}  # fmt: skip


@pytest.mark.parametrize("what", FILES)
def test_a_bomb_has_its_code_and_takes_neither_time_nor_memory(classifier, tmp_path, what):
    make, code = FILES[what]
    path = tmp_path / "bomb.png"
    path.write_bytes(make())
    assert code_of(classifier, path) == code


def loop(folder):
    (folder / "other.png").symlink_to("film.png")
    (folder / "film.png").symlink_to("other.png")


def pipe(folder):
    os.mkfifo(folder / "film.png")


def socket_file(folder):
    with socket.socket(socket.AF_UNIX) as made:
        here = Path.cwd()
        os.chdir(folder)  # the name of a socket may have 108 bytes
        try:
            made.bind("film.png")
        finally:
            os.chdir(here)


PLACES = {
    "a link in a circle": (loop, "broken-link"),
    "a link to nothing": (lambda f: (f / "film.png").symlink_to("gone"), "broken-link"),
    "a named pipe": (pipe, "not-a-file"),
    "a socket": (socket_file, "not-a-file"),
    "a device": (lambda f: (f / "film.png").symlink_to("/dev/zero"), "not-a-file"),
}


@pytest.mark.parametrize("what", PLACES)
def test_a_path_that_is_no_file_has_its_code_named_or_met_in_a_folder(classifier, tmp_path, what):
    make, code = PLACES[what]
    make(tmp_path)
    assert code_of(classifier, tmp_path / "film.png") == code
    _, document, _ = predicted(classifier, tmp_path)
    codes = {Path(film["path"]).name: film["code"] for film in document["unreadable"]}
    assert codes.pop("other.png", code) == code
    assert codes == {"film.png": code}


def test_a_folder_with_the_name_of_a_film_is_searched_and_told_of_if_it_holds_none(
    classifier, tmp_path
):
    (tmp_path / "empty.png").mkdir()
    (tmp_path / "full.png").mkdir()
    (tmp_path / "full.png" / "honest.png").write_bytes(png_8_bit(grey()))
    _, document, _ = predicted(classifier, tmp_path)
    assert [Path(film["path"]).name for film in document["predictions"]] == ["honest.png"]
    (unreadable,) = document["unreadable"]
    assert (Path(unreadable["path"]).name, unreadable["code"]) == ("empty.png", "not-a-file")


def test_a_file_that_changes_while_it_is_read_is_refused(classifier, tmp_path):
    path = tmp_path / "film.png"
    path.write_bytes(png_8_bit(grey()) + bytes(60_000_000))
    done = threading.Event()

    def write():
        with path.open("ab", buffering=0) as stream:
            while not done.is_set():
                stream.write(b"\0")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert code_of(classifier, path) == "changed-while-read"
    finally:
        done.set()
        writer.join()


NAMES = {
    "line ends": "two\nlines\r.png",
    "escape sequences": "\x1b[2J\x1b]0;title\x07.png",
    "HTML": "<img src=x onerror=alert(1)>.png",
    "right to left": "film\u202egnp.\u2066exe\u2069.png",
    "no width": "fi\u200blm\ufeff.png",
    "a formula": "=cmd!A1.png",
    "bytes that are no text": os.fsdecode(b"R\xf6ntgen.png"),
}
UNSHOWABLE = "\x1b\x07\r\u202e\u2066\u2069\u200b\ufeff"


@pytest.mark.parametrize("what", NAMES)
@pytest.mark.parametrize("is_film", [True, False])
def test_a_hostile_name_is_answered_and_shown_without_harm(classifier, tmp_path, what, is_film):
    path = tmp_path / NAMES[what]
    path.write_bytes(png_8_bit(grey()) if is_film else b"")
    (tmp_path / "honest.png").write_bytes(png_8_bit(grey()))
    code, document, err = predicted(classifier, tmp_path)
    assert code == (0 if is_film else 3)
    assert len(document["predictions"]) == 1 + is_film
    assert [film["code"] for film in document["unreadable"]] == ["empty-file"] * (not is_film)
    shown = document["predictions"] + document["unreadable"]
    told = [film["path"] + film.get("message", "") for film in shown]
    _, out, err_of_text = predicted(classifier, tmp_path, text=True)
    for text in (*told, err.decode(), out.decode(), err_of_text.decode()):
        assert not set(text) & set(UNSHOWABLE)
    assert not any("\n" in one for one in told)
