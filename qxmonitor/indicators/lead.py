"""Do imports of parts run ahead of output: correlation of both at every lag, with how sure that is.

Both series come without season, festival and trend: changes in logs of the adjusted series, slot over slot (January
and February are one). At lag h imports of slot t − h meet output of slot t. An interval is Fisher's: z = artanh r, with
standard error 1 ÷ √(n* − 3), where n* is the number of pairs that as many independent ones are worth (Bartlett 1946):

    n* = n ÷ (1 + 2·Σ (1 − k ÷ n)·ρx(k)·ρy(k)),  k up to a quarter of n

The confidence is for all lags at once (Bonferroni), since the best of several is looked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from qxmonitor.indicators.view import Floats

_FEWEST_WORTH = 4.0
_NEARLY_ONE = 1.0 - 1e-12


@dataclass(frozen=True)
class Scan:
    """Of each lag 0 … farthest: correlation and its interval, (h,), and pairs; NaN where there are too few."""

    correlation: Floats
    low: Floats
    high: Floats
    pairs: Floats

    @property
    def best(self) -> int | None:
        """The lag of the highest correlation; None where none is known."""
        return int(np.nanargmax(self.correlation)) if np.isfinite(self.correlation).any() else None


def scan(leader: Floats, follower: Floats, farthest: int, confidence: float, least: int, looks: int = 1) -> Scan:
    """Correlate a follower with a leader up to ``farthest`` slots before.

    Args:
        leader: (T,) changes, NaN where there is none.
        follower: (T,) likewise.
        farthest: the longest lag.
        confidence: of the intervals of all lags together.
        least: pairs below which a lag tells nothing.
        looks: how many pairs of series are looked at together, which the confidence is for as well.
    """
    wide = NormalDist().inv_cdf(1.0 - (1.0 - confidence) / (2.0 * (farthest + 1) * looks))
    found = np.full((4, farthest + 1), np.nan)
    for lag in range(farthest + 1):
        x, y = leader[: max(leader.size - lag, 0)], follower[lag:]
        both = np.isfinite(x) & np.isfinite(y)
        found[3, lag] = both.sum()
        if both.sum() < least or not (np.ptp(x[both]) > 0 and np.ptp(y[both]) > 0):
            continue
        r = float(np.clip(np.corrcoef(x[both], y[both])[0, 1], -_NEARLY_ONE, _NEARLY_ONE))
        reach = wide / np.sqrt(worth(np.where(both, x, np.nan), np.where(both, y, np.nan)) - 3.0)
        found[:3, lag] = r, np.tanh(np.arctanh(r) - reach), np.tanh(np.arctanh(r) + reach)
    return Scan(*found)


def worth(x: Floats, y: Floats) -> float:
    """How many independent pairs two correlated series' pairs are worth, never more than there are, at least 4."""
    count = int((np.isfinite(x) & np.isfinite(y)).sum())
    shared = sum((1.0 - k / count) * _own(x, k) * _own(y, k) for k in range(1, count // 4 + 1))
    return float(max(min(count / max(1.0 + 2.0 * shared, 1e-9), count), _FEWEST_WORTH))


def _own(values: Floats, lag: int) -> float:
    """Correlation of a series with itself ``lag`` slots before, over the pairs there are."""
    apart = values - np.nanmean(values)
    both = apart[lag:] * apart[:-lag]
    return float(np.nansum(both) / np.nansum(apart**2))
