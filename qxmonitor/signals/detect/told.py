"""What is told of a shift: from the month that speaks until output is back, or the shift has become usual.

A month speaks when as much evidence is rare enough in quiet months (``mark``) and enough is missing (``least``). From
then on the shift *stands*: each later month is held against what the months before the shift lead one to expect (the
filter runs on without the months since), so that a loss does not look smaller for lasting. A shift stands no more when
a month is back (``leave``), or once it is :data:`LASTS` months old: then it is the new usual, and nothing new is told
before a month has been quiet.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from qxmonitor.indicators.smoothing import Flags, Floats
from qxmonitor.signals.detect.expect import expect
from qxmonitor.signals.detect.judged import blocks, look
from qxmonitor.signals.detect.sure import p_value

LASTS = 12
"""Months after which a shift is the new usual."""
RECENT = 3
"""Months over which the size of a shift is a mean: steadier than one month, quicker than all of them."""
INTERVAL = 1.4397557472577693
"""90 % quantile of Student's t with 6 degrees of freedom (``expect.TAIL``): the interval said holds 80 %."""

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Told:
    """Of ``n`` series × ``m`` months; NaN where a month is not judged.

    Attributes:
        judged: whether it can be judged: there is a value, and there are enough before it.
        p: share of quiet months with at least as much evidence.
        stands: a shift stands.
        fell: it is likelier a fall than a drift, as its first month told it; stops count as falls.
        since: column in which the shift began; −1 where none stands.
        expected: what the month should have been, in the series' own unit; had the shift not come, where one stands.
        low, high: ends of the 80 % interval of that.
        gap: growth against it: −0.3 where three tenths are missing.
        size: the same as (geometric) mean of the last :data:`RECENT` months of the shift; the gap where none stands.
    """

    judged: Flags
    p: Floats
    stands: Flags
    fell: Flags
    since: Ints
    expected: Floats
    low: Floats
    high: Floats
    gap: Floats
    size: Floats


def tell(
    values: Floats, festival: Floats, january: int, *, merged: Flags | None = None, mark: float, least: float,
    leave: float, columns: npt.NDArray[np.intp] | None = None,
) -> Told:  # fmt: skip
    """Judge every month of every series on the months before it, and follow what stands.

    Args:
        values: as in :func:`~qxmonitor.signals.detect.judged.detect`, like the three after it.
        festival: likewise.
        january: likewise.
        merged: likewise.
        mark: largest p value of a month that speaks.
        least: growth (below nought) that a month that speaks must reach at least.
        leave: growth above which a month is back.
        columns: the months to tell of; by default all.

    Raises:
        ValueError: shapes that do not fit.
    """
    at = slice(None) if columns is None else columns
    flags = np.zeros(values.shape, dtype=np.bool_) if merged is None else merged
    parts: dict[str, list[Any]] = {name: [] for name in Told.__annotations__}
    for series, share in blocks(values, festival, january, merged):
        part = _told(series, share, january, mark, least, leave)
        for name, kept in parts.items():
            kept.append(getattr(part, name)[:, at])
    found = Told(*(np.concatenate(kept) for kept in parts.values()))
    both = np.where(flags[:, at], 2.0, 1.0)  # such a month was worked on as half of the two
    return replace(found, expected=both * found.expected, low=both * found.low, high=both * found.high)


def _told(values: Floats, share: Floats, january: int, mark: float, least: float, leave: float) -> Told:
    seen = look(values, share, january)
    p = p_value(seen.evidence)
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = np.where(seen.judged & (values > 0), np.log(values), np.nan)
        speaks = np.isfinite(logs) & (p <= mark)
    usual, scale = np.log(seen.expected), seen.seen.scale.copy()
    size, since, fell = logs - usual, np.full(values.shape, -1, dtype=np.int64), seen.fell.copy()
    opens = _next(speaks, np.zeros(len(values), dtype=np.int64))
    while (rows := np.flatnonzero(opens < values.shape[1])).size:
        # One shift of each series at a time: expect anew from the months before it alone.
        start = np.maximum(opens[rows] - seen.age[rows, opens[rows]], 0)
        before = np.arange(values.shape[1]) < start[:, None]
        positive = np.isfinite(values[rows]) & (values[rows] > 0)
        known = np.where(positive & before, np.log(np.where(positive, values[rows], 1.0)), np.nan)
        without = expect(known, share[:, rows], january)
        stands, mean, until = _stood(
            logs[rows] - without.value, speaks[rows], start, opens[rows], np.log1p(least), np.log1p(leave)
        )
        for whole, part in ((usual, without.value), (scale, without.scale), (size, mean)):
            whole[rows] = np.where(stands, part, whole[rows])
        since[rows] = np.where(stands, start[:, None], since[rows])
        fell[rows] = np.where(stands, seen.fell[rows, opens[rows]][:, None], fell[rows])
        opens = np.full(len(values), values.shape[1])
        opens[rows] = _next(speaks[rows], until)
    with np.errstate(over="ignore"):
        expected, spread = np.exp(usual), np.exp(INTERVAL * scale)
        return Told(
            judged=seen.judged, p=p, stands=since >= 0, fell=fell, since=since, expected=expected,
            low=expected / spread, high=expected * spread, gap=np.expm1(logs - usual), size=np.expm1(size),
        )  # fmt: skip


def _next(speaks: Flags, first: Ints) -> Ints:
    """Column of the first month from ``first`` on that speaks, ``(n,)``; the number of months where none does."""
    return _first(speaks & (np.arange(speaks.shape[1]) >= first[:, None]))


def _stood(
    below: Floats, speaks: Flags, start: Ints, opens: Ints, least: float, leave: float
) -> tuple[Flags, Floats, Ints]:
    """Months in which shifts stand ``(r, m)``, their size there, and the column from which a next may open.

    Args:
        below: ``(r, m)`` logarithm of value ÷ expectation from before the shift; NaN where a month is not judged.
        speaks: ``(r, m)``.
        start: ``(r,)`` column in which the shift began.
        opens: ``(r,)`` column in which it was told first.
        least: logarithm of the least size, as the module says.
        leave: likewise.
    """
    column = np.arange(below.shape[1])
    here = np.isfinite(below)
    since = here & (column >= start[:, None])
    mean = _recent(np.where(since, below, 0.0)) / np.maximum(_recent(since.astype(np.float64)), 1.0)
    rows = np.arange(len(below))
    real = mean[rows, opens] <= least
    after = column > opens[:, None]
    old = column >= start[:, None] + LASTS
    back = here & ~speaks & ~(np.nan_to_num(below) <= leave)
    until = _first(after & (back | old))
    stands = here & (column >= opens[:, None]) & (column < until[:, None]) & real[:, None]
    # What became usual is no new shift before a month has been quiet.
    calm = _first(old & here & ~speaks)
    until = np.where(until == _first(after & old), np.maximum(until, calm), until)
    return stands, mean, np.where(real, until, opens + 1)


def _first(flags: Flags) -> Ints:
    """Column of the first flag of each row; the number of columns where there is none."""
    return np.asarray(np.where(flags.any(axis=1), flags.argmax(axis=1), flags.shape[1]))


def _recent(values: Floats) -> Floats:
    """Sums over the last :data:`RECENT` columns."""
    total = np.cumsum(values, axis=1)
    return np.concatenate([total[:, :RECENT], total[:, RECENT:] - total[:, :-RECENT]], axis=1)
