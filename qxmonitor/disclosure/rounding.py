"""Rounded parts that add up to their rounded whole: the largest remainder method."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def apportion(parts: Sequence[float], decimals: int, whole: float | None = None) -> list[float]:
    """Round parts so that they add up to the rounded whole.

    Each part is rounded down; what is missing goes, one last digit each, to the parts with the largest remainders,
    earlier ones first among equals. A part that is exactly nothing stays nothing, and none moves by a whole digit.

    Args:
        parts: finite numbers.
        decimals: digits shown.
        whole: the whole as shown, when it is not just the rounded sum (such as the difference of two shown levels);
            within one last digit of the sum.

    >>> apportion([1.25, 1.25, 0.4], 1), apportion([0.34, 0.33, 0.33, 0.0], 1)
    ([1.3, 1.2, 0.4], [0.4, 0.3, 0.3, 0.0])
    """
    unit = 10.0**decimals
    scaled = np.asarray(parts, dtype=np.float64) * unit
    near = np.rint(scaled)
    scaled = np.where(np.abs(scaled - near) < 1e-6, near, scaled)  # 0.1 + 0.2 is 0.3
    floors = np.floor(scaled)
    target = np.rint(round(float(np.sum(parts)), decimals) * unit if whole is None else whole * unit)
    missing = int(target - floors.sum())
    open_ = scaled != 0
    remainder = np.where(open_, scaled - floors, -1.0 if missing > 0 else 2.0)
    order = np.argsort(-remainder if missing > 0 else remainder, kind="stable")
    floors[order[: abs(missing)]] += np.sign(missing)
    return [float(round(value / unit, decimals)) + 0.0 for value in floors]
