"""Seasonal adjustment: Whittaker–Henderson smoothing with seasonal dummies and a Spring Festival term, in logs.

    log y = trend + season + log(days ÷ usual days) + log(1 − h·w) + irregular

over the slots of a year. January and February are one slot, its figure the mean of the two months (decision 10); the
other ten are months. ``days`` differ in leap years only. ``w`` is the share of a slot's days in the festival's window
(:func:`~qxmonitor.calendar.festival_share`); ``h``, the share of activity lost in it, is found by least squares
between :data:`LOST_LEAST` and :data:`LOST_MOST`. The trend is the Whittaker–Henderson (Hodrick–Prescott) smoother,
which reaches the ends of the series and steps over gaps; outliers count less (Tukey's bisquare), so that one shut-down
month bends neither trend nor season. The adjusted figure is y without season, leap day and festival: trend and
irregular, what really moved, stay in. Levels keep their scale: over the twelve months of a usual year, of which the
first slot is two, season and festival average to 1, so that adjusted years add up to the original ones.

A named method of our own, since no maintained X-13 can be installed from the package index; tests hold it to synthetic
series of known truth.
"""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from qxmonitor.calendar import festival_share
from qxmonitor.errors import QxError
from qxmonitor.indicators.view import Bools, Floats
from qxmonitor.period import Period

METHOD = "惠特克—亨德森平滑法（对数，季节虚拟变量，春节项）"
SHORT = "历史不足"
"""Said of a series that is too short to tell season from trend."""

SLOTS = 11
"""Slots of a year: January with February, then March to December."""
YEARS = 3
"""Figures every slot needs."""
SMOOTH = 150.0
"""λ of the trend: waves of two years and longer are trend by half and more (λ = 1 ÷ (16·sin⁴(π ÷ 22)))."""
LOST_LEAST, LOST_MOST = -0.5, 0.9
_MONTHS_OF_SLOTS = np.array([2.0, *[1.0] * (SLOTS - 1)])
_WINDOW, _WINTER = 21, 59.25
_GRID, _STEPS = 57, 8
_ROUNDS, _REACH = 4, 4.685
_QUIET = 0.01
"""Residuals around one per cent are nobody's outliers, however still a series is otherwise."""
_FAINT = 1e-9


@dataclass(frozen=True)
class Adjusted:
    """k series over T slots; money in the series' own unit a month.

    Attributes:
        periods: the last month of each slot (February stands for both).
        original: (k, T), the mean month of January and February, else the month.
        adjusted: (k, T), NaN where there is no original.
        trend: (k, T), also through gaps between the first figure and the last.
        factor: (k, T), season × festival: original ÷ adjusted.
        lost: (k,) h, NaN where it cannot be told from the season.
        enough: (k,) whether the history sufficed; where not, everything else is NaN.
    """

    periods: tuple[Period, ...]
    original: Floats
    adjusted: Floats
    trend: Floats
    factor: Floats
    lost: Floats
    enough: Bools

    @property
    def change(self) -> Floats:
        """Change of the adjusted figure on the slot before (环比), fractions, (k, T)."""
        out = np.full(self.adjusted.shape, np.nan)
        out[:, 1:] = self.adjusted[:, 1:] / self.adjusted[:, :-1] - 1.0
        return out


def slots(months: Sequence[Period], monthly: Floats, cumulative: Floats) -> tuple[tuple[Period, ...], Floats]:
    """Bring months × (single, cumulative) figures into slots: February's is half the cumulative of both months.

    Args:
        months: consecutive, (m,).
        monthly: (k, m); January and February are not used.
        cumulative: (k, m); only February's is used.

    Returns:
        The slots' last months, and (k, T).
    """
    kept = [at for at, month in enumerate(months) if month.month != 1]
    february = np.array([months[at].month == 2 for at in kept])
    values = np.where(february, cumulative[:, kept] / 2.0, monthly[:, kept])
    return tuple(months[at] for at in kept), values


def adjust(periods: Sequence[Period], values: Floats) -> Adjusted:
    """Adjust many series at once.

    Args:
        periods: the last month of consecutive slots, as :func:`slots` gives them.
        values: (k, T); NaN, zero and negative figures are gaps, since they have no logarithm.

    Raises:
        QxError: the slots are not consecutive.
    """
    periods = tuple(periods)
    if any(b != a + (2 if a.month == 12 else 1) for a, b in pairwise(periods)):
        raise QxError("季节调整须用连续的月份（1—2月合并）")
    original = np.where(np.isfinite(values) & (values > 0), values, np.nan).astype(np.float64)
    known = np.isfinite(original)
    slot = np.array([p.month - 2 for p in periods], dtype=np.intp)
    dummies = (slot[:, None] == np.arange(SLOTS)).astype(np.float64)
    enough = (known.astype(np.float64) @ dummies >= YEARS).all(axis=1) if len(periods) else np.zeros(len(values), bool)
    shape = original.shape
    out = {name: np.full(shape, np.nan) for name in ("adjusted", "trend", "factor")}
    lost = np.full(len(original), np.nan)
    if enough.any():
        trend, factor, lost[enough] = _fit(np.log(original[enough]), known[enough], dummies, *_slots_of(periods, slot))
        inside = _inside(known[enough])
        out["factor"][enough] = np.where(known[enough], np.exp(factor), np.nan)
        out["adjusted"][enough] = original[enough] / np.exp(factor)
        out["trend"][enough] = np.where(inside, np.exp(trend), np.nan)
    return Adjusted(periods, np.where(enough[:, None], original, np.nan), **out, lost=lost, enough=enough)


