"""DICOM files name the patient where the layout does not, and the id stays nowhere."""

import os

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import DeflatedExplicitVRLittleEndian, RLELossless

from carina.auditing.leaks import find_leaks
from carina.data import open_dataset
from carina.data.dicom_patients import FEWEST_FILMS_OF_NO_ONE
from carina.data.grouping import identical_groups
from carina.data.manifest import write_manifest
from carina.data.patients import PatientKey
from carina.data.scan import scan_films
from carina.data.split import split_dataset
from carina.domain.recipe import SplitSection
from carina.imaging.dicom_patient import DICOM_HEAD_BYTES, read_dicom_patient
from carina.settings import Settings
from carina.workflows.audit import audit
from making.compressed_dicom import compressed_film
from making.datasets import TEST_KEY, tiny_pixels, write_film, write_manifest_csv
from making.dicom_files import (
    PATIENT,
    PATIENT_ID,
    bare_dicom_bytes,
    big_endian_dicom_bytes,
    dicom_bytes,
    dicom_dataset,
)
from making.hostile.dicoms import deflated_bomb
from making.real_films import REAL_FILMS, needs_real_films

CANARY = "canary-4711-0815"


def film_bytes(number, patient, *, syntax=None, **elements):
    dataset = dicom_dataset(tiny_pixels(number), PatientID=patient, **elements)
    return dicom_bytes(dataset, **({} if syntax is None else {"syntax": syntax}))


def write_dicom(path, number, patient, **elements):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(film_bytes(number, patient, **elements))
    return path


def opened(*sources):
    return open_dataset(list(sources), patient_key=TEST_KEY)


def patients_of(dataset):
    return {record.path: record.patient for record in dataset.records}


def class_folder(root, patients, *, label="Normal", first=0):
    """Write one DICOM film for each patient id, and two films of another class."""
    for index, patient in enumerate(patients):
        write_dicom(root / label / f"{index}.dcm", first + index, patient)
    for index in range(2):
        write_film(root / "Other" / f"{index}.png", 1000 + first + index)
    return root


# --- what one file says ---


@pytest.mark.parametrize(
    "data",
    [
        dicom_bytes(dicom_dataset(tiny_pixels(1))),
        bare_dicom_bytes(dicom_dataset(tiny_pixels(1))),
        bare_dicom_bytes(dicom_dataset(tiny_pixels(1)), implicit=False),
        big_endian_dicom_bytes(dicom_dataset(tiny_pixels(1), bits=16)),
    ],
    ids=["file", "bare implicit", "bare explicit", "big endian"],
)
def test_the_id_is_read_in_every_way_that_files_are_written(data):
    assert read_dicom_patient(data[:DICOM_HEAD_BYTES]).number == PATIENT_ID


def test_age_sex_and_issuer_are_read():
    patient = read_dicom_patient(
        film_bytes(1, " 12 ", PatientAge="018M", PatientSex="F", IssuerOfPatientID="North")
    )
    assert (patient.number, patient.issuer) == ("12", "North")
    assert (patient.age_years, patient.sex) == (1.5, "F")


@pytest.mark.parametrize(
    ("written", "age_years"),
    [("045Y", 45), ("7Y", 7), ("006W", 0.11), ("002D", 0.01), ("045", None), ("999Y", None)],
)
def test_an_age_is_in_years_or_unknown(written, age_years):
    dataset = dicom_dataset(tiny_pixels(1))
    dataset.add_new(0x00101010, "LO", written)  # pydicom would refuse some of these as AS
    assert read_dicom_patient(bare_dicom_bytes(dataset)).age_years == age_years


def test_nothing_is_shown_of_an_id():
    patient = read_dicom_patient(film_bytes(1, CANARY, IssuerOfPatientID="North"))
    assert CANARY not in repr(patient)
    assert "North" not in repr(patient)


def test_sequences_before_the_patient_do_not_hide_the_id():
    item = Dataset()
    item.ReferencedSOPInstanceUID = "1.2.3"
    item.PatientID = "of another film"
    dataset = dicom_dataset(tiny_pixels(1), ReferencedImageSequence=Sequence([item, item]))
    for undefined in (False, True):
        dataset["ReferencedImageSequence"].is_undefined_length = undefined
        assert read_dicom_patient(dicom_bytes(dataset)).number == PATIENT_ID


