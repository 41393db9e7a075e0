"""Requests with hostile films, hostile forms and hostile heads, each the same for its number."""

import random
from typing import NamedTuple

from making.hostile.mutations import BLIND_CHANGES, Mutant, mutants
from making.hostile.seeds import seeds

_RAW_TYPES = ("application/dicom", "image/png", "image/jpeg", "image/tiff", "image/bmp")
_QUERIES = (
    "?explain=true",
    "?film=levels",
    "?film=png",
    "?film=thumbnail",
    "?explain=1&class=Normal",
)
_NAMES = (
    b"film.png", b"../../../etc/passwd", b"a" * 20_000, b"<img src=x onerror=alert(1)>.png",
    b"\xe2\x80\xaefdp.png", b"\x1b[2J\x1b]0;x\x07.png", b"a\\\"b.png", b"\xff\xfe.png", b"", b"con",
    b"%00.png", b"a;b=c.png",
)  # fmt: skip
_LINE = b"Connection: close"
_PATH = b"POST /v1/predict"
_HEAD_CHANGES: tuple[tuple[bytes, tuple[bytes, ...]], ...] = (
    (b"HTTP/1.1", (b"HTTP/1.0", b"HTTP/9.9", b"HTTP", b"ICY/1.1")),
    (b"Host: 127.0.0.1", (b"X: y", b"Host: evil.example", b"Host: [::1", b"Host:")),
    (_PATH, (_PATH + b"?explain=maybe", _PATH + b"?class=%ff%fe", _PATH + b"?method=../x")),
    (_PATH, (_PATH + b"?film=\xff", _PATH + b"?a=" + b"b" * 9000, _PATH + b"?explain=1&explain=0")),
    (_PATH, (b"PUT /v1/predict", b"POST /v1//predict", b"POST /%2e%2e/", b"POST *", b"OPTIONS *")),
    (
        _PATH,
        (b"GET /static/../../etc/passwd", b"GET /static/%2e%2e/%2e%2e/etc/passwd", b"\x16\x03"),
    ),
    (
        b"boundary=cut",
        (b"boundary=", b'boundary="cut', b"boundary=" + b"c" * 300, b"boundary=\xff"),
    ),
    (_LINE, (b"X: " + b"a" * 8000, b"X: " + b"a" * 70_000, b"X: y\r\n" * 300 + _LINE)),
    (_LINE, (b"X\0: y", b"\xff\xfe: z", b": y", b"X : y", b" folded", b"Expect: 100-continue")),
    (_LINE, (b"Upgrade: websocket\r\nConnection: upgrade", b"Authorization: Bearer \xff")),
    (b"Content-Type:", (b"Content-Type: image/png\r\nContent-Type:", b"Content-Type")),
)
_LENGTH_LIES = (b"-1", b"0", b"9" * 30, b"1e3", b"+10", b"", b"0x10", b"99999")


class Message(NamedTuple):
    """A request.

    Attributes:
        name: what it is called in reports.
        content: its head and body, as they are sent.
        whole: whether it is one complete request, which must be answered; of another one the
            server may wait for the rest, or close the connection.
    """

    name: str
    content: bytes
    whole: bool = True


def messages(start: int, stop: int) -> list[Message]:
    """Return requests: of ten, seven with a mutated film, two forms and one head."""
    return [
        _message(n, film) for n, film in zip(range(start, stop), mutants(start, stop), strict=True)
    ]


def _message(n: int, film: Mutant) -> Message:
    rng = random.Random(f"message {n}")
    if n % 10 < 4:
        body = form_of(film.data, name=rng.choice(_NAMES[:2]) + b"")
        return Message(f"form:{film.name}", request(body, query=_query(rng)))
    if n % 10 < 7:
        content = request(film.data, media_type=rng.choice(_RAW_TYPES), query=_query(rng))
        return Message(f"raw:{film.name}", content)
    if n % 10 < 9:
        return Message(f"form#{n}", request(_hostile_form(rng)))
    return Message(f"head#{n}", _hostile_request(rng), whole=False)


