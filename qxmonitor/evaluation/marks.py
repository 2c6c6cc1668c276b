"""What a mark on the p value costs and brings: 产值下降 at several marks, on simulated towns at the fixed prevalence.

An alert is an episode as the fold makes them: from the first month in which a shift stands to two quiet verdicts in a
row. It is true when it stands in a month of an event of its firm. False discovery is that of Benjamini and Hochberg at
the declared rate over all judgements of a month, as a reader's mail applies it; in towns without events every
discovery is false, so that there the share of months with any is held against the rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qxmonitor.catalog.alerting import alerting
from qxmonitor.catalog.rules import Rule, Watch, rules
from qxmonitor.indicators.smoothing import Flags, Floats
from qxmonitor.signals.detect.judged import blocks, festival_shares, look
from qxmonitor.signals.detect.told import Told
from qxmonitor.signals.expectation import told
from qxmonitor.signals.triage import doubtful
from qxmonitor.simulate.series import JUDGED_FROM, Series, simulate

MARKS = (0.01, 0.005, 0.002, 0.001, 0.0005, 0.0002, 0.0001)
_WITHIN = {"fall": 2, "lead": 2, "supplier": 3, "drift": 12}
"""Months from its beginning in which an event of a kind counts as caught."""
Row = dict[str, Any]


@dataclass(frozen=True)
class _Town:
    """A town as its returns say it: February for both months where a firm reports so."""

    truth: Series
    values: Floats
    merged: Flags

    @classmethod
    def of(cls, firms: int, months: int, seed: int, *, events: bool) -> _Town:
        truth = simulate(firms, months, seed, events=events)
        merged = truth.merged[:, None] & np.array([p.month == 2 for p in truth.axis])
        return cls(truth, np.where(merged, 2 * truth.values, truth.values), merged)

    def told(self, rule: Rule, watch: Watch) -> Told:
        return told(rule, watch, self.values, self.truth.axis, self.merged)


def score(firms: int, months: int, seeds: range, quiet_seeds: range | None = None) -> list[Row]:
    """The table of marks, and false discovery at the declared rate.

    Args:
        firms: firms a town.
        months: months a town, at least 36.
        seeds: one town each.
        quiet_seeds: one town without events each; by default the same.

    Returns:
        Rows measure, mark, value, lo, hi (95 %, towns drawn again).
    """
    shipped = rules().rule("output_drop")
    watch = shipped.watching("firm", "returns")
    towns = [_Town.of(firms, months, seed, events=True) for seed in seeds]
    rows = []
    for mark in MARKS:
        rule = shipped.model_copy(update={"mark": mark})
        rows += _rows(mark, np.array([_counts(town, town.told(rule, watch), months) for town in towns]), months)
    discoveries = np.array([_discoveries(town, town.told(shipped, watch)) for town in towns])
    quiet = (_Town.of(firms, months, seed, events=False) for seed in quiet_seeds or seeds)
    null = np.array([_discoveries(town, town.told(shipped, watch)) for town in quiet])
    rate = alerting().false_discovery
    rows += [
        _row("false_discovery", rate, discoveries[:, 0], discoveries[:, 1]),
        _row("false_discovery_no_events", rate, null[:, 0], null[:, 1]),
    ]
    return rows


def quiet_evidence(firms: int, months: int, seeds: range) -> Floats:
    """Evidence of all judged months of towns without events, everybody reporting January with February."""
    found = []
    for seed in seeds:
        truth = simulate(firms, months, seed, events=False)
        february = np.array([p.month == 2 for p in truth.axis])
        before = np.concatenate([np.full((firms, 1), np.nan), truth.quiet[:, :-1]], axis=1)
        both = np.where(truth.merged[:, None], 2 * truth.quiet, before + truth.quiet)
        values = np.where(february, both, np.where([p.month == 1 for p in truth.axis], np.nan, truth.quiet))
        flags, january = np.broadcast_to(february, values.shape), 1 - truth.axis[0].month
        for series, share in blocks(values, festival_shares(truth.axis), january, flags):
            evidence = look(series, share, january).evidence
            found.append(evidence[~np.isnan(evidence)])
    return np.concatenate(found)


def _counts(town: _Town, said: Told, months: int) -> list[float]:
    """Episodes, true ones, false beginnings, quiet months; then caught and counted by kind of event."""
    stands = said.stands & (town.values > 0)
    stands[:, :JUDGED_FROM] = False
    begins, number = _episodes(stands, said.judged)
    inside = np.zeros(stands.shape, dtype=bool)
    for event in town.truth.events:
        inside[event.firm, event.start : event.end + 1] = True
    true = np.unique(number[stands & inside]).size
    quiet = said.judged & ~town.truth.disturbed
    quiet[:, :JUDGED_FROM] = False
    out = [float(begins.sum()), float(true), float((begins & quiet).sum()), float(quiet.sum())]
    for kind, within in _WITHIN.items():
        mine = [e for e in town.truth.events if e.kind == kind]
        spans = [(e.firm, slice(e.start, min(e.start + within, e.end + 1, months))) for e in mine]
        out += [
            float(sum(stands[firm, span].any() for firm, span in spans)),
            float(sum(said.judged[firm, span].any() for firm, span in spans)),
        ]
    return out


def _episodes(stands: Flags, judged: Flags) -> tuple[Flags, np.ndarray[Any, np.dtype[np.int64]]]:
    """Where an episode begins, and its number in each month of it: one ends with two quiet verdicts in a row."""
    begins, number = np.zeros(stands.shape, dtype=bool), np.full(stands.shape, -1, dtype=np.int64)
    open_, quiet, count = (np.zeros(len(stands), dtype=np.int64) for _ in range(3))
    for t in range(stands.shape[1]):
        here = stands[:, t]
        begins[:, t] = here & (open_ == 0)
        count += begins[:, t]
        quiet = np.where(here, 0, np.where(judged[:, t], quiet + 1, quiet))
        open_ = np.where(here, 1, np.where(quiet >= 2, 0, open_))
        number[:, t] = np.where(here, np.arange(len(stands)) * stands.shape[1] + count, -1)
    return begins, number


def _discoveries(town: _Town, said: Told) -> tuple[float, float]:
    """Sum over months of the share of discoveries that are false, and the months."""
    total = 0.0
    for t in range(JUDGED_FROM, said.p.shape[1]):
        p, judged = said.p[:, t], said.judged[:, t] & (town.values[:, t] > 0)
        found = judged & ~doubtful(np.where(judged, p, np.nan), int(judged.sum()), alerting().false_discovery)
        total += float((found & ~town.truth.disturbed[:, t]).sum() / max(found.sum(), 1))
    return total, float(said.p.shape[1] - JUDGED_FROM)


def _rows(mark: float, table: Floats, months: int) -> list[Row]:
    ones = np.full(len(table), float(months - JUDGED_FROM))
    pairs = [("episodes_a_month", table[:, 0], ones), ("precision", table[:, 1], table[:, 0]),
             ("false_alarms", table[:, 2], table[:, 3])]  # fmt: skip
    pairs += [(f"caught:{kind}", table[:, 4 + 2 * k], table[:, 5 + 2 * k]) for k, kind in enumerate(_WITHIN)]
    return [_row(name, mark, above, below) for name, above, below in pairs]


def _row(measure: str, mark: float, above: Floats, below: Floats) -> Row:
    """A ratio of sums; its interval from towns drawn again."""
    picks = np.random.default_rng(73).integers(len(above), size=(2000, len(above)))
    drawn = above[picks].sum(axis=1) / np.maximum(below[picks].sum(axis=1), 1e-9)
    low, high = np.quantile(drawn, (0.025, 0.975))
    value = float(above.sum() / below.sum()) if below.sum() else None
    shown = None if value is None else round(value, 5)
    return {"measure": measure, "mark": mark, "value": shown, "lo": round(float(low), 5), "hi": round(float(high), 5)}
