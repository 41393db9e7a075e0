"""`carina serve` as a process of its own: signals, tokens, and clients that behave badly."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager

import pytest

pytest.importorskip("fastapi", reason="the server needs the extra 'web'")

from making import uploads
from making.classifiers import write_tiny_classifier
from making.served import answer_on, form_of, head_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals"),
]
BODY, MEDIA_TYPE = form_of(uploads.png())
TOKEN = "a-token-of-this-test"


class Server:
    """A running server.

    Attributes:
        process: its process.
        port: where it listens.
        said: what it has written on stderr so far.
    """

    def __init__(self, process):
        self.process = process
        self.said = []
        self._known = threading.Condition()
        threading.Thread(target=self._listen, daemon=True).start()
        self.port = int(self.wait_for(r"http://[^:]+:(\d+)")[1])

    def _listen(self):
        for line in self.process.stderr:
            with self._known:
                self.said.append(line)
                self._known.notify_all()

    def wait_for(self, pattern):
        """Return the match of a line on stderr, once there is one."""
        with self._known:
            assert self._known.wait_for(lambda: re.search(pattern, self.text), timeout=60), (
                self.text
            )
            return re.search(pattern, self.text)

    @property
    def text(self):
        return "".join(self.said)

    def connection(self):
        return closing(socket.create_connection(("127.0.0.1", self.port), timeout=20))

    def ask(self, method, path, *, body=None, **headers):
        """Return the status, the headers and the document of an answer."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)) as client:
            client.request(method, path, body=body, headers=headers)
            answer = client.getresponse()
            return answer.status, answer.headers, json.loads(answer.read())

    def predict(self, **headers):
        return self.ask("POST", "/v1/predict", body=BODY, **{"Content-Type": MEDIA_TYPE}, **headers)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)


@contextmanager
def serving(folder, *words, **environment):
    code = "from carina.cli import main; main()"
    options = ("--port", "0", "--runtime", "onnxruntime", *words)
    with subprocess.Popen(
        [sys.executable, "-c", code, "serve", str(folder), *options],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
    ) as process:
        try:
            yield Server(process)
        finally:
            if process.poll() is None:
                process.kill()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_tiny_classifier(tmp_path_factory.mktemp("serving") / "tiny")


def test_a_server_that_is_stopped_answers_what_it_has_taken_on_and_exits_with_0(folder):
    found, senders = [], 8

    def send(server):
        while True:
            with server.connection() as connection:
                reply = None
                while reply is None or not reply.closes:
                    connection.sendall(head_of(len(BODY)) + BODY)
                    reply = answer_on(connection)
                    found.append(reply)
                if reply.status != 200:
                    return

    with serving(folder) as server:
        threads = [threading.Thread(target=send, args=(server,)) for _ in range(senders)]
        for thread in threads:
            thread.start()
        while len(found) < 50:
            time.sleep(0.01)
        server.process.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join(timeout=30)
        assert server.process.wait(timeout=30) == 0
    last = [(one.status, json.loads(one.body)["code"]) for one in found if one.status != 200]
    assert last == [(503, "stopping")] * senders  # each was told, and none was left without
    assert "Traceback" not in server.text


def test_ctrl_c_stops_a_server_cleanly(folder):
    with serving(folder) as server:
        assert server.predict()[0] == 200
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(timeout=30) == 0
    assert "error" not in server.text


def test_a_slow_half_or_leaving_client_harms_nobody(folder):
    with serving(folder, CARINA_UPLOAD_IDLE_S="0.3") as server:
        with server.connection() as connection:
            connection.sendall(head_of(len(BODY)) + BODY[:100])
            reply = answer_on(connection)
            assert (reply.status, json.loads(reply.body)["code"]) == (408, "slow-upload")
            assert connection.recv(10) == b""
        for n_bytes in (0, 100, len(BODY)):
            with server.connection() as connection:
                connection.sendall(head_of(len(BODY)) + BODY[:n_bytes])
        with server.connection() as connection:
            connection.sendall(b"GET /livez HTTP/9.9\r\n\x00\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 400")
        with server.connection() as connection:
            connection.sendall(head_of(200_000_000) + bytes(1000))
            reply = answer_on(connection)
            assert (reply.status, json.loads(reply.body)["code"]) == (413, "too-large")
        assert server.predict()[0] == 200
        assert server.ask("GET", "/livez")[0] == 200
        assert server.stop() == 0
    assert "Traceback" not in server.text
    assert "500" not in server.text


def test_an_answer_waits_for_no_acknowledgement(folder):
    seconds = []
    with serving(folder) as server, server.connection() as connection:
        for _ in range(40):
            started = time.perf_counter()
            connection.sendall(b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert answer_on(connection).status == 200
            seconds.append(time.perf_counter() - started)
    # A peer acknowledges after 40 ms; without TCP_NODELAY no answer is quicker.
    assert min(seconds) < 0.03


def test_a_changed_classifier_is_taken_up_and_a_damaged_one_refused(tmp_path):
    def put(made):
        shutil.move(folder, tmp_path / f"before-{made.name}")
        shutil.copytree(made, folder)

    folder = write_tiny_classifier(tmp_path / "served")
    other = write_tiny_classifier(tmp_path / "other", labels=("Normal", "Pneumonia"))
    damaged = tmp_path / "damaged"
    shutil.copytree(other, damaged)
    network = bytearray((damaged / "network.onnx").read_bytes())
    network[100] ^= 1
    (damaged / "network.onnx").write_bytes(network)
    with serving(folder) as server:
        put(other)
        server.process.send_signal(signal.SIGHUP)
        server.wait_for("the changed classifier answers")
        status, _, body = server.predict()
        assert status == 200
        assert set(body["predictions"][0]["probabilities"]) == {"Normal", "Pneumonia"}
        put(damaged)
        server.process.send_signal(signal.SIGHUP)
        server.wait_for(r"refused, the earlier one is kept: .*network\.onnx was changed")
        assert server.ask("GET", "/readyz")[2]["reload"] == "refused"
        assert server.predict()[2]["classifier"] == body["classifier"]
        assert server.stop() == 0


def test_a_damaged_classifier_is_not_served_at_all(tmp_path):
    folder = write_tiny_classifier(tmp_path / "tiny")
    (folder / "README.md").write_text("changed")
    done = subprocess.run(
        [sys.executable, "-c", "from carina.cli import main; main()", "serve", str(folder)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "README.md was changed" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_open_address_asks_for_the_token_that_is_printed_once(folder):
    with serving(folder, "--host", "0.0.0.0") as server:
        token = server.wait_for(r"token of this server.*: (\S{40,})")[1]
        status, headers, problem = server.predict()
        assert (status, problem["code"]) == (401, "token")
        assert headers["WWW-Authenticate"].startswith("Bearer")
        assert server.ask("GET", "/readyz")[0] == 200
        assert server.predict(Authorization=f"Bearer {token}")[0] == 200
        assert server.ask("GET", "/livez", Host="evil.example")[0] == 421
        assert server.stop() == 0
    assert server.text.count(token) == 1


def test_a_token_and_more_names_can_be_given(folder, tmp_path):
    file = tmp_path / "token"
    file.write_text(TOKEN)
    words = ("--token-file", str(file), "--allowed-host", "films.example")
    with serving(folder, *words) as server:
        host = {"Host": "films.example:80"}
        assert server.predict(**host)[0] == 401
        assert server.predict(Authorization=f"Bearer {TOKEN}", **host)[0] == 200
        assert server.stop() == 0
    assert TOKEN not in server.text
