import csv
import io
import json
import os
import shutil
import threading
import warnings
from pathlib import Path

import pytest

from carina.errors import ClassifierError, InputError, UnknownNameError, UsageError
from carina.workflows.predict import predict, predict_stream
from carina.workflows.reading import read_ahead
from making.archives import archive_of
from making.classifiers import write_tiny_classifier
from making.datasets import tiny_pixels, write_class_folders, write_film
from making.dicom_files import PATIENT, dicom_bytes, dicom_dataset


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return write_tiny_classifier(tmp_path_factory.mktemp("tiny") / "run" / "classifier")


@pytest.fixture
def films(tmp_path):
    """40 films in three folders."""
    return write_class_folders(tmp_path / "films", {".": 20, "ward/a": 10, "ward/b": 10})


@pytest.fixture
def few(tmp_path):
    """Six films in three folders."""
    return write_class_folders(tmp_path / "films", {".": 2, "ward/a": 2, "ward/b": 2})


class StoppedError(Exception):
    """The process was killed, as far as a test can tell."""


def stopped_after(n_films):
    def progress(step):
        if step.done >= n_films:
            raise StoppedError

    return progress


def test_the_same_command_goes_on_where_it_was_stopped(tiny, films, tmp_path):
    predict(tiny, films, csv=tmp_path / "straight.csv")
    with pytest.raises(StoppedError):
        predict(tiny, films, csv=tmp_path / "a.csv", progress=stopped_after(16))
    first = (tmp_path / "a.csv").read_bytes()
    told = []
    result = predict(tiny, films, csv=tmp_path / "a.csv", progress=told.append)
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "straight.csv").read_bytes()
    assert (tmp_path / "a.csv").read_bytes().startswith(first)
    assert "16 films of 40" in told[0].message
    assert told[-1].done == told[-1].total == 24
    assert (result.n_before, len(result.answers)) == (16, 40)


def test_what_was_answered_is_not_read_again(tiny, films, tmp_path):
    predict(tiny, films, csv=tmp_path / "a.csv")
    before = (tmp_path / "a.csv").read_bytes()
    steps = []
    again = predict(tiny, films, csv=tmp_path / "a.csv", progress=steps.append)
    assert [step.done for step in steps] == [0]
    assert (tmp_path / "a.csv").read_bytes() == before
    assert again.counts.n_read == 40


def test_a_film_that_changed_gets_a_further_row_and_that_counts(tiny, films, tmp_path):
    before = predict(tiny, films, csv=tmp_path / "a.csv")
    text = (tmp_path / "a.csv").read_text()
    old = {answer.path: answer for answer in before.answers}
    changed = str(write_film(films / "film003.png", 999))
    after = {answer.path: answer for answer in predict(tiny, films, csv=tmp_path / "a.csv").answers}
    assert (tmp_path / "a.csv").read_text().startswith(text)
    assert after[changed].sha256 != old[changed].sha256
    assert len(after) == 40
    assert [path for path in old if after[path] != old[path]] == [changed]


def test_a_film_that_was_only_touched_is_not_answered_again(tiny, films, tmp_path):
    predict(tiny, films, csv=tmp_path / "a.csv")
    os.utime(films / "film003.png", (1, 1))
    assert predict(tiny, films, csv=tmp_path / "a.csv").n_before == 40


def test_films_with_and_without_a_file_for_the_answers_get_the_same_ones(tiny, films, tmp_path):
    held = predict(tiny, films)
    written = predict(tiny, films, csv=tmp_path / "a.csv")
    assert written.answers == held.answers
    assert written.counts == held.counts
    assert tuple(predict_stream(tiny, films)) == held.answers
    assert json.dumps(written.as_values()["predictions"]) == json.dumps(
        held.as_values()["predictions"]
    )


