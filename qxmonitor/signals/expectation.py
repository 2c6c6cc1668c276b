"""Rules on own expectation: a firm's month against what its own months before it lead one to expect.

What a town has on day one: a firm is judged once a year of its returns is there, since each return also says what the
same month of last year was: that makes two years of history. Until then the rule says nothing of it (停产 and 逾期未报
do), and :func:`unjudged` says why. A month whose 上年同期 is far from what the firm filed then is not judged either:
the firm is not the one it was (a merger, a change of scope), and its own past tells nothing.

A month is judged on its own past since the January two years before, and the year that returns then speak of: three to
four years. All months of a year begin alike, so that one pass of the filter serves them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qxmonitor.catalog.indicators import Indicator, indicators
from qxmonitor.catalog.rules import Rule, Watch
from qxmonitor.indicators.output import MEASURES, month_pair
from qxmonitor.indicators.smoothing import YEAR
from qxmonitor.indicators.view import Bools, Floats, View
from qxmonitor.panel import Panel
from qxmonitor.period import Period, months
from qxmonitor.signals.conditions import NOT_JUDGED, Levels, reached
from qxmonitor.signals.detect.judged import FEWEST, festival_shares
from qxmonitor.signals.detect.told import Told, tell

COMPARABLE = 0.1
"""Share by which 上年同期 may differ from what was filed a year ago."""
SELDOM = 0.01
"""Times in a hundred months below which nobody needs to know how seldom."""
LOOK_BACK = 2
"""Years before that of a month whose returns it is judged by."""
Texts = npt.NDArray[np.object_]


@dataclass(frozen=True)
class History:
    """What is known of n firms over the months of a panel and the year before it.

    Attributes:
        axis: those m + 12 months.
        first: ``(n,)`` column of a firm's first return; m + 12 where there is none.
        values: ``(n, m + 12)``, February for January and February; the year before a firm's first return is what its
            returns of the first year say of 上年同期.
        base: ``(n, m + 12)`` 上年同期, as the return of the month says it.
        usable: ``(n, m + 12)`` months that may be judged: a year of returns is there, and the basis is comparable.
        comparable: ``(n, m + 12)`` whether 上年同期 agrees with what was filed a year ago, as far as both are known.
    """

    axis: tuple[Period, ...]
    first: npt.NDArray[np.intp]
    values: Floats
    base: Floats
    usable: Bools
    comparable: Bools

    @property
    def february(self) -> Bools:
        """``(n, m + 12)`` months that stand for January and February."""
        return np.broadcast_to(np.array([p.month == 2 for p in self.axis]), self.values.shape)


def history(panel: Panel, last: Period, source: str, indicator: str) -> History:
    """The history by which the months of a year are judged, up to the last of them, as returns tell it.

    Args:
        panel: what is known.
        last: a month of the panel.
        source: ``returns`` or ``self_report``.
        indicator: such as ``output_m``.
    """
    begin = max(Period(f"{last.year - LOOK_BACK}-01"), panel.months[0])
    view = View(panel, months(begin, last))
    now, then = month_pair(view, source, MEASURES[indicator.removesuffix("_m")])
    count, span = now.shape
    values = np.full((count, span + YEAR), np.nan)
    values[:, YEAR:], base = now, np.full(values.shape, np.nan)
    base[:, YEAR:] = then
    there = np.isfinite(now)
    first = np.where(there.any(axis=1), there.argmax(axis=1), span)
    for ahead in range(YEAR):
        rows = np.flatnonzero(first + ahead < span)
        at = first[rows] + ahead
        values[rows, at] = np.where(then[rows, at] > 0, then[rows, at], np.nan)
    comparable = np.ones(values.shape, dtype=bool)
    with np.errstate(invalid="ignore", divide="ignore"):
        filed = values[:, YEAR:span]
        off = np.abs(then[:, YEAR:] / filed - 1.0)
    comparable[:, 2 * YEAR :] = ~(off > COMPARABLE) | ~(filed > 0) | ~(then[:, YEAR:] > 0)
    usable = comparable & (np.arange(span + YEAR) >= first[:, None] + 2 * YEAR)
    return History(months(view.periods[0] - YEAR, view.periods[-1]), first + YEAR, values, base, usable, comparable)


def told(
    rule: Rule, watch: Watch, values: Floats, axis: Sequence[Period], merged: Bools,
    columns: npt.NDArray[np.intp] | None = None,
) -> Told:  # fmt: skip
    """What a rule tells of series, each month by those before it.

    Args:
        rule: of judge ``below_expected``.
        watch: one of its entries.
        values: ``(n, m)``.
        axis: the months.
        merged: ``(n, m)`` Februaries that stand for two months.
        columns: the months to tell of; by default all.
    """
    assert rule.mark is not None and watch.leave is not None, rule.id
    return tell(
        values, festival_shares(axis), 1 - axis[0].month, merged=merged, mark=rule.mark, least=watch.levels.blue,
        leave=watch.leave, columns=columns,
    )  # fmt: skip


def levels(found: Told, watch: Watch, judged: Bools) -> Levels:
    """Level by how much is missing of late (:attr:`Told.size`); 0 where none stands, −1 where a month is not judged."""
    steps = np.maximum(reached(found.size, watch.levels.steps(), "below"), 1)
    return np.where(judged, np.where(found.stands, steps, 0), NOT_JUDGED).astype(np.int8)


@dataclass(frozen=True)
class Seen:
    """What one watch tells of the firms that can be judged in some months.

    Attributes:
        known: the history of all firms.
        rows: ``(r,)`` rows of those firms.
        told: of those firms and months, ``(r, c)`` each.
        columns: ``(c,)`` the months, as columns of ``known``.
        ready: ``(r, c)`` months that are judged: usable, not nought, and not too small (``min_base``).
    """

    known: History
    rows: npt.NDArray[np.intp]
    told: Told
    columns: npt.NDArray[np.intp]
    ready: Bools

    def place(self, periods: Sequence[Period]) -> npt.NDArray[np.intp]:
        """Where months stand among :attr:`columns`."""
        return np.searchsorted(self.columns, [self.known.axis.index(p) for p in periods])


def see(asked: View, rule: Rule, watch: Watch, before: int = 0) -> Seen:
    """What one watch tells in months of one year, and in some months before each of them.

    Args:
        asked: the months asked, all of one year; each by what its panel knows of the months up to it.
        rule: of judge ``below_expected``.
        watch: one of its entries.
        before: how many months before.
    """
    known = history(asked.panel, asked.periods[-1], watch.source, rule.indicator)
    columns = np.unique(np.array([known.axis.index(p) for p in asked.periods])[:, None] - np.arange(before + 1))
    columns = columns[columns >= 0]
    rows = np.flatnonzero(known.usable[:, columns].any(axis=1) & (np.isfinite(known.values).sum(axis=1) > FEWEST))
    values = known.values[rows]
    found = told(rule, watch, values, known.axis, known.february[rows], columns)
    with np.errstate(invalid="ignore"):
        ready = known.usable[rows][:, columns] & found.judged & (values[:, columns] > 0)
        ready &= found.expected >= (watch.min_base or 0.0)
    return Seen(known, rows, found, columns, ready)


def judged(asked: View, seen: Seen, rule: Rule, watch: Watch) -> tuple[Levels, dict[str, Floats | Texts]]:
    """Levels and evidence of one watch, ``(n, q)`` each, for the months asked.

    Args:
        asked: the months asked.
        seen: what is told of them, as :func:`see` gives it.
        rule: of judge ``below_expected``.
        watch: one of its entries.
    """
    known, rows, at = seen.known, seen.rows, seen.place(asked.periods)
    columns, ready = seen.columns[at], seen.ready[:, at]
    found = Told(**{name: getattr(seen.told, name)[:, at] for name in Told.__annotations__})
    shape = (asked.n, asked.q)
    level = np.full(shape, NOT_JUDGED)
    names = ("current", "base", "growth", "usual", "low", "high", "gap", "size", "p")
    fields: dict[str, Floats | Texts] = {name: np.full(shape, np.nan) for name in names}
    fields |= {name: np.full(shape, None, dtype=object) for name in ("begun", "told", "limit")}
    now, base = known.values[rows][:, columns], known.base[rows][:, columns]
    growth = np.divide(now, base, out=np.full(now.shape, np.nan), where=np.nan_to_num(base) > 0) - 1.0
    level[rows] = levels(found, watch, ready)
    for name, part in (
        ("current", now), ("base", base), ("growth", growth),
        ("usual", found.expected), ("low", found.low), ("high", found.high), ("gap", found.gap),
        ("size", np.where(found.stands, found.size, np.nan)), ("p", found.p),
    ):  # fmt: skip
        fields[name][rows] = part
    tellers = teller(indicators().indicator(rule.indicator), rule, watch)
    for row, month in np.argwhere(level[rows] > 0):
        began = known.axis[found.since[row, month]]
        fields["begun"][rows[row], month] = str(began)
        told_, limit = tellers.words(found, int(row), int(month), float(now[row, month]), asked.periods[month], began)
        fields["told"][rows[row], month], fields["limit"][rows[row], month] = told_, limit
    return level, fields


@dataclass(frozen=True)
class Teller:
    """Evidence in the words of a reader: ``factor`` and ``unit`` of its numbers, and the marks."""

    name: str
    factor: float
    unit: str
    mark: float
    blue: float
    leave: float

    def words(self, found: Told, row: int, at: int, value: float, month: Period, began: Period) -> tuple[str, str]:
        """What is told of a month in which a shift stands, and the mark it is held against."""
        both = "1—2月" if month.month == 2 else "当月"
        now, usual, low, high = (
            f"{number * self.factor:,.0f}"
            for number in (value, found.expected[row, at], found.low[row, at], found.high[row, at])
        )
        head = f"{both}{self.name}{now}{self.unit}，按自身此前各月应为{usual}{self.unit}"
        head += f"（八成把握在{low}至{high}之间）"
        kind = self.kind(bool(found.fell[row, at]))
        lasting = f"；约自{began.label}起{kind}，近三个月平均低{-found.size[row, at]:.1%}"
        since = lasting if began < month else f"；本月起{kind}"
        return f"{head}，低{-found.gap[row, at]:.1%}{since}", self.standing(float(found.p[row, at]))

    def kind(self, fell: bool) -> str:
        """A fall or a drift."""
        return "突然走低" if fell else "逐步走低"

    def standing(self, p: float) -> str:
        """Why a month stands as it does: how sure it is, or that output is not back yet."""
        if p > self.mark:
            return f"此前已达提示线，尚未回到应有水平的{1 + self.leave:.0%}以上，提示延续"
        seen = f"约有{100 * p:.2g}次" if 100 * p >= SELDOM else f"不足{SELDOM:g}次"
        return f"平稳序列一百个月里{seen}低到这样（提示线{100 * self.mark:g}次，且低{-self.blue:.0%}以上）"


def teller(entry: Indicator, rule: Rule, watch: Watch) -> Teller:
    """The words for an indicator: a single firm's money is told in 万元."""
    assert rule.mark is not None and watch.leave is not None, rule.id
    money = entry.display.unit == "亿元"
    factor, unit = (entry.display.multiply * 1e4, "万元") if money else (entry.display.multiply, entry.display.unit)
    return Teller(entry.name.split("（")[0], factor, unit, rule.mark, watch.levels.blue, watch.leave)


