"""The C library's allocator, set so that a training keeps its memory."""

import ctypes
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# <malloc.h> of glibc.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD, _M_MMAP_MAX = -1, -2, -3, -4
_KEEP = {_M_MMAP_MAX: 0, _M_TRIM_THRESHOLD: -1, _M_TOP_PAD: 64 << 20}
# mallopt(3): the defaults, but for the two thresholds. Those are no longer adapted once
# any of these was set, so they get what adapting ends at: 32 MiB, and twice that.
_AFTER = {
    _M_MMAP_MAX: 65536,
    _M_MMAP_THRESHOLD: 32 << 20,
    _M_TRIM_THRESHOLD: 64 << 20,
    _M_TOP_PAD: 128 << 10,
}


@contextmanager
def keeping_memory() -> Iterator[None]:
    """Keep freed memory in the process while the block runs, and give it back after.

    By default glibc takes every large tensor fresh from the kernel, which clears it page
    by page: up to half the time of a small network's training step. Where the C library is
    not glibc nothing is changed. Memory is not returned within the block, so this is for
    training only.
    """
    if sys.platform != "linux" or platform.libc_ver()[0] != "glibc":
        yield
        return
    libc = ctypes.CDLL(None)
    for option, value in _KEEP.items():
        libc.mallopt(option, value)
    try:
        yield
    finally:
        for option, value in _AFTER.items():
            libc.mallopt(option, value)
        libc.malloc_trim(0)