def test_a_deflated_or_compressed_file_tells_its_patient_too():
    deflated = film_bytes(1, CANARY, syntax=DeflatedExplicitVRLittleEndian, PatientAge="045Y")
    compressed = compressed_film(tiny_pixels(1), RLELossless, PatientID=CANARY, PatientAge="045Y")
    for data in (deflated, compressed, deflated_bomb(4_000_000)):
        found = read_dicom_patient(data[:DICOM_HEAD_BYTES])
        assert (found.number, found.age_years) in {(CANARY, 45), (PATIENT_ID, None)}


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_file_is_no_error(seed):
    import random

    chance = random.Random(seed)
    data = bytearray(film_bytes(1, CANARY, PatientAge="045Y"))
    for _ in range(30):
        data[chance.randrange(128, 700)] = chance.randrange(256)
    found = read_dicom_patient(bytes(data[: chance.randrange(140, len(data))]))
    assert found is None or found.age_years is None or 0 <= found.age_years <= 130


def test_other_files_have_no_patient():
    assert read_dicom_patient(b"") is None
    assert read_dicom_patient(b"\x89PNG\r\n" + bytes(300)) is None


# --- data sets ---


def test_films_of_one_id_are_of_one_patient(tmp_path):
    dataset = opened(class_folder(tmp_path, ["A-1", "A-2", "A-1"]))
    patient = patients_of(dataset)
    assert patient["Normal/0.dcm"] == patient["Normal/2.dcm"] != patient["Normal/1.dcm"]
    assert patient["Normal/0.dcm"] == TEST_KEY.hash("dicom", "A-1")
    assert patient["Other/0.png"] is None
    assert dataset.sources[0].patients == "DICOM patient ids (3 of 5 films)"


def test_ids_of_two_issuers_are_two_patients_and_folders_share_one_numbering(tmp_path):
    write_dicom(tmp_path / "a" / "X" / "1.dcm", 1, "12", IssuerOfPatientID="North")
    write_dicom(tmp_path / "a" / "Y" / "2.dcm", 2, "12", IssuerOfPatientID="South")
    write_dicom(tmp_path / "b" / "X" / "3.dcm", 3, "12", IssuerOfPatientID="North")
    write_dicom(tmp_path / "b" / "Y" / "4", 4, "13")
    patient = patients_of(opened(tmp_path / "a", tmp_path / "b"))
    assert patient["X/1.dcm"] == patient["X/3.dcm"] != patient["Y/2.dcm"]
    assert patient["Y/4"] == TEST_KEY.hash("dicom", "13")


def test_what_the_layout_says_stays(tmp_path):
    write_dicom(tmp_path / "a.dcm", 1, "12", PatientAge="045Y", PatientSex="F")
    write_dicom(tmp_path / "b.dcm", 2, "13", PatientAge="045Y", PatientSex="F")
    rows = [
        {"path": "a.dcm", "label": "X", "patient": "p1", "age": "50", "sex": "M"},
        {"path": "b.dcm", "label": "Y", "patient": "", "age": "", "sex": ""},
    ]
    one, other = opened(write_manifest_csv(tmp_path / "d.csv", rows)).records
    assert (one.patient, one.age_years, one.sex) == (TEST_KEY.hash("manifest", "p1"), 50, "M")
    assert (other.patient, other.age_years, other.sex) == (TEST_KEY.hash("dicom", "13"), 45, "F")


def test_hospitals_of_a_manifest_are_numberings_of_their_own(tmp_path):
    for name in "ab":
        write_dicom(tmp_path / f"{name}.dcm", ord(name), "12")
    rows = [
        {"path": "a.dcm", "label": "X", "source": "North"},
        {"path": "b.dcm", "label": "Y", "source": "South"},
    ]
    patients = patients_of(opened(write_manifest_csv(tmp_path / "d.csv", rows)))
    assert len(set(patients.values())) == 2


@pytest.mark.parametrize("word", ["ANONYMOUS", "Anonymized", "0000", "---", "Unknown", "xxxx"])
def test_a_word_for_no_one_is_no_patient(tmp_path, word):
    dataset = opened(class_folder(tmp_path, [word, word, "A-2"]))
    patient = patients_of(dataset)
    assert patient["Normal/0.dcm"] is None
    assert patient["Normal/2.dcm"] is not None
    assert (
        "2 DICOM films with a patient id that stands for no one; their patients are unknown"
        in dataset.notes
    )


