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
CHUNK = 256

_LEVEL, _SLOPE, _FESTIVAL, _TIMING = 0, 1, 2 + YEAR, 3 + YEAR
_STATES = 4 + YEAR
_FAR = 100.0


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
    seen: npt.NDArray[np.int64]
    renewed: npt.NDArray[np.int64]


def expect(logs: Floats, festival: Floats, january: int) -> Expected:
    """Run the filter.

    Args:
        logs: ``(n, m)`` natural logarithms; NaN where there is no positive value.
        festival: ``(2, n, m)`` share of the festival's window in each month, and of the early window.
        january: the column of any January (may lie outside).

    Raises:
        ValueError: shapes that do not fit.
    """
    logs = np.asarray(logs, dtype=np.float64)
    if logs.ndim != 2 or festival.shape != (2, *logs.shape):
        raise ValueError("values must be (series, months), the festival (2, series, months)")
    festival = np.concatenate([festival[0], festival[1] - festival[0]], axis=1)
    count, span = logs.shape
    value, error, scale = (np.full(logs.shape, np.nan) for _ in range(3))
    made = Expected(
        value,
        error,
        scale,
        np.zeros((AGES, count, span)),
        np.zeros(logs.shape, dtype=np.int64),
        np.full(logs.shape, -1, dtype=np.int64),
    )
    if not logs.size:
        return made
    known = np.isfinite(logs)
    same, pattern = np.unique(np.concatenate([known.astype(np.float64), festival], axis=1), axis=0, return_inverse=True)
    order = np.argsort(pattern.ravel(), kind="stable")
    for at in range(0, count, CHUNK):
        rows = order[at : at + CHUNK]
        kinds, kind = np.unique(pattern.ravel()[rows], return_inverse=True)
        _run(made, rows, logs[rows], same[kinds, :span] > 0, same[kinds, span:].reshape(-1, 2, span), kind, january)
    return made


class _Covariance:
    """Gains of the grid's models for ``k`` patterns of months with and without values; all in units of the noise."""

    def __init__(self, count: int) -> None:
        grid = list(product(WANDERS, SEASONS, zip(SLOPES, FESTIVALS, strict=True)))
        self.wander, self.season, slope, self.festival = np.array([(w, s, *more) for w, s, more in grid]).T
        prior = np.zeros((self.wander.size, _STATES))
        prior[:, _LEVEL], prior[:, _SLOPE], prior[:, _FESTIVAL] = _FAR, slope**2, self.festival**2
        prior[:, _TIMING] = (TIMING * self.festival) ** 2
        prior[:, 2:_FESTIVAL] = self.season[:, None] ** 2
        self.matrix = np.tile(prior[:, :, None] * np.eye(_STATES), (count, 1, 1, 1))
        self.step = np.zeros((count, self.wander.size, AGES, _STATES))
        """By age: what the state of the filter has taken over of a unit step."""

    def month(self, phase: int, share: Floats, known: Flags) -> tuple[Floats, Floats, Floats]:
        """Go on to a month: variance of its error ``(k, g)``, gains ``(k, g, states)``, signatures ``(k, g, AGES)``."""
        p = self.matrix
        p[:, :, _LEVEL] += p[:, :, _SLOPE]
        p[:, :, :, _LEVEL] += p[:, :, :, _SLOPE]
        p[:, :, _LEVEL, _LEVEL] += self.wander**2
        season = np.arange(2, _FESTIVAL)
        p[:, :, season, season] += (SEASON_STEP * self.season[:, None]) ** 2
        toward = _shown(p, phase, share[:, :, None, None])
        own = _shown(toward, phase, share[:, :, None])
        full = share[:, 0] + np.abs(share[:, 1])
        variance = own + 1.0 + (FESTIVAL_NOISE * self.festival * full[:, None]) ** 2
        gain = np.where(known[:, None, None], toward / variance[..., None], 0.0)
        p -= gain[..., :, None] * toward[..., None, :]
        step = self.step
        step[:, :, 1:] = step[:, :, :-1].copy()
        step[:, :, 0] = 0.0
        step[..., _LEVEL] += step[..., _SLOPE]
        signature = 1.0 - _shown(step, phase, share[:, :, None, None])
        step += gain[:, :, None, :] * signature[..., None]
        return variance, gain, signature


def _shown(state: Floats, phase: int, share: Floats) -> Floats:
    """What a month shows of states (last axis): level, its season, the festival and its timing."""
    return np.asarray(
        state[..., _LEVEL]
        + state[..., 2 + phase]
        + share[:, 0] * state[..., _FESTIVAL]
        + share[:, 1] * state[..., _TIMING]
    )


