"""A TIFF's tags: which picture they describe, and whether the file can hold it.

Tags and rules: Adobe, TIFF Revision 6.0 (1992), with its supplements.
"""

from __future__ import annotations

from dataclasses import dataclass

from carina.imaging.decoded import MAX_PIXELS, require_size
from carina.imaging.raster import tiff_directory as tags
from carina.imaging.raster.stored import Stored, damaged, refuse
from carina.imaging.raster.tiff_directory import Directory, only_directory

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _YCBCR = 0, 1, 2, 3, 5, 6
_UNSIGNED, _SIGNED, _FLOAT = 1, 2, 3
_NONE, _JPEG = 1, 7
# None, LZW, JPEG, Deflate and PackBits: those that every build of Pillow has, and that lose nothing
# in silence. Fax decoders go on behind an error as if there were none.
_COMPRESSIONS = {_NONE, 5, _JPEG, 8, 32946, 32773}
_SAMPLES_OF = {_WHITE_IS_ZERO: 1, _BLACK_IS_ZERO: 1, _RGB: 3, _PALETTE: 1, _CMYK: 4, _YCBCR: 3}
_BITS_OF = {
    _WHITE_IS_ZERO: (1, 2, 4, 8, 16), _BLACK_IS_ZERO: (1, 2, 4, 8, 12, 16), _RGB: (8, 16),
    _PALETTE: (1, 2, 4, 8), _CMYK: (8, 16), _YCBCR: (8,),
}  # fmt: skip
_PREMULTIPLIED = 1
_SEPARATE_PLANES = 2
_ADVICE = "save the film as a grey TIFF or PNG of 8 or 16 bit without sign"


@dataclass(frozen=True, slots=True)
class _Layout:
    """How a TIFF's samples lie."""

    height: int
    width: int
    bits: int
    n_samples: int
    photometric: int
    sample_format: int
    compression: int
    planar: int
    extra: tuple[int, ...]


def stored_tiff(data: bytes, *, name: str) -> Stored:
    """Return what a TIFF says of its picture.

    Raises:
        ImageError: "damaged" if the tags contradict each other or the file; "several-frames";
            "too-large"; "unsupported-pixels" for a kind that cannot be read exactly.
    """
    directory = only_directory(data, name=name)
    layout = _layout(directory, name)
    require_size(layout.height, layout.width, name=name)
    _require_kind(directory, layout, name)
    _require_bytes(directory, layout, len(data), name)
    is_grey = layout.photometric in (_WHITE_IS_ZERO, _BLACK_IS_ZERO)
    deep_colour = not is_grey and layout.bits == 16
    # Pillow undoes the multiplication by alpha at 8 bits, and mixes printing inks there
    read_at_8 = deep_colour and (layout.photometric == _CMYK or _PREMULTIPLIED in layout.extra)
    negative = layout.photometric == _WHITE_IS_ZERO and layout.bits >= 16
    return Stored(
        data=_as_black_is_zero(data, directory) if negative else data,
        file_format="TIFF",
        bits=layout.bits,
        height=layout.height,
        width=layout.width,
        negative=negative,
        deep_colour=deep_colour and not read_at_8,
        cautions=("16 bit colour, read at 8 bits",) if read_at_8 else (),
    )


def _layout(directory: Directory, name: str) -> _Layout:
    found = directory.tags
    missing = [tag for tag in (tags.WIDTH, tags.HEIGHT) if tag not in found]
    if missing:
        damaged(name, "the TIFF does not say how large its picture is")
    if tags.PHOTOMETRIC not in found:
        refuse(
            name,
            f"is a TIFF that does not say whether 0 is black or white; {_ADVICE}",
            "unsupported-pixels",
        )
    photometric = directory.one(tags.PHOTOMETRIC, 0)
    n_samples = directory.one(tags.SAMPLES, 1)
    bits = found.get(tags.BITS, (1,))
    formats = found.get(tags.SAMPLE_FORMAT, (_UNSIGNED,))
    if len(set(bits)) > 1 or len(set(formats)) > 1 or len(bits) not in (1, n_samples):
        refuse(name, f"is a TIFF whose channels differ in kind; {_ADVICE}", "unsupported-pixels")
    return _Layout(
        height=directory.one(tags.HEIGHT, 0),
        width=directory.one(tags.WIDTH, 0),
        bits=bits[0],
        n_samples=n_samples,
        photometric=photometric,
        sample_format=formats[0],
        compression=directory.one(tags.COMPRESSION, _NONE),
        planar=directory.one(tags.PLANAR, 1),
        extra=found.get(tags.EXTRA_SAMPLES, ()),
    )


