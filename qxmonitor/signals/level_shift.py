"""When a series went to another level and stayed: a likelihood-ratio scan that knows season, trend and autocorrelation.

A series (in logarithms where all of it is positive) is a level, a straight trend, a season and noise that remembers:
``u[t] = φ·u[t−1] + e[t] − θ·e[t−1]``, from white noise to a random walk that is seen through noise. A shift at month τ
adds one more column, 0 before and 1 from τ on. For every τ and every (φ, θ) of a grid the columns are whitened and
fitted, all series at once, and

    ratio(τ) = m · (log min over φ, θ of the errors without the shift − log min over φ, θ of the errors with it)

compares the best account without a shift with the best one with it. Taking the noise anew on both sides matters: one
large shift makes any series look like a random walk (Perron 1989), and then nothing would ever be found in it. Errors
count up to :data:`WILD` robust standard deviations only, so that a shift is proved by the months that stay at the new
level and not by one jump: to a random walk, a jump is one wild error. The largest ratio is a shift when it exceeds
:data:`BAR`; its column joins the others and the scan goes on. Single spikes are levelled before.

Sup-tests of this kind: Andrews (1993). The bar was set on simulated series alone (decision 36).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qxmonitor.indicators.smoothing import YEAR, without_spikes

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int64]

MEMORIES = tuple(
    (phi, theta)
    for phi in (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0)
    for theta in ((0.0,) if phi < 0.7 else (0.0, 0.3, 0.6, 0.8))
    if theta <= max(phi - 0.1, 0.0)
)
"""The grid of φ and θ."""
EDGE = 6
"""Months that must lie on either side of a shift."""
SPIKE = 4.0
"""Robust standard deviations from which a single month is a spike."""
BAR = 20.0
"""The likelihood ratio that a shift must exceed.

