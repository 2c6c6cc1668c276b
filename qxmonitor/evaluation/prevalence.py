"""How many of the detector's alarms of firms are true when events come as seldom as they do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qxmonitor.evaluation.injected import Sample
from qxmonitor.indicators.smoothing import Flags, Floats
from qxmonitor.signals.detect.judged import THRESHOLD

_APART = 6


@dataclass(frozen=True)
class Counts:
    """Of one town: alarm episodes of firms, and those that begin in a month of an event or in the year after."""

    episodes: int
    true: int


def count(sample: Sample, own: Floats) -> Counts:
    """Count on a simulated town.

    Args:
        sample: the town.
        own: ``(n, m)`` the shipped detector's evidence.
    """
    assert sample.town is not None
    begun = _begins(np.nan_to_num(own, nan=-np.inf) >= THRESHOLD)
    return Counts(int(begun.sum()), int((begun & sample.town.disturbed).sum()))


def _begins(flags: Flags) -> Flags:
    """Where an alarm begins, with no other of its row in the months before."""
    recent = np.zeros(flags.shape, dtype=np.bool_)
    for back in range(1, min(_APART, flags.shape[1] - 1) + 1):
        recent[:, back:] |= flags[:, :-back]
    return flags & ~recent


def rows(counts: list[Counts]) -> list[dict[str, Any]]:
    """A line of the result; its interval by bootstrap over towns."""
    table = np.array([(c.episodes, c.true) for c in counts])
    drawn = table[np.random.default_rng(71).integers(len(table), size=(2000, len(table)))].sum(axis=1)
    low, high = np.quantile(drawn[:, 1] / np.maximum(drawn[:, 0], 1), (0.025, 0.975))
    episodes, true = table.sum(axis=0)
    value = round(float(true / episodes), 5) if episodes else None
    return [
        {"measure": "firm_precision_at_prevalence", "method": "qxmonitor", "noise": "all", "value": value,
         "lo": round(float(low), 5), "hi": round(float(high), 5), "episodes": int(episodes)}
    ]  # fmt: skip
