"""Rows of bytes by key: whole or not there, whatever happened to their files."""

import subprocess
import sys

import numpy as np
import pytest

from carina.errors import StorageError
from carina.files.row_store import DiskStore, MemoryStore

WIDTH = 24


def key(number):
    return bytes([number]) * 32


def row(number, width=WIDTH):
    return np.full(width, number, dtype=np.uint8)


def rows(*numbers):
    return {key(n): row(n) for n in numbers}


def keys(*numbers):
    return [key(n) for n in numbers]


@pytest.fixture(params=["memory", "disk"])
def store(request, tmp_path):
    return MemoryStore(WIDTH) if request.param == "memory" else DiskStore(tmp_path, WIDTH)


def filled(folder, *numbers):
    store = DiskStore(folder, WIDTH)
    store.append(rows(*numbers))
    return store


def test_what_was_kept_is_given_back_in_the_order_asked_for(store):
    store.append(rows(1, 2, 3))
    store.append(rows(4))
    assert store.missing(keys(4, 2, 2, 9)) == [3]
    np.testing.assert_array_equal(store.read(keys(4, 2, 2)), [row(4), row(2), row(2)])


def test_nothing_is_known_of_an_empty_store(store):
    assert store.missing(keys(1, 2)) == [0, 1]
    store.append({})
    assert store.missing(keys(1)) == [0]


def test_another_object_knows_what_one_kept(tmp_path):
    filled(tmp_path, 1, 2)
    again = DiskStore(tmp_path, WIDTH)
    assert again.missing(keys(1, 2, 3)) == [2]
    np.testing.assert_array_equal(again.read(keys(2)), [row(2)])


def test_a_row_that_another_kept_meanwhile_is_not_kept_twice(tmp_path):
    one, other = DiskStore(tmp_path, WIDTH), DiskStore(tmp_path, WIDTH)
    one.append(rows(1, 2))
    other.append(rows(2, 3))
    assert (tmp_path / "rows.bin").stat().st_size == 3 * WIDTH
    assert one.missing(keys(1, 2, 3)) == []
    np.testing.assert_array_equal(one.read(keys(3, 1)), [row(3), row(1)])


@pytest.mark.parametrize("name", ["rows.bin", "index.bin"])
def test_what_a_killed_process_left_half_written_is_cut_off(tmp_path, name):
    filled(tmp_path, 1, 2)
    with (tmp_path / name).open("ab") as stream:
        stream.write(b"half a row")
    store = DiskStore(tmp_path, WIDTH)
    assert store.missing(keys(1, 2)) == []
    store.append(rows(3))
    again = DiskStore(tmp_path, WIDTH)
    assert again.missing(keys(1, 2, 3)) == []
    np.testing.assert_array_equal(again.read(keys(3)), [row(3)])


def test_rows_without_an_index_do_not_count_and_are_written_over(tmp_path):
    filled(tmp_path, 1)
    with (tmp_path / "rows.bin").open("ab") as stream:
        stream.write(row(7).tobytes() * 3)
    store = DiskStore(tmp_path, WIDTH)
    store.append(rows(2))
    assert store.missing(keys(1, 2)) == []
    np.testing.assert_array_equal(store.read(keys(2)), [row(2)])


@pytest.mark.parametrize("at", [0, WIDTH - 1, WIDTH, 2 * WIDTH + 5])
def test_a_damaged_row_is_missing_and_made_anew(tmp_path, at):
    filled(tmp_path, 1, 2, 3)
    data = bytearray((tmp_path / "rows.bin").read_bytes())
    data[at] ^= 0xFF
    (tmp_path / "rows.bin").write_bytes(data)
    store = DiskStore(tmp_path, WIDTH)
    assert store.missing(keys(1, 2, 3)) == [at // WIDTH]
    store.append(rows(1, 2, 3))
    for found in (store, DiskStore(tmp_path, WIDTH)):
        assert found.missing(keys(1, 2, 3)) == []
        np.testing.assert_array_equal(found.read(keys(1, 2, 3)), [row(1), row(2), row(3)])


@pytest.mark.parametrize("name", ["rows.bin", "index.bin"])
def test_a_file_that_is_gone_is_made_anew(tmp_path, name):
    filled(tmp_path, 1, 2)
    (tmp_path / name).unlink()
    store = DiskStore(tmp_path, WIDTH)
    assert store.missing(keys(1, 2)) == [0, 1]
    store.append(rows(2, 1))
    assert store.missing(keys(1, 2)) == []
    np.testing.assert_array_equal(store.read(keys(1, 2)), [row(1), row(2)])


def test_a_damaged_index_makes_rows_unknown_and_never_wrong(tmp_path):
    filled(tmp_path, 1, 2)
    data = bytearray((tmp_path / "index.bin").read_bytes())
    data[3] ^= 0xFF
    (tmp_path / "index.bin").write_bytes(data)
    assert DiskStore(tmp_path, WIDTH).missing(keys(1, 2)) == [0]


def test_more_rows_than_there_is_room_for_are_refused_with_what_to_do(tmp_path):
    store = DiskStore(tmp_path, WIDTH)
    store.require_room(10, advice="make room")
    with pytest.raises(StorageError, match="make room"):
        store.require_room(10**18, advice="make room")


def test_processes_that_fill_one_store_at_once_do_not_disturb_each_other(tmp_path):
    """Each keeps 40 rows one by one, half of them the same ones."""
    work = (
        "import sys, numpy as np; from pathlib import Path\n"
        "from carina.files.row_store import DiskStore\n"
        "store, first = DiskStore(Path(sys.argv[1]), 24), int(sys.argv[2])\n"
        "for n in range(first, first + 40):\n"
        "    store.append({bytes([n]) * 32: np.full(24, n, dtype=np.uint8)})\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", work, str(tmp_path), str(first)])
        for first in (0, 20)
    ]
    assert [process.wait(timeout=60) for process in running] == [0, 0]
    store = DiskStore(tmp_path, WIDTH)
    assert store.missing(keys(*range(60))) == []
    np.testing.assert_array_equal(store.read(keys(*range(60))), [row(n) for n in range(60)])
    assert (tmp_path / "rows.bin").stat().st_size == 60 * WIDTH
