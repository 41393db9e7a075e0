"""Names -> parts. A folder of parts is a registry: one file there adds one part."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from carina.errors import UnknownNameError

Part = TypeVar("Part")


def nearest(name: str, known: Iterable[str], *, limit: int = 3) -> list[str]:
    """Return the known names that look most like `name`, nearest first.

    >>> nearest("epoch", ["epochs", "batch_size", "seed"])
    ['epochs']
    """
    return difflib.get_close_matches(name, list(known), n=limit, cutoff=0.5)


def unknown_name_sentence(kind: str, name: str, known: Iterable[str]) -> str:
    """Return the sentence that says a name is unknown and which ones are near.

    >>> unknown_name_sentence("recipe", "two-cnov", ["two-conv", "vgg16"])
    "there is no recipe 'two-cnov'; did you mean 'two-conv'? (known: two-conv, vgg16)"
    """
    known = sorted(known)
    near = nearest(name, known)
    hint = f"; did you mean {' or '.join(repr(n) for n in near)}?" if near else ""
    return f"there is no {kind} '{name}'{hint} (known: {', '.join(known)})"


class Registry(Generic[Part]):
    """Parts by name; a name is given once, and an unknown one suggests its neighbours.

    >>> METRICS = Registry[object]("metric")
    >>> @METRICS.register("always-one")
    ... def always_one() -> float:
    ...     return 1.0
    >>> METRICS.names()
    ('always-one',)
    """

    def __init__(self, kind: str, *, package: str | None = None) -> None:
        """Make an empty registry.

        Args:
            kind: what the parts are, in the singular, for messages.
            package: the package whose modules register the parts; they are
                imported at the first look-up, not before.
        """
        self._kind = kind
        self._package = package
        self._parts: dict[str, Part] = {}

    def register(self, name: str) -> Callable[[Part], Part]:
        """Return a decorator that registers what it decorates under `name`.

        Raises:
            ValueError: if the name is taken.
        """

        def add(part: Part) -> Part:
            if name in self._parts:
                raise ValueError(f"{self._kind} '{name}' is registered twice")
            self._parts[name] = part
            return part

        return add

    def get(self, name: str) -> Part:
        """Return the part called `name`.

        Raises:
            UnknownNameError: if there is none; it lists the nearest names.
        """
        self._import_package()
        if name not in self._parts:
            raise UnknownNameError(unknown_name_sentence(self._kind, name, self._parts))
        return self._parts[name]

    def names(self) -> tuple[str, ...]:
        """Return every name, sorted."""
        self._import_package()
        return tuple(sorted(self._parts))

    def _import_package(self) -> None:
        package = self._package
        if package is None:
            return
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
            importlib.import_module(f"{package}.{module.name}")
        # Only now: another thread that asks meanwhile must wait for the parts too.
        self._package = None
