"""Monthly output of many firms: noise as real firms have it, what befalls them, and the truth beside it.

The town of the feeds (``model``) and the series on which detectors are scored (:func:`simulate`) both come from here.
The noise is calibrated, not pretty: measured over ten years by STL (period 12, robust), the firms' robust sd of the
irregular part, of the seasonally adjusted month-to-month change and the sd of the season have the quantiles of
:data:`CALIBRATION`, which were measured on 474 real monthly micro series. Everything is in logarithms: level, growth,
season, the Spring Festival's share of each month, a level that wanders a little, Student's t noise, and events at a
fixed prevalence. On the scored series half the firms report January with February, as many statistics do: January is
missing, February is the mean of both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qxmonitor.calendar import festival_share
from qxmonitor.period import Period, months

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

SHARES = (0.10, 0.25, 0.50, 0.75, 0.90)
CALIBRATION = {
    "irregular": (0.027, 0.048, 0.084, 0.138, 0.186),
    "change": (0.05, 0.09, 0.145, 0.23, 0.30),
    "season": (0.07, 0.10, 0.17, 0.25, 0.33),
}
"""Quantiles over firms at :data:`SHARES` that a robust STL of ten years finds."""
NOISE = (0.025, 0.048, 0.092, 0.148, 0.250, 0.312, 0.41)
"""Quantiles of the true robust sd of the noise at 0, :data:`SHARES` and 1: STL takes part of the noise for season."""
SEASON = (0.003, 0.01, 0.03, 0.12, 0.18, 0.26, 0.36)
"""Quantiles of the true sd of the season without the festival, likewise."""
TAIL = 6.0
"""Degrees of freedom of the noise."""
WANDER = 0.12
"""Largest monthly sd of the level's own steps, relative to the noise; firms lie evenly between nought and this."""
DEPTH = (0.1, 0.55)
"""Output lost on a day of the festival's window; year by year it differs by :data:`DEPTH_SD` of itself."""
DEPTH_SD = 0.15
EARLIER = 7
"""Most days by which a firm's own window lies before the usual one; firms lie evenly between none and this."""
MERGED = 0.5
"""Share of firms that report January with February."""

JUDGED_FROM = 24
"""Months of history before anything befalls a firm, and before a detector is scored."""
FALLS, STOPS, DRIFTS = 0.02, 0.005, 0.02
"""Firms a year that suffer a sustained fall of 25 % or more, that stop, that drift."""
CHAINS, SUPPLIERS = 6, 12
LEAD_FALL, ECHO = 0.4, (0.3, 0.8)
"""What the shocked lead firm loses, and how much of that a supplier loses, by how much it depends on the lead firm."""
SHOCKS = 0.2
"""Shocks of a lead firm a year."""
IMPORT_LEAD = 2
"""Months by which what befalls a firm shows in its imports of parts before it shows in its output."""

_ROBUST = 0.7176 * 1.4826
"""Robust sd of Student's t with :data:`TAIL` degrees of freedom and scale 1."""
_WINDOW, _MONTH = 21, 30.4


@dataclass(frozen=True)
class Event:
    """What befalls one firm: ``fall``, ``stop``, ``drift``, ``lead`` (a lead firm's shock) or ``supplier`` (its echo).

    Attributes:
        kind: one of these words.
        firm: row number.
        start, end: first and last column affected.
        size: share of output lost in the end.
    """

    kind: str
    firm: int
    start: int
    end: int
    size: float


@dataclass(frozen=True)
class Temper:
    """How much firms' output moves of itself.

    Attributes:
        noise: ``(n,)`` scale of the Student noise (log).
        wander: ``(n,)`` sd of the level's monthly step (log).
        season: ``(n,)`` sd of the season without the festival (log).
    """

    noise: Floats
    wander: Floats
    season: Floats

    @property
    def one_step(self) -> Floats:
        """``(n,)`` robust sd of one-step errors of who knows everything but the level's path (log)."""
        steady = (np.sqrt(self.wander**4 + 4 * self.wander**2 * self.noise**2 * 1.5) + self.wander**2) / 2
        return np.asarray(_ROBUST * np.sqrt(self.noise**2 + steady / 1.5))


@dataclass(frozen=True)
class Series:
    """``n`` firms × ``m`` months, and all that is true of them.

    Attributes:
        axis: the months.
        quiet: ``(n, m)`` output had nothing happened, thousand yuan; NaN where there is no return.
        values: ``(n, m)`` output; NaN where there is no return.
        imports: ``(n, m)`` customs imports of parts: an early echo of what befalls the firm, in noise of its own.
        expected: ``(n, m)`` logarithm of quiet output without noise and wander.
        merged: ``(n,)`` whether January is reported with February.
        temper: how much each firm moves.
        chain: ``(n,)`` number of its chain, −1 for none; the first firm of a chain is its lead firm.
        lead: ``(n,)`` row of the lead firm a firm supplies, −1 for none.
        events: what was planted.
    """

    axis: tuple[Period, ...]
    quiet: Floats
    values: Floats
    imports: Floats
    expected: Floats
    merged: Flags
    temper: Temper
    chain: Ints
    lead: Ints
    events: tuple[Event, ...]

    @property
    def disturbed(self) -> Flags:
        """``(n, m)`` months with an event, and the year after its end: no month of these is a quiet one."""
        flags = np.zeros(self.values.shape, dtype=np.bool_)
        for event in self.events:
            flags[event.firm, event.start : event.end + 13] = True
        return flags


