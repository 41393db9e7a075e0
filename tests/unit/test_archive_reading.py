"""Archives that are read where they lie: what is read, and what is refused by name."""

import io
import os
import pickle
import signal
import struct
import tarfile
import threading
import warnings
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from carina.errors import DatasetError, ImageError
from carina.files.archives import reading
from carina.files.archives.entries import ArchiveLimits, ArchiveProblem
from carina.files.archives.reading import Archive, open_archive
from carina.files.tree import (
    archive_folder,
    is_file,
    is_folder,
    list_folder,
    read_archived,
    read_archived_head,
    split_archived,
)
from making.archives import RawMember, raw_zip, write_tar, write_zip

FILES = {
    "a/1.png": b"one" * 999,
    "a/2.png": b"",
    "ä ö.txt": b"text",
    "a/deep/er/3.dcm": b"\0" * 500,
}
MOST = 1_000_000
TAR_FORMS = {"pax": tarfile.PAX_FORMAT, "GNU": tarfile.GNU_FORMAT, "ustar": tarfile.USTAR_FORMAT}


def refusal(path):
    """Return why an archive is refused, and the code of a film in it."""
    with pytest.raises(DatasetError) as refused:
        archive_folder(path, error=DatasetError)
    with pytest.raises(ImageError) as film:
        read_archived(f"{path}!/a.png", most_bytes=MOST)
    assert str(film.value) == str(refused.value)
    assert str(path) in str(refused.value)
    return str(refused.value).replace(f"{path} ", ""), film.value.image_code


def zip_in(folder, *members, **said):
    path = folder / "x.zip"
    path.write_bytes(raw_zip(list(members), **said))
    return path


def code_of(path, name="a.png"):
    with pytest.raises(ImageError) as refused:
        read_archived(f"{path}!/{name}", most_bytes=MOST)
    return refused.value.image_code


@pytest.mark.parametrize("form", TAR_FORMS)
def test_a_tar_of_every_form_is_read_as_tarfile_reads_it(tmp_path, form):
    long = {"folder " * 12 + "/" + "long name " * 9 + ".png": b"long"}
    files = FILES | (long if form != "ustar" else {"a" * 90 + "/" + "b" * 90: b"prefix"})
    path = write_tar(tmp_path / "x.tar", files, form=TAR_FORMS[form])
    assert {name: read_archived(f"{path}!/{name}", most_bytes=MOST) for name in files} == files
    assert set(open_archive(str(path)).entries) == set(files)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_is_read_as_zipfile_reads_it(tmp_path, method):
    path = write_zip(tmp_path / "x.zip", FILES, method=method)
    assert {name: read_archived(f"{path}!/{name}", most_bytes=MOST) for name in FILES} == FILES
    assert read_archived_head(f"{path}!/a/1.png", 4) == b"oneo"


def test_large_fields_bytes_in_front_a_comment_and_a_stream_are_understood(tmp_path):
    path = tmp_path / "x.zip"
    with path.open("wb") as stream:
        stream.write(b"#!/bin/sh\n")
        with zipfile.ZipFile(_Unseekable(stream), "w", zipfile.ZIP_DEFLATED) as archive:
            archive.comment = b"PK\5\6 said"
            with archive.open("a.png", "w", force_zip64=True) as member:
                member.write(b"a film")
    assert read_archived(f"{path}!/a.png", most_bytes=MOST) == b"a film"
    large = RawMember(
        b"b.png", b"large", n_bytes=0xFFFFFFFF, n_packed=0xFFFFFFFF,
        extra=struct.pack("<HHHHQQ", 9, 0, 1, 16, 5, len(RawMember(b"", b"large").packed)),
    )  # fmt: skip
    assert read_archived(f"{zip_in(tmp_path, large)}!/b.png", most_bytes=MOST) == b"large"


class _Unseekable(io.RawIOBase):
    """A pipe into a file, so that sizes stand behind the content."""

    def __init__(self, stream):
        self._stream = stream

    def writable(self):
        return True

    def write(self, data):
        return self._stream.write(data)


@pytest.mark.slow
def test_a_zip_of_more_entries_than_two_bytes_count_is_read(tmp_path):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(65_537):
            archive.writestr(f"{number}", b"")
    assert len(open_archive(str(path)).entries) == 65_537


