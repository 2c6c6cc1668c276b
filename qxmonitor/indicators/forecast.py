"""What a month should have been, and what the next ones should be: thousands of monthly series at once.

The method, published part by part and chosen on synthetic series (decision 0029): logarithms where all values are
positive; spikes set to their neighbours; seasonal deviations shrunk; the mean of Theta (Assimakopoulos & Nikolopoulos
2000, as smoothing with half the drift: Hyndman & Billah 2003) and damped trend averaged over its parameters. Intervals
come from each series' own errors at each horizon, rolling the origin through its history.

Arrays are ``(series, months)``, all ending in the same month; NaN is a month without a value, never a zero. A result's
state says how far it can be relied on; a series without a forecast has NaN, and a state that says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from qxmonitor.indicators.january import fold
from qxmonitor.indicators.january import shares as shares_of
from qxmonitor.indicators.smoothing import (
    ANCHORS,
    DAMPINGS,
    GRID,
    NEAR,
    YEAR,
    Flags,
    Floats,
    Smoothed,
    damped,
    drift,
    local_line,
    median,
    seasonal,
    spread_out,
    without_spikes,
)

FEWEST = 4
"""Values below which nothing is forecast."""
SPIKE = 5.0
"""Robust standard deviations from which a single month is a spike."""
LONGEST_GAP = 24
"""Months without a value at the end of a series beyond which nothing is forecast."""
CHUNK = 64
"""Series worked on together: their states stay in the processor's cache."""
LEVELS_OF_COVER = (80, 95)
_NORMAL = {80: 1.2815515655446004, 95: 1.959963984540054}
FESTIVAL_SD = 0.3
"""How far effects of the festival differ between series: a whole window's, relative to a series' size."""
OVERLAP = 3.0
"""Errors at horizon h from neighbouring origins tell as much as one in every 1 + (h − 1) ÷ this."""
MODEL_WEIGHT = 6.0
"""Independent errors that the model's variance counts as."""
WIDER = {80: (0.99, 4.0), 95: (1.1, 5.0)}
"""By level of cover: how much wider than their own past errors say intervals are, and what more a short series needs
(divided by its number of values, at least 40): parameters and season were fitted to those same errors."""
_FARTHEST = 1e300
_NEARLY = 1e-9
"""Relative spread below which a series is constant."""


class State(IntEnum):
    """How far a forecast can be relied on. Only those up to ``CONSTANT`` carry numbers."""

    VALUE = 0
    SHORT = 1
    """Fewer than 24 months with a value: no seasonal pattern; wide intervals."""
    VERY_SHORT = 2
    """Fewer than 12: level only."""
    CONSTANT = 3
    """Has never moved: the interval is the value itself."""
    TOO_SHORT = 4
    """Fewer than 4 values: no forecast."""
    STALE = 5
    """The newest value is more than two years old: no forecast."""
    ABSENT = 6
    """The month has no return of its own (January, reported with February): no forecast."""

    @property
    def word(self) -> str:
        """The word used in files and in ``--json``, such as ``too-short``."""
        return self.name.lower().replace("_", "-")


@dataclass(frozen=True)
class Forecast:
    """Forecasts ``(n, h)``; NaN exactly where :attr:`state` says that there is none."""

    value: Floats
    """Median of what is to be expected."""
    low: dict[int, Floats]
    """By level of cover, 80 and 95."""
    high: dict[int, Floats]
    state: npt.NDArray[np.int64]
    """``(n, h)`` of :class:`State`."""
    logarithmic: Flags
    """``(n,)``: whether the series was worked on in logarithms."""
    spread: Floats
    """``(n, h)`` standard deviation on the scale worked on: of a logarithmic series in relative terms."""

    def surprise(self, actual: Floats) -> Floats:
        """How many standard deviations values ``(n, h)`` lie from what was expected; NaN where that is not known.

        A value that a logarithmic series cannot take (zero or less) is minus infinitely surprising.
        """
        log = np.broadcast_to(self.logarithmic[:, None], actual.shape)
        with np.errstate(divide="ignore", invalid="ignore"):
            apart = np.where(log, np.log(np.where(actual > 0, actual, 0.0)) - np.log(self.value), actual - self.value)
            size = np.where(log, 1.0, np.abs(self.value))
            score = np.where(np.abs(apart) <= _NEARLY * size, 0.0, apart / self.spread)
        return np.where(np.isnan(actual) | np.isnan(self.value), np.nan, score)


