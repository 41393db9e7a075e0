"""Features of fixed layers: the same numbers as through the whole network, computed once."""

import dataclasses

import numpy as np
import pytest
import torch

from carina.domain.input_spec import InputSpec
from carina.domain.recipe import AugmentSection
from carina.training.features import Features, Views
from carina.training.frozen_part import FrozenPart
from carina.training.loading import epoch_batches
from making.backbones import tiny_backbone
from making.training_films import SMALL, easy_part

FLIPPED = AugmentSection(horizontal_flip=True, rotation_degrees=15, views=2)
PART = easy_part(11)
ORDER = np.array([3, 0, 10, 3, 5, 3])


def frozen(trained="head", *, seed=0, bf16=False, network=None, spec=SMALL):
    return FrozenPart(network or tiny_backbone(trained, seed=seed, spec=spec).eval(), spec, bf16)


def values_of(features, order=ORDER, *, epoch=1, batch_size=4):
    with features.batches(order, batch_size=batch_size, epoch=epoch) as batches:
        return torch.cat([batch.images for batch in batches])


def images_of(augment, order=ORDER, *, epoch=1, part=PART, seed=0):
    with epoch_batches(
        part, order, batch_size=4, augment=augment, seed=seed, epoch=epoch
    ) as batches:
        return torch.cat([batch.images for batch in batches])


@pytest.fixture
def n_computed(monkeypatch):
    """How many films the fixed layers were shown."""
    counts = []
    whole = FrozenPart.__call__

    def counting(self, films):
        counts.append(len(films))
        return whole(self, films)

    monkeypatch.setattr(FrozenPart, "__call__", counting)
    return lambda: sum(counts)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("trained", ["head", "last-block"])
@pytest.mark.parametrize("augment", [AugmentSection(), FLIPPED])
def test_features_are_what_the_fixed_layers_make_of_the_same_films(trained, augment, channels):
    part = frozen(trained, spec=InputSpec(height=32, width=32, channels=channels))
    features = Features(part, PART, views=Views(augment, 0))
    for epoch in (1, 2, 3):
        with torch.no_grad():
            images = images_of(augment, epoch=epoch).expand(-1, channels, -1, -1)
            wanted = part.network.frozen(images)
        # 1e-5: another batch may be added up in another order
        torch.testing.assert_close(values_of(features, epoch=epoch), wanted, rtol=1e-5, atol=1e-5)


def test_features_in_bf16_are_kept_as_they_are_computed():
    part = frozen("last-block", bf16=True)
    found = values_of(Features(part, PART))
    assert found.dtype == torch.bfloat16
    films = images_of(AugmentSection(), np.array([3, 0, 10, 5]))
    assert torch.equal(found[[0, 1, 2, 4]], part(films))


def test_maps_come_in_the_layout_that_convolutions_take():
    found = values_of(Features(frozen("last-block"), PART))
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_labels_come_with_their_films():
    with Features(frozen(), PART).batches(ORDER, batch_size=4) as batches:
        found = torch.cat([batch.labels for batch in batches])
    assert found.tolist() == PART.labels[ORDER].tolist()


def test_a_film_that_nothing_changes_is_computed_once(n_computed, tmp_path):
    features = Features(frozen(), PART, cache_dir=tmp_path)
    for epoch in (1, 2, 3):
        values_of(features, epoch=epoch)
    assert n_computed() == len(set(ORDER.tolist()))


def test_a_film_with_a_few_views_is_computed_once_for_each(n_computed, tmp_path):
    features = Features(frozen(), PART, views=Views(FLIPPED, 0), cache_dir=tmp_path)
    found = [values_of(features, np.arange(11), epoch=epoch) for epoch in (1, 2, 3, 4)]
    assert n_computed() == 2 * 11
    assert torch.equal(found[0], found[2])
    assert torch.equal(found[1], found[3])
    assert not torch.equal(found[0], found[1])


def test_another_object_computes_nothing_that_is_on_disk(n_computed, tmp_path):
    first = values_of(Features(frozen(), PART, cache_dir=tmp_path))
    before = n_computed()
    again = values_of(Features(frozen(), PART, cache_dir=tmp_path))
    assert n_computed() == before
    assert torch.equal(first, again)


def test_an_interrupted_computation_goes_on_at_the_next_film(n_computed, tmp_path, monkeypatch):
    monkeypatch.setattr("carina.training.features.FILMS_AT_ONCE", 3)

    def stop(step):
        if step.done >= 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        values_of(Features(frozen(), PART, cache_dir=tmp_path, progress=stop), np.arange(11))
    assert n_computed() == 6
    values_of(Features(frozen(), PART, cache_dir=tmp_path), np.arange(11))
    assert n_computed() == 11


