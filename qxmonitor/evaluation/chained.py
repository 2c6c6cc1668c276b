"""Scores of what series say of each other: chains whose lead firm falls, and imports that go ahead of output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qxmonitor.evaluation.injected import Sample
from qxmonitor.indicators.smoothing import Flags, Floats
from qxmonitor.signals.detect import chain_evidence, detect, supported
from qxmonitor.signals.detect.judged import THRESHOLD
from qxmonitor.signals.detect.linked import CHAIN_THRESHOLD

_APART = 6
_LATE = 12
"""Months after its beginning in which a chain's alarm still counts as being about it."""


@dataclass(frozen=True)
class Counts:
    """Of one town: chain alarms (episodes), true ones, shocks, shocks found, months these took; firms' likewise."""

    episodes: int
    true: int
    shocks: int
    found: int
    months: float
    firm_episodes: int
    firm_true: int
    plain: tuple[Floats, Floats]
    led: tuple[Floats, Floats]


def count(sample: Sample, own: Floats) -> Counts:
    """Count on a simulated town.

    Args:
        sample: the town.
        own: ``(n, m)`` the shipped detector's evidence.
    """
    town = sample.town
    assert town is not None
    speaks = np.nan_to_num(own, nan=-np.inf) >= THRESHOLD
    loud = chain_evidence(own, speaks, town.chain, town.lead) >= CHAIN_THRESHOLD
    truth = np.zeros(loud.shape, dtype=np.bool_)
    shocks = [event for event in town.events if event.kind == "lead"]
    delays = []
    for event in shocks:
        row = int(town.chain[event.firm])
        truth[row, event.start : event.start + _LATE + 1] = True
        heard = np.flatnonzero(loud[row, event.start : event.start + _LATE + 1])
        delays += [float(heard[0] + 1)] if heard.size else []
    begun = _begins(loud)
    starts, disturbed = _begins(speaks), town.disturbed
    imports = detect(town.imports, sample.festival, sample.january).evidence
    led = supported(own, imports)
    return Counts(
        int(begun.sum()), int((begun & truth).sum()), len(shocks), len(delays), float(sum(delays)),
        int(starts.sum()), int((starts & disturbed).sum()), _events(sample, own), _events(sample, led),
    )  # fmt: skip


def _begins(flags: Flags) -> Flags:
    """Where an alarm begins, with no other of its row in the months before."""
    recent = np.zeros(flags.shape, dtype=np.bool_)
    for back in range(1, min(_APART, flags.shape[1] - 1) + 1):
        recent[:, back:] |= flags[:, :-back]
    return flags & ~recent


def _events(sample: Sample, statistic: Floats) -> tuple[Floats, Floats]:
    """Statistic in quiet months, and the greatest in the first two months of each sustained fall."""
    assert sample.town is not None
    quiet = statistic[sample.quiet]
    first = [
        np.nanmax(np.append(statistic[event.firm, event.start : event.start + 2], -np.inf))
        for event in sample.town.events
        if event.kind in ("fall", "lead", "supplier")
    ]
    return quiet[~np.isnan(quiet)], np.array(first)


def rows(counts: list[Counts]) -> list[dict[str, Any]]:
    """Lines of the result; intervals by bootstrap over towns."""
    table = np.array([(c.episodes, c.true, c.shocks, c.found, c.months, c.firm_episodes, c.firm_true) for c in counts])
    rng = np.random.default_rng(71)
    drawn = table[rng.integers(len(table), size=(2000, len(table)))].sum(axis=1)
    total = table.sum(axis=0)

    def line(measure: str, above: int, below: int, **more: Any) -> dict[str, Any]:
        parts = drawn[:, above] / np.maximum(drawn[:, below], 1)
        low, high = np.quantile(parts, (0.025, 0.975))
        value = round(float(total[above] / total[below]), 5) if total[below] else None
        return {"measure": measure, "method": "qxmonitor", "noise": "all", "value": value,
                "lo": round(float(low), 5), "hi": round(float(high), 5), **more}  # fmt: skip

    made = [
        line("chain_precision", 1, 0, episodes=int(total[0])),
        line("chain_recall", 3, 2, shocks=int(total[2])),
        line("chain_months_taken", 4, 3),
        line("firm_precision_at_prevalence", 6, 5, episodes=int(total[5])),
    ]
    for method, parts in (
        ("qxmonitor", [c.plain for c in counts]),
        ("qxmonitor, imports first", [c.led for c in counts]),
    ):
        quiet, hit = (np.concatenate([p[k] for p in parts]) for k in range(2))
        own = np.concatenate([c.plain[0] for c in counts])
        threshold = np.quantile(quiet, 1 - (own >= THRESHOLD).mean())
        each = np.array([(p[1] >= threshold).sum() for p in parts]), np.array([p[1].size for p in parts])
        picks = rng.integers(len(parts), size=(2000, len(parts)))
        share = each[0][picks].sum(axis=1) / np.maximum(each[1][picks].sum(axis=1), 1)
        low, high = np.quantile(share, (0.025, 0.975))
        made.append({"measure": "caught:planted_falls", "method": method, "noise": "all",
                     "value": round(float((hit >= threshold).mean()), 5), "lo": round(float(low), 5),
                     "hi": round(float(high), 5), "within": 2, "series": int(hit.size)})  # fmt: skip
    return made
