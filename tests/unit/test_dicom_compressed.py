"""Compressed DICOM films give the grey values that were compressed."""

import io

import imagecodecs
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import DeflatedExplicitVRLittleEndian

from carina.errors import ImageError
from carina.imaging.dicom import codecs, decode_dicom
from making.compressed_dicom import (
    HTJ2K,
    HTJ2K_LOSSLESS,
    JPEG_2000,
    JPEG_2000_LOSSLESS,
    JPEG_BASELINE,
    JPEG_EXTENDED,
    JPEG_LOSSLESS_SV1,
    JPEG_LS,
    JPEG_LS_NEAR,
    LOSSLESS,
    RLE,
    codestream,
    compressed_film,
    encapsulated,
    jpeg,
)
from making.dicom_files import dicom_bytes, dicom_dataset
from making.dicom_reference import reference_pixels
from making.real_films import REAL_FILMS, needs_real_films

rng = np.random.default_rng(7)
DEEP = (np.add.outer(np.arange(40), np.arange(52)) * 30 + rng.integers(0, 9, (40, 52))) % 4096
SHALLOW = DEEP // 16
SIGNED = DEEP - 2048
COLOURS = np.stack([SHALLOW, SHALLOW[::-1], 255 - SHALLOW], axis=-1)


def pixels(data):
    return decode_dicom(data, name="film").pixels


def refused(data):
    with pytest.raises(ImageError) as caught:
        decode_dicom(data, name="film")
    return caught.value.image_code, str(caught.value)


@pytest.fixture
def without_the_extra(monkeypatch):
    monkeypatch.setattr(codecs, "_extra", lambda: None)


@pytest.mark.parametrize("syntax", LOSSLESS)
@pytest.mark.parametrize(("stored", "bits"), [(SHALLOW, 8), (DEEP, 12), (DEEP * 16, 16)])
def test_a_lossless_film_is_exactly_the_uncompressed_one(syntax, stored, bits):
    plain = pixels(dicom_bytes(dicom_dataset(stored, bits=bits)))
    assert np.array_equal(pixels(compressed_film(stored, syntax, bits=bits)), plain)


@pytest.mark.parametrize("syntax", [RLE, JPEG_LOSSLESS_SV1, JPEG_2000_LOSSLESS, HTJ2K_LOSSLESS])
def test_signed_values_keep_their_sign(syntax):
    plain = pixels(dicom_bytes(dicom_dataset(SIGNED, bits=12, signed=True)))
    data = compressed_film(SIGNED, syntax, bits=12, signed=True)
    assert np.array_equal(pixels(data), plain)


@pytest.mark.parametrize("syntax", [JPEG_LS, JPEG_2000_LOSSLESS])
def test_a_stream_without_a_sign_is_read_with_the_files(syntax):
    plain = dicom_dataset(SIGNED, bits=12, signed=True)
    stream = codestream(SIGNED & 4095, syntax, bits=12)
    data = encapsulated(dicom_dataset(SIGNED, bits=12, signed=True), stream, syntax)
    assert np.array_equal(pixels(data), pixels(dicom_bytes(plain)))
    assert np.array_equal(pixels(data), reference_pixels(data))


@pytest.mark.parametrize(
    ("syntax", "stored", "bits", "levels"),
    [
        (JPEG_BASELINE, SHALLOW, 8, 8),
        (JPEG_EXTENDED, DEEP, 12, 60),
        (JPEG_LS_NEAR, SHALLOW, 8, 2),
        (JPEG_2000, SHALLOW, 8, 2),
        (HTJ2K, SHALLOW, 8, 2),
    ],
)
def test_a_lossy_film_differs_by_what_its_compression_loses(syntax, stored, bits, levels):
    plain = pixels(dicom_bytes(dicom_dataset(stored, bits=bits)))
    lost = np.abs(pixels(compressed_film(stored, syntax, bits=bits)) - plain) * (2**bits - 1)
    assert 0 < lost.max() <= levels + 1e-3


@pytest.mark.parametrize("syntax", [JPEG_BASELINE, JPEG_LS, JPEG_2000_LOSSLESS, JPEG_2000, RLE])
def test_grey_is_bit_for_bit_what_pydicom_decodes(syntax):
    data = compressed_film(SHALLOW, syntax, WindowCenter=90, WindowWidth=120)
    assert np.array_equal(pixels(data), reference_pixels(data))


