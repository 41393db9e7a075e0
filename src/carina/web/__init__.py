"""The page where one drops a film, and the REST answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastapi import FastAPI

    from carina.inference.classifier import Classifier
    from carina.settings import Settings

__all__ = ["api_description", "create_app"]


def create_app(classifier: Classifier, settings: Settings) -> FastAPI:
    """Return the application that answers with a classifier (needs the extra `web`)."""
    from carina.web.app import create_app as create

    return create(classifier, settings)


def api_description() -> dict[str, Any]:
    """Return the OpenAPI description of the application; no classifier is needed."""
    from carina.web.app import api_description as describe

    return describe()
