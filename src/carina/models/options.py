"""An architecture's own settings, from a recipe's `network.options`."""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import ValidationError

from carina.domain.document import Plain
from carina.errors import RecipeError
from carina.registry import nearest

Options = TypeVar("Options", bound=Plain)


def read_options(
    values: Mapping[str, object], kind: type[Options], *, architecture: str
) -> Options:
    """Return `values` as the options of an architecture.

    Raises:
        RecipeError: on an unknown option (the nearest is named) or a bad value.

    >>> class Widths(Plain):
    ...     dense: int = 256
    >>> read_options({"dense": 64}, Widths, architecture="two-conv").dense
    64
    """
    try:
        return kind.model_validate(dict(values))
    except ValidationError as error:
        problems = "; ".join(
            _problem(str(detail["loc"][0]), detail["type"], detail["msg"], values, kind)
            for detail in error.errors()
        )
        raise RecipeError(f"network '{architecture}' cannot be built: {problems}") from error


def _problem(
    name: str, problem: str, message: str, values: Mapping[str, object], kind: type[Plain]
) -> str:
    if problem != "extra_forbidden":
        return f"network.options.{name} = {values[name]!r}: {message}"
    near = nearest(name, kind.model_fields)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(kind.model_fields)}"
    return f"unknown option 'network.options.{name}' ({hint})"
