"""A connection that sends no whole request does not stay for ever."""

import asyncio
from contextlib import asynccontextmanager

import pytest

pytest.importorskip("uvicorn", reason="the server needs the extra 'web'")

import uvicorn

from carina.web import connections
from carina.web.connections import PatientProtocol


async def answer(scope, receive, send):
    """Refuse after the head, as the limit of the body does."""
    await send({"type": "http.response.start", "status": 413, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: x\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nx",
    ],
)
def test_half_a_request_is_closed_after_a_while(monkeypatch, sent):
    monkeypatch.setattr(connections, "IDLE_S", 0.1)

    async def story():
        async with serving(answer) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", port_of(server))
            writer.write(sent)
            received = await asyncio.wait_for(reader.read(), 20)  # to the end: it was closed
            assert received.startswith(b"HTTP/1.1 413") == (b"POST" in sent)
            writer.close()

    asyncio.run(story())


async def answer_at_length(scope, receive, send):
    """Answer with more than the kernel holds for a client."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": bytes(32_000_000)})


def test_an_answer_that_nobody_reads_is_let_go_of_after_a_while(monkeypatch):
    monkeypatch.setattr(connections, "IDLE_S", 0.1)

    async def story():
        async with serving(answer_at_length) as server:
            _, writer = await asyncio.open_connection("127.0.0.1", port_of(server))
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            held = server.server_state.connections
            async with asyncio.timeout(20):
                while not held:
                    await asyncio.sleep(0.01)
                while held:
                    await asyncio.sleep(0.01)
            writer.transport.abort()

    asyncio.run(story())


@asynccontextmanager
async def serving(app):
    """Yield a server of an application on a free port."""
    config = uvicorn.Config(
        app,
        port=0,
        http=PatientProtocol,
        lifespan="off",
        log_config=None,
        timeout_keep_alive=60,
    )
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    yield server
    await server.shutdown()


def port_of(server):
    return server.servers[0].sockets[0].getsockname()[1]
