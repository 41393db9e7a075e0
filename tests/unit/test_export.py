import hashlib
import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from carina.models.export import ExportedNetwork, export_network, parity
from making.training_films import SMALL, small_network


@pytest.fixture(scope="module")
def network():
    return small_network().train()


@pytest.fixture(scope="module")
def files(network):
    return export_network(network, SMALL)


def films(n=4):
    return np.random.default_rng(1).random((n, 1, 32, 32), dtype=np.float32)


def test_exporting_leaves_the_network_as_it_was(network, files):
    fresh = small_network()
    assert network.training
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert all(torch.equal(network.state_dict()[k], v) for k, v in fresh.state_dict().items())


def test_dropout_is_not_in_the_files(files):
    kinds = {node.op_type for node in onnx.load_from_string(files.network).graph.node}
    assert not {kind for kind in kinds if "Dropout" in kind or "Random" in kind}


def bytes_of(files, name):
    return {"network.onnx": files.network, **files.heads}[name]


@pytest.mark.parametrize("name", ["network.onnx", "head.onnx"])
def test_the_files_are_valid_and_hold_their_own_weights(files, name):
    model = onnx.load_from_string(bytes_of(files, name))
    onnx.checker.check_model(model, full_check=True)
    assert not any(tensor.external_data for tensor in model.graph.initializer)
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 18)]


@pytest.mark.parametrize("name", ["network.onnx", "head.onnx"])
def test_nothing_of_the_machine_stands_in_the_files(files, name):
    data = bytes_of(files, name)
    for trace in (b".py", b"site-packages", b"carina/", b"torch", bytes(Path.cwd())):
        assert trace not in data, trace
    model = onnx.load_from_string(data)
    for part in (model, model.graph, *model.graph.node, *model.graph.initializer):
        assert not part.metadata_props
        assert not part.doc_string


def test_parity_sees_one_changed_weight(network, files):
    changed = small_network()
    with torch.no_grad():
        changed.output.bias += 0.01
    assert parity(network, files, films()) <= 1e-6
    assert parity(changed, files, films()) > 1e-3


def test_parity_sees_a_head_that_belongs_to_another_network(network, files):
    other = export_network(small_network(seed=9), SMALL)
    mixed = ExportedNetwork(
        network=files.network, heads=other.heads, explanations=files.explanations
    )
    assert parity(network, mixed, films()) > 1e-4


def test_parity_of_no_films_is_zero(network, files):
    assert parity(network, files, films(0)) == 0


def test_exporting_says_nothing(network, capfd, caplog):
    export_network(network, SMALL)
    assert tuple(capfd.readouterr()) == ("", "")
    assert not [record for record in caplog.records if record.levelno >= logging.INFO]


_DIGESTS = """
import hashlib
from making.training_films import SMALL, small_network
from carina.models.export import export_network
files = export_network(small_network(seed=7), SMALL)
print(hashlib.sha256(files.network + files.heads["head.onnx"]).hexdigest())
"""


@pytest.mark.slow
def test_two_processes_write_the_same_bytes(tmp_path):
    tests = str(Path(__file__).parents[1])
    digests = set()
    for hash_seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", _DIGESTS],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": tests},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == ""
        digests.add(done.stdout.strip())
    files = export_network(small_network(seed=7), SMALL)
    digests.add(hashlib.sha256(files.network + files.heads["head.onnx"]).hexdigest())
    assert len(digests) == 1
