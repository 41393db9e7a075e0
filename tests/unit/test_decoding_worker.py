"""The process that decodes: its limits, its crashes and its lies are outcomes of films."""

import errno
import json
import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from carina.errors import IMAGE_CODES, CouldNotError, ImageError
from carina.imaging.decode import decode
from carina.imaging.decoding import FilmBytes, decode_films, while_wanted
from carina.imaging.worker import limits, process, starting
from carina.imaging.worker import pool as pool_module
from carina.imaging.worker.allowance import CPU_S
from carina.imaging.worker.answers import Answer, film_of
from carina.imaging.worker.messages import NonsenseError
from carina.imaging.worker.pool import WorkerPool
from carina.imaging.worker.process import NoLongerWantedError, Question
from making.dicom_files import dicom_bytes, dicom_dataset
from making.rasters import encoded, grey_ramp, png_8_bit, png_16_bit

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
EVEN = np.full((16, 16), np.float32(0.5))


@contextmanager
def pool_of(module, *, most=1):
    """Give a pool whose workers run a module of `making`."""
    pool = WorkerPool(most, module=module)
    try:
        yield pool
    finally:
        pool.close()


@pytest.fixture(scope="module")
def faulty():
    with pool_of("making.faulty_worker") as pool:
        yield pool


@pytest.fixture(scope="module")
def lying():
    with pool_of("making.lying_worker") as pool:
        yield pool


def outcomes(pool, *contents, **options):
    questions = [Question(content.encode(), f"{content}.png", film_of) for content in contents]
    return list(pool.answers(questions, **options))


def codes(found):
    return [one.image_code if isinstance(one, ImageError) else "film" for one in found]


def of_files(*contents):
    films = [FilmBytes(content, f"film-{n}") for n, content in enumerate(contents)]
    return list(decode_films(films))


FILES = (
    png_8_bit(grey_ramp()),
    png_16_bit(grey_ramp(40, 30, top=65535)),
    encoded(grey_ramp(64, 48).astype(np.uint8), "JPEG"),
    encoded(grey_ramp(64, 48).astype(np.uint8), "TIFF"),
    dicom_bytes(dicom_dataset(grey_ramp(24, 16, top=4095), bits=12, ViewPosition="PA")),
)


def test_a_film_comes_back_as_it_is_decoded_in_this_process():
    for content, found in zip(FILES, of_files(*FILES), strict=True):
        expected = decode(content, name="film")
        assert np.array_equal(found.pixels, expected.pixels)
        for name in ("file_format", "colour_mode", "bits", "view", "cautions", "traces"):
            assert getattr(found, name) == getattr(expected, name)


def test_films_that_are_held_keep_their_pixels_while_others_are_decoded():
    contents = [png_8_bit(np.full((9, 9), grey)) for grey in range(0, 250, 10)]
    held = of_files(*contents)
    again = of_files(*reversed(contents))
    for grey, film in zip(range(0, 250, 10), held, strict=True):
        assert (film.pixels == np.float32(grey) / np.float32(255)).all()
    views = [film.pixels[::2, 1:].T for film in again]
    del again, film
    of_files(*contents)
    assert [round(float(view[0, 0]) * 255) for view in views] == [*range(240, -1, -10)]


def test_many_threads_get_their_own_films():
    contents = [png_8_bit(np.full((9, 9), grey)) for grey in range(48)]

    def greys(start):
        return [round(float(film.pixels[0, 0]) * 255) for film in of_files(*contents[start::6])]

    with ThreadPoolExecutor(6) as threads:
        for start, found in enumerate(threads.map(greys, range(6))):
            assert found == [*range(start, 48, 6)]


FAULTS = {
    "segfault": "decoder-crashed",
    "panic": "decoder-crashed",
    "recurse": "nested-too-deep",
    "allocate": "takes-too-much-memory",
    "nan": "decoder-crashed",
}
MORE_FAULTS = {
    **FAULTS,
    "abort": "decoder-crashed",
    "exit": "decoder-crashed",
    "stop": "decoder-crashed",
    "bright": "decoder-crashed",
    "no-bits": "decoder-crashed",
}


