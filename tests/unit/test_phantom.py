"""Synthetic films: what they say is true of them is true, and only lesions tell the class."""

import numpy as np
import pytest
from PIL import Image, ImageFilter

from carina.domain.progress import Step
from carina.errors import UnknownNameError
from carina.imaging.phantom import PHANTOM_CLASSES, PHANTOM_FINDINGS, make_phantom, write_phantoms

N_PATIENTS = 10
SICK = ("pneumonia", "covid")


@pytest.fixture(scope="module")
def films():
    """The same patients with every finding: from one state of the generator each."""
    return {
        finding: [
            make_phantom(finding, rng=np.random.default_rng(seed)) for seed in range(N_PATIENTS)
        ]
        for finding in PHANTOM_FINDINGS
    }


def widened(mask, pixels):
    """Return a mask grown by at least a number of pixels to all sides, on a grid of 4 pixels."""
    coarse = mask.reshape(mask.shape[0] // 4, 4, mask.shape[1] // 4, 4).any(axis=(1, 3))
    image = Image.fromarray((coarse * 255).astype(np.uint8))
    grown = np.asarray(image.filter(ImageFilter.MaxFilter(2 * (pixels // 4) + 1))) > 0
    return grown.repeat(4, axis=0).repeat(4, axis=1)


def halves(mask):
    """Return how many pixels lie at the picture's left and right."""
    middle = mask.shape[1] // 2
    return int(mask[:, :middle].sum()), int(mask[:, middle:].sum())


@pytest.mark.parametrize("finding", PHANTOM_FINDINGS)
def test_one_seed_gives_one_film_and_another_seed_another(finding):
    one, again, other = (
        make_phantom(finding, rng=np.random.default_rng(seed), height=96, width=80)
        for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(one.pixels, again.pixels)
    np.testing.assert_array_equal(one.lesion_mask, again.lesion_mask)
    assert np.abs(one.pixels - other.pixels).mean() > 0.02


@pytest.mark.parametrize("finding", PHANTOM_FINDINGS)
@pytest.mark.parametrize("size", [(320, 288), (64, 64), (32, 200), (150, 90)])
def test_pixels_and_masks_have_the_asked_size_and_range(finding, size):
    rng = np.random.default_rng(1)
    phantom = make_phantom(finding, rng=rng, height=size[0], width=size[1])
    assert phantom.pixels.shape == phantom.lung_mask.shape == phantom.lesion_mask.shape == size
    assert phantom.pixels.dtype == np.float32
    assert 0 <= phantom.pixels.min() < phantom.pixels.max() <= 1
    assert phantom.finding == finding
    assert phantom.lung_mask.any()


def test_lesions_lie_within_the_lungs_and_only_in_sick_ones(films):
    for finding in PHANTOM_FINDINGS:
        for phantom in films[finding]:
            assert phantom.lesion_mask.any() == (finding != "normal")
            assert not (phantom.lesion_mask & ~phantom.lung_mask).any()


def test_covid_has_lesions_in_both_lungs_and_pneumonia_in_one(films):
    for phantom in films["covid"]:
        assert min(halves(phantom.lesion_mask)) > 200
    for phantom in films["pneumonia"]:
        assert min(halves(phantom.lesion_mask)) == 0
        assert max(halves(phantom.lesion_mask)) > 800


def test_covid_lies_lower_and_nearer_to_the_wall_than_the_lung_on_average(films):
    lower, outer = [], []
    for phantom in films["covid"]:
        rows, columns = np.nonzero(phantom.lesion_mask)
        lung_rows, lung_columns = np.nonzero(phantom.lung_mask)
        middle = lung_columns.mean()
        lower.append(rows.mean() - lung_rows.mean())
        outer.append(np.abs(columns - middle).mean() - np.abs(lung_columns - middle).mean())
    assert min(lower) > 0
    assert min(outer) > 0


@pytest.mark.parametrize("finding", SICK)
def test_lesions_make_the_lung_brighter_where_they_are(films, finding):
    for normal, sick in zip(films["normal"], films[finding], strict=True):
        change = (sick.pixels - normal.pixels)[sick.lesion_mask]
        assert change.mean() > 0.02
        assert change.min() >= 0


@pytest.mark.parametrize("finding", SICK)
def test_one_patient_healthy_and_sick_differs_at_the_lesions_only(films, finding):
    for normal, sick in zip(films["normal"], films[finding], strict=True):
        np.testing.assert_array_equal(normal.lung_mask, sick.lung_mask)
        changed = np.abs(sick.pixels - normal.pixels) > 0.5 / 255  # what an 8-bit film can show
        # lesions fade out over less than an eighth of the film's width
        assert not (changed & ~widened(sick.lesion_mask, 36)).any()
        # and stay within the lungs, up to their soft rim
        assert not (changed & ~widened(sick.lung_mask, 12)).any()


def test_a_film_looks_like_a_chest_in_the_large(films):
    for phantom in films["normal"]:
        lungs = phantom.lung_mask
        left, right = halves(lungs)
        assert 0.15 < lungs.mean() < 0.4
        assert 0.5 < left / right < 2
        rows = np.nonzero(lungs.any(axis=1))[0]
        below = phantom.pixels[rows.max() : rows.max() + 15, 110:180]
        spine = phantom.pixels[rows.min() : rows.max(), 132:156]
        assert phantom.pixels[lungs].mean() < 0.5 < below.mean()
        assert spine.mean() > phantom.pixels[lungs].mean() + 0.2
        corner = phantom.pixels[5:20, 5:20]
        assert corner.mean() < below.mean()


def test_the_heart_lies_to_the_pictures_right_and_the_lung_there_lower():
    rng = np.random.default_rng(0)
    masks = [make_phantom("normal", rng=rng).lung_mask for _ in range(15)]
    lowest = []
    for lungs in masks:
        left, right = halves(lungs)
        assert left > right
        lowest += [
            np.nonzero(half.any(axis=1))[0].max() for half in (lungs[:, :144], lungs[:, 144:])
        ]
    # of one patient a tilt may turn it; the patients' mean does not depend on that
    assert np.mean(lowest[1::2]) > np.mean(lowest[0::2]) + 2


def test_exposure_frame_and_marker_vary_from_film_to_film(films):
    corners = [float(p.pixels[2:10, 2:10].mean()) for p in films["normal"]]
    lungs = [float(p.pixels[p.lung_mask].mean()) for p in films["normal"]]
    assert np.std(lungs) > 0.01
    assert np.std(corners) > 0.01


def test_films_of_another_size_show_the_same_patient():
    large = make_phantom("covid", rng=np.random.default_rng(3), height=320, width=288)
    rng = np.random.default_rng(3)
    small = make_phantom("normal", rng=rng, height=160, width=144)
    halved = np.asarray(Image.fromarray(large.lung_mask.astype(np.uint8) * 255).reduce(2)) > 127
    assert (halved == small.lung_mask).mean() > 0.98


def test_an_unknown_finding_names_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'pneumonia'"):
        make_phantom("pneumona", rng=np.random.default_rng(0))


def test_a_size_in_which_nothing_can_be_seen_is_a_wrong_call():
    with pytest.raises(ValueError, match="32"):
        make_phantom("normal", rng=np.random.default_rng(0), height=31, width=64)


def test_written_films_are_8_bit_grey_png_in_class_folders(tmp_path):
    steps = []
    counts = {"train": {"Normal": 2, "COVID-19": 1}, "test": {"Pneumonia": 1}}
    write_phantoms(tmp_path, counts=counts, seed=4, progress=steps.append)
    written = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.png"))
    assert written == [
        "test/Pneumonia/phantom-0001.png",
        "train/COVID-19/phantom-0001.png",
        "train/Normal/phantom-0001.png",
        "train/Normal/phantom-0002.png",
    ]
    for name in written:
        with Image.open(tmp_path / name) as image:
            assert (image.format, image.mode, image.size) == ("PNG", "L", (288, 320))
    assert steps[-1] == Step("drawing films", 4, 4)
    assert [step.done for step in steps] == [0, 1, 2, 3, 4]


def test_a_film_does_not_depend_on_which_others_are_written(tmp_path):
    both = {"train": {"Normal": 2, "COVID-19": 1}, "test": {"Normal": 1}}
    write_phantoms(tmp_path / "all", counts=both, seed=4)
    write_phantoms(tmp_path / "one", counts={"train": {"COVID-19": 1}}, seed=4)
    name = "train/COVID-19/phantom-0001.png"
    assert (tmp_path / "all" / name).read_bytes() == (tmp_path / "one" / name).read_bytes()
    contents = {p.read_bytes() for p in (tmp_path / "all").rglob("*.png")}
    assert len(contents) == 4


def test_an_unknown_class_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(UnknownNameError, match="did you mean 'Normal'"):
        write_phantoms(tmp_path / "films", counts={"train": {"Normall": 1}}, seed=0)
    assert not (tmp_path / "films").exists()


def test_every_finding_has_a_class_folder():
    assert sorted(PHANTOM_CLASSES.values()) == sorted(PHANTOM_FINDINGS)
