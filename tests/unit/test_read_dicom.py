"""DICOM files become the grey values that the standard asks for."""

import io

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.pixels import apply_modality_lut, apply_voi_lut
from pydicom.uid import ImplicitVRLittleEndian, RLELossless

from carina.errors import ImageError
from carina.imaging import read_radiograph, read_radiograph_bytes
from making.compressed_dicom import compressed_film
from making.dicom_files import (
    PATIENT,
    PATIENT_ID,
    bare_dicom_bytes,
    big_endian_dicom_bytes,
    dicom_bytes,
    dicom_dataset,
    lookup_table,
)
from making.rasters import grey_ramp, png_8_bit, png_16_bit
from making.real_films import REAL_FILMS, needs_real_films

RAMP_8 = grey_ramp()
RAMP_12 = grey_ramp(top=4095)
RAMP_16 = grey_ramp(top=65535)
SIGNED = grey_ramp(top=4095) - 2048


def read(data):
    return read_radiograph_bytes(data, name="film")


def refused(data):
    with pytest.raises(ImageError) as caught:
        read(data)
    return caught.value.image_code, str(caught.value)


@pytest.mark.parametrize(("ramp", "bits"), [(RAMP_8, 8), (RAMP_12, 12), (RAMP_16, 16)])
def test_stored_bits_are_the_grey_range(ramp, bits):
    film = read(dicom_bytes(dicom_dataset(ramp, bits=bits)))
    np.testing.assert_allclose(film.pixels, ramp / (2**bits - 1), atol=1e-6)
    assert (film.file_format, film.bits, film.colour_mode) == ("DICOM", bits, "MONOCHROME2")


@pytest.mark.parametrize(
    ("ramp", "bits", "png"), [(RAMP_8, 8, png_8_bit), (RAMP_16, 16, png_16_bit)]
)
def test_a_film_is_the_same_as_png_and_as_dicom_within_one_grey_level(ramp, bits, png):
    from_dicom = read(dicom_bytes(dicom_dataset(ramp, bits=bits))).pixels
    from_png = read(png(ramp)).pixels
    assert np.abs(from_dicom - from_png).max() <= 1 / (2**bits - 1)
    inverted = dicom_dataset(2**bits - 1 - ramp, bits=bits, photometric="MONOCHROME1")
    assert np.abs(read(dicom_bytes(inverted)).pixels - from_png).max() <= 1 / (2**bits - 1)


def test_monochrome1_is_turned_over():
    film = read(dicom_bytes(dicom_dataset(RAMP_12, bits=12, photometric="MONOCHROME1")))
    np.testing.assert_allclose(film.pixels, 1 - RAMP_12 / 4095, atol=1e-6)
    assert film.colour_mode == "MONOCHROME1"


def test_a_window_is_applied_as_the_standard_says():
    centre, width = 2000.0, 1000.0
    film = read(
        dicom_bytes(dicom_dataset(RAMP_12, bits=12, WindowCenter=centre, WindowWidth=width))
    )
    # DICOM PS3.3 C.11.2.1.2.1, with the output range 0 to 1
    expected = (RAMP_12 - (centre - 0.5)) / (width - 1) + 0.5
    np.testing.assert_allclose(film.pixels, expected.clip(0, 1), atol=1e-6)
    assert film.cautions == ()


def test_the_first_of_several_windows_is_used_and_said():
    film = read(
        dicom_bytes(
            dicom_dataset(RAMP_12, bits=12, WindowCenter=[2000, 500], WindowWidth=[1000, 300])
        )
    )
    first = read(dicom_bytes(dicom_dataset(RAMP_12, bits=12, WindowCenter=2000, WindowWidth=1000)))
    np.testing.assert_array_equal(film.pixels, first.pixels)
    assert film.cautions == ("the file describes 2 windows; the first was used",)


def test_a_sigmoid_window_is_applied_as_the_standard_says():
    film = read(
        dicom_bytes(
            dicom_dataset(
                RAMP_12, bits=12, WindowCenter=2000, WindowWidth=800, VOILUTFunction="SIGMOID"
            )
        )
    )
    # DICOM PS3.3 C.11.2.1.3.1
    expected = 1 / (1 + np.exp(-4 * (RAMP_12 - 2000) / 800))
    np.testing.assert_allclose(film.pixels, expected, atol=1e-6)


