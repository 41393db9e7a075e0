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
    contents = {
        data[:-30]: "damaged",
        spoilt: "damaged",
        empty.getvalue(): "not-found",
        b"no archive": "damaged",
        b"": "empty-file",
    }
    for number, (content, code) in enumerate(contents.items()):
        path = tmp_path / f"set{number}.npz"
        path.write_bytes(content)
        with pytest.raises(ImageError) as caught:
            read_radiograph(f"{path}!/train_images/0")
        assert caught.value.image_code == code, number


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000, 28, 28)}", "damaged"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 28, 28)}", "damaged"),
        ("{'descr': '|O', 'fortran_order': False, 'shape': (2, 28, 28)}", "unsupported-pixels"),
        ("{'descr': [('a', '|O')], 'fortran_order': False, 'shape': (2, 28, 28)}", "damaged"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': " + "(" * 2000, "damaged"),
    ],
)
def test_an_array_that_says_more_than_it_holds_is_refused_before_it_is_allocated(
    tmp_path, header, code
):
    text = header.encode().ljust(3000) + b"\n"
    content = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(784)
    with zipfile.ZipFile(tmp_path / "set.npz", "w") as archive:
        archive.writestr("train_images.npy", content)
    with pytest.raises(ImageError) as caught:
        read_radiograph(tmp_path / "set.npz!/train_images/0")
    assert caught.value.image_code == code


def test_an_array_that_inflates_too_far_is_refused(tmp_path):
    np.savez_compressed(tmp_path / "set.npz", train_images=np.zeros((30_000, 28, 28), np.uint8))
    with pytest.raises(ImageError) as caught:
        read_radiograph(tmp_path / "set.npz!/train_images/0")
    assert caught.value.image_code == "inflates-too-far"


def test_a_dicom_element_of_a_wrong_length_is_damage():
    data = bytearray(dicom())
    assert data[132:140] == b"\2\0\0\0UL\4\0"
    data[138] = 3
    with pytest.raises(ImageError) as caught:
        read_radiograph_bytes(bytes(data), name="film")
    assert caught.value.image_code == "damaged"
