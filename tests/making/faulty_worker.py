"""A worker whose decoder does what a file tells it to; the worker around it is the real one.

It runs as `python -m making.faulty_worker`, in a `WorkerPool` of that module. A file is the name
of a fault, of `FAULTS`; any other is decoded.
"""

import ctypes
import os
import re
import sys
import threading
import time
from pathlib import Path

import numpy as np

from carina.imaging.decoded import Decoded, new_pixels, require_size
from carina.imaging.worker import limits, loop
from carina.imaging.worker.answers import Answer, facts_of
from carina.imaging.worker.tasks import TASKS, read_film

SIDE = 16


class PanicError(BaseException):
    """What a codec written in Rust raises."""


def film(value=0.5, **facts):
    """Return a small even film."""
    pixels = new_pixels(SIDE, SIDE)
    pixels[:] = value
    return Decoded(pixels, **{"file_format": "PNG", "colour_mode": "L", "bits": 8, **facts})


def segfault():
    ctypes.string_at(0)


def panic():
    raise PanicError("a codec's state is lost")


def spin():
    require_size(SIDE, SIDE, name="a film")
    while True:
        pass


def sleep():
    threading.Event().wait()


def allocate():
    require_size(SIDE, SIDE, name="a film")
    return [np.ones(10_000_000, dtype=np.uint8) for _ in range(1000)]


def allocate_slowly():
    for _ in range(100):
        held.append(np.ones(10_000_000, dtype=np.uint8))
        time.sleep(0.01)  # the thread that looks needs its turn


held = []


def recurse():
    return recurse()


def chatter():
    os.write(1, b"a codec's own words\n")
    os.write(2, b"a codec's own words\n")
    sys.stderr.write("a codec's own words\n")
    return film()


def spoil():
    """Have a later film crash, as a codec does that wrote where it should not."""
    loop._Desk._placed = lambda *_: os.abort()
    raise ValueError("the heap is spoilt")


def leak():
    held.append(np.ones(limits.MOST_KEPT_BYTES + 1_000_000, dtype=np.uint8))
    return film()


FAULTS = {
    "segfault": segfault,
    "abort": os.abort,
    "panic": panic,
    "spin": spin,
    "sleep": sleep,
    "allocate": allocate,
    "allocate-slowly": allocate_slowly,
    "recurse": recurse,
    "chatter": chatter,
    "spoil": spoil,
    "leak": leak,
    "exit": lambda: os._exit(0),
    "stop": lambda: sys.exit("stopped"),
    "film": film,
    "nan": lambda: film(np.nan),
    "bright": lambda: film(1.5),
    "minus-zero": lambda: film(-0.0),
    "no-bits": lambda: film(bits=0),
    "long": lambda: film(cautions=("x" * 100_000,) * 1000),
    "odd-text": lambda: film(cautions=("two\nlines\x1b[2J",), view="\u202egnp"),
}


def faulty(data, *, name):
    fault = FAULTS.get(data.decode("latin-1"))
    if fault is None:
        return read_film(data, name=name)
    decoded = fault()
    return Answer(facts_of(decoded), decoded.pixels)


def own_peak_bytes():
    """Linux's getrusage would begin with the peak of the process that runs the tests."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * int(re.search(r"VmHWM:\s+(\d+)", status)[1])


def main(arguments):
    if os.environ.get("PYTHONPATH", "").endswith("watched"):  # a folder that a test adds
        loop.own_limits = limits.WatchedLimits
        limits.clock_s = lambda n_pixels: 3.0
        if sys.platform == "linux":
            limits._peak_bytes = own_peak_bytes
    loop.work(arguments, tasks={**TASKS, "film": faulty})


if __name__ == "__main__":
    main(sys.argv[1:])
