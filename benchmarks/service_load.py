"""How the service stands under load: a client in this process, the server in another.

    python benchmarks/service_load.py CLASSIFIER [CLASSIFIER ...] [--runtime NAME ...] \\
        [--film FILM.jpg ...] [--seconds S] [--append FILE.jsonl] [--table-only]

For each classifier and runtime, in one run on 127.0.0.1:

- bare: films that are in memory, read, prepared and answered one after another in one process
  without a server, and the network alone; measured before and after the service, averaged;
- throughput: films a second with 8 requests on their way, as a share of the bare pipeline's.
  The client, the network card's part and the server share the machine's cores;
- half load: the 50th and 99th percentile at half that rate, from when a request was due;
- ten times the throughput is sent: how quickly the others are refused (503), how the
  server's memory grows, and how soon a lone film is answered as before;
- SIGTERM with 8 requests on their way: requests without an answer, and the exit code.

The films are phantoms of 640 pixels as JPEG unless some are named. Everything is bounded: no
phase takes longer than a few times `--seconds`.
"""

import argparse
import asyncio
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from described.measuring import Kept, carina_code, machine
from PIL import Image
from service_client import NO_ANSWER, Answers, Client

_TMP = Path("tmp")  # git ignores it
_CONNECTIONS = 8
_N_FILMS = 16
_SIDE = 640
_RECOVERED = 3.0  # times the usual seconds of a lone film


def main(arguments: argparse.Namespace) -> None:
    """Measure every classifier with every runtime, and print the table."""
    if arguments.bare:
        print(json.dumps(bare(arguments.classifier[0], arguments.runtime[0], arguments)))
        return
    kept = Kept(arguments.append)
    if not arguments.table_only:
        for classifier in arguments.classifier:
            for runtime in arguments.runtime:
                kept.add(measured(classifier, runtime, arguments))
    print_table(kept.rows)


