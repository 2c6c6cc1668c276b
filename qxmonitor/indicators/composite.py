"""Composite and diffusion indices of groups of series, the classical way.

After Shiskin, *Signals of Recession and Recovery* (NBER 1961), as 董文泉、高铁梅等《经济周期波动的分析与预测方法》
(1998) write it down for Chinese use; without the adjustment to a target trend. For series i and slots t:

    C(i,t) = 200·(d(i,t) − d(i,t−1)) ÷ (d(i,t) + d(i,t−1))     symmetric change; of a rate the plain difference
    S(i,t) = C(i,t) ÷ mean over t of |C(i,t)|                   so that no series outweighs another by its amplitude
    R(t)   = Σ w(i)·S(i,t) ÷ Σ w(i)
    V(t)   = R(t) ÷ (mean |R| ÷ mean |R of the coincident group|)
    I(t)   = I(t−1)·(200 + V(t)) ÷ (200 − V(t)), then I = 100 on average of the base year

The diffusion index is the weight of the series that rose, plus half of that of those unchanged, in the weight of all.

A slot with less weight than the least is no slot of the index: the next change reaches over it. A series that misses a
slot is compared with its last figure before.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from qxmonitor.indicators.view import Bools, Floats

_FLAT = 1e-9
"""Changes (per cent, or points of a rate) below which a series is unchanged."""


def told(values: Floats, weights: Floats, least: float) -> Floats:
    """The values (k, T), blank in slots where the series with a figure hold less than ``least`` of the weight."""
    here = weights @ np.isfinite(values)
    return np.where(here >= least * weights.sum() - _FLAT, values, np.nan)


def changes(values: Floats, rates: Bools) -> Floats:
    """Symmetric percentage change on the series' last figure before, or the difference of a rate.

    Args:
        values: (k, T), NaN where there is none; a level that is not positive has no change.
        rates: (k,) which series are rates.

    Returns:
        (k, T); NaN at a series' first figure and where it has none.
    """
    values = np.where(np.isfinite(values) & (rates[:, None] | (values > 0)), values, np.nan)
    at = np.where(np.isfinite(values), np.arange(values.shape[1]), -1)
    last = np.maximum.accumulate(at, axis=1)
    before = np.full_like(last, -1)
    before[:, 1:] = last[:, :-1]
    past = np.where(before >= 0, np.take_along_axis(values, np.maximum(before, 0), axis=1), np.nan)
    apart = values - past
    both = np.where(rates[:, None], 200.0, values + past)
    return np.asarray(200.0 * apart / both, dtype=np.float64)


def mean_change(change: Floats, weights: Floats, least: float) -> Floats:
    """R: the weighted mean of the changes in units of each series' own mean size, (k, T) → (T,).

    NaN where the series with a change hold less than ``least`` of the weight; a series that never moves adds nothing.
    """
    here = np.isfinite(change)
    size = np.where(here, np.abs(change), 0.0).sum(axis=1) / np.maximum(here.sum(axis=1), 1)
    unit = np.where(size > _FLAT, size, np.inf)
    weight = weights @ here
    total = weights @ np.where(here, change / unit[:, None], 0.0)
    enough = (weight >= least * weights.sum() - _FLAT) & (weight > 0)
    found: Floats = np.divide(total, weight, out=np.full(weight.shape, np.nan), where=enough)
    return found


def diffusion(change: Floats, weights: Floats, least: float) -> Floats:
    """Share of the weight that rose, plus half of what stood still, (k, T) → (T,), fractions; NaN as in R."""
    here = np.isfinite(change)
    up = np.where(np.abs(change) <= _FLAT, 0.5, (change > 0).astype(np.float64))
    weight = weights @ here
    enough = (weight >= least * weights.sum() - _FLAT) & (weight > 0)
    total = weights @ np.where(here, up, 0.0)
    found: Floats = np.divide(total, weight, out=np.full(weight.shape, np.nan), where=enough)
    return found


def risen(change: Floats, weights: Floats) -> tuple[float, float, float]:
    """Weight of what rose, of what stood still and of all with a change in one slot, (k,)."""
    here = np.isfinite(change)
    marks = (here & (change > _FLAT), here & (np.abs(change) <= _FLAT), here)
    up, flat, whole = (float(weights[mark].sum()) for mark in marks)
    return up, flat, whole


def mean_size(values: Floats) -> float:
    """Mean of the absolute values that there are; NaN without any."""
    known = np.abs(values[np.isfinite(values)])
    return float(known.mean()) if known.size else np.nan


def chained(mean: Floats, scale: float, stands: Bools) -> Floats:
    """The index before rebasing, (T,): 100 in the first slot that stands, then linked by V = ``mean`` ÷ ``scale``.

    From a slot that stands but has no mean change the level is not known any more: NaN to the end.
    """
    slots = np.flatnonzero(stands)
    out = np.full(mean.shape, np.nan)
    if slots.size:
        step = mean[slots[1:]] / scale if scale > _FLAT else np.where(np.isfinite(mean[slots[1:]]), 0.0, np.nan)
        step = np.where(np.abs(step) < 200.0, step, np.nan)
        out[slots] = 100.0 * np.concatenate([[1.0], np.cumprod((200.0 + step) / (200.0 - step))])
    return out


def rebased(index: Floats, base: npt.NDArray[np.bool_]) -> Floats:
    """The index with mean 100 over the base year's slots; NaN throughout where one of them has none."""
    year = index[base]
    if not year.size or not np.isfinite(year).all():
        return np.full(index.shape, np.nan)
    return np.asarray(100.0 * index / year.mean(), dtype=np.float64)
