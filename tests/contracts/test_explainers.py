"""What every registered explanation method must do."""

import numpy as np
import pytest

import carina.inference.explain
from carina.domain.explanation import METHODS_WITH_MAPS, METHODS_WITHOUT_MAPS
from carina.errors import ClassifierError
from carina.inference.explain import EXPLAINERS
from making.heads import film_in

every_method = pytest.mark.parametrize("method", EXPLAINERS.names())
OPPOSED = np.array([[1.0, -1.0], [-1.0, 1.0]])


def explained(method, film, class_index):
    return EXPLAINERS.get(method).explain(film, class_index=class_index)


def some_film(n_classes=3):
    rng = np.random.default_rng(0)
    return film_in(rng.random((5, 14, 18), dtype=np.float32), rng.normal(size=(5, n_classes)))


@every_method
@pytest.mark.parametrize("class_index", [0, 1, 2])
def test_heat_is_a_map_and_never_below_zero(method, class_index):
    heat = explained(method, some_film(), class_index)
    assert heat.ndim == 2
    assert heat.dtype == np.float32
    assert heat.min() >= 0
    assert np.isfinite(heat).all()


@every_method
def test_heat_lies_where_the_map_that_speaks_for_the_class_does(method):
    maps = np.zeros((2, 6, 6), dtype=np.float32)
    maps[0, 1, 1] = 1
    maps[1, 4, 4] = 1
    film = film_in(maps, OPPOSED)
    assert np.unravel_index(explained(method, film, 0).argmax(), (6, 6)) == (1, 1)
    assert np.unravel_index(explained(method, film, 1).argmax(), (6, 6)) == (4, 4)


@every_method
def test_where_nothing_speaks_for_the_class_there_is_no_heat(method):
    maps = np.zeros((2, 6, 6), dtype=np.float32)
    assert not explained(method, film_in(maps, np.ones((2, 2))), 0).any()
    maps[0] = 1  # speaks for the other class alone
    assert not explained(method, film_in(maps, np.array([[-1.0, 1.0], [0.0, 0.0]])), 0).any()


@every_method
def test_a_network_that_does_not_look_gives_no_heat(method):
    film = film_in(np.random.default_rng(0).random((3, 12, 12), dtype=np.float32), np.zeros((3, 2)))
    assert not explained(method, film, 1).any()


@pytest.mark.parametrize("method", ["grad-cam", "ablation-cam"])
def test_heat_that_no_number_holds_is_refused(method):
    damaged = film_in(np.full((2, 6, 6), 1e30, dtype=np.float32), np.full((2, 2), 1e30))
    with pytest.raises(ClassifierError, match="its weights are damaged"):
        explained(method, damaged, 0)


@every_method
def test_the_same_film_gives_the_same_heat(method):
    film = some_film()
    np.testing.assert_array_equal(explained(method, film, 1), explained(method, film, 1))


@every_method
def test_little_room_at_once_gives_the_same_heat(method, monkeypatch):
    film = some_film()
    whole = explained(method, film, 1)
    for module in ("grad_cam", "ablation_cam", "occlusion"):
        monkeypatch.setattr(getattr(carina.inference.explain, module), "CHUNK_BYTES", 1)
    np.testing.assert_allclose(explained(method, film, 1), whole, atol=1e-5 * whole.max())


@every_method
def test_a_card_knows_which_methods_need_maps(method):
    assert (method in METHODS_WITH_MAPS) == EXPLAINERS.get(method).needs_maps
    assert (method in METHODS_WITHOUT_MAPS) != (method in METHODS_WITH_MAPS)


@pytest.mark.parametrize("method", METHODS_WITH_MAPS)
def test_a_method_of_maps_gives_a_map_of_their_size(method):
    assert explained(method, some_film(), 0).shape == (14, 18)


@pytest.mark.parametrize("method", METHODS_WITHOUT_MAPS)
def test_a_method_without_maps_asks_the_network_alone(method):
    film = some_film()
    alone = carina.inference.explain.FilmInNetwork(image=film.image, network=film.network)
    np.testing.assert_array_equal(explained(method, alone, 0), explained(method, film, 0))
