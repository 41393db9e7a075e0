"""What computes fixed layers: torch, or OpenVINO where that takes less time in all."""

import importlib.util
from dataclasses import replace

import numpy as np
import pytest
import torch

from carina.domain.recipe import AugmentSection, TrainSection
from carina.models.export import export_frozen
from carina.training import frozen_part, frozen_runtime
from carina.training.features import Features
from carina.training.feed import n_through_fixed_layers
from carina.training.fit import fit
from carina.training.frozen_part import FrozenPart
from carina.training.frozen_runtime import choose_runtime
from carina.training.precision import PrecisionChoice, choose_precision
from carina.training.timings import Timings
from making.backbones import tiny_backbone
from making.training_films import SMALL, easy_films, easy_part

TRAIN = TrainSection(batch_size=8, threads=1, epochs=3)
PLAIN = AugmentSection()
FRESH = AugmentSection(zoom=0.1)

needs_openvino = pytest.mark.skipif(
    importlib.util.find_spec("openvino") is None, reason="OpenVINO is not installed"
)


def part_of(trained="head", **kwargs):
    return FrozenPart(tiny_backbone(trained).eval(), SMALL, **{"bf16": False, **kwargs})


def wide_part(**kwargs):
    """Fixed layers of which one is wide enough for Winograd's products to pay."""
    spec = SMALL.model_copy(update={"height": 33, "width": 31})
    network = tiny_backbone("head", spec=spec, widths=(128, 128, 8)).eval()
    return FrozenPart(network, spec, **kwargs)


def chosen(n_fixed, *, cache_file=None, part=None):
    part = part or part_of()
    timings = Timings(cache_file, part.network, SMALL, TRAIN)
    return choose_runtime(part, n_fixed=n_fixed, train=TRAIN, timings=timings)


@pytest.fixture
def timed(monkeypatch):
    """Let a film take what a test says, each way, and OpenVINO's start 5 s."""

    def say(*, openvino=0.08, winograd=0.05):
        seconds = {"torch": 0.1, "winograd": winograd, "openvino": openvino}

        def measured(part, ways):
            start = {"start": 5.0} if "openvino" in ways else {}
            return {way: seconds[way] for way in ways} | start

        monkeypatch.setattr(frozen_runtime, "find_spec", lambda name: name)
        monkeypatch.setattr(frozen_runtime, "_measured", measured)

    return say


def test_few_films_are_left_to_torch_without_asking_openvino(timed):
    timed(openvino=0.01)
    choice = chosen(100)
    assert (choice.name, choice.seconds) == ("torch", {})
    assert "too few" in choice.reason


def test_many_films_go_to_openvino_if_it_is_quicker_by_more_than_its_start(timed):
    timed(openvino=0.094)
    assert chosen(800).name == "torch"
    assert chosen(850).name == "openvino"
    assert chosen(850).seconds == {"torch": 0.1, "openvino": 0.094, "start": 5.0}


def test_a_slower_openvino_is_never_taken(timed):
    timed(openvino=0.12)
    assert chosen(10**6).name == "torch"


def test_without_openvino_torch_computes(monkeypatch):
    monkeypatch.setattr(frozen_runtime, "find_spec", lambda name: None)
    choice = chosen(10**6)
    assert choice.name == "torch"
    assert "not installed" in choice.reason


def test_wide_convolutions_in_bf16_have_winograds_products_where_they_are_quicker(timed):
    wide = wide_part(bf16=True)
    timed(winograd=0.05, openvino=0.06)
    assert chosen(10, part=wide).name == "winograd"
    assert chosen(10**6, part=wide).name == "winograd"
    assert "Winograd's products 0.050 s" in chosen(10, part=wide).reason
    timed(winograd=0.11, openvino=0.2)
    assert chosen(10, part=wide).name == "torch"
    timed(winograd=0.05, openvino=0.02)
    assert chosen(10**6, part=wide).name == "openvino"


def test_winograd_is_offered_only_where_it_changes_anything():
    assert wide_part(bf16=True).can_use_winograd
    assert not wide_part(bf16=False).can_use_winograd
    assert not part_of(bf16=True).can_use_winograd


def test_winograds_features_are_close_to_the_exact_ones_and_kept_apart_from_torchs():
    films = torch.rand(5, 1, 33, 31, generator=torch.Generator().manual_seed(0))
    exact = wide_part(bf16=False)
    rough = wide_part(bf16=True, runtime="winograd")
    assert rough(films).dtype == torch.bfloat16
    torch.testing.assert_close(rough(films).float(), exact(films), rtol=0.05, atol=0.01)
    assert not torch.equal(rough(films), wide_part(bf16=True)(films))
    assert rough.digest != wide_part(bf16=True).digest
    assert replace(rough, bf16=False).digest == exact.digest