def other_scaling(network):
    network.scaling.set("torch")


def other_weight(network):
    with torch.no_grad():
        network.stages[1][0].weight[0, 0, 0, 0] += 1e-6


def other_statistics(network):
    network.stages[2][1].running_mean[0] += 1e-6


def other_structure(network):
    network.stages[0][3] = torch.nn.AvgPool2d(2)


def fewer_fixed(network):
    network.freeze("last-block")


@pytest.mark.parametrize(
    "change", [other_scaling, other_weight, other_statistics, other_structure, fewer_fixed]
)
def test_other_fixed_layers_have_other_features(change, tmp_path):
    values_of(Features(frozen(), PART, cache_dir=tmp_path))
    network = tiny_backbone().eval()
    change(network)
    part = frozen(network=network)
    found = values_of(Features(part, PART, cache_dir=tmp_path))
    with torch.no_grad():
        wanted = network.frozen(images_of(AugmentSection()))
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
    assert part.digest != frozen().digest


def test_a_trained_layer_does_not_matter_to_the_features(tmp_path):
    network = tiny_backbone("last-block").eval()
    before = frozen(network=network).digest
    with torch.no_grad():
        network.stages[2][0].weight.add_(1)
        network.head.output.bias.add_(1)
    assert frozen(network=network).digest == before


def test_precision_and_threads_are_part_of_what_features_are():
    before = torch.get_num_threads()
    digests = {frozen().digest, frozen(bf16=True).digest}
    try:
        torch.set_num_threads(before + 1)
        digests.add(frozen().digest)
    finally:
        torch.set_num_threads(before)
    assert len(digests) == 3


def test_the_pixels_decide_and_not_the_name(n_computed, tmp_path):
    values_of(Features(frozen(), PART, cache_dir=tmp_path), np.arange(11))
    renamed = dataclasses.replace(
        PART,
        keys=tuple(f"x-{key}" for key in PART.keys),
        read_levels=lambda keys: PART.read_levels([key[2:] for key in keys]),
    )
    values_of(Features(frozen(), renamed, cache_dir=tmp_path), np.arange(11))
    assert n_computed() == 11
    prepared_otherwise = dataclasses.replace(
        PART, read_levels=lambda keys: PART.read_levels(keys) // 2
    )
    values_of(Features(frozen(), prepared_otherwise, cache_dir=tmp_path), np.arange(11))
    assert n_computed() == 22


@pytest.mark.parametrize(
    "other", [Views(FLIPPED, 1), Views(FLIPPED.model_copy(update={"rotation_degrees": 5.0}), 0)]
)
def test_another_seed_or_another_change_is_another_view(other, tmp_path):
    one = values_of(Features(frozen(), PART, views=Views(FLIPPED, 0), cache_dir=tmp_path))
    two = values_of(Features(frozen(), PART, views=other, cache_dir=tmp_path))
    assert not torch.equal(one, two)


def test_a_film_shown_twice_is_changed_in_two_ways():
    found = values_of(Features(frozen(), PART, views=Views(FLIPPED, 0)))
    assert not torch.equal(found[0], found[3])


def test_more_views_of_the_same_kind_keep_those_there_are(n_computed, tmp_path):
    order = np.arange(11)
    values_of(Features(frozen(), PART, views=Views(FLIPPED, 0), cache_dir=tmp_path), order)
    more = Views(FLIPPED.model_copy(update={"views": 5}), 0)
    values_of(Features(frozen(), PART, views=more, cache_dir=tmp_path), order)
    assert n_computed() == 11


def test_progress_tells_films_computed_and_their_number(tmp_path):
    told = []
    values_of(Features(frozen(), PART, cache_dir=tmp_path, progress=told.append), np.arange(11))
    assert [(step.stage, step.done, step.total) for step in told] == [
        ("computing features", 11, 11)
    ]
    values_of(Features(frozen(), PART, cache_dir=tmp_path, progress=told.append))
    assert len(told) == 1


def test_a_damaged_file_of_features_is_computed_anew(tmp_path):
    first = values_of(Features(frozen(), PART, cache_dir=tmp_path))
    (file,) = tmp_path.glob("features/*/rows.bin")
    data = bytearray(file.read_bytes())
    data[10] ^= 0xFF
    file.write_bytes(data)
    again = values_of(Features(frozen(), PART, cache_dir=tmp_path))
    torch.testing.assert_close(first, again, rtol=1e-6, atol=1e-6)
