"""The service under strain: full, late, left, stopped, and with a changed classifier."""

import os
import sys
import threading
import time
from contextlib import ExitStack
from dataclasses import replace

import anyio
import httpx2
import pytest

pytest.importorskip("fastapi", reason="the server needs the extra 'web'")

from carina.errors import ClassifierError
from carina.inference.bundle import load_classifier
from carina.settings import ServiceSettings
from carina.web import create_app, places
from carina.web.drawing import Drawing
from carina.web.metrics import Metrics
from carina.web.pace import Pace
from carina.web.pictures import AskedPictures
from carina.web.problems import ProblemError
from carina.web.reloading import Reloader
from carina.web.service import READERS, Service
from carina.web.uploads import UploadedFilm
from carina.web.warm_up import warm_up
from making import uploads
from making.classifiers import write_tiny_classifier
from making.served import Broken, Held, Wrapped, form_of

FILM = {"file": ("film.png", uploads.png())}


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    return load_classifier(write_tiny_classifier(tmp_path_factory.mktemp("service") / "tiny"))


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    folder = tmp_path_factory.mktemp("service") / "other"
    return load_classifier(write_tiny_classifier(folder, labels=("Normal", "Pneumonia")))


@pytest.fixture
def held(classifier):
    made = Held(classifier)
    yield made
    made.let_go.set()


def app_with(classifier, settings, **limits):
    return create_app(classifier, replace(settings, service=ServiceSettings(**limits)))


def client_of(app):
    transport = httpx2.ASGITransport(app=app)
    return httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1")


async def until(event: threading.Event) -> None:
    assert await anyio.to_thread.run_sync(event.wait, 20)


def test_a_full_queue_is_answered_at_once_with_when_to_come_again(held, settings):
    app = app_with(held, settings, queue=1)
    answers = []

    async def story():
        async with client_of(app) as client, anyio.create_task_group() as tasks:

            async def first():
                answers.append((await client.post("/v1/predict", files=FILM)).status_code)

            tasks.start_soon(first)
            await until(held.reached)
            refused = await client.post("/v1/predict", files=FILM)
            assert refused.status_code == 503
            assert refused.json()["code"] == "busy"
            assert 1 <= int(refused.headers["retry-after"]) <= 30
            assert (await client.get("/readyz")).status_code == 200
            assert answers == []
            held.let_go.set()
        async with client_of(app) as client:
            assert (await client.post("/v1/predict", files=FILM)).status_code == 200

    anyio.run(story)
    assert answers == [200]


def test_a_refusal_does_not_wait_for_the_body(classifier, settings):
    app = app_with(classifier, settings, queue=1)
    answered = []

    async def receive():
        raise AssertionError("the body was asked for")

    async def send(message):
        answered.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/v1/predict", "query_string": b"",
        "headers": [(b"content-type", b"application/dicom"), (b"content-length", b"60000000")],
    }  # fmt: skip
    with app.state.service.taken_on(1):
        anyio.run(app, scope, receive, send)
    assert answered[0]["status"] == 503
    assert b"busy" in answered[1]["body"]
    assert answered[1].get("more_body", False) is False


class Asked(Wrapped):
    """A classifier that notes what is so while it prepares a film."""

    def __init__(self, classifier):
        super().__init__(classifier)
        self.ask = None
        self.found = None

    def prepare(self, radiograph):
        self.found = self.ask()
        return self._really.prepare(radiograph)


def test_a_film_that_is_drawn_counts_as_worked_on_and_lets_requests_go_first(classifier, settings):
    asked = Asked(classifier)
    app = app_with(asked, settings)
    usual = os.getpriority(os.PRIO_PROCESS, os.getpid()) if sys.platform == "linux" else 0

    def niceness():
        if sys.platform != "linux":
            return usual + 5
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    asked.ask = lambda: (
        b"carina_films_waiting 1.0" in app.state.service.metrics.text(),
        niceness(),
    )

    async def story():
        async with client_of(app) as client:
            answer = await client.post("/v1/predict?film=thumbnail", files=FILM)
            assert answer.status_code == 200

    anyio.run(story)
    assert asked.found == (True, min(usual + 5, 19))
    assert b"carina_films_waiting 0.0" in app.state.service.metrics.text()


