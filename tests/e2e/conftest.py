"""What the tests of the page share."""

import pytest

from making.browser import browser, visited


@pytest.fixture(scope="module")
def chromium():
    with browser() as opened:
        yield opened


@pytest.fixture
def page(chromium, address):
    """The page of the module's `address`, opened anew."""
    with visited(chromium, address) as opened:
        yield opened
