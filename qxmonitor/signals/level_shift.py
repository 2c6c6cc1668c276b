"""When a series went to another level and stayed: a likelihood-ratio scan beside noise, slope and season that wander.

A series is a level, a straight trend, a season and what moves of itself: noise that remembers (``u[t] = φ·u[t−1] +
e[t] − θ·e[t−1]``, from white noise to a random walk that is seen through noise), a slope that bends (Harvey 1989) and
a season that changes from year to year. Each combination of a grid (:data:`MEMORIES`, :data:`BENDS`, :data:`TURNS`)
gives the covariance of the months; with its Cholesky factor the columns are whitened and fitted, all series at once,
and each combination has its likelihood (restricted: level, trend and season are fitted too). A shift at month τ adds
one column more, 0 before and 1 from τ on, and

    ratio(τ) = twice the log of the best likelihood with the shift − the same without it

compares the best account without a shift with the best one with it. Taking the noise anew on both sides matters: one
large shift makes any series look like a random walk (Perron 1989), and then nothing would ever be found in it. Errors
count up to :data:`WILD` robust standard deviations only, so that a shift is proved by the months that stay at the new
level and not by one jump: to a random walk, a jump is one wild error. The best column joins the others and the scan
goes on, since of two opposite shifts neither may be seen without the other; kept are the first k whose ratios sum to
most after :data:`BAR` is paid for each. Single spikes are levelled before.

Series are worked on in logarithms or as they are, whichever is likelier without a shift (Box & Cox 1964).

Sup-tests of this kind: Andrews (1993). Grid and bar were set on simulated series alone (decision 36).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from qxmonitor.indicators.smoothing import YEAR, without_spikes

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int64]
Kind = TypeVar("Kind", bound=np.generic)

MEMORIES = (
    (0.0, 0.0), (0.3, 0.0), (0.6, 0.0), (0.8, 0.0), (0.9, 0.0), (0.95, 0.0), (1.0, 0.0),
    (0.9, 0.5), (0.97, 0.8), (1.0, 0.4), (1.0, 0.7), (1.0, 0.85),
)  # fmt: skip
"""The grid of φ and θ."""
BENDS = (0.0, 0.007)
"""Monthly sd by which the slope changes, relative to the noise's."""
TURNS = (0.0, 0.8)
"""Yearly sd by which each month's season changes, relative to the noise's."""
PLAIN = 6
"""Combinations, spread over the grid, that decide between logarithms and the values as they are."""
EDGE = 6
"""Months that must lie on either side of a shift."""
SPIKE = 4.0
"""Robust standard deviations from which a single month is a spike."""
BAR, PLACES = 1.5, 4.0
"""What every shift must pay in likelihood ratio: the first, and the second times the log of the months, for a longer
series has more places and more wild errors (Zhang & Siegmund 2007). More than one error alone can bring: the square
of :data:`WILD`. Of no kind of simulated series does one in twenty shift falsely."""
HOPE, PATIENCE = 8.0, 2
"""A scan goes on past shifts that do not pay by themselves: while a ratio reaches the first, this many in a row."""
WILD = 4.0
"""Robust standard deviations at which a single error stops counting for more."""
MOST = 8
"""Shifts looked for in one series."""
LEAST = 24
"""Months a series needs."""
_CELLS = 60_000
"""Numbers held at once in one scan."""
_KEPT = 512
"""Months up to which the whitened columns of a length are kept for the next call."""
_NOTHING = 1e-9


@dataclass(frozen=True)
class Shifts:
    """Shifts of n series, by series and month.

    Attributes:
        series: ``(k,)`` row of the series.
        month: ``(k,)`` column of the first month at the new level.
        ratio: ``(k,)`` the likelihood ratio that it won by.
        size: ``(k,)`` new level less old, in the series' worked unit: logarithm, or share of the geometric mean where
            the values as they are fit better; the value itself where not all are positive.
    """

    series: Counts
    month: Counts
    ratio: Floats
    size: Floats


