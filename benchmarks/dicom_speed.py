"""What reading one DICOM film costs in each compression, against pydicom alone.

A phantom of 2,048 x 2,048 pixels, 12 bit, with grain and a window. Processor time of one core,
the best of several; pydicom with the codecs that are installed beside it ("-" where it has none):
`pixel_array` alone, and with `apply_modality_lut` and `apply_voi_lut`, which is what Carina does.

    python benchmarks/dicom_speed.py [--times N]
"""

import argparse
import io
import logging
import math
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom.pixels import apply_modality_lut, apply_voi_lut

from carina.imaging.dicom import decode_dicom
from carina.imaging.phantom import make_phantom

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from making.compressed_dicom import (
    HTJ2K_LOSSLESS,
    JPEG_2000_LOSSLESS,
    JPEG_EXTENDED,
    JPEG_LOSSLESS_SV1,
    JPEG_LS,
    RLE,
    compressed_film,
)
from making.dicom_files import dicom_bytes, dicom_dataset

SYNTAXES = {
    "RLE": RLE,
    "JPEG, 12 bit": JPEG_EXTENDED,
    "JPEG lossless": JPEG_LOSSLESS_SV1,
    "JPEG-LS": JPEG_LS,
    "JPEG 2000": JPEG_2000_LOSSLESS,
    "HTJ2K": HTJ2K_LOSSLESS,
}
WINDOW = {"WindowCenter": 2000, "WindowWidth": 3500}


def film():
    """Return whole numbers `[2048, 2048]` of 12 bits."""
    rng = np.random.default_rng(0)
    small = make_phantom("normal", rng=rng, height=512, width=512).pixels
    large = np.kron(small, np.ones((4, 4), np.float32)) * 4000
    return np.rint(large + rng.normal(0, 6, large.shape)).clip(0, 4095).astype(int)


def best_ms(run, times):
    """Return the least processor time of some runs in ms, NaN if one fails."""
    found = []
    for _ in range(times):
        start = time.process_time()
        try:
            run()
        except (RuntimeError, NotImplementedError):
            return float("nan")
        found.append(time.process_time() - start)
    return 1000 * min(found)


def by_pydicom(data, *, with_window):
    dataset = dcmread(io.BytesIO(data))
    stored = dataset.pixel_array
    if with_window:
        apply_voi_lut(apply_modality_lut(stored, dataset), dataset)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable()
    stored = film()
    files = {"uncompressed": dicom_bytes(dicom_dataset(stored, bits=12, **WINDOW))}
    files |= {
        name: compressed_film(stored, syntax, bits=12, **WINDOW)
        for name, syntax in SYNTAXES.items()
    }
    print(f"{'':14}    MB  Carina    /s  pixel_array  with window   (ms)")
    for name, data in files.items():
        ours = best_ms(lambda data=data: decode_dicom(data, name="film"), options.times)
        theirs = [
            best_ms(lambda data=data, w=w: by_pydicom(data, with_window=w), options.times)
            for w in (False, True)
        ]
        told = "  ".join(f"{one:11.1f}" if not math.isnan(one) else f"{'-':>11}" for one in theirs)
        print(f"{name:14} {len(data) / 1e6:5.1f}  {ours:6.1f}  {1000 / ours:4.0f}  {told}")


if __name__ == "__main__":
    main()
