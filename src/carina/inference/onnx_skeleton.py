"""An ONNX file without its large weights, so that it is looked into without copying them."""

from __future__ import annotations

from collections.abc import Iterator

from carina.errors import ClassifierError

# Fields of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
_GRAPH_OF_MODEL, _WEIGHT_OF_GRAPH, _BYTES_OF_WEIGHT = 7, 5, 9
_LARGE = 1 << 14
# https://protobuf.dev/programming-guides/encoding: how a field's value is stored.
_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5
_FIXED = {_EIGHT_BYTES: 8, _FOUR_BYTES: 4}


def without_large_weights(data: bytes) -> tuple[bytes, dict[int, int]]:
    """Return a file whose weights of more than 16 kB hold no values, and which these are.

    Args:
        data: the bytes of an ONNX file.

    Returns:
        The other file, and the number of a weight in it -> the bytes that it held.

    Raises:
        ClassifierError: if the bytes are no ONNX file.

    >>> without_large_weights(b"")
    (b'', {})
    """
    cut: dict[int, int] = {}
    view = memoryview(data)
    parts = []
    n_weights = 0
    for field, kind, start, end, begin in _fields(view):
        if (field, kind) != (_GRAPH_OF_MODEL, _BYTES):
            parts.append(bytes(view[begin:end]))
            continue
        graph, n_weights = _graph(view[start:end], cut, n_weights)
        parts.append(_field(_GRAPH_OF_MODEL, graph))
    return b"".join(parts), cut


def _graph(view: memoryview, cut: dict[int, int], n_weights: int) -> tuple[bytes, int]:
    parts = []
    for field, kind, start, end, begin in _fields(view):
        if (field, kind) != (_WEIGHT_OF_GRAPH, _BYTES):
            parts.append(bytes(view[begin:end]))
            continue
        weight = view[start:end]
        if len(weight) > _LARGE:
            weight = memoryview(_weight(weight, cut, n_weights))
        parts.append(_field(_WEIGHT_OF_GRAPH, bytes(weight)))
        n_weights += 1
    return b"".join(parts), n_weights


def _weight(view: memoryview, cut: dict[int, int], place: int) -> bytes:
    parts = []
    n_found = 0
    for field, kind, start, end, begin in _fields(view):
        if (field, kind) != (_BYTES_OF_WEIGHT, _BYTES):
            parts.append(bytes(view[begin:end]))
            continue
        n_found += 1
        if n_found > 1:
            raise _damaged("a weight says its values twice")
        cut[place] = end - start
        parts.append(_field(_BYTES_OF_WEIGHT, b""))
    return b"".join(parts)


def _fields(view: memoryview) -> Iterator[tuple[int, int, int, int, int]]:
    """Yield the fields of a message: number, kind, where the value starts and ends, and where
    the field begins."""
    at = 0
    while at < len(view):
        begin = at
        tag, at = _varint(view, at)
        field, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            start = at
            _, at = _varint(view, at)
        elif kind == _BYTES:
            length, start = _varint(view, at)
            at = start + length
        elif kind in _FIXED:
            start, at = at, at + _FIXED[kind]
        else:
            raise _damaged("it has a field of a kind that ONNX does not use")
        if at > len(view) or not field:
            raise _damaged("a field ends behind its message")
        yield field, kind, start, at, begin


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    """Return a number of 64 bits at most, and where what follows begins."""
    number = 0
    for place in range(10):
        if at + place >= len(view):
            raise _damaged("it ends within a number")
        byte = view[at + place]
        number |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return number, at + place + 1
    raise _damaged("it has a number of more than 64 bits")


def _field(number: int, value: bytes) -> bytes:
    """Return a field that holds bytes."""
    return _written(number << 3 | _BYTES) + _written(len(value)) + value


def _written(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


def _damaged(why: str) -> ClassifierError:
    return ClassifierError(f"the network is no ONNX file: {why}")
