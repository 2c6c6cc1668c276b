"""Where a target is heading: its measure forecast to its end, and which chains would have to give what is missing.

A measure that adds up over a year (a sum since January, or of the last twelve months) is forecast month by month, as
:mod:`~qxmonitor.indicators.forecast` does, February with January; at the end stands the sum of twelve months, those
that are known and those foretold. Errors of the months foretold go together in part: the variance of their sum is

    (1 − ρ)·Σ σ² + ρ·(Σ σ)²,    ρ = 0.5,

(decision 0033 has what that covers on synthetic series). Everything else is forecast as it stands. The chance of a goal
is read off the 80 % interval, each side by its own width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import erfc, isnan, sqrt

import numpy as np

from qxmonitor.indicators.forecast import LEVELS_OF_COVER, forecast
from qxmonitor.indicators.smoothing import YEAR
from qxmonitor.indicators.view import Floats
from qxmonitor.period import Period

TOGETHER = 0.5
"""How far the errors of the months to come go together."""
_NORMAL_80 = 1.2815515655446004
_NOTHING = 1e-9


@dataclass(frozen=True)
class Ending:
    """Of k series at the end: median and interval by level of cover, (k,); NaN without a forecast."""

    expected: Floats
    low: dict[int, Floats]
    high: dict[int, Floats]

    def chance(self, goal: float, at: int = 0) -> float:
        """Chance of one series reaching a goal; NaN without a forecast."""
        away = goal - float(self.expected[at])
        side = self.high if away > 0 else self.low
        width = abs(float(side[80][at]) - float(self.expected[at])) / _NORMAL_80
        if width > 0 or isnan(away):
            return 0.5 * erfc(away / width / sqrt(2.0))
        return 0.0 if away > 0 else 1.0


def ending(values: Floats, left: int) -> Ending:
    """Forecast series ``left`` months ahead as they stand.

    Args:
        values: (k, m) history up to now; NaN is a month without a value.
        left: months to the end; none (0) gives no forecast.
    """
    if left < 1:
        return _nothing(len(values))
    made = forecast(values, left)
    low, high = ({level: part[level][:, -1] for level in LEVELS_OF_COVER} for part in (made.low, made.high))
    return Ending(made.value[:, -1], low, high)


def ending_year(months: Sequence[Period], single: Floats, left: int) -> Ending:
    """The sum of the twelve months that end ``left`` months ahead.

    Args:
        months: consecutive, (m,).
        single: (k, m) single months, February with January, as :func:`single_months` gives them.
        left: months to the end; none (0) gives no forecast.
    """
    if left < 1 or all(m.month != 1 for m in months):
        return _nothing(len(single))
    january = next(at for at, month in enumerate(months) if month.month == 1)
    merged = np.broadcast_to(np.array([month.month == 2 for month in months]), single.shape)
    made = forecast(single, left, merged=merged, january=january)
    to_come = [(months[-1] + ahead).month != 1 for ahead in range(1, left + 1)]
    ahead = np.array([at for at in np.flatnonzero(to_come) if at >= left - YEAR], dtype=np.intp)
    past = [at for at in range(max(len(months) + left - YEAR, 0), len(months)) if months[at].month != 1]
    middle = made.value[:, ahead]
    expected = single[:, past].sum(axis=1) + middle.sum(axis=1)

    def reach(part: dict[int, Floats], level: int) -> Floats:
        width = np.abs(part[level][:, ahead] - middle)
        apart, together = (width**2).sum(axis=1), width.sum(axis=1) ** 2
        return np.asarray(np.sqrt((1.0 - TOGETHER) * apart + TOGETHER * together))

    return Ending(
        expected,
        {level: expected - reach(made.low, level) for level in LEVELS_OF_COVER},
        {level: expected + reach(made.high, level) for level in LEVELS_OF_COVER},
    )


def ending_growth(values: Floats, left: int, whole: float) -> Ending:
    """Growth rates ``left`` months ahead, forecast as ratios so that none falls below nothing; ``whole`` is 100 %."""
    end = ending(values + whole, left)
    low, high = ({level: part[level] - whole for level in LEVELS_OF_COVER} for part in (end.low, end.high))
    return Ending(end.expected - whole, low, high)


def _nothing(count: int) -> Ending:
    none = np.full(count, np.nan)
    return Ending(none, dict.fromkeys(LEVELS_OF_COVER, none), dict.fromkeys(LEVELS_OF_COVER, none))


def single_months(months: Sequence[Period], values: Floats) -> Floats:
    """Firms' sums since January as single months, (n, m): each less the last one told before it in its year.

    February is both months' sum, January nothing; a firm that was late tells its months together. In a year that began
    before the panel nothing is known until a firm has told once.
    """
    out, told = np.full(values.shape, np.nan), np.full(len(values), np.nan)
    for at, month in enumerate(months):
        if month.month == 1 or (at == 0 and month.month == 2):
            told = np.zeros(len(values))
        if month.month != 1:
            out[:, at] = values[:, at] - told
            told = np.where(np.isfinite(values[:, at]), values[:, at], told)
    return out


def year_change(single: Floats) -> Floats:
    """The last twelve months' sum less that of the twelve before, (k, m) → (k,); NaN without so many months."""
    if single.shape[1] < 2 * YEAR:
        return np.full(len(single), np.nan)
    last, before = single[:, -YEAR:], single[:, -2 * YEAR : -YEAR]
    return np.asarray(np.nansum(last, axis=1) - np.nansum(before, axis=1))


def apportion(gap: float, recent: Floats, room: Floats) -> tuple[Floats, float]:
    """Who gives what is missing: in proportion to what each gave lately, none more than its room.

    What a full one cannot take goes to the others; what those that gave something lately cannot take goes to the rest
    in proportion to their room.

    Args:
        gap: what is missing, at least 0.
        recent: (k,) what each gave in the last twelve months; at most 0 gives no claim, NaN is nothing.
        room: (k,) how far each can be above its expected value at all; NaN is none.

    Returns:
        What each gives, (k,), and what nobody can.
    """
    room = np.maximum(np.nan_to_num(room), 0.0)
    given, rest = np.zeros(room.shape), gap
    for weight in (np.maximum(np.nan_to_num(recent), 0.0), room):
        for _ in range(len(room)):
            open_ = np.where(room - given > _NOTHING, weight, 0.0)
            if rest <= _NOTHING or not open_.sum() > 0:
                break
            more = np.minimum(rest * open_ / open_.sum(), room - given)
            given, rest = given + more, rest - float(more.sum())
    return given, max(rest, 0.0) if rest > _NOTHING else 0.0
