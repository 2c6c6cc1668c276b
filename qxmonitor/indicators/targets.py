"""The plan's targets: where they stand, the pace required, where the forecast ends, and what would have to happen."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from qxmonitor.calendar import DatumState
from qxmonitor.catalog.indicators import indicators
from qxmonitor.catalog.targets import Target, targets
from qxmonitor.indicators.engine import Engine
from qxmonitor.indicators.outlook import (
    Ending,
    apportion,
    ending,
    ending_growth,
    ending_year,
    single_months,
    year_change,
)
from qxmonitor.indicators.view import Floats, View
from qxmonitor.panel import Panel
from qxmonitor.period import Period

PROGRESS_COLUMNS = [
    "target", "name", "clause", "unit", "relation", "goal", "baseline", "indicator", "entity_kind", "entity",
    "source", "proxy", "basis", "state", "current", "share", "points", "met", "elapsed",
    "months_left", "pace_required", "pace_recent", "expected", "low80", "high80", "low95", "high95", "chance",
    "outlook", "coverage", "groups", "top2", "hidden_groups", "note",
]  # fmt: skip
"""Columns of :func:`progress`. current, goal, expected and the intervals' ends in ``unit``; share, elapsed and chance
fractions; points of 100; paces in unit a month; basis and outlook words of ``catalog.targets``."""

NEED_COLUMNS = ["target", "entity_kind", "entity", "expected", "room", "more", "gap", "beyond"]
"""Columns of :func:`needs`, in the target's unit: what a chain is expected at, how far the upper end of its 95 %
interval is above that, how much more it would have to give; gap is the target's, beyond what nobody can be expected
to give."""


def progress(panel: Panel, period: Period) -> pd.DataFrame:
    """Every target of the plan at one month, in catalogue order; one without a feed has state ``expected-absent``.

    * share = current ÷ goal, or (current − baseline) ÷ (goal − baseline) where the office entered a baseline; none of a
      goal in %, which is points = current − goal away instead;
    * a sum since January is held against the goal of the target's last year: it is met or not in that year only, has a
      share up to its end, and elapsed is of the year;
    * elapsed = months gone ÷ months of the target, 0 before it starts, 1 after it ends;
    * pace_required = what is missing ÷ months left, 0 once met, NaN once time is over, and for a sum since January
      outside its year;
    * pace_recent = change over the last twelve months ÷ 12 where both are known; none for a sum since January;
    * expected, low80 … high95 = the forecast of its end, chance = of reaching the goal by then (NaN without a
      forecast), outlook = that in a word (None likewise).

    Returns:
        :data:`PROGRESS_COLUMNS`; source, groups, top2 and hidden_groups are the underlying figure's, for the gate.
    """
    period = Period(period)
    engine = _engine(panel, period)
    rows = [told(engine, target, period) for target in targets().targets]
    return pd.DataFrame(rows, columns=PROGRESS_COLUMNS)


def told(engine: Engine | None, target: Target, period: Period) -> dict[str, Any]:
    """One target's row of :func:`progress`; the engine sees the months up to the period, None without firms."""
    row, words = _row(engine, target, period), targets().outlook
    level, entity = _place(engine, target)
    end = _ending(engine, target, level, (entity,), int(row["months_left"]))
    chance = end.chance(target.least)
    row |= {"expected": float(end.expected[0]), "chance": chance}
    row |= {f"low{share}": float(low[0]) for share, low in end.low.items()}
    row |= {f"high{share}": float(high[0]) for share, high in end.high.items()}
    row["outlook"] = None if math.isnan(chance) else words.words[words.key(chance)]
    return row


