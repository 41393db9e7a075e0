"""The grey values of a DICOM file by pydicom's own functions, scaled as Carina says it scales."""

import io
import warnings

import numpy as np
from pydicom import dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_voi_lut
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

LUMA = np.array([0.299, 0.587, 0.114])


def reference_pixels(data):
    """Return float32 `[rows, columns]` of a file that pydicom reads.

    pydicom decodes and applies every table and window; what is ours is the range that stands
    for black and white, luma, MONOCHROME1 and the padding (`docs/explanation/dicom.md`).
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = _read(data)
        stored = dataset.pixel_array
        photometric = dataset.get("PhotometricInterpretation", "MONOCHROME2")
        if photometric not in ("MONOCHROME1", "MONOCHROME2"):
            return _luma(stored, dataset, photometric)
        shown = apply_voi_lut(apply_modality_lut(stored, dataset), dataset)
    low, high = _ends(dataset)
    pixels = ((np.asarray(shown, np.float64) - low) / (high - low)).clip(0, 1).astype(np.float32)
    shape = dataset.get("PresentationLUTShape", "")
    if photometric == "MONOCHROME1" or shape == "INVERSE":
        pixels = 1 - pixels
    if "PixelPaddingValue" in dataset:
        ends = (
            dataset.PixelPaddingValue,
            dataset.get("PixelPaddingRangeLimit", dataset.PixelPaddingValue),
        )
        pixels[(stored >= min(ends)) & (stored <= max(ends))] = 0
    return pixels


def _read(data):
    dataset = dcmread(io.BytesIO(data), force=True)
    if not hasattr(dataset, "file_meta") or "TransferSyntaxUID" not in dataset.file_meta:
        implicit, little = dataset.original_encoding
        dataset.file_meta = FileMetaDataset()
        explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit
    return dataset


def _luma(stored, dataset, photometric):
    if photometric == "PALETTE COLOR":
        top = 2 ** int(dataset.RedPaletteColorLookupTableDescriptor[2]) - 1
        colours = apply_color_lut(stored, dataset)[..., :3]
        return (colours / top @ LUMA).clip(0, 1).astype(np.float32)
    luma = stored.astype(np.float64) @ LUMA / (2 ** int(dataset.BitsStored) - 1)
    return luma.clip(0, 1).astype(np.float32)


def _ends(dataset):
    """Return what is black and white, as `carina.imaging.dicom.greys` words it."""
    if dataset.get("VOILUTSequence"):
        return 0, 2 ** dataset.VOILUTSequence[0].LUTDescriptor[2] - 1
    if dataset.get("ModalityLUTSequence"):
        return 0, 2 ** dataset.ModalityLUTSequence[0].LUTDescriptor[2] - 1
    bits = int(dataset.BitsStored)
    low, high = 0, 2**bits - 1
    if dataset.get("PixelRepresentation", 0):
        low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    if "RescaleSlope" in dataset and "RescaleIntercept" in dataset:
        low, high = (
            end * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)
            for end in (low, high)
        )
    has_window = "WindowCenter" in dataset and "WindowWidth" in dataset
    return (low, high) if has_window else (min(low, high), max(low, high))