def forecast(
    values: Floats,
    horizon: int,
    *,
    excluded: Flags | None = None,
    festival: Floats | None = None,
    effect: float = 0.0,
    merged: Flags | None = None,
    january: int | None = None,
) -> Forecast:
    """Forecast the months after the last column.

    Args:
        values: ``(n, m)`` history; NaN and infinities are months without a value.
        horizon: how many months to forecast, at least 1.
        excluded: ``(n, m)`` months that are known and must not teach anything (known anomalies).
        festival: ``(m + horizon,)`` share of the festival's window in each month (:func:`festival_share`); None: the
            series know no calendar.
        effect: effect of a whole window in one month expected before any data, on the scale worked on
            (−0.3: a third less); each series' own estimate is drawn to it.
        merged: ``(n, m)`` Februaries whose value is the sum of January and February. Such a series is forecast in the
            same way in every year: February is the sum of both, January is :attr:`State.ABSENT`. Flags of months to
            come, ``(n, m + horizon)``, say only that the series merges. Needs ``january``.
        january: the column of any January.

    Raises:
        ValueError: shapes that do not fit, or a horizon below 1.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2 or horizon < 1:
        raise ValueError("values must be (series, months), the horizon at least 1")
    count, months = values.shape
    known = np.isfinite(values)
    if excluded is not None and excluded.shape != values.shape:
        raise ValueError("flags must have the shape of the values")
    if merged is not None and merged.shape not in (values.shape, (count, months + horizon)):
        raise ValueError("flags must have the shape of the values, or go on to the horizon")
    if excluded is not None:
        known &= ~excluded
    if festival is not None and festival.shape != (months + horizon,):
        raise ValueError("the festival's shares must cover history and horizon")
    history = np.where(known, values, np.nan)
    folded = np.zeros(count, dtype=np.bool_)
    if merged is not None:
        if january is None:
            raise ValueError("merged months need the column of a January")
        folded |= merged.any(axis=1)
        history = fold(history, merged[:, :months], folded, january)
    waits = np.minimum(_waits(history), months)
    made = _none(count, horizon)
    for wait in np.unique(waits):
        rows = np.flatnonzero(waits == wait)
        for at in range(0, rows.size, CHUNK):
            some = rows[at : at + CHUNK]
            part = _forecast(
                history[some, : months - wait], int(wait), horizon, folded[some], festival, effect, january
            )
            _put(made, some, part)
    return made


def _waits(history: Floats) -> npt.NDArray[np.int64]:
    """Months without a value at the end of each series, ``(n,)``; 0 where so many that nothing is forecast."""
    count, months = history.shape
    if months == 0:
        return np.zeros(count, dtype=np.int64)
    late = np.isnan(history)[:, ::-1]
    wait = np.where(late.all(axis=1), months, (~late).argmax(axis=1))
    return np.where(wait > LONGEST_GAP, 0, wait).astype(np.int64)


def _none(count: int, horizon: int) -> Forecast:
    def empty() -> Floats:
        return np.full((count, horizon), np.nan)

    low, high = ({level: empty() for level in LEVELS_OF_COVER} for _ in range(2))
    state = np.full((count, horizon), int(State.TOO_SHORT))
    return Forecast(empty(), low, high, state, np.zeros(count, dtype=np.bool_), empty())


def _put(made: Forecast, rows: npt.NDArray[np.int64], part: Forecast) -> None:
    """Write the forecast of some series to their rows."""
    for level in LEVELS_OF_COVER:
        made.low[level][rows], made.high[level][rows] = part.low[level], part.high[level]
    made.value[rows], made.state[rows], made.spread[rows] = part.value, part.state, part.spread
    made.logarithmic[rows] = part.logarithmic


def expect(
    values: Floats,
    *,
    excluded: Flags | None = None,
    festival: Floats | None = None,
    effect: float = 0.0,
    merged: Flags | None = None,
    january: int | None = None,
) -> Forecast:
    """What the newest month (the last column) should have been, from the months before it alone; arrays ``(n, 1)``.

    Arguments as of :func:`forecast`, here with all columns of history including the newest month: ``festival`` is
    ``(m,)``, ``excluded`` and ``merged`` are ``(n, m)``. The newest month's own value is never looked at.
    """
    before = slice(None, -1)
    return forecast(
        values[:, before],
        1,
        excluded=None if excluded is None else excluded[:, before],
        festival=festival,
        effect=effect,
        merged=merged,
        january=january,
    )


def _forecast(
    history: Floats,
    wait: int,
    horizon: int,
    folded: Flags,
    festival: Floats | None,
    effect: float,
    january: int | None,
) -> Forecast:
    """Of a few series that end ``wait`` months early: scale, clean, adjust, smooth, combine, back."""
    count, months = history.shape
    ahead = months + wait + np.arange(horizon)
    month = np.full(horizon, -1) if january is None else (ahead - january) % YEAR
    known = ~np.isnan(history)
    logarithmic = _positive(history)
    with np.errstate(divide="ignore", invalid="ignore"):
        worked = np.where(logarithmic[:, None], np.log(history), history)
    unit = np.where(logarithmic, 1.0, _size(history))
    worked = worked / unit[:, None]
    state = _states(worked, known)[:, None]
    state = np.where(folded[:, None] & (month == 0) & (state <= State.CONSTANT), State.ABSENT, state)
    middle = sigma = np.full((count, horizon), np.nan)
    free = np.ones(count)
    if months:
        shares = shares_of(festival, folded, january)
        middle, sigma, free = _ahead(worked, wait + horizon, shares, effect / unit)
        middle, sigma = middle[:, wait:], sigma[:, wait:]
    middle, sigma = (np.where(state <= State.CONSTANT, part, np.nan) for part in (middle, sigma))
    sigma = np.where(state == State.CONSTANT, 0.0, sigma)
    times = np.where(folded[:, None] & (month == 1), 2.0, 1.0)

    def back(part: Floats) -> Floats:
        part = np.clip(part * unit[:, None], -_FARTHEST, _FARTHEST)
        log = logarithmic[:, None]
        return np.asarray(times * np.where(log, np.exp(np.where(log, np.minimum(part, 700.0), 0.0)), part))

    reach = {level: sigma * _factor(level, free, known.sum(axis=1))[:, None] for level in LEVELS_OF_COVER}
    return Forecast(
        back(middle),
        {level: back(middle - reach[level]) for level in LEVELS_OF_COVER},
        {level: back(middle + reach[level]) for level in LEVELS_OF_COVER},
        np.broadcast_to(state, middle.shape).astype(np.int64),
        logarithmic,
        sigma * unit[:, None] * np.where(logarithmic[:, None], 1.0, times),
    )


def _positive(history: Floats) -> Flags:
    """Whether logarithms fit: all values positive, and none next to nothing beside the others."""
    known = ~np.isnan(history)
    least = np.where(known, history, np.inf).min(axis=1, initial=np.inf)
    most = np.where(known, history, -np.inf).max(axis=1, initial=-np.inf)
    return np.asarray((least > 0) & (least > most / 1e4) & np.isfinite(least))


def _size(history: Floats) -> Floats:
    """Typical distance from the series' middle, or its typical size when it never moves; never 0."""
    known = ~np.isnan(history)
    count = np.maximum(known.sum(axis=1), 1)
    mean = np.where(known, history, 0.0).sum(axis=1) / count
    apart = np.where(known, np.abs(history - mean[:, None]), 0.0).sum(axis=1) / count
    size = np.where(known, np.abs(history), 0.0).sum(axis=1) / count
    unit = np.where(apart > _NEARLY * size, apart, size)
    return np.where(unit > 0, unit, 1.0)