def test_a_call_s_answers_are_those_on_its_own_films(tiny, films, tmp_path):
    predict(tiny, films / "ward" / "a", csv=tmp_path / "all.csv")
    second = predict(tiny, films / "ward" / "b", csv=tmp_path / "all.csv")
    assert {Path(answer.path).parent for answer in second.answers} == {films / "ward" / "b"}
    assert len((tmp_path / "all.csv").read_text().splitlines()) == 21


def test_unreadable_films_stand_in_the_table_and_do_not_stop_a_resumption(tiny, films, tmp_path):
    (films / "a.png").write_bytes(b"no picture")
    first = predict(tiny, films, csv=tmp_path / "a.csv")
    again = predict(tiny, films, csv=tmp_path / "a.csv")
    assert again.n_before == 41
    assert again.unreadable == first.unreadable == predict(tiny, films).unreadable
    (problem,) = again.unreadable
    assert (problem.path, problem.code) == (str(films / "a.png"), "unknown-format")
    assert "file/unknown-format" in (tmp_path / "a.csv").read_text()
    (streamed,) = [film for film in predict_stream(tiny, films) if not film.probabilities]
    assert (streamed.decision, streamed.reason_code) == (None, "file/unknown-format")


def test_a_folder_that_cannot_be_read_is_told_and_the_others_are_answered(tiny, films):
    (films / "ward" / "round").symlink_to("round")  # leads to itself, which no user can read
    result = predict(tiny, films)
    assert result.counts.n_read == 40
    assert [folder.path for folder in result.unreadable] == [str(films / "ward" / "round")]
    assert result.n_skipped == 1


def test_a_file_of_other_answers_is_refused(tiny, films, tmp_path):
    other = write_tiny_classifier(tmp_path / "other", cautions=("another card",))
    predict(tiny, films, csv=tmp_path / "a.csv")
    for classifier, options, said in (
        (other, {}, "another classifier"),
        (tiny, {"explain": tmp_path / "maps"}, "other options .*heat maps of the predicted class"),
    ):
        with pytest.raises(UsageError, match=said):
            predict(classifier, films, csv=tmp_path / "a.csv", **options)
    with pytest.raises(UsageError, match="is a folder"):
        predict(tiny, films, csv=tmp_path)
    with pytest.raises(UsageError, match="no regular file"):
        predict(tiny, films, csv=os.devnull)
    with pytest.raises(UsageError, match="one of the films"):
        predict(tiny, films, csv=films / "film003.png")


def test_films_of_one_name_get_heat_maps_of_their_own(tiny, few, tmp_path):
    maps = tmp_path / "maps"
    result = predict(tiny, [few, few / "film001.png", few / "ward" / "b"], explain=maps)
    assert len(set(result.overlays.values())) == len(result.answers) == 6
    label = next(a.predicted for a in result.answers if a.path == str(few / "film001.png"))
    assert result.overlays[str(few / "film001.png")] == maps / f"film001.png.{label}.png"
    assert {p.relative_to(maps).parent.as_posix() for p in maps.rglob("*.png")} == {
        ".",
        "ward/a",
        "ward/b",
    }


