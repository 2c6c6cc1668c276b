"""One-step expectations of thousands of monthly series, each month from the months before it alone.

A structural model in logarithms (Harvey 1989): a level that wanders, a slope, twelve seasonal effects and the Spring
Festival's share of each month, whose Kalman filter runs over all series at once for a small grid of models (how much
the level wanders, how strong the season is, both relative to the noise); their predictions are averaged by how well
each foretold so far. Covariances depend only on which months have values, so that series alike in that share them.

Nothing is learned from what is far off: errors beyond :data:`HUBER` standard deviations move the state only that far,
and the noise's scale is a Student-t one. A shift that stays is taken over as the new normal after :data:`AGES` months.
Beside each error stands its *signature*: what part of a lasting step that began 0, 1, 2 … months ago would still show
in it (Willsky & Jones 1976). Shifts are judged with that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from qxmonitor.indicators.smoothing import YEAR, Flags, Floats

AGES = 8
"""Ages of a step, in months, for which signatures are kept."""
WANDERS = (0.04, 0.25)
"""Monthly sd of the level's steps relative to the noise."""
SEASONS = (0.1, 0.6, 1.7)
"""Prior sd of a month's seasonal effect relative to the noise."""
SLOPES = (0.04, 0.2, 0.2)
"""Prior sd of the monthly slope, relative to the noise."""
FESTIVALS = (0.8, 3.0, 10.0)
"""Prior sd of the festival's effect, relative to the noise; one for each of the slopes."""
SEASON_STEP = 0.03
"""Monthly sd by which a seasonal effect may change, relative to the noise and to the season's own size."""
FESTIVAL_EFFECT = -0.22
"""Prior mean of the festival's effect: log of what a whole window in one month leaves."""
TIMING = 1.0
"""Prior sd of the effect of an early window (:data:`EARLIER`), relative to that of the festival's effect."""
FESTIVAL_NOISE = 0.2
"""Further noise of a month full of festival, or as full as the timing has it, relative to the festival's prior sd."""
UNSURE = 0.3
"""Further sd (log) of a month that the early window would fill and the usual one would not, or the reverse: few years
tell a series' timing, and an error of a few days is no event."""
EARLIER = 7
"""Days between the usual window and an early one: some stop before others, and each series learns its own timing."""
TAIL = 6.0
"""Degrees of freedom of errors."""
HUBER = 2.0
"""Standard deviations beyond which an error moves the state no further."""
SCALE, SCALE_WEIGHT = 0.1, 0.7
"""Prior scale of the noise (log), and how many errors it counts as."""
REFINED, ROUNDS = 4, 2
"""Every so many months the scale is estimated anew from all errors so far, in so many rounds (EM for Student's t)."""
RENEWED = 5.0
"""Standard deviations by which a step of :data:`AGES` months must stand out to become the new normal."""
ENOUGH = 0.999 * RENEWED**2
"""Sum of squared errors, in standard deviations, below which no step can stand out (Cauchy–Schwarz)."""
AT_ONCE = 6
"""Patterns are told apart some months ahead, for each time costs a copy."""
CHUNK, SLAB = 440, 8
"""Series filtered together, and months of them gone through together: what is worked on stays in the processor's cache
(powers of two would have their rows compete for the same places in it)."""

_LEVEL, _SLOPE, _FESTIVAL, _TIMING, _SEASON, _OTHERS = 0, 1, 2, 3, slice(4, 4 + YEAR), slice(4)
_STATES = 4 + YEAR
_EACH = np.arange(_STATES)
_FAR = 100.0
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Expected:
    """What ``n`` series should have been in ``m`` months, and how far they were off.

    Attributes:
        value: ``(n, m)`` logarithm of the value expected; NaN before a series has begun.
        error: ``(n, m)`` logarithm of value ÷ expectation; NaN where there is no positive value.
        scale: ``(n, m)`` scale of the Student-t distribution of the error, :data:`TAIL` degrees of freedom.
        signature: ``(AGES, n, m)`` part of a step of that age that shows in the error.
        seen: ``(n, m)`` number of values before the month.
        renewed: ``(n, m)`` last month up to which evidence was used up, as a column; −1 for none.
    """

    value: Floats
    error: Floats
    scale: Floats
    signature: Floats
    seen: Counts
    renewed: Counts


