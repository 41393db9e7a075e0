"""What a film may use of the machine while it is decoded, by its declared pixels.

The rule is that of design.md, section 10: an honest 15-megapixel JPEG 2000 film needs 2.6 s and
460 MB, and gets 9.5 s and 856 MB.
"""

CPU_S = 2.0
CPU_S_PER_MEGAPIXEL = 0.5
MEMORY_BYTES = 256_000_000
MEMORY_BYTES_PER_PIXEL = 40
# By the clock a film may take longer: the processor is shared with others.
_CLOCK_FACTOR = 3.0
_CLOCK_S = 5.0


def cpu_s(n_pixels: int) -> float:
    """Return the seconds of processor time that a film may take.

    >>> cpu_s(0), cpu_s(15_000_000)
    (2.0, 9.5)
    """
    return CPU_S + CPU_S_PER_MEGAPIXEL * n_pixels / 1e6


def clock_s(n_pixels: int) -> float:
    """Return the seconds by the clock after which a worker is killed.

    >>> clock_s(0)
    11.0
    """
    return _CLOCK_S + _CLOCK_FACTOR * cpu_s(n_pixels)


def memory_bytes(n_pixels: int) -> int:
    """Return the bytes that decoding a film may allocate, beside the file's own.

    >>> memory_bytes(15_000_000)
    856000000
    """
    return MEMORY_BYTES + MEMORY_BYTES_PER_PIXEL * n_pixels
