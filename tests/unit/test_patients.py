import stat
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from carina.data.patients import PatientKey, load_patient_key
from carina.errors import StorageError, UsageError

KEY = b"0123456789abcdef"


def test_a_key_is_made_once_and_kept(tmp_path):
    first = load_patient_key(tmp_path / "config", given=None)
    assert load_patient_key(tmp_path / "config", given=None) == first
    assert len(first.key) == 32


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file modes")
def test_the_key_file_is_for_its_owner_alone(tmp_path):
    load_patient_key(tmp_path, given=None)
    assert stat.S_IMODE((tmp_path / "patient.key").stat().st_mode) == 0o600


def test_two_at_once_get_the_same_key(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: load_patient_key(tmp_path, given=None), range(8)))
    assert len({key.fingerprint for key in keys}) == 1


def test_a_given_key_needs_no_file(tmp_path):
    assert load_patient_key(tmp_path / "none", given=KEY) == PatientKey(KEY)
    assert not (tmp_path / "none").exists()


def test_a_short_given_key_is_refused(tmp_path):
    with pytest.raises(UsageError, match="3 bytes"):
        load_patient_key(tmp_path, given=b"abc")


def test_a_damaged_key_file_is_refused_with_what_to_do(tmp_path):
    (tmp_path / "patient.key").write_text("oops")
    with pytest.raises(StorageError, match="is damaged"):
        load_patient_key(tmp_path, given=None)


def test_a_place_that_cannot_be_written_is_a_storage_error(tmp_path):
    (tmp_path / "config").write_text("a file, not a folder")
    with pytest.raises(StorageError):
        load_patient_key(tmp_path / "config", given=None)


def test_hashes_depend_on_key_namespace_and_patient():
    a, b = PatientKey(KEY), PatientKey(KEY[::-1])
    hashes = {a.hash("nih", "1"), a.hash("nih", "2"), a.hash("kermany", "1"), b.hash("nih", "1")}
    assert len(hashes) == 4
    assert all(len(one) == 16 and int(one, 16) >= 0 for one in hashes)
    assert a.fingerprint != b.fingerprint


def test_the_hash_is_hmac_sha256():
    # RFC 2104 through the standard library, written out apart from the code under test.
    import hashlib

    pad = KEY.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(x ^ 0x36 for x in pad) + b"nih\x1f7").digest()
    outer = hashlib.sha256(bytes(x ^ 0x5C for x in pad) + inner).hexdigest()
    assert PatientKey(KEY).hash("nih", "7") == outer[:16]


def test_the_key_is_not_shown():
    assert "0123" not in repr(PatientKey(KEY))
