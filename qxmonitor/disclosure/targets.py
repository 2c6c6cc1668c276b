"""Targets of the plan as one reader may see them: where they stand, where they are heading, what it would take.

A target is shown only with the figure it stands on, and what a chain would have to give only with that chain's own;
what the others would have to give is one sum, as the chains' levels are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from qxmonitor.catalog.targets import COUNTED, Target, targets
from qxmonitor.disclosure.cleared import Cleared, seal
from qxmonitor.disclosure.gate import Gate
from qxmonitor.disclosure.rounding import apportion
from qxmonitor.disclosure.values import STATE_TEXT
from qxmonitor.period import Period

REACHED, UNMET, CLOSED, NO_FORECAST = "已达到", "期满未达", "目标期已过", "不作预测"

_POINTS, _LEVEL = "个百分点", "持平"


@dataclass(frozen=True)
class TargetProgress:
    """Progress of one target; ``verdict`` and ``outlook`` are None where nothing can be measured or shown.

    ``over`` says that the goal is to be passed and not only reached. ``spans`` is what the current figure is of,
    ``share`` how much of the goal that is, or how many points away, and ``way`` the share in words (None of a goal in
    %, whose points the verdict says). ``verdict`` says what is missing
    and the pace it takes, ``forecast`` where the forecast ends with both intervals (or that there is none), ``outlook``
    the chance in a word, ``ending`` median and 80 % interval for a table. ``note`` says what stands in for what the
    plan names, where something does.
    """

    name: Cleared
    goal: Cleared
    over: bool
    spans: Cleared
    current: Cleared
    share: Cleared
    way: Cleared | None
    pace: Cleared
    verdict: Cleared | None
    forecast: Cleared | None
    ending: Cleared
    outlook: Cleared | None
    note: Cleared | None


@dataclass(frozen=True)
class ChainNeed:
    """How much more than expected one chain would have to give."""

    name: Cleared
    more: Cleared


@dataclass(frozen=True)
class TargetNeed:
    """What it would take to reach a target: the gap, who would give it, and what nobody can be expected to give."""

    name: Cleared
    gap: Cleared
    chains: tuple[ChainNeed, ...]
    beyond: Cleared | None


def progress(gate: Gate, table: pd.DataFrame, period: Period) -> list[TargetProgress]:
    """Progress of the targets; what stands on a figure not cleared is ``withheld``.

    Args:
        gate: the reader's.
        table: as ``indicators.progress`` gives it.
        period: the month of the underlying figures, for the pattern.
    """
    return [_line(gate, {str(k): v for k, v in row.items()}, period) for row in table.to_dict("records")]


def target_needs(
    gate: Gate, table: pd.DataFrame, shown: pd.DataFrame, period: Period, rest: Cleared
) -> tuple[TargetNeed, ...]:
    """What it would take to reach the targets that are shown and fall short.

    Args:
        gate: the reader's.
        table: as ``indicators.needs`` gives it.
        shown: as ``indicators.progress`` gives it.
        period: the month.
        rest: the name of the chains that are not told one by one.
    """
    found = []
    for row in shown.to_dict("records"):
        target = _target(str(row["target"]))
        mine = table[table["target"] == target.id]
        if len(mine) and _open(gate, target, {str(k): v for k, v in row.items()}, period):
            found.append(_need(gate, target, mine, period, rest))
    return tuple(found)


def _need(gate: Gate, target: Target, rows: pd.DataFrame, period: Period, rest: Cleared) -> TargetNeed:
    assert target.measure is not None
    source, decimals = target.measure.source, _decimals(target)
    gap, beyond = (float(rows[name].iloc[0]) for name in ("gap", "beyond"))
    known = [gate.clear_one(period, target.measure.indicator, "chain", str(e), source) for e in rows["entity"]]
    more = rows["more"].to_numpy(dtype=float)
    named = [
        (gate.entity("chain", str(e)), float(m)) for e, m, ok in zip(rows["entity"], more, known, strict=True) if ok
    ]
    others = float(more[~np.array(known, dtype=bool)].sum())
    parts = [*named, (rest, others)] if others else named
    amounts = apportion([amount for _, amount in parts] + [beyond], decimals, round(gap, decimals))
    ref = f"{period}|target.{target.id}|need"

    def amount(value: float) -> Cleared:
        return gate.number(value, decimals, target.unit, source, ref)

    chains = tuple(ChainNeed(name, amount(value)) for (name, _), value in zip(parts, amounts, strict=False) if value)
    return TargetNeed(gate.word(target, "name"), amount(gap), chains, amount(amounts[-1]) if amounts[-1] else None)


def _open(gate: Gate, target: Target, row: Mapping[str, Any], period: Period) -> bool:
    """Whether the target's own figure is there, and may be shown to the reader."""
    return _state(gate, target, row, period) == "value" and bool(np.isfinite(float(row["current"])))


def _state(gate: Gate, target: Target, row: Mapping[str, Any], period: Period) -> str:
    if target.measure is None:
        return "unknown"
    place = (target.measure.indicator, str(row["entity_kind"]), str(row["entity"]), str(row["source"]))
    return str(row["state"]) if gate.clear_one(period, *place) else "withheld"


