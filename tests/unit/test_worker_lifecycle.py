"""Workers begin early, serve scripts, threads and forks alike, and never outlive their parent."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from carina.imaging.decoding import FilmBytes, decode_films
from carina.imaging.worker.answers import film_of
from carina.imaging.worker.pool import WorkerPool, the_pool
from carina.imaging.worker.process import Question
from making.rasters import grey_ramp, png_8_bit

linux = pytest.mark.skipif(sys.platform != "linux", reason="waits for processes by pidfd")

# No main guard, as in a user's script.
READS = """
import sys
from carina import read_radiograph
from carina.imaging.worker.pool import the_pool
film = read_radiograph(sys.argv[1])
print(film.pixels.shape, *the_pool().process_ids, flush=True)
"""
FORKS = """
import os, sys
import numpy as np
from pathlib import Path
from carina import read_radiograph
from carina.imaging.read import read_radiographs
from carina.imaging.worker.pool import the_pool

def read():
    return read_radiograph(sys.argv[1])

held, known = read(), read().pixels.copy()
half = read_radiographs([Path(sys.argv[1])] * 8)
next(half)
number = os.fork()
rest = list(half)
assert [film.sha256 for film in rest] == [held.sha256] * 7
own = [*rest, *(read() for _ in range(10))]
assert all(np.array_equal(film.pixels, known) for film in [held, *own])
if number == 0:
    sys.exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]) == 7
own += [read() for _ in range(3)]
assert all(np.array_equal(film.pixels, known) for film in [held, *own])
print("sound", *the_pool().process_ids)
"""


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    path = tmp_path_factory.mktemp("films") / "film.png"
    path.write_bytes(png_8_bit(grey_ramp()))
    return path


def script(text, film, **options):
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", text, str(film)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)


def is_there(number):
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_script_without_a_main_guard_reads_and_leaves_no_worker_behind(film):
    process = script(READS, film)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    *shape, number = out.split()
    assert " ".join(shape) == "(12, 16)"
    assert not is_there(int(number))


@linux
def test_a_worker_ends_with_a_parent_that_is_killed(film):
    process = script(READS + "sys.stdin.read()", film, stdin=subprocess.PIPE)
    with process:
        number = int(process.stdout.readline().split()[-1])
        worker = os.pidfd_open(number)
        try:
            assert is_there(number)
            process.send_signal(signal.SIGKILL)
            assert select.select([worker], [], [], 30)[0]  # readable once it has ended
        finally:
            os.close(worker)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_copy_of_the_process_has_workers_of_its_own_and_spoils_no_film(film):
    process = script(FORKS, film)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert out.split()[0] == "sound"
    assert not any(is_there(int(number)) for number in out.split()[1:])


def test_a_worker_that_was_started_early_reads_the_first_film():
    pool = WorkerPool(2)
    try:
        pool.start(5)
        pool.start(5)
        with pool._changed:
            assert pool._changed.wait_for(lambda: len(pool._idle) == 2, timeout=30)
        before = set(pool.process_ids)
        assert len(before) == 2
        question = Question(png_8_bit(grey_ramp()), "film", film_of)
        both = [pool.answers([question, question]) for _ in range(2)]  # each holds a worker
        assert [next(held).bits for held in both] == [8, 8]
        assert [next(held).bits for held in both] == [8, 8]
        assert set(pool.process_ids) == before
        if sys.platform == "linux":  # where memory ends, they go first
            scores = [Path(f"/proc/{number}/oom_score_adj").read_text() for number in before]
            assert set(map(int, scores)) == {1000}
    finally:
        pool.close()
    assert not any(is_there(number) for number in before)


def test_a_worker_serves_film_after_film():
    films = [FilmBytes(png_8_bit(grey_ramp()), "film")] * 20
    assert len(list(decode_films(films))) == 20
    before = the_pool().process_ids
    assert len(list(decode_films(films))) == 20
    assert the_pool().process_ids == before
