"""Whatever a DICOM or PNG file says: a film with grey values in [0, 1], or a code of the list."""

import warnings

import numpy as np
from hypothesis import HealthCheck, example, given, settings

from carina.errors import IMAGE_CODES, ImageError
from carina.imaging.decode import decode
from making.hostile.pngs import END, header, png_of
from making.hostile.strategies import dicom_files, png_files

MANY = settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])


def read_or_refuse(data: bytes) -> None:
    with warnings.catch_warnings():  # Pillow and pydicom warn of what they forgive
        warnings.simplefilter("ignore")
        try:
            decoded = decode(data, name="film")
        except ImageError as error:
            refused = error
        else:
            pixels = decoded.pixels
            assert pixels.dtype == np.float32
            assert pixels.ndim == 2
            assert np.isfinite(pixels).all()
            assert 0 <= pixels.min() <= pixels.max() <= 1
            return
    assert refused.image_code in IMAGE_CODES
    assert str(refused).startswith("film")
    assert len(str(refused)) < 600


@MANY
@given(data=dicom_files())
def test_any_dicom_file_is_a_film_or_has_a_code(data):
    read_or_refuse(data)


@MANY
@given(data=png_files())
@example(data=png_of([header(20, 20), END]))
def test_any_png_file_is_a_film_or_has_a_code(data):
    read_or_refuse(data)
