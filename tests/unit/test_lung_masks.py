"""Lung masks: found beside the films, and brought onto the network's grid."""

import numpy as np
import pytest
from PIL import Image

from carina.data import open_dataset
from carina.data.lung_masks import lung_mask_file
from carina.domain.input_spec import InputSpec
from carina.errors import DatasetError
from carina.imaging.lung_masks import mask_on_grid, read_lung_mask
from carina.imaging.phantom import make_phantom, write_phantoms
from making.datasets import TEST_KEY


def write_mask(file, mask):
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask.astype(np.uint8) * 255).save(file)
    return file


def test_phantoms_are_written_with_their_lungs_and_a_data_set_finds_them(tmp_path):
    counts = {"train": {"Normal": 2}, "test": {"Normal": 1, "COVID-19": 1}}
    write_phantoms(tmp_path / "films", counts=counts, seed=5, lung_masks=True)
    dataset = open_dataset([tmp_path / "films"], patient_key=TEST_KEY)
    assert dataset.counts()["test"] == {"COVID-19": 1, "Normal": 1}
    assert not dataset.left_out
    assert any("4 lung masks in lung-masks/" in note for note in dataset.notes)
    (film,) = [r for r in dataset.records if r.path == "test/COVID-19/phantom-0001.png"]
    assert film.lung_mask == "lung-masks/test/COVID-19/phantom-0001.png"
    rng = np.random.default_rng([5, 1, *b"test/COVID-19"])
    truth = make_phantom("covid", rng=rng).lung_mask
    height, width = truth.shape
    found = read_lung_mask(lung_mask_file(film), height=height, width=width)
    np.testing.assert_array_equal(found, truth)


def test_films_without_a_mask_have_none(tmp_path):
    write_phantoms(tmp_path / "films", counts={"train": {"Normal": 1, "COVID-19": 1}}, seed=5)
    dataset = open_dataset([tmp_path / "films"], patient_key=TEST_KEY)
    assert {lung_mask_file(record) for record in dataset.records} == {None}


def test_a_manifest_names_masks_in_a_column_and_counts_those_that_are_not_there(tmp_path):
    write_phantoms(tmp_path, counts={"all": {"Normal": 2, "COVID-19": 1}}, seed=5)
    write_mask(tmp_path / "masks" / "a.png", np.ones((320, 288), dtype=bool))
    rows = (
        "path,label,lung_mask\n"
        "all/Normal/phantom-0001.png,N,masks/a.png\n"
        "all/Normal/phantom-0002.png,N,masks/b.png\n"
        "all/COVID-19/phantom-0001.png,C,\n"
    )
    (tmp_path / "films.csv").write_text(rows)
    dataset = open_dataset([tmp_path / "films.csv"], patient_key=TEST_KEY)
    files = {record.path: lung_mask_file(record) for record in dataset.records}
    assert files.pop("all/Normal/phantom-0001.png") == tmp_path / "masks" / "a.png"
    assert set(files.values()) == {None}
    assert any("1 cell of the column 'lung_mask'" in note for note in dataset.notes)


@pytest.mark.parametrize(
    ("fit", "expected"),
    [
        ("stretch", (slice(16, 48), slice(16, 48))),
        ("letterbox", (slice(24, 40), slice(16, 48))),
        ("crop", (slice(16, 48), slice(0, 64))),
    ],
)
def test_a_mask_comes_onto_the_grid_as_its_film_does(fit, expected):
    mask = np.zeros((50, 100), dtype=bool)
    mask[12:37, 25:75] = True  # the middle half of each side
    on_grid = np.zeros((64, 64), dtype=bool)
    on_grid[expected] = True
    found = mask_on_grid(mask, InputSpec(height=64, width=64, fit=fit))
    assert (found ^ on_grid).sum() <= 2 * 64  # edges may move by a pixel


def test_a_mask_of_another_film_or_without_lungs_is_refused(tmp_path):
    lungs = write_mask(tmp_path / "a.png", np.ones((64, 64), dtype=bool))
    assert read_lung_mask(lungs, height=128, width=128).all()  # the same shape, but smaller
    with pytest.raises(DatasetError, match="64 x 64 pixels and its film 64 x 90"):
        read_lung_mask(lungs, height=90, width=64)
    empty = write_mask(tmp_path / "b.png", np.zeros((64, 64), dtype=bool))
    with pytest.raises(DatasetError, match="shows no lung"):
        read_lung_mask(empty, height=64, width=64)
