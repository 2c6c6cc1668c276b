"""Smoothing of many monthly series at once: damped trends over a small grid, a running drift, seasonal factors.

Arrays are ``(series, months)``, oldest month first, all series ending in the same column; a missing month is NaN and
never a zero. Python loops run over months, offsets and phases, never over series. Everything is linear in the values,
so that a shift or a scale of a series shifts or scales what is computed of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

YEAR = 12
"""Months of a season."""

YEARLY = 0.9
"""What a year counts in the season beside the one after it: seasons change slowly."""
LEVELS = (0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 1.0)
TRENDS = (0.02, 0.06, 0.15, 0.3)
DAMPINGS = (0.8, 0.9, 0.97)
ANCHORS = (1, 6, 12)
"""Horizons at which combinations are weighed."""
ANCHOR_SHARES = (1.0, 0.4, 0.4)
"""What one error at each anchor counts, beside an independent one."""


@dataclass(frozen=True)
class Grid:
    """Parameters of damped-trend smoothing, one combination an element; the first have no trend at all."""

    level: Floats
    trend: Floats
    damping: Floats
    flat: int
    """How many combinations, at the front, are simple smoothing (no trend)."""


def grid() -> Grid:
    """Simple smoothing for each level parameter, then every level with every trend and damping."""
    combinations = [(a, 0.0, 1.0) for a in LEVELS] + list(product(LEVELS, TRENDS, DAMPINGS))
    level, trend, damping = np.array(combinations).T
    return Grid(level, trend, damping, len(LEVELS))


GRID = grid()


def smoothing_step(
    level: Floats, slope: Floats, value: Floats, parameters: Grid, started: Flags
) -> tuple[Floats, Floats, Floats]:
    """One month of damped-trend smoothing (Gardner & McKenzie 1985, error-correction form).

    Args:
        level: ``(n, g)`` level after the month before.
        slope: ``(n, g)`` slope after the month before.
        value: ``(n,)`` the month's values; NaN moves the state on without correction.
        parameters: ``g`` combinations.
        started: ``(n,)`` False before a series' first value, where nothing moves.

    Returns:
        Level, slope and one-step error, each ``(n, g)``; the error is 0 where the month has no value.
    """
    carried = slope * parameters.damping
    ahead = level + carried
    if not started.all():
        ahead, carried = np.where(started[:, None], ahead, level), np.where(started[:, None], carried, slope)
    error = value[:, None] - ahead
    missing = np.isnan(value)
    if missing.any():
        error[missing] = 0.0
    slope = carried + parameters.level * parameters.trend * error
    return ahead + parameters.level * error, slope, error


def starts(values: Floats) -> tuple[Floats, Floats]:
    """Level before the first value and half the slope of the first year, from least squares; ``(n,)`` each.

    The slope is 0 with fewer than six values in the first year.
    """
    seen = np.cumsum(~np.isnan(values), axis=1)
    month = np.arange(values.shape[1], dtype=np.float64) - _first_true(seen > 0)[:, None]
    early = np.where((month >= 0) & (month < YEAR), values, np.nan)
    intercept, slope = _line(early, month)
    count = (~np.isnan(early)).sum(axis=1)
    slope = np.where(count >= 6, slope, 0.0) / 2
    few = np.where((seen <= 3) & ~np.isnan(values), values, np.nan)
    level = np.where(count >= 6, intercept, _mean(few))
    return np.nan_to_num(level - slope), slope


@dataclass(frozen=True)
class Smoothed:
    """What smoothing knows after each month, averaged over the grid by how well each combination foretold.

    The last axis ``k`` are the :data:`ANCHORS`: what foretells next month best is not what foretells next year best.
    """

    level: Floats
    """``(n, m, k)``"""
    slopes: Floats
    """``(n, m, k, dampings)``: the slope's share of each damping."""
    simple: Floats
    """``(n, m, k)``: level of simple smoothing, averaged over its own combinations alone."""
    weight: Floats
    """``(n, k, g)`` weights of the combinations; they sum to 1."""
    lag: Floats
    """``(n, k)`` months by which simple smoothing trails a straight line, plus one: Σ weight ÷ level parameter."""


