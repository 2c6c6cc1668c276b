"""What is told of a shift month by month: from the month that speaks until output is back or the shift has become usual.

A month speaks when as much evidence is rare enough in quiet months (``mark``) and enough is missing (``least``). From
then on the shift *stands*: each later month is held against what it would have been had the shift not come. The filter
takes a shift over little by little; the signature says how much of it, so that what it took over is put back:
with error e, signature s at the month's age and the size d of the shift estimated from the months before (weighted
least squares of errors on signatures), the month lies e + (1 − s)·d below that, in logarithms.

A shift stands no more when a month is back (``leave``), or once it is :data:`~qxmonitor.signals.detect.expect.AGES`
months old: then it is the new usual.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from qxmonitor.indicators.smoothing import Flags, Floats
from qxmonitor.signals.detect.expect import AGES
from qxmonitor.signals.detect.judged import Looked, blocks, look
from qxmonitor.signals.detect.sure import p_value

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
        fell: it is likelier a fall than a drift; stops count as falls.
        since: column in which the shift began; −1 where none stands.
        expected: what the month should have been, in the series' own unit; had the shift not come, where one stands.
        low, high: ends of the 80 % interval of that.
        gap: growth against it: −0.3 where three tenths are missing.
        size: the same over the months since the shift began, estimated together; the gap where none stands.
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
    parts: dict[str, list[Any]] = {name: [] for name in Told.__annotations__}
    for series, share in blocks(values, festival, january, merged):
        part = _told(series, look(series, share, january), mark, least, leave)
        for name, kept in parts.items():
            kept.append(getattr(part, name)[:, at])
    return Told(*(np.concatenate(kept) for kept in parts.values()))


def _told(values: Floats, seen: Looked, mark: float, least: float, leave: float) -> Told:
    p = p_value(seen.evidence)
    since = np.full(values.shape, -1, dtype=np.int64)
    error = np.where(seen.judged & (values > 0), seen.seen.error, np.nan)
    below, size = error.copy(), error.copy()
    with np.errstate(invalid="ignore"):
        speaks = np.isfinite(error) & (p <= mark)
    rows = np.flatnonzero(speaks.any(axis=1))
    if rows.size:
        since[rows], below[rows], size[rows] = _followed(seen, rows, error[rows], speaks[rows], least, leave)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        expected = np.where(np.isfinite(below), values / np.exp(below), seen.expected)
        spread = np.exp(INTERVAL * seen.seen.scale)
        return Told(
            judged=seen.judged, p=p, stands=since >= 0, fell=seen.fell, since=since,
            expected=expected, low=expected / spread, high=expected * spread, gap=np.expm1(below), size=np.expm1(size),
        )  # fmt: skip


def _followed(
    seen: Looked, rows: Ints, error: Floats, speaks: Flags, least: float, leave: float
) -> tuple[Ints, Floats, Floats]:  # fmt: skip
    """Column a standing shift began in, logarithm of value ÷ what was to be expected, and of the shift, ``(r, m)``."""
    since = np.full(error.shape, -1, dtype=np.int64)
    below, size = error.copy(), error.copy()
    begun = np.full(len(rows), -1, dtype=np.int64)
    floor, back = np.log1p(least), np.log1p(leave)
    for t in range(error.shape[1]):
        spent = (begun >= 0) & ((t - begun >= AGES) | (seen.seen.renewed[rows, t] >= begun))
        begun[spent] = -1
        stood, loud = begun >= 0, speaks[:, t]
        start = np.where(stood, begun, np.where(loud, np.maximum(t - seen.age[rows, t], 0), -1))
        mine = np.flatnonzero((start >= 0) & np.isfinite(error[:, t]))
        if not mine.size:
            continue
        weight, product, before = _sums(seen, rows[mine], error[mine], start[mine], t)
        whole = np.divide(product, weight, out=error[mine, t].copy(), where=weight > 0)
        shown = seen.seen.signature[t - start[mine], rows[mine], t]
        month = error[mine, t] + (1.0 - shown) * before
        stands = np.where(stood[mine], loud[mine] | (month <= back), whole <= floor)
        kept = mine[stands]
        begun[mine] = np.where(stands, start[mine], -1)
        since[kept, t], below[kept, t], size[kept, t] = start[kept], month[stands], whole[stands]
    return since, below, size


def _sums(seen: Looked, rows: Ints, error: Floats, start: Ints, t: int) -> tuple[Floats, Floats, Floats]:
    """Weight and weighted product of errors and signatures from ``start`` to t, and the size without t, ``(r,)``."""
    weight, product, before = np.zeros(len(rows)), np.zeros(len(rows)), np.zeros(len(rows))
    place = np.arange(len(rows))
    for column in range(max(t - AGES + 1, 0), t + 1):
        if column == t:
            before = np.divide(product, weight, out=np.zeros(len(rows)), where=weight > 0)
        age = np.maximum(column - start, 0)
        found = error[place, column]
        counts = (column >= start) & np.isfinite(found)
        shown = np.where(counts, seen.seen.signature[age, rows, column], 0.0)
        part = shown / np.where(counts, seen.seen.scale[rows, column], 1.0) ** 2
        weight += part * shown
        product += part * np.where(counts, found, 0.0)
    return weight, product, before