def test_bodies_are_held_up_to_a_limit_and_a_lone_one_always(classifier, settings):
    service = Service(classifier, replace(settings, max_upload_bytes=1000))
    with service.taken_on(1000) as first, service.taken_on(None) as second:
        service.came(first, 3000)
        with pytest.raises(ProblemError, match="no more fit"):
            service.taken_on(1001).__enter__()
        service.came(second, 1000)
        with pytest.raises(ProblemError, match="no more fit"):
            service.came(second, 1)
        assert service.n_requests == 2
    with service.taken_on(9000) as alone:
        service.came(alone, 9000)
    assert service.n_requests == 0
    service.close()


def test_what_has_not_come_yet_is_not_held_against_others(classifier, settings):
    service = Service(classifier, replace(settings, max_upload_bytes=1000))
    with ExitStack() as uploads_that_have_begun:
        for _ in range(8):
            place = uploads_that_have_begun.enter_context(service.taken_on(1000))
            service.came(place, 10)
        assert service.refusal(1000) is None
    service.close()


def test_slow_uploads_hold_no_places_until_they_are_whole(classifier, settings, monkeypatch):
    service = Service(classifier, replace(settings, service=ServiceSettings(queue=2)))
    with service.taken_on(10) as slow, service.taken_on(10):
        assert service.refusal(10).code == "busy"
        monkeypatch.setattr(places, "TIMELY_S", -1.0)  # both have taken longer
        assert service.refusal(10) is None
        monkeypatch.setattr(places, "TIMELY_S", 60.0)
        service.is_whole(slow)
        with service.taken_on(10):
            assert service.refusal(10).code == "busy"
        assert service.refusal(10) is None
    assert service.n_requests == 0
    assert service.refusal(10) is None
    service.close()


def test_slow_uploads_are_not_without_number(classifier, settings, monkeypatch):
    monkeypatch.setattr(places, "TIMELY_S", -1.0)
    service = Service(classifier, replace(settings, service=ServiceSettings(queue=1)))
    with ExitStack() as slow:
        n_taken = 0
        while service.refusal(10) is None and n_taken < 20:
            slow.enter_context(service.taken_on(10))
            n_taken += 1
        assert n_taken == 4
    assert service.refusal(10) is None
    service.close()


class Unhurried(Wrapped):
    """A classifier whose network takes a known time."""

    def answers_and_measures_prepared(self, prepared, **told):
        time.sleep(0.05)
        return self._really.answers_and_measures_prepared(prepared, **told)


def test_a_film_that_is_drawn_sets_the_pace_that_clients_are_told(classifier):
    pace = Pace()
    metrics = Metrics(classifier, n_films=lambda: pace.n_films)
    drawing = Drawing(pace=pace, timed=metrics)
    film = UploadedFilm("film.png", uploads.png())
    drawing.submit(Unhurried(classifier), film, AskedPictures(film="thumbnail")).result(20)
    drawing.close()
    assert (pace.n_films, pace.seconds_to_empty) == (0, 0)
    pace.one_came()
    assert pace.seconds_to_empty >= 0.05


def test_an_answer_that_is_late_is_given_up_and_its_films_are_dropped(held, settings):
    app = app_with(held, settings, deadline_s=0.05)
    films = [("file", ("film.png", uploads.png()))] * 6

    async def story():
        async with client_of(app) as client:
            late = await client.post("/v1/predict", files=films)
            assert late.status_code == 503
            assert late.json()["code"] == "deadline"
            assert "retry-after" in late.headers
            held.let_go.set()

    anyio.run(story)
    app.state.service.close()
    assert held.n_prepared <= READERS


def test_the_films_of_a_client_that_leaves_are_dropped(held, settings):
    app = app_with(held, settings)
    body = b"".join(form_of(uploads.png())[0][:-9] + b"\r\n" for _ in range(6)) + b"--cut--\r\n"
    sent, answered = [], []

    async def receive():
        if not sent:
            sent.append(body)
            return {"type": "http.request", "body": body, "more_body": False}
        await until(held.reached)
        return {"type": "http.disconnect"}

    async def send(message):
        answered.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/v1/predict", "query_string": b"",
        "headers": [(b"content-type", form_of(b"")[1].encode())],
    }  # fmt: skip
    anyio.run(app, scope, receive, send)
    assert answered[0]["status"] == 499
    held.let_go.set()
    app.state.service.close()
    assert held.n_prepared <= READERS
    assert app.state.service.n_requests == 0


