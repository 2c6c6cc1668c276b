"""What differs between two panels: firms' figures cell by cell, the indicators that move with them, returns filed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from qxmonitor.calendar import DatumState
from qxmonitor.catalog.indicators import indicators
from qxmonitor.catalog.items import items
from qxmonitor.catalog.targets import targets
from qxmonitor.indicators.compute import compute
from qxmonitor.panel import Panel
from qxmonitor.period import Period, months

_SUMMED = frozenset({"customs", "bonded"})
"""Sources whose figures since January are sums over months, so that earlier months of the year move them."""
_LEVELS = ("town", "chain", "firm")
_SAME, _SAME_FIGURE = 1e-12, 1e-9
"""Relative: two sums of the same figures, and what is made of them."""


def differences(then: Panel, now: Panel, period: Period) -> pd.DataFrame:
    """Every firm's figure that differs between two panels of the same months.

    Args:
        then: the earlier state.
        now: the later.
        period: the month; of sums over months also the months since January.

    Returns:
        entity, period, source, measure, before, after (NaN where there is none), change, percent, effect.
    """
    firms = then.firms.index.union(now.firms.index)
    parts = []
    for name in now.values:
        source, _, measure = name.partition(".")
        first = Period(f"{period.year}-01") if source in _SUMMED else period
        span = list(months(first, period))
        before, after = (grid(panel, name, firms, span) for panel in (then, now))
        firm, month = np.nonzero(~np.isclose(before, after, rtol=_SAME, atol=0.0, equal_nan=True))
        old, new = before[firm, month], after[firm, month]
        town = np.maximum(*(np.abs(np.nansum(side, axis=0)) for side in (before, after)))[month]
        change = np.nan_to_num(new) - np.nan_to_num(old)
        parts.append(
            pd.DataFrame(
                {
                    "entity": firms[firm], "period": np.array(span, dtype=object)[month], "source": source,
                    "measure": measure, "before": old, "after": new, "change": change,
                    "percent": share(new - old, np.abs(old)), "effect": np.nan_to_num(share(np.abs(change), town)),
                }
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def grid(panel: Panel, name: str, firms: pd.Index, span: list[Period]) -> npt.NDArray[np.float64]:
    """(firms, months) of a panel's measure for firms and months that it may not have."""
    frame = pd.DataFrame(panel.values[name], index=panel.firms.index, columns=list(panel.months))
    found: npt.NDArray[np.float64] = frame.reindex(index=firms, columns=span).to_numpy(np.float64)
    return found


def share(part: Any, whole: Any) -> Any:
    """In percent; NaN of nothing."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole > 0, part / whole * 100.0, np.nan)


def moved(then: Panel, now: Panel, period: Period) -> pd.DataFrame:
    """The indicators of town, chains and firms that two panels give otherwise; a figure that came or went moved too."""
    key = ["indicator", "entity_kind", "entity", "source"]
    old, new = (
        frame.loc[frame["entity_kind"].isin(_LEVELS) & frame["value"].notna(), [*key, "value"]].astype(
            dict.fromkeys(key, object)
        )
        for frame in (compute(panel, [period]) for panel in (then, now))
    )
    both = old.merge(new, on=key, how="outer", suffixes=("_b", "_a"), validate="1:1")
    before, after = both["value_b"].to_numpy(np.float64), both["value_a"].to_numpy(np.float64)
    differs = ~np.isclose(before, after, rtol=_SAME_FIGURE, atol=_SAME, equal_nan=True)
    entries = {entry.id: (entry.name, entry.unit) for entry in indicators().indicators}
    goals = {
        f"target.{t.id}": (f"{t.name}（{'与目标之差' if t.in_points else '完成比例'}）", "1") for t in targets().targets
    }
    told = entries | goals
    rate = both["indicator"].map({key: unit == "1" for key, (_, unit) in told.items()}).eq(other=True).to_numpy()
    percent = np.where(rate, np.nan, share(after - before, np.abs(before)))
    size = np.where(rate, np.abs(after - before) * 100.0, np.abs(percent))
    found = both.assign(
        what="indicator", kind="", period=str(period), measure=both["indicator"],
        label=both["indicator"].map({key: name for key, (name, _) in told.items()}),
        unit=both["indicator"].map({key: unit for key, (_, unit) in told.items()}),
        before=before, after=after, change=after - before, percent=percent,
        effect=np.where(np.isfinite(size), size, 100.0),
    )[differs]  # fmt: skip
    level: pd.Series = found["entity_kind"].map({word: at for at, word in enumerate(_LEVELS)})
    ordered: pd.DataFrame = found.assign(level=level).sort_values(
        ["level", "effect", "indicator", "entity"], ascending=[True, False, True, True]
    )
    return ordered.drop(columns="level")


def refilings(then: Panel, now: Panel, periods: Sequence[Period]) -> pd.DataFrame:
    """How many returns (B204-1, B203) of some months are here now and were not, say something else, or are gone.

    Args:
        then: the earlier state.
        now: the later; its last month may be another.
        periods: the months, each on both panels.

    Returns:
        kind (``late``, ``refiled``, ``gone``), returns, groups (how many stand behind them).
    """
    firms, span = then.firms.index.union(now.firms.index), list(periods)
    group = now.firms["group"].reindex(firms).fillna(then.firms["group"].reindex(firms)).to_numpy(object)
    marks = {kind: np.zeros((len(firms), len(span)), np.int64) for kind in ("late", "refiled", "gone")}
    for form in ("b204_1", "b203"):
        here = [_filed(panel, form, firms, span) for panel in (then, now)]
        differs = np.zeros(here[0].shape, bool)
        for name in items().columns_of(form):
            old, new = (grid(panel, f"returns.{name}", firms, span) for panel in (then, now))
            differs |= ~((old == new) | (np.isnan(old) & np.isnan(new)))
        marks["late"] += ~here[0] & here[1]
        marks["refiled"] += here[0] & here[1] & differs
        marks["gone"] += here[0] & ~here[1]
    behind = {kind: len(set(group[mark.any(axis=1)])) for kind, mark in marks.items()}
    return pd.DataFrame(
        {"kind": list(marks), "returns": [int(mark.sum()) for mark in marks.values()], "groups": list(behind.values())}
    )


def _filed(panel: Panel, form: str, firms: pd.Index, span: list[Period]) -> npt.NDArray[np.bool_]:
    frame = pd.DataFrame(panel.states[form] == DatumState.VALUE, index=panel.firms.index, columns=list(panel.months))
    found: npt.NDArray[np.bool_] = frame.reindex(index=firms, columns=span, fill_value=False).to_numpy(bool)
    return found
