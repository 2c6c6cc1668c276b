"""What the detectors are scored against: today's practice, textbook rules, and an oracle.

Each gives a statistic ``(n, m)``, greater where it finds a fall more likely, from the months up to that one alone; NaN
where it cannot speak. Values are ``(n, m)`` in the returns' own unit; NaN is no return.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

from qxmonitor.errors import QxError
from qxmonitor.indicators.smoothing import YEAR, Flags, Floats, median
from qxmonitor.signals.detect.expect import AGES, Expected
from qxmonitor.signals.detect.shift import Shape, evidence
from qxmonitor.simulate.series import Series, reported

FIXED = 0.2
"""The fall on the year before at which today's practice speaks."""


def logs(values: Floats) -> Floats:
    """Natural logarithms; nought is minus infinity."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.where(values >= 0, values, np.nan)))


def year_on_year(values: Floats) -> Floats:
    """Fall on the same month a year before (log)."""
    y, out = logs(values), np.full(values.shape, np.nan)
    with np.errstate(invalid="ignore"):
        out[:, YEAR:] = y[:, :-YEAR] - y[:, YEAR:]
    return out


def scaled_year_on_year(values: Floats) -> Floats:
    """The same, from the median of the firm's past growth, in robust sd of it; needs a year of growth."""
    growth, out = -year_on_year(values), np.full(values.shape, np.nan)
    for t in range(2 * YEAR - 2, values.shape[1]):
        past = growth[:, :t]
        enough = np.isfinite(past).sum(axis=1) >= 10
        middle = median(np.where(np.isfinite(past), past, np.nan), axis=1)
        spread = 1.4826 * median(np.abs(np.where(np.isfinite(past), past, np.nan) - middle[:, None]), axis=1)
        out[:, t] = np.where(enough, (middle - growth[:, t]) / np.maximum(spread, 1e-9), np.nan)
    return out


def _window(values: Floats, length: int, guard: int) -> Floats:
    y, out = logs(values), np.full(values.shape, np.nan)
    y = np.where(np.isneginf(y), np.nan, y)
    for t in range(length + guard, values.shape[1]):
        past = y[:, t - guard - length : t - guard]
        count = np.isfinite(past).sum(axis=1)
        mean = np.nansum(past, axis=1) / np.maximum(count, 1)
        spread = np.sqrt(np.nansum((past - mean[:, None]) ** 2, axis=1) / np.maximum(count - 1, 1))
        out[:, t] = np.where(count >= 5, (mean - logs(values[:, t])) / np.maximum(spread, 1e-9), np.nan)
    return out


def windowed_gaussian(values: Floats) -> Floats:
    """Standard deviations below the mean of the twelve months before."""
    return _window(values, YEAR, 0)


def ears_c2(values: Floats) -> Floats:
    """EARS C2 (Hutwagner et al. 2003): seven months' mean and sd, two months' guard; downwards, on logarithms."""
    return _window(values, 7, 2)


def stl_residual(values: Floats, needed: Flags) -> Floats:
    """Residual of an STL decomposition (Cleveland et al. 1990; statsmodels) at its last month, in robust sd of all.

    Args:
        values: ``(n, m)``; gaps are bridged by straight lines.
        needed: ``(n, m)`` the only months computed: each takes a decomposition of its own.

    Raises:
        QxError: statsmodels is not installed.
    """
    try:
        from statsmodels.tsa.seasonal import STL
    except ImportError:
        raise QxError("未安装 statsmodels（开发依赖），不能与 STL 残差比较") from None
    out, y = np.full(values.shape, np.nan), logs(values)
    for row, t in zip(*np.nonzero(needed & np.isfinite(values)), strict=True):
        past = y[row, : t + 1]
        if np.isneginf(past[-1]):
            out[row, t] = np.inf
            continue
        here = np.flatnonzero(np.isfinite(past))
        whole = np.interp(np.arange(here[0], t + 1), here, past[here])
        if here.size < 2 * YEAR - 2 or whole.size < 2 * YEAR:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rest = STL(whole, period=YEAR).fit().resid
        out[row, t] = -rest[-1] / max(1.4826 * float(np.median(np.abs(rest - np.median(rest)))), 1e-9)
    return out


RIVALS: dict[str, Callable[[Floats], Floats]] = {
    "yoy": year_on_year,
    "yoy_scaled": scaled_year_on_year,
    "gaussian": windowed_gaussian,
    "ears_c2": ears_c2,
}


def oracle(town: Series, values: Floats, shape: Shape) -> Floats:
    """Evidence for one shape of shift by who knows each firm's true parameters and the size, not firm or month.

    Level, growth, season, festival (also how deep this year), noise and wander are known; only the path of the
    level is not, and a Kalman filter of one state finds it.
    """
    sure = reported(np.exp(town.expected), town.merged, town.axis)
    y = logs(values) - logs(sure)
    shaped = y.shape
    error, scale, mark = np.full(shaped, np.nan), np.full(shaped, np.nan), np.zeros((AGES, *shaped))
    count = len(y)
    level, variance, taken = np.zeros(count), np.zeros(count), np.zeros((count, AGES))
    for t, month in enumerate(town.axis):
        noise = town.noise**2 * np.where(town.merged & (month.month == 2), 0.5, 1.0)
        variance = variance + town.wander**2
        total = variance + noise
        error[:, t], scale[:, t] = y[:, t] - level, np.sqrt(total)
        taken = np.concatenate([np.zeros((count, 1)), taken[:, :-1]], axis=1)
        mark[:, :, t] = (1 - taken).T
        here = np.isfinite(error[:, t])
        gain = np.where(here, variance / total, 0.0)
        reach = 2.5 * scale[:, t]
        level = level + gain * np.clip(np.where(here, error[:, t], 0.0), -reach, reach)
        taken = taken + gain[:, None] * (1 - taken)
        variance = variance * (1 - gain)
    error = np.where(np.isfinite(error), error, np.where(np.isneginf(error), -50.0, np.nan))
    unused = np.full(shaped, -1, dtype=np.int64)
    return evidence(Expected(y, error, scale, mark, unused, unused), (shape,)).ratio[shape.kind]