Of simulated series of 60 to 300 months without a shift, from white noise to random walks, errors with Student's t of 4
degrees, one in a hundred has a larger one (per kind of noise 0 to 3 %); the number of months hardly matters.
"""
WILD = 2.5
"""Robust standard deviations at which a single error stops counting for more."""
MOST = 8
"""Shifts looked for in one series."""
LEAST = 24
"""Months a series needs."""
_CELLS = 4_000_000
"""Numbers held at once in one scan."""
_NOTHING = 1e-9


@dataclass(frozen=True)
class Shifts:
    """Shifts of n series, by series and month.

    Attributes:
        series: ``(k,)`` row of the series.
        month: ``(k,)`` column of the first month at the new level.
        ratio: ``(k,)`` the likelihood ratio that it won by.
        size: ``(k,)`` new level less old, in the series' worked unit (logarithm, or the value where not positive).
    """

    series: Counts
    month: Counts
    ratio: Floats
    size: Floats


def level_shifts(values: Floats) -> Shifts:
    """All shifts of level of all series.

    Args:
        values: ``(n, m)`` months in order; NaN is a gap. Series of fewer than :data:`LEAST` known months, or constant
            ones, have none; nor have those that do not reach from the first month to the last.
    """
    worked, usable = _worked(values)
    months = values.shape[1]
    found: list[_Best] = []
    rows = np.flatnonzero(usable) if months >= LEAST else np.zeros(0, dtype=np.int64)
    base = _base(months)[None]
    for _ in range(MOST):
        best = _scanned(worked, rows, base).above_bar()
        if not len(best.rows):
            break
        found.append(best)
        base = np.broadcast_to(base, (len(rows), *base.shape[1:]))[np.isin(rows, best.rows)]
        shifted = np.arange(months)[None, :] >= best.month[:, None]
        base = np.concatenate([base, shifted[:, :, None].astype(np.float64)], axis=2)
        rows = best.rows
    whole = _Best.joined(found)
    order = np.lexsort((whole.month, whole.rows))
    return Shifts(whole.rows[order], whole.month[order], whole.ratio[order], whole.size[order])


@dataclass(frozen=True)
class _Best:
    """The best candidate of each of k series."""

    rows: Counts
    month: Counts
    ratio: Floats
    size: Floats

    def above_bar(self) -> _Best:
        keep = self.ratio > BAR
        return _Best(*(getattr(self, name)[keep] for name in self.__dataclass_fields__))

    @staticmethod
    def joined(parts: list[_Best]) -> _Best:
        nothing, nobody = np.zeros(0), np.zeros(0, dtype=np.int64)
        parts = [_Best(nobody, nobody, nothing, nothing), *parts]
        return _Best(*(np.concatenate([getattr(part, name) for part in parts]) for name in _Best.__dataclass_fields__))


def _scanned(worked: Floats, rows: Counts, base: Floats) -> _Best:
    """The best candidate of every series, in pieces that fit the memory."""
    months, shared = worked.shape[1], len(base) == 1
    step = max(1, _CELLS // (months if shared else months * months))
    pieces = []
    for begin in range(0, len(rows), step):
        mine = slice(begin, begin + step)
        pieces.append(_scan(worked, rows[mine], base if shared else base[mine]))
    return _Best.joined(pieces)


def _worked(values: Floats) -> tuple[Floats, Bools]:
    """Logarithms where all is positive, spikes levelled, gaps bridged by a straight line; and who can be scanned."""
    known = np.isfinite(values)
    positive = np.where(known, values, 1.0).min(axis=1, initial=1.0) > 0
    safe = np.where(known & positive[:, None], values, 1.0)
    worked = np.where(known, np.where(positive[:, None], np.log(safe), values), np.nan)
    usable = (known.sum(axis=1) >= LEAST) & known[:, :1].any(axis=1) & known[:, -1:].any(axis=1)
    clean = without_spikes(worked, SPIKE)
    moves = np.nanmax(worked, axis=1, initial=-np.inf) > np.nanmin(worked, axis=1, initial=np.inf)
    return _bridged(clean), usable & moves


def _bridged(values: Floats) -> Floats:
    months = np.arange(values.shape[1])
    known = np.isfinite(values)
    before = np.maximum.accumulate(np.where(known, months, 0), axis=1)
    after = np.minimum.accumulate(np.where(known, months, len(months) - 1)[:, ::-1], axis=1)[:, ::-1]
    low, high = np.take_along_axis(values, before, axis=1), np.take_along_axis(values, after, axis=1)
    share = (months - before) / np.maximum(after - before, 1)
    return np.where(known, values, low + share * (high - low))


def _base(months: int) -> Floats:
    """Level, trend and, from three years on, season: ``(months, p)``; the level comes first."""
    t = np.arange(months)
    columns = [np.ones(months), (t - months / 2) / months]
    if months >= 3 * YEAR:
        phase = 2 * np.pi * t / YEAR
        columns += [wave(k * phase) for k in range(1, 6) for wave in (np.cos, np.sin)] + [np.cos(6 * phase)]
    return np.stack(columns, axis=1)


def _scan(worked: Floats, rows: Counts, base: Floats) -> _Best:
    """The best shift of each of some series.

    Args:
        worked: ``(n, m)``.
        rows: ``(k,)`` which of them.
        base: ``(k, m, p)`` columns of each, or ``(1, m, p)`` shared ones.
    """
    values, months = worked[rows], worked.shape[1]
    places = np.arange(EDGE, months - EDGE + 1)
    steps = (np.arange(months)[:, None] >= places[None, :]).astype(np.float64)
    without = np.full(len(values), np.inf)
    beside = np.full((len(values), len(places)), np.inf)
    size = np.zeros(beside.shape)
    for phi, theta in MEMORIES:
        filtering = _whitening(months, phi, theta)
        white, columns = values @ filtering.T, filtering @ base
        q, _ = np.linalg.qr(columns[:, :, 1:] if phi == 1.0 else columns)  # differences know no level
        rest = _tamed(white - _through(q, _onto(q, white)))
        step = filtering @ steps
        step = step - q @ (q.transpose(0, 2, 1) @ step)
        length = (step**2).sum(axis=1)
        told = length > _NOTHING
        effect = np.where(told, _onto(step, rest) / np.where(told, length, 1.0), 0.0)
        error = (rest**2).sum(axis=1)
        left = np.maximum(error[:, None] - effect**2 * length, _NOTHING * error[:, None])
        better = left < beside
        beside, size = np.where(better, left, beside), np.where(better, effect, size)
        without = np.minimum(without, error)
    tiny = np.finfo(np.float64).tiny
    ratio = (months - 1) * (np.log(np.maximum(without, tiny))[:, None] - np.log(np.maximum(beside, tiny)))
    at = ratio.argmax(axis=1)
    pick = np.arange(len(values)), at
    return _Best(rows, places[at], ratio[pick], size[pick])


def _whitening(months: int, phi: float, theta: float) -> Floats:
    """The matrix that turns ``(m)`` values into ``(m − 1)`` independent errors: e[t] = u[t] − φ·u[t−1] + θ·e[t−1]."""
    apart = np.arange(1, months)[:, None] - np.arange(months)[None, :]
    turned = np.where(apart >= 0, theta ** np.maximum(apart, 0), 0.0)
    return turned - phi * np.where(apart >= 1, theta ** np.maximum(apart - 1, 0), 0.0)


def _tamed(errors: Floats) -> Floats:
    """Errors beyond :data:`WILD` robust standard deviations drawn in to there."""
    limit = WILD * 1.4826 * np.median(np.abs(errors), axis=1, keepdims=True)
    return np.clip(errors, -limit, limit)


def _onto(columns: Floats, values: Floats) -> Floats:
    """Products of ``(k, m)`` values with ``(k, m, p)`` or shared ``(1, m, p)`` columns, ``(k, p)``."""
    if len(columns) == 1:
        return np.asarray(values @ columns[0])
    return np.asarray(np.einsum("kmp,km->kp", columns, values))


def _through(columns: Floats, amounts: Floats) -> Floats:
    """What ``(k, p)`` amounts of the columns add up to, ``(k, m)``."""
    if len(columns) == 1:
        return np.asarray(amounts @ columns[0].T)
    return np.asarray(np.einsum("kmp,kp->km", columns, amounts))
