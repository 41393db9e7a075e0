"""A file -> a radiograph. The bytes are read here, and decoded in a worker (`imaging.decoding`)."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import fields
from pathlib import Path

from carina.domain.radiograph import Radiograph
from carina.errors import ImageError
from carina.files.digests import sha256_bytes
from carina.files.film_bytes import MAX_FILE_BYTES, read_film_bytes, too_many_bytes
from carina.files.names import printable
from carina.imaging.decoded import Decoded
from carina.imaging.decoding import FilmBytes, decode_films
from carina.imaging.medmnist_films import is_medmnist_film, read_medmnist_film

__all__ = [
    "FILM_SUFFIXES",
    "MAX_FILE_BYTES",
    "RASTER_SUFFIXES",
    "read_radiograph",
    "read_radiograph_bytes",
    "read_radiographs",
    "read_radiographs_bytes",
    "require_bytes",
]

RASTER_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"})
FILM_SUFFIXES = RASTER_SUFFIXES | {".dcm", ".dicom", ".ima"}


def read_radiograph(path: Path | str) -> Radiograph:
    """Return the radiograph in a file, whatever its name ends in.

    Reads PNG, JPEG, TIFF and BMP (see `imaging.raster` for what each becomes), DICOM
    (`imaging.dicom`), a file in an archive (`films.zip!/ward/film.png`), and a film of a MedMNIST
    archive as `x.npz!/train_images/12`.

    Raises:
        ImageError: if there is no readable film; `image_code` says why.
        CouldNotError: if the process that decodes cannot be started.
    """
    path = Path(path)
    if is_medmnist_film(path):
        decoded, sha256 = read_medmnist_film(path)
        return _radiograph(decoded, path=path, sha256=sha256)
    return read_radiograph_bytes(read_film_bytes(path), name=printable(str(path)))


def read_radiograph_bytes(data: bytes, *, name: str) -> Radiograph:
    """Return the radiograph in a file's bytes.

    Args:
        data: the whole file.
        name: its name or path, for messages and `Radiograph.path`.

    Raises:
        ImageError: if there is no readable film; `image_code` says why.
        CouldNotError: if the process that decodes cannot be started.
    """
    require_bytes(data, name=name)
    digests: list[str] = []

    def film() -> Iterator[FilmBytes]:
        yield FilmBytes(data, name)
        digests.append(sha256_bytes(data))  # while the worker decodes

    (decoded,) = decode_films(film())
    if isinstance(decoded, ImageError):
        raise decoded
    return _radiograph(decoded, path=Path(name), sha256=digests[0])


def read_radiographs(paths: Sequence[Path]) -> Generator[Radiograph | ImageError, None, None]:
    """Yield the radiographs in files in order, or why there is none.

    One is read and decoded while the one before it is looked at.

    Args:
        paths: about `decoding.BATCH` files, as `read_radiograph` takes them.
    """
    outcomes: list[Radiograph | ImageError | None] = []
    undigested: dict[int, bytes] = {}
    digests: dict[int, str] = {}

    def digest(place: int) -> str:
        if place in undigested:
            digests[place] = sha256_bytes(undigested.pop(place))
        return digests[place]

    def films() -> Iterator[FilmBytes]:
        for place, path in enumerate(paths):
            found = _bytes_or_outcome(path)
            outcomes.append(None if isinstance(found, bytes) else found)
            if isinstance(found, bytes):
                undigested[place] = found
                yield FilmBytes(found, printable(str(path)))
                digest(place)  # while the worker decodes

    place = 0
    with closing(decode_films(films())) as pictures:
        for decoded in pictures:
            while (outcome := outcomes[place]) is not None:
                yield outcome
                place += 1
            name = Path(printable(str(paths[place])))
            yield _or_error(decoded, path=name, sha256=digest(place))
            place += 1
    yield from (outcome for outcome in outcomes[place:] if outcome is not None)


def _bytes_or_outcome(path: Path) -> bytes | Radiograph | ImageError:
    """Return a film's bytes; the film or the error where there are none to be decoded."""
    try:
        if is_medmnist_film(path):
            return read_radiograph(path)
        data = read_film_bytes(path)
        require_bytes(data, name=printable(str(path)))
    except ImageError as error:
        return error
    return data


def read_radiographs_bytes(
    films: Sequence[tuple[FilmBytes, str]],
) -> Generator[Radiograph | ImageError, None, None]:
    """Yield the radiographs in files' bytes in order, or why there is none.

    One is decoded while the one before it is looked at.

    Args:
        films: about `decoding.BATCH` files, each with its sha256; none of them empty or too
            large (`require_bytes`).
    """
    with closing(decode_films(film for film, _ in films)) as pictures:
        for (film, sha256), decoded in zip(films, pictures, strict=True):
            yield _or_error(decoded, path=Path(film.name), sha256=sha256)


def require_bytes(data: bytes, *, name: str) -> None:
    """Refuse a file that has no bytes, or too many.

    Raises:
        ImageError: "empty-file" or "too-large".
    """
    if not data:
        raise ImageError(f"{name} is empty (0 bytes); copy it again", image_code="empty-file")
    if len(data) > MAX_FILE_BYTES:
        raise too_many_bytes(name, len(data))


def _or_error(decoded: Decoded | ImageError, *, path: Path, sha256: str) -> Radiograph | ImageError:
    if isinstance(decoded, ImageError):
        return decoded
    return _radiograph(decoded, path=path, sha256=sha256)


def _radiograph(decoded: Decoded, *, path: Path, sha256: str) -> Radiograph:
    told = {field.name: getattr(decoded, field.name) for field in fields(decoded)}
    return Radiograph(path=path, sha256=sha256, **told)