def _line(gate: Gate, row: Mapping[str, Any], period: Period) -> TargetProgress:
    target = _target(str(row["target"]))
    source = str(row["source"] or "office") if target.measure else "office"
    ref = f"{period}|target.{target.id}|{row['entity_kind']}|{row['entity']}|{source}"
    state, open_ = _state(gate, target, row, period), _open(gate, target, row, period)
    decimals = _decimals(target)

    def say(text: str, part: str) -> Cleared:
        return seal(text, reader=gate.reader, source=source, ref=f"{ref}|{part}")

    def figure(name: str, multiply: float, unit: str, digits: int) -> Cleared:
        value = row[name]
        if state == "value" and value is not None and np.isfinite(value):
            return gate.number(float(value) * multiply, digits, unit, source, f"{ref}|{name}")
        shown = state if state in STATE_TEXT and state not in ("late", "failed") else "unknown"
        return seal(STATE_TEXT[shown], reader=gate.reader, source=source, ref=f"{ref}|{name}", state=shown)

    over = not int(row["months_left"])
    closed = target.basis == "january" and period > target.end
    known = open_ and not over and bool(np.isfinite(float(row["expected"])))
    met = open_ and bool(row["met"])
    pace = figure("pace_required", 1.0, target.unit, 2)
    if open_ and over and not met and not closed:
        pace = seal("期满", reader=gate.reader, source=source, ref=f"{ref}|pace_required", state="unknown")
    ending = figure("expected", 1.0, target.unit, decimals)
    if known:
        low, high = (f"{float(row[name]):.{decimals}f}" for name in ("low80", "high80"))
        ending = say(f"{ending.text}（{low}至{high}）", "ending")
    return TargetProgress(
        name=gate.word(target, "name"),
        goal=gate.number(target.goal, 0, target.unit, "office", f"Target.{target.id}"),
        over=target.relation == "over",
        spans=say(
            f"{'' if period.month == 1 else '1—'}{period.month}月累计" if target.basis == "january" else "目前", "spans"
        ),
        current=figure("current", 1.0, target.unit, decimals),
        share=say(_away(row, decimals).removesuffix(_POINTS), "points")
        if open_ and target.in_points
        else figure("share", 100.0, "%", 1),
        way=say(_way(target, row, period), "share") if open_ and np.isfinite(float(row["share"])) else None,
        pace=pace,
        verdict=say(_verdict(target, row, period, decimals), "verdict") if open_ else None,
        forecast=say(_forecast(target, row, decimals), "forecast") if open_ and not over else None,
        ending=ending,
        outlook=say(CLOSED if closed else _outlook(row, known, met, over), "outlook") if open_ else None,
        note=gate.word(target, "note") if target.note and target.measure is not None and target.measure.proxy else None,
    )


def _away(row: Mapping[str, Any], decimals: int) -> str:
    """How far a figure in % is from its goal, in points."""
    points = round(float(row["points"]), decimals)
    return f"{'高' if points > 0 else '低'}{abs(points):.{decimals}f}{_POINTS}" if points else _LEVEL


def _way(target: Target, row: Mapping[str, Any], period: Period) -> str:
    """The share of the goal; of a year's goal beside the share of the year that is gone."""
    share = f"{float(row['share']) * 100.0:.1f}%"
    if target.basis != "january":
        return f"为目标的{share}"
    gone, year = f"{float(row['elapsed']) * 100.0:.1f}%", target.end[:4]
    if year == str(period)[:4]:
        return f"为全年目标的{share}，时间进度{gone}"
    return f"相当于{year}年全年目标的{share}，本年时间进度{gone}"


def _verdict(target: Target, row: Mapping[str, Any], period: Period, decimals: int) -> str:
    """What can honestly be said of a target: reached, out of time, or what is missing and the pace it takes."""
    if target.basis == "january" and target.end[:4] != str(period)[:4]:
        year = f"目标为{target.end[:4]}年全年数"
        return f"{CLOSED}，{year}" if period > target.end else year
    if bool(row["met"]):
        away = _away(row, decimals)
        said = "与目标持平" if away == _LEVEL else f"比目标{away}"
        return f"{REACHED}，{said}" if target.in_points else REACHED
    gap = round(target.least - round(float(row["current"]), decimals), decimals)
    unit = _POINTS if target.in_points else target.unit
    short = "尚未超过目标值" if target.relation == "over" else "尚未达到目标值"
    missing = f"还差{gap:.{decimals}f}{unit}" if gap > 0 else short
    if not int(row["months_left"]):
        return f"{'目标期届满' if period == target.end else '目标期已过'}，{missing}"
    if not np.isfinite(float(row["pace_required"])):
        return missing
    verb = "提高" if target.in_points else "增加"
    return f"{missing}，需月均{verb}{float(row['pace_required']):.2f}{unit}"


def _forecast(target: Target, row: Mapping[str, Any], decimals: int) -> str:
    """Where the forecast ends, with both intervals."""
    if not np.isfinite(float(row["expected"])):
        return "历史数据不足，不作预测"
    ends = {name: f"{float(row[name]):.{decimals}f}" for name in ("expected", "low80", "high80", "low95", "high95")}
    sides = "，".join(f"{level}%区间{ends[f'low{level}']}至{ends[f'high{level}']}" for level in (80, 95))
    return f"按走势预测期末为{ends['expected']}{target.unit}（{sides}），{row['outlook']}"


def _outlook(row: Mapping[str, Any], known: bool, met: bool, over: bool) -> str:
    if met or over:
        return REACHED if met else UNMET
    return str(row["outlook"]) if known else NO_FORECAST


def _decimals(target: Target) -> int:
    return 0 if target.unit in COUNTED else 1


def _target(key: str) -> Target:
    return {entry.id: entry for entry in targets().targets}[key]
