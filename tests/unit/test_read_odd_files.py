"""Odd and damaged files that were once read wrongly, or broke the reader."""

import io
import warnings
import zipfile

import numpy as np
import pytest
from PIL import Image

from carina.errors import ImageError
from carina.imaging.read import read_radiograph, read_radiograph_bytes
from making.dicom_files import dicom_bytes, dicom_dataset


def ramp(dtype) -> np.ndarray:
    """Return [24, 16] grey values from 0 to the top of their type."""
    top = np.iinfo(dtype).max
    return np.linspace(0, top, 24 * 16).astype(dtype).reshape(24, 16)


def saved(picture: np.ndarray, file_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format=file_format, **options)
    return buffer.getvalue()


def dicom() -> bytes:
    return dicom_bytes(dicom_dataset(ramp(np.uint8), WindowCenter=100, WindowWidth=50))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_tiff_that_stores_white_as_zero_is_turned_over(dtype):
    levels = ramp(dtype)
    top = np.iinfo(dtype).max
    # at 8 bits Pillow turns the grey values over by itself when it writes this tag
    stored = levels if dtype == np.uint8 else top - levels
    film = read_radiograph_bytes(saved(stored, "TIFF", tiffinfo={262: 0}), name="film")
    assert np.array_equal(np.rint(film.pixels * top), levels)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data:UserWarning")
@pytest.mark.parametrize("share", [0.1, 0.5])
@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "TIFF"])
def test_a_film_cut_off_early_is_damaged_and_not_of_an_unknown_format(file_format, share):
    options = {"compression": "tiff_lzw"} if file_format == "TIFF" else {}
    whole = saved(ramp(np.uint8)[::2], file_format, **options)
    data = whole[: round(share * len(whole))]
    with pytest.raises(ImageError) as caught:
        read_radiograph_bytes(data, name="film")
    assert caught.value.image_code == "damaged"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP", "DICOM"])
def test_changed_bytes_give_a_film_or_an_image_error(kind):
    data = dicom() if kind == "DICOM" else saved(ramp(np.uint8), kind)
    rng = np.random.default_rng(5)
    for _ in range(150):
        spoilt = bytearray(data)
        for place in rng.integers(0, min(len(data), 900), 2):
            spoilt[place] = rng.integers(256)
        read_or_refuse(bytes(spoilt))


def read_or_refuse(data: bytes) -> None:
    with warnings.catch_warnings():  # Pillow and pydicom warn of what they forgive
        warnings.simplefilter("ignore")
        try:
            film = read_radiograph_bytes(data, name="film")
        except ImageError:
            return
    assert 0 <= film.pixels.min() <= film.pixels.max() <= 1


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "set.npz"
    rng = np.random.default_rng(0)
    np.savez(
        path,
        dark_images=np.ones((1, 28, 28), dtype=np.uint8),
        deep_images=rng.integers(0, 65536, (2, 28, 28), dtype=np.uint16),
        float_images=rng.random((2, 28, 28)),
        nan_images=np.full((1, 28, 28), np.nan),
        wide_images=np.full((1, 28, 28), 300.0),
    )
    return path


def test_archive_members_are_scaled_by_their_type_and_not_by_their_values(archive):
    arrays = np.load(archive)
    deep = read_radiograph(f"{archive}!/deep_images/0")
    assert np.array_equal(np.rint(deep.pixels * 65535), arrays["deep_images"][0])
    assert deep.bits == 16
    floats = read_radiograph(f"{archive}!/float_images/0")
    assert np.array_equal(floats.pixels, arrays["float_images"][0].astype(np.float32))
    assert read_radiograph(f"{archive}!/dark_images/0").pixels.max() == np.float32(1 / 255)


@pytest.mark.parametrize("member", ["nan_images/0", "wide_images/0"])
def test_float_members_outside_of_0_and_1_are_refused(archive, member):
    with pytest.raises(ImageError, match="between 0") as caught:
        read_radiograph(f"{archive}!/{member}")
    assert caught.value.image_code == "unsupported-pixels"


def test_damaged_archives_are_refused(tmp_path):
    whole, empty = io.BytesIO(), io.BytesIO()
    np.savez_compressed(whole, train_images=np.zeros((2, 28, 28), np.uint8))
    zipfile.ZipFile(empty, "w").close()
    data = whole.getvalue()
    spoilt = data[:60] + bytes(60) + data[120:]
    for number, content in enumerate((data[:-30], spoilt, empty.getvalue(), b"no archive", b"")):
        path = tmp_path / f"set{number}.npz"
        path.write_bytes(content)
        with pytest.raises(ImageError) as caught:
            read_radiograph(f"{path}!/train_images/0")
        assert caught.value.image_code == "damaged", number


def test_a_dicom_element_of_a_wrong_length_is_damage():
    data = bytearray(dicom())
    assert data[132:140] == b"\2\0\0\0UL\4\0"
    data[138] = 3
    with pytest.raises(ImageError) as caught:
        read_radiograph_bytes(bytes(data), name="film")
    assert caught.value.image_code == "damaged"


@pytest.mark.parametrize("photometric", ["PALETTE COLOR", "YBR_FULL"])
def test_dicom_colours_that_are_not_read_are_said_before_the_pixels_are_decoded(photometric):
    dataset = dicom_dataset(ramp(np.uint8), photometric=photometric)
    with pytest.raises(ImageError, match=photometric) as caught:
        read_radiograph_bytes(dicom_bytes(dataset), name="film")
    assert caught.value.image_code == "unsupported-pixels"