def expect(logs: Floats, festival: Floats, january: int) -> Expected:
    """Run the filter.

    Args:
        logs: ``(n, m)`` natural logarithms; NaN where there is no positive value.
        festival: ``(2, n, m)`` share of the festival's window in each month, and of the early window.
        january: the column of any January (may lie outside).

    Returns:
        Arrays that lie month by month in memory, as they were made.

    Raises:
        ValueError: shapes that do not fit.
    """
    logs = np.asarray(logs, dtype=np.float64)
    if logs.ndim != 2 or festival.shape != (2, *logs.shape):
        raise ValueError("values must be (series, months), the festival (2, series, months)")
    count, span = logs.shape
    value, error, scale = (np.full((span, count), np.nan).T for _ in range(3))
    made = Expected(
        value,
        error,
        scale,
        np.zeros((span, AGES, count)).transpose(1, 2, 0),
        np.zeros((span, count), dtype=np.int64).T,
        np.full((span, count), -1, dtype=np.int64).T,
    )
    if not logs.size:
        return made
    share = np.stack([festival[0], festival[1] - festival[0]])
    for patterns, groups in _alike(np.isfinite(logs), share):
        months: Iterable[_Month] = _months(np.isfinite(logs[patterns]), share[:, patterns], january)
        if len(groups) > 1:
            months = list(months)
        for rows, kind in groups:
            _run(made, rows, logs[rows].T.copy(), months, kind)
    return made


def _alike(known: Flags, share: Floats) -> Iterator[tuple[Counts, list[tuple[Counts, Counts]]]]:
    """Series to filter together, at most :data:`CHUNK` at a time, by their patterns of values and festival.

    Yields:
        For each pattern that many series have, and for each :data:`CHUNK` of all the others: a series of each pattern,
        in an order in which patterns alike in their first months are neighbours; and groups of series, with the
        pattern of each.
    """
    calendar = np.full(len(known), -1)
    while (rest := np.flatnonzero(calendar < 0)).size:  # folded with January or not: few differ
        alike = (share[:, rest] == share[:, rest[:1]]).all(axis=(0, 2))
        alike[0] = True
        calendar[rest[alike]] = calendar.max() + 1
    bits = np.concatenate([np.packbits(~known, axis=1), calendar[:, None].view(np.uint8)], axis=1)
    lines = bits.view(f"V{bits.shape[1]}").ravel()
    _, first, pattern, times = np.unique(lines, return_index=True, return_inverse=True, return_counts=True)
    order = np.argsort(pattern, kind="stable")
    many = times >= CHUNK // 4
    for each in np.flatnonzero(many):
        rows, kind = order[times[:each].sum() :][: times[each]], np.zeros(CHUNK, dtype=np.int64)
        yield first[[each]], [(rows[at : at + CHUNK], kind[: len(rows) - at]) for at in range(0, len(rows), CHUNK)]
    order = order[~many[pattern[order]]]
    for at in range(0, len(order), CHUNK):
        rows = order[at : at + CHUNK]
        kinds, kind = np.unique(pattern[rows], return_inverse=True)
        yield first[kinds], [(rows, kind)]


@dataclass(frozen=True)
class _Month:
    """What the grid's models make of a month, for ``k`` patterns; variances in units of the noise.

    Attributes:
        phase: month of the year, January 0.
        of: ``(k,)`` which of ``u`` each pattern is, as far as they differ so far.
        share: ``(2, u)`` of the festival, and what the early window has more.
        variance: ``(g, u)`` of the error.
        gain: ``(states, g, u)``; nought where there is no value.
        signature: ``(AGES, g, u)``.
        taken: ``(states, g, u)`` what the state has taken over of a unit step of :data:`AGES` months.
    """

    phase: int
    of: Counts
    share: Floats
    variance: Floats
    gain: Floats
    signature: Floats
    taken: Floats


