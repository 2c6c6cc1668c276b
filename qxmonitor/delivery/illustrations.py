"""The briefing's pictures, each drawn of cleared values and numbered after those before it."""

from __future__ import annotations

from dataclasses import dataclass

from qxmonitor.catalog.briefing import briefing_forms
from qxmonitor.catalog.office import office
from qxmonitor.delivery.chainmap import chain_map
from qxmonitor.delivery.chart import Series, trend
from qxmonitor.delivery.lamps import lamps
from qxmonitor.delivery.tables import TREND_MONTHS
from qxmonitor.delivery.waterfall import waterfall
from qxmonitor.disclosure import Cleared, Figures, Gate, Picture
from qxmonitor.disclosure.chainmap import MapChain
from qxmonitor.disclosure.climate import ClimateView
from qxmonitor.disclosure.growth import Waterfall
from qxmonitor.period import Period


@dataclass(frozen=True)
class Illustration:
    """A picture with its number in this edition."""

    number: Cleared
    picture: Picture


def illustration(gate: Gate, picture: Picture | None, *earlier: Illustration | None) -> Illustration | None:
    """A picture, numbered after those before it."""
    if picture is None:
        return None
    titles = [before.picture.title for before in earlier if before is not None]
    return Illustration(gate.count((*titles, picture.title)), picture)


def growth_trend(gate: Gate, figures: Figures, period: Period) -> Picture | None:
    """Growth of the last thirteen months; None where no month is shown."""
    form = briefing_forms().chart
    months = [period - back for back in range(TREND_MONTHS - 1, -1, -1)]
    series = [
        Series(
            gate.label(form, "series", key),
            tuple((gate.period(month), figures.get(key, month, source="returns")) for month in months),
        )
        for key in form.series
    ]
    if not any(figure.shown for line in series for _, figure in line.points):
        return None
    return trend(gate.reader, gate.word(form, "title"), gate.word(form, "axis"), series, _mark(gate))


def growth_steps(gate: Gate, view: Waterfall | None) -> Picture | None:
    """Why cumulative output grew; None where that is not told."""
    if view is None:
        return None
    form = briefing_forms().waterfall
    return waterfall(gate, form, view, gate.word(form, "title"), _mark(gate))


def lamp_strip(gate: Gate, view: ClimateView | None) -> Picture | None:
    """The lamps of the last thirteen months; None where none is lit."""
    if view is None or not any(cell.number is not None for row in view.strip.rows for cell in row.cells):
        return None
    return lamps(gate.reader, view.strip, gate.word(briefing_forms().lamps, "title"), _mark(gate))


_TOLD = ("up", "flat", "down", "falling")
"""States of a node that say something of it."""


def node_map(gate: Gate, maps: tuple[MapChain, ...]) -> Picture | None:
    """The chain map; None where there is none, or where no node of it is told."""
    if not any(node.state in _TOLD for chain in maps for node in chain.nodes):
        return None
    return chain_map(gate, briefing_forms().chain_map, maps, _mark(gate))


def _mark(gate: Gate) -> Cleared | None:
    return gate.word(office(), "simulated_label") if gate.simulated else None