def needs(panel: Panel, period: Period) -> pd.DataFrame:
    """Which chains would have to give how much more than expected, for targets that are sums and fall short.

    The gap is the goal less the target's own forecast; :func:`~qxmonitor.indicators.outlook.apportion` shares it out
    among the chains. A target of one chain asks that chain alone; one of an industry asks nobody, since chains cut
    across it.

    Returns:
        :data:`NEED_COLUMNS`, in the targets' order, the chain that gives most first.
    """
    period = Period(period)
    engine, frames = _engine(panel, period), []
    for target, row in zip(targets().targets, progress(panel, period).to_dict("records"), strict=True):
        measure, gap = target.measure, target.goal - float(row["expected"])
        if engine is None or measure is None or measure.industry or not gap > 0 or not _is_sum(target):
            continue
        entities = engine.entities("chain") if measure.chain is None else (_chain(engine, target),)
        ends = _ending(engine, target, "chain", entities, int(row["months_left"]))
        recent = year_change(_series(engine, target, "chain", entities))
        room = np.maximum(ends.high[95] - ends.expected, 0.0)
        more, beyond = apportion(gap, recent, room)
        frame = pd.DataFrame(
            {
                "target": target.id, "entity_kind": "chain", "entity": entities, "expected": ends.expected,
                "room": room, "more": more, "gap": gap, "beyond": beyond,
            }
        )  # fmt: skip
        frames.append(frame[frame["expected"].notna()].sort_values(["more", "entity"], ascending=[False, True]))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=NEED_COLUMNS)


