"""A client that loads a server on 127.0.0.1: few instructions a request, since it shares its cores.

Requests are whole bytes made beforehand, on connections that stay open.
"""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

NO_ANSWER = 0
"""The status of a request whose connection was closed without an answer."""
NO_CONNECTION = -1
"""The status of a request that could not be sent at all."""
_FRESH_S = 2.0


@dataclass
class Answers:
    """What came back.

    Attributes:
        seconds: the time of all of it.
        found: status, code of the problem and seconds of each request; the seconds run from
            when it should have been sent.
        waits: seconds from sending to the answer.
    """

    seconds: float = 0.0
    found: list[tuple[int, str, float]] = field(default_factory=list)
    waits: list[tuple[int, float]] = field(default_factory=list)

    def n(self, status: int) -> int:
        return sum(1 for one, _, _ in self.found if one == status)

    def quantile(self, share: float, *, status: int = 200, sent: bool = False) -> float:
        """Return a quantile of the seconds of the answers with a status; NaN without any."""
        values = sorted(
            [s for one, s in self.waits if one == status]
            if sent
            else [s for one, _, s in self.found if one == status]
        )
        return values[min(int(share * len(values)), len(values) - 1)] if values else float("nan")


def request_with(film: bytes) -> bytes:
    """Return a request for the answer on a film, as a form."""
    head = b'--cut\r\nContent-Disposition: form-data; name="file"; filename="film.jpg"\r\n\r\n'
    body = head + film + b"\r\n--cut--\r\n"
    return (
        b"POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        b"Content-Type: multipart/form-data; boundary=cut\r\n"
        b"Content-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body
    )


class Client:
    """Sends films to a port, on connections that are opened as they are needed."""

    def __init__(self, port: int, films: Sequence[bytes]) -> None:
        self._port = port
        self._requests = [request_with(film) for film in films]
        self._idle: list[tuple[float, asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._n_sent = 0

    async def one(self, answers: Answers, *, due: float | None = None) -> int:
        """Send a film and return the status."""
        request = self._requests[self._n_sent % len(self._requests)]
        self._n_sent += 1
        started = time.perf_counter()
        status, code = await self._sent(request)
        now = time.perf_counter()
        answers.found.append((status, code, now - (due or started)))
        answers.waits.append((status, now - started))
        return status

    async def closed_loop(
        self, *, connections: int, seconds: float, until_refused: bool = False
    ) -> Answers:
        """Keep so many requests on their way; with `until_refused` each sender ends at the first
        answer that is not 200."""
        answers = Answers()
        started = time.perf_counter()

        async def send() -> None:
            while time.perf_counter() - started < seconds:
                status = await self.one(answers)
                if until_refused and status != 200:
                    return

        await asyncio.gather(*(send() for _ in range(connections)))
        answers.seconds = time.perf_counter() - started
        return answers

    async def open_loop(self, *, per_second: float, seconds: float, most: int = 400) -> Answers:
        """Send at a steady rate, whatever comes back; at most so many are on their way at once."""
        answers = Answers()
        started = time.perf_counter()
        on_the_way: set[asyncio.Task[int]] = set()
        for number in range(int(per_second * seconds)):
            due = started + number / per_second
            wait = due - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            elif number % 16 == 0:
                await asyncio.sleep(0)  # late: let the answers in
            if time.perf_counter() - started > seconds:
                break
            while len(on_the_way) >= most:
                await asyncio.wait(on_the_way, return_when=asyncio.FIRST_COMPLETED)
            task = asyncio.ensure_future(self.one(answers, due=due))
            on_the_way.add(task)
            task.add_done_callback(on_the_way.discard)
        if on_the_way:
            await asyncio.wait(on_the_way)
        answers.seconds = time.perf_counter() - started
        return answers

    async def close(self) -> None:
        for _, _, writer in self._idle:
            writer.close()
        self._idle.clear()

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return a connection that was used of late, or a new one."""
        while self._idle:
            since, reader, writer = self._idle.pop()
            # Servers close idle connections; a request that crosses that is the client's fault.
            if time.perf_counter() - since < _FRESH_S and not reader.at_eof():
                return reader, writer
            writer.close()
        return await asyncio.open_connection("127.0.0.1", self._port)

    async def _sent(self, request: bytes) -> tuple[int, str]:
        try:
            reader, writer = await self._connection()
        except OSError:
            return NO_CONNECTION, "no connection"
        try:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.lower().split(b"\r\n")
            length = next(int(one[15:]) for one in lines if one.startswith(b"content-length:"))
            body = await reader.readexactly(length)
        except (OSError, asyncio.IncompleteReadError):
            writer.close()
            return NO_ANSWER, "closed"
        if b"connection: close" in lines:
            writer.close()
        else:
            self._idle.append((time.perf_counter(), reader, writer))
        status = int(head[9:12])
        return status, "" if status == 200 else str(json.loads(body)["code"])
