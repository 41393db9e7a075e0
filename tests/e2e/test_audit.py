"""The audit of films on disk, from a folder to the findings and the page."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from carina.imaging.phantom import make_phantom
from carina.workflows.audit import audit


def write(path, pixels, *, quality=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(np.rint(pixels * 255).astype(np.uint8))
    if quality is None:
        image.save(path)
    else:
        image.save(path, format="JPEG", quality=quality)


def film(seed, finding="normal"):
    return make_phantom(finding, rng=np.random.default_rng(seed), height=160, width=144).pixels


def recompressed(pixels):
    """A film as another program saves it: smaller, with more contrast, as JPEG."""
    image = Image.fromarray(np.rint(pixels * 255).astype(np.uint8)).resize((130, 144))
    image = image.point(lambda grey: int(min(255, max(0, (grey - 20) * 1.15))))
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=70)
    return Image.open(io.BytesIO(buffer.getvalue()))


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two data sets: `ours` with a leaked near-duplicate, a conflict and damaged files, and
    `other`, which has three of its films."""
    root = tmp_path_factory.mktemp("audited")
    ours, other = root / "ours", root / "other"
    for label, finding, first in (("Normal", "normal", 0), ("COVID-19", "covid", 100)):
        for number in range(14):
            part = "train" if number < 9 else "test"
            write(ours / part / label / f"{number:02d}.png", film(first + number, finding))
        for number in range(6):
            write(other / label / f"other-{number}.png", film(500 + first + number, finding))
    (ours / "test" / "Normal" / "copy.jpg").write_bytes(b"")
    recompressed(film(3)).save(ours / "test" / "Normal" / "copy.jpg")
    write(ours / "train" / "COVID-19" / "wrong.bmp", film(5))
    (ours / "train" / "Normal" / "damaged.png").write_bytes(b"\x89PNG\r\n\x1a\n and then nothing")
    write(other / "Normal" / "same.png", film(7))
    recompressed(film(8)).save(other / "Normal" / "nearly.png")
    write(other / "COVID-19" / "wrong.png", film(6))
    return ours, other


@pytest.fixture(scope="module")
def found(folders, tmp_path_factory):
    place = tmp_path_factory.mktemp("audit")
    ours, other = folders
    return audit(ours, against=other, out=place / "out")


def test_a_near_duplicate_leak_is_found(found):
    (leak,) = [leak for leak in found.audit.leaks if leak.kind == "near-duplicate"]
    assert (leak.a, leak.b) == ("train/Normal/03.png", "test/Normal/copy.jpg")
    assert ("test/Normal/copy.jpg", "train/Normal/03.png") in found.audit.near_duplicates


def test_one_film_under_two_classes_is_found(found):
    (conflict,) = found.audit.label_conflicts
    assert conflict.paths == ("train/COVID-19/wrong.bmp", "train/Normal/05.png")


def test_what_two_data_sets_share_is_found_with_its_kind_and_classes(found):
    shared = {(film.a, film.b, film.kind, film.labels) for film in found.audit.against}
    both = ("Normal", "Normal")
    assert shared == {
        ("train/Normal/07.png", "other/Normal/same.png", "identical-bytes", both),
        ("train/Normal/08.png", "other/Normal/nearly.png", "near-duplicate", both),
        ("train/Normal/06.png", "other/COVID-19/wrong.png", "identical-bytes",
         ("Normal", "COVID-19")),
    }  # fmt: skip
    sentences = " ".join(finding.sentence for finding in found.audit.findings)
    assert "3 films also in the other data set" in sentences
    assert "1 film under another class there" in sentences


def test_a_damaged_file_is_named_and_never_called_clean(found):
    (bad,) = found.audit.unreadable
    assert bad.path == "train/Normal/damaged.png"
    assert any("cannot be read" in sentence for sentence in found.audit.not_checked)


def test_confounders_and_sources_and_power_are_there(found):
    signals = {one.signal for one in found.audit.confounders}
    assert {"file-format", "colour-mode", "image-size", "frame", "corners"} <= signals
    assert all(one.chance == 0.5 and one.sentence for one in found.audit.confounders)
    assert found.audit.power.n == 11


def test_the_page_shows_the_pairs_and_names_no_file_outside(found):
    page = (found.folder / "audit.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64") + page.count("data:image/jpeg;base64") >= 8
    assert "test/Normal/copy.jpg" in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_the_document_is_what_the_result_holds(found):
    written = json.loads((found.folder / "audit.json").read_text(encoding="utf-8"))
    assert written["leaks"][0]["parts"] == ["train", "test"]
    assert len(written["against"]) == 3


def test_strict_exits_4_on_a_critical_finding_and_3_tells_of_skipped_files(
    folders, carina_command, tmp_path
):
    ours, other = folders
    code, _, _ = carina_command("audit", ours, "--strict", "--out", tmp_path / "a")
    assert code == 4
    code, out, _ = carina_command("audit", ours, "--against", other, "--out", tmp_path / "b")
    assert code == 3
    assert len([line for line in out.splitlines() if line.strip()]) < 40
    code, _, _ = carina_command("audit", other, "--out", tmp_path / "c")
    assert code == 0
