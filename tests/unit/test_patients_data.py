"""What files and tables say of patients stays in them: canaries, searched for everywhere.

`tests/e2e/test_patients_data.py` does the same through a whole training and a real server.
"""

import io
import logging
import os
import subprocess
import sys

import numpy as np
import pytest
from pydicom import dcmread

from carina.data import open_dataset
from carina.errors import CarinaError
from carina.imaging.read import read_radiograph_bytes
from carina.inference.answers.dicom_source import read_source
from carina.settings import Settings
from making.canaries import (
    FILE_STEM,
    canaries,
    canary_dicom,
    canary_jpeg,
    canary_png,
    canary_tiff,
    damaged_films,
    found_below,
    found_in,
    text,
    uid,
    write_canary_csv,
)
from making.classifiers import write_tiny_classifier
from making.datasets import TEST_KEY, tiny_pixels
from making.uploads import grey_levels

ORT_SWITCH = "ORT_DISABLE_TELEMETRY"
PIXELS = grey_levels(64, 56)
WHOLE = {
    ".dcm": canary_dicom(PIXELS),
    ".png": canary_png(PIXELS),
    ".jpg": canary_jpeg(PIXELS),
    ".tif": canary_tiff(PIXELS),
}
DAMAGED = damaged_films(PIXELS)


FEW_DAMAGED = ("photometric.dcm", "WindowCenter.dcm", "cut.dcm", "checksum.png", "cut.jpg")


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """A folder of films whose names are canaries, too: whole ones, and a few damaged ones."""
    folder = tmp_path_factory.mktemp("films")
    for ending, data in WHOLE.items():
        (folder / f"{FILE_STEM}{ending}").write_bytes(data)
    for name in FEW_DAMAGED:
        (folder / f"{FILE_STEM} {name}").write_bytes(DAMAGED[name])
    return folder


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return write_tiny_classifier(tmp_path_factory.mktemp("tiny") / "tiny")


def test_sixty_canaries_and_more_stand_in_the_films():
    for ending, data in WHOLE.items():
        assert found_in(data), ending
    assert len(canaries()) >= 60
    assert len(dcmread(io.BytesIO(WHOLE[".dcm"]))) >= 60


@pytest.mark.parametrize(
    "hidden",
    [
        text("PatientName").encode(),
        text("PatientName").lower().encode("utf-16-le"),
        ("x" + text("PatientName")).encode("utf-16-be").hex().encode(),
        uid("StudyInstanceUID").encode(),
        ".".join(reversed(uid("StudyInstanceUID").split("."))).encode(),
        uid("StudyInstanceUID")[::-1].encode(),
        WHOLE[".png"],
    ],
)
def test_the_search_finds_what_is_hidden(hidden):
    import base64
    import zipfile

    assert found_in(b"...." + hidden + b"....")
    for n in range(3):
        assert found_in(base64.b64encode(b"#" * (100 + n) + hidden + b"#" * 100))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", hidden)
    assert found_in(packed.getvalue())
    assert not found_in(b"nothing" * 100 + np.random.default_rng(1).bytes(10_000))


@pytest.mark.parametrize("name", [*WHOLE, *DAMAGED])
def test_a_film_or_the_reason_against_it_says_nothing_of_the_patient(name, recwarn, capfd, caplog):
    caplog.set_level(logging.DEBUG)
    data = WHOLE.get(name) or DAMAGED[name]
    try:
        film = read_radiograph_bytes(data, name="film")
    except CarinaError as error:
        said = f"{error!r} {error} {error.__cause__!r}"
    else:
        said = repr(film)
    heard = "".join([said, *capfd.readouterr(), caplog.text, *(str(w.message) for w in recwarn)])
    assert found_in(heard.encode()) == []


def test_nothing_that_predict_writes_or_says_tells_of_the_patient(
    tiny, films, tmp_path, carina_command, caplog
):
    caplog.set_level(logging.DEBUG)
    out = tmp_path / "out"
    words = ("--csv", out / "a.csv", "--explain", out / "maps", "--fhir", out / "fhir")
    said = "".join(map(str, carina_command("predict", tiny, films, *words, "--json")))
    assert found_in((said + caplog.text).encode()) == []
    assert FILE_STEM in said
    assert len(list(out.rglob("*.*"))) > 10
    assert found_below(tmp_path) == {}


@pytest.mark.slow
def test_a_dicom_answer_names_the_study_and_nothing_else(
    tiny, films, tmp_path, carina_command, caplog
):
    pytest.importorskip("highdicom", reason="the extra 'dicom' is not installed")
    caplog.set_level(logging.DEBUG)
    said = "".join(map(str, carina_command("predict", tiny, films, "--dicom", tmp_path / "out")))
    assert found_in((said + caplog.text).encode()) == []
    assert found_below(tmp_path, uids=False) == {}
    answers = list((tmp_path / "out").iterdir())
    assert len(answers) > 3
    for file in answers:
        there = file.read_bytes()
        assert uid("StudyInstanceUID").encode() in there
        for keyword in ("FrameOfReferenceUID", "IrradiationEventUID", "DeviceUID"):
            assert uid(keyword).encode() not in there


