"""Whether the bytes of a network may be given to a runtime."""

from __future__ import annotations

from carina.inference import onnx_contents
from carina.inference.onnx_files import read_model
from carina.inference.onnx_sizes import NetworkSizes, sizes_of
from carina.inference.onnx_skeleton import without_large_weights


def require_harmless(data: bytes) -> NetworkSizes:
    """Refuse a network that could do more than answer, or would need more than a machine has.

    Args:
        data: the bytes of an ONNX file; whoever can change a classifier can change its digests
            too, so these say nothing of what a network holds.

    Returns:
        What it needs.

    Raises:
        ClassifierError: if the bytes are no ONNX file, or hold what is refused by name
            (`onnx_contents`), or too much (`onnx_sizes`).
    """
    skeleton, cut = without_large_weights(data)
    model = read_model(skeleton)
    onnx_contents.require_plain(model, cut=cut)
    return sizes_of(model)


def require_whole(data: bytes) -> None:
    """Refuse an ONNX file whose weights stand in other files, or are not what they say.

    Args:
        data: the file's bytes; another tool's file may hold more than a classifier's network.

    Raises:
        ClassifierError: if there are any, or the bytes are no ONNX file.
    """
    skeleton, cut = without_large_weights(data)
    onnx_contents.require_whole(read_model(skeleton), cut=cut)
