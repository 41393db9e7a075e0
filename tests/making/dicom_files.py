"""Small DICOM files with known stored values, as bytes."""

import io

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

CR_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.1"
PATIENT = "Doe^Jane"
PATIENT_ID = "hospital-4711"


def dicom_dataset(stored, *, bits=8, signed=False, photometric="MONOCHROME2", **elements):
    """Return a data set of one film of a patient called `PATIENT`.

    Args:
        stored: integers `[h, w]`, or `[h, w, 3]` for RGB.
        bits: stored bits of a value; 8, 16 or 32 are allocated.
        signed: whether the values are two's complement.
        photometric: the photometric interpretation.
        elements: any more elements, by keyword.
    """
    allocated = 8 if bits <= 8 else 16 if bits <= 16 else 32
    stored = np.asarray(stored)
    dataset = Dataset()
    dataset.SOPClassUID = CR_IMAGE_STORAGE
    dataset.SOPInstanceUID = generate_uid(entropy_srcs=["a film for tests"])
    dataset.PatientName = PATIENT
    dataset.PatientID = PATIENT_ID
    dataset.Modality = "CR"
    dataset.Rows, dataset.Columns = stored.shape[:2]
    dataset.SamplesPerPixel = 3 if stored.ndim == 3 else 1
    if stored.ndim == 3:
        dataset.PlanarConfiguration = 0
    dataset.PhotometricInterpretation = photometric
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = allocated, bits, bits - 1
    dataset.PixelRepresentation = int(signed)
    kind = f"{'i' if signed else 'u'}{allocated // 8}"
    dataset.PixelData = stored.astype(f"<{kind}").tobytes()
    dataset["PixelData"].VR = "OB" if allocated == 8 else "OW"
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def dicom_bytes(dataset, *, syntax=ExplicitVRLittleEndian):
    """Return a complete DICOM file (preamble, meta information, data set)."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    buffer = io.BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def big_endian_dicom_bytes(dataset, *, with_meta=True):
    """Return the file of a 16-bit data set in the (retired) big endian syntax."""
    dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
    if with_meta:
        return dicom_bytes(dataset, syntax="1.2.840.10008.1.2.2")
    return bare_dicom_bytes(dataset, implicit=False, little_endian=False)


def bare_dicom_bytes(dataset, *, implicit=True, little_endian=True):
    """Return a data set without preamble and meta information, as old archives hold them."""
    buffer = io.BytesIO()
    dcmwrite(
        buffer,
        dataset,
        enforce_file_format=False,
        implicit_vr=implicit,
        little_endian=little_endian,
    )
    return buffer.getvalue()


def lookup_table(output, *, first=0, bits=16):
    """Return the item of a Modality or VOI LUT sequence: `output[i]` stands for `first + i`."""
    item = Dataset()
    item.LUTDescriptor = [len(output), first, bits]
    item.ModalityLUTType = "US"
    item.LUTData = [int(v) for v in output]
    item["LUTDescriptor"].VR = "US"
    item["LUTData"].VR = "US"
    return item