def simulate(
    count: int, span: int, seed: int, first: Period | None = None, *, wander: float = WANDER, events: bool = True
) -> Series:
    """Draw a town of series; the same arguments give the same series.

    Args:
        count: firms, at least ``CHAINS × (SUPPLIERS + 1)`` for full chains.
        span: months.
        seed: any whole number.
        first: first month; None: January of a year that depends on the seed, so that festivals differ.
        wander: see :data:`WANDER`.
        events: whether anything befalls anybody.
    """
    rng = np.random.default_rng([seed, 61])
    first = first or Period(f"{2008 + seed % 12:04d}-01")
    axis = months(first, first + (span - 1))
    chain, lead = _chains(count)
    rank = rng.permutation(count) + rng.random(count)
    rank = rank / count
    rank[lead == np.arange(count)] /= 2  # big firms are steadier
    temper = tempers(rank, rng, wander)
    level = rng.normal(8.0, 1.2, (count, 1))
    growth = rng.normal(0.05, 0.09, (count, 1)) * np.arange(span) / 12
    usual, moves = course(axis, temper, rng)
    expected = level + growth + usual
    quiet = expected + moves
    merged = rng.random(count) < MERGED
    judged = np.broadcast_to(np.arange(span) >= JUDGED_FROM, (count, span))
    shocks = max(round(SHOCKS * span / 12), 1) if span > JUDGED_FROM + 8 else 0
    planted = befall(axis, merged, chain, lead, judged, rng, shocks=shocks) if events else ()
    effect = effects(planted, count, span)
    early = np.ones_like(effect)
    early[:, :-IMPORT_LEAD] = effect[:, IMPORT_LEAD:]
    own = rng.normal(0, 0.5, (count, 1)) - 1.5 + rng.standard_t(TAIL, (count, span)) * temper.noise[:, None]
    imports = np.exp(expected + own) * early
    return Series(
        axis=axis,
        quiet=reported(np.exp(quiet), merged, axis),
        values=reported(np.exp(quiet) * effect, merged, axis),
        imports=imports,
        expected=expected,
        merged=merged,
        temper=temper,
        chain=chain,
        lead=np.where(lead == np.arange(count), -1, lead),
        events=planted,
    )


def tempers(rank: Floats, rng: np.random.Generator, wander: float = WANDER) -> Temper:
    """How much each firm moves.

    Args:
        rank: ``(n,)`` place of each firm among all by its noise, evenly spread over 0 to 1: 0 for the steadiest.
        rng: random draws.
        wander: see :data:`WANDER`.
    """
    noise = _drawn(NOISE, rank) / _ROBUST
    # Noisy firms have the stronger seasons, loosely.
    mixed = 0.5 * rank + 0.5 * rng.random(rank.size)
    season = _drawn(SEASON, np.argsort(np.argsort(mixed)) / rank.size)
    return Temper(noise, noise * rng.uniform(0, wander, rank.size), season)


def course(
    axis: tuple[Period, ...], temper: Temper, rng: np.random.Generator, trade: Floats | None = None
) -> tuple[Floats, Floats]:
    """Logarithm of output about each firm's trend.

    Args:
        axis: the ``m`` months.
        temper: how much each firm moves.
        rng: random draws.
        trade: ``(n, 12)`` season of each firm's trade, of which half of its own is made; None: no two firms share any.

    Returns:
        ``(n, m)`` what is usual in the month, season and festival; ``(n, m)`` what is not, wander and noise.
    """
    shape = temper.noise.size, len(axis)
    usual = _season(axis, temper.season, trade, rng) + _festival(axis, shape[0], rng)
    path = np.cumsum(rng.normal(0, 1, shape) * temper.wander[:, None], axis=1)
    return usual, path + rng.standard_t(TAIL, shape) * temper.noise[:, None]