def _since(known: Flags) -> npt.NDArray[np.int64]:
    """Months since the last value, at each month, ``(n, m)``: 0 where there is one."""
    month = np.arange(known.shape[1])
    return np.asarray(month - np.maximum.accumulate(np.where(known, month, -1), axis=1))


def _states(worked: Floats, known: Flags) -> npt.NDArray[np.int64]:
    count = known.sum(axis=1)
    state = np.full(count.shape, int(State.VALUE))
    state[count < 2 * YEAR] = State.SHORT
    state[count < YEAR] = State.VERY_SHORT
    most = np.where(known, worked, -np.inf).max(axis=1, initial=-np.inf)
    least = np.where(known, worked, np.inf).min(axis=1, initial=np.inf)
    with np.errstate(invalid="ignore"):
        state[most - least <= _NEARLY * np.maximum(1.0, np.abs(most))] = State.CONSTANT
    if known.shape[1]:
        state[~known[:, -1]] = State.STALE
    state[count < FEWEST] = State.TOO_SHORT
    return state


def _ahead(worked: Floats, horizon: int, shares: Floats | None, effect: Floats) -> tuple[Floats, Floats, Floats]:
    """Median and standard deviation ``(n, h)``, and degrees of freedom ``(n,)``, on the scale worked on."""
    months = worked.shape[1]
    gap = _since(~np.isnan(worked))
    has_season = ((~np.isnan(worked)).sum(axis=1) >= 2 * YEAR)[:, None]
    moved = np.zeros((worked.shape[0], months + horizon))
    if shares is not None:
        moved = _festival(worked, shares, effect, has_season)
    deviation = np.where(has_season, seasonal(worked - moved[:, :months])[0], 0.0)
    adjusted = worked - moved[:, :months] - spread_out(deviation, months)
    clean = without_spikes(adjusted, SPIKE)
    more, noise = (np.where(has_season, part, 0.0) for part in seasonal(clean + spread_out(deviation, months)))
    clean = clean + spread_out(deviation - more, months)
    smoothed, slope = damped(clean), drift(clean)
    middle = _combined(smoothed, slope, gap, clean, horizon)[:, -1]
    sigma, free = _errors(clean, smoothed, slope, gap, horizon)
    sigma = np.sqrt(sigma**2 + spread_out(noise, horizon, months))
    return middle + spread_out(more, horizon, months) + moved[:, months:], sigma, free


