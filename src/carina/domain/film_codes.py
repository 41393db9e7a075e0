"""Why a film cannot be read: every code of `errors.IMAGE_CODES`, in words.

The one table of them. Made from it are the page `docs/reference/film-codes.md`, the codes that
begin with `image/` of the server and the advice on its page; the codes themselves stand in
`ImageError.image_code`, in the `unreadable` of `carina predict --json` and `audit.json`, and
behind `file/` in the column `reason_code` of a table of answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from carina.errors import ImageCode


@dataclass(frozen=True, slots=True)
class FilmCode:
    """Why a film cannot be read.

    Attributes:
        title: the reason in a few words.
        meaning: what was found, as a sentence.
        example: a file that gets the code.
        advice: what can be done, as a sentence.
        by_path_only: whether only a path can have it, and never bytes that were sent.
    """

    title: str
    meaning: str
    example: str
    advice: str
    by_path_only: bool = False


FILM_CODES: Mapping[ImageCode, FilmCode] = MappingProxyType(
    {
        "not-found": FilmCode(
            "The film is not there",
            "Nothing lies at the path.",
            "a row of a manifest whose film was moved",
            "Name a film that exists.",
            by_path_only=True,
        ),
        "not-a-file": FilmCode(
            "It is no file",
            "A folder, a named pipe, a socket or a device lies at the path; it was not opened.",
            "a folder called `film.png`; a named pipe",
            "Name a film, not a folder.",
            by_path_only=True,
        ),
        "broken-link": FilmCode(
            "The link leads nowhere",
            "A symbolic link leads to nothing, or round in a circle. A link to a file is followed.",
            "`a.png` that points to `b.png`, and `b.png` back to `a.png`",
            "Mend the link, or name the film itself.",
            by_path_only=True,
        ),
        "no-permission": FilmCode(
            "The film may not be read",
            "The system does not let this user read the file.",
            "a file of mode 000",
            "Give yourself the permission.",
            by_path_only=True,
        ),
        "cannot-be-read": FilmCode(
            "The file could not be read to its end",
            "The system failed while it read the file.",
            "a disk error; a network drive that went away",
            "Copy the film to a local disk and try again.",
            by_path_only=True,
        ),
        "changed-while-read": FilmCode(
            "The file changed while it was read",
            "Its size or time of writing was another one after reading than before.",
            "a film that is still being copied",
            "Wait until it is written, then try again.",
            by_path_only=True,
        ),
        "empty-file": FilmCode(
            "The file is empty",
            "It has 0 bytes.",
            "an export that broke off at once",
            "Export the film again.",
        ),
        "unknown-format": FilmCode(
            "The file is of a kind that is not read",
            "Its bytes are not those of PNG, JPEG, TIFF, BMP or DICOM, whatever its name.",
            "a PDF or a GIF called `film.png`",
            "Send PNG, JPEG, TIFF, BMP or DICOM; the bytes count, not the name.",
        ),
        "damaged": FilmCode(
            "The file is damaged",
            "It begins as a picture, and then breaks off or contradicts itself.",
            "half a JPEG; a DICOM element that says it is longer than the file",
            "Export or copy it again.",
        ),
        "bad-checksum": FilmCode(
            "A checksum of the file is wrong",
            "A part of a PNG file, or a film in an archive, does not have the checksum (CRC) that "
            "is noted with it.",
            "a PNG with one changed bit",
            "Copy it again: bytes changed on the way.",
        ),
        "too-large": FilmCode(
            "The picture is too large",
            "The file, or the picture that it says it holds, is over the limit; nothing was "
            "decoded.",
            "a PNG that says it has 100,000 x 100,000 pixels",
            "Save it with fewer pixels.",
        ),
        "too-small": FilmCode(
            "The picture is too small",
            "It has fewer than 8 pixels a side.",
            "an icon",
            "Send the film itself, not its icon.",
        ),
        "inflates-too-far": FilmCode(
            "The file grows too much as it is unpacked",
            "A compressed part becomes far larger than an honest film's does.",
            "a deflated DICOM file of 0.5 MB that becomes 1 GB; a PNG with a text of 100 MB",
            "Save the film anew, without texts and profiles; if it still happens, it is no film.",
        ),
        "nested-too-deep": FilmCode(
            "The file is nested too deeply",
            "Its DICOM sequences lie in each other further than any film's do.",
            "1,000 sequences inside one another",
            "Export the image object again, without private sequences.",
        ),
        "several-frames": FilmCode(
            "The file holds several pictures",
            "It is animated, has several pages, or is a multi-frame DICOM object.",
            "a TIFF of two pages; an angiography run",
            "Send one film in each file.",
        ),
        "no-pixels": FilmCode(
            "The file holds no picture",
            "It is DICOM without pixel data, or a picture that is transparent everywhere.",
            "a structured report; a DICOMDIR",
            "Export the image object, not a report.",
        ),
        "decoder-missing": FilmCode(
            "The decoder for this compression is not installed",
            "The pixels are compressed in a way that this installation does not decode.",
            "JPEG lossless without the extra `dicom`",
            "Install the extra that the sentence names, or export the film uncompressed (Explicit "
            "VR Little Endian).",
        ),
        "unsupported-pixels": FilmCode(
            "The pixels are of a kind that is not read",
            "The grey values have a type, a range or a colour space that has no meaning as a film.",
            "a float TIFF with NaN",
            "Save it as 8 or 16 bit grey.",
        ),
        "takes-too-long": FilmCode(
            "Decoding takes too long",
            "The decoder was stopped: it took more time than an honest film of this size takes.",
            "a small file that keeps a decoder busy for minutes",
            "Save it uncompressed; if it still happens, it is no film.",
        ),
        "takes-too-much-memory": FilmCode(
            "Decoding takes too much memory",
            "The decoder was stopped: it wanted more memory than an honest film of this size "
            "takes.",
            "a file whose tables ask for gigabytes",
            "Save it uncompressed; if it still happens, it is no film.",
        ),
        "decoder-crashed": FilmCode(
            "The decoder crashed on the file",
            "The process that decodes died on this film, and was replaced.",
            "a compressed picture that hits a bug of a codec",
            "Save it uncompressed, and tell us of the file if it is a real film.",
        ),
    }
)
"""Code -> what it means, in the order of `errors.IMAGE_CODES`; a promise, which grows only."""