def unjudged(panel: Panel, rule: Rule, watch: Watch, firm: int, month: Period) -> str:
    """Why a firm's month cannot be judged on its own expectation; empty where no reason is found.

    Args:
        panel: what is known; it ends no earlier than the month.
        rule: of judge ``below_expected``.
        watch: one of its entries.
        firm: row of the firm.
        month: the month.
    """
    known = history(panel, month, watch.source, rule.indicator)
    at = known.axis.index(month)
    values = known.values[firm]
    if not np.isfinite(values[at]):
        return ""
    if values[at] <= 0:
        return "产值为零，归入停产"
    first = known.axis[int(known.first[firm])]
    if not known.comparable[firm, at]:
        return f"上年同期数与上年所报相差超过{COMPARABLE:.0%}，口径有变，自身以往不可比"
    if month < first + YEAR:
        until = f"自{first.label}起报，满一年（{(first + YEAR).label}）后按自身预期判断"
        return f"历史不足：{until}，此前由停产、逾期未报两项照看"
    if (count := int(np.isfinite(values[:at]).sum())) < FEWEST:
        return f"历史不足：此前有数的报告期只有{count}个，满{FEWEST}个后按自身预期判断"
    return f"应有水平不足{watch.min_base:g}千元" if watch.min_base else ""
