"""Published customs figures as an edition shows them: the town beside the places above it, and beside our own sheets.

Published figures are anyone's; our own beside them are the customs sheets' and go through the gate as ever. So the
difference is told only where our own may be, and follows from what is printed.
"""

from __future__ import annotations

from dataclasses import dataclass

from qxmonitor.catalog.approved import approved
from qxmonitor.catalog.comparison import comparison
from qxmonitor.disclosure.cleared import Cleared
from qxmonitor.disclosure.comparison import Compared, Four, compare
from qxmonitor.disclosure.gate import Gate
from qxmonitor.disclosure.suppression import TOWN
from qxmonitor.disclosure.values import Figures
from qxmonitor.period import Period

SOURCE, PLACE = "customs_public", "place"
_BACK = 12
"""Months looked back for the newest that anything is published of."""
_APPROVED = {"trade": "trade", "export": "trade_export", "import": "trade_import"}
"""Flow → the approved indicator that names it and says what of ours stands beside it; in the order of the table."""


@dataclass(frozen=True)
class PlaceLine:
    """One place: levels in 亿元, growth in per cent, and how much more the town's trade grew, in points."""

    name: Cleared
    figures: tuple[Cleared, ...]
    above: Cleared


@dataclass(frozen=True)
class PublishedView:
    """What is published, of the newest month there is.

    Attributes:
        month: that month; ``behind`` where it is an earlier one than the briefing's.
        overdue: the briefing's own month should have been published by now.
        town: the town's line, where there is one.
        others: the places above it.
        january: the growth of that month is not judged.
    """

    month: Cleared
    year: Cleared
    span: Cleared
    behind: bool
    overdue: bool
    town: PlaceLine | None
    others: tuple[PlaceLine, ...]
    january: bool


@dataclass(frozen=True)
class Beside:
    """A published total of the town with ours under it, and the growth that two years' published levels give."""

    flow: str
    pair: Compared
    ratio: Cleared


def of_place(gate: Gate, figures: Figures, stem: str, kind: str, place: str, month: Period) -> Cleared:
    """One published figure; ``stem`` is flow and currency."""
    return figures.get(f"public_{stem}_{kind}", month, PLACE, place, SOURCE)


def published_view(gate: Gate, figures: Figures, period: Period) -> PublishedView | None:
    """The published totals since January of the newest month that has any; None where nothing is published."""
    places = comparison().places

    def told(place: str, month: Period) -> bool:
        kinds = ("ytd", "growth_ytd")
        return any(of_place(gate, figures, "trade_rmb", kind, place, month).shown for kind in kinds)

    month = next((period - back for back in range(_BACK + 1) if any(told(p.id, period - back) for p in places)), None)
    if month is None:
        return None
    rates = {p.id: of_place(gate, figures, "trade_rmb", "growth_ytd", p.id, month) for p in places}
    lines = {}
    for place in places:
        if not told(place.id, month):
            continue
        cells = tuple(
            of_place(gate, figures, f"{flow}_rmb", kind, place.id, month)
            for flow in _APPROVED for kind in ("ytd", "growth_ytd")
        )  # fmt: skip
        above = gate.blank()
        mine, theirs = rates["town"], rates[place.id]
        if place.id != "town" and mine.number is not None and theirs.number is not None:
            ref = f"{mine.ref}|less|{theirs.ref}"
            above = gate.number(mine.number - theirs.number, 1, "个百分点", SOURCE, ref)
        lines[place.id] = PlaceLine(gate.word(place, "name"), cells, above)
    states = [of_place(gate, figures, "trade_rmb", "ytd", place.id, period).state for place in places]
    return PublishedView(
        month=gate.period(month),
        year=gate.year(month),
        span=gate.span(month),
        behind=month < period,
        overdue="late" in states,
        town=lines.pop("town", None),
        others=tuple(lines.values()),
        january=month.month == 1,
    )


def published_beside(gate: Gate, figures: Figures, period: Period) -> tuple[Beside, ...]:
    """The town's published totals of the month with ours beside them; nothing where none is published yet."""
    found = []
    for flow, key in _APPROVED.items():
        stem = f"{flow}_rmb"
        kinds = ("m", "growth", "ytd", "growth_ytd")
        four = Four(*(of_place(gate, figures, stem, kind, "town", period) for kind in kinds))
        if not (four.ytd.shown or four.m.shown or four.growth_ytd.shown):
            continue
        ref = f"{period}|gap_published.{flow}|{TOWN}|{TOWN}|customs"
        pair = compare(gate, figures, approved().by_id[key], four, period, ref)
        found.append(Beside(flow, pair, of_place(gate, figures, stem, "ratio_ytd", "town", period)))
    return tuple(found)
