"""Whether the firms of a set lie low together, more than the others do: what a lead firm's fall does to its suppliers.

How low a month of a firm lies is said by its p value (``sure``), bounded, so that no single firm speaks for all. A
set's sum of that is held against what the other firms of the same month lead one to expect of as many firms: what
strikes the whole town, a hard winter or a festival moved, lowers the others as well and says nothing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from qxmonitor.indicators.smoothing import Flags, Floats

LOW = 0.05
"""p value up to which a firm lies visibly low."""
_BOUND = 0.005
FEWEST_OTHERS = 20
"""Firms outside a set that must be judged in a month, to know how low firms lie anyway."""


def lowness(p: Floats) -> Floats:
    """How low a month lies, nought to 2.4; NaN where it is not judged.

    >>> lowness(np.array([1.0, 0.05, 0.0, np.nan])).round(2).tolist()
    [0.05, 0.65, 2.4, nan]
    """
    return np.asarray(np.log1p(LOW / (p + _BOUND)))


def together(p: Floats, sets: Flags) -> Floats:
    """Standard deviations by which sets of firms lie lower than the others, ``(k, m)``; NaN where nothing can be said.

    Args:
        p: ``(n, m)`` p values; NaN where a month is not judged.
        sets: ``(k, n)`` who belongs to each set.
    """
    here = np.isfinite(p)
    low = np.where(here, lowness(np.where(here, p, 1.0)), 0.0)
    inside = sets.astype(np.float64)
    count, total, square = (inside @ part for part in (here.astype(np.float64), low, low**2))
    others = here.sum(axis=0) - count
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (low.sum(axis=0) - total) / others
        spread = np.sqrt(np.maximum((low**2).sum(axis=0) - square - others * mean**2, 0.0) / others)
        found = (total - count * mean) / (spread * np.sqrt(count * (1.0 + count / others)))
    told: npt.NDArray[np.bool_] = (count > 0) & (others >= FEWEST_OTHERS) & np.isfinite(found)
    return np.where(told, found, np.nan)