@dataclass(frozen=True)
class _Model:
    """One combination for series of a length.

    Attributes:
        white: ``(m, m)`` whitens a series and takes away what level, trend and season explain of it.
        fitted: how many columns these are.
        steps: ``(m, places)`` whitened steps, less what the base explains of them.
        length: ``(places,)`` their squared lengths.
        cost: what the model's likelihood pays for its covariance.
    """

    white: Floats
    fitted: int
    steps: Floats
    length: Floats
    cost: float

    def left(self, worked: Floats) -> Floats:
        """Whitened series less what the base explains of them, ``(n, m)``."""
        return np.asarray(worked @ self.white.T)

    def free(self, more: int = 0) -> int:
        """Months less what is fitted."""
        return len(self.white) - self.fitted - more

    def dear(self, more: int = 0) -> float:
        """By what squared errors are multiplied, so that the model with the fewest is the likeliest."""
        return float(np.exp(self.cost / self.free(more)))


def level_shifts(values: Floats) -> Shifts:
    """All shifts of level of all series.

    Args:
        values: ``(n, m)`` months in order; NaN is a gap. Series of fewer than :data:`LEAST` known months, or constant
            ones, have none; nor have those that do not reach from the first month to the last.
    """
    parts = [_worked(some) for some in _pieces(values, values.shape[1])]
    worked, usable = (np.concatenate([part[side] for part in parts]) for side in (0, 1))
    rows, bar = np.flatnonzero(usable), BAR + PLACES * np.log(max(values.shape[1], 1))
    chosen = np.zeros((len(values), 0), dtype=np.int64)
    total, most = np.zeros(len(values)), np.zeros(len(values))
    kept = np.zeros(len(values), dtype=np.int64)
    rounds: list[_Best] = []
    while len(rows) and len(rounds) < MOST:
        best = _scanned(worked, rows, chosen)
        rounds.append(best)
        total[rows] += best.ratio - bar
        better = rows[total[rows] > most[rows]]
        most[better], kept[better] = total[better], len(rounds)
        chosen = np.concatenate([chosen, np.zeros((len(values), 1), dtype=np.int64)], axis=1)
        chosen[rows, -1] = best.month - EDGE
        rows = rows[(best.ratio >= HOPE) & (len(rounds) - kept[rows] < PATIENCE)]
    whole = _Best.joined([best.where(kept[best.rows] > number) for number, best in enumerate(rounds)])
    order = np.lexsort((whole.month, whole.rows))
    return Shifts(whole.rows[order], whole.month[order], whole.ratio[order], whole.size[order])


@dataclass(frozen=True)
class _Best:
    """The best candidate of each of k series."""

    rows: Counts
    month: Counts
    ratio: Floats
    size: Floats

    def where(self, keep: Bools) -> _Best:
        return _Best(*(getattr(self, name)[keep] for name in self.__dataclass_fields__))

    @staticmethod
    def joined(parts: list[_Best]) -> _Best:
        nothing, nobody = np.zeros(0), np.zeros(0, dtype=np.int64)
        parts = [_Best(nobody, nobody, nothing, nothing), *parts]
        return _Best(*(np.concatenate([getattr(part, name) for part in parts]) for name in _Best.__dataclass_fields__))


def _scanned(worked: Floats, rows: Counts, chosen: Counts) -> _Best:
    """The best candidate of every series, in pieces that fit the memory."""
    cells = worked.shape[1] * (chosen.shape[1] + 1)
    return _Best.joined([_scan(worked[mine], mine, chosen[mine]) for mine in _pieces(rows, cells)])


