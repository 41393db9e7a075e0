"""Captures in colour become the luma of the colours that pydicom finds in them."""

import numpy as np
import pytest
from pydicom.pixels import convert_color_space

from carina.errors import ImageError
from carina.imaging.dicom import decode_dicom
from making.dicom_files import dicom_bytes, dicom_dataset
from making.dicom_reference import reference_pixels

rng = np.random.default_rng(5)
COLOURS = rng.integers(0, 256, (24, 36, 3))
INDEX = rng.integers(0, 300, (24, 36))
SEGMENTED = [0, 2, 100, 200, 1, 30, 50_000, 0, 1, 7, 1, 255, 65_535]


def film_of(data):
    return decode_dicom(data, name="film")


def check(data):
    film = film_of(data)
    assert np.array_equal(film.pixels, reference_pixels(data))
    return film


def with_palette(tables, *, descriptor=(256, 10, 16), segmented=False, bits=16, stored=INDEX):
    dataset = dicom_dataset(stored, bits=bits, photometric="PALETTE COLOR")
    kind = "Segmented" if segmented else ""
    for colour, table in zip(("Red", "Green", "Blue"), tables, strict=True):
        setattr(dataset, f"{colour}PaletteColorLookupTableDescriptor", list(descriptor))
        dataset[f"{colour}PaletteColorLookupTableDescriptor"].VR = "US"
        setattr(dataset, f"{kind}{colour}PaletteColorLookupTableData", np.asarray(table).tobytes())
    return dicom_bytes(dataset)


def test_colours_by_pixel_and_by_plane_are_the_same():
    by_pixel = check(dicom_bytes(dicom_dataset(COLOURS, photometric="RGB")))
    planes = dicom_dataset(COLOURS, photometric="RGB", PlanarConfiguration=1)
    planes.PixelData = COLOURS.transpose(2, 0, 1).astype(np.uint8).tobytes()
    by_plane = check(dicom_bytes(planes))
    assert np.array_equal(by_pixel.pixels, by_plane.pixels)
    assert by_pixel.cautions == ("a colour picture, read as grey",)
    assert by_pixel.colour_share > 0.5


def test_a_grey_picture_in_three_channels_is_not_called_coloured():
    grey = np.repeat(COLOURS[..., :1], 3, axis=2)
    film = check(dicom_bytes(dicom_dataset(grey, photometric="RGB")))
    assert (film.cautions, film.colour_share) == ((), 0)


def test_a_colour_profile_is_ignored_with_words():
    film = film_of(dicom_bytes(dicom_dataset(COLOURS, photometric="RGB", ICCProfile=b"profile ")))
    assert film.cautions == ("a colour picture, read as grey without its colour profile",)


def test_deep_colours_are_read():
    check(dicom_bytes(dicom_dataset(COLOURS * 257, bits=16, photometric="RGB")))


def test_luma_and_chroma_become_what_pydicom_makes_of_them():
    ybr = convert_color_space(COLOURS.astype(np.uint8), "RGB", "YBR_FULL")
    check(dicom_bytes(dicom_dataset(ybr, photometric="YBR_FULL")))
    halved = dicom_dataset(ybr, photometric="YBR_FULL_422")
    pairs = ybr.reshape(-1, 2, 3)
    shared = np.stack([pairs[:, 0, 0], pairs[:, 1, 0], pairs[:, 0, 1], pairs[:, 0, 2]], axis=1)
    halved.PixelData = shared.tobytes()
    check(dicom_bytes(halved))


def test_a_palette_gives_its_colours():
    red, green, blue = rng.integers(0, 65_536, (3, 256)).astype("<u2")
    film = check(with_palette((red, green, blue)))
    assert film.colour_mode == "PALETTE COLOR"
    check(with_palette((red, green, blue), descriptor=(256, 0, 16)))
    small = rng.integers(0, 256, (3, 256)).astype(np.uint8)
    check(with_palette(small, descriptor=(256, 0, 8), bits=8, stored=INDEX % 256))


def test_a_segmented_palette_is_unfolded():
    tables = [np.array(SEGMENTED, "<u2")] * 3
    film = check(with_palette(tables, descriptor=(288, 0, 16), segmented=True))
    assert film.pixels.max() > 0.7


def test_a_segmented_palette_that_repeats_itself_without_end_stops_where_it_is_full():
    segments = [0, 1, 9, 1, 60_000, 3, 2, 65_535, 6, 0]  # 65,535 times the line of 60,000
    table = [np.array(segments, "<u2")] * 3
    film = film_of(with_palette(table, descriptor=(0, 0, 16), segmented=True))
    assert film.pixels.max() < 1e-3


@pytest.mark.parametrize(
    "segments",
    [
        [1, 5, 5],
        [7, 1, 1],
        [0, 2, 1],
        [2, 1, 0, 0],
    ],
    ids=["line first", "unknown", "short", "reference first"],
)
def test_a_broken_segmented_palette_is_damage(segments):
    data = with_palette([np.array(segments, "<u2")] * 3, descriptor=(0, 0, 16), segmented=True)
    with pytest.raises(ImageError) as caught:
        film_of(data)
    assert caught.value.image_code == "damaged"


@pytest.mark.parametrize(
    ("elements", "code"),
    [
        ({"photometric": "HSV"}, "unsupported-pixels"),
        ({"photometric": "DOE JANE"}, "unsupported-pixels"),
        ({"photometric": "MONOCHROME2"}, "damaged"),
        ({"photometric": "PALETTE COLOR"}, "damaged"),
    ],
)
def test_other_meanings_of_three_values_are_refused(elements, code):
    with pytest.raises(ImageError) as caught:
        film_of(dicom_bytes(dicom_dataset(COLOURS, **elements)))
    assert caught.value.image_code == code
    assert "DOE" not in str(caught.value)


def test_deep_luma_and_chroma_are_refused():
    with pytest.raises(ImageError) as caught:
        film_of(dicom_bytes(dicom_dataset(COLOURS * 257, bits=16, photometric="YBR_FULL")))
    assert caught.value.image_code == "unsupported-pixels"