def test_the_films_at_fault_get_their_codes_and_those_beside_them_are_decoded(faulty):
    found = outcomes(faulty, "film", *(name for fault in FAULTS for name in (fault, "film")))
    assert codes(found[1::2]) == list(FAULTS.values())
    for film in found[::2]:
        assert np.array_equal(film.pixels, EVEN)
    for fault, error in zip(FAULTS, found[1::2], strict=True):
        assert f"{fault}.png" in str(error)


@pytest.mark.slow
@pytest.mark.parametrize("fault", MORE_FAULTS)
def test_the_film_at_fault_gets_its_code_wherever_it_stands(faulty, fault):
    code = MORE_FAULTS[fault]
    assert codes(outcomes(faulty, fault, "film")) == [code, "film"]
    found = outcomes(faulty, "film", "film", fault, fault, "film")
    assert codes(found) == ["film", "film", code, code, "film"]


def test_a_crash_that_an_earlier_film_left_behind_is_not_the_next_ones_fault(faulty):
    assert codes(outcomes(faulty, "spoil", "film", "film")) == ["decoder-crashed", "film", "film"]


def test_the_negative_zero_is_black(faulty):
    (found,) = outcomes(faulty, "minus-zero")
    assert found.pixels.max() == 0


def test_what_a_codec_prints_goes_nowhere(faulty, capfd):
    assert codes(outcomes(faulty, "chatter")) == ["film"]
    assert capfd.readouterr() == ("", "")


def test_texts_of_a_file_are_made_harmless_and_cut_short(faulty):
    odd, long = outcomes(faulty, "odd-text", "long")
    assert odd.cautions == ("two\\nlines\\x1b[2J",)
    assert odd.view == "\\u202egnp"
    assert len(long.cautions) == 64
    assert max(map(len, long.cautions)) == 2000


@pytest.mark.slow
def test_a_film_that_spins_is_ended_by_the_processor_time_that_it_may_take(faulty, monkeypatch):
    monkeypatch.setattr("carina.imaging.worker.process.clock_s", lambda n_pixels: 60.0)
    before = time.process_time()
    started = os.times().children_user
    assert codes(outcomes(faulty, "film", "spin", "film")) == ["film", "takes-too-long", "film"]
    used = os.times().children_user - started
    assert used < 3 * CPU_S + 4
    assert time.process_time() - before < CPU_S


def test_a_film_that_waits_is_ended_by_the_clock(faulty, monkeypatch):
    monkeypatch.setattr("carina.imaging.worker.process.clock_s", lambda n_pixels: 0.2)
    found = outcomes(faulty, "film", "sleep", "film")
    assert codes(found) == ["film", "takes-too-long", "film"]


def test_a_worker_that_holds_on_to_memory_is_replaced(faulty):
    (before,) = {worker.process_id for worker in faulty._idle} or {0}
    assert codes(outcomes(faulty, "leak", "film")) == ["film", "film"]
    assert faulty.process_ids != [before]


def test_a_worker_that_is_killed_from_outside_while_it_waits_costs_no_film(faulty):
    outcomes(faulty, "film")
    (number,) = faulty.process_ids
    os.kill(number, signal.SIGKILL)
    assert codes(outcomes(faulty, "film", "film")) == ["film", "film"]
    assert faulty.process_ids != [number]


def told(lines):
    """Return a film that makes a liar say some lines."""
    return Question(json.dumps(lines).encode(), "film.png", film_of)


def film_line(**changes):
    facts = {
        "file_format": "PNG", "colour_mode": "L", "bits": 8, "view": None, "laterality": None,
        "pixel_spacing_mm": None, "cautions": [], "traces": [], "jpeg_tables": "",
        "jpeg_quality": None, "colour_share": 0.0,
    }  # fmt: skip
    message = {"number": "N", "facts": facts, "dtype": "float32", "shape": [16, 16]}
    for name, value in changes.items():
        (facts if name in facts else message)[name] = value
    return json.dumps(message).replace('"N"', "NUMBER")


