import hashlib
import json
import socket
import threading

import pytest
from filelock import FileLock

from carina.errors import DownloadError, StorageError
from carina.files import downloads
from carina.files.downloads import download, kept_digest
from carina.files.web import host_of, require_safe_redirect
from making.file_server import serving

CONTENT = bytes(range(256)) * 4000
OTHER = CONTENT[::-1]
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server():
    with serving({"films.zip": CONTENT}) as running:
        yield running


@pytest.fixture
def target(tmp_path):
    return tmp_path / "new" / "films.zip"


def left_beside(target):
    names = {file.name for file in target.parent.iterdir()}
    return names - {target.name, f"{target.name}.lock"}


def test_a_file_arrives_whole_and_leaves_only_its_digest(server, target):
    assert download(server.url("films.zip"), target) == target
    assert target.read_bytes() == CONTENT
    assert left_beside(target) == {"films.zip.sha256"}
    assert (target.parent / "films.zip.sha256").read_text() == f"{SHA256}  films.zip\n"
    assert kept_digest(target) == SHA256


def test_a_published_digest_is_checked_and_none_is_kept(server, target):
    md5 = hashlib.md5(CONTENT).hexdigest()
    download(server.url("films.zip"), target, sha256=SHA256.upper(), md5=md5)
    assert left_beside(target) == set()
    assert kept_digest(target) is None


def test_a_file_that_is_there_is_not_fetched_again(server, target):
    download(server.url("films.zip"), target)
    download(server.url("films.zip"), target)
    assert len(server.asked) == 1


def test_a_file_put_there_by_hand_is_taken_without_a_network(target):
    target.parent.mkdir()
    target.write_bytes(CONTENT)
    download("http://nowhere.invalid/films.zip", target)
    assert kept_digest(target) == SHA256


def test_progress_counts_bytes_and_names_the_host(server, target):
    steps = []
    download(server.url("films.zip"), target, progress=steps.append)
    assert steps[-1].done == steps[-1].total == len(CONTENT)
    assert "downloading films.zip from 127.0.0.1" in steps[0].message


def test_a_cut_connection_is_continued_where_it_broke(server, target):
    server.cut_after = [100_000, 200_000]
    download(server.url("films.zip"), target)
    assert target.read_bytes() == CONTENT
    assert [asked for _, asked in server.asked] == ["", "bytes=100000-", "bytes=300000-"]


def test_a_later_call_goes_on_with_the_part_of_an_earlier_one(server, target, monkeypatch):
    monkeypatch.setattr(downloads, "_PAUSES_S", ())
    server.cut_after = [100_000]
    with pytest.raises(DownloadError, match=r"broke off again and again .*0\.1 MB are kept"):
        download(server.url("films.zip"), target)
    assert not target.exists()
    download(server.url("films.zip"), target)
    assert target.read_bytes() == CONTENT
    assert server.asked[-1][1] == "bytes=100000-"


def test_a_file_that_changed_meanwhile_is_not_spliced(server, target, monkeypatch):
    monkeypatch.setattr(downloads, "_PAUSES_S", ())
    server.cut_after = [100_000]
    with pytest.raises(DownloadError):
        download(server.url("films.zip"), target)
    server.files["films.zip"] = OTHER
    download(server.url("films.zip"), target)
    assert target.read_bytes() == OTHER


def test_without_a_mark_of_its_version_a_part_is_begun_anew(server, target):
    server.etags = False
    server.cut_after = [100_000]
    download(server.url("films.zip"), target)
    assert target.read_bytes() == CONTENT
    assert [asked for _, asked in server.asked] == ["", ""]


def test_a_server_that_cannot_continue_sends_everything_again(server, target):
    server.ranges = False
    server.cut_after = [100_000]
    download(server.url("films.zip"), target)
    assert target.read_bytes() == CONTENT


def test_a_part_that_the_server_does_not_continue_is_dropped(server, target):
    etag = f'"{SHA256[:16]}"'
    target.parent.mkdir()
    (target.parent / "films.zip.part").write_bytes(OTHER + b"too long")
    note = {"url": server.url("films.zip"), "validator": etag, "total": len(OTHER) + 9}
    (target.parent / "films.zip.part.json").write_text(json.dumps(note))
    download(server.url("films.zip"), target)
    assert target.read_bytes() == CONTENT
    assert len(server.asked) == 2


def test_a_part_that_was_whole_needs_no_network(server, target):
    target.parent.mkdir()
    (target.parent / "films.zip.part").write_bytes(CONTENT)
    note = {"url": server.url("films.zip"), "validator": '"x"', "total": len(CONTENT)}
    (target.parent / "films.zip.part.json").write_text(json.dumps(note))
    download(server.url("films.zip"), target, sha256=SHA256)
    assert target.read_bytes() == CONTENT
    assert server.asked == []


