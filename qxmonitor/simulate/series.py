"""Monthly output of many firms as the detectors are scored on it: noise as real firms have it, and the truth beside it.

The noise is calibrated, not pretty: measured over ten years by STL (period 12, robust), the firms' robust sd of the
irregular part, of the seasonally adjusted month-to-month change and the sd of the season have the quantiles of
:data:`CALIBRATION`, which were measured on 474 real monthly micro series. Everything is in logarithms: level, growth,
season, the Spring Festival's share of each month, a level that wanders a little, Student's t noise, and events at a
fixed prevalence. Half the firms report January with February, as many statistics do: January is missing, February is
the mean of both.
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
LEAD_FALL = 0.4
"""What the shocked lead firm loses; each supplier loses 0.3 to 0.8 of that, one to three months later."""
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
class Series:
    """``n`` firms × ``m`` months, and all that is true of them.

    Attributes:
        axis: the months.
        quiet: ``(n, m)`` output had nothing happened, thousand yuan; NaN where there is no return.
        values: ``(n, m)`` output; NaN where there is no return.
        imports: ``(n, m)`` customs imports of parts: an early echo of what befalls the firm, in noise of its own.
        expected: ``(n, m)`` logarithm of quiet output without noise and wander.
        merged: ``(n,)`` whether January is reported with February.
        noise: ``(n,)`` scale of the Student noise (log).
        wander: ``(n,)`` sd of the level's monthly step (log).
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
    noise: Floats
    wander: Floats
    chain: Ints
    lead: Ints
    events: tuple[Event, ...]

    @property
    def one_step(self) -> Floats:
        """``(n,)`` robust sd of one-step errors of who knows everything but the level's path (log)."""
        steady = (np.sqrt(self.wander**4 + 4 * self.wander**2 * self.noise**2 * 1.5) + self.wander**2) / 2
        return np.asarray(_ROBUST * np.sqrt(self.noise**2 + steady / 1.5))

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
    noise = _drawn(NOISE, rank) / _ROBUST
    # Noisy firms have the stronger seasons, loosely.
    mixed = 0.5 * rank + 0.5 * rng.random(count)
    season = _drawn(SEASON, np.argsort(np.argsort(mixed)) / count)
    step = noise * rng.uniform(0, wander, count)
    expected = _expected(axis, season, rng)
    path = np.cumsum(rng.normal(0, 1, (count, span)) * step[:, None], axis=1)
    quiet = expected + path + rng.standard_t(TAIL, (count, span)) * noise[:, None]
    merged = rng.random(count) < MERGED
    planted = _plan(axis, merged, chain, lead, rng) if events else ()
    effect = effects(planted, count, span)
    early = np.ones_like(effect)
    early[:, :-IMPORT_LEAD] = effect[:, IMPORT_LEAD:]
    own = rng.normal(0, 0.5, (count, 1)) - 1.5 + rng.standard_t(TAIL, (count, span)) * noise[:, None]
    imports = np.exp(expected + own) * early
    return Series(
        axis=axis,
        quiet=reported(np.exp(quiet), merged, axis),
        values=reported(np.exp(quiet) * effect, merged, axis),
        imports=imports,
        expected=expected,
        merged=merged,
        noise=noise,
        wander=step,
        chain=chain,
        lead=np.where(lead == np.arange(count), -1, lead),
        events=planted,
    )


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


def _expected(axis: tuple[Period, ...], season: Floats, rng: np.random.Generator) -> Floats:
    count, span = season.size, len(axis)
    level = rng.normal(8.0, 1.2, (count, 1))
    growth = rng.normal(0.05, 0.09, (count, 1)) * np.arange(span) / 12
    pattern = rng.normal(0, 1, (count, 12))
    pattern -= pattern.mean(axis=1, keepdims=True)
    pattern *= (season / pattern.std(axis=1))[:, None]
    years = np.array([p.year - axis[0].year for p in axis])
    depth = rng.uniform(*DEPTH, (count, 1)) * np.exp(rng.normal(0, DEPTH_SD, (count, years[-1] + 1)))
    usual, early = (np.array([festival_share(p, days) for p in axis]) for days in (0, EARLIER))
    share = usual + rng.random((count, 1)) * (early - usual)
    festival = np.log1p(-np.minimum(depth, 0.9)[:, years] * share * _WINDOW / _MONTH)
    return np.asarray(level + growth + pattern[:, [p.month - 1 for p in axis]] + festival)


def _chains(count: int) -> tuple[Ints, Ints]:
    """Chain and lead firm of each firm; the lead firms supply themselves."""
    size = min(SUPPLIERS + 1, max(count // CHAINS, 1))
    chain = np.arange(count, dtype=np.int64) // size
    chain[chain >= CHAINS] = -1
    return chain, np.where(chain >= 0, chain * size, -1)


def _plan(
    axis: tuple[Period, ...], merged: Flags, chain: Ints, lead: Ints, rng: np.random.Generator
) -> tuple[Event, ...]:
    """Events at the fixed prevalence, at most one a firm, and one shock of a lead firm in five years.

    What would begin in a February that is reported with January begins in January.
    """
    count, span = len(merged), len(axis)
    february = [p.month == 2 for p in axis]
    events: list[Event] = []
    hit = np.zeros(count, dtype=np.bool_)
    for _ in range(max(round(span / 60), 1) if span > JUDGED_FROM + 8 else 0):
        struck = int(rng.integers(chain.max() + 1))
        start = int(rng.integers(JUDGED_FROM, span - 6))
        length = int(rng.integers(9, 19))
        for firm in np.flatnonzero((chain == struck) & ~hit):
            first = int(lead[firm]) == firm
            late = 0 if first else int(rng.integers(1, 4))
            size = LEAD_FALL if first else LEAD_FALL * float(rng.uniform(0.3, 0.8))
            end = min(start + late + length, span) - 1
            begin = start + late - (merged[firm] and february[start + late])
            events.append(Event("lead" if first else "supplier", int(firm), int(begin), end, size))
            hit[firm] = True
    chance = rng.random((count, span))
    monthly = np.cumsum([FALLS / 12, STOPS / 12, DRIFTS / 12])
    due = (chance < monthly[-1]) & (np.arange(span) >= JUDGED_FROM)
    for firm in np.flatnonzero(due.any(axis=1) & ~hit):
        start = int(due[firm].argmax())
        kind = ("fall", "stop", "drift")[int(np.searchsorted(monthly, chance[firm, start], side="right"))]
        size = {"fall": 0.25 + 0.5 * rng.random() ** 2, "stop": 1.0, "drift": 0.1 + 0.2 * rng.random()}[kind]
        length = int(rng.integers(*{"fall": (6, 19), "stop": (3, 13), "drift": (12, 25)}[kind]))
        end = min(start + length, span) - 1
        events.append(Event(kind, int(firm), int(start - (merged[firm] and february[start])), end, float(size)))
    return tuple(sorted(events, key=lambda e: (e.start, e.firm)))