def measured(classifier: str, runtime: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what one service did, beside the bare pipeline."""
    films = the_films(arguments.film)
    before = bare_in_a_process(classifier, runtime, arguments)
    with served(classifier, runtime) as server:
        row = asyncio.run(loaded(server, films, arguments.seconds))
    after = bare_in_a_process(classifier, runtime, arguments)
    for name in ("pipeline", "network"):
        row[f"bare_{name}_per_s"] = (before[name] + after[name]) / 2
        row[f"bare_{name}_turns"] = [before[name], after[name]]
    row["share_of_bare"] = row["throughput_per_s"] / row["bare_pipeline_per_s"]
    return {
        "classifier": Path(classifier).name,
        "runtime": runtime,
        "film_bytes": sum(map(len, films)) // len(films),
        **row,
        "load_average": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "machine": machine(),
        "code": carina_code(),
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


async def loaded(server: "Server", films: Sequence[bytes], seconds: float) -> dict[str, Any]:
    """Return what a server did under every load."""
    client = Client(server.port, films)
    await client.closed_loop(connections=2, seconds=min(2.0, seconds))  # warm
    alone = await client.closed_loop(connections=1, seconds=seconds / 2)
    full = await client.closed_loop(connections=_CONNECTIONS, seconds=seconds)
    rate = full.n(200) / full.seconds
    half = await client.open_loop(per_second=max(rate / 2, 1.0), seconds=seconds)
    rss_before = server.rss_mb()
    over, rss_most, rss_early = await overloaded(server, client, rate, seconds)
    recovery = await recovered(client, alone.quantile(0.5))
    rss_after = server.rss_mb()
    stopped, code = await stopped_under_load(server, client)
    return {
        "alone_p50_ms": 1000 * alone.quantile(0.5),
        "throughput_per_s": rate,
        "half_p50_ms": 1000 * half.quantile(0.5),
        "half_p99_ms": 1000 * half.quantile(0.99),
        "half_refused": half.n(503),
        "over_sent_per_s": len(over.found) / over.seconds,
        "over_answered_per_s": over.n(200) / over.seconds,
        "over_refused": over.n(503),
        "over_other": len(over.found) - over.n(200) - over.n(503),
        "refusal_p50_ms": 1000 * over.quantile(0.5, status=503, sent=True),
        "refusal_p99_ms": 1000 * over.quantile(0.99, status=503, sent=True),
        "rss_before_mb": rss_before,
        "rss_early_mb": rss_early,
        "rss_most_mb": rss_most,
        "rss_after_mb": rss_after,
        "recovery_s": recovery,
        "stop_answered": stopped.n(200),
        "stop_refused": stopped.n(503),
        "stop_lost": stopped.n(NO_ANSWER),
        "exit_code": code,
    }


async def overloaded(
    server: "Server", client: Client, rate: float, seconds: float
) -> tuple[Answers, float, float]:
    """Return the answers at ten times the rate, the most memory, and that of the first third."""
    task = asyncio.ensure_future(client.open_loop(per_second=10 * rate, seconds=seconds))
    started, most, early = time.perf_counter(), 0.0, 0.0
    while not task.done():
        await asyncio.sleep(0.2)
        most = max(most, server.rss_mb())
        if time.perf_counter() - started < seconds / 3:
            early = most
    return await task, most, early


async def recovered(client: Client, usual: float) -> float:
    """Return the seconds until a lone film is answered nearly as quickly as before."""
    started = time.perf_counter()
    while time.perf_counter() - started < 60:
        one = Answers()
        status = await client.one(one)
        if status == 200 and one.found[0][2] <= _RECOVERED * usual:
            return time.perf_counter() - started
    return float("inf")


async def stopped_under_load(server: "Server", client: Client) -> tuple[Answers, int]:
    """Return the answers around SIGTERM, and the exit code."""
    task = asyncio.ensure_future(
        client.closed_loop(connections=_CONNECTIONS, seconds=60, until_refused=True)
    )
    await asyncio.sleep(1)
    server.process.send_signal(signal.SIGTERM)
    answers = await task
    await client.close()
    return answers, await asyncio.to_thread(server.process.wait, 60)


class Server:
    """A `carina serve` process.

    Attributes:
        process: it.
        port: where it listens.
    """

    def __init__(self, process: "subprocess.Popen[str]", log: Path) -> None:
        self.process = process
        self.port = 0
        while self.port == 0 and process.poll() is None:
            time.sleep(0.05)
            found = re.search(r"http://127\.0\.0\.1:(\d+)", log.read_text(encoding="utf-8"))
            self.port = int(found[1]) if found else 0

    def rss_mb(self) -> float:
        """Return the memory that it holds; NaN where /proc does not tell."""
        status = Path(f"/proc/{self.process.pid}/status")
        if not status.is_file():
            return float("nan")
        found = re.search(r"VmRSS:\s+(\d+) kB", status.read_text(encoding="ascii"))
        return int(found[1]) / 1000 if found else float("nan")


@contextmanager
def served(classifier: str, runtime: str) -> Iterator[Server]:
    """Run a server as long as it is needed; its log goes to a file, as a journal's would."""
    _TMP.mkdir(exist_ok=True)
    log = _TMP / "service_load.log"
    code = "from carina.cli import main; main()"
    words = [sys.executable, "-c", code, "serve", classifier, "--port", "0", "--runtime", runtime]
    with log.open("w", encoding="utf-8") as stream:
        process = subprocess.Popen(words, stderr=stream, stdout=stream, text=True)
        try:
            server = Server(process, log)
            if server.port == 0:
                sys.exit(f"the server did not start: {log.read_text(encoding='utf-8')}")
            yield server
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()


def bare_in_a_process(
    classifier: str, runtime: str, arguments: argparse.Namespace
) -> dict[str, float]:
    """Return films a second of the bare pipeline and of the network alone."""
    words = [sys.executable, __file__, classifier, "--bare", "--runtime", runtime]
    words += ["--seconds", str(arguments.seconds), *(f"--film={film}" for film in arguments.film)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return dict(json.loads(done.stdout))


def bare(folder: str, runtime: str, arguments: argparse.Namespace) -> dict[str, float]:
    """Return films a second, one after another, without a server."""
    from carina.imaging.read import read_radiograph_bytes
    from carina.inference.bundle import load_classifier

    classifier = load_classifier(folder, runtime=runtime)
    films = the_films(arguments.film)
    radiographs = [read_radiograph_bytes(film, name="film") for film in films]
    prepared = [classifier.prepare(film)[None] for film in radiographs]

    def whole(number: int) -> None:
        classifier.answers([read_radiograph_bytes(films[number % len(films)], name="film")])

    def network(number: int) -> None:
        classifier.logits(prepared[number % len(prepared)])

    return {
        "pipeline": per_second(whole, arguments.seconds),
        "network": per_second(network, arguments.seconds / 2),
    }


def per_second(work: Any, seconds: float) -> float:
    for number in range(5):
        work(number)
    started, n = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        work(n)
        n += 1
    return n / (time.perf_counter() - started)


def the_films(named: Sequence[str]) -> list[bytes]:
    """Return the films' bytes: those that are named, or phantoms."""
    if named:
        return [Path(name).read_bytes() for name in named]
    from carina.imaging.phantom import PHANTOM_FINDINGS, make_phantom

    films = []
    for number in range(_N_FILMS):
        rng = np.random.default_rng([640, number])
        finding = PHANTOM_FINDINGS[number % len(PHANTOM_FINDINGS)]
        pixels = make_phantom(finding, rng=rng, height=_SIDE, width=_SIDE).pixels
        buffer = io.BytesIO()
        Image.fromarray(np.rint(255 * pixels).astype(np.uint8)).save(buffer, "JPEG", quality=90)
        films.append(buffer.getvalue())
    return films


_COLUMNS = {
    "classifier": "{classifier}",
    "runtime": "{runtime}",
    "network, films/s": "{bare_network_per_s:.1f}",
    "bare, films/s": "{bare_pipeline_per_s:.1f}",
    "service, films/s": "{throughput_per_s:.1f}",
    "share": "{share_of_bare:.0%}",
    "alone, ms": "{alone_p50_ms:.0f}",
    "half load p50 / p99, ms": "{half_p50_ms:.0f} / {half_p99_ms:.0f}",
    "sent, answered a second at ten times": "{over_sent_per_s:.0f}, {over_answered_per_s:.1f}",
    "refused in p50 / p99, ms": "{refusal_p50_ms:.0f} / {refusal_p99_ms:.0f}",
    "neither": "{over_other}",
    "memory before / early / most, MB": (
        "{rss_before_mb:.0f} / {rss_early_mb:.0f} / {rss_most_mb:.0f}"
    ),
    "recovered in, s": "{recovery_s:.2f}",
    "lost at SIGTERM": "{stop_lost} of {stop_answered}",
    "exit": "{exit_code}",
}


def print_table(rows: Sequence[dict[str, Any]]) -> None:
    """Print the rows as a Markdown table, and where they were measured."""
    print("| " + " | ".join(_COLUMNS) + " |")
    print("|" + " --- |" * len(_COLUMNS))
    for row in rows:
        print("| " + " | ".join(form.format(**row) for form in _COLUMNS.values()) + " |")
    for place in sorted({f"{row['machine']}; code {row['code']}" for row in rows}):
        print(f"\n{place}")


def parsed(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what was asked for."""
    parser = argparse.ArgumentParser(description="The service under load.")
    parser.add_argument("classifier", nargs="+")
    parser.add_argument("--runtime", nargs="+", default=["openvino", "onnxruntime"])
    parser.add_argument("--film", action="append", default=[])
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--append", type=Path, default=_TMP / "service_load.jsonl")
    parser.add_argument("--table-only", action="store_true")
    parser.add_argument("--bare", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(words)


if __name__ == "__main__":
    main(parsed())
