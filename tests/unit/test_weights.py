import pytest
import torch

from carina.errors import RunError
from carina.models.weights import weights_from_bytes, weights_to_bytes
from making.training_films import small_network


def test_weights_come_back_bit_for_bit_with_their_metadata():
    state = small_network().to(memory_format=torch.channels_last).state_dict()
    data = weights_to_bytes(state, {"epoch": 3, "figures": {"val_loss": 0.5}})
    tensors, metadata = weights_from_bytes(data, name="best.safetensors")
    assert metadata == {"epoch": 3, "figures": {"val_loss": 0.5}}
    assert set(tensors) == set(state)
    assert all(torch.equal(tensors[name], state[name]) for name in state)
    small_network(seed=5).load_state_dict(tensors)


def test_the_same_weights_give_the_same_bytes_whatever_their_layout_and_order():
    network = small_network()
    plain = weights_to_bytes(network.state_dict(), {"b": 1, "a": 2})
    shuffled = dict(reversed(network.to(memory_format=torch.channels_last).state_dict().items()))
    assert weights_to_bytes(shuffled, {"a": 2, "b": 1}) == plain


@pytest.mark.parametrize("damage", [lambda d: d[:100], lambda d: b"", lambda d: d[:-1]])
def test_a_damaged_file_is_named(damage):
    data = weights_to_bytes(small_network().state_dict(), {})
    with pytest.raises(RunError, match=r"best\.safetensors is not a weights file"):
        weights_from_bytes(damage(data), name="best.safetensors")


def test_a_safetensors_file_of_others_is_refused():
    from safetensors.torch import save

    with pytest.raises(RunError, match="not a weights file of Carina"):
        weights_from_bytes(save({"a": torch.zeros(1)}), name="other.safetensors")
