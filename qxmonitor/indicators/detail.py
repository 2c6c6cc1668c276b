"""Output by 4-digit class of GB/T 4754 and by product, from the lists below the totals of B204-1.

Rows of a level ``class`` or ``product`` stand for the whole town; a product is written with its unit (``code/unit``),
since firms count in different ones. Who owes which line nobody knows, so coverage says nothing. All need firm-level
rights on returns (decision 31): classes lie within industries and across chains, and a product is often one firm's.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from qxmonitor.calendar import DatumState
from qxmonitor.indicators.view import View
from qxmonitor.panel import Panel

KINDS = {"class": "industry", "product": "product"}
"""Level → kind of the panel's ``detail``."""
COLUMNS = [
    "period", "indicator", "entity_kind", "entity", "source", "value", "state", "coverage", "groups", "top2",
    "hidden_groups",
]  # fmt: skip


def entities(detail: pd.DataFrame) -> pd.Series:
    """The entity of each line: the class, or the product with its unit."""
    product = detail["kind"] == "product"
    found: pd.Series = detail["code"].astype(str) + ("/" + detail["unit"].astype(str)).where(product, "")
    return found


def named(panel: Panel) -> pd.DataFrame:
    """Classes and products of a panel with their newest name: entity, entity_kind, name, unit."""
    newest = panel.detail.assign(entity=entities(panel.detail)).drop_duplicates(["kind", "entity"], keep="last")
    words = {kind: level for level, kind in KINDS.items()}
    found: pd.DataFrame = newest.assign(entity_kind=newest["kind"].map(words))[
        ["entity", "entity_kind", "name", "unit"]
    ]
    return found


def detail_rows(view: View) -> pd.DataFrame:
    """Rows of ``{class,product}_output_{ytd,growth_ytd}`` of the months asked, by indicator, period and entity.

    Growth is over the firms that have both years; a base that is not positive has none, nor has January.
    """
    asked = {int(column): str(period) for column, period in zip(view.columns, view.periods, strict=True)}
    lines = view.panel.detail
    lines = lines[lines["month"].isin(list(asked)) & lines["ytd"].notna()]
    base = lines["both_ly"].to_numpy(dtype=np.float64)
    january = lines["month"].map(asked).str.endswith("-01").to_numpy(dtype=bool)
    growth = np.full(len(lines), np.nan)
    both = lines["both_ytd"].to_numpy(dtype=np.float64)
    np.divide(both, base, out=growth, where=np.isfinite(both) & (np.nan_to_num(base) > 0) & ~january)
    frames = []
    for level, kind in KINDS.items():
        mine = (lines["kind"] == kind).to_numpy(dtype=bool)
        for suffix, values in (("ytd", lines["ytd"].to_numpy(dtype=np.float64)), ("growth_ytd", growth - 1.0)):
            table = pd.DataFrame(
                {
                    "period": lines["month"].map(asked), "indicator": f"{level}_output_{suffix}", "entity_kind": level,
                    "entity": entities(lines), "source": "returns", "value": values, "coverage": 1.0,
                    "groups": lines["firms"].astype(np.int64), "top2": 1.0,
                    "hidden_groups": lines["firms"].astype(np.int64),
                }
            )[mine]  # fmt: skip
            known = np.isfinite(table["value"])
            words = np.where(known, DatumState.VALUE.word, DatumState.EXPECTED_ABSENT.word)
            frames.append(table.assign(state=words).sort_values(["period", "entity"]))
    return pd.concat(frames, ignore_index=True)[COLUMNS]