def test_rescaling_alone_does_not_change_the_grey():
    film = read(
        dicom_bytes(dicom_dataset(RAMP_12, bits=12, RescaleSlope=2.5, RescaleIntercept=-1024))
    )
    np.testing.assert_allclose(film.pixels, RAMP_12 / 4095, atol=1e-6)


def test_a_window_is_in_rescaled_values():
    film = read(
        dicom_bytes(
            dicom_dataset(
                RAMP_12,
                bits=12,
                RescaleSlope=2,
                RescaleIntercept=-1000,
                WindowCenter=1000,
                WindowWidth=2001,
            )
        )
    )
    expected = ((2 * RAMP_12 - 1000) - 999.5) / 2000 + 0.5
    np.testing.assert_allclose(film.pixels, expected.clip(0, 1), atol=1e-6)


def test_signed_values_run_from_the_lowest_to_the_highest():
    film = read(dicom_bytes(dicom_dataset(SIGNED, bits=12, signed=True)))
    np.testing.assert_allclose(film.pixels, RAMP_12 / 4095, atol=1e-6)


def test_a_voi_lookup_table_is_applied():
    curve = np.rint(1023 * (np.arange(4096) / 4095) ** 2)
    dataset = dicom_dataset(RAMP_12, bits=12, VOILUTSequence=[lookup_table(curve, bits=10)])
    film = read(dicom_bytes(dataset))
    np.testing.assert_allclose(film.pixels, curve[RAMP_12] / 1023, atol=1e-6)


def test_a_modality_lookup_table_is_applied():
    curve = np.rint(65535 * (np.arange(256) / 255) ** 0.5)
    dataset = dicom_dataset(RAMP_8, ModalityLUTSequence=[lookup_table(curve)])
    film = read(dicom_bytes(dataset))
    np.testing.assert_allclose(film.pixels, curve[RAMP_8] / 65535, atol=1e-6)


@pytest.mark.parametrize(
    "elements",
    [
        {},
        {"WindowCenter": 2000, "WindowWidth": 1200},
        {"RescaleSlope": 0.5, "RescaleIntercept": 100},
        {"RescaleSlope": 3, "RescaleIntercept": -50, "WindowCenter": 5000, "WindowWidth": 4000},
        {"VOILUTSequence": [lookup_table(np.arange(4096)[::-1], bits=12)]},
        {"WindowCenter": 2000, "WindowWidth": 1200, "VOILUTFunction": "LINEAR_EXACT"},
    ],
    ids=["plain", "window", "rescale", "both", "lut", "exact"],
)
def test_grey_is_pydicoms_own_output_up_to_its_scale(elements):
    data = dicom_bytes(dicom_dataset(RAMP_12, bits=12, **elements))
    theirs = dcmread(io.BytesIO(data))
    values = apply_voi_lut(apply_modality_lut(theirs.pixel_array, theirs), theirs)
    slope = float(elements.get("RescaleSlope", 1))
    low = float(elements.get("RescaleIntercept", 0))
    np.testing.assert_allclose(read(data).pixels, (values - low) / (4095 * slope), atol=1e-6)


@pytest.mark.parametrize(
    "data",
    [
        dicom_bytes(dicom_dataset(RAMP_16, bits=16), syntax=ImplicitVRLittleEndian),
        big_endian_dicom_bytes(dicom_dataset(RAMP_16, bits=16)),
        dicom_bytes(dicom_dataset(RAMP_16, bits=16))[132:],
        bare_dicom_bytes(dicom_dataset(RAMP_16, bits=16)),
        bare_dicom_bytes(dicom_dataset(RAMP_16, bits=16), implicit=False),
        big_endian_dicom_bytes(dicom_dataset(RAMP_16, bits=16), with_meta=False),
    ],
    ids=["implicit", "big endian", "no preamble", "no meta", "explicit", "bare big endian"],
)
def test_every_uncompressed_layout_gives_the_same_film(data):
    np.testing.assert_array_equal(
        read(data).pixels, read(dicom_bytes(dicom_dataset(RAMP_16, bits=16))).pixels
    )


