"""What Prometheus reads: counts of everything, the drift of the films, and no name."""

import logging
import re
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the server needs the extra 'web'")

from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from carina.domain.gate import GateMeasures
from carina.domain.input_statistics import InputStatistics
from carina.inference.bundle import load_classifier, write_card
from carina.web import create_app
from carina.web.drift_window import DriftWindow
from making import uploads
from making.classifiers import write_tiny_classifier
from making.served import Wrapped

TENS = tuple(map(float, np.linspace(0, 1, 11)))
STATISTICS = InputStatistics(n_films=200, deciles={"contrast": TENS})


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    folder = write_tiny_classifier(tmp_path_factory.mktemp("metrics") / "tiny")
    return load_classifier(folder)


@pytest.fixture
def client(classifier, settings):
    return TestClient(create_app(classifier, settings))


def values_of(client):
    """Return {(name, labels): value} of what /metrics gives."""
    response = client.get("/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def send(client, name, content, query=""):
    return client.post(f"/v1/predict{query}", files={"file": (name, content)})


def test_requests_films_and_problems_are_counted(client):
    answered = send(client, "a.png", uploads.png()).json()["predictions"][0]
    assert send(client, "b.png", uploads.png(np.full((64, 64), 90, np.uint8))).status_code == 200
    assert send(client, "c.txt", b"no film").status_code == 422
    client.get("/nothing-known")
    found = values_of(client)
    path = ("path", "/v1/predict")
    assert found[("carina_requests_total", ("code", ""), path, ("status", "200"))] == 2
    code = ("code", "image/unknown-format")
    assert found[("carina_requests_total", code, path, ("status", "422"))] == 1
    assert found[("carina_unreadable_films_total", code)] == 1
    other = ("carina_requests_total", ("code", "not-found"), ("path", "other"), ("status", "404"))
    assert found[other] == 1
    assert found[("carina_answers_total", ("label", answered["decision"]))] == 1
    assert found[("carina_abstentions_total", ("reason_code", "gate/blank"))] == 1
    for stage in ("queue", "read", "network"):
        assert found[("carina_film_seconds_count", ("stage", stage))] == 2
    assert found[("carina_batch_films_count",)] == 2
    assert found[("carina_request_seconds_count", path)] == 3
    assert found[("carina_films_waiting",)] == 0


@pytest.mark.parametrize("query", ["?explain=true", "?film=thumbnail"])
def test_films_that_are_drawn_are_counted_and_timed_too(client, query):
    send(client, "a.png", uploads.png(), query=query)
    found = values_of(client)
    assert sum(v for key, v in found.items() if key[0] == "carina_answers_total") == 1
    for stage in ("queue", "read", "network", "draw"):
        assert found[("carina_film_seconds_count", ("stage", stage))] == 1
    assert found[("carina_batch_films_count",)] == 1


def test_the_classifier_is_named_by_its_digest_and_runtime(client, classifier):
    (info,) = (key for key in values_of(client) if key[0] == "carina_classifier_info")
    labels = dict(info[1:])
    assert labels["digest"] == classifier.digest
    assert labels["runtime"] == "onnxruntime"
    assert labels["precision"] == "f32"


def test_no_name_and_no_digest_of_a_film_is_told(client):
    digest = send(client, "secret-name.dcm", uploads.dicom()).json()["predictions"][0]["sha256"]
    text = client.get("/metrics").text
    assert "secret" not in text.lower()
    assert digest[:12] not in text


class Measuring(Wrapped):
    """A classifier whose gate measures the contrast."""

    def answers_and_measures_prepared(self, prepared, **told):
        answers, found = self._really.answers_and_measures_prepared(prepared, **told)
        return answers, [replace(one, values={"contrast": one.contrast}) for one in found]


def test_the_drift_of_answered_films_is_told(tmp_path, settings):
    folder = write_tiny_classifier(tmp_path / "tiny")
    card = load_classifier(folder).card.model_copy(update={"input_statistics": STATISTICS})
    write_card(folder, card, readme="# tiny\n")
    client = TestClient(create_app(Measuring(load_classifier(folder)), settings))
    assert not [key for key in values_of(client) if key[0] == "carina_drift_index"]
    for seed in range(3):
        send(client, "a.png", uploads.png(uploads.grey_levels(seed=seed)))
    send(client, "blank.png", uploads.png(np.full((64, 64), 90, np.uint8)))
    found = values_of(client)
    assert found[("carina_drift_films", ("measure", "contrast"))] == 3
    assert found[("carina_drift_index", ("measure", "contrast"))] > 0
    assert 0 < found[("carina_drift_index_by_chance", ("measure", "contrast"))] < 4


def test_the_window_holds_the_last_films_and_falls_to_zero_for_films_like_those_of_training():
    window = DriftWindow(STATISTICS, window=100)
    for _ in range(50):
        window.add(measures(contrast=0.99))
    assert window.drift()["contrast"].index > 2
    for number in range(100):
        window.add(measures(contrast=(number % 10) / 10 + 0.05))
    drift = window.drift()["contrast"]
    assert drift.n_films == 100
    assert drift.index == pytest.approx(0, abs=1e-12)
    assert drift.expected == pytest.approx(9 * (1 / 100 + 1 / 200))


def measures(*, contrast):
    return GateMeasures(height=100, width=100, contrast=contrast, values={"contrast": contrast})


def test_a_request_with_films_is_one_line_of_status_time_and_digits(client, caplog):
    with caplog.at_level(logging.INFO, logger="carina.web.requests"):
        answer = send(client, "secret-name.png", uploads.png()).json()["predictions"][0]
        send(client, "secret-name.txt", b"no film")
        client.get("/v1/model")
        client.get("/livez")
    first, second = (record.getMessage() for record in caplog.records)
    assert re.fullmatch(rf"200 \d+ ms {answer['sha256'][:12]}", first)
    assert re.fullmatch(r"422 \d+ ms [0-9a-f]{12}", second)
