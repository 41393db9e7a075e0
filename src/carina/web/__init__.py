"""The upload page and the REST answers."""

from carina.web.app import api_description, create_app

__all__ = ["api_description", "create_app"]
