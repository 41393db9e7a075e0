import numpy as np
import torch

from carina.models.gradients import grad_cam
from making.training_films import small_network


def film():
    return np.random.default_rng(2).random((1, 32, 32), dtype=np.float32)


def test_the_map_is_the_weighted_sum_of_the_networks_maps():
    network = small_network(3)
    heat = grad_cam(network, film(), class_index=1)
    assert heat.dtype == np.float32
    assert heat.shape == (13, 13)
    network.eval()
    maps = network.maps(torch.from_numpy(film())[None]).detach().double()
    step = 1e-3
    wanted = np.zeros((13, 13))
    network.double()
    for channel in range(maps.shape[1]):
        up, down = maps.clone(), maps.clone()
        up[:, channel] += step
        down[:, channel] -= step
        with torch.no_grad():
            rise = (network.classify(network.embed(up)) - network.classify(network.embed(down)))[
                0, 1
            ]
        wanted += rise.item() * maps[0, channel].numpy()
    wanted = np.maximum(wanted, 0)
    np.testing.assert_allclose(heat, wanted / wanted.max(), atol=0.01)


def test_it_lies_between_zero_and_one_and_reaches_one():
    heat = grad_cam(small_network(3), film(), class_index=0)
    assert heat.min() >= 0
    assert heat.max() in (0, 1)


def test_where_nothing_speaks_for_the_class_it_is_zero():
    network = small_network()
    with torch.no_grad():
        network.output.weight.zero_()
    assert not grad_cam(network, film(), class_index=1).any()


def test_the_network_is_left_in_its_mode_and_without_gradients():
    network = small_network().train()
    grad_cam(network, film(), class_index=1)
    assert network.training
    assert all(parameter.grad is None for parameter in network.parameters())