def test_folders_of_an_archive_are_listed_like_those_on_disk(tmp_path):
    path = write_zip(tmp_path / "x.zip", FILES | {"empty/": b"", ".\\b\\4.png": b"4"})
    root = Path(f"{path}!")
    assert sorted((e.name, e.is_dir()) for e in list_folder(root)) == [
        ("a", True), ("b", True), ("empty", True), ("ä ö.txt", False),
    ]  # fmt: skip
    assert is_file(root / "b" / "4.png")
    assert is_folder(root / "a" / "deep")
    assert not is_file(root / "a" / "deep")
    assert not is_file(root / "a" / ".." / "a" / "1.png")
    with pytest.raises(OSError, match="no folder"):
        list_folder(root / "nothing")
    assert pickle.loads(pickle.dumps(root / "a")) == root / "a"


def test_a_path_with_a_mark_and_no_archive_is_a_path_on_disk(tmp_path):
    (tmp_path / "y.zip!").mkdir()
    (tmp_path / "y.zip!" / "a.png").write_bytes(b"a")
    assert split_archived(tmp_path / "y.zip!" / "a.png") is None
    assert is_file(tmp_path / "y.zip!" / "a.png")
    assert read_archived(tmp_path / "y.zip!" / "a.png", most_bytes=MOST) is None


REFUSED_NAMES = {
    "../a.png": "outside of the folder",
    "a/../../b.png": "outside of the folder",
    "/a.png": "outside of the folder",
    "C:\\a.png": "outside of the folder",
    "\\\\server\\a.png": "outside of the folder",
    "a/more.zip": "which is an archive itself",
    "films.tar.gz": "which is an archive itself",
    "x/" * 101 + "a.png": "101 folders",
}


@pytest.mark.parametrize("name", REFUSED_NAMES)
@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_an_archive_with_a_bad_name_is_refused_by_that_name(tmp_path, write, name):
    path = write(tmp_path / f"x.{write.__name__[-3:]}", {"a.png": b"", name: b""})
    told, code = refusal(path)
    assert f"holds {name!r}, {REFUSED_NAMES[name]}" in told or REFUSED_NAMES[name] in told
    assert told.endswith("; make it anew without that, or unpack it and name the folder") or code
    assert code in ("unknown-format", "too-large")


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("a.png", "./a.png"), "'a.png' twice"),
        (("a.png", "A.PNG"), "'a.png' and 'A.PNG', which are one name on some systems"),
        (("ä.png", "a\u0308.png"), "which are one name on some systems"),
        (("a", "a/b.png"), "'a' as a file, and 'a/b.png' in it"),
    ],
)
@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_two_files_of_one_name_are_refused(tmp_path, write, names, words):
    path = write(tmp_path / f"x.{write.__name__[-3:]}", dict.fromkeys(names, b""))
    assert words in refusal(path)[0]


def test_what_systems_leave_is_no_nested_archive(tmp_path):
    path = write_zip(tmp_path / "x.zip", {"a.png": b"", "__MACOSX/._b.zip": b"", "c/._d.zip": b""})
    assert read_archived(f"{path}!/a.png", most_bytes=MOST) == b""


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, b"S", b"D"]
)
def test_links_devices_and_holes_in_a_tar_are_refused(tmp_path, kind):
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        entry = tarfile.TarInfo("a.png")
        entry.type, entry.linkname = kind, "/etc/passwd"
        archive.addfile(entry)
    told, code = refusal(tmp_path / "x.tar")
    assert told.startswith("holds 'a.png', which ")
    assert code == "not-a-file"


def test_links_and_passwords_in_a_zip_are_refused(tmp_path):
    link = zip_in(tmp_path, RawMember(b"a.png", b"/etc/passwd", mode=0o120777))
    assert refusal(link)[1] == "not-a-file"
    locked = zip_in(tmp_path, RawMember(b"a.png", b"x", flags=1))
    told, code = refusal(locked)
    assert "needs a password" in told
    assert code == "no-permission"


LIMITS = {
    "files": (ArchiveLimits(n_files=1), "2 files, and 1 are the most", "too-large"),
    "bytes": (ArchiveLimits(n_bytes=10), "when unpacked, and 0 MB are the most", "too-large"),
    "ratio": (ArchiveLimits(ratio=2), "would grow .*-fold when unpacked", "inflates-too-far"),
}