def _grid() -> tuple[Floats, ...]:
    """By model ``(g, 1)``: wander, season, slope and festival."""
    grid = product(WANDERS, SEASONS, zip(SLOPES, FESTIVALS, strict=True))
    return tuple(np.array(part)[:, None] for part in zip(*((w, s, *more) for w, s, more in grid), strict=True))


def _months(known: Flags, share: Floats, january: int) -> Iterator[_Month]:
    """Month by month, for patterns ``known`` ``(k, m)`` and ``share`` ``(2, k, m)``.

    Neighbours that were alike so far are worked on as one.
    """
    differ = (known[1:] != known[:-1]) | (share[:, 1:] != share[:, :-1]).any(axis=0)
    begins = np.ones(known.shape, dtype=np.bool_)
    begins[1:] = np.logical_or.accumulate(differ, axis=1)
    begins = begins[:, np.minimum(np.arange(len(known.T)) // AT_ONCE * AT_ONCE + AT_ONCE, len(known.T)) - 1]
    of = begins.cumsum(axis=0) - 1
    wander, season, slope, festival = _grid()
    prior = np.empty((_STATES, *wander.shape))
    prior[_LEVEL], prior[_SLOPE], prior[_SEASON] = _FAR, slope**2, season**2
    prior[_FESTIVAL], prior[_TIMING] = festival**2, (TIMING * festival) ** 2
    p = np.zeros((_STATES, _STATES, wander.size, 1))
    p[_EACH, _EACH] = prior
    step = np.zeros((_STATES, AGES, wander.size, 1))
    """By age: what the state of the filter has taken over of a unit step."""
    for t in range(known.shape[1]):
        heads = np.flatnonzero(begins[:, t])
        if heads.size > p.shape[-1]:
            parents = of[heads, t - 1] if t else np.zeros(heads.size, dtype=np.int64)
            p, step = np.take(p, parents, axis=-1), np.take(step, parents, axis=-1)
        phase, now, here = (t - january) % YEAR, share[:, heads, t], known[heads, t]
        p[_LEVEL, _LEVEL] += 2 * p[_LEVEL, _SLOPE] + p[_SLOPE, _SLOPE] + wander**2
        p[_LEVEL, _SLOPE:] += p[_SLOPE, _SLOPE:]
        p[_EACH[_SEASON], _EACH[_SEASON]] += (SEASON_STEP * season) ** 2
        rows = {i: np.concatenate([p[:i, i], p[i, i:]]) for i in (_LEVEL, _FESTIVAL, _TIMING, _SEASON.start + phase)}
        toward = _shown(rows, phase, now)
        full = now[0] + np.abs(now[1])
        variance = _shown(toward, phase, now) + 1.0 + (FESTIVAL_NOISE * festival * full) ** 2
        gain = np.where(here, toward / variance, 0.0)
        step[:, 1:] = step[:, :-1].copy()
        step[:, 0] = 0.0
        step[_LEVEL] += step[_SLOPE]
        signature = 1.0 - _shown(step, phase, now)
        if here.any():
            for i in _EACH:
                p[i, i:] -= gain[i] * toward[i:]
            step += gain[:, None] * signature
        yield _Month(phase, of[:, t], now, variance, gain, signature, step[:, -1].copy())


def _shown(state: Floats | dict[int, Floats], phase: int, share: Floats) -> Floats:
    """What a month shows of states (first axis): level, its season, the festival and its timing."""
    shown = state[_LEVEL] + state[_SEASON.start + phase]
    if share.any():
        shown += share[0] * state[_FESTIVAL] + share[1] * state[_TIMING]
    return np.asarray(shown)


def _run(made: Expected, rows: Counts, logs: Floats, months: Iterable[_Month], kind: Counts) -> None:
    """Filter some series.

    A season's effect is asked for once a year: what the twelve months before have taught of it is added only then.

    Args:
        made: what is filled.
        rows: ``(n,)`` their rows there.
        logs: ``(m, n)``; NaN where there is no value. Months come first here, and models before series: ``(g, n)``.
        months: what the models make of each month, for ``k`` patterns.
        kind: ``(n,)`` whose pattern is whose.
    """
    (span, count), models = logs.shape, _grid()[0].size
    known, logs = np.isfinite(logs), np.nan_to_num(logs)
    seen = np.cumsum(known, axis=0) - known
    fresh, told = known & (seen == 0), known & (seen > 0)
    free = SCALE_WEIGHT + np.cumsum(told, axis=0)
    new, old = (TAIL + 1) * told / free, 1.0 - told / free
    """Weights of the month's error and of those before in the scale."""
    much, less = told * (TAIL + 1) / 2, told * TAIL / 2
    begins, everybody, anybody = (np.asarray(part) for part in (fresh.any(axis=1), told.all(axis=1), told.any(axis=1)))
    value, error, scale = (np.empty(logs.shape) for _ in range(3))
    signature, used = np.ones((span, AGES, count)), np.empty(logs.shape, dtype=np.int64)
    state = np.zeros((_STATES, models, count))
    state[_FESTIVAL] = FESTIVAL_EFFECT
    gains, lessons = np.zeros((YEAR, YEAR, models, kind.max() + 1)), np.zeros((models, YEAR, count))
    square, past = np.full((models, count), SCALE**2), np.zeros((span, models, count))
    fit = np.zeros((models, count))
    above, below, renewed = (np.full(count, -1, dtype=np.int64) for _ in range(3))
    """Columns of the last errors above and below nought, and of the last renewal."""
    power, ages = np.zeros((span + AGES, count)), np.arange(AGES)[:, None]
    for t, month in enumerate(months):
        mine, first = month.of[kind], t + 1 - AGES
        share, variance = _of(month.share, mine), _of(month.variance, mine)
        if begins[t]:
            state[_LEVEL][:, fresh[t]] = (logs[t] - FESTIVAL_EFFECT * share[0])[fresh[t]]
        state[_LEVEL] += state[_SLOPE]
        state[_SEASON][month.phase] += _learned(gains[:, month.phase], lessons, kind)
        ahead = _shown(state, month.phase, share)
        weight = fit - fit.max(axis=0)
        np.exp(weight, out=weight)
        whole = weight.sum(axis=0)
        value[t] = np.einsum("gn,gn->n", weight, ahead) / whole
        total = variance * square
        spread = ahead - value[t]
        spread *= spread
        spread += total
        scale[t] = np.sqrt(np.einsum("gn,gn->n", weight, spread) / whole + (UNSURE * share[1]) ** 2)
        signature[t, 1:] = _shows(month.signature[1:], weight, mine)
        signature[t, 1:] /= whole
        error[t], used[t] = logs[t] - value[t], renewed
        # What the month teaches: scale, models, state.
        gains[t % YEAR], off = _of(month.gain[_SEASON], month.of), lessons[:, t % YEAR]
        np.subtract(logs[t], ahead, out=off)
        if not everybody[t]:
            off *= told[t]
        if anybody[t]:
            apart = off * off
            np.divide(apart, variance, out=past[t])
            heavy = TAIL * total
            heavy += apart
            apart /= heavy
            apart *= new[t]
            apart += old[t]
            square *= apart
            np.log(heavy, out=heavy)
            heavy *= much[t]
            fit -= heavy
            np.multiply(np.log(total, out=heavy), less[t], out=heavy)
            fit += heavy
            reach = np.sqrt(total, out=total)
            reach *= HUBER
            np.minimum(off, reach, out=off)
            np.maximum(off, np.negative(reach, out=reach), out=off)
            state[_OTHERS] += _of(month.gain[_OTHERS], mine) * off
        if t % REFINED == REFINED - 1:
            square = _refined(square, past[: t + 1], free[t])
        # A step that has stayed, all errors on one side of nought: the new normal.
        far = np.where(known[t], error[t] / scale[t], 0.0)
        np.copyto(above, t, where=far > 0)
        np.copyto(below, t, where=far < 0)
        np.add(power[t + AGES - 1], far * far, out=power[t + AGES])
        maybe = (np.minimum(above, below) < first) & (renewed < first) & (power[t + AGES] - power[t] > ENOUGH)
        if first >= 0 and (turn := np.flatnonzero(maybe)).size:
            late = slice(first, t + 1)
            step = _stayed(known[late, turn], error[late, turn], scale[late, turn], signature[first + ages, ages, turn])
            if step.any():
                turn, step = turn[step != 0], step[step != 0]
                state[:, :, turn] -= step * _of(month.taken, mine[turn])
                state[_LEVEL][:, turn] += step
                renewed[turn] = t
    value[~(known | (seen > 0))], error[~known] = np.nan, np.nan
    made.value.T[:, rows], made.error.T[:, rows], made.scale.T[:, rows] = value, error, scale
    made.seen.T[:, rows], made.renewed.T[:, rows] = seen, used
    made.signature.transpose(2, 0, 1)[:, :, rows] = signature


def _of(part: Floats, kind: Counts) -> Floats:
    """What is said of patterns (last axis), said of series; one pattern speaks for all."""
    return part if part.shape[-1] == 1 else np.take(part, kind, axis=-1)


def _learned(gains: Floats, lessons: Floats, kind: Counts) -> Floats:
    """Sum over twelve months of gains ``(12, g, k)`` × errors ``(g, 12, n)``, ``(g, n)``."""
    if gains.shape[-1] == 1:
        return np.asarray(np.matmul(gains.transpose(1, 2, 0), lessons)[:, 0])
    return np.asarray(np.einsum("sgn,gsn->gn", np.take(gains, kind, axis=-1), lessons))


def _shows(signature: Floats, weight: Floats, kind: Counts) -> Floats:
    """Signatures ``(AGES, g, k)``, averaged over the models, ``(AGES, n)``."""
    if signature.shape[-1] == 1:
        return np.asarray(signature[..., 0] @ weight)
    return np.asarray(np.einsum("agn,gn->an", np.take(signature, kind, axis=-1), weight))


def _stayed(known: Flags, error: Floats, scale: Floats, mark: Floats) -> Floats:
    """Size of a step that shows in all of the last months ``(AGES, n)``, nought where none stands out, ``(n,)``."""
    error, weigh = np.where(known, error, 0.0), np.where(known, mark / scale**2, 0.0)
    much = (weigh * mark).sum(axis=0)
    step = (weigh * error).sum(axis=0) / np.maximum(much, 1e-12)
    same_way = ((np.sign(error) == np.sign(step)) | ~known).all(axis=0)
    return np.where((np.abs(step) * np.sqrt(much) > RENEWED) & same_way & (known.sum(axis=0) >= AGES - 2), step, 0.0)


def _refined(square: Floats, past: Floats, free: Floats) -> Floats:
    """Squared scale of Student's t from squared errors in units of the noise, ``(months, g, n)``, and the prior."""
    part = np.empty_like(past[:SLAB])
    for _ in range(ROUNDS):
        total, limit = np.zeros(square.shape), TAIL * square
        for at in range(0, len(past), SLAB):
            some = past[at : at + SLAB]
            few = np.add(some, limit, out=part[: len(some)])
            total += np.divide(some, few, out=few).sum(axis=0)
        square = (SCALE_WEIGHT * SCALE**2 + (TAIL + 1) * square * total) / free
    return square
