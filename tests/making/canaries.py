"""Films and tables in which a canary stands wherever a patient's data may stand.

Every canary can be found again: texts begin with `STEM`, UIDs hold `UID_STEM`, dates and times
are of a day that nothing else has. `found_in` looks for them in any bytes, in the encodings and
containers that Carina writes.
"""

import base64
import csv
import hashlib
import io
import re
import struct
import warnings
import zipfile
import zlib

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from PIL.TiffImagePlugin import ImageFileDirectory_v2
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from making.dicom_files import dicom_bytes, dicom_dataset

STEM = "KANARIE"
UID_STEM = "4711.90210.65537"
BIRTH_DATE, STUDY_DATE, TIME = "19030217", "20310904", "071341.937"
FILE_STEM = "DATEINAMEVOGEL"
"""Begins the names of files in which canaries stand."""
_NUMBERS = {}


def text(field):
    """Return the canary of a field: 16 characters at most, and no other field's."""
    number = _NUMBERS.setdefault(field, len(_NUMBERS) + 1)
    return f"{STEM}{number:02d}"


def uid(field):
    """Return the canary of a UID's field."""
    number = _NUMBERS.setdefault(field, len(_NUMBERS) + 1)
    return f"1.2.826.0.1.{UID_STEM}.{number}"


_TEXTS = (
    "PatientID", "IssuerOfPatientID", "InstitutionName", "InstitutionalDepartmentName",
    "StudyDescription", "SeriesDescription", "DeviceSerialNumber", "MedicalAlerts", "Allergies",
    "CountryOfResidence", "ProtocolName", "RequestingService", "PatientReligiousPreference",
    "MilitaryRank", "CurrentPatientLocation", "PatientName", "ReferringPhysicianName",
    "OperatorsName", "PerformingPhysicianName", "NameOfPhysiciansReadingStudy",
    "PatientMotherBirthName", "ResponsiblePerson", "RequestingPhysician", "AccessionNumber",
    "StudyID", "StationName", "EthnicGroup", "Occupation", "AdditionalPatientHistory",
    "PatientComments", "AcquisitionDeviceProcessingDescription", "InstitutionAddress",
    "DerivationDescription", "ImageComments", "RequestedProcedureComments",
)  # fmt: skip
_UIDS = (
    "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID",
    "IrradiationEventUID", "DeviceUID",
)  # fmt: skip
_PRIVATE_GROUP = 0x0099


