"""What a rule is worth: its levels month by month against the cases it should have told.

An alert is a run of months with a level; months that were not judged do not break it. It is true when it touches the
window of a case of its entity, from ``lead`` months before the case begins to ``within`` months after it ends. A case
is caught when an alert stands at some time from ``lead`` before to ``within`` after its beginning, and its delay is
counted from the beginning, below zero when told before. Cases in whose window nothing was judged do not count.

Where people verified alerts, what they found decides an alert that shares a month with one they looked at, or failing
that lies in the window around one, as wide as a case's; true before false, false before explained. Unless the cases are
known whole, an alert that touches none is unverified: it stays outside precision, and its months are no quiet ones.
Explained is not true: somebody was asked for nothing.

Noise-to-signal is the share of quiet months with an alert over the share of case months with one (Kaminsky, Lizondo &
Reinhart 1998). Intervals are from entities drawn again with replacement; of shares over fewer than :data:`FEW` they
reach at least as far as Wilson's, since a handful that are all true would otherwise vary by nothing. Matched curves ask
at what share of quiet months a mark on the measure would cry, and how many cases it would catch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import pandas as pd

Levels = npt.NDArray[np.int8]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int64]

DRAWS = 500
"""Bootstrap samples."""
FEW = 30
"""Alerts or cases below which an interval is at least Wilson's."""
_COUNTS = (
    "alerts", "true_alerts", "cases", "caught", "delays", "false_alerts", "quiet", "false_winter", "quiet_winter",
    "quiet_alarmed", "case_months", "case_alarmed", "verified", "explained", "unverified", "unverified_months",
    "unjudged",
)  # fmt: skip


@dataclass(frozen=True)
class Cases:
    """c cases: row of the entity, first month and last month as columns."""

    entity: Counts
    start: Counts
    end: Counts


def located(stretches: pd.DataFrame, place: Mapping[str, int]) -> Cases:
    """Stretches (entity, start, end), the entities in the rows that ``place`` gives."""
    entity = np.asarray(stretches["entity"].map(dict(place)), dtype=np.int64)
    start, end = (np.asarray(stretches[name], dtype=np.int64) for name in ("start", "end"))
    return Cases(entity, start, end)


@dataclass(frozen=True)
class Verified:
    """What people found out about alerts: the months each finding speaks of.

    ``besides``: what makes an alert true that is no case of the rule. ``whole``: the cases are known without them, so
    that an alert that touches nothing is false.
    """

    true: Cases
    besides: Cases
    false: Cases
    explained: Cases
    whole: bool


@dataclass(frozen=True)
class Card:
    """Figures of one rule; each with the ends of its 95 % interval under ``<name>_lo`` and ``<name>_hi``."""

    figures: dict[str, float | int | None]


