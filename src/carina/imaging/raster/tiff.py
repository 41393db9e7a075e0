"""A TIFF's tags: which picture they describe, and whether the file can hold it.

Tags and rules: Adobe, TIFF Revision 6.0 (1992), with its supplements.
"""

from __future__ import annotations

from carina.imaging.decoded import require_size
from carina.imaging.raster import tiff_directory as tags
from carina.imaging.raster.stored import Stored, damaged, refuse
from carina.imaging.raster.tiff_directory import Directory, only_directory
from carina.imaging.raster.tiff_pieces import (
    JPEG,
    NOT_COMPRESSED,
    SEPARATE_PLANES,
    Layout,
    require_whole_pieces,
)

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _YCBCR = 0, 1, 2, 3, 5, 6
_UNSIGNED, _SIGNED, _FLOAT = 1, 2, 3
# None, LZW, JPEG, Deflate and PackBits: those that every build of Pillow has, and that lose nothing
# in silence. Fax decoders go on behind an error as if there were none.
_COMPRESSIONS = {NOT_COMPRESSED, 5, JPEG, 8, 32946, 32773}
_SAMPLES_OF = {_WHITE_IS_ZERO: 1, _BLACK_IS_ZERO: 1, _RGB: 3, _PALETTE: 1, _CMYK: 4, _YCBCR: 3}
_BITS_OF = {
    _WHITE_IS_ZERO: (1, 2, 4, 8, 16), _BLACK_IS_ZERO: (1, 2, 4, 8, 12, 16), _RGB: (8, 16),
    _PALETTE: (1, 2, 4, 8), _CMYK: (8, 16), _YCBCR: (8,),
}  # fmt: skip
_UNSPECIFIED, _PREMULTIPLIED = 0, 1
_ADVICE = "save the film as a grey TIFF or PNG of 8 or 16 bit without sign"


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
    require_whole_pieces(directory, layout, data, name=name)
    is_grey = layout.photometric in (_WHITE_IS_ZERO, _BLACK_IS_ZERO)
    deep_colour = not is_grey and layout.bits == 16
    read_at_8 = deep_colour and layout.photometric == _CMYK  # Pillow mixes inks at 8 bits
    negative = layout.photometric == _WHITE_IS_ZERO and layout.bits >= 16
    if negative:
        # Pillow never turns them over, and reads them in some byte orders only
        data = _with_value(data, directory, tags.PHOTOMETRIC, _BLACK_IS_ZERO)
    if layout.extra[:1] == (_PREMULTIPLIED,):
        # colours that alpha was multiplied into are those that lie on black; Pillow divides them
        data = _with_value(data, directory, tags.EXTRA_SAMPLES, _UNSPECIFIED)
    return Stored(
        data=data,
        file_format="TIFF",
        bits=8 if read_at_8 else layout.bits,
        height=layout.height,
        width=layout.width,
        negative=negative,
        deep_colour=deep_colour and not read_at_8,
        cautions=("16 bit colour, read at 8 bits",) if read_at_8 else (),
    )


def _layout(directory: Directory, name: str) -> Layout:
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
    return Layout(
        height=directory.one(tags.HEIGHT, 0),
        width=directory.one(tags.WIDTH, 0),
        bits=bits[0],
        n_samples=n_samples,
        photometric=photometric,
        sample_format=formats[0],
        compression=directory.one(tags.COMPRESSION, NOT_COMPRESSED),
        planar=directory.one(tags.PLANAR, 1),
        extra=found.get(tags.EXTRA_SAMPLES, ()),
    )


def _require_kind(directory: Directory, layout: Layout, name: str) -> None:
    """Refuse what cannot be read, or not exactly."""
    what = _unreadable(directory, layout)
    if what:
        refuse(name, f"is a TIFF {what}; {_ADVICE}", "unsupported-pixels")
    n_colours = len(directory.tags.get(tags.COLOUR_MAP, ())) / 3
    if layout.photometric == _PALETTE and n_colours != 2**layout.bits:
        damaged(name, "the TIFF's palette is missing or of a wrong length")
    n_expected = _SAMPLES_OF[layout.photometric] + len(layout.extra)
    if layout.n_samples != n_expected and (layout.photometric, layout.n_samples) != (_RGB, 4):
        damaged(name, f"the TIFF has {layout.n_samples} channels, and {n_expected} are expected")


def _unreadable(directory: Directory, layout: Layout) -> str:  # noqa: C901, PLR0911 - a list of reasons
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
    if layout.photometric == _YCBCR and layout.compression != JPEG and subsampling != (1, 1):
        return "in YCbCr with fewer colours than pixels"
    is_jpeg = layout.compression == JPEG
    if layout.planar == SEPARATE_PLANES and layout.n_samples > 1 and (layout.bits != 8 or is_jpeg):
        return f"of separate colour planes of {layout.bits} bit{' in JPEG' if is_jpeg else ''}"
    return ""


def _with_value(data: bytes, directory: Directory, tag: int, value: int) -> bytes:
    """Return the file with another first value of a tag."""
    place, size = directory.places[tag]
    written = value.to_bytes(size, "little" if directory.order == "<" else "big")
    return data[:place] + written + data[place + size :]