def _run(
    made: Expected, rows: npt.NDArray[np.int64], logs: Floats, known: Flags, share: Floats,
    kind: npt.NDArray[np.int64], january: int,
) -> None:  # fmt: skip
    """Filter some series of patterns ``known`` ``(k, m)`` and ``share`` ``(k, 2, m)``; ``kind`` says whose is whose."""
    count, span = logs.shape
    covariance = _Covariance(len(known))
    models = covariance.wander.size
    state = np.zeros((count, models, _STATES))
    state[..., _FESTIVAL] = FESTIVAL_EFFECT
    square = np.full((count, models), SCALE**2)
    past = np.full((span, count, models), np.nan)
    free = np.full((count, 1), SCALE_WEIGHT)
    fit = np.zeros((count, models))
    begun = np.zeros(count, dtype=np.bool_)
    seen = np.zeros(count, dtype=np.int64)
    renewed = np.full(count, -1, dtype=np.int64)
    for t in range(span):
        phase, share_now, here = (t - january) % YEAR, share[kind, :, t], known[kind, t]
        fresh = here & ~begun
        if fresh.any():
            state[fresh, :, _LEVEL] = (logs[fresh, t] - FESTIVAL_EFFECT * share_now[fresh, 0])[:, None]
            begun |= fresh
        variance, gain, signature = (part[kind] for part in covariance.month(phase, share[:, :, t], known[:, t]))
        state[..., _LEVEL] += state[..., _SLOPE]
        ahead = _shown(state, phase, share_now[:, :, None])
        weight = np.exp(fit - fit.max(axis=1, keepdims=True))
        weight /= weight.sum(axis=1, keepdims=True)
        middle = (weight * ahead).sum(axis=1)
        spread = (weight * (variance * square + (ahead - middle[:, None]) ** 2)).sum(axis=1)
        spread = spread + (UNSURE * share_now[:, 1]) ** 2
        error = np.where(here, logs[:, t] - middle, np.nan)
        shown = np.einsum("ng,nga->na", weight, signature)
        made.value[rows, t] = np.where(begun, middle, np.nan)
        made.error[rows, t], made.scale[rows, t] = error, np.sqrt(spread)
        made.signature[:, rows, t], made.seen[rows, t] = shown.T, seen
        # What the month teaches: scale, models, state.
        told = here & ~fresh
        off = np.where(told[:, None], logs[:, t][:, None] - ahead, 0.0)
        total = variance * square
        ratio = off**2 / total
        heavy = (TAIL + 1) / (TAIL + ratio)
        past[t] = np.where(told[:, None], off**2 / variance, np.nan)
        free += told[:, None]
        square = square + np.where(told[:, None], (heavy * off**2 / variance - square) / free, 0.0)
        if t % REFINED == REFINED - 1:
            square = _refined(square, past[: t + 1], free)
        fit -= np.where(told[:, None], 0.5 * np.log(total) + (TAIL + 1) / 2 * np.log1p(ratio / TAIL), 0.0)
        off *= np.minimum(1.0, HUBER / np.sqrt(np.maximum(ratio, 1e-300)))
        state += gain * off[..., None]
        seen += here
        # A step that has stayed: the new normal.
        if t + 1 >= AGES:
            late = np.arange(t + 1 - AGES, t + 1)
            errors, scales = made.error[rows[:, None], late], made.scale[rows[:, None], late]
            marks = made.signature[np.arange(AGES), rows[:, None], late]
            told = np.isfinite(errors) & (renewed[:, None] < late[0])
            weigh = np.where(told, marks / scales**2, 0.0)
            much = (weigh * marks).sum(axis=1)
            step = (weigh * np.nan_to_num(errors)).sum(axis=1) / np.maximum(much, 1e-12)
            same_way = (np.sign(errors) == np.sign(step)[:, None]) | ~told
            turn = (np.abs(step) * np.sqrt(much) > RENEWED) & same_way.all(axis=1) & (told.sum(axis=1) >= AGES - 2)
            if turn.any():
                taken = covariance.step[kind[turn], :, AGES - 1]
                state[turn] -= step[turn, None, None] * taken
                state[turn, :, _LEVEL] += step[turn, None]
                renewed[turn] = t
        made.renewed[rows, t] = np.where(renewed == t, -1, renewed)


def _refined(square: Floats, past: Floats, free: Floats) -> Floats:
    """Squared scale of Student's t from squared errors in units of the noise, ``(months, n, g)``, and the prior."""
    for _ in range(ROUNDS):
        part = np.nansum((TAIL + 1) * past / (TAIL + past / square), axis=0)
        square = (SCALE_WEIGHT * SCALE**2 + part) / free
    return square
