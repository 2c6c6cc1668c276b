"""Progress of the plan's targets: current value, share of the way, share of the time, and the pace still required."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from qxmonitor.calendar import DatumState
from qxmonitor.catalog.indicators import indicators
from qxmonitor.catalog.targets import Target, targets
from qxmonitor.indicators.engine import Engine
from qxmonitor.indicators.view import View
from qxmonitor.panel import Panel
from qxmonitor.period import Period

PROGRESS_COLUMNS = [
    "target", "name", "clause", "unit", "relation", "goal", "baseline", "indicator", "entity_kind", "entity",
    "source", "proxy", "state", "current", "share", "met", "elapsed", "months_left", "pace_required", "pace_recent",
    "plausible", "coverage", "groups", "top2", "hidden_groups", "note",
]  # fmt: skip
"""Columns of :func:`progress`. current and goal in ``unit``; share and elapsed fractions; paces in unit a month."""


def progress(panel: Panel, period: Period) -> pd.DataFrame:
    """Every target of the plan at one month, in catalogue order; one without a feed has state ``expected-absent``.

    * share = current ÷ goal, or (current − baseline) ÷ (goal − baseline) where the office entered a baseline;
    * elapsed = months gone ÷ months of the target, 0 before it starts, 1 after it ends;
    * pace_required = what is missing ÷ months left, 0 once met, NaN once time is over;
    * pace_recent = change over the last twelve months ÷ 12 where both are known;
    * plausible = the recent pace, kept up, arrives in time (None where it cannot be told).

    Returns:
        :data:`PROGRESS_COLUMNS`; source, groups, top2 and hidden_groups are the underlying figure's, for the gate.
    """
    period = Period(period)
    before = period - 12
    asked = [before, period] if before in panel.months else [period]
    view = View(panel, asked)
    engine = Engine(view) if view.n else None
    rows = [_row(engine, target, period, len(asked) > 1) for target in targets().targets]
    return pd.DataFrame(rows, columns=PROGRESS_COLUMNS)


def target_rows(engine: Engine) -> pd.DataFrame:
    """``target.<id>`` rows for the months asked: the share of the way, with the underlying figure's gate data."""
    rows = []
    for target in targets().targets:
        if target.measure is None:
            continue
        for column, period in enumerate(engine.view.periods):
            figure = _figure(engine, target, column)
            rows.append(
                {
                    "period": str(period), "indicator": f"target.{target.id}", "entity_kind": "town", "entity": "town",
                    "source": target.measure.source, "value": _share(target, figure["value"] / target.per),
                    "state": figure["state"], "coverage": figure["coverage"], "groups": figure["groups"],
                    "top2": figure["top2"], "hidden_groups": figure["hidden_groups"],
                }
            )  # fmt: skip
    columns = ["period", "indicator", "entity_kind", "entity", "source", "value", "state", "coverage", "groups", "top2",
               "hidden_groups"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _row(engine: Engine | None, target: Target, period: Period, has_before: bool) -> dict[str, Any]:
    figure, past = dict(_NOTHING), math.nan
    if engine is not None and target.measure is not None:
        figure = _figure(engine, target, -1)
        past = _figure(engine, target, 0)["value"] / target.per if has_before else math.nan
    current = figure["value"] / target.per
    start, end = Period(target.start).ordinal, Period(target.end).ordinal
    gone, whole = period.ordinal - start + 1, end - start + 1
    left = end - period.ordinal
    reached = current > target.goal if target.relation == "over" else current >= target.goal
    met = None if math.isnan(current) else reached
    missing = max(target.goal - current, 0.0) if not math.isnan(current) else math.nan
    required = 0.0 if met else missing / left if left > 0 else math.nan
    recent = (current - past) / 12.0
    plausible = None if math.isnan(required) or math.isnan(recent) else bool(met or recent >= required)
    measure = target.measure
    kind, entity = ("chain", _chain(engine, target)) if measure and measure.chain else ("town", "town")
    return {
        **{name: getattr(target, name) for name in ("name", "clause", "unit", "relation", "goal", "baseline", "note")},
        "target": target.id, "indicator": measure.indicator if measure else None, "entity_kind": kind, "entity": entity,
        "source": measure.source if measure else None, "proxy": measure.proxy if measure else None,
        "state": figure["state"], "current": current, "share": _share(target, current), "met": met,
        "elapsed": min(max(gone / whole, 0.0), 1.0), "months_left": max(left, 0), "pace_required": required,
        "pace_recent": recent, "plausible": plausible,
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
    level, entity = ("chain", _chain(engine, target)) if measure.chain else ("town", "town")
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


def _chain(engine: Engine | None, target: Target) -> str:
    """Code of the chain whose name begins with the target's; '' where the chain map has none."""
    if engine is None or target.measure is None or target.measure.chain is None:
        return ""
    chains = engine.view.panel.chains
    hit = chains.loc[chains["chain_name"].astype(str).str.startswith(target.measure.chain), "chain"]
    return str(np.sort(hit.astype(str).to_numpy())[0]) if len(hit) else ""


def _share(target: Target, current: float) -> float:
    start = target.baseline or 0.0
    return (current - start) / (target.goal - start)
