import io
import tarfile
import zipfile

import pytest

from carina.errors import DatasetError
from carina.files.archives import ArchiveLimits, unpack

FILES = {"top/a/1.png": b"one" * 1000, "top/a/2.png": b"two", "top/readme.txt": b"read"}


def zip_of(path, files, *, links=()):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        for name in links:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o120777 << 16
            archive.writestr(entry, "/etc/passwd")
    return path


def tar_of(path, files, *, kind=tarfile.REGTYPE):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.type = kind
            entry.size = len(content) if kind == tarfile.REGTYPE else 0
            entry.linkname = "/etc/passwd" if kind != tarfile.REGTYPE else ""
            archive.addfile(entry, io.BytesIO(content))
    return path


def tree(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize(("make", "name"), [(zip_of, "x.zip"), (tar_of, "x.tar.gz")])
def test_an_archive_becomes_a_folder(tmp_path, make, name):
    steps = []
    archive = make(tmp_path / name, FILES)
    n_files = unpack(archive, tmp_path / "out", error=DatasetError, progress=steps.append)
    assert n_files == 3
    assert tree(tmp_path / "out") == FILES
    assert (steps[-1].done, steps[-1].total) == (3, 3)


def test_one_folder_around_everything_can_be_dropped(tmp_path):
    archive = zip_of(tmp_path / "x.zip", FILES)
    unpack(archive, tmp_path / "out", error=DatasetError, drop_top=True)
    assert set(tree(tmp_path / "out")) == {"a/1.png", "a/2.png", "readme.txt"}


def test_several_folders_at_the_top_stay(tmp_path):
    archive = zip_of(tmp_path / "x.zip", {"a/1.png": b"1", "b/1.png": b"2"})
    unpack(archive, tmp_path / "out", error=DatasetError, drop_top=True)
    assert set(tree(tmp_path / "out")) == {"a/1.png", "b/1.png"}


@pytest.mark.parametrize(
    "name", ["../out.png", "a/../../out.png", "/out.png", "C:/out.png", "a\\..\\..\\out.png"]
)
@pytest.mark.parametrize(("make", "suffix"), [(zip_of, ".zip"), (tar_of, ".tar.gz")])
def test_names_that_leave_the_folder_are_refused(tmp_path, name, make, suffix):
    archive = make(tmp_path / f"x{suffix}", {"fine.png": b"1", name: b"2"})
    with pytest.raises(DatasetError, match=r"outside of the folder; nothing was unpacked"):
        unpack(archive, tmp_path / "in" / "out", error=DatasetError)
    assert not (tmp_path / "in").exists()
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE])
def test_links_and_devices_of_a_tar_are_refused(tmp_path, kind):
    archive = tar_of(tmp_path / "x.tar.gz", {"a": b""}, kind=kind)
    with pytest.raises(DatasetError, match=r"'a', which is a link or a device"):
        unpack(archive, tmp_path / "out", error=DatasetError)


def test_links_of_a_zip_are_refused(tmp_path):
    archive = zip_of(tmp_path / "x.zip", FILES, links=["a"])
    with pytest.raises(DatasetError, match=r"'a', which is a link or a device"):
        unpack(archive, tmp_path / "out", error=DatasetError)


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (ArchiveLimits(n_files=2), "3 files, and 2 are the most"),
        (ArchiveLimits(n_bytes=1000), "when unpacked, and 0 MB are the most"),
        (ArchiveLimits(ratio=2.0), "would grow .*-fold when unpacked, and 2-fold is"),
    ],
)
def test_more_than_the_limits_is_refused(tmp_path, limits, words):
    archive = zip_of(tmp_path / "x.zip", {**FILES, "top/a/1.png": b"1" * 20_000})
    with pytest.raises(DatasetError, match=words):
        unpack(archive, tmp_path / "out", error=DatasetError, limits=limits)
    assert not (tmp_path / "out").exists()


def test_a_bomb_is_refused_by_its_ratio(tmp_path):
    archive = zip_of(tmp_path / "x.zip", {"big": bytes(10_000_000)})
    with pytest.raises(DatasetError, match="it is no archive of films"):
        unpack(archive, tmp_path / "out", error=DatasetError)


def test_two_files_of_one_name_are_refused(tmp_path):
    archive = zip_of(tmp_path / "x.zip", {"a/b.png": b"1", "a//b.png": b"2"})
    with pytest.raises(DatasetError, match=r"'a/b\.png' twice"):
        unpack(archive, tmp_path / "out", error=DatasetError)


def test_a_damaged_file_leaves_nothing_behind(tmp_path):
    archive = tmp_path / "x.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as opened:
        opened.writestr("a.png", b"a" * 5000)
        opened.writestr("b.png", b"b" * 5000)
    archive.write_bytes(archive.read_bytes().replace(b"b" * 5000, b"b" * 4999 + b"x"))
    with pytest.raises(DatasetError, match=r"x\.zip is damaged: b\.png: .*fetch it again"):
        unpack(archive, tmp_path / "out", error=DatasetError)
    assert [path.name for path in tmp_path.iterdir()] == ["x.zip"]


def test_a_cut_off_tar_is_refused(tmp_path):
    archive = tar_of(tmp_path / "x.tar.gz", {"a.png": bytes(range(256)) * 400})
    archive.write_bytes(archive.read_bytes()[:-200])
    with pytest.raises(DatasetError, match="no zip or tar file that can be read"):
        unpack(archive, tmp_path / "out", error=DatasetError)


@pytest.mark.parametrize("content", [b"", b"no archive at all" * 100])
def test_what_is_no_archive_is_refused(tmp_path, content):
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(DatasetError, match="no zip or tar file that can be read"):
        unpack(tmp_path / "x.zip", tmp_path / "out", error=DatasetError)


def test_an_archive_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"x\.zip does not exist"):
        unpack(tmp_path / "x.zip", tmp_path / "out", error=DatasetError)


def test_an_archive_without_files_is_refused(tmp_path):
    archive = zip_of(tmp_path / "x.zip", {})
    with pytest.raises(DatasetError, match="holds no file"):
        unpack(archive, tmp_path / "out", error=DatasetError)


def test_a_folder_with_something_in_it_is_not_touched(tmp_path):
    archive = zip_of(tmp_path / "x.zip", FILES)
    (tmp_path / "out").mkdir()
    unpack(archive, tmp_path / "out", error=DatasetError)
    with pytest.raises(DatasetError, match="not empty"):
        unpack(archive, tmp_path / "out", error=DatasetError)
    assert tree(tmp_path / "out") == FILES


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"PK\x01\x02\x14\x03\x14\x00", b"PK\x01\x02\x14\x03\xc4\x00"),  # of version 19.6
        ("f\u00e4".encode(), b"f\xff\xff"),  # a name that is no UTF-8, as it says
    ],
)
def test_a_zip_that_the_reader_does_not_know_is_refused_in_words(tmp_path, before, after):
    file = zip_of(tmp_path / "a.zip", {"f\u00e4.txt": b"x"})
    data = file.read_bytes()
    assert before in data
    file.write_bytes(data.replace(before, after))
    with pytest.raises(DatasetError, match="no zip or tar file that can be read"):
        unpack(file, tmp_path / "out", error=DatasetError)
    assert not (tmp_path / "out").exists()
