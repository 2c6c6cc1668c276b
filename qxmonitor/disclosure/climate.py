"""The town's climate as one reader may see it: lamps over months, the score, the composite and diffusion indices.

A lamp is read off a figure as shown to the reader, so it tells nothing that the figure does not; where the figure is
not shown there is no lamp, and its empty says why. Lamps say hot or cold and are no levels of risk.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from qxmonitor.catalog.climate import LAMPS, POINTS, climate
from qxmonitor.catalog.indicators import indicators
from qxmonitor.disclosure.cleared import Cleared, seal
from qxmonitor.disclosure.gate import Gate
from qxmonitor.disclosure.values import NOTHING, Figures
from qxmonitor.period import Period

LAMP_MONTHS = 13


@dataclass(frozen=True)
class LampRow:
    """One line of the strip; a cell's text is the lamp's name, its number 5 (hot) to 1 (cold), or an empty."""

    name: Cleared
    cells: tuple[Cleared, ...]


@dataclass(frozen=True)
class LampStrip:
    """The overall lamp first, then the components, over the last months."""

    months: tuple[Cleared, ...]
    rows: tuple[LampRow, ...]


@dataclass(frozen=True)
class Lit:
    """The components that show one lamp this month."""

    lamp: Cleared
    count: Cleared
    names: tuple[Cleared, ...]


@dataclass(frozen=True)
class ClimateView:
    """The month's climate; ``lamp`` and ``meaning`` are None where the score is not shown."""

    score: Cleared
    before: Cleared
    most: Cleared
    lamp: Cleared | None
    meaning: Cleared | None
    lit: tuple[Lit, ...]
    base: Cleared
    coincident: Cleared
    leading: Cleared
    breadth_coincident: Cleared
    breadth_leading: Cleared
    strip: LampStrip


def climate_view(gate: Gate, figures: Figures, period: Period, first: Period) -> ClimateView:
    """The climate of a month.

    Args:
        gate: the reader's.
        figures: cleared for the reader, of at least :data:`LAMP_MONTHS` months.
        period: the month.
        first: the first month that the indices are made from; it decides the base year.
    """
    lamps = climate().lamps
    months = [period - back for back in range(LAMP_MONTHS - 1, -1, -1)]
    strip = LampStrip(tuple(gate.period(month) for month in months), tuple(_strip(gate, figures, months)))
    score = figures.get("climate_score", period)
    overall = strip.rows[0].cells[-1]
    key = LAMPS[5 - int(overall.number)] if overall.number is not None else None
    return ClimateView(
        score=score,
        before=figures.get("climate_score", period - 1),
        most=gate.amount(lamps.scale, "most"),
        lamp=overall if key else None,
        meaning=gate.label(lamps, "meanings", key) if key else None,
        lit=_lit(gate, strip.rows[1:]),
        base=gate.year(Period(f"{climate().base(first):04d}-01")),
        coincident=figures.get("climate_coincident", period),
        leading=figures.get("climate_leading", period),
        breadth_coincident=figures.get("climate_diffusion_coincident", period),
        breadth_leading=figures.get("climate_diffusion_leading", period),
        strip=strip,
    )


def _strip(gate: Gate, figures: Figures, months: list[Period]) -> list[LampRow]:
    lamps = climate().lamps
    score = [figures.get("climate_score", month) for month in months]
    rows = [LampRow(gate.word(indicators().indicator("climate_score"), "name"), _row(gate, score, lamps.scale.points))]
    for component in lamps.components:
        shown = [figures.get(component.indicator, month, source=component.source) for month in months]
        rows.append(LampRow(gate.word(component.entry, "name"), _row(gate, shown, component.points)))
    return rows


def _row(gate: Gate, figures: list[Cleared], points: Callable[[float], int]) -> tuple[Cleared, ...]:
    return tuple(_lamp(gate, figure, points) for figure in figures)


def _lamp(gate: Gate, figure: Cleared, points: Callable[[float], int]) -> Cleared:
    """The lamp of a figure; what fell to nothing is coldest."""
    ref = f"{figure.ref}|lamp"
    if figure.number is None and figure.state != NOTHING:
        return seal(figure.text, reader=gate.reader, source=figure.source, ref=ref, state=figure.state)
    found = points(figure.number) if figure.number is not None else 1
    name = climate().lamps.names[LAMPS[5 - found]]
    return seal(name, reader=gate.reader, source=figure.source, ref=ref, number=float(found))


def _lit(gate: Gate, rows: tuple[LampRow, ...]) -> tuple[Lit, ...]:
    """Hot to cold, the components of this month by lamp."""
    found = []
    for lamp in LAMPS:
        mine = [row for row in rows if row.cells[-1].number == POINTS[lamp]]
        if mine:
            names = tuple(row.name for row in mine)
            found.append(Lit(gate.label(climate().lamps, "names", lamp), gate.count(names), names))
    return tuple(found)