def test_a_part_from_another_address_is_dropped(server, target):
    target.parent.mkdir()
    (target.parent / "films.zip.part").write_bytes(OTHER[:1000])
    note = {"url": "http://elsewhere.invalid/films.zip", "validator": '"x"', "total": 9}
    (target.parent / "films.zip.part.json").write_text(json.dumps(note))
    download(server.url("films.zip"), target)
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("published", ["sha256", "md5"])
def test_another_content_than_the_published_is_removed_and_both_digests_named(
    server, target, published
):
    wanted = hashlib.new(published, OTHER).hexdigest()
    found = hashlib.new(published, CONTENT).hexdigest()
    with pytest.raises(DownloadError, match=f"its {published} is {found}, and {wanted} is pub"):
        download(server.url("films.zip"), target, **{published: wanted})
    assert left_beside(target) == set()
    assert not target.exists()


def test_another_content_than_at_the_first_fetch_is_refused(server, target):
    download(server.url("films.zip"), target)
    target.unlink()
    server.files["films.zip"] = OTHER
    with pytest.raises(DownloadError, match=rf"first fetched it was {SHA256}: the content has ch"):
        download(server.url("films.zip"), target)
    assert not target.exists()
    (target.parent / "films.zip.sha256").unlink()
    assert download(server.url("films.zip"), target).read_bytes() == OTHER


def test_a_damaged_file_that_is_there_is_named(server, target):
    download(server.url("films.zip"), target)
    target.write_bytes(CONTENT[:-1])
    with pytest.raises(
        DownloadError, match=r"films\.zip is there, but its sha256 .* remove .*\.zip"
    ):
        download(server.url("films.zip"), target)


def test_a_kept_digest_that_is_none_is_named(server, target):
    download(server.url("films.zip"), target)
    (target.parent / "films.zip.sha256").write_text("sorry\n")
    with pytest.raises(DownloadError, match=r"should hold a sha256 .* 'sorry\\n'; remove it"):
        kept_digest(target)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "wants a login"),
        (403, "wants a login"),
        (404, "has no such file"),
        (429, "too many requests"),
        (500, "is in trouble itself"),
        (503, "is in trouble itself"),
        (400, "check the address"),
    ],
)
def test_a_refusal_says_what_it_means_and_the_way_by_hand(server, target, status, words):
    server.status = status
    with pytest.raises(DownloadError, match=rf"{words}.*by hand from .*films\.zip and put it at"):
        download(server.url("films.zip"), target)
    assert left_beside(target) == set()


def test_a_web_page_in_the_place_of_a_file_is_refused(server, target):
    server.content_type = "text/html"
    with pytest.raises(DownloadError, match=r"sent a web page in the place of films\.zip; a login"):
        download(server.url("films.zip"), target)


def test_a_server_that_is_not_there_is_named(target):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(DownloadError, match=rf"127\.0\.0\.1:{port} could not be reached .*by hand"):
        download(f"http://127.0.0.1:{port}/films.zip", target)


def test_a_file_without_a_length_arrives(server, target):
    server.lengths = False
    steps = []
    download(server.url("films.zip"), target, progress=steps.append)
    assert target.read_bytes() == CONTENT
    assert {step.total for step in steps} == {0}
    assert "its size is not told" in steps[0].message


def test_a_redirect_is_followed(server, target):
    server.redirects["old.zip"] = server.url("films.zip")
    assert download(server.url("old.zip"), target).read_bytes() == CONTENT


def test_a_redirect_from_https_to_http_is_refused():
    with pytest.raises(DownloadError, match="leads to http://b/x, which is not https"):
        require_safe_redirect("https://a/x", "http://b/x")


def test_a_full_disk_is_told_before_anything_is_written(server, target, monkeypatch):
    monkeypatch.setattr(downloads, "_MARGIN", 10**18)
    with pytest.raises(StorageError, match="MB are needed; free some"):
        download(server.url("films.zip"), target)
    assert left_beside(target) == set()


def test_two_at_once_fetch_it_once(server, target):
    told = []
    target.parent.mkdir()
    with FileLock(f"{target}.lock"):
        waiting = threading.Event()

        def progress(step):
            told.append(step.message)
            waiting.set()

        second = threading.Thread(
            target=download, args=(server.url("films.zip"), target), kwargs={"progress": progress}
        )
        second.start()
        assert waiting.wait(10)
        target.write_bytes(CONTENT)
    second.join()
    assert told == ["another process downloads films.zip; waiting for it"]
    assert server.asked == []


@pytest.mark.parametrize("url", ["ftp://a/b", "films.zip", "file:///etc/passwd"])
def test_only_web_addresses_are_taken(url, target):
    with pytest.raises(ValueError, match="expected an http or https address"):
        host_of(url)
    with pytest.raises(ValueError, match="expected an http or https address"):
        download(url, target)
