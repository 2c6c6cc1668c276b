"""What other series add to the evidence on a series: leading ones, and the firms of its chain.

Evidence is a log likelihood ratio (``shift``). Another series speaks for this one only with some trust *r*: with
probability r a shift of the one announces a shift of the other, else it says nothing. So what it adds is
log(1 − r + r·e^evidence): nearly nothing while it is quiet, and no more than :data:`MOST`, so that nobody speaks on the
word of others alone.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from qxmonitor.indicators.smoothing import Flags, Floats

LAGS = (1, 2, 3)
"""Months by which imports of parts, or the lead firm, go ahead."""
TRUST = 0.4
MOST = 2.0
CHAIN_TRUST = 0.5
CHAIN_THRESHOLD = 4.0
"""Evidence of a chain's suppliers together from which the lead firm's fall is one of the whole chain."""
CHAIN_MONTHS = 6
"""Months after its lead firm spoke in which a chain may speak."""


def supported(own: Floats, leading: Floats, rows: npt.NDArray[np.int64] | None = None, trust: float = TRUST) -> Floats:
    """Evidence on series with what leading series said one to three months before, ``(n, m)``.

    Args:
        own: ``(n, m)`` evidence; NaN where there is none.
        leading: ``(k, m)`` evidence on the leading series.
        rows: ``(n,)`` row of each series' leader, −1 for none; None: the same row.
        trust: see the module.
    """
    rows = np.arange(len(own)) if rows is None else rows
    before = np.where((rows >= 0)[:, None], leading[np.maximum(rows, 0)], np.nan)
    said = np.minimum(np.nan_to_num(before, nan=0.0, posinf=50.0), 50.0)
    span = own.shape[1]
    ratio = np.ones(own.shape)
    for lag in LAGS:
        ratio[:, lag:] += trust / len(LAGS) * (np.exp(said[:, : span - lag]) - 1.0)
    return np.asarray(own + np.minimum(np.log(ratio), MOST))


def chain_evidence(own: Floats, speaks: Flags, chain: npt.NDArray[np.int64], lead: npt.NDArray[np.int64]) -> Floats:
    """Evidence that a lead firm's fall has reached its suppliers, ``(chains, m)``; −inf while it has not spoken.

    The suppliers' ratios are pooled as if each were hit with probability :data:`CHAIN_TRUST`.

    Args:
        own: ``(n, m)`` evidence on each firm.
        speaks: ``(n, m)`` whether the firm's own figure speaks.
        chain: ``(n,)`` number of each firm's chain, −1 for none.
        lead: ``(n,)`` row of the lead firm it supplies, −1 for none.
    """
    count, span = int(chain.max(initial=-1)) + 1, own.shape[1]
    said = np.clip(np.nan_to_num(own, nan=0.0, posinf=20.0), -20.0, 20.0)
    each = np.log1p(CHAIN_TRUST * (np.exp(said) - 1.0))
    pooled = np.full((count, span), -np.inf)
    for number in range(count):  # a handful of chains
        suppliers = np.flatnonzero((chain == number) & (lead >= 0))
        if suppliers.size:
            recent = np.zeros(span, dtype=np.bool_)
            for back in range(min(CHAIN_MONTHS + 1, span)):
                recent[back:] |= speaks[lead[suppliers[0]], : span - back]
            pooled[number] = np.where(recent, each[suppliers].sum(axis=0), -np.inf)
    return pooled