@pytest.mark.parametrize("syntax", [*LOSSLESS, JPEG_BASELINE])
def test_colours_are_exactly_those_of_the_uncompressed_capture(syntax):
    photometric = "YBR_RCT" if syntax == JPEG_2000_LOSSLESS else "RGB"
    plain = pixels(dicom_bytes(dicom_dataset(COLOURS, photometric="RGB")))
    found = pixels(compressed_film(COLOURS, syntax, photometric=photometric))
    if syntax == JPEG_BASELINE:  # Pillow wrote luma and chroma, and the stream says so
        assert np.abs(found - plain).max() < 0.04
    else:
        assert np.array_equal(found, plain)


def test_values_that_jpeg_rounds_beyond_the_stored_bits_do_not_wrap_around():
    edge = np.where(np.arange(52) < 26, 0, 1023) + np.zeros((40, 1), np.int64)
    stream = codestream(edge, JPEG_EXTENDED, bits=12)
    assert imagecodecs.jpeg8_decode(stream).max() > 1023
    film = decode_dicom(encapsulated(dicom_dataset(edge, bits=10), stream, JPEG_EXTENDED), name="f")
    assert np.abs(film.pixels * 1023 - edge).max() < 60


@pytest.mark.parametrize("table", ["right", "empty", "lying"])
@pytest.mark.parametrize("fragments", [1, 5])
@pytest.mark.parametrize("syntax", [JPEG_BASELINE, JPEG_2000_LOSSLESS])
def test_fragments_are_joined_whatever_the_offset_table_says(syntax, fragments, table):
    data = compressed_film(SHALLOW, syntax, fragments=fragments, table=table)
    assert np.array_equal(pixels(data), pixels(compressed_film(SHALLOW, syntax)))


@pytest.mark.parametrize("syntax", [JPEG_BASELINE, JPEG_LS, RLE])
def test_a_second_picture_is_never_dropped_even_where_one_is_declared(syntax):
    stream = codestream(SHALLOW, syntax)
    dataset = dcmread(io.BytesIO(compressed_film(SHALLOW, syntax)))
    item = b"\xfe\xff\0\xe0" + (len(stream) + len(stream) % 2).to_bytes(4, "little") + stream
    dataset.PixelData += item + bytes(len(stream) % 2)
    dataset["PixelData"].is_undefined_length = True
    assert refused(dicom_bytes(dataset, syntax=syntax))[0] == "several-frames"


@pytest.mark.parametrize("kept", ["data set", "meta", "implicit"])
@pytest.mark.parametrize("syntax", [JPEG_BASELINE, JPEG_2000_LOSSLESS, JPEG_LOSSLESS_SV1])
def test_a_compressed_film_without_preamble_or_meta_is_read(syntax, kept):
    whole = compressed_film(SHALLOW, syntax)
    bare = whole[132:] if kept == "meta" else whole[whole.index(b"\x08\0\x16\0UI") :]
    if kept == "implicit":
        dataset = dcmread(io.BytesIO(whole))
        dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.999"
        bare = whole.replace(syntax.encode(), b"1.2.840.10008.1.2.4.99")
    assert np.array_equal(pixels(bare), pixels(whole))


def test_a_stream_of_another_size_is_refused_before_it_is_decoded(monkeypatch):
    monkeypatch.setattr(codecs, "_decoded", lambda *_: pytest.fail("decoded"))
    for syntax in (JPEG_2000_LOSSLESS, JPEG_LS, JPEG_LOSSLESS_SV1):
        stream = codestream(np.zeros((400, 520), np.uint8), syntax)
        code, sentence = refused(encapsulated(dicom_dataset(SHALLOW), stream, syntax))
        assert code == "damaged"
        assert "52 x 40" in sentence
        assert "520 x 400" in sentence


def test_a_stream_with_more_values_or_bits_than_declared_is_refused():
    three = encapsulated(dicom_dataset(SHALLOW), codestream(COLOURS, JPEG_LS), JPEG_LS)
    deep = encapsulated(dicom_dataset(SHALLOW), codestream(DEEP, JPEG_LS, bits=12), JPEG_LS)
    segments = encapsulated(dicom_dataset(SHALLOW), codestream(COLOURS, RLE), RLE)
    assert [refused(data)[0] for data in (three, deep, segments)] == ["damaged"] * 3


@pytest.mark.parametrize("syntax", [*LOSSLESS, JPEG_BASELINE, JPEG_EXTENDED])
def test_a_stream_cut_short_is_damaged_and_never_filled_up(syntax):
    bits = 12 if syntax == JPEG_EXTENDED else 8
    stored = DEEP if bits == 12 else SHALLOW
    stream = codestream(stored, syntax, bits=bits)
    for share in (0.02, 0.3, 0.6, 0.9):
        cut = stream[: int(share * len(stream))]
        data = encapsulated(dicom_dataset(stored, bits=bits), cut, syntax)
        assert refused(data)[0] in ("damaged", "unsupported-pixels"), share
    whole = compressed_film(stored, syntax, bits=bits)
    for n_bytes in (30, 100, 300):
        assert refused(whole[:-n_bytes])[0] == "damaged"


