"""DICOM greys are bit for bit what pydicom's own functions make of the stored values."""

import numpy as np
import pytest

from carina.errors import ImageError
from carina.imaging.dicom import decode_dicom
from making.dicom_files import big_endian_dicom_bytes, dicom_bytes, dicom_dataset, lookup_table
from making.dicom_reference import reference_pixels

IMPLICIT = "1.2.840.10008.1.2"
rng = np.random.default_rng(3)
DEEP = rng.integers(0, 4096, (31, 45))
SQUARE_ROOT = np.rint(65535 * np.sqrt(np.arange(4096) / 4095))
WINDOW = {"WindowCenter": 1800.5, "WindowWidth": 1333.25}
# 70,000 pixels are looked up in a table, 1,395 are computed: both ways must agree.
SHAPES = ((31, 45), (250, 280))

VOI = {
    "none": {},
    "window": WINDOW,
    "several windows": {"WindowCenter": [700, 2000], "WindowWidth": [900, 3]},
    "exact": {**WINDOW, "VOILUTFunction": "LINEAR_EXACT"},
    "sigmoid": {**WINDOW, "VOILUTFunction": "SIGMOID"},
    "narrowest": {"WindowCenter": 2000, "WindowWidth": 1},
    "narrowest exact": {
        "WindowCenter": 2000, "WindowWidth": 0.125, "VOILUTFunction": "LINEAR_EXACT"
    },
    "table": {"VOILUTSequence": [lookup_table(SQUARE_ROOT)]},
    "table of a part": {"VOILUTSequence": [lookup_table(np.arange(900)[::-1], first=700, bits=12)]},
    "table and window": {**WINDOW, "VOILUTSequence": [lookup_table(SQUARE_ROOT[::-1])]},
}  # fmt: skip
MODALITY = {
    "as stored": {},
    "rescale": {"RescaleSlope": "0.73", "RescaleIntercept": "-12.5"},
    "turned": {"RescaleSlope": "-1", "RescaleIntercept": "4095"},
    "table": {"ModalityLUTSequence": [lookup_table(np.arange(4096) * 16 % 65536)]},
    "slope alone": {"RescaleSlope": "2"},
}


def check(data):
    found = decode_dicom(data, name="film")
    assert np.array_equal(found.pixels, reference_pixels(data))
    assert found.pixels.dtype == np.float32
    return found


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("voi", VOI)
@pytest.mark.parametrize("modality", MODALITY)
def test_every_modality_step_with_every_window(modality, voi, photometric):
    stored = rng.integers(0, 4096, SHAPES[len(voi) % 2])
    elements = {**MODALITY[modality], **VOI[voi]}
    syntax = IMPLICIT if len(modality) % 2 else "1.2.840.10008.1.2.1"
    check(
        dicom_bytes(
            dicom_dataset(stored, bits=12, photometric=photometric, **elements), syntax=syntax
        )
    )


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("voi", ["none", "window", "sigmoid"])
@pytest.mark.parametrize(
    ("bits", "signed"), [(8, False), (8, True), (7, False), (10, True), (16, False), (16, True)]
)
def test_every_depth_and_sign(bits, signed, voi, shape):
    low = -(1 << bits - 1) if signed else 0
    stored = rng.integers(low, low + (1 << bits), shape)
    data = dicom_bytes(dicom_dataset(stored, bits=bits, signed=signed, **VOI[voi]))
    assert check(data).bits == bits


def test_values_of_32_bits_are_read():
    stored = rng.integers(0, 1 << 32, (31, 45), dtype=np.uint32)
    data = dicom_bytes(
        dicom_dataset(stored, bits=32, WindowCenter=2_000_000_000, WindowWidth=900_000_000)
    )
    check(data)


def test_big_endian_words_and_tables_are_read():
    dataset = dicom_dataset(DEEP, bits=12, WindowCenter=1800, WindowWidth=900)
    check(big_endian_dicom_bytes(dataset))
    with_table = dicom_dataset(DEEP, bits=12, VOILUTSequence=[lookup_table(SQUARE_ROOT)])
    check(big_endian_dicom_bytes(with_table))


def test_overlays_in_high_bits_are_masked_out():
    plain = check(dicom_bytes(dicom_dataset(DEEP, bits=12)))
    dataset = dicom_dataset(DEEP, bits=12)
    overlay = rng.integers(0, 16, DEEP.shape) << 12
    dataset.PixelData = (DEEP | overlay).astype("<u2").tobytes()
    assert np.array_equal(check(dicom_bytes(dataset)).pixels, plain.pixels)


@pytest.mark.parametrize("signed", [False, True])
def test_values_that_lie_in_high_bits_are_moved_down(signed):
    stored = DEEP - 2048 if signed else DEEP
    plain = check(dicom_bytes(dicom_dataset(stored, bits=12, signed=signed)))
    dataset = dicom_dataset(stored, bits=12, signed=signed, HighBit=15)
    below = rng.integers(0, 16, DEEP.shape)
    dataset.PixelData = ((stored << 4) | below).astype("<i4").astype("<u2").tobytes()
    found = decode_dicom(dicom_bytes(dataset), name="film")
    assert np.array_equal(found.pixels, plain.pixels)