def test_one_id_for_a_whole_class_is_no_patient(tmp_path):
    n = FEWEST_FILMS_OF_NO_ONE
    whole = patients_of(opened(class_folder(tmp_path / "whole", ["study 7"] * n)))
    assert set(whole.values()) == {None}
    fewer = patients_of(opened(class_folder(tmp_path / "fewer", ["study 7"] * (n - 1))))
    assert fewer["Normal/0.dcm"] is not None
    two = patients_of(opened(class_folder(tmp_path / "two", ["study 7"] * n + ["study 8"])))
    assert two["Normal/0.dcm"] is not None


def test_files_that_are_absent_or_no_files_have_no_patient(tmp_path):
    write_dicom(tmp_path / "a.dcm", 1, "12")
    write_dicom(tmp_path / "b.dcm", 2, "13")
    (tmp_path / "folder.dcm").mkdir()
    os.mkfifo(tmp_path / "pipe.dcm")
    rows = [
        {"path": name, "label": "XY"[index % 2]}
        for index, name in enumerate(["a.dcm", "b.dcm", "folder.dcm", "pipe.dcm"])
    ]
    patients = patients_of(opened(write_manifest_csv(tmp_path / "d.csv", rows)))
    assert patients["a.dcm"] is not None
    assert patients["folder.dcm"] is patients["pipe.dcm"] is None


# --- what follows from it ---


def test_a_patient_in_two_parts_is_a_leak(tmp_path):
    write_dicom(tmp_path / "train" / "X" / "1.dcm", 1, "12")
    write_dicom(tmp_path / "train" / "Y" / "2.dcm", 2, "13")
    write_dicom(tmp_path / "test" / "X" / "3.dcm", 3, "12")
    write_dicom(tmp_path / "test" / "Y" / "4.dcm", 4, "14")
    dataset = opened(tmp_path)
    scan = scan_films(dataset, spec=None, cache_dir=tmp_path / "cache")
    (leak,) = find_leaks(dataset, scan, identical_groups(dataset.records, scan))
    assert leak.kind == "same-patient"
    assert {leak.a, leak.b} == {"train/X/1.dcm", "test/X/3.dcm"}


def test_a_split_keeps_the_films_of_one_id_together(tmp_path):
    for label in "XY":
        for index in range(24):
            number = ord(label) * 100 + index
            write_dicom(tmp_path / label / f"{index}.dcm", number, f"{label}{index // 4}")
    dataset = opened(tmp_path)
    scan = scan_films(dataset, spec=None, cache_dir=tmp_path / "cache")
    split = split_dataset(dataset, scan, SplitSection())
    parts_of = {}
    for record in dataset.records:
        parts_of.setdefault(record.patient, set()).add(split.part_of(record))
    assert len(parts_of) == 12
    assert all(len(parts) == 1 for parts in parts_of.values())


def test_the_id_is_in_no_file_that_carina_writes(tmp_path, capfd):
    data = tmp_path / "data"
    for index in range(8):
        part, label = ("train", "test")[index % 2], "XY"[index // 2 % 2]
        write_dicom(data / part / label / f"{index}.dcm", index, f"{CANARY}-{index // 4}")
    places = {name: tmp_path / name for name in ("cache", "config", "runs")}
    settings = Settings.from_environment(
        {f"CARINA_{name.upper()}_DIR": str(place) for name, place in places.items()}
    )
    audit(data, settings=settings, progress=lambda _: None)
    key = PatientKey(bytes.fromhex((places["config"] / "patient.key").read_text().strip()))
    dataset = open_dataset([data], patient_key=key)
    scan = scan_films(dataset, spec=None, cache_dir=places["cache"])
    split = split_dataset(dataset, scan, SplitSection())
    write_manifest(tmp_path / "runs" / "manifest.csv", dataset, split, scan)
    written = [path for place in places.values() for path in place.rglob("*") if path.is_file()]
    assert len(written) >= 6
    for secret in (CANARY.encode(), PATIENT.encode()):
        assert not [path for path in written if secret in path.read_bytes()]
    said = capfd.readouterr()
    assert CANARY not in said.out + said.err + repr(dataset)
    assert key.hash("dicom", f"{CANARY}-0") in (tmp_path / "runs" / "manifest.csv").read_text()


@needs_real_films
def test_the_real_dicom_films_are_read_without_a_word():
    for path in sorted((REAL_FILMS / "dicom").rglob("*")):
        if path.is_file():
            assert read_dicom_patient(path.read_bytes()[:DICOM_HEAD_BYTES]) is not None
