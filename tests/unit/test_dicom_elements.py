"""What a DICOM file declares is checked before it is believed, and only what is wanted is kept."""

import struct
import subprocess
import sys
import tracemalloc
import zlib

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import DeflatedExplicitVRLittleEndian

from carina.errors import ImageError
from carina.imaging.decoding import dicom_elements_of
from carina.imaging.dicom import decode_dicom, elements, tags
from carina.imaging.dicom.data_set import open_data_set
from carina.imaging.dicom_elements import dicom_elements
from making.compressed_dicom import RLE, compressed_film
from making.dicom_files import bare_dicom_bytes, dicom_bytes, dicom_dataset, lookup_table
from making.hostile.bombs import nested_dicom
from making.hostile.dicoms import deflated_bomb

STORED = np.arange(24 * 20).reshape(24, 20) % 251
PLAIN = decode_dicom(dicom_bytes(dicom_dataset(STORED)), name="film").pixels
IMPLICIT = "1.2.840.10008.1.2"
_ITEM = b"\xfe\xff\0\xe0"


def refused(data):
    with pytest.raises(ImageError) as caught:
        decode_dicom(data, name="film")
    return caught.value.image_code


def with_element(data, element, *, before=b"\x10\0\x10\0PN"):
    at = data.index(before)
    return data[:at] + element + data[at:]


def sequence(content, *, tag=b"\x09\0\x10\x10", length=None):
    size = len(content) if length is None else length
    return tag + b"SQ\0\0" + struct.pack("<L", size) + content


def test_a_thousand_sequences_in_each_other_are_refused_at_no_cost():
    data = nested_dicom(1_000)
    tracemalloc.start()
    assert refused(data) == "nested-too-deep"
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("is_undefined", [False, True])
def test_sequences_as_deep_as_reports_have_them_are_stepped_over(is_undefined):
    inner = Dataset()
    inner.CodeValue = "1"
    for _ in range(20):
        outer = Dataset()
        outer.ReferencedImageSequence = Sequence([inner])
        outer["ReferencedImageSequence"].is_undefined_length = is_undefined
        inner = outer
        inner.is_undefined_length_sequence_item = is_undefined
    dataset = dicom_dataset(STORED)
    dataset.update(inner)
    assert len(dicom_bytes(dataset)) > 0
    assert np.array_equal(decode_dicom(dicom_bytes(dataset), name="film").pixels, PLAIN)


@pytest.mark.parametrize("syntax", [IMPLICIT, "1.2.840.10008.1.2.1"])
def test_a_wanted_sequence_of_any_length_is_read(syntax):
    table = lookup_table(np.arange(256)[::-1], bits=8)
    for is_undefined in (False, True):
        dataset = dicom_dataset(STORED, VOILUTSequence=[table])
        dataset["VOILUTSequence"].is_undefined_length = is_undefined
        dataset.VOILUTSequence[0].is_undefined_length_sequence_item = is_undefined
        found = decode_dicom(dicom_bytes(dataset, syntax=syntax), name="film").pixels
        assert np.allclose(found, 1 - PLAIN, atol=1e-6)


def test_an_unknown_sequence_of_unknown_length_is_stepped_over():
    content = _ITEM + b"\xff" * 4 + struct.pack("<HHL", 9, 0x1011, 4) + b"data"
    content += b"\xfe\xff\x0d\xe0" + bytes(4) + b"\xfe\xff\xdd\xe0" + bytes(4)
    private = b"\x09\0\x10\x10UN\0\0" + b"\xff" * 4 + content
    data = with_element(dicom_bytes(dicom_dataset(STORED)), private)
    assert np.array_equal(decode_dicom(data, name="film").pixels, PLAIN)


@pytest.mark.parametrize(
    "element",
    [
        b"\x09\0\x10\x10OB\0\0" + struct.pack("<L", 0x7FFFFFFF),
        b"\x09\0\x10\x10LO\xff\xff",
        sequence(b"no items", length=0xFFFFFFFF),
        sequence(_ITEM + struct.pack("<L", 4_000_000) + b"x", length=0xFFFFFFFF),
        sequence(_ITEM + b"\xff" * 4, length=0xFFFFFFFF),
        sequence(b"no items", tag=b"\x28\0\0\x30"),
        sequence(_ITEM + struct.pack("<L", 999), tag=b"\x28\0\x10\x30"),
    ],
)
def test_lengths_that_lie_are_damage(element):
    assert refused(with_element(dicom_bytes(dicom_dataset(STORED)), element)) == "damaged"


def test_only_the_allowed_elements_are_kept():
    data = dicom_bytes(dicom_dataset(STORED, PatientComments="canary", InstitutionName="canary"))
    found = open_data_set(data, name="film").find(tags.FILM, name="film")
    assert set(found) <= set(tags.FILM)
    assert not any(tag >> 16 == 0x0010 for tag in found)
    assert not any(b"canary" in bytes(element.value) for element in found.values())


def test_more_elements_than_any_film_has_are_not_walked_over(monkeypatch):
    monkeypatch.setattr(elements, "MOST_HEADERS", 1_000)
    many = b"\x09\0\x10\x10LO\0\0" * 2_000
    assert refused(with_element(dicom_bytes(dicom_dataset(STORED)), many)) == "too-large"


def test_a_deflated_bomb_is_not_inflated():
    data = deflated_bomb(40_000_000)
    assert len(data) < 80_000
    tracemalloc.start()
    assert refused(data) == "inflates-too-far"
    assert tracemalloc.get_traced_memory()[1] < 30_000_000
    tracemalloc.stop()