def test_colour_becomes_luma_and_is_said():
    colours = np.zeros((12, 16, 3), dtype=np.uint8)
    colours[...] = (200, 40, 10)
    film = read(dicom_bytes(dicom_dataset(colours, photometric="RGB")))
    luma = (0.299 * 200 + 0.587 * 40 + 0.114 * 10) / 255
    np.testing.assert_allclose(film.pixels, luma, atol=1e-6)
    assert film.cautions == ("a colour picture, read as grey",)


def test_view_and_spacing_are_taken_over():
    dataset = dicom_dataset(RAMP_8, ViewPosition="PA", ImagerPixelSpacing=[0.14, 0.15])
    film = read(dicom_bytes(dataset))
    assert (film.view, film.pixel_spacing_mm) == ("PA", (0.14, 0.15))
    bare = read(dicom_bytes(dicom_dataset(RAMP_8)))
    assert (bare.view, bare.pixel_spacing_mm) == (None, None)


def _without_pixels():
    dataset = dicom_dataset(RAMP_8)
    del dataset.PixelData
    return dicom_bytes(dataset)


def _three_frames():
    dataset = dicom_dataset(RAMP_8, NumberOfFrames=3)
    dataset.PixelData = dataset.PixelData * 3
    return dicom_bytes(dataset)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (_without_pixels(), "no-pixels"),
        (_three_frames(), "several-frames"),
        (dicom_bytes(dicom_dataset(grey_ramp(4, 16))), "too-small"),
        (dicom_bytes(dicom_dataset(RAMP_8, Rows=20_000, Columns=20_000)), "too-large"),
        (dicom_bytes(dicom_dataset(RAMP_8, Rows=40)), "damaged"),
        (dicom_bytes(dicom_dataset(RAMP_8))[:-60], "damaged"),
        (bytes(128) + b"DICM" + b"\x13" * 300, "no-pixels"),
        (dicom_bytes(dicom_dataset(RAMP_8, photometric="HSV")), "unsupported-pixels"),
    ],
    ids=["none", "frames", "small", "large", "rows", "cut", "noise", "meaning"],
)
def test_what_cannot_be_read_is_refused_by_its_code(data, code):
    found, sentence = refused(data)
    if code == "no-pixels":
        assert found in ("no-pixels", "damaged")
    else:
        assert found == code
    assert "film" in sentence


def test_a_file_cut_anywhere_is_refused_or_read_but_never_breaks():
    data = dicom_bytes(dicom_dataset(RAMP_8, WindowCenter=100, WindowWidth=50))
    for length in range(133, len(data), 37):
        assert refused(data[:length])[0] in ("damaged", "no-pixels", "unknown-format")


def test_the_patients_name_reaches_neither_the_radiograph_nor_an_error():
    film = read(dicom_bytes(dicom_dataset(RAMP_8)))
    words = " ".join(str(getattr(film, name)) for name in film.__slots__ if name != "pixels")
    sentences = [
        refused(data)[1]
        for data in (
            _without_pixels(),
            _three_frames(),
            compressed_film(RAMP_8, RLELossless)[:-60],
            dicom_bytes(dicom_dataset(RAMP_8, Rows=40)),
            dicom_bytes(dicom_dataset(RAMP_8))[:-60],
        )
    ]
    for secret in (PATIENT, "Doe", "Jane", PATIENT_ID):
        assert secret not in words
        assert not any(secret in sentence for sentence in sentences)


@needs_real_films
def test_a_real_film_without_meta_information_is_read():
    film = read_radiograph(REAL_FILMS / "dicom" / "chest" / "cr-mono1-no-meta.dcm")
    assert (film.pixels.shape, film.colour_mode, film.view) == ((440, 440), "MONOCHROME1", "PA")
    # a frontal film: the beam beside and below the arms is black, the body is not
    assert film.pixels[200:240, 200:240].mean() > film.pixels[200:240, 100:140].mean()
