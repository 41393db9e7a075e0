"""Small honest DICOM films in every transfer syntax that can be written here, as bytes."""

import zlib

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from making.dicom_files import (
    bare_dicom_bytes,
    big_endian_dicom_bytes,
    dicom_bytes,
    dicom_dataset,
    lookup_table,
)
from making.hostile.pictures import colours, grey


def dicom_films() -> dict[str, bytes]:
    """Return name -> file."""
    return {**_syntaxes(), **_greys(), **_shapes()}


def _syntaxes() -> dict[str, bytes]:
    deep = grey(4095)
    found = {
        "dicom-explicit": dicom_bytes(_film()),
        "dicom-implicit": dicom_bytes(_film(), syntax=ImplicitVRLittleEndian),
        "dicom-deflated": dicom_bytes(_film(), syntax=DeflatedExplicitVRLittleEndian),
        "dicom-big-endian": big_endian_dicom_bytes(dicom_dataset(deep, bits=12)),
        "dicom-bare-big-endian": big_endian_dicom_bytes(
            dicom_dataset(deep, bits=12), with_meta=False
        ),
        "dicom-bare-implicit": bare_dicom_bytes(_film()),
        "dicom-bare-explicit": bare_dicom_bytes(_film(), implicit=False),
    }
    return found | _compressed()


def _compressed() -> dict[str, bytes]:
    """Return films in every compressed syntax, as other people's encoders write them."""
    from making import compressed_dicom as c

    deep, bands = grey(4095), np.asarray(colours("RGB"))
    found = {
        f"dicom-{name}": c.compressed_film(deep, syntax, bits=12)
        for name, syntax in (
            ("rle", c.RLE),
            ("jpeg-extended", c.JPEG_EXTENDED),
            ("jpeg-lossless", c.JPEG_LOSSLESS),
            ("jpeg-lossless-sv1", c.JPEG_LOSSLESS_SV1),
            ("jpeg-ls", c.JPEG_LS),
            ("jpeg-ls-near", c.JPEG_LS_NEAR),
            ("jpeg-2000", c.JPEG_2000_LOSSLESS),
            ("jpeg-2000-lossy", c.JPEG_2000),
            ("htj2k", c.HTJ2K_LOSSLESS),
            ("htj2k-lossy", c.HTJ2K),
        )
    }
    return found | {
        "dicom-jpeg": c.compressed_film(grey(), c.JPEG_BASELINE),
        "dicom-jpeg-fragments": c.compressed_film(grey(), c.JPEG_BASELINE, fragments=3),
        "dicom-jpeg-table": c.compressed_film(grey(), c.JPEG_BASELINE, table="lying"),
        "dicom-jpeg-colour": c.compressed_film(bands, c.JPEG_BASELINE, photometric="YBR_FULL_422"),
        "dicom-rle-colour": c.compressed_film(bands, c.RLE, photometric="RGB"),
        "dicom-jpeg-2000-colour": c.compressed_film(
            bands, c.JPEG_2000_LOSSLESS, photometric="YBR_RCT"
        ),
        "dicom-rle-signed": c.compressed_film(deep - 2048, c.RLE, bits=12, signed=True),
    }


def _greys() -> dict[str, bytes]:
    deep = grey(4095)
    curve = [min(65535, v * 16) for v in range(256)]
    return {
        "dicom-window": dicom_bytes(
            dicom_dataset(deep, bits=12, WindowCenter=[2000, 1000], WindowWidth=[1500, 90])
        ),
        "dicom-sigmoid": dicom_bytes(
            dicom_dataset(
                deep, bits=12, WindowCenter=2000, WindowWidth=900, VOILUTFunction="SIGMOID"
            )
        ),
        "dicom-voi-lut": dicom_bytes(
            dicom_dataset(grey(), VOILUTSequence=Sequence([lookup_table(curve)]))
        ),
        "dicom-modality-lut": dicom_bytes(
            dicom_dataset(grey(), ModalityLUTSequence=Sequence([lookup_table(curve)]))
        ),
        "dicom-rescale": dicom_bytes(
            dicom_dataset(deep, bits=12, RescaleSlope="2.5", RescaleIntercept="-1024")
        ),
        "dicom-monochrome1": dicom_bytes(
            dicom_dataset(deep, bits=12, photometric="MONOCHROME1", ViewPosition="PA")
        ),
        "dicom-signed": dicom_bytes(dicom_dataset(deep - 2048, bits=12, signed=True)),
        "dicom-padding": dicom_bytes(
            dicom_dataset(deep, bits=12, PixelPaddingValue=0, PresentationLUTShape="INVERSE")
        ),
    }


def _shapes() -> dict[str, bytes]:
    frames = dicom_dataset(grey())
    frames.NumberOfFrames = 2
    frames.PixelData = frames.PixelData * 2
    overlay = dicom_dataset(grey(4095), bits=12)
    for keyword, value in (("OverlayRows", 20), ("OverlayColumns", 24), ("OverlayBitPosition", 13)):
        overlay.add_new(0x60000000 + _OVERLAY[keyword], "US", value)
    report = Dataset()
    report.update({e.tag: e for e in dicom_dataset(grey()) if e.tag.group < 0x0028})
    palette = dicom_dataset(grey(), photometric="PALETTE COLOR")
    for colour in ("Red", "Green", "Blue"):
        setattr(palette, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, 16])
        setattr(
            palette,
            f"{colour}PaletteColorLookupTableData",
            np.linspace(0, 65535, 256).astype("<u2").tobytes(),
        )
    return {
        "dicom-rgb": dicom_bytes(dicom_dataset(np.asarray(colours("RGB")), photometric="RGB")),
        "dicom-palette": dicom_bytes(palette),
        "dicom-frames": dicom_bytes(frames),
        "dicom-overlay": dicom_bytes(overlay),
        "dicom-report": dicom_bytes(report),
        "dicom-sequences": dicom_bytes(_with_sequences()),
    }


_OVERLAY = {"OverlayRows": 0x10, "OverlayColumns": 0x11, "OverlayBitPosition": 0x102}


def _film() -> Dataset:
    return dicom_dataset(grey(4095), bits=12, WindowCenter=2048, WindowWidth=3000)


def _with_sequences() -> Dataset:
    film = _film()
    item = Dataset()
    item.CodeValue = "1"
    inner = Dataset()
    inner.ReferencedSOPInstanceUID = "1.2.3"
    item.ReferencedImageSequence = Sequence([inner, inner])
    film.ViewCodeSequence = Sequence([item])
    film.add_new(0x00091010, "SQ", Sequence([item]))
    film.add_new(0x00090010, "LO", "MADE UP")
    return film


def deflated_bomb(n_bytes: int) -> bytes:
    """Return a deflated DICOM file whose pixels are `n_bytes` zeros, far more than it says.

    Written without ever holding them: 1 GB takes 1 MB and a second.
    """
    whole = dicom_bytes(_film(), syntax=DeflatedExplicitVRLittleEndian)
    meta_end = 144 + int.from_bytes(
        whole[140:144], "little"
    )  # PS3.10, 7.1: group 2 says its length
    plain = zlib.decompress(whole[meta_end:], -zlib.MAX_WBITS)
    at = plain.rindex(b"\xe0\x7f\x10\x00OW")
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = [packer.compress(plain[: at + 8] + n_bytes.to_bytes(4, "little"))]
    block = bytes(1 << 20)
    packed += [packer.compress(block) for _ in range(n_bytes >> 20)]
    packed.append(packer.compress(bytes(n_bytes & 0xFFFFF)) + packer.flush())
    return whole[:meta_end] + b"".join(packed)