LIES = {
    "no JSON": ["{"],
    "deep JSON": ["[" * 100_000],
    "no object": ["[1]"],
    "an endless line": ["x" * 3_000_000],
    "another number": ['{"number":77,"code":"damaged","message":"no"}'],
    "an unknown code": ['{"number":NUMBER,"code":"fine","message":"no"}'],
    "a code that is a list": ['{"number":NUMBER,"code":["damaged"],"message":"no"}'],
    "no message": ['{"number":NUMBER,"code":"damaged","message":7}'],
    "pixels that are not there": [film_line()],
    "an endless shape": [film_line(shape=[10**9, 10**9])],
    "a negative shape": [film_line(shape=[-16, -16])],
    "a shape of words": [film_line(shape=["16", "16"])],
    "a shape of truths": [film_line(shape=[True, 16])],
    "a flat shape": [film_line(shape=[256])],
    "a huge number": [film_line(shape=[int("9" * 4000), 8])],
    "another type": [film_line(dtype="object")],
    "a type that is none": [film_line(dtype=["float32"])],
    "no pixels": [film_line(dtype=None, shape=None)],
    "nothing": ['{"number":NUMBER}'],
    "readiness again": ['{"ready":true}'],
    "the end": ["close"],
}


@pytest.mark.slow
@pytest.mark.parametrize("lie", LIES)
def test_an_answer_that_is_none_is_a_crash_of_the_decoder(lying, lie):
    (found,) = lying.answers([told(LIES[lie])])
    assert isinstance(found, ImageError)
    assert found.image_code == "decoder-crashed"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("file_format", 7),
        ("colour_mode", "L" * 1000),
        ("bits", 10**30),
        ("bits", True),
        ("pixel_spacing_mm", [float("inf"), 1.0]),
        ("pixel_spacing_mm", [1.0]),
        ("cautions", ["no"] * 1000),
        ("cautions", [7]),
        ("traces", "text"),
        ("jpeg_quality", 101),
        ("colour_share", float("nan")),
        ("view", {}),
    ],
)
def test_facts_that_no_film_has_are_nonsense(name, value):
    facts = json.loads(film_line(**{name: value}).replace("NUMBER", "1"))["facts"]
    with pytest.raises(NonsenseError):
        film_of(Answer(facts, EVEN))
    good = json.loads(film_line().replace("NUMBER", "1"))["facts"]
    assert film_of(Answer(good, EVEN)).bits == 8


def test_whatever_a_liar_says_of_a_refusal_is_shown_harmlessly(lying):
    line = '{"number":NUMBER,"code":"damaged","message":"a\\u001b[2Jb\\u202e\\n' + "x" * 9000 + '"}'
    (found,) = lying.answers([told([line])])
    assert found.image_code == "damaged"
    assert str(found).isprintable()
    assert len(str(found)) < 2100


def test_a_thread_that_nobody_waits_for_any_more_does_not_wait_for_a_worker(faulty):
    others = faulty.answers([Question(b"film", "film", film_of)] * 2)
    next(others)
    asked = []

    def is_wanted():
        asked.append(True)
        return len(asked) < 3

    def wait():
        with pytest.raises(NoLongerWantedError):
            outcomes(faulty, "film", is_wanted=is_wanted)

    thread = threading.Thread(target=wait)
    thread.start()
    thread.join(20)
    assert len(asked) == 3
    assert codes(others) == ["film"]


def test_a_film_that_nobody_wants_any_more_is_given_up_before_it_is_decoded(faulty, monkeypatch):
    monkeypatch.setattr(pool_module, "_POOLS", [faulty])
    others = faulty.answers([Question(b"film", "film", film_of)] * 2)
    next(others)

    def give_up():
        with while_wanted(lambda: False), pytest.raises(NoLongerWantedError):
            of_files(b"film")

    with ThreadPoolExecutor(1) as thread:
        thread.submit(give_up).result(20)
    assert codes(others) == ["film"]


