"""Monthly series on one basis through the years, for seasonal adjustment: levels of the first year, linked by growth.

The firms in scope change every January and some returns are not here, so plain sums jump. Each slot of later years
is the same slot a year before times Σ of this year ÷ Σ of 上年同期 over the firms that have both: the published growth.
Where the slot a year before is missing, the level is brought to the series' scale by the newest slot that has one.
"""

from __future__ import annotations

import numpy as np

from qxmonitor.indicators.contribute import contributions
from qxmonitor.indicators.decompose import Level
from qxmonitor.indicators.seasonal import SLOTS
from qxmonitor.indicators.view import Floats
from qxmonitor.panel import Panel
from qxmonitor.period import Period


def linked(
    panel: Panel, *, level: Level = "town", measure: str = "output"
) -> tuple[tuple[str, ...], tuple[Period, ...], Floats]:
    """The linked series of each entity.

    Returns:
        Entities (k), the slots' last months (T, no January, from the panel's first whole slot on), and (k, T) in the
        measure's unit a month, February's the mean of January and February; NaN where nobody has both figures.
    """
    periods = tuple(month for month in panel.months if month.month != 1)
    table = contributions(panel, periods, by=level, basis="month", measure=measure)
    entities = tuple(sorted(table["entity"].unique()))
    columns = [str(p) for p in periods]
    both = [
        table.pivot(index="entity", columns="period", values=name).reindex(index=entities, columns=columns)
        for name in ("level", "base")
    ]
    now, then = (frame.to_numpy(dtype=np.float64) for frame in both)
    half = np.array([0.5 if p.month == 2 else 1.0 for p in periods])
    now, then = now * half, then * half
    ratio = np.divide(now, then, out=np.full(now.shape, np.nan), where=(now > 0) & (then > 0))
    return entities, periods, link(now, ratio)


def link(now: Floats, ratio: Floats) -> Floats:
    """Chain (k, T) levels to the scale of their first year; ``ratio`` is a slot's figure to that of a year before."""
    ratio = np.where(np.isfinite(ratio) & (ratio > 0), ratio, np.nan)
    out = np.full(now.shape, np.nan)
    scale = np.ones(len(now))
    for at in range(now.shape[1]):
        by_growth = out[:, at - SLOTS] * ratio[:, at] if at >= SLOTS else np.full(len(now), np.nan)
        out[:, at] = np.where(np.isfinite(by_growth), by_growth, now[:, at] * scale)
        told = np.isfinite(out[:, at]) & (now[:, at] > 0)
        scale = np.where(told, np.divide(out[:, at], now[:, at], out=np.ones(len(now)), where=told), scale)
    return out