def tally(
    level: Levels, cases: Cases, winter: Bools, *, lead: int, within: int, besides: Cases | None = None,
    verified: Verified | None = None,
) -> Floats:  # fmt: skip
    """Sums behind a scorecard per entity, ``(k, len(_COUNTS))``; they add up over entities and watches.

    Args:
        level: ``(k, m)`` −1 where not judged.
        cases: what should have been told.
        winter: ``(m,)`` January to March.
        lead: months before a case that already count for it.
        within: months after its beginning by which it must be told.
        besides: what makes an alert true without being a case.
        verified: what people found out; its true ones that are cases stand among ``cases`` as well.
    """
    judged, alarm = level >= 0, level >= 1
    begins, ends = _runs(judged, alarm)
    months = np.arange(level.shape[1])

    def near_to(*some: Cases, wide: bool = True) -> Bools:
        before, after = (lead, within) if wide else (0, 0)
        return np.asarray(
            np.any([_window(level.shape, one, one.start - before, one.end + after) for one in some], axis=0)
        )

    def touching(marks: Bools) -> Bools:
        found = np.zeros(level.shape, dtype=bool)
        found[ends.entity, ends.start] = _any(marks, ends.entity, ends.start, ends.end)
        return found

    around = near_to(cases) if besides is None else near_to(cases, besides)
    true = touching(around)
    right, wrong, explained, beside, unverified = (np.zeros(level.shape, dtype=bool) for _ in range(5))
    if verified is not None:
        around |= near_to(verified.true, verified.besides)
        for wide in (False, True):
            sides = (verified.true, verified.false, verified.explained)
            true_, false_, known = (touching(near_to(one, wide=wide)) for one in sides)
            fresh = begins & ~(right | wrong | explained)
            right |= fresh & true_
            wrong |= fresh & false_ & ~true_
            explained |= fresh & known & ~false_ & ~true_
        beside = touching(near_to(verified.besides)) & ~(right | wrong | explained)
        true = right | beside | (true & ~(wrong | explained))
        unverified = begins & ~(true | wrong | explained) & (not verified.whole)
    unsure = _during(level.shape, ends, unverified) & alarm
    near = (months >= (cases.start - lead)[:, None]) & (months <= (cases.start + within)[:, None])
    countable = (near & judged[cases.entity]).any(axis=1)
    told = near & alarm[cases.entity]
    caught = told.any(axis=1) & countable
    delay = np.where(caught, told.argmax(axis=1) - cases.start, 0)
    quiet = judged & ~around & ~unsure
    false = begins & ~true & ~unverified
    out = np.zeros((len(level), len(_COUNTS)))
    per_case = {"cases": countable, "caught": caught, "delays": delay, "unjudged": ~countable}
    per_month = {
        "alerts": begins, "true_alerts": true, "false_alerts": false, "quiet": quiet, "false_winter": false & winter,
        "quiet_winter": quiet & winter, "quiet_alarmed": quiet & alarm, "case_months": judged & around,
        "case_alarmed": alarm & around, "verified": right | wrong | explained | beside, "explained": explained,
        "unverified": unverified, "unverified_months": unsure,
    }  # fmt: skip
    for place, name in enumerate(_COUNTS):
        if name in per_case:
            np.add.at(out[:, place], cases.entity, per_case[name].astype(np.float64))
        else:
            out[:, place] = per_month[name].sum(axis=1)
    return out


def _runs(judged: Bools, alarm: Bools) -> tuple[Bools, Cases]:
    """Where alerts begin, and each alert's first and last alarmed month; unjudged months do not break one."""
    standing = np.zeros(len(alarm), dtype=bool)
    begins = np.zeros(alarm.shape, dtype=bool)
    for month in range(alarm.shape[1]):
        begins[:, month] = alarm[:, month] & ~standing
        standing = np.where(judged[:, month], alarm[:, month], standing)
    entity, start = np.nonzero(begins)
    number = begins.cumsum(axis=1) - 1 + np.concatenate([[0], begins.sum(axis=1).cumsum()[:-1]])[:, None]
    row, column = np.nonzero(alarm)
    end = np.zeros(len(entity), dtype=np.int64)
    np.maximum.at(end, number[row, column], column)
    return begins, Cases(entity.astype(np.int64), start.astype(np.int64), end)


def _during(shape: tuple[int, ...], alerts: Cases, chosen: Bools) -> Bools:
    """Months from first to last of the alerts that begin where ``chosen`` says."""
    mine = chosen[alerts.entity, alerts.start]
    some = Cases(alerts.entity[mine], alerts.start[mine], alerts.end[mine])
    return _window(shape, some, some.start, some.end)


def _window(shape: tuple[int, ...], cases: Cases, first: Counts, last: Counts) -> Bools:
    """Months inside the window of any case of the entity, ``(k, m)``."""
    edges = np.zeros((shape[0], shape[1] + 1), dtype=np.int64)
    np.add.at(edges, (cases.entity, np.clip(first, 0, shape[1])), 1)
    np.add.at(edges, (cases.entity, np.clip(last + 1, 0, shape[1])), -1)
    return np.asarray(edges[:, :-1].cumsum(axis=1) > 0)


def _any(marks: Bools, entity: Counts, first: Counts, last: Counts) -> Bools:
    """Whether any month from first to last is marked, per alert."""
    total = np.concatenate([np.zeros((len(marks), 1), dtype=np.int64), marks.cumsum(axis=1)], axis=1)
    return np.asarray(total[entity, last + 1] > total[entity, first])


