import numpy as np
import pytest
import torch
from torch import nn

from carina.domain.input_spec import InputSpec
from carina.domain.recipe import NetworkSection
from carina.errors import RecipeError
from carina.models.build import build_network


def stack(side=64, channels=1, n_classes=3, **options):
    section = NetworkSection(architecture="conv-stack", options=options)
    spec = InputSpec(height=side, width=side, channels=channels)
    return build_network(section, spec=spec, n_classes=n_classes, seed=0)


def images(n=3, side=64, channels=1):
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.random((n, channels, side, side), dtype=np.float32))


def test_five_convolutions_at_500_pixels_have_the_shapes_and_counts_that_keras_prints():
    network = stack(
        500,
        n_classes=2,
        filters=(32, 64, 64, 128, 128),
        dense=(512, 256, 128, 64),
        dropout_maps=0.5,
        dropout_dense=0.0,
    )
    # Keras: (500 - 2) // 2 = 249 -> 123 -> 60 -> 29 -> 13
    assert [row.output_shape for row in network.summary() if "pool" in row.layer] == [
        (None, 249, 249, 32),
        (None, 123, 123, 64),
        (None, 60, 60, 64),
        (None, 29, 29, 128),
        (None, 13, 13, 128),
    ]
    convolutions = [(1, 32), (32, 64), (64, 64), (64, 128), (128, 128)]
    dense = [(13 * 13 * 128, 512), (512, 256), (256, 128), (128, 64), (64, 2)]
    counted = sum(out * (9 * depth + 1) for depth, out in convolutions)
    assert network.n_parameters == counted + sum(out * (into + 1) for into, out in dense)


def test_the_layers_have_the_names_that_the_design_gives():
    network = stack(filters=(4, 8), dense=(16, 8), batch_norm=True)
    names = [row.layer.split(" ")[0] for row in network.summary()]
    assert names == [
        *("conv_1", "norm_1", "pool_1", "conv_2", "norm_2", "pool_2"),
        *("dropout_maps", "flatten", "dense_1", "dropout_1", "dense_2", "dropout_2", "output"),
    ]


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_it_computes_convolution_norm_relu_pooling_in_keras_order(padding, batch_norm):
    network = stack(filters=(4, 8), dense=(16,), padding=padding, batch_norm=batch_norm).eval()
    values = images()
    for index in (1, 2):
        values = network.get_submodule(f"conv_{index}")(values)
        if batch_norm:
            norm = network.get_submodule(f"norm_{index}")
            nn.init.uniform_(norm.weight, -1, 1, generator=torch.Generator().manual_seed(index))
            values = norm(values)
        values = values.relu()
        if index == 2:
            torch.testing.assert_close(network.maps(images()), values)
        values = nn.functional.max_pool2d(values, 2)
    rows = values.permute(0, 2, 3, 1).flatten(1)
    wanted = network.output(network.dense_1(rows).relu())
    torch.testing.assert_close(network(images()), wanted)


def test_batch_normalisation_has_keras_constants():
    norm = stack(batch_norm=True).norm_1
    assert (norm.eps, norm.momentum) == (1e-3, 0.01)


def test_dropout_follows_every_dense_layer_and_precedes_the_first_where_asked():
    network = stack(dense=(8, 8), dropout_maps=0.25, dropout_dense=0.5).train()
    assert (network.dropout_maps.rate, network.dropout_1.p, network.dropout_2.p) == (0.25, 0.5, 0.5)
    passed = []
    for name in ("dropout_maps", "dropout_1", "dropout_2"):
        network.get_submodule(name).register_forward_hook(lambda *_, n=name: passed.append(n))
    with torch.random.fork_rng(devices=[]):
        network(images())
    assert passed == ["dropout_maps", "dropout_1", "dropout_2"]


def test_one_sigmoid_output_gives_two_logits_of_opposite_sign():
    network = stack(n_classes=2, output="sigmoid", dense=()).eval()
    assert network.output.out_features == 1
    logits = network(images())
    torch.testing.assert_close(logits[:, 0], -logits[:, 1])


def test_without_dense_layers_the_features_are_the_flattened_maps():
    network = stack(filters=(4,), dense=()).eval()
    maps = network.maps(images())
    rows = nn.functional.max_pool2d(maps, 2).permute(0, 2, 3, 1).flatten(1)
    torch.testing.assert_close(network.embed(maps), rows)


def test_the_smallest_side_is_named_and_is_the_smallest():
    with pytest.raises(RecipeError, match=r"needs at least 94 pixels a side.*64x64"):
        stack(64, filters=(4, 4, 4, 4, 4))
    assert stack(94, filters=(4, 4, 4, 4, 4)).n_classes == 3
    assert stack(32, filters=(4, 4, 4, 4, 4), padding="same").n_classes == 3


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"filter": (4,)}, "did you mean 'filters'"),
        ({"filters": ()}, r"network\.options\.filters"),
        ({"output": "sigmoid"}, "tells 2 classes apart, and there are 3"),
        ({"dropout_dense": 1.0}, r"network\.options\.dropout_dense = 1\.0"),
        ({"kernel": 4, "padding": "same"}, "'same' needs an odd kernel"),
        ({"padding": "full"}, r"network\.options\.padding"),
    ],
)
def test_options_that_do_not_fit_are_named(options, sentence):
    with pytest.raises(RecipeError, match=sentence):
        stack(**options)
