"""The queue of films: in order, one batch for those that wait, nothing for those who left."""

import os
import sys
import threading
from concurrent.futures import CancelledError

import pytest

pytest.importorskip("fastapi", reason="the server needs the extra 'web'")

from carina.web.film_queue import FilmQueue
from carina.web.pace import Pace
from carina.web.priority import behind


class Stopwatch:
    """Keeps what it is told."""

    def __init__(self):
        self.n_queued, self.batches = 0, []
        self.reads = threading.Semaphore(0)

    def queued(self, seconds):
        assert seconds >= 0
        self.n_queued += 1

    def read(self, seconds):
        assert seconds >= 0
        self.reads.release()

    def computed(self, seconds, n_films):
        assert seconds >= 0
        self.batches.append(n_films)

    def wait_for_reads(self, n):
        for _ in range(n):
            assert self.reads.acquire(timeout=20)


class Network:
    """Waits at its first film until it is let go, so that others gather."""

    def __init__(self):
        self.reached, self.let_go = threading.Event(), threading.Event()
        self.batches = []

    def read(self, ours, sent):
        if sent == "bad":
            raise ValueError("no film")
        return f"{sent} read"

    def compute(self, ours, films):
        self.batches.append((ours, list(films)))
        if films[0] == "first read":
            self.reached.set()
            assert self.let_go.wait(20)
        return [f"{film} by {ours}" for film in films]


@pytest.fixture
def network():
    return Network()


@pytest.fixture
def watch():
    return Stopwatch()


@pytest.fixture
def pace():
    return Pace()


@pytest.fixture
def queue(network, watch, pace):
    made = FilmQueue(network.read, network.compute, timed=watch, pace=pace, readers=1, batch=3)
    yield made
    network.let_go.set()
    made.close()


def hold(queue, network):
    first = queue.submit("A", "first")
    assert network.reached.wait(20)
    return first


def test_films_that_wait_anyway_are_answered_in_one_batch_and_in_order(queue, network, watch, pace):
    first = hold(queue, network)
    rest = [queue.submit("A", str(number)) for number in range(5)]
    watch.wait_for_reads(6)
    assert pace.n_films == 6
    network.let_go.set()
    assert [answer.result(20) for answer in (first, *rest)] == [
        "first read by A", *(f"{number} read by A" for number in range(5)),
    ]  # fmt: skip
    assert [len(films) for _, films in network.batches] == [1, 3, 2]
    assert watch.batches == [1, 3, 2]
    assert watch.n_queued == 6
    assert pace.n_films == 0
    assert pace.seconds_to_empty == 0


def test_a_lone_film_waits_for_no_other(queue):
    assert queue.submit("A", "alone").result(20) == "alone read by A"


def test_a_batch_holds_the_films_of_one_classifier(queue, network, watch):
    hold(queue, network)
    rest = [queue.submit(ours, ours) for ours in "AABBA"]
    watch.wait_for_reads(6)
    network.let_go.set()
    assert [answer.result(20) for answer in rest] == [f"{ours} read by {ours}" for ours in "AABBA"]
    assert [ours for ours, _ in network.batches] == ["A", "A", "B", "A"]


def test_a_film_that_nobody_waits_for_is_not_computed(queue, network, watch, pace):
    hold(queue, network)
    gone = queue.submit("A", "gone")
    kept = queue.submit("A", "kept")
    watch.wait_for_reads(3)
    assert gone.cancel()
    network.let_go.set()
    assert kept.result(20) == "kept read by A"
    with pytest.raises(CancelledError):
        gone.result(20)
    assert "gone read" not in [film for _, films in network.batches for film in films]
    assert pace.n_films == 0


def test_an_error_is_the_answer_of_its_film_alone(queue):
    bad, good = queue.submit("A", "bad"), queue.submit("A", "good")
    with pytest.raises(ValueError, match="no film"):
        bad.result(20)
    assert good.result(20) == "good read by A"


def test_a_failing_network_fails_its_batch_and_the_queue_goes_on(network, watch):
    def compute(ours, films):
        if films == ["1 read"]:
            raise ArithmeticError("no numbers")
        return network.compute(ours, films)

    queue = FilmQueue(network.read, compute, timed=watch)
    with pytest.raises(ArithmeticError):
        queue.submit("A", "1").result(20)
    assert queue.submit("A", "2").result(20) == "2 read by A"
    queue.close()


def test_readers_do_not_run_far_ahead_of_the_network(queue, network, watch):
    hold(queue, network)
    rest = [queue.submit("A", str(number)) for number in range(30)]
    watch.wait_for_reads(7)
    assert not watch.reads.acquire(timeout=0.05)  # a reader and two batches hold a film each
    network.let_go.set()
    assert [answer.result(20) for answer in rest][-1] == "29 read by A"


@pytest.mark.skipif(sys.platform != "linux", reason="niceness of a thread alone is Linux's")
def test_the_threads_of_the_queue_step_back_behind_the_one_that_takes_requests(watch):
    def niceness(*_):
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    before = niceness()
    queue = FilmQueue(niceness, lambda _, films: [(films[0], niceness())], timed=watch)
    assert queue.submit("A", "film").result(20) == (min(before + 5, 19),) * 2
    assert niceness() == before
    queue.close()
    assert behind(niceness) == min(before + 5, 19)