def _query(rng: random.Random) -> str:
    return rng.choice(_QUERIES) if rng.random() < 0.15 else ""


def form_of(film: bytes, *, name: bytes = b"film.png", field: bytes = b"file") -> bytes:
    """Return a form with one film; its boundary is `cut`."""
    return _part(film, name=name, field=field) + b"--cut--\r\n"


def request(
    body: bytes, *, media_type: str = "multipart/form-data; boundary=cut", query: str = ""
) -> bytes:
    """Return a complete request for an answer."""
    head = (
        f"POST /v1/predict{query} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        f"Content-Type: {media_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("latin-1") + body


def _part(film: bytes, *, name: bytes, field: bytes = b"file", more: bytes = b"") -> bytes:
    disposition = b'Content-Disposition: form-data; name="%b"; filename="%b"\r\n' % (field, name)
    return b"--cut\r\n" + disposition + more + b"\r\n" + film + b"\r\n"


def _hostile_form(rng: random.Random) -> bytes:
    film = seeds()["png-8"]
    many, end = rng.choice((65, 200, 1100)), b"--cut--\r\n"
    forms = (
        form_of(film, name=rng.choice(_NAMES)),
        _part(film, name=rng.choice(_NAMES)) * rng.choice((2, 5)) + end,
        _part(b"", name=b"a.png") * many + end,
        _part(b"x", name=b"a", field=b"other") * many + end,
        form_of(film)[: -rng.randint(1, 60)],
        form_of(film).replace(b"\r\n", b"\n"),
        form_of(film).replace(b"--cut--", b"--other--"),
        form_of(film).replace(b"; name=", b"; nome="),
        form_of(film).replace(b'filename="', b"filename*=UTF-8''%ff%"),
        form_of(film).replace(b'"file"', b'"' + b"f" * 70_000 + b'"'),
        form_of(form_of(film), name=b"nested.png"),
        _part(film, name=b"a.png", more=b"Content-Transfer-Encoding: base64\r\n") + end,
        _part(film, name=b"a.png", more=b"Content-Type: " + b"a" * 9000 + b"\r\n") + end,
        _part(film, name=b"a.png", more=b"X: y\r\n" * 500) + end,
        b"--cut--\r\n",
        b"--cut\r\n\r\n--cut--\r\n",
        rng.randbytes(300),
    )
    form = bytearray(rng.choice(forms))
    for _ in range(rng.choice((0, 0, 1, 3))):
        rng.choice(BLIND_CHANGES)(form, rng)
    return bytes(form[:400_000])


def _hostile_request(rng: random.Random) -> bytes:
    """Return a request whose head is odd; it may never be complete."""
    body = form_of(seeds()["png-8"])
    whole = request(body)
    length = b"Content-Length: %d" % len(body)
    if rng.random() < 0.5:
        old, new = rng.choice(_HEAD_CHANGES)
        return whole.replace(old, rng.choice(new))
    lie = b"Content-Length: " + rng.choice(_LENGTH_LIES)
    return rng.choice(
        (
            whole.replace(length, lie),
            whole.replace(length, length + b"\r\n" + lie),
            whole.replace(length, length + b"\r\nTransfer-Encoding: chunked"),
            whole.replace(length, b"Transfer-Encoding: chunked"),
            whole.replace(length, b"Transfer-Encoding: gzip, chunked"),
            _chunked(whole, length, body),
            _changed_head(whole, rng),
        )
    )


def _chunked(whole: bytes, length: bytes, body: bytes) -> bytes:
    half = len(body) // 2
    chunks = b"".join(
        b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:half], body[half:], b"")
    )
    return whole.replace(length, b"Transfer-Encoding: chunked").replace(body, chunks)


def _changed_head(whole: bytes, rng: random.Random) -> bytes:
    head, _, body = whole.partition(b"\r\n\r\n")
    changed = bytearray(head)
    rng.choice(BLIND_CHANGES[:3])(changed, rng)
    return bytes(changed) + b"\r\n\r\n" + body
