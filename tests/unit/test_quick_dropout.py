import pytest
import torch

from carina.models.dropout import QuickDropout


@pytest.fixture(autouse=True)
def _own_chance():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.25, 0.5, 0.9])
def test_the_asked_share_of_values_becomes_zero_and_the_mean_stays(rate):
    values = torch.ones(200_001)
    dropped = QuickDropout(rate).train()(values)
    # four standard errors of a share of 200,001 draws
    assert (dropped == 0).float().mean().item() == pytest.approx(rate, abs=0.0045)
    assert set(dropped.unique().tolist()) <= {0.0, torch.tensor(1 / (1 - rate)).item()}


def test_nothing_happens_outside_of_training():
    values = torch.rand(3, 4)
    assert QuickDropout(0.5).eval()(values) is values


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_neighbours_in_memory_are_dropped_apart(layout):
    values = torch.ones(4, 8, 32, 32).contiguous(memory_format=layout)
    kept = (QuickDropout(0.5).train()(values) > 0).float()
    assert kept.is_contiguous(memory_format=layout)
    flat = kept.permute(0, 2, 3, 1).flatten() if layout == torch.channels_last else kept.flatten()
    for lag in (1, 2, 3, 4, 8):
        both = (flat[lag:] * flat[:-lag]).mean().item()
        assert both == pytest.approx(0.25, abs=0.01)


def test_the_same_seed_drops_the_same_values():
    values = torch.ones(1000)
    torch.manual_seed(5)
    first = QuickDropout(0.3).train()(values)
    torch.manual_seed(5)
    assert torch.equal(QuickDropout(0.3).train()(values), first)


def test_gradients_pass_where_values_passed():
    values = torch.ones(1000, requires_grad=True)
    dropped = QuickDropout(0.25).train()(values)
    dropped.sum().backward()
    assert torch.equal(values.grad, dropped.detach())


def test_bf16_stays_bf16():
    assert QuickDropout(0.25).train()(torch.ones(8, dtype=torch.bfloat16)).dtype == torch.bfloat16


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_a_rate_that_is_none_is_a_wrong_call(rate):
    with pytest.raises(ValueError, match="dropout rate"):
        QuickDropout(rate)
