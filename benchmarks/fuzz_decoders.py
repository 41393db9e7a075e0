"""Look for films that break the decoders, guided by which code they reach (atheris, libFuzzer).

atheris is no dependency of Carina; it lives in an environment of its own:

    python3.11 -m venv tmp/fuzz
    tmp/fuzz/bin/pip install atheris
    PYTHONPATH=.venv/lib/python3.11/site-packages:src tmp/fuzz/bin/python \\
        benchmarks/fuzz_decoders.py [--seconds S] [--found DIR] [--kind KIND]

`imaging.decode.decode` runs in this process, without the worker, so that an unexpected
exception ends the search with the file in DIR. What pydicom and Pillow do in Python guides the
search; their C libraries are not instrumented, but a crash in one ends it, too. Films that
take long or much memory count as found. Make a found file small, without anybody's data, put
it into `tests/corpus` with its code in `expected.json`, and mend the decoder.
"""

import argparse
import importlib
import os
import sys
import warnings
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import atheris
import numpy as np

# The decoders import these when a film comes, which would be too late to instrument them.
_INSTRUMENTED = (
    "PIL.BmpImagePlugin",
    "PIL.JpegImagePlugin",
    "PIL.PngImagePlugin",
    "PIL.TiffImagePlugin",
    "pydicom.pixels.processing",
    "pydicom.pixels.decoders",
)
with atheris.instrument_imports(include=["pydicom", "PIL", "carina.imaging"]):
    for module in _INSTRUMENTED:
        importlib.import_module(module)
    from carina.imaging.decode import decode

from carina.errors import IMAGE_CODES, ImageError  # noqa: E402  after what is instrumented
from making.hostile.seeds import seeds  # noqa: E402

_KINDS = ("png", "jpeg", "tiff", "bmp", "dicom")
_TIMEOUT_S = 5
_MOST_MB = 2000


def decode_one(data: bytes) -> None:
    """Decode a film; anything but a film or an `ImageError` is found."""
    if not data:
        return
    try:
        decoded = decode(data, name="film")
    except ImageError as error:
        if error.image_code not in IMAGE_CODES:
            raise AssertionError(error.image_code) from error
        return
    pixels = decoded.pixels
    assert np.isfinite(pixels).all()
    assert 0 <= pixels.min() <= pixels.max() <= 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--found", type=Path, default=Path("tmp/found"))
    parser.add_argument("--kind", choices=_KINDS, help="only films of this kind to begin with")
    parser.add_argument("--longest", type=int, default=8000, help="bytes of a film")
    given = parser.parse_args()
    start = given.found / f"start-{given.kind or 'all'}"
    start.mkdir(parents=True, exist_ok=True)
    for name, data in seeds().items():
        kind = "dicom" if name.startswith("pydicom/") else name.removeprefix("bomb-").split("-")[0]
        if given.kind in (None, kind) and len(data) <= given.longest:
            (start / name.replace("/", "-")).write_bytes(data)
    warnings.simplefilter("ignore")
    atheris.Setup(
        [
            sys.argv[0],
            str(start),
            f"-artifact_prefix={given.found}/",
            f"-max_total_time={given.seconds}",
            f"-timeout={_TIMEOUT_S}",
            f"-rss_limit_mb={_MOST_MB}",
            f"-max_len={given.longest}",
            "-print_final_stats=1",
        ],
        decode_one,
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