def _festival(worked: Floats, shares: Floats, effect: Floats, has_season: Flags) -> Floats:
    """The festival's effect by month ``(n, m + h)``, from its wandering between the months of different years.

    What it does on average to a calendar month is part of the season. The effect of a whole window is each series'
    own, by least squares on what season and trend leave, drawn to ``effect`` as a prior of standard deviation
    :data:`FESTIVAL_SD`; a series too short for a season has the prior itself.
    """
    months = worked.shape[1]
    usual = np.zeros_like(shares)
    known = ~np.isnan(worked)
    for phase in range(YEAR):
        at = slice(phase, months, YEAR)
        times = known[:, at].sum(axis=1)
        mean = np.where(known[:, at], shares[:, at], 0.0).sum(axis=1) / np.maximum(times, 1)
        usual[:, phase::YEAR] = mean[:, None]
    wandering = np.where(has_season, shares - usual, shares)
    prior = effect[:, None] * wandering
    past = wandering[:, :months]
    rest = worked - prior[:, :months]
    adjusted = rest - spread_out(seasonal(rest)[0], months)
    rest = adjusted - local_line(adjusted, NEAR, 0.4)
    here = ~np.isnan(rest)
    noise = 1.4826 * median(np.abs(rest), axis=1)
    weight = here & (np.abs(rest) <= SPIKE * np.maximum(noise, 1e-12)[:, None] + FESTIVAL_SD * np.abs(past))
    xy = np.where(weight, rest * past, 0.0).sum(axis=1)
    xx = np.where(weight, past**2, 0.0).sum(axis=1)
    own = xy / np.maximum(xx + np.nan_to_num(noise) ** 2 / FESTIVAL_SD**2, 1e-12)
    return np.where(has_season, prior + own[:, None] * wandering, prior)


