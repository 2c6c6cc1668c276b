"""The briefing as one self-contained html page, for the body of a mail: same view, same script, no outside links."""

from __future__ import annotations

from dataclasses import dataclass

from qxmonitor.delivery.briefing import Briefing
from qxmonitor.delivery.illustrations import Illustration
from qxmonitor.delivery.render import Renderer, put
from qxmonitor.delivery.tables import Table
from qxmonitor.disclosure.cleared import Cleared


@dataclass(frozen=True)
class _Page:
    """What the page template sees."""

    view: Briefing
    blocks: tuple[_Block, ...]


@dataclass(frozen=True)
class _Block:
    """One line of the script, with at most one of the flags, a chart line's picture or a table line's table."""

    text: Cleared
    title: bool = False
    h1: bool = False
    h2: bool = False
    chart: bool = False
    note: bool = False
    figure: Illustration | None = None
    table: Table | None = None


def briefing_html(view: Briefing, reader: str) -> str:
    """Render an edition.

    Raises:
        DisclosureError: the view holds something not cleared for the reader.
    """
    renderer = Renderer(reader)
    lines = renderer.script("briefing/body.j2", view)
    flags = ("title", "h1", "h2", "chart", "note")
    blocks = tuple(
        _Block(
            line.text,
            **{line.marker: True} if line.marker in flags else {},
            figure=view.pictures[put(line.text, reader)] if line.marker == "chart" else None,
            table=view.inline[put(line.text, reader)] if line.marker == "table" else None,
        )
        for line in lines
    )
    return renderer.html("briefing/page.html.j2", _Page(view, blocks))