def test_a_slow_film_that_nobody_wants_any_more_is_given_up_with_its_worker(faulty, monkeypatch):
    monkeypatch.setattr("carina.imaging.worker.process._PATIENCE_S", 0.05)
    asked = []

    def is_wanted():
        asked.append(True)
        return len(asked) < 4

    with pytest.raises(NoLongerWantedError):
        outcomes(faulty, "sleep", is_wanted=is_wanted)
    assert faulty.process_ids == []
    assert codes(outcomes(faulty, "film", is_wanted=lambda: True)) == ["film"]


def test_a_worker_that_was_asked_by_half_answers_nobody_else(faulty, monkeypatch):
    really_send = process.send

    def interrupted(channel, message):
        really_send(channel, message)
        raise KeyboardInterrupt

    outcomes(faulty, "film")
    with monkeypatch.context() as patch:
        patch.setattr(process, "send", interrupted)
        with pytest.raises(KeyboardInterrupt):
            outcomes(faulty, "film")
    (found,) = outcomes(faulty, "minus-zero")
    assert not found.pixels.any()


def test_a_thread_that_has_a_worker_gets_another_and_does_not_wait_for_itself(faulty):
    others = faulty.answers([Question(b"film", "film", film_of)] * 2)
    next(others)
    assert codes(outcomes(faulty, "film")) == ["film"]
    assert codes(others) == ["film"]


def test_an_iterator_that_is_dropped_gives_its_place_back(faulty):
    others = faulty.answers([Question(b"film", "film", film_of)] * 5)
    next(others)
    others.close()
    with ThreadPoolExecutor(1) as thread:
        assert codes(thread.submit(outcomes, faulty, "film").result(20)) == ["film"]


def test_a_worker_that_cannot_be_started_is_no_fault_of_the_film(monkeypatch):
    monkeypatch.setattr("sys.executable", "/no/such/python")
    with pool_of("making.faulty_worker") as pool:
        for _ in range(2):
            with pytest.raises(CouldNotError, match="cannot be started"):
                outcomes(pool, "film")


def test_threads_that_cannot_be_started_leave_nobody_waiting(monkeypatch):
    def start(_thread):
        raise RuntimeError("can't start new thread")

    with pool_of("making.faulty_worker") as pool, monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        pool.start(1)
        for _ in range(2):
            with pytest.raises(CouldNotError, match="too many processes"):
                outcomes(pool, "film")


