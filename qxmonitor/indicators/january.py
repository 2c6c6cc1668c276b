"""January reported with February: one month for the forecast, in every year of such a series."""

from __future__ import annotations

import numpy as np

from qxmonitor.indicators.smoothing import YEAR, Flags, Floats


def fold(history: Floats, merged: Flags, folded: Flags, january: int) -> Floats:
    """Series that merge: February is half of both months' sum in every year, January is no month of its own."""
    months = history.shape[1]
    history = history.copy()
    for first in range(january % YEAR, months, YEAR):
        history_first = history[:, first].copy()
        history[folded, first] = np.nan
        if first + 1 < months:
            both = np.where(merged[:, first + 1], history[:, first + 1], history_first + history[:, first + 1]) / 2
            history[folded, first + 1] = both[folded]
    return history


def shares(festival: Floats | None, folded: Flags, january: int | None) -> Floats | None:
    """Festival's share of each month by series ``(n, m + h)``; the mean of two months where they are one."""
    if festival is None:
        return None
    shares = np.broadcast_to(festival, (folded.size, festival.size)).copy()
    if january is not None:
        for first in range(january % YEAR, festival.size - 1, YEAR):
            shares[folded, first + 1] = (festival[first] + festival[first + 1]) / 2
    return shares
