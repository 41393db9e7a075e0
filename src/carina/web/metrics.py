"""What Prometheus is told: counts and durations, no name and no film."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from carina.inference.classifier import Classifier
from carina.version import VERSION
from carina.web.drift_window import DriftWindow
from carina.web.films import AnsweredFilm

CONTENT_TYPE = CONTENT_TYPE_LATEST
_PATHS = ("/v1/predict", "/v1/model", "/metrics", "/livez", "/readyz", "/", "/docs")
# Seconds; from a small network's answer to the deadline.
_BUCKETS = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
)  # fmt: skip
_BATCHES = (1, 2, 4, 8, 16, 32)


class Metrics:
    """The counts of one server; threads may share it.

    Attributes:
        drift: the last answered films against the training films'.
    """

    def __init__(self, classifier: Classifier, *, n_films: Callable[[], int]) -> None:
        """Make them.

        Args:
            classifier: what answers at first.
            n_films: returns the films that wait or are worked on.
        """
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "carina_requests",
            "Answered requests by path, HTTP status and problem code ('' for none).",
            ["path", "status", "code"],
            registry=registry,
        )
        self._request_seconds = Histogram(
            "carina_request_seconds",
            "From the head of a request to its answer, by path.",
            ["path"],
            buckets=_BUCKETS,
            registry=registry,
        )
        self._stages = Histogram(
            "carina_film_seconds",
            "What a film spent: waiting (queue), read and prepared (read), in the network, as a "
            "share of its batch (network), and, where pictures were asked for, drawn (draw).",
            ["stage"],
            buckets=_BUCKETS,
            registry=registry,
        )
        self._batches = Histogram(
            "carina_batch_films",
            "Films that the network answered at once.",
            buckets=_BATCHES,
            registry=registry,
        )
        self._answers = Counter(
            "carina_answers", "Films answered with a class.", ["label"], registry=registry
        )
        self._abstentions = Counter(
            "carina_abstentions",
            "Films without an answer, by the reason's code.",
            ["reason_code"],
            registry=registry,
        )
        self._unreadable = Counter(
            "carina_unreadable_films",
            "Files that are no readable film, by code.",
            ["code"],
            registry=registry,
        )
        self._reloads = Counter(
            "carina_reloads",
            "Classifier folders looked at again on SIGHUP, by outcome.",
            ["outcome"],
            registry=registry,
        )
        self._kept = Gauge(
            "carina_reload_refused",
            "1 if the last changed classifier was refused and the earlier one kept.",
            registry=registry,
        )
        self._info = Gauge(
            "carina_classifier_info",
            "1 for the classifier that answers.",
            ["name", "digest", "runtime", "runtime_version", "device", "precision", "version"],
            registry=registry,
        )
        waiting = Gauge(
            "carina_films_waiting", "Films that wait or are worked on.", registry=registry
        )
        waiting.set_function(n_films)
        registry.register(_DriftCollector(lambda: self.drift))
        ProcessCollector(registry=registry)
        self.answer_with(classifier)

    def answer_with(self, classifier: Classifier) -> None:
        """Note that a classifier answers from now on; what was counted of answers begins anew."""
        self.drift = DriftWindow(classifier.card.input_statistics)
        for counter in (self._answers, self._abstentions):
            counter.clear()
        for label in classifier.labels.names:
            self._answers.labels(label)
        runtime = classifier.runtime
        self._info.clear()
        self._info.labels(
            classifier.card.name, classifier.digest, runtime.name, runtime.version,
            runtime.device, runtime.precision, VERSION,
        ).set(1)  # fmt: skip

    def reloaded(self, outcome: str) -> None:
        """Count a look at the classifier's folder: "taken", "unchanged" or "refused"."""
        self._reloads.labels(outcome).inc()
        self._kept.set(outcome == "refused")

    def request_answered(self, path: str, *, status: int, code: str, seconds: float) -> None:
        """Count a request; paths that are none of the server's own count as "other"."""
        known = path if path in _PATHS else "/static" if path.startswith("/static/") else "other"
        self._requests.labels(known, str(status), code).inc()
        self._request_seconds.labels(known).observe(seconds)

    def film_answered(self, film: AnsweredFilm) -> None:
        """Count an answer; what the gate refused is no film to compare with training films."""
        prediction = film.prediction
        if prediction.abstained:
            self._abstentions.labels(prediction.reason_code).inc()
        else:
            self._answers.labels(prediction.predicted).inc()
        if not prediction.reason_code.startswith("gate/"):
            self.drift.add(film.measures)

    def film_unreadable(self, code: str) -> None:
        """Count a file that is no readable film."""
        self._unreadable.labels(code).inc()

    def queued(self, seconds: float) -> None:
        """Note how long a film waited."""
        self._stages.labels("queue").observe(seconds)

    def read(self, seconds: float) -> None:
        """Note how long a film took to be read and prepared."""
        self._stages.labels("read").observe(seconds)

    def computed(self, seconds: float, n_films: int) -> None:
        """Note how long the network took over a batch."""
        self._batches.observe(n_films)
        network = self._stages.labels("network")
        for _ in range(n_films):
            network.observe(seconds / n_films)

    def drawn(self, seconds: float) -> None:
        """Note how long a film's pictures took."""
        self._stages.labels("draw").observe(seconds)

    def text(self) -> bytes:
        """Return all of it as Prometheus reads it."""
        return generate_latest(self._registry)


class _DriftCollector(Collector):
    """Computes the drift when it is asked for."""

    def __init__(self, window: Callable[[], DriftWindow]) -> None:
        self._window = window

    def collect(self) -> Iterable[Metric]:
        """Return the index of every measure, with what chance alone makes of it."""
        index = GaugeMetricFamily(
            "carina_drift_index",
            "Population stability index of the last answered films against the training films.",
            labels=["measure"],
        )
        expected = GaugeMetricFamily(
            "carina_drift_index_by_chance",
            "What the index comes to on average for so many films if nothing has changed.",
            labels=["measure"],
        )
        films = GaugeMetricFamily(
            "carina_drift_films", "Films that the index was taken of.", labels=["measure"]
        )
        for name, drift in self._window().drift().items():
            index.add_metric([name], drift.index)
            expected.add_metric([name], drift.expected)
            films.add_metric([name], drift.n_films)
        return (index, expected, films)