def test_a_table_of_eight_bit_entries_for_deep_values_follows_the_standard():
    # pydicom counts the entries of such a table in 8 bits and wraps around
    curve = np.arange(4096) // 16
    dataset = dicom_dataset(DEEP, bits=12, VOILUTSequence=[lookup_table(curve, bits=8)])
    found = decode_dicom(dicom_bytes(dataset), name="film")
    assert np.array_equal(found.pixels, (curve[DEEP] / 255).astype(np.float32))


def test_a_table_that_begins_below_zero_is_applied_to_signed_values():
    table = lookup_table(SQUARE_ROOT, first=-2048)
    table["LUTDescriptor"].VR = "SS"
    check(dicom_bytes(dicom_dataset(DEEP - 2048, bits=12, signed=True, VOILUTSequence=[table])))


def test_a_table_of_packed_bytes_is_read():
    table = lookup_table(np.arange(256), bits=8)
    table.add_new(0x00283006, "OW", np.arange(256, dtype=np.uint8)[::-1].tobytes())
    dataset = dicom_dataset(DEEP // 16, VOILUTSequence=[table])
    found = decode_dicom(dicom_bytes(dataset), name="film")
    assert np.allclose(found.pixels, 1 - DEEP // 16 / 255, atol=1e-6)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_black_whatever_its_value(photometric):
    stored = DEEP.copy()
    stored[:10] = 4095
    stored[10:15] = 4000
    range_of = {"PixelPaddingValue": 4095, "PixelPaddingRangeLimit": 3990}
    film = check(dicom_bytes(dicom_dataset(stored, bits=12, photometric=photometric, **range_of)))
    assert film.pixels[:15].max() == 0
    one = check(
        dicom_bytes(dicom_dataset(stored, bits=12, photometric=photometric, PixelPaddingValue=4095))
    )
    assert (one.pixels[10:15] == 0).all() == False  # noqa: E712  numpy's own truth


@pytest.mark.parametrize("syntax", [IMPLICIT, "1.2.840.10008.1.2.1"])
def test_padding_below_zero_is_black(syntax):
    stored = DEEP - 2048
    stored[:10] = -2000
    dataset = dicom_dataset(stored, bits=12, signed=True, PixelPaddingValue=-2000)
    assert check(dicom_bytes(dataset, syntax=syntax)).pixels[:10].max() == 0


@pytest.mark.parametrize(
    ("photometric", "shape", "is_turned", "n_cautions"),
    [
        ("MONOCHROME2", "IDENTITY", False, 0),
        ("MONOCHROME1", "INVERSE", True, 0),
        ("MONOCHROME2", "INVERSE", True, 1),
        ("MONOCHROME1", "IDENTITY", True, 1),
    ],
)
def test_monochrome1_and_inverse_say_the_same_once(photometric, shape, is_turned, n_cautions):
    plain = check(dicom_bytes(dicom_dataset(DEEP, bits=12))).pixels
    film = check(
        dicom_bytes(
            dicom_dataset(DEEP, bits=12, photometric=photometric, PresentationLUTShape=shape)
        )
    )
    assert np.array_equal(film.pixels, 1 - plain if is_turned else plain)
    assert len(film.cautions) == n_cautions


@pytest.mark.parametrize(
    ("elements", "words"),
    [
        ({"WindowCenter": 2000, "WindowWidth": 0}, "no width"),
        ({**WINDOW, "VOILUTFunction": "ODD"}, "curve that is not known"),
        ({"RescaleSlope": "0", "RescaleIntercept": "5"}, "slope is 0"),
        ({"VOILUTSequence": [lookup_table(SQUARE_ROOT)] * 3}, "3 lookup tables"),
        ({"PresentationIntentType": "FOR PROCESSING"}, "unprocessed"),
        ({"BurnedInAnnotation": "YES"}, "burned into"),
    ],
)
def test_what_is_odd_is_said(elements, words):
    film = decode_dicom(dicom_bytes(dicom_dataset(DEEP, bits=12, **elements)), name="film")
    (caution,) = film.cautions
    assert words in caution


def test_a_window_that_is_no_number_is_none():
    plain = dicom_bytes(dicom_dataset(DEEP, bits=12))
    data = dicom_bytes(dicom_dataset(DEEP, bits=12, WindowCenter="1111", WindowWidth="2222"))
    for wrong in (b"12,4", b"wide", b"1e99", b"    "):
        film = decode_dicom(data.replace(b"2222", wrong), name="film")
        assert film.pixels.shape == DEEP.shape
        if wrong != b"1e99":
            assert np.array_equal(film.pixels, decode_dicom(plain, name="film").pixels)


def test_a_table_shorter_than_it_says_is_damage():
    table = lookup_table(SQUARE_ROOT)
    table.LUTDescriptor = [4096, 0, 16]
    table.LUTData = [1, 2, 3]
    with pytest.raises(ImageError, match="lookup table") as caught:
        decode_dicom(dicom_bytes(dicom_dataset(DEEP, bits=12, VOILUTSequence=[table])), name="f")
    assert caught.value.image_code == "damaged"


@pytest.mark.parametrize(
    ("slope", "intercept"), [("1e308", "0"), ("1e305", "1e308"), ("1e-12", "1e12")]
)
def test_a_rescale_beyond_what_can_be_computed_with_is_refused(slope, intercept):
    film = dicom_dataset(DEEP, bits=12, RescaleSlope=slope, RescaleIntercept=intercept)
    with pytest.raises(ImageError, match="rescale") as raised:
        decode_dicom(dicom_bytes(film), name="film")
    assert raised.value.image_code == "unsupported-pixels"