def canary_dicom(stored, *, patient=None, bits=8, text_at=None, field="", **elements):
    """Return a DICOM file of a film with a canary in every field that may tell of a patient.

    Args:
        stored: as in `dicom_dataset`.
        patient: the patient id; the canary of its field if None.
        text_at, field: a tag that gets the canary of a field, whatever it should hold; the file
            is implicit then.
        bits, elements: as in `dicom_dataset`; elements replace canaries.
    """
    dataset = dicom_dataset(stored, bits=bits)
    for keyword in _TEXTS:
        setattr(dataset, keyword, text(keyword))
    for keyword in _UIDS:
        setattr(dataset, keyword, uid(keyword))
    dataset.PatientBirthDate = BIRTH_DATE
    dataset.PatientBirthTime = TIME
    dataset.StudyDate = dataset.SeriesDate = dataset.AcquisitionDate = STUDY_DATE
    dataset.StudyTime = dataset.ContentTime = TIME
    dataset.PatientAge, dataset.PatientSex = "045Y", "F"
    dataset.OtherPatientIDs = [text("OtherPatientIDs"), text("OtherPatientIDs 2")]
    dataset.OtherPatientNames = text("OtherPatientNames")
    dataset.ViewPosition = "PA"
    dataset.RequestAttributesSequence = [_item("request", ScheduledProcedureStepDescription="LO")]
    dataset.OtherPatientIDsSequence = [_item("other ids", PatientID="LO", IssuerOfPatientID="LO")]
    dataset.ReferencedStudySequence = [_referenced("study")]
    dataset.ReferencedPatientSequence = [_nested(_referenced("patient"), depth=4)]
    dataset.add_new((_PRIVATE_GROUP, 0x0010), "LO", text("private creator"))
    dataset.add_new((_PRIVATE_GROUP, 0x1001), "LT", text("private tag"))
    dataset.add_new((_PRIVATE_GROUP, 0x1002), "OB", text("private bytes").encode() + b"\0")
    overlay = {0x0022: ("LO", "overlay description"), 0x1500: ("LO", "overlay label")}
    for element, (kind, name) in overlay.items():
        dataset.add_new((0x6000, element), kind, text(name))
    if patient is not None:
        dataset.PatientID = patient
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    syntax = ExplicitVRLittleEndian
    if text_at is not None:
        syntax = ImplicitVRLittleEndian
        dataset.add_new(text_at, "LO", text(f"bad {field}"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what pydicom says of it here is nobody's business
        return _with_private_meta(dicom_bytes(dataset, syntax=syntax))


def _item(field, **kinds):
    item = Dataset()
    for keyword in kinds:
        setattr(item, keyword, text(f"{field} {keyword}"))
    return item


def _referenced(field):
    item = Dataset()
    item.ReferencedSOPClassUID = "1.2.840.10008.3.1.2.3.1"
    item.ReferencedSOPInstanceUID = uid(f"referenced {field}")
    item.PatientName = text(f"name in {field}")
    return item


def _nested(item, *, depth):
    for _ in range(depth):
        outer = Dataset()
        outer.ReferencedStudySequence = [item]
        item = outer
    return item


def _with_private_meta(data):
    """Return a file with private information in its file meta group (DICOM PS3.10, 7.1)."""
    creator = uid("private meta creator").encode()
    private = text("private meta").encode() + b"\0"
    creator += b"\0" * (len(creator) % 2)
    added = b"\x02\x00\x00\x01UI" + struct.pack("<H", len(creator)) + creator
    added += b"\x02\x00\x02\x01OB\0\0" + struct.pack("<I", len(private)) + private
    n_meta = struct.unpack("<I", data[140:144])[0]
    head, meta, rest = data[:140], data[144 : 144 + n_meta], data[144 + n_meta :]
    return head + struct.pack("<I", n_meta + len(added)) + meta + added + rest


def _exif():
    exif = Image.Exif()
    exif[0x010E] = text("EXIF ImageDescription")
    exif[0x013B] = text("EXIF Artist")
    exif[0x8298] = text("EXIF Copyright")
    exif[0x9C9D] = (text("EXIF XPAuthor") + "\0").encode("utf-16-le")
    exif[0x9C9C] = (text("EXIF XPComment") + "\0").encode("utf-16-le")
    exif[0x0132] = "2031:09:04 07:13:41"
    inner = exif.get_ifd(0x8769)
    inner[0x9286] = b"ASCII\0\0\0" + text("EXIF UserComment").encode()
    inner[0x927C] = text("EXIF MakerNote").encode() * 3
    inner[0xA430] = text("EXIF CameraOwnerName")
    inner[0xA431] = text("EXIF BodySerialNumber")
    gps = exif.get_ifd(0x8825)
    gps[0x001D] = "2031:09:04"
    gps[0x001B] = text("EXIF GPS").encode()
    return exif


def _xmp():
    said = text("XMP creator")
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-'
        f'syntax-ns#"><rdf:Description title="{said}"/></rdf:RDF></x:xmpmeta>'
    ).encode()


def canary_png(pixels):
    """Return a PNG with text chunks of every kind, EXIF and XMP."""
    info = PngInfo()
    info.add_text("Author", text("PNG tEXt"))
    info.add_text("Comment", text("PNG zTXt"), zip=True)
    info.add_itxt("Description", text("PNG iTXt"), lang="de", tkey=text("PNG iTXt keyword"))
    info.add_itxt("XML:com.adobe.xmp", _xmp().decode())
    return _saved(pixels, "PNG", pnginfo=info, exif=_exif())


def canary_jpeg(pixels):
    """Return a JPEG with a comment, EXIF, XMP and a Photoshop segment with IPTC."""
    data = _saved(pixels, "JPEG", quality=95, exif=_exif(), xmp=_xmp(), comment=text("JPEG COM"))
    iptc = b"\x1c\x02\x50" + struct.pack(">H", 9) + text("IPTC byline").encode()
    photoshop = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + struct.pack(">I", len(iptc)) + iptc
    segment = b"\xff\xed" + struct.pack(">H", len(photoshop) + 2) + photoshop
    return data[:2] + segment + data[2:]


def canary_tiff(pixels):
    """Return a TIFF with canaries in its text tags and in a private one."""
    tags = ImageFileDirectory_v2()
    for tag, field in ((270, "description"), (315, "artist"), (316, "host"), (285, "page name")):
        tags[tag] = text(f"TIFF {field}")
    tags[65000] = text("TIFF private")
    tags[700] = _xmp()
    return _saved(pixels, "TIFF", tiffinfo=tags)


def _saved(pixels, file_format, **options):
    buffer = io.BytesIO()
    Image.fromarray(np.asarray(pixels, dtype=np.uint8)).save(buffer, format=file_format, **options)
    return buffer.getvalue()


def damaged_films(pixels):
    """Return name -> a file that cannot be read, or hardly, and whose faults stand at canaries."""
    png, jpeg, tiff = canary_png(pixels), canary_jpeg(pixels), canary_tiff(pixels)
    dicom = canary_dicom(pixels)
    faults = {
        "photometric": {"PhotometricInterpretation": text("photometric")},
        "view": {"ViewPosition": text("view")},
        "modality": {"Modality": text("modality")},
        "rows": {"Rows": 0},
        "charset": {"SpecificCharacterSet": text("charset")},
        "burned in": {"BurnedInAnnotation": text("burned in")},
    }
    films = {f"{n}.dcm": canary_dicom(pixels, **elements) for n, elements in faults.items()}
    # Texts in the place of numbers: implicit files do not say which of them an element is.
    for keyword in ("WindowCenter", "RescaleSlope", "ImagerPixelSpacing", "NumberOfFrames",
                    "PatientAge", "VOILUTFunction", "PresentationLUTShape"):  # fmt: skip
        tag = tag_for_keyword(keyword)
        films[f"{keyword}.dcm"] = canary_dicom(pixels, text_at=tag, field=keyword)
    films["syntax.dcm"] = dicom.replace(b"1.2.840.10008.1.2.1\0", b"1.2.4711.90210.65537")
    films["cut.dcm"] = dicom[: len(dicom) * 2 // 3]
    films["cut in the head.dcm"] = dicom[:700]
    films["cut.png"], films["cut.jpg"], films["cut.tif"] = (
        data[: len(data) * 2 // 3] for data in (png, jpeg, tiff)
    )
    films["checksum.png"] = png.replace(b"KANARIE", b"KANARIe", 1)
    films["text.png"] = text("a text file").encode() * 20
    return films


COLUMNS = ("path", "label", "patient", "sex", "age", "patient_name", "birth date", "remarks")


def write_canary_csv(path, films, *, patient_of=lambda number: text(f"CSV patient {number}")):
    """Write a manifest of films with canaries in every column but the path and the label.

    Args:
        path: the file.
        films: (path, label) of each film.
        patient_of: number of the film -> patient.
    """
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        for number, (film, label) in enumerate(films):
            writer.writerow(
                [film, label, patient_of(number), "F", "45", text("CSV name"), BIRTH_DATE,
                 text("CSV remarks")]
            )  # fmt: skip
    return path


def canaries():
    """Return every canary that was made so far, by field."""
    return {
        field: f"{STEM}{number:02d}" if "UID" not in field and "referenced" not in field
        else f"{UID_STEM}.{number}"
        for field, number in _NUMBERS.items()
    }  # fmt: skip


def found_in(data, *, also=(), uids=True):
    """Return what stands in some bytes of the canaries, with how it stands there.

    Looked for in UTF-8 and UTF-16, in base64 and hex, backwards, in any case, and as a bare
    digest, also inside zip archives, compressed PNG chunks, deflated streams and base64.

    Args:
        data: the bytes.
        also: more texts to look for.
        uids: whether UIDs count.
    """
    found = {f"{name} at {place}" for name, place in _places(data, tuple(also), uids=uids)}
    for name, inner in _inside(data):
        found |= {f"{one} in {name}" for one in found_in(inner, also=also, uids=uids)}
    return sorted(found)


def _places(data, also, *, uids):
    lower = data.lower()
    for name, needle in _needles(also, uids=uids):
        haystack = data if name.startswith("base64") else lower
        place = haystack.find(needle if name.startswith("base64") else needle.lower())
        if place >= 0:
            yield f"{name} {data[max(place - 20, 0) : place + 60]!r}", place


def _needles(also, *, uids):
    stems = [STEM, BIRTH_DATE, "1903-02-17", "1903:02:17", *also]
    if uids:
        stems += [UID_STEM, ".".join(reversed(UID_STEM.split("."))), STUDY_DATE, TIME]
    for stem in stems:
        for kind in ("utf-8", "utf-16-le", "utf-16-be"):
            encoded = stem.encode(kind)
            yield f"{kind} {stem}", encoded
            if stem in (STEM, UID_STEM, *also):
                yield f"hex of {kind} {stem}", encoded.hex().encode()
                yield from ((f"base64 of {kind} {stem}", part) for part in _base64(encoded))
        yield f"backwards {stem}", stem[::-1].encode()
    for field, canary in canaries().items():
        for form in {canary, canary.casefold()}:
            digest = hashlib.sha256(form.encode()).hexdigest()
            yield f"digest of {field}", f' {digest[:8]}"'.encode()
            yield f"digest of {field}", digest[:16].encode()


def _base64(encoded):
    """Return what base64 makes of bytes at each of its three places, without the unsure ends."""
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + encoded)
        yield whole[-(-8 * before // 6) : 8 * (before + len(encoded)) // 6]


_BASE64 = re.compile(rb"[A-Za-z0-9+/]{80,}={0,2}")


def _inside(data):
    """Yield the name and bytes of what is packed into some bytes."""
    if data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield from ((f"zip member {name}", archive.read(name)) for name in archive.namelist())
        return
    for start in (m.start() for m in re.finditer(rb"\x89PNG\r\n\x1a\n", data)):
        yield from _png_chunks(data, start)
    for match in _BASE64.finditer(data):
        block = match[0]
        try:
            yield f"base64 at {match.start()}", base64.b64decode(block[: len(block) // 4 * 4])
        except ValueError:
            continue


def _png_chunks(data, start):
    """Yield what the compressed chunks of a PNG hold, but for its pixels."""
    place = start + 8
    while place + 8 <= len(data):
        n_bytes, kind = struct.unpack(">I4s", data[place : place + 8])
        body = data[place + 8 : place + 8 + n_bytes]
        if kind in (b"zTXt", b"iTXt", b"iCCP"):
            for cut in (m.end() for m in re.finditer(rb"\0", body)):
                try:
                    yield f"PNG chunk {kind!r}", zlib.decompressobj().decompress(body[cut:], 10**6)
                except zlib.error:
                    continue
        if kind == b"IEND":
            return
        place += 12 + n_bytes


def found_below(*folders, also=(), uids=True):
    """Return file -> what stands in it or in its name, of every file below some folders."""
    found = {}
    for folder in folders:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            name = file.relative_to(folder).as_posix().encode()
            there = [*found_in(file.read_bytes(), also=also, uids=uids)]
            there += [f"name: {one}" for one in found_in(name, also=also, uids=uids)]
            if there:
                found[file.relative_to(folder).as_posix()] = there
    return found
