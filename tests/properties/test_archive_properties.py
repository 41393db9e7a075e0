"""Mutated archives: every file in them is read as it was written, or refused with a code."""

import io
import os
import tarfile
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carina.errors import IMAGE_CODES
from carina.files.archives.entries import ArchiveProblem
from carina.files.archives.reading import Archive
from making.archives import RawMember, raw_zip, write_tar, write_zip

NOISE = os.urandom(300)
FILES = {"train/A/1.png": b"one" * 400, "train/B/2.png": NOISE, "ä/" + "long" * 40: b"", "x": b"x"}
MOST = 100_000

names = st.text(st.sampled_from("ab/.äA "), min_size=1, max_size=8)
contents = st.dictionaries(names, st.binary(max_size=40), min_size=1, max_size=6)


def read_all(path):
    """Return the files of an archive, or the code that it or one of them is refused with."""
    try:
        archive = Archive(str(path))
        return {name: archive.read(name, most_bytes=MOST) for name in archive.entries}
    except ArchiveProblem as problem:
        told, code = str(problem), problem.image_code
    assert code in IMAGE_CODES
    assert str(path) in told
    return code


def made(kind, folder):
    write = {"zip": write_zip, "tar": write_tar}[kind]
    return write(folder / f"x.{kind}", FILES).read_bytes()


@pytest.mark.parametrize("kind", ["zip", "tar"])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_changed_byte_is_never_another_film(kind, tmp_path_factory, data):
    mutate(kind, tmp_path_factory, data)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["zip", "tar"])
@settings(max_examples=3000, deadline=None)
@given(data=st.data())
def test_many_changed_bytes_are_never_another_film(kind, tmp_path_factory, data):
    mutate(kind, tmp_path_factory, data)


def mutate(kind, tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp()
    whole = bytearray(made(kind, folder))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(whole) - 1))
        how = data.draw(st.sampled_from(["byte", "cut", "twice", "number"]))
        if how == "byte":
            whole[place] = data.draw(st.integers(0, 255))
        elif how == "cut":
            del whole[place : place + data.draw(st.sampled_from([1, 46, 512, len(whole)]))]
        elif how == "twice":
            whole[place:place] = whole[place : place + 512]
        else:
            number = data.draw(st.sampled_from([0, 1, 0xFFFF, 0xFFFFFFFF, 0x7FFFFFFF]))
            whole[place : place + 4] = number.to_bytes(4, "little")
        if not whole:
            break
    path = folder / f"mutated.{kind}"
    path.write_bytes(whole)
    found = read_all(path)
    # A tar keeps no checksum of contents, so that those may differ.
    if kind == "zip" and isinstance(found, dict):
        assert set(found.values()) <= set(FILES.values())


@settings(max_examples=60, deadline=None)
@given(files=contents, form=st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]))
def test_both_kinds_hold_the_same_or_are_refused_alike(tmp_path_factory, files, form):
    buffers = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(buffers[0], "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content if not name.endswith("/") else b"")
    with tarfile.open(fileobj=buffers[1], mode="w", format=form) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            if name.endswith("/"):
                entry.type, entry.size = tarfile.DIRTYPE, 0
            archive.addfile(entry, io.BytesIO(content))
    found = []
    for buffer in buffers:
        path = tmp_path_factory.getbasetemp() / "x.archive"
        path.write_bytes(buffer.getvalue())
        found.append(read_all(path))
    assert found[0] == found[1]


@settings(max_examples=60, deadline=None)
@given(
    members=st.lists(
        st.builds(
            RawMember,
            name=st.binary(min_size=1, max_size=6),
            content=st.binary(max_size=20),
            method=st.sampled_from([0, 8, 9]),
            flags=st.sampled_from([0, 1, 0x800]),
            n_bytes=st.none() | st.sampled_from([0, 5, 2**31, 0xFFFFFFFF]),
            n_packed=st.none() | st.sampled_from([0, 5, 2**31, 0xFFFFFFFF]),
            start=st.none() | st.sampled_from([0, 40, 2**31, 0xFFFFFFFF]),
            extra=st.binary(max_size=12),
        ),
        max_size=4,
    ),
    shift=st.sampled_from([0, 1, 1000]),
)
def test_whatever_a_zip_says_has_an_outcome(tmp_path_factory, members, shift):
    path = tmp_path_factory.getbasetemp() / "said.zip"
    path.write_bytes(raw_zip(members, shift=shift))
    read_all(path)
