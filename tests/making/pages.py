"""A page, taken apart for a test."""

import re
from html.parser import HTMLParser


class Elements(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.texts = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data)

    def of(self, tag):
        return [attributes for name, attributes in self.found if name == tag]

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


def assert_stands_alone(page):
    """Fail if the page holds a script or asks for anything outside itself."""
    elements = Elements(page)
    for tag in ("script", "link", "iframe", "object", "embed", "base", "form"):
        assert elements.of(tag) == []
    for _, attributes in elements.found:
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in ("src", "href", "xlink:href", "srcset", "action", "poster"):
                assert value.startswith(("#", "data:image/"))
    assert not re.search(r"url\((?!#)|@import", page)
