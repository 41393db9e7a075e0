"""Films as a reader drops them on the page: names and bytes."""

import io

import numpy as np
from PIL import Image

from carina.imaging.phantom import make_phantom
from carina.imaging.pictures import pixels_png
from making.dicom_files import dicom_bytes, dicom_dataset

TEXT = {"name": "letter.txt", "mimeType": "text/plain", "buffer": b"Dear colleague"}


def phantom(seed=1, *, height=320, width=288):
    rng = np.random.default_rng(seed)
    return make_phantom("pneumonia", rng=rng, height=height, width=width).pixels


def png_film(name="film.png", *, seed=1):
    return _film(name, pixels_png(phantom(seed)), "image/png")


def dicom_film(name="film.dcm", *, seed=2, **size):
    """A DICOM film of 12 bits."""
    stored = np.rint(phantom(seed, **size) * 4095).astype(np.uint16)
    return _film(name, dicom_bytes(dicom_dataset(stored, bits=12, ViewPosition="PA")))


def blank_film(name="blank.png"):
    """A film that every gate refuses."""
    buffer = io.BytesIO()
    Image.fromarray(np.full((300, 280), 90, np.uint8)).save(buffer, format="PNG")
    return _film(name, buffer.getvalue(), "image/png")


def _film(name, content, media_type="application/octet-stream"):
    return {"name": name, "mimeType": media_type, "buffer": content}
