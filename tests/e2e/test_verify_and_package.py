"""A run is verified, changed, packed and verified by somebody else."""

import json
import random
import shutil
import zipfile
from pathlib import Path

import pytest

from carina.files.digest_list import DIGESTS, compare_digests, read_digests, write_digests
from carina.workflows.evaluate import evaluate
from carina.workflows.package import package
from carina.workflows.report import report
from carina.workflows.verify import verify

NOWHERE = "no-such-folder"


def floats_of(value, place=""):
    """Every number with a fraction in plain values: its place, and what sets it."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for name, inner in pairs:
        step = f"{place}.{name}".lstrip(".") if isinstance(value, dict) else f"{place}[{name}]"
        if isinstance(inner, dict | list):
            yield from floats_of(inner, step)
        elif isinstance(inner, float):
            yield step, value, name


@pytest.mark.slow
def test_every_number_of_the_evaluation_is_computed_again_or_named(
    own_run, phantom_films, settings
):
    values = json.loads(own_run.evaluation_file.read_text(encoding="utf-8"))
    places = list(floats_of(values))
    for _, group, name in places:
        group[name] += 1e-3
    own_run.evaluation_file.write_text(json.dumps(values), encoding="utf-8")
    write_digests(own_run.folder)
    found = verify(own_run.folder, phantom_films, settings=settings)
    named = {one.where.removeprefix("evaluation.json: ") for one in found.differences}
    left = {one.where.removeprefix("evaluation.json: ") for one in found.not_checked}
    lost = {place for place, _, _ in places} - named
    # A score of a heat map may move by 0.01, so that a smaller change of it says nothing.
    lost = {p for p in lost if not p.startswith("explanation_scores.")}
    assert {place for place in lost if not any(place.startswith(one) for one in left)} == set()
    assert len(named) > 1000


@pytest.mark.slow
def test_one_changed_byte_in_any_file_is_found(own_run):
    listed = read_digests(own_run.folder)
    rng = random.Random(5)
    kept = {}
    for name in [*listed.files, "classifier/card.json"]:
        file = own_run.folder / name
        data = kept.setdefault(name, file.read_bytes())
        place = rng.randrange(len(data))
        file.write_bytes(
            data[:place] + bytes([data[place] ^ 1 << rng.randrange(8)]) + data[place + 1 :]
        )
        assert compare_digests(own_run.folder, listed).changed == (name,)
        file.write_bytes(data)
    for name, data in kept.items():
        (own_run.folder / name).write_bytes(data[:-2] + bytes([data[-2] ^ 1]) + data[-1:])
    found = verify(own_run.folder, NOWHERE)
    assert set(listed.files) <= {one.where for one in found.differences if one.what == "files"}
    assert "classifier" in {one.what for one in found.differences}


@pytest.mark.slow
def test_one_changed_digit_of_the_list_is_found(own_run):
    file = own_run.folder / DIGESTS
    values = json.loads(file.read_text(encoding="utf-8"))
    own = values["files"]["history.csv"]
    own["sha256"] = ("0" if own["sha256"][0] != "0" else "1") + own["sha256"][1:]
    file.write_text(json.dumps(values), encoding="utf-8")
    found = verify(own_run.folder, NOWHERE)
    assert [one.where for one in found.differences] == ["history.csv"]


@pytest.mark.slow
def test_films_that_are_gone_or_changed_are_named_and_the_rest_is_checked(
    carina_command, own_run, phantom_films, tmp_path
):
    films = Path(shutil.copytree(phantom_films, tmp_path / "phantom films"))
    gone, changed = sorted((films / "test" / "Normal").iterdir())[:2]
    gone.unlink()
    changed.write_bytes(changed.read_bytes() + b"\0")
    moved = sorted((films / "test" / "Pneumonia").iterdir())[0]
    moved.rename(films / "test" / "Pneumonia" / "another-name.png")
    code, out, _ = carina_command("verify", own_run.folder, films, "--json")
    told = json.loads(out)
    assert code == 3
    assert told["is_same"]
    source = own_run.manifest[0].source
    assert told["films"]["missing"] == [f"{source}/test/Normal/{gone.name}"]
    assert told["films"]["changed"] == [f"{source}/test/Normal/{changed.name}"]
    assert told["films"]["n_read"] == 130
    answers = [one for one in told["checks"] if one["what"] == "answers"]
    assert [one["n"] for one in answers] == [24, 34]


@pytest.mark.slow
def test_an_external_test_and_a_new_page_are_on_the_list_and_nothing_else_is_made_good(
    own_run, phantom_films, tmp_path, settings
):
    history = own_run.history_file.read_bytes()
    own_run.history_file.write_bytes(history.replace(b"1,", b"2,", 1))
    films = Path(shutil.copytree(phantom_films / "test", tmp_path / "elsewhere"))
    evaluate(own_run.folder, films, set="evaluate.resamples=150", settings=settings)
    (name,) = own_run.external_names()
    report(own_run.external_dir / name)
    found = verify(own_run.folder, films, settings=settings)
    assert [one.where for one in found.differences] == ["history.csv"]
    outcomes = {(one.what, one.where): one.outcome for one in found.checks}
    assert outcomes["answers", f"external/{name}/predictions.csv"] == "same"
    assert outcomes["numbers", f"external/{name}/evaluation.json"] == "same"

    own_run.history_file.write_bytes(history)
    file = own_run.external_dir / name / "evaluation.json"
    values = json.loads(file.read_text(encoding="utf-8"))
    values["metrics"]["accuracy"]["high"] -= 1e-3
    file.write_text(json.dumps(values), encoding="utf-8")
    write_digests(own_run.folder)
    found = verify(own_run.folder, NOWHERE, settings=settings)
    place = f"external/{name}/evaluation.json: metrics.accuracy.high"
    assert [one.where for one in found.differences] == [place]


@pytest.mark.slow
def test_a_package_is_the_same_bytes_and_holds_no_film_and_no_folder(
    own_run, phantom_films, tmp_path, carina_command
):
    (own_run.folder / "report.pdf").write_bytes(b"%PDF with films")
    write_digests(own_run.folder)
    one = package(own_run.folder, out=tmp_path / "one.zip")
    two = package(own_run.folder, out=tmp_path / "two.zip")
    assert one.file.read_bytes() == two.file.read_bytes()
    assert one.sha256 == two.sha256
    pictures = [f.read_bytes() for f in own_run.thumbnails_dir.iterdir()]
    with zipfile.ZipFile(one.file) as opened:
        names = opened.namelist()
        contents = {name: opened.read(name) for name in names}
    assert not [n for n in names if n.startswith(("thumbnails", "explanations", "films"))]
    assert "report.pdf" not in names
    assert b"data:image/jpeg" not in contents["report.html"]
    assert not [n for n, data in contents.items() if any(p in data for p in pictures)]
    environment = own_run.environment
    here = [*environment.data, *environment.sources.values(), str(own_run.folder), str(Path.home())]
    said = [
        (n, p) for n, data in contents.items() for p in here if len(p) > 4 and p.encode() in data
    ]
    assert said == []
    code, out, _ = carina_command("verify", one.file, "--json")
    told = json.loads(out)
    assert (code, told["is_same"], told["kind"]) == (0, True, "package")
    assert told["films"]["n_read"] == 0


@pytest.mark.slow
def test_a_package_with_films_is_verified_with_them_and_a_changed_one_is_found(
    own_run, tmp_path, settings
):
    made = package(own_run.folder, out=tmp_path / "whole.zip", with_films=True)
    found = verify(made.file, settings=settings)
    assert found.is_same
    assert found.films.n_read == found.films.n_recorded == 132
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(made.file) as old, zipfile.ZipFile(other, "w") as new:
        film = next(name for name in old.namelist() if name.startswith("films/"))
        for name in old.namelist():
            data = old.read(name)
            if name in (film, "report.html"):
                data = data[:-1] + b"!"
            new.writestr(name, data)
    found = verify(other, settings=settings)
    assert {one.where for one in found.differences} == {film, "report.html"}
    assert len(found.films.changed) == 1


@pytest.mark.slow
def test_a_run_that_was_changed_is_not_handed_over(own_run, tmp_path):
    from carina.errors import RunError, UsageError

    with pytest.raises(UsageError, match="in the run itself"):
        package(own_run.folder, out=own_run.folder / "p.zip")
    own_run.history_file.write_bytes(own_run.history_file.read_bytes() + b"\n")
    with pytest.raises(RunError, match=r"history\.csv.*carina verify"):
        package(own_run.folder, out=tmp_path / "p.zip")
    assert not (tmp_path / "p.zip").exists()


def test_a_package_that_lost_its_list_is_not_the_same(own_run, tmp_path):
    file = tmp_path / "p.zip"
    with zipfile.ZipFile(file, "w") as made:
        for one in own_run.folder.rglob("*"):
            if one.is_file() and one.name != "digests.json":
                made.write(one, one.relative_to(own_run.folder).as_posix())
    (gone,) = verify(file).differences
    assert (gone.where, gone.found) == ("digests.json", "missing")


def test_a_file_that_is_no_package_or_leaves_its_folder_is_refused(tmp_path, carina_command):
    file = tmp_path / "p.zip"
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("../recipe.toml", "")
    for content in (file.read_bytes(), b"PK\x03\x04 nothing"):
        file.write_bytes(content)
        code, _, said = carina_command("verify", file)
        assert code == 2, said
    assert not (tmp_path.parent / "recipe.toml").exists()