def test_what_a_dicom_answer_takes_over_of_the_picture_are_words_of_the_standard():
    odd = {name: text(name) for name in ("BurnedInAnnotation", "Modality")}
    source = read_source(canary_dicom(PIXELS, PatientOrientation=["L", text("F")], **odd), name="a")
    assert found_in(repr(source).encode(), uids=False) == []
    source = read_source(
        canary_dicom(PIXELS, PatientOrientation=["L", "F"], BurnedInAnnotation="YES"), name="a"
    )
    assert (source.BurnedInAnnotation, source.Modality) == ("YES", "CR")
    assert list(source.PatientOrientation) == ["L", "F"]


def test_nothing_that_the_server_says_tells_of_the_patient(tiny, films, tmp_path, caplog, capfd):
    testclient = pytest.importorskip("fastapi.testclient", reason="needs the extra 'web'")
    from carina.inference.bundle import load_classifier
    from carina.web import create_app

    caplog.set_level(logging.DEBUG, logger="carina")
    client = testclient.TestClient(
        create_app(load_classifier(tiny), Settings.from_environment()),
        raise_server_exceptions=False,
    )
    answers = []
    for file in sorted(films.iterdir()):
        sent = [("file", (file.name, file.read_bytes()))]
        answers.append(client.post("/v1/predict", files=sent))
    answers.append(client.post("/v1/predict?explain=true&film=levels", files=sent))
    answers += [client.get(path) for path in ("/", "/metrics", "/v1/model", "/docs", "/readyz")]
    assert {answer.status_code for answer in answers} == {200, 422}
    for answer in answers:
        assert found_in(answer.content) == []
    metrics = answers[-4].content
    logged = (caplog.text + "".join(capfd.readouterr())).encode()
    assert b"422" in logged
    assert found_in(logged + metrics, also=(FILE_STEM,)) == []
    assert found_below(tmp_path, also=(FILE_STEM,)) == {}


def opening_error(path):
    with pytest.raises(CarinaError) as caught:
        open_dataset([path], patient_key=TEST_KEY)
    return str(caught.value)


def test_a_table_s_patients_and_remarks_are_in_no_record_and_in_no_message(tmp_path):
    for n in range(4):
        (tmp_path / f"{n}.png").write_bytes(canary_png(tiny_pixels(n)))
    films = [(f"{n}.png", "XY"[n % 2]) for n in range(4)]
    table = write_canary_csv(tmp_path / "films.csv", films, patient_of=lambda n: text(f"p{n // 2}"))
    dataset = open_dataset([table], patient_key=TEST_KEY)
    assert found_in(repr(dataset).encode()) == []
    patients = [record.patient for record in dataset.records]
    assert len(set(patients)) == 2
    assert patients[0] == patients[1] == TEST_KEY.hash("manifest", text("p0"))


@pytest.mark.parametrize(
    "lines",
    [
        [f"a.png,X,{text('name')}", f"b.png,Y,{text('name')}"],  # no header
        ["path,label,patient", f"a.png,X,{text('surname')},{text('first name')}"],
        ["path,label,patient,split", f"a.png,X,{text('surname')}, {text('first name')}"],
        ["path,label,patient,age", f"a.png,X,1,{text('age')}", f"a.png,Y,2,{text('age')}"],
        [f"{text('header 1')},{text('header 2')}"],
        ["path;label;patient", f'a.png;X;"{text("quoted")}'],
    ],
    ids=["no header", "too many cells", "unknown split", "twice", "header alone", "open quote"],
)
def test_an_error_in_a_table_quotes_no_patient(tmp_path, lines):
    (tmp_path / "a.png").write_bytes(canary_png(PIXELS))
    table = tmp_path / "films.csv"
    table.write_text("\n".join(lines) + "\n")
    assert found_in(opening_error(table).encode()) == []


@pytest.mark.slow
@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_a_runtime_tells_its_maker_nothing(tiny, tmp_path, runtime):
    # Both keep an id of the user for what they send: ONNX Runtime 1.31, OpenVINO 2026.
    pytest.importorskip(runtime)
    call = f"load_classifier({str(tiny)!r}, runtime={runtime!r})"
    code = f"from carina.inference.bundle import load_classifier; {call}"
    own = {name: str(tmp_path) for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME")}
    bare = {name: value for name, value in os.environ.items() if name not in ("CI", ORT_SWITCH)}
    subprocess.run([sys.executable, "-c", code], env=bare | own, check=True)
    assert list(tmp_path.rglob("*")) == []