def target_rows(engine: Engine) -> pd.DataFrame:
    """``target.<id>`` rows for the months asked, with the underlying figure's gate data.

    The value is the share of the way; of a goal in % the points it is away, as a fraction.
    """
    rows = []
    for target in targets().targets:
        if target.measure is None:
            continue
        for column, period in enumerate(engine.view.periods):
            figure = _figure(engine, target, column)
            current = figure["value"] / target.per
            share = _share(target, current, period)
            away, state = (current - target.goal) / 100.0 if target.in_points else share, figure["state"]
            if np.isfinite(current) and not np.isfinite(away):  # a year's sum after the goal's year
                state = DatumState.EXPECTED_ABSENT.word
            rows.append(
                {
                    "period": str(period), "indicator": f"target.{target.id}", "entity_kind": "town", "entity": "town",
                    "source": target.measure.source, "value": away, "state": state,
                    **{name: figure[name] for name in ("coverage", "groups", "top2", "hidden_groups")},
                }
            )  # fmt: skip
    columns = ["period", "indicator", "entity_kind", "entity", "source", "value", "state", "coverage", "groups", "top2",
               "hidden_groups"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _engine(panel: Panel, period: Period) -> Engine | None:
    """All months of the panel up to the one asked; None without firms."""
    view = View(panel, [month for month in panel.months if month <= period])
    return Engine(view) if view.n else None


def _is_sum(target: Target) -> bool:
    """Whether a target's measure is an amount that adds up over a year, and over chains."""
    return target.measure is not None and indicators().indicator(target.measure.indicator).unit == "千元"


def _ending(engine: Engine | None, target: Target, level: str, entities: tuple[str, ...], left: int) -> Ending:
    """The forecast of a target's measure at its end, for some entities of a level."""
    if engine is None or target.measure is None:
        return ending(np.empty((len(entities), 0)), 0)
    values = _series(engine, target, level, entities)
    if _is_sum(target):
        return ending_year(engine.view.periods, values, left)
    if target.basis == "growth":
        return ending_growth(values, left, 1.0 / target.per)
    return ending(values, left)


def _series(engine: Engine, target: Target, level: str, entities: tuple[str, ...]) -> Floats:
    """A target's measure up to now, (k, m) in its unit: single months of amounts; NaN for unknown entities.

    Single months are worked out firm by firm, so that one that is late takes no more than its own month away.
    """
    assert target.measure is not None
    indicator, source = target.measure.indicator, target.measure.source
    key = f"{indicator.removesuffix('_ttm')}_ytd" if indicator.endswith("_ttm") else indicator
    entry = indicators().indicator(key)
    use = next(u for u in entry.sources if u.source == source)
    values = engine.figures(entry, use, level).value
    if _is_sum(target):
        grouping = engine.groupings[level]
        single = single_months(engine.view.periods, engine.parts(key, source).numerator)
        values = np.where(np.isfinite(values), grouping.by_entity(grouping.by_group(single)), np.nan)
        values[:, ~np.isfinite(single).any(axis=0)] = np.nan
    out = np.full((len(entities), len(engine.view.periods)), np.nan)
    known = engine.entities(level)
    for at, entity in enumerate(entities):
        if entity in known:
            out[at] = values[known.index(entity)] / target.per
    return out


def _row(engine: Engine | None, target: Target, period: Period) -> dict[str, Any]:
    figure, past = dict(_NOTHING), math.nan
    yearly = target.basis == "january"
    if engine is not None and target.measure is not None:
        figure = _figure(engine, target, -1)
        has_before = len(engine.view.periods) > 12 and not yearly
        past = _figure(engine, target, -13)["value"] / target.per if has_before else math.nan
    current = figure["value"] / target.per
    start, end = Period(target.start).ordinal, Period(target.end).ordinal
    gone, whole = (period.month, 12) if yearly else (period.ordinal - start + 1, end - start + 1)
    left = end - period.ordinal
    its_year = not yearly or target.end[:4] == period[:4]
    reached = current > target.goal if target.relation == "over" else current >= target.goal
    met = None if math.isnan(current) or not its_year else reached
    missing = max(target.least - current, 0.0) if not math.isnan(current) else math.nan
    required = 0.0 if met else missing / left if left > 0 and its_year else math.nan
    recent = (current - past) / 12.0
    measure = target.measure
    kind, entity = _place(engine, target)
    return {
        **{name: getattr(target, name) for name in ("name", "clause", "unit", "relation", "goal", "baseline", "note")},
        "target": target.id, "indicator": measure.indicator if measure else None, "entity_kind": kind, "entity": entity,
        "source": measure.source if measure else None, "proxy": measure.proxy if measure else None,
        "basis": target.basis, "state": figure["state"], "current": current,
        "share": _share(target, current, period), "points": current - target.goal if target.in_points else math.nan,
        "met": met,
        "elapsed": min(max(gone / whole, 0.0), 1.0), "months_left": max(left, 0), "pace_required": required,
        "pace_recent": recent,
        **{name: figure[name] for name in ("coverage", "groups", "top2", "hidden_groups")},
    }  # fmt: skip


_NOTHING: dict[str, Any] = {
    "value": math.nan, "state": DatumState.EXPECTED_ABSENT.word, "coverage": math.nan, "groups": 0, "top2": math.nan,
    "hidden_groups": 0,
}  # fmt: skip


def _figure(engine: Engine, target: Target, column: int) -> dict[str, Any]:
    """The underlying figure of a target in one asked month; nothing where its chain has no firms."""
    measure = target.measure
    assert measure is not None
    level, entity = _place(engine, target)
    if entity not in engine.entities(level):
        return _NOTHING
    entry = indicators().indicator(measure.indicator)
    use = next(u for u in entry.sources if u.source == measure.source)
    figures = engine.figures(entry, use, level)
    row = engine.entities(level).index(entity)
    return {
        "value": float(figures.value[row, column]),
        "state": DatumState(int(figures.state[row, column])).word,
        "coverage": float(figures.coverage[row, column]),
        "groups": int(figures.groups[row, column]),
        "top2": float(figures.top2[row, column]),
        "hidden_groups": int(figures.hidden_groups[row, column]),
    }


def _place(engine: Engine | None, target: Target) -> tuple[str, str]:
    """Level and entity a target is measured at."""
    measure = target.measure
    if measure is None or measure.level == "town":
        return "town", "town"
    return measure.level, _chain(engine, target) if measure.level == "chain" else str(measure.industry)


def _chain(engine: Engine | None, target: Target) -> str:
    """Code of the chain whose name begins with the target's; '' where the chain map has none."""
    if engine is None or target.measure is None or target.measure.chain is None:
        return ""
    chains = engine.view.panel.chains
    hit = chains.loc[chains["chain_name"].astype(str).str.startswith(target.measure.chain), "chain"]
    return str(np.sort(hit.astype(str).to_numpy())[0]) if len(hit) else ""


def _share(target: Target, current: float, period: Period) -> float:
    if target.in_points or (target.basis == "january" and period > target.end):
        return math.nan
    start = target.baseline or 0.0
    return (current - start) / (target.goal - start)