def test_the_timing_is_made_once(timed, tmp_path, monkeypatch):
    timed()
    cache = tmp_path / "precision.json"
    assert "timed now" in chosen(850, cache_file=cache).reason

    def refuse(part, ways):
        raise AssertionError("timed again")

    monkeypatch.setattr(frozen_runtime, "_measured", refuse)
    assert "timed earlier" in chosen(850, cache_file=cache).reason
    assert chosen(240, cache_file=cache).name == "torch"


def test_a_network_without_fixed_layers_has_no_runtime_to_choose():
    choice = choose_precision(
        tiny_backbone("all"), SMALL, train=TRAIN.model_copy(update={"precision": "fp32"})
    )
    assert (choice.runtime, choice.runtime_reason) == ("torch", "")


@pytest.mark.slow
@needs_openvino
def test_the_real_timing_covers_both_runtimes_and_the_start(monkeypatch):
    monkeypatch.setattr(frozen_runtime, "_WORTH_ASKING_S", 0.0)
    choice = chosen(5)
    assert set(choice.seconds) == {"torch", "openvino", "start"}
    assert all(seconds > 0 for seconds in choice.seconds.values())
    assert choice.name == "torch"  # five small films never pay for the start


@pytest.mark.slow
@needs_openvino
@pytest.mark.parametrize("trained", ["head", "last-block"])
def test_openvino_makes_the_features_that_torch_makes(trained):
    films = torch.rand(5, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    by_torch, by_openvino = part_of(trained), part_of(trained, runtime="openvino")
    torch.testing.assert_close(by_openvino(films), by_torch(films), rtol=1e-5, atol=1e-5)
    assert by_torch.digest != by_openvino.digest


@pytest.mark.slow
@needs_openvino
def test_openvino_in_bf16_rounds_as_coarsely_as_torch_in_bf16():
    films = torch.rand(5, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    exact = part_of("head")(films)
    found = part_of("head", bf16=True, runtime="openvino")(films)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), exact, rtol=0.05, atol=0.05)


@pytest.mark.slow
@needs_openvino
def test_a_training_with_openvino_has_the_history_of_one_with_torch(tmp_path):
    histories = []
    for runtime in ("torch", "openvino"):
        result = fit(
            tiny_backbone(),
            easy_films(40, 20),
            train=TRAIN,
            augment=PLAIN,
            precision=PrecisionChoice("fp32", "the test says so", runtime=runtime),
            cache_dir=tmp_path,
        )
        histories.append(result.history)
    for one, other in zip(*histories, strict=True):
        assert {**one, "seconds": 0} == pytest.approx({**other, "seconds": 0}, abs=1e-5)
    assert len(list(tmp_path.glob("features/*"))) == 2  # torch's hold the validation films too


@pytest.mark.slow
@needs_openvino
def test_openvino_is_started_only_where_something_is_to_be_computed(tmp_path, monkeypatch):
    part = easy_part(6)

    def values():
        features = Features(part_of(runtime="openvino"), part, cache_dir=tmp_path)
        with features.batches(np.arange(6), batch_size=3) as batches:
            return torch.cat([batch.images for batch in batches])

    first = values()
    monkeypatch.setattr("carina.training.frozen_part.export_frozen", None)
    assert torch.equal(first, values())


@pytest.mark.parametrize(
    ("augment", "n_shown"),
    [
        (PLAIN, 1),
        (FRESH, 3),
        (FRESH.model_copy(update={"views": 2}), 2),
        (FRESH.model_copy(update={"views": 9}), 3),
        (PLAIN.model_copy(update={"views": 9}), 1),
    ],
)
def test_the_films_that_fixed_layers_are_shown_are_counted(augment, n_shown):
    assert n_through_fixed_layers(easy_films(10, 4), TRAIN, augment) == n_shown * 10


@pytest.mark.slow
@needs_openvino
def test_the_fixed_layers_are_exported_once_for_both_precisions_and_anew_for_other_weights(
    monkeypatch,
):
    exported = []

    def export(network, spec):
        exported.append(network)
        return export_frozen(network, spec)

    monkeypatch.setattr(frozen_part, "export_frozen", export)
    exact = part_of("head", runtime="openvino")
    films = torch.rand(2, 1, SMALL.height, SMALL.width, generator=torch.Generator().manual_seed(0))
    wanted = part_of("head")(films)
    torch.testing.assert_close(exact(films), wanted, rtol=1e-4, atol=1e-5)
    rough = replace(exact, bf16=True)
    assert rough(films).dtype == torch.bfloat16
    assert len(exported) == 1
    other = replace(exact, network=tiny_backbone("head", seed=1).eval())
    torch.testing.assert_close(
        other(films), replace(other, runtime="torch")(films), rtol=1e-4, atol=1e-5
    )
    assert len(exported) == 2
    torch.testing.assert_close(exact(films), wanted, rtol=1e-4, atol=1e-5)