@pytest.mark.parametrize(
    ("write", "limit"),
    [*((write_zip, limit) for limit in LIMITS), (write_tar, "files"), (write_tar, "bytes")],
)
def test_an_archive_over_a_limit_is_refused(tmp_path, write, limit):
    limits, words, code = LIMITS[limit]
    path = write(tmp_path / "x", {"a.png": b"1" * 9000, "b.png": b"2"})
    with pytest.raises(ArchiveProblem, match=words) as refused:
        Archive(str(path), limits=limits)
    assert refused.value.image_code == code


def test_a_bomb_of_files_over_each_other_is_refused(tmp_path):
    # As Fifield's: every entry of the list means the same bytes.
    kernel = RawMember(b"a.png", os.urandom(2000))
    again = [RawMember(f"{n}.png".encode(), b"", n_packed=2000, start=0) for n in range(50)]
    told, code = refusal(zip_in(tmp_path, kernel, *again))
    assert "lie over each other" in told
    assert code == "inflates-too-far"
    # and the header of one inside of the content of the one before
    inner = raw_zip([RawMember(b"b.png", b"b", method=0)])
    outer = RawMember(b"a.png", inner, method=0)
    path = zip_in(tmp_path, outer, RawMember(b"b.png", b"b", method=0, start=30 + 5))
    assert "lie over each other" in refusal(path)[0]


def test_one_file_that_grows_too_far_is_refused_and_the_others_are_read(tmp_path):
    zeros = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = zeros.compress(bytes(20_000_000)) + zeros.flush()
    noise = os.urandom(100_000)
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", bytes(20_000_000))
        archive.writestr("b.png", noise)
    assert len(packed) * 200 < 20_000_000
    with pytest.raises(ImageError, match="it is no film") as refused:
        read_archived(f"{path}!/a.png", most_bytes=10**9)
    assert refused.value.image_code == "inflates-too-far"
    assert read_archived(f"{path}!/b.png", most_bytes=MOST) == noise
    assert code_of(path) == "too-large"


@pytest.mark.parametrize(
    ("member", "code"),
    [
        (RawMember(b"a.png", b"one" * 99, n_bytes=200), "damaged"),
        (RawMember(b"a.png", b"one" * 99, n_bytes=400), "damaged"),
        (RawMember(b"a.png", b"one" * 99, n_packed=5), "damaged"),
        (RawMember(b"a.png", b"abc", method=0, n_bytes=2), "damaged"),
        (RawMember(b"a.png", b"abc", crc=7), "bad-checksum"),
        (RawMember(b"a.png", b"abc", method=9), "unknown-format"),
        (RawMember(b"a.png", b"abc", method=99), "unknown-format"),
    ],
)
def test_what_a_zip_says_of_a_file_must_be_true(tmp_path, member, code):
    path = zip_in(tmp_path, member, RawMember(b"b.png", b"whole"))
    assert code_of(path) == code
    assert read_archived(f"{path}!/b.png", most_bytes=MOST) == b"whole"


def test_a_header_that_is_another_one_is_damage(tmp_path):
    path = zip_in(tmp_path, RawMember(b"a.png", b"abc"))
    path.write_bytes(path.read_bytes().replace(b"PK\3\4", b"PK\3\5"))
    assert code_of(path) == "damaged"


DAMAGED = {
    "nothing": b"",
    "no archive": b"no archive at all" * 100,
    "cut off": raw_zip([RawMember(b"a.png", b"abc")])[:-30],
    "a count that lies": raw_zip([RawMember(b"a.png", b"abc")], n_entries=2),
    "a place that lies": raw_zip([RawMember(b"a.png", b"abc")], shift=1000),
    "sizes without numbers": raw_zip([RawMember(b"a.png", b"abc", n_bytes=0xFFFFFFFF)]),
    "beyond the end": raw_zip([RawMember(b"a.png", b"abc", n_packed=10_000)]),
    "one disk of several": raw_zip([RawMember(b"a.png", b"abc")], disk=1),
    "7z": b"7z\xbc\xaf\x27\x1c" + bytes(100),
    "gzip": b"\x1f\x8b\x08" + bytes(100),
}


