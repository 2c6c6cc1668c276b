"""Series of known truth for the scorer: simulated towns, or anybody's series, with the same shifts put in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from qxmonitor.errors import Refused
from qxmonitor.evaluation import forecast as files
from qxmonitor.evaluation.rivals import logs
from qxmonitor.indicators.smoothing import YEAR, Flags, Floats, median
from qxmonitor.signals.detect import festival_shares
from qxmonitor.signals.detect.shift import Shape
from qxmonitor.simulate.series import JUDGED_FROM, Series, simulate

Ints = npt.NDArray[np.int64]

BANDS = (0.05, 0.10, 0.15, 0.20)
"""Edges of the bands of one-step noise (log)."""
BAND_WORDS = ("≤.05", ".05–.10", ".10–.15", ".15–.20", ">.20")
_TENTH = float(np.log(0.9))


@dataclass(frozen=True)
class Scenario:
    """A shift put into every series.

    Attributes:
        size: share of output lost in the end.
        creep: months over which it arrives.
        within: months with a return in which it must be caught.
        shape: what the oracle looks for; None: nobody needs an oracle.
    """

    size: float
    creep: int
    within: int
    shape: Shape | None


def _even(first: int, last: int) -> tuple[float, ...]:
    return tuple(1 / (last - first + 1) if age >= first else 0.0 for age in range(last + 1))


SCENARIOS = {
    "fall25": Scenario(0.25, 1, 2, Shape("fall", float(np.log(0.75)), 1, _even(0, 1))),
    "stop": Scenario(1.0, 1, 1, None),
    "drift10": Scenario(0.10, 3, 6, Shape("drift", _TENTH, 3, _even(1, 5))),
    "step10": Scenario(0.10, 1, 6, Shape("drift", _TENTH, 1, _even(1, 5))),
    "creep10": Scenario(0.10, 6, 6, Shape("drift", _TENTH, 6, _even(2, 5))),
}
"""Falls of a quarter; stops; losses of a tenth that arrive in three, one or six equal monthly steps and stay."""


@dataclass(frozen=True)
class Sample:
    """Series to score on, ``(n, m)``.

    Attributes:
        town: the simulator's truth; None for real series.
        values: with the events of the fixed prevalence (real series: as they are).
        untouched: without events: where shifts are put in.
        quiet: judged months in which nothing happens.
        month: ``(m,)`` calendar months, 0 where unknown.
        festival: ``(2, m)``.
        merged: ``(n,)``.
        band: ``(n,)`` number of its noise band.
    """

    town: Series | None
    values: Floats
    untouched: Floats
    quiet: Flags
    month: Ints
    festival: Floats
    merged: Flags
    band: Ints

    @property
    def january(self) -> int:
        """A column of a January."""
        return int(np.argmax(self.month == 1)) if self.month.any() else 0


def simulated(firms: int, months: int, seed: int) -> Sample:
    """One town of the simulator."""
    town = simulate(firms, months, seed)
    quiet = ~town.disturbed & np.isfinite(town.values)
    quiet[:, :JUDGED_FROM] = False
    return Sample(
        town, town.values, town.quiet, quiet, np.array([p.month for p in town.axis], dtype=np.int64),
        festival_shares(town.axis), town.merged, np.digitize(town.temper.one_step, BANDS),
    )  # fmt: skip


def real(path: Path) -> Sample:
    """The known months of a file as ``evaluate forecast`` reads it; series with nought or negative values left out.

    Nobody knows in which of them something happened: every judged month counts as quiet. The noise is that of the
    month-to-month change without season, ÷ √2.

    Raises:
        Refused: the file is not as described, or no series is long enough.
    """
    values = files.read(path).history
    known = np.isfinite(values)
    values = values[(np.where(known, values, 1.0) > 0).all(axis=1) & (known.sum(axis=1) >= JUDGED_FROM + YEAR)]
    if not len(values):
        raise Refused("没有足够长（36 个月）且全为正值的序列")
    age = np.cumsum(np.isfinite(values), axis=1)
    change = np.diff(logs(values), axis=1)
    usual = np.stack([median(change[:, k::YEAR], axis=1) for k in range(YEAR)], axis=1)
    rest = change - usual[:, np.arange(change.shape[1]) % YEAR]
    noise = 1.4826 * median(np.abs(rest - median(rest, axis=1)[:, None]), axis=1) / np.sqrt(2)
    span = values.shape[1]
    return Sample(
        None, values, values, np.isfinite(values) & (age > JUDGED_FROM),
        np.zeros(span, dtype=np.int64), np.zeros((2, span)),
        np.zeros(len(values), dtype=np.bool_), np.digitize(noise, BANDS),
    )  # fmt: skip


def put_in(sample: Sample, scenario: Scenario, rng: np.random.Generator) -> tuple[Floats, Ints]:
    """A shift in every series, from a month of its own with some months left.

    One that would begin in a merged February begins in January, since the two are one return.

    Returns:
        ``(n, m)`` values, and ``(n,)`` the columns where it begins.
    """
    count, span = sample.untouched.shape
    first = np.argmax(np.isfinite(sample.untouched), axis=1) + JUDGED_FROM
    start = first + np.floor(rng.random(count) * np.maximum(span - 7 - first, 1)).astype(np.int64)
    start = np.where(sample.merged & (sample.month[start] == 2), start - 1, start)
    age = np.arange(span) - start[:, None]
    way = np.clip((age + 1) / scenario.creep, 0.0, 1.0)
    return sample.untouched * (1 - scenario.size * way), start


def caught(statistic: Floats, threshold: Floats | float, start: Ints, within: int) -> tuple[Flags, Floats]:
    """Whether each series spoke in its first ``within`` months with a statistic since ``start``, and after how many.

    Args:
        statistic: ``(n, m)``.
        threshold: one, or ``(n,)``.
        start: ``(n,)``.
        within: months counted, at most six.

    Returns:
        ``(n,)`` caught, and ``(n,)`` months it took, 1 for the first; ``within + 1`` where it was missed.
    """
    rows = np.arange(len(statistic))
    left, took = np.full(len(rows), within), np.full(len(rows), within + 1.0)
    for ahead in range(within + 2):
        column = start + ahead
        inside = column < statistic.shape[1]
        value = statistic[rows, np.minimum(column, statistic.shape[1] - 1)]
        counts = inside & ~np.isnan(value) & (left > 0)
        hit = counts & (value >= threshold) & (took > within)
        took[hit] = within + 1 - left[hit]
        left -= counts
    return took <= within, took
