"""What changed in figures of earlier months between two states of knowledge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import pandas as pd

from qxmonitor.period import Period

COLUMNS = ["indicator", "entity_kind", "entity", "source", "period", "before", "value", "groups_changed", "top2"]
"""Columns of a revision; ``groups_changed`` counts the groups one of whose firms' figures changed, came or went,
``top2`` is the share of the two that changed most in the sum of all changes."""

_KEY = ["indicator", "source", "period"]
REVISED = ("output_m", "output_ytd", "export_delivery_m")
"""Levels whose revision a briefing reports; growth follows from them."""


def revisions(before: pd.DataFrame, now: pd.DataFrame, groups: pd.Series, periods: Sequence[Period]) -> pd.DataFrame:
    """The town's revised levels.

    Args:
        before: indicator frame as known at the last issue.
        now: indicator frame as known now.
        groups: USCC → group.
        periods: the months to compare.

    Returns:
        :data:`COLUMNS`, one row for each figure stated in both frames whose value differs, by month.
    """
    then, today = _stated(before, periods), _stated(now, periods)
    town = _pairs(then, today, "town", how="inner")
    town = town[town["value_before"] != town["value"]]
    if town.empty:
        return pd.DataFrame(columns=COLUMNS)
    firm = _pairs(then, today, "firm", how="outer")
    firm = firm[firm["value_before"] != firm["value"]]
    delta = firm["value"].fillna(0.0) - firm["value_before"].fillna(0.0)
    by_group = firm.assign(group=firm["entity"].map(groups), delta=delta).groupby([*_KEY, "group"])["delta"].sum().abs()
    changed = by_group.groupby(level=_KEY).agg(groups_changed="size", total="sum")
    changed["top2"] = by_group.groupby(level=_KEY).agg(lambda sizes: sizes.nlargest(2).sum()) / changed["total"]
    rows = town.merge(changed, on=_KEY, how="left", validate="m:1").fillna({"groups_changed": 0, "top2": 1.0})
    rows = rows.assign(entity_kind="town").rename(columns={"value_before": "before"}).astype({"groups_changed": int})
    return rows.sort_values(["period", "indicator"], ignore_index=True)[COLUMNS]


def _stated(frame: pd.DataFrame, periods: Sequence[Period]) -> pd.DataFrame:
    wanted = (
        frame["indicator"].isin(REVISED)
        & frame["period"].isin([str(period) for period in periods])
        & (frame["source"] == "returns")
        & (frame["state"] == "value")
    )
    return frame.loc[wanted, [*_KEY, "entity_kind", "entity", "value"]].astype(dict.fromkeys([*_KEY, "entity"], "str"))


def _pairs(then: pd.DataFrame, today: pd.DataFrame, kind: str, how: Literal["inner", "outer"]) -> pd.DataFrame:
    """Figures of one kind side by side: ``value_before`` and ``value``."""
    left, right = (frame[frame["entity_kind"] == kind].drop(columns="entity_kind") for frame in (then, today))
    return left.merge(right, on=[*_KEY, "entity"], how=how, suffixes=("_before", ""), validate="1:1")