@pytest.mark.parametrize(
    ("n_bytes", "limits"),
    [(0, {"upload_idle_s": 0.05}), (3, {"upload_idle_s": 0.05}), (3, {"upload_s": 0.05})],
)
def test_an_upload_that_stalls_or_takes_too_long_is_ended(classifier, settings, n_bytes, limits):
    app = app_with(classifier, settings, **limits)
    answered = []

    async def receive():
        if n_bytes and not receive.sent:
            receive.sent = True
            return {"type": "http.request", "body": bytes(n_bytes), "more_body": True}
        return await anyio.sleep_forever()

    async def send(message):
        answered.append(message)

    async def story():
        with anyio.fail_after(8):  # less than the usual limits
            await app(scope, receive, send)

    receive.sent = False
    scope = {
        "type": "http", "method": "POST", "path": "/v1/predict", "query_string": b"",
        "headers": [(b"content-type", b"application/dicom")],
    }  # fmt: skip
    anyio.run(story)
    assert answered[0]["status"] == 408
    assert (b"connection", b"close") in answered[0]["headers"]
    assert b"slow-upload" in answered[1]["body"]


def test_a_server_that_is_being_stopped_says_so_and_takes_nothing(classifier, settings):
    app = app_with(classifier, settings)

    async def story():
        async with client_of(app) as client:
            assert "connection" not in (await client.get("/readyz")).headers
            app.state.service.stopping = True
            ready = await client.get("/readyz")
            assert (ready.status_code, ready.json()["status"]) == (503, "stopping")
            assert ready.headers["connection"] == "close"
            refused = await client.post("/v1/predict", files=FILM)
            assert (refused.status_code, refused.json()["code"]) == (503, "stopping")
            assert (await client.get("/livez")).status_code == 200

    anyio.run(story)


def test_a_changed_classifier_is_taken_up_while_what_has_begun_ends_as_it_began(
    held, other, settings
):
    app = app_with(held, settings)
    answers = []

    async def story():
        async with client_of(app) as client, anyio.create_task_group() as tasks:

            async def first():
                answers.append((await client.post("/v1/predict", files=FILM)).json())

            tasks.start_soon(first)
            await until(held.reached)
            reloader = Reloader(app, lambda: other)
            reloader.look()
            await reloader.finished()
            assert (await client.get("/readyz")).json()["reload"] == "taken"
            held.let_go.set()
            answers.append((await client.post("/v1/predict", files=FILM)).json())
            text = (await client.get("/metrics")).text
            assert 'carina_reloads_total{outcome="taken"} 1.0' in text
            assert f'digest="{other.digest}"' in text
            assert held.digest not in text

    anyio.run(story)
    by_digest = {answer["classifier"]["digest"]: answer for answer in answers}
    assert set(by_digest) == {held.digest, other.digest}
    for digest, names in ((held.digest, held.labels.names), (other.digest, other.labels.names)):
        assert set(by_digest[digest]["predictions"][0]["probabilities"]) == set(names)


@pytest.mark.parametrize("error", [ClassifierError("card.json was changed"), RuntimeError("a bug")])
def test_a_damaged_classifier_is_refused_and_the_earlier_one_kept(
    classifier, settings, error, caplog
):
    app = app_with(classifier, settings)
    begun, told_again = threading.Event(), threading.Event()

    def load():
        begun.set()
        assert told_again.wait(20)
        raise error

    async def story():
        reloader = Reloader(app, load)
        reloader.look()
        await until(begun)
        reloader.look()  # while it looks: once more after that
        told_again.set()
        await reloader.finished()
        async with client_of(app) as client:
            ready = (await client.get("/readyz")).json()
            assert (ready["status"], ready["reload"]) == ("ready", "refused")
            assert ready["classifier"]["digest"] == classifier.digest
            assert (await client.post("/v1/predict", files=FILM)).status_code == 200
            text = (await client.get("/metrics")).text
            assert 'carina_reloads_total{outcome="refused"} 2.0' in text
            assert "carina_reload_refused 1.0" in text

    anyio.run(story)
    assert "refused" in caplog.text


def test_an_unchanged_classifier_is_kept(classifier, settings):
    app = app_with(classifier, settings)

    async def story():
        reloader = Reloader(app, lambda: classifier)
        reloader.look()
        await reloader.finished()

    anyio.run(story)
    assert app.state.service.last_reload == "unchanged"


def test_the_warm_up_answers_films_of_two_kinds_and_fails_where_films_would(classifier):
    warm_up(classifier, batch=2)
    with pytest.raises(RuntimeError):
        warm_up(Broken(classifier), batch=2)