def test_a_jpeg_of_very_many_scans_is_refused_before_it_is_decoded():
    stream = jpeg(SHALLOW.astype(np.uint8))
    scans = stream[stream.index(b"\xff\xda") : -2]
    stream = stream[:-2] + scans * 1000 + stream[-2:]
    data = encapsulated(dicom_dataset(SHALLOW, bits=8), stream, JPEG_BASELINE)
    code, sentence = refused(data)
    assert code == "takes-too-long"
    assert "1,000 times" in sentence


def test_a_film_that_only_says_that_it_is_compressed_is_read_and_said():
    data = dicom_bytes(dicom_dataset(SHALLOW)).replace(
        b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.5\0"
    )
    film = decode_dicom(data, name="film")
    assert np.array_equal(film.pixels, pixels(dicom_bytes(dicom_dataset(SHALLOW))))
    assert film.cautions == ("the file says that its pixels are compressed, and they are not",)


def test_a_deflated_film_is_inflated():
    data = dicom_bytes(dicom_dataset(DEEP, bits=12), syntax=DeflatedExplicitVRLittleEndian)
    assert np.array_equal(pixels(data), pixels(dicom_bytes(dicom_dataset(DEEP, bits=12))))
    assert refused(data[:-40])[0] == "damaged"


@pytest.mark.parametrize("unknown", [b"\0\0\1\xba video", b"\xff\x0a JPEG XL", b"no picture"])
def test_what_is_no_picture_codec_of_the_standard_is_refused(unknown):
    data = encapsulated(dicom_dataset(SHALLOW), unknown, JPEG_2000)
    assert refused(data)[0] == "unsupported-pixels"


# --- without the extra ---


@pytest.mark.usefixtures("without_the_extra")
@pytest.mark.parametrize("syntax", [RLE, JPEG_BASELINE, JPEG_2000_LOSSLESS, HTJ2K_LOSSLESS])
def test_without_the_extra_pillow_reads_what_it_can(syntax):
    found = pixels(compressed_film(SHALLOW, syntax))
    if syntax == JPEG_BASELINE:
        assert np.abs(found * 255 - SHALLOW).max() < 8
    else:
        assert np.array_equal(found, pixels(dicom_bytes(dicom_dataset(SHALLOW))))


@pytest.mark.usefixtures("without_the_extra")
@pytest.mark.parametrize(("stored", "signed"), [(DEEP, False), (SIGNED, True)])
def test_pillow_and_the_extra_decode_jpeg_2000_to_the_same_values(stored, signed):
    data = compressed_film(stored, JPEG_2000_LOSSLESS, bits=12, signed=signed)
    plain = dicom_bytes(dicom_dataset(stored, bits=12, signed=signed))
    assert np.array_equal(pixels(data), pixels(plain))


@pytest.mark.usefixtures("without_the_extra")
@pytest.mark.parametrize(
    ("syntax", "kind"),
    [
        (JPEG_LOSSLESS_SV1, "JPEG lossless"),
        (JPEG_LS, "JPEG-LS"),
        (JPEG_EXTENDED, "JPEG of 12 bits"),
    ],
)
def test_what_needs_the_extra_names_it(syntax, kind):
    code, sentence = refused(compressed_film(DEEP, syntax, bits=12))
    assert code == "decoder-missing"
    assert kind in sentence
    assert "pip install 'carina[dicom]'" in sentence


# --- real films ---


@needs_real_films
def test_the_same_real_film_in_two_compressions_is_the_same():
    folder = REAL_FILMS / "dicom" / "not-chest"
    rle, lossless, lossy = (
        pixels((folder / f"rg3-extremity-{kind}.dcm").read_bytes())
        for kind in ("rle", "jpeg-lossless", "jpeg-12bit")
    )
    assert np.array_equal(rle, lossless)
    assert np.sqrt(np.mean((rle - lossy) ** 2)) * 1023 < 3


def test_luma_and_chroma_in_a_jpeg_become_what_pydicom_makes_of_them():
    for photometric in ("YBR_FULL", "YBR_FULL_422", "RGB"):
        stream = jpeg(COLOURS.astype(np.uint8), subsampling=2)
        dataset = dicom_dataset(COLOURS, photometric=photometric)
        data = encapsulated(dataset, stream, JPEG_BASELINE)
        assert np.array_equal(pixels(data), reference_pixels(data)), photometric