def card(tallies: Floats, months: int, seed: int = 0) -> Card:
    """A scorecard from the tallies of all entities.

    Args:
        tallies: ``(k, counts)`` of :func:`tally`, of all watches one below the other.
        months: how many months were replayed.
        seed: of the bootstrap.
    """
    weights = np.random.default_rng(seed).multinomial(max(len(tallies), 1), _even(len(tallies)), size=DRAWS)
    drawn = weights.astype(np.float64) @ tallies if len(tallies) else np.zeros((DRAWS, len(_COUNTS)))
    whole = tallies.sum(axis=0, keepdims=True)
    count = dict(zip(_COUNTS, whole[0].tolist(), strict=True))
    figures: dict[str, float | int | None] = {
        name: int(count[name])
        for name in ("alerts", "true_alerts", "false_alerts", "cases", "caught", "verified", "explained", "unverified",
                     "unjudged")
    }  # fmt: skip
    figures["alerts_a_month"] = round(count["alerts"] / max(months, 1), 3)
    shares = {
        "precision": (count["true_alerts"], count["alerts"] - count["unverified"]),
        "recall": (count["caught"], count["cases"]),
    }
    stated, varied = _ratios(whole), _ratios(drawn)
    for name, value in stated.items():
        sample = varied[name][np.isfinite(varied[name])]
        low, high = np.quantile(sample, [0.025, 0.975]) if sample.size else (np.nan, np.nan)
        if name in shares:
            low, high = _widened(low, high, *shares[name])
        for key, number in ((name, value[0]), (f"{name}_lo", low), (f"{name}_hi", high)):
            figures[key] = round(float(number), 4) if np.isfinite(number) else None
    return Card(figures)


def _widened(low: float, high: float, part: float, of: float) -> tuple[float, float]:
    """The interval, of a share over few at least Wilson's (1927).

    >>> [round(end, 3) for end in _widened(1.0, 1.0, 5, 5)]
    [0.566, 1.0]
    >>> _widened(0.4, 0.5, 45, 100)
    (0.4, 0.5)
    """
    if not 0 < of < FEW:
        return low, high
    z = NormalDist().inv_cdf(0.975)
    middle = (part + z * z / 2) / (of + z * z)
    half = z * math.sqrt(part * (of - part) / of + z * z / 4) / (of + z * z)
    ends = [max(middle - half, 0.0), min(middle + half, 1.0)]
    return float(np.fmin(low, ends[0])), float(np.fmax(high, ends[1]))


def _even(count: int) -> Floats:
    return np.full(max(count, 1), 1.0 / max(count, 1))


def _ratios(sums: Floats) -> dict[str, Floats]:
    of = dict(zip(_COUNTS, sums.T, strict=True))

    def share(top: Floats, bottom: Floats) -> Floats:
        out = np.full(top.shape, np.nan)
        np.divide(top, bottom, out=out, where=bottom > 0)
        return out

    rest = share(of["false_alerts"] - of["false_winter"], of["quiet"] - of["quiet_winter"])
    return {
        "precision": share(of["true_alerts"], of["alerts"] - of["unverified"]),
        "recall": share(of["caught"], of["cases"]),
        "delay": share(of["delays"], of["caught"]),
        "false_share": share(of["false_alerts"], of["quiet"]),
        "false_share_most": share(of["false_alerts"] + of["unverified"], of["quiet"] + of["unverified_months"]),
        "false_share_jan_mar": share(of["false_winter"], of["quiet_winter"]),
        "false_share_rest": rest,
        "noise_to_signal": share(share(of["quiet_alarmed"], of["quiet"]), share(of["case_alarmed"], of["case_months"])),
    }


def curve(
    measure: Floats, judged: Bools, cases: Cases, shares: Floats, *, lead: int, within: int
) -> tuple[Floats, Floats]:
    """Share of cases a plain mark on the measure catches, at given shares of quiet months that it cries in.

    Args:
        measure: ``(k, m)``, the worse the higher.
        judged: ``(k, m)``.
        cases: what should have been told.
        shares: false-alarm rates, ``(s,)``.
        lead: as in :func:`tally`.
        within: likewise.

    Returns:
        Caught shares ``(s,)`` and the marks that go with them.
    """
    quiet = measure[judged & ~_window(measure.shape, cases, cases.start - lead, cases.end + within)]
    months = np.arange(measure.shape[1])
    near = (months >= (cases.start - lead)[:, None]) & (months <= (cases.start + within)[:, None])
    near &= judged[cases.entity]
    worst = np.where(near, measure[cases.entity], -np.inf).max(axis=1, initial=-np.inf)[near.any(axis=1)]
    if not len(quiet) or not len(worst):
        return np.full(len(shares), np.nan), np.full(len(shares), np.nan)
    ordered = np.sort(quiet)[::-1]
    marks = ordered[np.minimum((shares * len(ordered)).astype(np.int64), len(ordered) - 1)]
    return (worst[None, :] > marks[:, None]).mean(axis=1), marks