def test_no_cell_of_a_name_is_a_formula(tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("=cmd.png", "+in/a.png"):
        write_film(tmp_path / name, 1)
    Path("@no-film.png").write_bytes(b"no film")
    named = ["=cmd.png", "@no-film.png", "+in"]
    result = predict(tiny, named, csv="a.csv", explain=".")
    with Path("a.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["path"] for row in rows] == ["'=cmd.png", "'@no-film.png", "'+in/a.png"]
    assert rows[0]["files"].startswith("'=cmd.png.")
    assert rows[1]["reason"].startswith("'@no-film.png is no")
    assert [answer.path for answer in result.answers] == ["=cmd.png", "+in/a.png"]
    assert set(map(str, result.overlays)) == {"=cmd.png", "+in/a.png"}
    assert predict(tiny, named, csv="a.csv", explain=".").n_before == 3


def test_films_of_an_archive_are_answered_and_known_again(tiny, few, tmp_path):
    archive = archive_of(few, tmp_path / "x.zip")
    result = predict(tiny, archive, csv=tmp_path / "a.csv", explain=tmp_path / "maps")
    on_disk = predict(tiny, few).answers
    assert [answer.path for answer in result.answers] == [
        f"{archive}!/{Path(answer.path).relative_to(few).as_posix()}" for answer in on_disk
    ]
    assert [answer.sha256 for answer in result.answers] == [answer.sha256 for answer in on_disk]
    assert len(list((tmp_path / "maps").rglob("ward/*/*.png"))) == 4
    os.utime(archive)  # the same films, packed at another time
    again = predict(tiny, archive, csv=tmp_path / "a.csv", explain=tmp_path / "maps")
    assert again.n_before == len(on_disk)


def test_a_heat_map_is_never_written_over(tiny, films, tmp_path):
    film = films / "film001.png"
    first, second = (predict(tiny, film, explain=tmp_path).overlays[str(film)] for _ in range(2))
    assert first != second
    assert second.name.startswith("film001.png.2.")


def test_no_name_leads_a_heat_map_out_of_its_folder(tiny, tmp_path):
    names = [
        "two\nlines.png",
        "..\\up.png",
        "\x1b[2J.png",
        "<b>.png",
        "x" * 240 + ".png",
        "R\udcf6.png",
    ]
    films = [write_film(tmp_path / "in" / name, n) for n, name in enumerate(names)]
    result = predict(tiny, films, explain=tmp_path / "maps", csv=tmp_path / "a.csv")
    assert len(list((tmp_path / "maps").iterdir())) == len(names)
    assert {file.name for file in tmp_path.iterdir()} == {"in", "maps", "a.csv"}
    assert all(answer.path.isprintable() for answer in result.answers)
    again = predict(tiny, films, explain=tmp_path / "maps", csv=tmp_path / "a.csv")
    assert (again.n_before, again.answers) == (len(names), result.answers)


def test_heat_maps_and_the_classifier_s_own_pictures_are_no_films(tiny, few):
    shutil.copytree(tiny.parent, few / "run")
    (few / "run" / "recipe.toml").touch()
    write_film(few / "run" / "thumbnails" / "a.png", 1)
    told = []
    options = {"explain": few / "maps", "progress": told.append}
    for given in (few / "run", few / "run" / "classifier", few / "run"):
        assert predict(given, few, **options).counts.n_read == 6
    assert any("passed over" in step.message and "maps" in step.message for step in told)
    assert predict(few / "run", few / "run" / "thumbnails").counts.n_read == 1


def test_heat_maps_are_not_written_where_films_are_searched(tiny, few, tmp_path):
    (tmp_path / "link").symlink_to(few)
    for option in ("explain", "dicom"):
        with pytest.raises(UsageError, match="searched for films"):
            predict(tiny, few, **{option: tmp_path / "link"})
    assert predict(tiny, few / "film000.png", explain=few).counts.n_read == 1
    assert predict(tiny, few, fhir=few).written[0].n_files == 7


def test_a_call_says_what_it_wrote_and_where(tiny, few, tmp_path):
    (few / "a.png").write_bytes(b"no picture")
    out = {"explain": tmp_path / "maps", "fhir": tmp_path / "fhir"}
    result = predict(tiny, few, **out)
    assert [one.in_words for one in result.written] == [
        f"6 heat maps were written to {out['explain']}",
        f"6 FHIR reports were written to {out['fhir']}",
    ]
    assert result.as_values()["written"] == {
        "heat_maps": {"folder": str(out["explain"]), "files": 6},
        "fhir": {"folder": str(out["fhir"]), "files": 6},
    }
    assert predict(tiny, few).as_values()["written"] == {}


def test_one_film_may_come_on_standard_input(tiny, films, monkeypatch):
    data = (films / "film001.png").read_bytes()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
    (answer,) = predict(tiny, "-").answers
    (wanted,) = predict(tiny, films / "film001.png").answers
    assert (answer.path, answer.probabilities) == ("-", wanted.probabilities)


def test_what_cannot_be_explained_is_refused_before_any_film_is_answered(tiny, films, tmp_path):
    csv = tmp_path / "a.csv"
    for options, error in (
        ({"label": "Normal"}, UsageError),
        ({"explain": tmp_path, "label": "Norml"}, UnknownNameError),
        ({"explain": tmp_path, "method": "gradcam"}, UnknownNameError),
    ):
        with pytest.raises(error):
            predict(tiny, films, csv=csv, **options)
    assert not csv.exists()


def test_a_classifier_with_a_changed_byte_answers_nothing(tiny, films, tmp_path):
    damaged = shutil.copytree(tiny, tmp_path / "damaged")
    data = bytearray((damaged / "network.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    (damaged / "network.onnx").write_bytes(data)
    with pytest.raises(ClassifierError, match=r"network\.onnx was changed"):
        predict_stream(damaged, films)


def test_a_film_named_twice_is_answered_once(tiny, films):
    film = films / "film001.png"
    assert len(predict(tiny, [film, str(film)]).answers) == 1
    with pytest.raises(InputError, match="does not exist"):
        predict(tiny, [film, tmp := films / "none.png"])
    assert not tmp.exists()


def test_things_are_read_in_order_and_only_a_few_ahead():
    taken, running, most = [], [0], [0]
    lock = threading.Lock()

    def items():
        for item in range(100):
            taken.append(item)
            yield item

    def read(item):
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        with lock:
            running[0] -= 1
        return item

    made = read_ahead(read, items(), n_threads=2, n_ahead=5)
    assert next(made) == 0
    assert len(taken) == 5
    assert list(made) == list(range(1, 100))
    assert most[0] <= 2


def test_an_error_in_a_reading_thread_is_raised_and_ends_the_reading():
    def read(item):
        return 1 // (3 - item)

    made = read_ahead(read, range(100), n_threads=2, n_ahead=5)
    with pytest.raises(ZeroDivisionError):
        list(made)
    assert not any(t.name.startswith("carina-reader") for t in threading.enumerate())


def test_a_report_is_written_for_each_film_that_could_be_read(tiny, few, tmp_path):
    (few / "a.png").write_bytes(b"no picture")
    result = predict(tiny, few, fhir=tmp_path / "fhir", csv=tmp_path / "a.csv")
    reports = sorted((tmp_path / "fhir").rglob("*.fhir.json"))
    assert len(reports) == 6
    assert {file for row in result.each() for file in row.files} == set(map(str, reports))
    assert json.loads(reports[0].read_text())["resourceType"] == "DiagnosticReport"


@pytest.mark.slow
def test_dicom_answers_are_written_for_films_that_came_as_dicom_and_the_others_are_told(
    tiny, tmp_path
):
    pytest.importorskip("highdicom", reason="DICOM answers need the extra 'dicom'")
    uids = {"StudyInstanceUID": "2.25.1", "SeriesInstanceUID": "2.25.2"}
    folder = tmp_path / "in"
    write_film(folder / "a.png", 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom warns of the date, and quotes it
        film = dicom_dataset(tiny_pixels(2), **uids, PatientBirthDate="01.02.1970")
        (folder / "b.dcm").write_bytes(dicom_bytes(film))
    (folder / "c.dcm").write_bytes(dicom_bytes(dicom_dataset(tiny_pixels(3))))
    for with_patient in (False, True):
        told = []
        out = tmp_path / f"out-{with_patient}"
        options = {"dicom": out, "with_patient": with_patient, "progress": told.append}
        assert predict(tiny, folder, **options).counts.n_read == 3
        written = sorted(out.iterdir())
        assert [file.name for file in written] == ["b.dcm.sc.dcm", "b.dcm.sr.dcm"]
        assert {PATIENT.encode() in file.read_bytes() for file in written} == {with_patient}
        (message,) = [step.message for step in told if step.message]
        assert message.startswith("without DICOM answers: 2 films")
    with pytest.raises(UsageError, match="--dicom DIR"):
        predict(tiny, folder, with_patient=True)