def befall(
    axis: tuple[Period, ...], merged: Flags, chain: Ints, lead: Ints, may: Flags, rng: np.random.Generator,
    *, shocks: int, latest: int = 3,
) -> tuple[Event, ...]:  # fmt: skip
    """Events at the fixed prevalence, at most one a firm; those that reach the end of the axis last on.

    What would begin in a February that is reported with January begins in January.

    Args:
        axis: the ``m`` months.
        merged: ``(n,)`` firms that report January with February.
        chain: ``(n,)`` number of each firm's chain, −1 for none.
        lead: ``(n,)`` row of its lead firm; lead firms name themselves.
        may: ``(n, m)`` where something may begin.
        rng: random draws.
        shocks: how many lead firms are shocked.
        latest: months until the last supplier feels it; the first does after one.
    """
    count, span = len(merged), len(axis)
    february = [p.month == 2 for p in axis]
    events: list[Event] = []
    hit = np.zeros(count, dtype=np.bool_)
    begins = np.flatnonzero(may.sum(axis=0)[: max(span - 6, 0)])
    for _ in range(shocks if begins.size and chain.max() >= 0 else 0):
        struck = int(rng.integers(chain.max() + 1))
        start = int(rng.choice(begins))
        length = int(rng.integers(9, 19))
        for firm in np.flatnonzero((chain == struck) & ~hit):
            first = int(lead[firm]) == firm
            late = 0 if first else int(rng.integers(1, latest + 1))
            size = LEAD_FALL if first else LEAD_FALL * float(rng.uniform(*ECHO))
            end = min(start + late + length, span) - 1
            begin = start + late - (merged[firm] and february[start + late])
            events.append(Event("lead" if first else "supplier", int(firm), int(begin), end, size))
            hit[firm] = True
    chance = rng.random((count, span))
    monthly = np.cumsum([FALLS / 12, STOPS / 12, DRIFTS / 12])
    due = (chance < monthly[-1]) & may
    for firm in np.flatnonzero(due.any(axis=1) & ~hit):
        start = int(due[firm].argmax())
        kind = ("fall", "stop", "drift")[int(np.searchsorted(monthly, chance[firm, start], side="right"))]
        size = {"fall": 0.25 + 0.5 * rng.random() ** 2, "stop": 1.0, "drift": 0.1 + 0.2 * rng.random()}[kind]
        length = int(rng.integers(*{"fall": (6, 19), "stop": (3, 13), "drift": (12, 25)}[kind]))
        end = min(start + length, span) - 1
        events.append(Event(kind, int(firm), int(start - (merged[firm] and february[start])), end, float(size)))
    return tuple(sorted(events, key=lambda e: (e.start, e.firm)))


def effects(events: tuple[Event, ...], count: int, span: int) -> Floats:
    """Share of its output that each firm keeps in each month, ``(count, span)``: a drift creeps, the rest are steps."""
    kept = np.ones((count, span))
    for event in events:
        length = event.end - event.start + 1
        way = np.minimum(np.arange(1, length + 1) / 6, 1.0) if event.kind == "drift" else np.ones(length)
        kept[event.firm, event.start : event.end + 1] *= 1 - event.size * way
    return kept


def reported(output: Floats, merged: Flags, axis: tuple[Period, ...]) -> Floats:
    """What the returns say, ``(n, m)``: of firms that merge, no January, and in February the mean of both."""
    out = output.copy()
    for column, month in enumerate(axis):
        if month.month == 1:
            out[merged, column] = np.nan
        elif month.month == 2 and column:
            out[merged, column] = (output[merged, column - 1] + output[merged, column]) / 2
    return out


def _drawn(quantiles: tuple[float, ...], rank: Floats) -> Floats:
    return np.asarray(np.exp(np.interp(rank, (0, *SHARES, 1), np.log(quantiles))))


def _season(axis: tuple[Period, ...], sd: Floats, trade: Floats | None, rng: np.random.Generator) -> Floats:
    pattern = _even(rng.normal(0, 1, (sd.size, 12)))
    if trade is not None:
        pattern = _even(pattern + _even(trade))
    return np.asarray((pattern * sd[:, None])[:, [p.month - 1 for p in axis]])


def _even(pattern: Floats) -> Floats:
    """Rows of mean nought and sd one."""
    centred = pattern - pattern.mean(axis=1, keepdims=True)
    return np.asarray(centred / centred.std(axis=1, keepdims=True))


def _festival(axis: tuple[Period, ...], count: int, rng: np.random.Generator) -> Floats:
    years = np.array([p.year - axis[0].year for p in axis])
    depth = rng.uniform(*DEPTH, (count, 1)) * np.exp(rng.normal(0, DEPTH_SD, (count, years[-1] + 1)))
    usual, early = (np.array([festival_share(p, days) for p in axis]) for days in (0, EARLIER))
    share = usual + rng.random((count, 1)) * (early - usual)
    return np.asarray(np.log1p(-np.minimum(depth, 0.9)[:, years] * share * _WINDOW / _MONTH))


def _chains(count: int) -> tuple[Ints, Ints]:
    """Chain and lead firm of each firm; the lead firms supply themselves."""
    size = min(SUPPLIERS + 1, max(count // CHAINS, 1))
    chain = np.arange(count, dtype=np.int64) // size
    chain[chain >= CHAINS] = -1
    return chain, np.where(chain >= 0, chain * size, -1)
