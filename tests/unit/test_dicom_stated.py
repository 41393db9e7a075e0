"""What a DICOM file says of the film beside its pixels, and what it must not say."""

import io

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from carina.domain.views import not_frontal
from carina.errors import ImageError
from carina.imaging.dicom import decode_dicom
from carina.imaging.phantom import make_phantom
from making.dicom_files import CR_IMAGE_STORAGE, dicom_bytes, dicom_dataset
from making.real_films import REAL_FILMS, needs_real_films

STORED = np.arange(24 * 20).reshape(24, 20) % 251


def film_of(**elements):
    return decode_dicom(dicom_bytes(dicom_dataset(STORED, **elements)), name="film")


def refused(dataset):
    with pytest.raises(ImageError) as caught:
        decode_dicom(dicom_bytes(dataset), name="film")
    return caught.value.image_code, str(caught.value)


def code(value, scheme="SCT"):
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, "of no account"
    return Sequence([item])


def frame_laterality(side):
    anatomy = Dataset()
    anatomy.FrameLaterality = side
    group = Dataset()
    group.FrameAnatomySequence = Sequence([anatomy])
    return Sequence([group])


@pytest.mark.parametrize(
    ("elements", "view"),
    [
        ({"ViewPosition": "PA"}, "PA"),
        ({"ViewPosition": "AP "}, "AP"),
        ({"ViewPosition": "AP SUPINE"}, "AP"),
        ({"ViewPosition": "LL"}, "LL"),
        ({"ViewPosition": "LATERAL"}, "LATERAL"),
        ({"ViewPosition": "LLD"}, "LLD"),
        ({"ViewPosition": ""}, None),
        ({"ViewPosition": "JANE DOE"}, None),
        ({"ViewCodeSequence": code("272479007")}, "PA"),
        ({"ViewCodeSequence": code("R-10206", "SRT")}, "AP"),
        ({"ViewCodeSequence": code("399173006")}, "LL"),
        ({"ViewCodeSequence": code("399182000")}, "OBLIQUE"),
        ({"ViewCodeSequence": code("12345")}, None),
        ({"ViewPosition": "AP", "ViewCodeSequence": code("399173006")}, "AP"),
        ({"PatientOrientation": ["A", "F"]}, "LATERAL"),
        ({"PatientOrientation": ["P", "F"]}, "LATERAL"),
        ({"PatientOrientation": ["L", "F"]}, None),
        ({"ViewPosition": "PA", "PatientOrientation": ["A", "F"]}, "PA"),
    ],
)
def test_the_view_is_read_where_it_is_one_that_is_known(elements, view):
    assert film_of(**elements).view == view


@pytest.mark.parametrize(
    "elements",
    [{"ViewPosition": "LL"}, {"ViewPosition": "RAO"}, {"PatientOrientation": ["A", "F"]}],
)
def test_a_view_that_is_not_frontal_is_known_as_such(elements):
    assert not_frontal(film_of(**elements).view)


@pytest.mark.parametrize(
    ("elements", "side"),
    [
        ({}, None),
        ({"ImageLaterality": "R"}, "R"),
        ({"Laterality": "L"}, "L"),
        ({"ImageLaterality": "B", "Laterality": "L"}, "B"),
        ({"ImageLaterality": "U"}, "U"),
        ({"ImageLaterality": "X"}, None),
        ({"SharedFunctionalGroupsSequence": frame_laterality("R")}, "R"),
        ({"PerFrameFunctionalGroupsSequence": frame_laterality("L")}, "L"),
    ],
)
def test_the_laterality_is_read(elements, side):
    assert film_of(**elements).laterality == side


def test_words_of_a_file_come_out_only_where_the_standard_has_them():
    film = film_of(
        Modality="CANARY",
        ViewPosition="CANARY",
        ImageLaterality="CANARY",
        Manufacturer="CANARY",
        ManufacturerModelName="CANARY",
        VOILUTFunction="CANARY",
        PresentationLUTShape="CANARY",
        BurnedInAnnotation="CANARY",
        ImagerPixelSpacing=[0.1, 0.1],
    )
    told = " ".join(str(getattr(film, name)) for name in film.__slots__ if name != "pixels")
    assert "CANARY" not in told.upper()
    assert film.traces[0] == "modality other"


@pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom warns when it writes them
@pytest.mark.parametrize("value", ["canary", "canary\\1", "9" * 20])
@pytest.mark.parametrize(
    "keyword",
    ["WindowCenter", "WindowWidth", "RescaleSlope", "NumberOfFrames", "ImagerPixelSpacing"],
)
def test_nothing_is_said_or_warned_with_a_files_own_words(keyword, value, recwarn, caplog):
    dataset = dicom_dataset(STORED, WindowCenter="1", WindowWidth="100", RescaleIntercept="0")
    dataset.add_new(keyword, "LO", value)
    data = dicom_bytes(dataset)
    recwarn.clear()
    caplog.clear()
    try:
        film = decode_dicom(data, name="film")
        told = f"{film.cautions}{film.traces}{film.pixel_spacing_mm}"
    except ImageError as error:
        told = f"{error}{error.__cause__}"
    assert "canary" not in told
    assert not recwarn.list
    assert not caplog.records


