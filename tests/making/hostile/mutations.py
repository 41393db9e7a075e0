"""Files changed by chance: the same bytes again for the same seed file and number.

A file is named by its seed and a number, for instance `dicom-rle` and 1234: the number alone
decides what is changed. Blind changes (bits, blocks, splices, cuts) are mixed with changes that
know the format: lengths that lie, other types and kinds, parts put in, doubled, moved.
"""

import random
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

from making.hostile.fields import FIELD_CHANGES
from making.hostile.seeds import seeds

_EXTREMES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000)
_EXTREMES += (0xFFFFFFFE, 0xFFFFFFFF, 0x100000000, 0x7FFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF)
_HEAD = 1500
_CHANGES = (1, 1, 1, 1, 2, 2, 3, 5)  # many are refused at the first, few reach what is behind
_LONGEST = 400_000

Change = Callable[[bytearray, random.Random], None]


class Mutant(NamedTuple):
    """A changed file.

    Attributes:
        seed: the name of the file that was changed.
        number: which change.
        data: the bytes.
    """

    seed: str
    number: int
    data: bytes

    @property
    def name(self) -> str:
        """What it is called in reports: `SEED#NUMBER`."""
        return f"{self.seed}#{self.number}"


def mutants(start: int, stop: int) -> Iterator[Mutant]:
    """Yield the mutants from `start` on, every seed in turn."""
    names = list(seeds())
    for n in range(start, stop):
        yield mutant(names[n % len(names)], n // len(names))


def mutant(seed: str, number: int) -> Mutant:
    """Return one mutant of a seed."""
    rng = random.Random(f"{seed}#{number}")
    data = bytearray(seeds()[seed])
    for _ in range(rng.choice(_CHANGES)):
        kind = FIELD_CHANGES[_kind_of(data)] if rng.random() < 0.6 else BLIND_CHANGES
        rng.choice(kind)(data, rng)
        del data[_LONGEST:]
    if data[:4] == b"\x89PNG" and rng.random() < 0.7:
        _mend_checksums(data)
    return Mutant(seed, number, bytes(data))


def _kind_of(data: bytearray) -> str:
    if data[:4] == b"\x89PNG":
        return "PNG"
    if data[:2] == b"\xff\xd8":
        return "JPEG"
    if data[:2] in (b"II", b"MM"):
        return "TIFF"
    if data[:2] == b"BM" or data[:3] == b"GIF":
        return "BMP"
    return "DICOM"


def place(data: bytearray, rng: random.Random) -> int:
    """Return a place, mostly among the first bytes, which say what the others mean."""
    if not data:
        return 0
    return rng.randrange(min(len(data), _HEAD) if rng.random() < 0.7 else len(data))


def _flip_bits(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 1, 2, 8)) if data else 0):
        data[place(data, rng)] ^= 1 << rng.randrange(8)


def _other_bytes(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 2, 4)) if data else 0):
        data[place(data, rng)] = rng.choice((0, 0xFF, rng.randrange(256)))


def _extreme_number(data: bytearray, rng: random.Random) -> None:
    size, value = rng.choice((1, 2, 4, 8)), rng.choice(_EXTREMES)
    at = place(data, rng)
    data[at : at + size] = (value % 256**size).to_bytes(size, rng.choice(("little", "big")))


def _cut(data: bytearray, rng: random.Random) -> None:
    del data[place(data, rng) :]


def _leave_out(data: bytearray, rng: random.Random) -> None:
    at = place(data, rng)
    del data[at : at + rng.choice((1, 2, 4, 16, 256))]


def _repeat(data: bytearray, rng: random.Random) -> None:
    at = place(data, rng)
    block = data[at : at + rng.choice((1, 2, 8, 64, 1024))]
    data[at:at] = block * rng.choice((1, 2, 16, 200))


def _put_in(data: bytearray, rng: random.Random) -> None:
    at = place(data, rng)
    data[at:at] = rng.choice((rng.randbytes(rng.choice((1, 2, 4, 64))), bytes(64), b"\xff" * 16))


def _zero(data: bytearray, rng: random.Random) -> None:
    at, size = place(data, rng), rng.choice((2, 16, 256))
    data[at : at + size] = bytes(len(data[at : at + size]))


def _splice(data: bytearray, rng: random.Random) -> None:
    other = seeds()[rng.choice(list(seeds()))]
    data[place(data, rng) :] = other[place(bytearray(other), rng) :]


def _graft(data: bytearray, rng: random.Random) -> None:
    other = bytearray(seeds()[rng.choice(list(seeds()))])
    at, start = place(data, rng), place(other, rng)
    size = rng.choice((4, 16, 128, 1024))
    data[at : at + size] = other[start : start + size]


BLIND_CHANGES: tuple[Change, ...] = (
    _flip_bits, _other_bytes, _extreme_number, _cut, _leave_out, _repeat, _put_in, _zero, _splice,
    _graft,
)  # fmt: skip


def _mend_checksums(data: bytearray) -> None:
    """Write the true checksums of a PNG, so that what is behind them is reached."""
    at = 8
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        end = at + 8 + length
        if end + 4 > len(data):
            return
        data[end : end + 4] = zlib.crc32(data[at + 4 : end]).to_bytes(4, "big")
        at = end + 4
