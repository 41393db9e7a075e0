"""A first answer before anyone waits for one."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from carina.inference.classifier import Classifier
from carina.web.films import answered_films, prepared_film
from carina.web.uploads import UploadedFilm

_SIDE = 512


def warm_up(classifier: Classifier, *, batch: int) -> None:
    """Answer films that are made on the spot, so that nobody waits for what is loaded late.

    It reads a PNG and a DICOM file and answers batches of every size up to `batch`, since a
    runtime prepares for each size at its first use.

    Raises:
        ClassifierError: if the network answers with values that are no numbers.
    """
    rows, columns = np.mgrid[-1 : 1 : _SIDE * 1j, -1 : 1 : _SIDE * 1j]
    levels = (40 + 200 * np.exp(-2 * (rows**2 + columns**2))).astype(np.uint8)
    films = [
        prepared_film(classifier, UploadedFilm(name="warm-up", content=content))
        for content in (_png(levels), _dicom(levels))
    ]
    for n_films in range(1, batch + 1):
        answered_films(classifier, [films[0]] * n_films)


def _png(levels: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(levels).save(buffer, format="PNG")
    return buffer.getvalue()


def _dicom(levels: NDArray[np.uint8]) -> bytes:
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid

    film = Dataset()
    film.file_meta = FileMetaDataset()
    film.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    film.file_meta.MediaStorageSOPClassUID = ComputedRadiographyImageStorage
    film.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    film.SOPClassUID = ComputedRadiographyImageStorage
    film.SOPInstanceUID = film.file_meta.MediaStorageSOPInstanceUID
    film.PhotometricInterpretation = "MONOCHROME2"
    film.SamplesPerPixel = 1
    film.Rows, film.Columns = levels.shape
    film.BitsAllocated, film.BitsStored, film.HighBit = 8, 8, 7
    film.PixelRepresentation = 0
    film.PixelData = levels.tobytes()
    buffer = io.BytesIO()
    film.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
