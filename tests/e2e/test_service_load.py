"""The measurement of the service under load, with a tiny classifier and in seconds."""

import argparse
import sys
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the server needs the extra 'web'")

from making.classifiers import write_tiny_classifier

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals"),
]


def test_the_service_refuses_what_is_too_much_and_loses_nothing(tmp_path, monkeypatch):
    import service_load

    monkeypatch.chdir(tmp_path)
    folder = write_tiny_classifier(tmp_path / "tiny")
    arguments = argparse.Namespace(seconds=1.0, film=[])
    row = service_load.measured(str(folder), "onnxruntime", arguments)
    assert row["throughput_per_s"] > 0
    assert row["over_refused"] > 0
    assert row["over_other"] == 0
    assert row["rss_most_mb"] < row["rss_before_mb"] + 200
    assert row["recovery_s"] < 30
    assert row["stop_answered"] > 0
    assert row["stop_lost"] == 0
    assert row["exit_code"] == 0
    service_load.print_table([row])
