"""A page -> HTML that stands alone: no script, no file beside it, no network."""

from __future__ import annotations

import base64
import re

from carina.domain.report import Figure, Picture, Report
from carina.errors import MissingExtraError

_PERCENT = re.compile(r"(\d) %")


def render_html(report: Report) -> str:
    """Return a page as one HTML document, with its style, drawings and pictures inside.

    All text is escaped; only the SVG that `reporting.figures` drew goes in as it is.

    Raises:
        MissingExtraError: if Jinja is not installed.
    """
    try:
        import jinja2
    except ImportError as error:
        raise MissingExtraError(needed_for="rendering a page", extra="study") from error
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("carina.reporting"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_with_units_kept,
    )
    environment.filters["data_uri"] = _data_uri
    environment.filters["block_kind"] = _block_kind
    environment.filters["shape"] = _shape
    template = environment.get_template("report.html.j2")
    page: str = template.render(
        title=report.title,
        subtitle=report.subtitle,
        sections=report.sections,
        titles={section.anchor: section.title for section in report.sections},
        caveat=report.caveat,
    )
    return page


def _with_units_kept(value: object) -> object:
    """Return a text in which no percent sign breaks from its number; anything else as it is.

    >>> _with_units_kept("97.0 % (89.6 to 99.2 %)")
    '97.0\\xa0% (89.6 to 99.2\\xa0%)'
    """
    # What is marked as safe is a drawing.
    return _PERCENT.sub("\\1\N{NO-BREAK SPACE}%", value) if type(value) is str else value


def _block_kind(block: object) -> str:
    """Return the name of the macro that draws a block: its class's."""
    return type(block).__name__


def _shape(figure: Figure) -> str:
    """Return "whole" as the drawing asks, "wide" where it is more than twice as wide as
    high, else "half"."""
    if figure.whole:
        return "whole"
    box = re.search(r'viewBox="\S+ \S+ (\S+) (\S+)"', figure.svg)
    return "wide" if box and float(box[1]) > 2 * float(box[2]) else "half"


def _data_uri(picture: Picture) -> str:
    """Return a picture as a `data:` address."""
    return f"data:{picture.media_type};base64,{base64.b64encode(picture.image).decode('ascii')}"
