"""The page where one drops a film, and the REST answers."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi import FastAPI

    from carina.inference.classifier import Classifier
    from carina.settings import Settings

__all__ = ["api_description", "create_app"]


def create_app(
    classifier: Classifier,
    settings: Settings,
    *,
    token: str = "",
    names: Collection[str] | None = None,
    place: Path | str | None = None,
) -> FastAPI:
    """Return the application that answers with a classifier (needs the extra `web`).

    Args:
        classifier: what answers.
        settings: the limits.
        token: what requests for answers must bring; none if "".
        names: the host names that it answers under, beside numeric addresses; all if None,
            for what checks them in front of it.
        place: the run or folder that the classifier was loaded from, for the tests that were
            made with it elsewhere; None if that is not known.
    """
    from carina.web.app import create_app as create

    return create(classifier, settings, token=token, names=names, place=place)


def api_description() -> dict[str, Any]:
    """Return the OpenAPI description of the application; no classifier is needed."""
    from carina.web.app import api_description as describe

    return describe()
