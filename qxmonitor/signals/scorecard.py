"""What a rule is worth: its levels month by month against the cases it should have told.

An alert is a run of months with a level; months that were not judged do not break it. It is true when it touches the
window of a case of its entity, from ``lead`` months before the case begins to ``within`` months after it ends. A case
is caught when an alert stands at some time from ``lead`` before to ``within`` after its beginning, and its delay is
counted from the beginning, below zero when told before. Cases in whose window nothing was judged do not count.
Noise-to-signal is the share of quiet months with an alert over the share of case months with one (Kaminsky, Lizondo &
Reinhart 1998). Intervals are from entities drawn again with replacement; matched curves ask at what share of quiet
months a mark on the measure would cry, and how many cases it would catch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Levels = npt.NDArray[np.int8]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int64]

DRAWS = 500
"""Bootstrap samples."""
_COUNTS = (
    "alerts", "true_alerts", "cases", "caught", "delays", "false_alerts", "quiet", "false_winter", "quiet_winter",
    "quiet_alarmed", "case_months", "case_alarmed",
)  # fmt: skip


@dataclass(frozen=True)
class Cases:
    """c cases: row of the entity, first month and last month as columns."""

    entity: Counts
    start: Counts
    end: Counts


@dataclass(frozen=True)
class Card:
    """Figures of one rule; each with the ends of its 95 % interval under ``<name>_lo`` and ``<name>_hi``."""

    figures: dict[str, float | int | None]


def tally(
    level: Levels, cases: Cases, winter: Bools, *, lead: int, within: int, besides: Cases | None = None
) -> Floats:  # fmt: skip
    """Sums behind a scorecard per entity, ``(k, len(_COUNTS))``; they add up over entities and watches.

    Args:
        level: ``(k, m)`` −1 where not judged.
        cases: what should have been told.
        winter: ``(m,)`` January to March.
        lead: months before a case that already count for it.
        within: months after its beginning by which it must be told.
        besides: what makes an alert true without being a case.
    """
    judged, alarm = level >= 0, level >= 1
    begins, ends = _runs(judged, alarm)
    months = np.arange(level.shape[1])
    around = _window(level.shape, cases, cases.start - lead, cases.end + within)
    if besides is not None:
        around |= _window(level.shape, besides, besides.start - lead, besides.end + within)
    touched = np.zeros(level.shape, dtype=bool)
    touched[ends.entity, ends.start] = _any(around, ends.entity, ends.start, ends.end)
    near = (months >= (cases.start - lead)[:, None]) & (months <= (cases.start + within)[:, None])
    countable = (near & judged[cases.entity]).any(axis=1)
    told = near & alarm[cases.entity]
    caught = told.any(axis=1) & countable
    delay = np.where(caught, told.argmax(axis=1) - cases.start, 0)
    quiet = judged & ~around
    false = begins & ~touched
    out = np.zeros((len(level), len(_COUNTS)))
    per_case = {"cases": countable, "caught": caught, "delays": delay}
    per_month = {
        "alerts": begins, "true_alerts": touched, "false_alerts": false, "quiet": quiet, "false_winter": false & winter,
        "quiet_winter": quiet & winter, "quiet_alarmed": quiet & alarm, "case_months": judged & around,
        "case_alarmed": alarm & around,
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
    figures: dict[str, float | int | None] = {
        name: int(whole[0, _COUNTS.index(name)]) for name in ("alerts", "true_alerts", "cases", "caught")
    }
    figures["alerts_a_month"] = round(float(whole[0, 0]) / max(months, 1), 3)
    stated, varied = _ratios(whole), _ratios(drawn)
    for name, value in stated.items():
        sample = varied[name][np.isfinite(varied[name])]
        low, high = np.quantile(sample, [0.025, 0.975]) if sample.size else (np.nan, np.nan)
        for key, number in ((name, value[0]), (f"{name}_lo", low), (f"{name}_hi", high)):
            figures[key] = round(float(number), 4) if np.isfinite(number) else None
    return Card(figures)


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
        "precision": share(of["true_alerts"], of["alerts"]),
        "recall": share(of["caught"], of["cases"]),
        "delay": share(of["delays"], of["caught"]),
        "false_share": share(of["false_alerts"], of["quiet"]),
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