def _slots_of(periods: Sequence[Period], slot: npt.NDArray[np.intp]) -> tuple[Floats, Floats, bool]:
    """Share of each slot's days in the festival's window, log of its days ÷ usual days, both (T,).

    And whether the festival lay differently in some years, or else its effect is just season.
    """
    days = np.array([sum(map(_length, _months(p))) for p in periods], dtype=np.float64)
    window = np.array([sum(map(_days, _months(p))) for p in periods]) / days
    leap = np.log(np.where(slot == 0, days / _WINTER, 1.0))
    return window, leap, any(np.ptp(window[slot == s]) > _FAINT for s in range(SLOTS) if (slot == s).any())


def _months(period: Period) -> tuple[Period, ...]:
    return (period - 1, period) if period.month == 2 else (period,)


def _days(period: Period) -> float:
    return festival_share(period) * _WINDOW


def _length(period: Period) -> int:
    return calendar.monthrange(period.year, period.month)[1]


def _inside(known: Bools) -> Bools:
    """Between the first and the last figure of each series."""
    started = np.logical_or.accumulate(known, axis=1)
    ending = np.logical_or.accumulate(known[:, ::-1], axis=1)[:, ::-1]
    return started & ending


def _fit(
    logs: Floats, known: Bools, dummies: Floats, window: Floats, leap: Floats, moves: bool
) -> tuple[Floats, Floats, Floats]:
    """Trend, log of season × festival, and h, of series that have enough history."""
    weights = known.astype(np.float64)
    y = np.where(known, logs - leap, 0.0)
    season = _centred(dummies)
    lost = np.zeros(len(y))
    for _ in range(_ROUNDS):
        solve = _Solver(weights, season)
        if moves:
            lost = _lost(solve, y, weights, window)
        festival = np.log1p(-lost[:, None] * window)
        trend, cycle = solve(y - np.where(known, festival, 0.0))
        rest = np.where(known, y - festival - trend - cycle, 0.0)
        weights = known * _bisquare(rest, known)
    # The festival of an average year belongs to the season, and January and February are two months of its twelve.
    slots_mean = np.exp(cycle + festival) @ dummies / np.maximum(dummies.sum(axis=0), 1.0)
    usual = np.log(slots_mean @ _MONTHS_OF_SLOTS / _MONTHS_OF_SLOTS.sum())[:, None]
    return trend + usual, cycle + festival + leap - usual, lost if moves else np.full(len(y), np.nan)


def _centred(dummies: Floats) -> Floats:
    """Ten columns of the seasonal pattern that add up to nothing over a year of slots."""
    return dummies[:, :-1] - dummies[:, -1:]


class _Solver:
    """Least squares of trend and season for weights of their own in each series: (w, λ) normal equations, once."""

    def __init__(self, weights: Floats, season: Floats) -> None:
        k, t = weights.shape
        bend = np.diff(np.eye(t), 2, axis=0)
        seasons = season.shape[1]
        matrix = np.zeros((k, t + seasons, t + seasons))
        at = np.arange(t)
        matrix[:, at, at] = weights
        matrix[:, :t, :t] += SMOOTH * bend.T @ bend
        matrix[:, :t, t:] = weights[:, :, None] * season
        matrix[:, t:, :t] = np.swapaxes(matrix[:, :t, t:], 1, 2)
        matrix[:, t:, t:] = np.einsum("ts,kt,tr->ksr", season, weights, season)
        # A hair of ridge for a slot whose figures all turned out to be outliers.
        more = np.arange(t, t + seasons)
        matrix[:, more, more] += _FAINT
        self._inverse, self._season, self._weights, self._t = np.linalg.inv(matrix), season, weights, t

    def __call__(self, y: Floats) -> tuple[Floats, Floats]:
        """Trend and season, (k, T) each."""
        weighted = self._weights * y
        right = np.concatenate([weighted, weighted @ self._season], axis=1)
        found = np.einsum("kij,kj->ki", self._inverse, right)
        return found[:, : self._t], found[:, self._t :] @ self._season.T

    def rest(self, y: Floats) -> Floats:
        """What trend and season leave of it, (k, T)."""
        trend, cycle = self(y)
        return y - trend - cycle

    def cost(self, y: Floats) -> Floats:
        """The least squares' minimum, penalty included, (k,): y'Wy − what trend and season explain of it."""
        cost: Floats = (self._weights * y * self.rest(y)).sum(axis=1)
        return cost


def _lost(solve: _Solver, y: Floats, weights: Floats, window: Floats) -> Floats:
    """H of each series: the best of a grid, then three golden looks between its neighbours."""
    grid = np.linspace(LOST_LEAST, LOST_MOST, _GRID)
    costs = np.stack([solve.cost(y - np.log1p(-h * window)) for h in grid])
    lost: Floats = grid[costs.argmin(axis=0)]
    for _ in range(_STEPS):
        residual = weights * solve.rest(y - np.log1p(-lost[:, None] * window))
        slope = window / (1.0 - lost[:, None] * window)
        bend = (weights * slope * solve.rest(slope)).sum(axis=1)
        step = np.divide((slope * residual).sum(axis=1), bend, out=np.zeros_like(lost), where=bend > 0)
        lost = np.clip(lost - step, LOST_LEAST, LOST_MOST)
    return lost


def _bisquare(rest: Floats, known: Bools) -> Floats:
    """Tukey's weights of the residuals."""
    spread = np.nanmedian(np.where(known, np.abs(rest), np.nan), axis=1, keepdims=True) / 0.6745
    scaled = rest / (_REACH * np.maximum(spread, _QUIET))
    weights: Floats = np.square(1.0 - np.minimum(np.square(scaled), 1.0))
    return weights
