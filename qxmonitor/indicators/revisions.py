"""What changed in figures of earlier months between two states of knowledge."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from qxmonitor.period import Period

COLUMNS = ["indicator", "entity_kind", "entity", "source", "period", "before", "value"]
"""Columns of a revision."""

_KEY = ["indicator", "source", "period"]
REVISED = ("output_m", "output_ytd", "export_delivery_m")
"""Levels whose revision a briefing reports; growth follows from them."""


def revisions(before: pd.DataFrame, now: pd.DataFrame, periods: Sequence[Period]) -> pd.DataFrame:
    """The town's revised levels.

    Args:
        before: indicator frame as known at the last issue.
        now: indicator frame as known now.
        periods: the months to compare.

    Returns:
        :data:`COLUMNS`, one row for each figure stated in both frames whose value differs, by month.
    """
    then, today = _stated(before, periods), _stated(now, periods)
    town = then.merge(today, on=_KEY, suffixes=("_before", ""), validate="1:1")
    town = town[town["value_before"] != town["value"]].rename(columns={"value_before": "before"})
    rows = town.assign(entity_kind="town", entity="town").sort_values(["period", "indicator"], ignore_index=True)
    return rows[COLUMNS]


def _stated(frame: pd.DataFrame, periods: Sequence[Period]) -> pd.DataFrame:
    wanted = (
        frame["indicator"].isin(REVISED)
        & frame["period"].isin([str(period) for period in periods])
        & (frame["source"] == "returns")
        & (frame["entity_kind"] == "town")
        & (frame["state"] == "value")
    )
    return frame.loc[wanted, [*_KEY, "value"]].astype(dict.fromkeys(_KEY, "str"))
