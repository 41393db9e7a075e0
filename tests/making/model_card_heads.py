"""The YAML head of a model card, read strictly: nothing but what model cards are written in."""

import json
import re


def head_of(text):
    """Return the YAML head as Python values."""
    _, head, _ = re.split(r"^---$", text, maxsplit=2, flags=re.MULTILINE)
    lines = [line for line in head.splitlines() if line and not line.startswith("#")]
    value, rest = parsed(lines, 0)
    assert rest == []
    return value


def parsed(lines, indent):
    """Read the YAML that model cards are written in, and nothing more: mappings and lists by
    indentation, plain words, numbers and double-quoted text."""
    if lines[0][indent:].startswith("- "):
        items = []
        while lines and lines[0][indent:].startswith("- ") and not lines[0][:indent].strip():
            inner = lines[0][indent + 2 :]
            if re.match(r"[a-z_-]+:( |$)", inner):
                value, lines = parsed([" " * (indent + 2) + inner, *lines[1:]], indent + 2)
            else:
                value, lines = scalar(inner), lines[1:]
            items.append(value)
        return items, lines
    tree = {}
    while lines and re.match(rf" {{{indent}}}[a-z_-]+:", lines[0]):
        key, _, inner = lines[0][indent:].partition(":")
        assert key not in tree
        lines = lines[1:]
        if inner:
            tree[key] = scalar(inner.removeprefix(" "))
        else:
            depth = len(lines[0]) - len(lines[0].lstrip())
            tree[key], lines = parsed(lines, depth)
    return tree, lines


def scalar(text):
    if text.startswith('"'):
        wide = re.sub(r"\\U([0-9A-F]{8})", lambda m: json.dumps(chr(int(m[1], 16)))[1:-1], text)
        return json.loads(wide, strict=True)
    if re.fullmatch(r"-?\d+(\.\d+)?", text):
        return float(text)
    assert re.fullmatch(r"[a-z][a-z_-]*", text), text
    return text