def test_no_room_for_a_film_is_no_fault_of_the_film(faulty, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("carina.imaging.worker.slots.FileSlot.put", full)
        with pytest.raises(CouldNotError, match="No space left"):
            outcomes(faulty, "film")
    assert codes(outcomes(faulty, "film")) == ["film"]
    with monkeypatch.context() as patch:
        patch.setattr("carina.imaging.worker.slots.PixelSlot.in_place", full)
        with pytest.raises(CouldNotError, match="No space left"):
            outcomes(faulty, "film")
    assert codes(outcomes(faulty, "film")) == ["film"]


def test_a_worker_that_ends_as_it_starts_is_no_fault_of_the_film():
    with (
        pool_of("making.no_such_worker") as pool,
        pytest.raises(CouldNotError, match="ends as it starts"),
    ):
        outcomes(pool, "film")


def test_a_pool_that_is_closed_starts_nothing():
    with pool_of("making.faulty_worker") as pool:
        outcomes(pool, "film")
        pool.close()
        with pytest.raises(CouldNotError, match="is ending"):
            outcomes(pool, "film")
        assert pool.process_ids == []


def open_files(number):
    return [str(link.readlink()) for link in Path("/proc", str(number), "fd").iterdir()]


@linux
def test_a_worker_has_little_and_no_secret(monkeypatch):
    monkeypatch.setenv("CARINA_TOKEN", "a secret that no decoder needs")
    with pool_of("carina.imaging.worker") as pool:
        list(pool.answers([Question(FILES[0], "film.png", film_of)]))
        (number,) = pool.process_ids
        folder = Path("/proc", str(number))
        names = {entry.split(b"=")[0].decode() for entry in
                 (folder / "environ").read_bytes().split(b"\0")}  # fmt: skip
        lines = (folder / "limits").read_text().splitlines()
        limits = {line[:26].strip(): line[26:].split()[:2] for line in lines}
        links = open_files(number)
        assert names <= {"", "PYTHONPATH", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS",
                         "MKL_NUM_THREADS", *starting._KEPT_VARIABLES}  # fmt: skip
        assert limits["Max core file size"] == ["0", "0"]
        assert int(limits["Max open files"][1]) < 64
        assert limits["Max cpu time"][0] != "unlimited"
        assert (folder / "cwd").readlink() == Path("/")
        kinds = {link.split(":")[0] for link in links}
        assert kinds <= {"/dev/null", "socket", "/memfd", f"/proc/{number}/statm"}
        assert len(links) <= 3 + 2 + 2 + process.AT_ONCE + 2 * process._PIXEL_SLOTS


def test_every_outcome_of_a_lost_worker_is_on_the_list():
    for status in (-signal.SIGSEGV, -9, 81, 82, 0, 1, -24, 3221225477):
        assert process._code_of(status) in IMAGE_CODES
    assert process._code_of(81) == "takes-too-long"
    assert process._code_of(82) == "takes-too-much-memory"


@pytest.mark.slow
def test_the_memory_of_a_large_film_is_given_back(faulty):
    levels = grey_ramp(3000, 3000, top=65535).astype(np.uint16)
    large, small = encoded(levels, "TIFF"), png_8_bit(grey_ramp())
    questions = [Question(data, "film", film_of) for data in (large, small, large, small)]
    sizes = []
    for film in faulty.answers(questions):
        if film.pixels.size == 9_000_000:
            assert np.array_equal(np.rint(film.pixels[::7] * 65535), levels[::7])
        del film
        slots = [
            slot.file
            for slot in (*faulty_worker_of(faulty)._files, *faulty_worker_of(faulty)._pixels)
        ]
        sizes.append(sum(os.fstat(one.stream.fileno()).st_blocks for one in slots) * 512)
    assert sizes[-1] < 32 * 2**20


def faulty_worker_of(pool):
    (worker,) = pool._all
    return worker


def not_allowed(*_):
    raise PermissionError(errno.EACCES, "as the setting vm.memfd_noexec does")


@linux
@pytest.mark.parametrize("is_refused", [True, False])
def test_pixels_come_through_files_where_there_is_no_memory_without_a_name(monkeypatch, is_refused):
    if is_refused:
        monkeypatch.setattr(os, "memfd_create", not_allowed)
    else:
        monkeypatch.delattr(os, "memfd_create")
    monkeypatch.setattr(pool_module, "_POOLS", [])
    try:
        for content, found in zip(FILES, of_files(*FILES), strict=True):
            assert np.array_equal(found.pixels, decode(content, name="film").pixels)
        (number,) = pool_module.the_pool().process_ids
        links = open_files(number)
        assert sum(link.endswith(" (deleted)") for link in links) >= process._PIXEL_SLOTS
        assert not any("memfd" in link for link in links)
    finally:
        pool_module.the_pool().close()


@linux
def test_a_thread_holds_the_limits_where_a_container_shows_no_proc(monkeypatch):
    monkeypatch.setattr(limits, "WatchedLimits", lambda parent: f"watched for {parent}")
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", not_allowed)
        found = limits.own_limits(7)
    assert found == "watched for 7"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "code"),
    [("allocate-slowly", "takes-too-much-memory"), ("sleep", "takes-too-long")],
)
def test_limits_are_held_by_a_thread_where_the_kernel_holds_none(
    tmp_path, monkeypatch, fault, code
):
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "watched")])
    monkeypatch.setattr("carina.imaging.worker.process.clock_s", lambda n_pixels: 60.0)
    with pool_of("making.faulty_worker") as pool:
        assert codes(outcomes(pool, "film", fault)) == ["film", code]