def _require_kind(directory: Directory, layout: _Layout, name: str) -> None:
    """Refuse what cannot be read, or not exactly."""
    what = _unreadable(directory, layout)
    if what:
        refuse(name, f"is a TIFF {what}; {_ADVICE}", "unsupported-pixels")
    n_expected = _SAMPLES_OF[layout.photometric] + len(layout.extra)
    if layout.n_samples != n_expected and (layout.photometric, layout.n_samples) != (_RGB, 4):
        damaged(name, f"the TIFF has {layout.n_samples} channels, and {n_expected} are expected")


def _unreadable(directory: Directory, layout: _Layout) -> str:  # noqa: C901, PLR0911 - a list of reasons
    """Return why a kind of TIFF is not read, or ""."""
    if layout.photometric not in _SAMPLES_OF:
        return f"in a colour space that is not read (photometric {layout.photometric})"
    if layout.compression not in _COMPRESSIONS:
        return f"in a compression that is not read (number {layout.compression})"
    if layout.sample_format == _SIGNED:
        return "of signed numbers, which do not say what is black and what is white"
    is_float = layout.sample_format == _FLOAT
    is_grey = layout.photometric in (_WHITE_IS_ZERO, _BLACK_IS_ZERO)
    if is_float and not (is_grey and layout.bits == 32 and not layout.extra):
        return f"of float numbers of {layout.bits} bit or in colour; 32 bit grey is read"
    if not is_float and layout.sample_format != _UNSIGNED:
        return f"of an unknown kind of numbers ({layout.sample_format})"
    if not is_float and layout.bits not in _BITS_OF[layout.photometric]:
        return f"of {layout.bits} bit in a form that is not read"
    if layout.photometric == _CMYK and directory.one(tags.INK_SET, 1) != 1:
        return "in special inks"
    if is_grey and layout.extra and layout.bits != 8:
        return f"of grey with alpha at {layout.bits} bit"
    subsampling = directory.tags.get(tags.SUBSAMPLING, (2, 2))
    if layout.photometric == _YCBCR and layout.compression != _JPEG and subsampling != (1, 1):
        return "in YCbCr with fewer colours than pixels"
    if layout.planar == _SEPARATE_PLANES and layout.bits != 8 and layout.n_samples > 1:
        return f"of separate colour planes of {layout.bits} bit"
    return ""


def _require_bytes(directory: Directory, layout: _Layout, n_file_bytes: int, name: str) -> None:
    """Refuse a file whose strips or tiles are too few, too short or outside of it.

    A decoder leaves black what no strip covers, and reads on in whatever follows a short one.
    """
    if tags.STRIP_OFFSETS in directory.tags:
        offsets = directory.tags[tags.STRIP_OFFSETS]
        counts = directory.tags.get(tags.STRIP_BYTES, ())
        rows = min(directory.one(tags.ROWS_PER_STRIP, layout.height), layout.height)
        pieces = _Pieces(rows, layout.width, partial=True)
    else:
        offsets = directory.tags.get(tags.TILE_OFFSETS, ())
        counts = directory.tags.get(tags.TILE_BYTES, ())
        pieces = _Pieces(
            directory.one(tags.TILE_HEIGHT, 0), directory.one(tags.TILE_WIDTH, 0), partial=False
        )
    if not 0 < pieces.rows * pieces.columns <= MAX_PIXELS or not layout.height * layout.width:
        damaged(name, "the TIFF's picture, strips or tiles have an impossible size")
    n_planes = layout.n_samples if layout.planar == _SEPARATE_PLANES else 1
    across, down = -(-layout.width // pieces.columns), -(-layout.height // pieces.rows)
    if len(offsets) != across * down * n_planes or len(counts) not in (0, len(offsets)):
        damaged(name, f"the TIFF has {len(offsets)} strips or tiles, and "
                f"{across * down * n_planes} cover its picture")  # fmt: skip
    bits_per_pixel = layout.bits * (1 if n_planes > 1 else layout.n_samples)
    row_bytes = -(-pieces.columns * bits_per_pixel // 8)
    for number, offset in enumerate(offsets):
        rows = pieces.rows
        if pieces.partial:
            rows = min(rows, layout.height - (number % down) * rows)
        least = rows * row_bytes if layout.compression == _NONE else 1
        count = counts[number] if counts else least
        if count < least or offset + max(count, least) > n_file_bytes:
            damaged(name, f"strip or tile {number + 1} of the TIFF is too short or runs out of it")


@dataclass(frozen=True, slots=True)
class _Pieces:
    """The size of strips or tiles; a last strip may be lower, a tile is always whole."""

    rows: int
    columns: int
    partial: bool


def _as_black_is_zero(data: bytes, directory: Directory) -> bytes:
    """Return the file with BlackIsZero written over WhiteIsZero.

    Pillow reads WhiteIsZero of 16 and 32 bit in some byte orders only, and never turns it over.
    """
    place, size = directory.places[tags.PHOTOMETRIC]
    one = _BLACK_IS_ZERO.to_bytes(size, "little" if directory.order == "<" else "big")
    return data[:place] + one + data[place + size :]