# --- objects without a film ---


@pytest.mark.parametrize(
    ("sop_class", "words"),
    [
        ("1.2.840.10008.1.3.10", "DICOMDIR"),
        ("1.2.840.10008.5.1.4.1.1.104.1", "PDF"),
        ("1.2.840.10008.5.1.4.1.1.88.33", "report"),
        ("1.2.840.10008.5.1.4.1.1.9.1.1", "ECG"),
        ("1.2.840.10008.5.1.4.1.1.11.1", "presentation state"),
        ("1.2.840.10008.5.1.4.1.1.481.5", "radiotherapy"),
        (CR_IMAGE_STORAGE, "without a picture"),
    ],
)
def test_objects_without_pixels_are_named_by_their_kind(sop_class, words):
    dataset = dicom_dataset(STORED)
    for keyword in ("PixelData", "Rows", "Columns"):
        delattr(dataset, keyword)
    dataset.SOPClassUID = sop_class
    found, sentence = refused(dataset)
    assert found == "no-pixels"
    assert words in sentence


def test_empty_pixels_are_none():
    assert refused(dicom_dataset(STORED, PixelData=b""))[0] == "no-pixels"


@pytest.mark.parametrize(
    ("keyword", "kind"), [("FloatPixelData", "f4"), ("DoubleFloatPixelData", "f8")]
)
def test_pixels_in_floating_point_are_refused(keyword, kind):
    dataset = dicom_dataset(STORED)
    del dataset.PixelData
    setattr(dataset, keyword, STORED.astype(kind).tobytes())
    code_, sentence = refused(dataset)
    assert code_ == "unsupported-pixels"
    assert "floating point" in sentence


def test_several_frames_are_refused_and_one_is_not():
    assert film_of(NumberOfFrames=1).pixels.shape == STORED.shape
    assert refused(dicom_dataset(STORED, NumberOfFrames=2))[0] == "several-frames"
    twice = dicom_dataset(STORED)
    twice.PixelData *= 2
    assert refused(twice)[0] == "several-frames"


@pytest.mark.parametrize(
    ("elements", "code_"),
    [
        ({"BitsAllocated": 12, "BitsStored": 12}, "unsupported-pixels"),
        ({"BitsAllocated": 64, "BitsStored": 64}, "unsupported-pixels"),
        ({"BitsStored": 9}, "damaged"),
        ({"Rows": 1000}, "damaged"),
        ({"Rows": 0}, "too-small"),
        ({"BitsAllocated": 16}, "damaged"),
    ],
)
def test_declarations_that_cannot_be_are_refused(elements, code_):
    assert refused(dicom_dataset(STORED, **elements))[0] == code_


def test_a_file_that_does_not_say_what_its_values_mean_is_read_and_said():
    dataset = dicom_dataset(STORED)
    del dataset.PhotometricInterpretation
    film = decode_dicom(dicom_bytes(dataset), name="film")
    assert film.cautions == (
        "the file does not say what its values mean; they were taken as MONOCHROME2",
    )


def test_one_bit_pixels_are_read():
    bits = STORED % 2
    dataset = dicom_dataset(bits, BitsAllocated=1, BitsStored=1, HighBit=0)
    dataset.PixelData = np.packbits(bits.ravel().astype(np.uint8), bitorder="little").tobytes()
    assert np.array_equal(decode_dicom(dicom_bytes(dataset), name="film").pixels, bits)


# --- black and white swapped ---


def _tagged(levels, photometric, **elements):
    stored = np.rint(levels * 4095).astype(int)
    return decode_dicom(
        dicom_bytes(dicom_dataset(stored, bits=12, photometric=photometric, **elements)),
        name="film",
    )


def test_a_film_whose_tag_wrongly_says_monochrome1_is_cautioned_and_left_as_the_tag_says():
    film = make_phantom("normal", rng=np.random.default_rng(4)).pixels
    wrong = _tagged(film, "MONOCHROME1")
    assert np.allclose(wrong.pixels, 1 - film, atol=1e-3)
    (caution,) = wrong.cautions
    assert "look swapped" in caution
    assert _tagged(1 - film, "MONOCHROME1").cautions == ()
    assert _tagged(film, "MONOCHROME2").cautions == ()
    assert _tagged(film, "MONOCHROME1", ViewPosition="LL").cautions == ()


@needs_real_films
def test_the_real_film_with_the_wrong_tag_is_noticed_and_the_right_ones_are_not():
    folder = REAL_FILMS / "dicom" / "chest"
    noticed = {
        path.stem
        for path in folder.iterdir()
        for caution in decode_dicom(path.read_bytes(), name="film").cautions
        if "look swapped" in caution
    }
    assert noticed == {"rsna-wrongly-tagged-mono1"}


def test_a_film_without_a_suffix_or_with_the_suffix_ima_is_read(tmp_path):
    from carina.imaging import read_radiograph

    buffer = io.BytesIO(dicom_bytes(dicom_dataset(STORED, ImageLaterality="R")))
    for name in ("1.2.840.113", "film.ima", "IM000001"):
        path = tmp_path / name
        path.write_bytes(buffer.getvalue())
        assert read_radiograph(path).laterality == "R"
