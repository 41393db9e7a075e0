"""A noise filter is part of the input: the same for training and serving, or refused."""

import sys

import numpy as np
import pytest

pytest.importorskip("skimage", reason="noise filters need the extra 'denoise'")
pytest.importorskip("pywt", reason="noise filters need the extra 'denoise'")

from carina.data import open_dataset
from carina.data.patients import load_patient_key
from carina.data.scan import scan_films
from carina.domain.input_spec import InputSpec
from carina.domain.recipe import Recipe
from carina.errors import MissingExtraError, RecipeError, UnknownNameError
from carina.files.recipes import with_settings
from carina.imaging import read_radiograph
from carina.imaging.denoise import FILTERS, denoised, filter_versions
from carina.imaging.phantom import write_phantoms
from carina.imaging.prepare import fitted_film, prepare, prepare_levels
from carina.inference.bundle import load_classifier
from making.classifiers import SIDE, write_tiny_classifier
from making.films import film_of

every_filter = pytest.mark.parametrize("name", FILTERS.names())


def noise(height=60, width=40):
    return film_of(np.random.default_rng(2).random((height, width), dtype=np.float32))


@pytest.fixture
def dataset(tmp_path, settings):
    """Four synthetic films of two classes."""
    write_phantoms(tmp_path / "films", counts={"train": {"Normal": 2, "COVID-19": 2}}, seed=1)
    key = load_patient_key(settings.config_dir, given=None)
    return open_dataset([tmp_path / "films"], patient_key=key)


@pytest.fixture
def without_scikit_image(monkeypatch):
    """Imports and look-ups of scikit-image fail as where it is not installed."""
    for module in [name for name in sys.modules if name.split(".")[0] == "skimage"]:
        monkeypatch.setitem(sys.modules, module, None)
    for module in ("skimage", "skimage.filters", "skimage.restoration"):
        monkeypatch.setitem(sys.modules, module, None)


@every_filter
def test_preparing_filters_the_fitted_film_and_rounds_it_to_the_grid(name):
    spec = InputSpec(height=32, width=32, denoise=name)
    film = noise()
    levels = prepare_levels(film, spec)
    wanted = np.rint(denoised(fitted_film(film, spec), name) * np.float32(65535))
    np.testing.assert_array_equal(levels, wanted.astype(np.uint16))
    plain = prepare_levels(film, spec.model_copy(update={"denoise": "none"}))
    assert (levels != plain).mean() > 0.5


@every_filter
def test_the_padding_of_a_letterbox_stays_black_and_does_not_reach_the_film(name):
    film = film_of(0.6 + 0.4 * noise(80, 40).pixels)
    prepared = prepare(film, InputSpec(height=40, width=40, fit="letterbox", denoise=name))[0]
    np.testing.assert_array_equal(prepared[:, :10], 0)
    np.testing.assert_array_equal(prepared[:, 30:], 0)
    assert prepared[:, 10:30].min() > 0.5


@every_filter
def test_the_cache_of_training_holds_what_serving_makes(name, dataset, settings):
    spec = InputSpec(height=48, width=48, denoise=name)
    pixels = scan_films(dataset, spec=spec, cache_dir=settings.cache_dir).pixels
    for record in dataset.records:
        levels = prepare_levels(read_radiograph(record.file), spec)
        np.testing.assert_array_equal(pixels.levels([record.key])[0], levels)


def test_every_filter_has_pixels_of_its_own_in_the_cache():
    names = ("none", *FILTERS.names())
    assert len({InputSpec(denoise=name).digest for name in names}) == len(names)


def test_the_cache_names_the_versions_that_made_the_pixels(dataset, settings):
    spec = InputSpec(height=32, width=32, denoise="median")
    scan_films(dataset, spec=spec, cache_dir=settings.cache_dir)
    (folder,) = settings.cache_dir.glob("levels-*")
    assert filter_versions("none") == ()
    assert all(version in folder.name for version in filter_versions("median"))


def test_a_recipe_with_an_unknown_filter_is_refused_with_the_known_ones():
    with pytest.raises(RecipeError, match="'median'"):
        with_settings(Recipe(), ["input.denoise=medain"])


def test_an_unknown_filter_is_refused_with_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'median'"):
        denoised(noise().pixels, "medain")


def test_a_classifier_answers_on_the_filtered_film(tmp_path):
    specs = [InputSpec(height=SIDE, width=SIDE, denoise=name) for name in ("none", "gaussian")]
    plain, filtered = (
        load_classifier(write_tiny_classifier(tmp_path / spec.denoise, spec=spec)) for spec in specs
    )
    film = noise(SIDE, SIDE)
    blurred = film_of(denoised(film.pixels, "gaussian"))
    # one rounding to the 16-bit grid
    assert filtered.predict(film).logits == pytest.approx(plain.predict(blurred).logits, abs=1e-4)
    assert filtered.predict(film).logits != plain.predict(film).logits


@pytest.mark.usefixtures("without_scikit_image")
def test_a_classifier_whose_filter_is_not_installed_is_refused_when_it_is_loaded(tmp_path):
    spec = InputSpec(height=SIDE, width=SIDE, denoise="median")
    folder = write_tiny_classifier(tmp_path / "c", spec=spec)
    with pytest.raises(MissingExtraError, match=r"classifier 'tiny'.*'median'.*carina\[denoise\]"):
        load_classifier(folder)


@pytest.mark.usefixtures("without_scikit_image")
def test_a_classifier_without_a_filter_does_not_need_the_extra(tmp_path):
    loaded = load_classifier(write_tiny_classifier(tmp_path / "c"))
    assert loaded.predict(noise()).predicted


@pytest.mark.usefixtures("without_scikit_image")
def test_pixels_are_never_prepared_without_the_filter_that_is_asked_for():
    with pytest.raises(MissingExtraError, match=r"'median'.*carina\[denoise\]"):
        prepare(noise(), InputSpec(denoise="median"))


@pytest.mark.usefixtures("without_scikit_image")
def test_a_training_whose_filter_is_not_installed_is_refused_before_any_work(settings, tmp_path):
    pytest.importorskip("torch", reason="training needs the extra 'train'")
    from carina.workflows.train import train

    with pytest.raises(MissingExtraError, match=r"input\.denoise=wavelet.*carina\[denoise\]"):
        train(
            tmp_path / "absent",
            set=["input.denoise=wavelet"],
            out=tmp_path / "run",
            settings=settings,
        )
    assert not (tmp_path / "run").exists()
    assert not settings.cache_dir.exists()