@pytest.mark.parametrize("kind", DAMAGED)
@pytest.mark.parametrize("suffix", [".zip", ".tar"])
def test_what_is_no_sound_archive_is_refused_with_what_to_do(tmp_path, kind, suffix):
    path = tmp_path / f"x{suffix}"
    path.write_bytes(DAMAGED[kind])
    told, code = refusal(path)
    assert "; " in told
    assert code in ("damaged", "unknown-format", "empty-file", "inflates-too-far")


def test_a_tar_that_is_cut_off_or_changed_is_refused_and_not_read_in_part(tmp_path):
    whole = write_tar(tmp_path / "x.tar", {"a.png": b"a" * 600, "b.png": b"b"}).read_bytes()
    for damaged in (
        whole[:1000], whole[:1536], whole[:2600], whole.replace(b"b.png", b"c.png"),
        whole + whole, whole[:124] + b"8" * 11 + whole[135:],
    ):  # fmt: skip
        (tmp_path / "x.tar").write_bytes(damaged)
        assert refusal(tmp_path / "x.tar")[1] == "damaged"


def test_extended_headers_of_a_tar_have_limits(tmp_path):
    def header(kind, size, name=b"a.png"):
        block = bytearray(512)
        block[: len(name)], block[124:135], block[156:157] = name, b"%011o" % size, kind
        block[148:156] = b" " * 8
        block[148:155] = b"%06o\0" % sum(block)
        return bytes(block)

    cases = [
        header(b"x", 2**21),
        (header(b"L", 1) + b"b".ljust(512, b"\0")) * 9,
        header(b"x", 9) + b"99 path=a".ljust(512, b"\0"),
        header(b"x", 14) + b"14 size=-9999\n".ljust(512, b"\0") + header(b"0", 0),
        header(b"g", 11) + b"11 path=ab\n".ljust(512, b"\0") + header(b"0", 0),
    ]
    for case in cases:
        (tmp_path / "x.tar").write_bytes(case + bytes(1024))
        assert refusal(tmp_path / "x.tar")[1] == "damaged"


def test_a_changed_archive_is_noticed(tmp_path):
    path = write_zip(tmp_path / "x.zip", {"a.png": b"old"})
    assert read_archived(f"{path}!/a.png", most_bytes=MOST) == b"old"
    write_zip(tmp_path / "new", {"a.png": b"new!", "b.png": b"b"}).replace(path)
    assert read_archived(f"{path}!/a.png", most_bytes=MOST) == b"new!"
    archive = open_archive(str(path))
    with path.open("ab") as stream:
        stream.write(b"more")
    with pytest.raises(ArchiveProblem, match="changed while it was read") as refused:
        archive.read("a.png", most_bytes=MOST)
    assert refused.value.image_code == "changed-while-read"


def test_what_is_not_there_is_told(tmp_path):
    path = write_zip(tmp_path / "x.zip", FILES)
    assert code_of(path, "nothing.png") == "not-found"
    assert code_of(path, "a") == "not-a-file"
    assert code_of(path, "a/1.png/2.png") == "not-found"


def test_threads_read_one_archive_at_the_same_time(tmp_path):
    files = {f"{n}.png": os.urandom(3000) for n in range(40)}
    path = write_zip(tmp_path / "x.zip", files)
    start = threading.Barrier(4)

    def read_all(_):
        start.wait()
        return {name: read_archived(f"{path}!/{name}", most_bytes=MOST) for name in files}

    with ThreadPoolExecutor(4) as pool:
        assert all(found == files for found in pool.map(read_all, range(4)))


def test_a_handle_is_closed_with_its_archive(tmp_path):
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        pytest.skip("needs /proc")
    archive = Archive(str(write_zip(tmp_path / "x.zip", FILES)))
    n_open = len(list(folder.iterdir()))
    del archive
    assert len(list(folder.iterdir())) == n_open - 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_copy_of_the_process_does_not_wait_for_an_archive_that_a_thread_of_the_other_opens(
    tmp_path,
):
    path = str(write_zip(tmp_path / "films.zip", {"a.png": b"film"}))
    with reading._lock, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of Python 3.12: fork beside threads
        number = os.fork()
        if number == 0:
            signal.alarm(20)
            os._exit(5 if open_archive(path).entries else 6)
    assert os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]) == 5