def _combined(smoothed: Smoothed, slope: Floats, gap: npt.NDArray[np.int64], clean: Floats, horizon: int) -> Floats:
    """Forecast from every origin, ``(n, m, horizon)``: the mean of damped trend and Theta.

    Between two anchors the forecasts of both are mixed by distance; beyond the last its own is used.
    """
    ahead = np.arange(1, horizon + 1)
    seen = np.cumsum(~np.isnan(clean), axis=1)
    trust = np.where(seen[:, -1] >= YEAR, 1.0, 0.0)[:, None, None]
    near = np.stack([np.interp(ahead, ANCHORS, row) for row in np.eye(len(ANCHORS))])
    reach = np.stack([np.cumsum(damping**ahead) for damping in DAMPINGS])
    moving = (near[:, None] * reach).reshape(-1, horizon)
    slopes = smoothed.slopes.reshape(*slope.shape, -1)
    trend = smoothed.level @ near + trust * (slopes @ moving)
    lag = np.minimum(smoothed.lag @ near, seen[:, -1:])[:, None, :] + gap[:, :, None]
    theta = smoothed.simple @ near + trust * slope[:, :, None] / 2 * (lag + ahead - 1)
    return np.asarray((trend + theta) / 2)


def _errors(
    clean: Floats, smoothed: Smoothed, slope: Floats, gap: npt.NDArray[np.int64], horizon: int
) -> tuple[Floats, Floats]:
    """Standard deviation of errors by horizon ``(n, h)``, and the degrees of freedom behind them ``(n,)``.

    Mean squares of the errors from all origins of the series' own history, at horizon ``h`` drawn to what smoothing
    would grow to (1 + (h − 1) α², Hyndman et al. 2008) by the fewer independent origins there are; never falling with
    the horizon.
    """
    count, months = clean.shape
    foretold = _combined(smoothed, slope, gap, clean, horizon)
    seen = np.cumsum(~np.isnan(clean), axis=1)
    ready = seen >= np.minimum(YEAR, np.maximum(2, seen[:, -1:] // 3))
    ready &= gap == 0
    level = (smoothed.weight[:, 0] * GRID.level).sum(axis=1)
    squares = np.zeros((count, horizon))
    first = np.zeros(count)
    free = np.zeros(count)
    for h in range(1, horizon + 1):
        error = clean[:, h:] - foretold[:, : months - h, h - 1] if h < months else np.empty((count, 0))
        here = ready[:, : max(months - h, 0)] & ~np.isnan(error)
        number = here.sum(axis=1)
        total = np.where(here, error**2, 0.0).sum(axis=1)
        if h == 1:
            first, free = total / np.maximum(number, 1), np.maximum(number - 1.0, 1.0)
        model = first * (1 + (h - 1) * level**2)
        independent = number / (1 + (h - 1) / OVERLAP)
        mean = total / np.maximum(number, 1)
        squares[:, h - 1] = (independent * mean + MODEL_WEIGHT * model) / (independent + MODEL_WEIGHT)
    return np.sqrt(np.maximum.accumulate(squares, axis=1)), free


def _factor(level: int, free: Floats, count: npt.NDArray[np.int64]) -> Floats:
    """Standard deviations from the median to an interval's ends, ``(n,)``."""
    always, short = WIDER[level]
    return _quantile(_NORMAL[level], free) * (always + short / np.maximum(count, 40))


def _quantile(normal: float, free: Floats) -> Floats:
    """Quantile of Student's t from the normal one (Fisher's expansion; within 2 % from three degrees of freedom)."""
    z, n = normal, np.maximum(free, 2.0)
    return np.asarray(
        z
        + (z**3 + z) / (4 * n)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * n**3)
    )
