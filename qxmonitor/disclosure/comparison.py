"""市局反馈数 beside our own computation (测算): both as they are printed, and what the difference is made of.

The difference of two growth rates follows from levels and rates as printed: it is told as the amount of a year ago
(restated bases, another scope) that makes it, which tells nothing the page does not. How much of the level late firms
make up is known from the decomposition of growth, for firm-level rights alone.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from qxmonitor.catalog.approved import ApprovedIndicator, approved
from qxmonitor.disclosure.cleared import Cleared
from qxmonitor.disclosure.gate import Gate
from qxmonitor.disclosure.suppression import TOWN
from qxmonitor.disclosure.values import Figures, missing, number
from qxmonitor.period import Period

_SOURCE = "approved"
_YI = 1e-5
"""千元 in 亿元."""
_LEAST_RATE = -100.0
"""A growth rate from which no figure of a year ago follows, in per cent."""


@dataclass(frozen=True)
class Four:
    """Level and growth of the month, and since January."""

    m: Cleared
    growth: Cleared
    ytd: Cleared
    growth_ytd: Cleared


@dataclass(frozen=True)
class Gap:
    """Approved less own, since January: of the level, and of the growth in percentage points; None where not told.

    Attributes:
        level: in the indicator's unit; ``late`` and ``rest`` add up to it, None outside firm-level rights.
        points: of the growth.
        base: what the growth differs by, as an amount of a year ago: how much more the approved figure had then than
            it would have had at our growth. None for real growth, of which no amount follows.
    """

    level: Cleared
    late: Cleared | None
    rest: Cleared | None
    points: Cleared | None
    base: Cleared | None


@dataclass(frozen=True)
class Compared:
    """One indicator: approved, ours (None where the catalogue has none), and their difference."""

    name: Cleared
    unit: Cleared
    approved: Four
    own: Four | None
    gap: Gap | None
    why: Cleared | None


def compared(
    gate: Gate, figures: Figures, rows: pd.DataFrame, period: Period, decomposition: pd.DataFrame | None = None
) -> tuple[Compared, ...]:
    """The approved indicators of a month in the catalogue's order, ours beside them.

    Args:
        gate: the reader's.
        figures: our own, cleared for the reader.
        rows: approved figures: indicator, period, measure (m, ytd), value (the catalogue's unit), growth (per cent).
        period: the month.
        decomposition: the town's cumulative one; for firm-level rights.
    """
    if not gate.may(_SOURCE, "firm"):
        return ()
    mine = rows[rows["period"].astype(str) == str(period)]
    by_key = {(str(r["indicator"]), str(r["measure"])): r for r in mine.to_dict("records")}
    found = []
    for entry in approved().indicators:
        pair = {measure: by_key.get((entry.id, measure)) for measure in ("m", "ytd")}
        if any(row is not None for row in pair.values()):
            theirs = _approved(gate, entry, pair, period)
            late = _late(gate, entry, decomposition, period)
            ref = f"{period}|gap.{entry.id}|{TOWN}|{TOWN}|{entry.own.source if entry.own else _SOURCE}"
            found.append(compare(gate, figures, entry, theirs, period, ref, late))
    return tuple(found)


def _approved(
    gate: Gate, entry: ApprovedIndicator, pair: dict[str, dict[Hashable, Any] | None], period: Period
) -> Four:
    def cell(measure: str, column: str, unit: str, decimals: int) -> Cleared:
        ref = f"{period}|approved.{entry.id}.{measure}.{column}|{TOWN}|{TOWN}|{_SOURCE}"
        row = pair[measure]
        value = None if row is None else row[column]
        if value is None or pd.isna(value):
            return missing(gate.reader, _SOURCE, ref)
        return number(float(value), decimals, unit, gate.reader, _SOURCE, ref)

    level = _decimals(entry.unit)
    return Four(
        cell("m", "value", entry.unit, level), cell("m", "growth", "%", 1),
        cell("ytd", "value", entry.unit, level), cell("ytd", "growth", "%", 1),
    )  # fmt: skip


def _decimals(unit: str) -> int:
    return 0 if unit in ("家", "人") else 1 if unit == "%" else 2


def compare(
    gate: Gate,
    figures: Figures,
    entry: ApprovedIndicator,
    theirs: Four,
    period: Period,
    ref: str,
    late: float | None = None,
) -> Compared:
    """One figure of others with ours beside it, and what their difference is made of.

    Args:
        gate: the reader's.
        figures: our own, cleared for the reader.
        entry: what it is called, and what of ours stands beside it.
        theirs: the others' figure, in the entry's unit.
        period: the month.
        ref: of the difference.
        late: what late firms had a year ago, in 亿元, where that may be told.
    """
    own = _own(gate, figures, entry, period)
    named = gate.word(entry, "name"), gate.word(entry, "unit")
    if entry.own is None or own is None:
        return Compared(*named, theirs, None, None, None)
    gap = _gap(gate, entry, theirs, own, ref, late)
    return Compared(*named, theirs, own, gap, gate.word(entry.own, "why"))


def _own(gate: Gate, figures: Figures, entry: ApprovedIndicator, period: Period) -> Four | None:
    """Ours in the approved figure's unit; None without an entry, or where nothing of it is told at all."""
    own = entry.own
    if own is None:
        return None

    def cell(key: str | None) -> Cleared:
        if key is None:
            return missing(gate.reader, own.source, f"{period}|own.{entry.id}")
        figure = figures.get(key, period, source=own.source)
        factor = 1.0 if figure.unit in ("%", entry.unit) else approved().factor(figure.unit, entry.unit)
        if figure.number is None or factor in (None, 1.0):
            return figure
        shown = figure.number * float(factor or 1.0)
        return number(shown, _decimals(entry.unit), entry.unit, gate.reader, own.source, figure.ref)

    four = Four(cell(own.m), cell(own.growth), cell(own.ytd), cell(own.growth_ytd))
    return four if any(part.number is not None for part in (four.m, four.ytd)) else None


def _late(gate: Gate, entry: ApprovedIndicator, rows: pd.DataFrame | None, period: Period) -> float | None:
    """What firms whose return is missing had a year ago, in 亿元; for firm-level rights and output alone."""
    if rows is None or entry.id != "output" or not gate.may("returns", "firm"):
        return None
    mine = rows[(rows["period"] == str(period)) & (rows["state"] == "value")]
    return None if mine.empty else float(mine["unreported_base"].iloc[0]) * _YI


def _gap(gate: Gate, entry: ApprovedIndicator, theirs: Four, own: Four, ref: str, late: float | None) -> Gap | None:
    if theirs.ytd.number is None or own.ytd.number is None:
        return None
    decimals, source = _decimals(entry.unit), own.ytd.source
    level = round(theirs.ytd.number - own.ytd.number, decimals)

    def say(value: float, digits: int, unit: str, part: str) -> Cleared:
        return number(value, digits, unit, gate.reader, source, f"{ref}|{part}")

    missed = None if late is None else say(late, decimals, entry.unit, "late")
    rest = None if late is None else say(level - round(late, decimals), decimals, entry.unit, "rest")
    rate, our_rate = theirs.growth_ytd.number, own.growth_ytd.number
    points = None if rate is None or our_rate is None else say(rate - our_rate, 1, "个百分点", "points")
    then = None if entry.own is None or entry.own.real else _base(theirs, own)
    base = None if then is None else say(then, decimals, entry.unit, "base")
    return Gap(say(level, decimals, entry.unit, "level"), missed, rest, points, base)


def _base(theirs: Four, own: Four) -> float | None:
    """What the approved level had a year ago more than at our growth: L ÷ (1 + g) − L ÷ (1 + g')."""
    level, rates = theirs.ytd.number, (theirs.growth_ytd.number, own.growth_ytd.number)
    if level is None or any(rate is None or rate <= _LEAST_RATE for rate in rates):
        return None
    then, at_ours = (level / (1.0 + (rate or 0.0) / 100.0) for rate in rates)
    return then - at_ours