def _pieces(rows: npt.NDArray[Kind], cells: int) -> list[npt.NDArray[Kind]]:
    """Rows, some at a time; ``cells`` numbers are held of each."""
    step = max(1, _CELLS // max(1, cells))
    return [rows[at : at + step] for at in range(0, max(len(rows), 1), step)]


def _worked(values: Floats) -> tuple[Floats, Bools]:
    """Logarithms or values, spikes levelled, gaps bridged by a straight line; and who can be scanned."""
    known, months = np.isfinite(values), values.shape[1]
    usable = (known.sum(axis=1) >= LEAST) & known[:, :1].any(axis=1) & known[:, -1:].any(axis=1)
    highest = np.where(known, values, -np.inf).max(axis=1, initial=-np.inf)
    lowest = np.where(known, values, np.inf).min(axis=1, initial=np.inf)
    usable &= highest > lowest
    out = np.zeros(values.shape)
    rows = np.flatnonzero(usable)
    if rows.size:
        out[rows] = _bridged(without_spikes(np.where(known[rows], values[rows], np.nan), SPIKE))
    rows = np.flatnonzero(usable & (lowest > 0))
    if rows.size:
        logs = np.log(np.where(known[rows], values[rows], np.nan))
        usual = np.exp(np.nanmean(logs, axis=1, keepdims=True))
        logs = _bridged(without_spikes(logs, SPIKE))
        plain = out[rows] / usual  # so scaled, the two are told apart by their errors alone
        models = list(_models(months))
        some = models[:: max(1, len(models) // PLAIN)]
        better = _likeliest(plain, some) < _likeliest(logs, some)
        out[rows] = np.where(better[:, None], plain, logs)
    return out, usable


def _likeliest(worked: Floats, models: list[_Model]) -> Floats:
    """Squared errors of the likeliest model without a shift, as :meth:`_Model.dear` weighs them, ``(n,)``."""
    found = [_squares(_tamed(model.left(worked))) * model.dear() for model in models]
    return np.asarray(np.min(found, axis=0))


def _squares(errors: Floats) -> Floats:
    return np.asarray(np.einsum("nm,nm->n", errors, errors))


def _bridged(values: Floats) -> Floats:
    months = np.arange(values.shape[1])
    known = np.isfinite(values)
    before = np.maximum.accumulate(np.where(known, months, 0), axis=1)
    after = np.minimum.accumulate(np.where(known, months, len(months) - 1)[:, ::-1], axis=1)[:, ::-1]
    low, high = np.take_along_axis(values, before, axis=1), np.take_along_axis(values, after, axis=1)
    share = (months - before) / np.maximum(after - before, 1)
    return np.where(known, values, low + share * (high - low))


def _base(months: int) -> Floats:
    """Level, trend and, from three years on, season: ``(months, p)``."""
    t = np.arange(months)
    columns = [np.ones(months), (t - months / 2) / months]
    if months >= 3 * YEAR:
        phase = 2 * np.pi * t / YEAR
        columns += [wave(k * phase) for k in range(1, 6) for wave in (np.cos, np.sin)] + [np.cos(6 * phase)]
    return np.stack(columns, axis=1)


def _models(months: int) -> Iterator[_Model]:
    """All combinations for series of so many months."""
    return iter(_kept(months)) if months <= _KEPT else _made(months)


@lru_cache(maxsize=1)
def _kept(months: int) -> tuple[_Model, ...]:
    return tuple(_made(months))


def _made(months: int) -> Iterator[_Model]:
    t = np.arange(months)
    year, since = t // YEAR, np.maximum(t[:, None] - t, 0)
    turning = np.minimum(year[:, None], year) * (((t[:, None] - t) % YEAR == 0) - 1 / YEAR)
    bending = since.astype(np.float64) @ since.T  # a slope's step of one month is a ramp from there on
    base = _base(months)
    turns = TURNS if months >= 3 * YEAR else (0.0,)
    for (phi, theta), bend, turn in product(MEMORIES, BENDS, turns):
        whole = _remembering(months, phi, theta) + bend**2 * bending + turn**2 * turning
        factor = np.linalg.cholesky(whole)
        white = np.linalg.inv(factor)
        q, r = np.linalg.qr(white @ base)
        steps = np.cumsum(white[:, ::-1], axis=1)[:, ::-1][:, EDGE : months - EDGE + 1]
        steps = steps - q @ (q.T @ steps)
        cost = 2 * float(np.log(np.diag(factor)).sum() + np.log(np.abs(np.diag(r))).sum())
        yield _Model(white - q @ (q.T @ white), q.shape[1], steps, (steps**2).sum(axis=0), cost)


def _remembering(months: int, phi: float, theta: float) -> Floats:
    """Covariance of ``u[t] = φ·u[t−1] + e[t] − θ·e[t−1]``; where φ is 1 it begins at nought."""
    t = np.arange(months)
    apart = t[:, None] - t
    echo = (phi - theta) * phi ** np.maximum(apart - 1, 0)
    path = np.where(apart > 0, echo, np.eye(months))
    whole = path @ path.T
    if 0 < phi < 1:
        whole = whole + (phi - theta) ** 2 / (1 - phi**2) * phi ** (t[:, None] + t)
    return np.asarray(whole)


def _scan(worked: Floats, rows: Counts, chosen: Counts) -> _Best:
    """The best shift of each of some series.

    Args:
        worked: ``(k, m)``.
        rows: ``(k,)`` their numbers.
        chosen: ``(k, j)`` places of the shifts found before, counted from :data:`EDGE`.
    """
    count, more = chosen.shape
    each = np.arange(count)
    without, beside = np.full(count, np.inf), np.full(count, np.inf)
    which, at = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    for number, model in enumerate(_models(worked.shape[1])):
        left, before = _unexplained(model, worked, chosen)
        left = _tamed(left)
        found, length = left @ model.steps, model.length[None]
        if more:
            shared = before.transpose(0, 2, 1) @ model.steps
            found -= np.einsum("kjt,kj->kt", shared, _onto(before, left))
            length = length - (shared**2).sum(axis=1)
        told = length > _NOTHING**0.5 * model.length.max()
        found *= found
        found *= np.where(told, 1.0 / np.where(told, length, 1.0), 0.0)
        best = found.argmax(axis=1)
        squares, dear = _squares(left), model.dear(more)
        least = dear * np.maximum(squares - found[each, best], _NOTHING * squares)
        better = least < beside
        which[better], at[better], beside[better] = number, best[better], least[better]
        without = np.minimum(without, dear * squares)
    tiny = np.finfo(np.float64).tiny
    ratio = model.free(more) * (np.log(np.maximum(without, tiny)) - np.log(np.maximum(beside, tiny)))
    return _Best(rows, at + EDGE, ratio, _sizes(worked, chosen, at, which))


def _sizes(worked: Floats, chosen: Counts, at: Counts, which: Counts) -> Floats:
    """The step at each series' own place, as its best model has it with all errors counted in full."""
    size = np.zeros(len(worked))
    for number, model in enumerate(_models(worked.shape[1])):
        mine = np.flatnonzero(which == number)
        if mine.size:
            left, before = _unexplained(model, worked[mine], chosen[mine])
            step = model.steps.T[at[mine]]
            step = step - _through(before, _onto(before, step))
            size[mine] = np.einsum("km,km->k", step, left) / np.maximum(_squares(step), np.finfo(np.float64).tiny)
    return size


def _unexplained(model: _Model, worked: Floats, chosen: Counts) -> tuple[Floats, Floats]:
    """Whitened series less base and the steps chosen, ``(k, m)``; these steps, orthonormal, ``(k, m, j)``."""
    left = model.left(worked)
    if not chosen.shape[1]:
        return left, np.zeros((*left.shape, 0))
    before = np.linalg.qr(model.steps.T[chosen].transpose(0, 2, 1))[0]
    return left - _through(before, _onto(before, left)), before


def _tamed(errors: Floats) -> Floats:
    """Errors beyond :data:`WILD` robust standard deviations drawn in to there, in place."""
    size = np.sort(np.abs(errors), axis=1)  # sorting short rows whole is faster than what np.median does
    low, high = (size.shape[1] - 1) // 2, size.shape[1] // 2
    limit = WILD * 1.4826 * ((size[:, low] + size[:, high]) / 2)[:, None]
    wild = np.flatnonzero(size[:, -1] > limit[:, 0])
    errors[wild] = np.clip(errors[wild], -limit[wild], limit[wild])
    return errors


def _onto(columns: Floats, values: Floats) -> Floats:
    """Products of ``(k, m)`` values with their ``(k, m, j)`` columns, ``(k, j)``."""
    return np.asarray(np.einsum("kmj,km->kj", columns, values))


def _through(columns: Floats, amounts: Floats) -> Floats:
    """What ``(k, j)`` amounts of the columns add up to, ``(k, m)``."""
    return np.asarray(np.einsum("kmj,kj->km", columns, amounts))
