"""Silences: alerts that match are listed but not mailed for some months; somebody answers for it, with a reason."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from qxmonitor.period import Period

SILENCE = ["silence_id", "rule", "entity_kind", "entity", "chain", "first", "last", "who", "why"]
"""Columns; rule, entity_kind, entity and chain are ``*`` for anything; first and last month are included."""

ANYTHING = "*"


def active(silences: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Those that hold in a month."""
    return silences[(silences["first"].astype(str) <= str(period)) & (silences["last"].astype(str) >= str(period))]


def expired(silences: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Those whose last month was the one before, and which did hold."""
    last = silences["last"].astype(str)
    return silences[(last == str(period - 1)) & (silences["first"].astype(str) <= last)]


def silenced_by(alerts: pd.DataFrame, silences: pd.DataFrame, firms: pd.DataFrame, period: Period) -> pd.Series:
    """For each alert the id of a silence that holds it in a month, '' for none; of several the first by id.

    Args:
        alerts: rule, entity_kind, entity.
        silences: :data:`SILENCE`.
        firms: the register, index USCC: chain, by which a silence of a chain holds for it, its nodes and its firms.
        period: the month.
    """
    kind, entity = alerts["entity_kind"].astype(str), alerts["entity"].astype(str)
    own = entity.where(kind == "chain", entity.str.split("/").str[0].where(kind == "node", ""))
    chain = entity.map(firms["chain"].astype(str)).where(kind == "firm", own)
    found: npt.NDArray[np.object_] = np.full(len(alerts), "", dtype=object)
    for row in active(silences, period).sort_values("silence_id", ascending=False).to_dict("records"):
        hit = np.ones(len(alerts), dtype=bool)
        for column, name in (
            (alerts["rule"].astype(str), "rule"),
            (kind, "entity_kind"),
            (entity, "entity"),
            (chain, "chain"),
        ):
            if row[name] != ANYTHING:
                hit &= (column == row[name]).to_numpy(dtype=bool)
        found[hit] = row["silence_id"]
    return pd.Series(found, index=alerts.index, dtype="object")