def test_a_deflated_film_of_one_grey_is_no_bomb():
    dataset = dicom_dataset(np.zeros((2_400, 2_000), np.uint16), bits=12)
    data = dicom_bytes(dataset, syntax=DeflatedExplicitVRLittleEndian)
    assert len(data) < 20_000
    assert decode_dicom(data, name="film").pixels.shape == (2_400, 2_000)


def test_a_deflated_film_that_declares_too_much_is_too_large():
    dataset = dicom_dataset(STORED, Rows=60_000, Columns=60_000)
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    plain = bare_dicom_bytes(dataset, implicit=False) + bytes(2_000_000)
    whole = dicom_bytes(dataset, syntax=DeflatedExplicitVRLittleEndian)
    meta = whole[: 144 + int.from_bytes(whole[140:144], "little")]
    assert refused(meta + packer.compress(plain) + packer.flush()) == "too-large"


@pytest.mark.parametrize("side", [65_535, 9_000])
def test_a_declared_size_is_refused_before_it_is_allocated(side):
    tracemalloc.start()
    for data in (
        dicom_bytes(dicom_dataset(STORED, Rows=side, Columns=side)),
        compressed_film(STORED, RLE, Rows=side, Columns=side),
    ):
        assert refused(data) == "too-large"
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


def test_runs_that_go_on_behind_the_picture_are_not_written_out():
    data = compressed_film(np.full((24, 20), 7), RLE)
    endless = b"\x81\x07" * 1_000_000  # 128 MB of sevens
    head = struct.pack("<16L", 1, 64, *[0] * 14)
    frame = head + endless
    start = data.index(_ITEM, data.index(b"\xe0\x7f\x10\0OB"))
    table = data[start : start + 8 + int.from_bytes(data[start + 4 : start + 8], "little")]
    bomb = data[:start] + table + _ITEM + struct.pack("<L", len(frame)) + frame
    tracemalloc.start()
    pixels = decode_dicom(bomb + b"\xfe\xff\xdd\xe0" + bytes(4), name="film").pixels
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()
    assert np.allclose(pixels, 7 / 255)


@pytest.mark.parametrize("syntax", [IMPLICIT, "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"])
def test_a_transfer_syntax_that_lies_about_implicit_vr_is_not_believed(syntax):
    for implicit in (False, True):
        data = dicom_bytes(dicom_dataset(STORED))
        meta = data[: 144 + int.from_bytes(data[140:144], "little")]
        body = bare_dicom_bytes(dicom_dataset(STORED), implicit=implicit)
        told = meta.replace(b"1.2.840.10008.1.2.1\0", syntax.encode().ljust(20, b"\0"))
        if syntax.endswith("1.2.2"):  # what is said of the byte order is believed
            continue
        assert np.array_equal(decode_dicom(told + body, name="film").pixels, PLAIN)


def test_elements_behind_the_pixels_are_found_where_the_size_stands_there():
    data = dicom_bytes(dicom_dataset(STORED))
    start = data.index(b"\x28\0\x02\0US")
    pixels = data.index(b"\xe0\x7f\x10\0OB")
    turned = data[:start] + data[pixels:] + data[start:pixels]
    assert np.array_equal(decode_dicom(turned, name="film").pixels, PLAIN)


@pytest.mark.parametrize("syntax", [IMPLICIT, "1.2.840.10008.1.2.1.99"])
def test_single_elements_are_read_in_the_files_character_set(syntax):
    dataset = dicom_dataset(
        STORED, SpecificCharacterSet="ISO_IR 192", PatientOrientation=["L", "F"]
    )
    dataset.PatientName = "Müller^Žofie"
    data = dicom_bytes(dataset, syntax=syntax)
    found = dicom_elements(
        data,
        ["PatientName", "Rows", "PatientOrientation", "StudyDate", "SpecificCharacterSet"],
        name="film",
    )
    assert found == {
        "PatientName": "Müller^Žofie",
        "Rows": 24,
        "PatientOrientation": ["L", "F"],
        "SpecificCharacterSet": "ISO_IR 192",
    }


def test_changed_bytes_never_raise_anything_but_an_image_error():
    rng = np.random.default_rng(11)
    films = [
        dicom_bytes(dicom_dataset(STORED, WindowCenter=100, WindowWidth=90), syntax=IMPLICIT),
        dicom_bytes(dicom_dataset(STORED, VOILUTSequence=[lookup_table(np.arange(256))])),
        compressed_film(STORED, RLE),
        compressed_film(STORED, "1.2.840.10008.1.2.4.90"),
        compressed_film(STORED, "1.2.840.10008.1.2.4.70"),
    ]
    for data in films:
        for _ in range(120):
            spoilt = bytearray(data)
            for place in rng.integers(132, len(data), rng.integers(1, 5)):
                spoilt[place] = rng.integers(256)
            try:
                film = decode_dicom(bytes(spoilt), name="film")
            except ImageError:
                continue
            assert 0 <= film.pixels.min() <= film.pixels.max() <= 1


def test_a_film_is_read_without_importing_pydicom(tmp_path):
    path = tmp_path / "film"
    path.write_bytes(compressed_film(STORED, RLE, WindowCenter=100, WindowWidth=90))
    program = (
        "import pathlib, sys; from carina.imaging.dicom import decode_dicom; "
        f"decode_dicom(pathlib.Path({str(path)!r}).read_bytes(), name='film'); "
        "sys.exit('pydicom' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("value", [["1"] * 65, "x" * 5_000])
def test_an_element_that_holds_more_than_it_can_mean_is_damage(value):
    dataset = dicom_dataset(STORED)
    dataset.add_new("StudyDescription", "UT" if isinstance(value, str) else "LO", value)
    data = dicom_bytes(dataset)
    with pytest.raises(ImageError) as caught:
        dicom_elements_of(data, ["StudyDescription"], name="film")
    assert caught.value.image_code == "damaged"
