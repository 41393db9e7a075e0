"""Classifiers that somebody changed and whose digests he made right again."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx

from carina.files.digests import sha256_bytes


def replace_file(folder: Path, name: str, data: bytes) -> None:
    """Put other bytes in a classifier's file, with the digest that fits them on its card."""
    (folder / name).write_bytes(data)
    change_card(folder, lambda card: card["files"].update({name: sha256_bytes(data)}))


def change_card(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change `card.json` as values."""
    card = json.loads((folder / "card.json").read_text())
    change(card)
    (folder / "card.json").write_text(json.dumps(card))


def change_network(folder: Path, change: Callable[[onnx.ModelProto], object]) -> None:
    """Change `network.onnx` as a model, and keep the digest right."""
    model = onnx.load_from_string((folder / "network.onnx").read_bytes())
    change(model)
    replace_file(folder, "network.onnx", model.SerializeToString())