def damped(values: Floats, parameters: Grid = GRID) -> Smoothed:
    """Smooth with every combination, weigh each by how well it foretold at each anchor's horizon, average the states.

    A combination's weight is ``(mean squared error) ** (-c k / 2)`` over ``k`` errors at that horizon: at the first
    anchor its likelihood; at the others ``c`` is less, since errors overlap. With little history all combinations
    count about the same, with much the best few.
    """
    count, months = values.shape
    level, slope = starts(values)
    trended = parameters.trend > 0
    shape = (months, count, parameters.level.size)
    levels, slopes, squares = np.empty(shape), np.empty(shape), np.zeros((len(ANCHORS), *shape[1:]))
    number, error = np.zeros((len(ANCHORS), count)), np.empty(shape[1:])
    seen = np.cumsum(~np.isnan(values), axis=1)
    ready = (seen > 0) & (seen >= np.minimum(6, seen[:, -1:] // 3))
    now, moving = np.broadcast_to(level[:, None], shape[1:]), np.where(trended, slope[:, None], 0.0)
    reach = [_reach(parameters.damping, anchor) for anchor in ANCHORS]
    for t in range(months):
        now, moving, _ = smoothing_step(now, moving, values[:, t], parameters, seen[:, t] > 0)
        levels[t], slopes[t] = now, moving
        for place, anchor in enumerate(ANCHORS):
            if t < anchor:
                break
            counts = ready[:, t - anchor] & ~np.isnan(values[:, t])
            value = np.where(counts, values[:, t], 0.0)[:, None]
            np.multiply(slopes[t - anchor], reach[place], out=error)
            error += levels[t - anchor]
            error -= value
            error *= error
            error *= counts[:, None]
            squares[place] += error
            number[place] += counts
    share = number * np.array(ANCHOR_SHARES)[:, None]
    weight = _weights(squares, share).transpose(1, 0, 2)
    simple = _weights(squares[:, :, : parameters.flat], share).transpose(1, 0, 2)
    by_damping = np.stack([weight * (trended & (parameters.damping == damping)) for damping in DAMPINGS], axis=2)
    levels, slopes = levels.transpose(1, 0, 2), slopes.transpose(1, 0, 2)
    averaged = slopes @ by_damping.reshape(count, len(ANCHORS) * len(DAMPINGS), parameters.level.size).transpose(
        0, 2, 1
    )
    return Smoothed(
        levels @ weight.transpose(0, 2, 1),
        averaged.reshape(count, months, len(ANCHORS), len(DAMPINGS)),
        levels[:, :, : parameters.flat] @ simple.transpose(0, 2, 1),
        weight,
        (simple / parameters.level[: parameters.flat]).sum(axis=2),
    )


def _reach(damping: Floats, horizon: int) -> Floats:
    """How many slopes lie ahead within a horizon: φ + φ² + … + φʰ."""
    return np.asarray((damping ** np.arange(1, horizon + 1)[:, None]).sum(axis=0))


def _weights(squares: Floats, count: Floats) -> Floats:
    """Weights along the last axis from sums of squares ``(k, n, g)`` and what each is worth ``(k, n)``."""
    best = squares.min(axis=2, keepdims=True)
    ratio = np.where(best > 0, squares / np.where(best > 0, best, 1.0), np.where(squares > 0, np.inf, 1.0))
    with np.errstate(invalid="ignore"):
        weight = np.where(count[:, :, None] > 0, np.exp(-np.log(ratio) * count[:, :, None] / 2), 1.0)
    return np.asarray(weight / weight.sum(axis=2, keepdims=True))


def drift(values: Floats) -> Floats:
    """Slope of least squares through all values up to each month, ``(n, m)``; 0 before the sixth value."""
    here = ~np.isnan(values)
    filled = np.where(here, values, 0.0)
    level = _first_value(values)
    filled = np.where(here, filled - level[:, None], 0.0)  # sums stay small, whatever the level
    month = np.arange(values.shape[1], dtype=np.float64)
    n, x, xx, y, xy = (
        np.cumsum(part, axis=1)
        for part in (here.astype(np.float64), here * month, here * month**2, filled, filled * month)
    )
    spread = n * xx - x**2
    return np.where(n >= 6, (n * xy - x * y) / np.where(spread > 0, spread, 1.0), 0.0)


def local_line(values: Floats, kernel: Floats, enough: float = 0.5) -> Floats:
    """Trend by a weighted straight line around each month, ``(n, m)``.

    Args:
        values: ``(n, m)``; NaN has no weight.
        kernel: ``(2 k + 1,)`` weights of the months around, symmetric.
        enough: NaN where less than this share of the kernel's weight lies on values.
    """
    half = kernel.size // 2
    level = np.nan_to_num(_first_value(values))
    padded = np.pad(values - level[:, None], ((0, 0), (half, half)), constant_values=np.nan)
    here = ~np.isnan(padded)
    filled = np.where(here, padded, 0.0)
    months = values.shape[1]
    s0, s1, s2, t0, t1 = (np.zeros(values.shape) for _ in range(5))
    for place, weight in enumerate(kernel):
        offset = place - half
        on, y = here[:, place : place + months] * weight, filled[:, place : place + months] * weight
        s0 += on
        s1 += on * offset
        s2 += on * offset**2
        t0 += y
        t1 += y * offset
    spread = s0 * s2 - s1**2
    sloped = spread > 1e-9 * np.maximum(s0, 1e-300) * np.maximum(s2, 1e-300)
    line = np.where(sloped, (s2 * t0 - s1 * t1) / np.where(sloped, spread, 1.0), t0 / np.where(s0 > 0, s0, 1.0))
    return np.where(s0 >= enough * kernel.sum(), line + level[:, None], np.nan)


_CENTRED = np.array([0.5, *[1.0] * 11, 0.5])
NEAR = (1 - (np.abs(np.arange(-9, 10)) / 10) ** 3) ** 3


def seasonal(values: Floats) -> tuple[Floats, Floats]:
    """Seasonal deviations by phase (column modulo 12), and the variance each still has; ``(n, 12)`` both.

    Two rounds, as classical decomposition: the centred average of a year gives a first trend, a local line through the
    adjusted series a second one. The means by phase are then shrunk towards none by the share of their spread that
    noise explains (empirical Bayes; Miller & Williams 2003), which takes the place of a test for seasonality. A phase
    never seen has deviation 0.
    """
    deviation, _ = _by_phase(values - local_line(values, _CENTRED, 0.9))
    adjusted = values - spread_out(deviation, values.shape[1])
    return _by_phase(values - local_line(adjusted, NEAR, 0.4))


def _by_phase(detrended: Floats) -> tuple[Floats, Floats]:
    count, months = detrended.shape
    years = -(-months // YEAR)
    table = np.pad(detrended, ((0, 0), (0, years * YEAR - months)), constant_values=np.nan).reshape(count, years, YEAR)
    here = ~np.isnan(table)
    times = here.sum(axis=1)
    known = times > 0
    weight = np.where(here, (YEARLY ** np.arange(years - 1, -1, -1.0))[:, None], 0.0)
    total = np.where(known, weight.sum(axis=1), 1.0)
    mean = (weight * np.where(here, table, 0.0)).sum(axis=1) / total
    mean = np.where(known, mean - _mean(np.where(known, mean, np.nan), 0.0)[:, None], 0.0)
    inside = np.where(here, table - mean[:, None, :], 0.0)
    free = np.maximum((times - 1).clip(0).sum(axis=1), 1)
    variance = (inside**2).sum(axis=(1, 2)) / free
    of_mean = variance[:, None] * (weight**2).sum(axis=1) / total**2
    phases = np.maximum(known.sum(axis=1) - 1, 1)
    between = (mean**2).sum(axis=1) / phases - np.where(known, of_mean, 0.0).sum(axis=1) / (phases + 1)
    between = np.maximum(between, 0.0)[:, None]
    share = between / np.where(between + of_mean > 0, between + of_mean, 1.0)
    enough = ((times >= 2).sum(axis=1) >= 6)[:, None]
    return np.where(known & enough, share * mean, 0.0), np.where(enough, share * of_mean, 0.0)


def spread_out(by_phase: Floats, months: int, first: int = 0) -> Floats:
    """Lay deviations by phase along months ``first``, ``first + 1``, …: ``(n, 12)`` to ``(n, months)``."""
    return by_phase[:, (first + np.arange(months)) % YEAR]


def without_spikes(values: Floats, limit: float) -> Floats:
    """Single months far from the two before and the two after, and from each of them, become their median.

    Far is more than ``limit`` robust standard deviations (1.4826 × median absolute deviation) of such distances. A
    shift of level is no spike: its first months have neighbours at their height.
    """
    padded = np.pad(values, ((0, 0), (2, 2)), constant_values=np.nan)
    months = values.shape[1]
    around = np.stack([padded[:, k : k + months] for k in (0, 1, 3, 4)])
    middle = _median_of_four(around)
    away = np.abs(values - middle)
    scale = 1.4826 * median(away, axis=1)
    enough = (~np.isnan(around)).sum(axis=0) >= 3
    nearest = np.fmin.reduce(np.abs(around - values), axis=0)
    spike = enough & (np.minimum(away, nearest) > limit * scale[:, None]) & (scale[:, None] > 0)
    return np.where(spike, middle, values)


def _line(values: Floats, month: Floats) -> tuple[Floats, Floats]:
    """Intercept at month 0 and slope of least squares, ``(n,)`` each."""
    here = ~np.isnan(values)
    x = np.where(here, month, 0.0)
    count = np.maximum(here.sum(axis=1), 1)
    middle = x.sum(axis=1) / count
    mean = _mean(values, 0.0)
    apart = np.where(here, month - middle[:, None], 0.0)
    spread = (apart**2).sum(axis=1)
    slope = (apart * np.where(here, values - mean[:, None], 0.0)).sum(axis=1) / np.where(spread > 0, spread, 1.0)
    return mean - slope * middle, slope


def _mean(values: Floats, otherwise: float = np.nan) -> Floats:
    here = ~np.isnan(values)
    count = here.sum(axis=1)
    return np.where(count > 0, np.where(here, values, 0.0).sum(axis=1) / np.maximum(count, 1), otherwise)


def median(values: Floats, axis: int) -> Floats:
    """Median without NaN; NaN where there is none."""
    ordered = np.sort(values, axis=axis)
    count = (~np.isnan(values)).sum(axis=axis, keepdims=True)
    low, high = np.maximum(count - 1, 0) // 2, count // 2
    high = np.where(count > 0, np.minimum(high, np.maximum(count - 1, 0)), 0)
    picked = np.take_along_axis(ordered, low, axis) + np.take_along_axis(ordered, high, axis)
    return np.asarray(np.squeeze(picked / 2, axis=axis))


def _median_of_four(values: Floats) -> Floats:
    """The same of the first axis, of length four: by comparisons, many times faster than by sorting."""
    count = (~np.isnan(values)).sum(axis=0)
    a, b, c, d = np.where(np.isnan(values), np.inf, values)
    a, b, c, d = np.minimum(a, b), np.maximum(a, b), np.minimum(c, d), np.maximum(c, d)
    first, b, c = np.minimum(a, c), np.maximum(a, c), np.minimum(b, d)
    second, third = np.minimum(b, c), np.maximum(b, c)
    low, high = np.where(count >= 3, second, first), np.where(count == 4, third, np.where(count >= 2, second, first))
    return np.where(count, (low + high) / 2, np.nan)


def _first_true(flags: Flags) -> npt.NDArray[np.int64]:
    return np.asarray(flags.argmax(axis=1), dtype=np.int64)


def _first_value(values: Floats) -> Floats:
    place = _first_true(~np.isnan(values))
    return np.asarray(values[np.arange(values.shape[0]), place])
