"""The strips or tiles of a TIFF: whether they are all there, long enough and within the file.

A decoder leaves black what no strip covers, and reads on in whatever follows a short one.
"""

from __future__ import annotations

from dataclasses import dataclass

from carina.imaging.decoded import MAX_PIXELS
from carina.imaging.raster import tiff_directory as tags
from carina.imaging.raster.jpeg import jpeg_size
from carina.imaging.raster.stored import damaged
from carina.imaging.raster.tiff_directory import Directory

NOT_COMPRESSED, JPEG = 1, 7
SEPARATE_PLANES = 2


@dataclass(frozen=True, slots=True)
class Layout:
    """How a TIFF's samples lie: the tags' values, of all channels the same."""

    height: int
    width: int
    bits: int
    n_samples: int
    photometric: int
    sample_format: int
    compression: int
    planar: int
    extra: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Pieces:
    """Strips or tiles: their size, where they stand and how long they are.

    A last strip may be lower; a tile is always whole.
    """

    rows: int
    columns: int
    offsets: tuple[int, ...]
    counts: tuple[int, ...]
    are_tiles: bool


def require_whole_pieces(directory: Directory, layout: Layout, data: bytes, *, name: str) -> None:
    """Refuse a file whose strips or tiles are too few, too short or outside of it.

    Raises:
        ImageError: "damaged".
    """
    pieces = _pieces(directory, layout, name)
    n_planes = layout.n_samples if layout.planar == SEPARATE_PLANES else 1
    across, down = -(-layout.width // pieces.columns), -(-layout.height // pieces.rows)
    n_expected = across * down * n_planes
    if len(pieces.offsets) != n_expected or len(pieces.counts) not in (0, n_expected):
        damaged(
            name,
            f"its {len(pieces.offsets)} strips or tiles are not the {n_expected} of its picture",
        )
    row_bytes = -(-pieces.columns * layout.bits * (layout.n_samples // n_planes) // 8)
    for number, start in enumerate(pieces.offsets):
        rows = pieces.rows
        if not pieces.are_tiles:
            rows = min(rows, layout.height - number % down * rows)
        least = rows * row_bytes if layout.compression == NOT_COMPRESSED else 1
        end = start + (pieces.counts[number] if pieces.counts else least)
        if end - start < least or end > len(data):
            damaged(name, f"strip or tile {number + 1} of the TIFF is too short or runs out of it")
        if layout.compression == JPEG:
            height, width = jpeg_size(data[start:end], name=name)
            if width != pieces.columns or not rows <= height <= pieces.rows:
                damaged(name, "a JPEG within the TIFF has another size than its strip or tile")


def _pieces(directory: Directory, layout: Layout, name: str) -> _Pieces:
    found = directory.tags
    are_tiles = tags.TILE_OFFSETS in found
    if are_tiles == (tags.STRIP_OFFSETS in found) or are_tiles != (tags.TILE_WIDTH in found):
        damaged(name, "the TIFF has neither strips nor tiles, or both")
    if are_tiles:
        rows, columns = directory.one(tags.TILE_HEIGHT, 0), directory.one(tags.TILE_WIDTH, 0)
        offsets, counts = found[tags.TILE_OFFSETS], found.get(tags.TILE_BYTES, ())
    else:
        rows = min(directory.one(tags.ROWS_PER_STRIP, layout.height), layout.height)
        columns = layout.width
        offsets, counts = found[tags.STRIP_OFFSETS], found.get(tags.STRIP_BYTES, ())
    if not 0 < rows * columns <= MAX_PIXELS:
        damaged(name, "the TIFF's strips or tiles have an impossible size")
    if not counts and layout.compression != NOT_COMPRESSED:
        damaged(name, "the TIFF does not say how long its strips or tiles are")
    return _Pieces(rows, columns, offsets, counts, are_tiles)
