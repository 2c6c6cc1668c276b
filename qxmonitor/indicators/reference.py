"""The province's and the nation's series beside the town: values, and growth where growth means something.

A series of percentages or an index number (PMI, CPI) is already a rate: it gets no growth. Publishers leave out
January of many monthly series and print February alone or as 1—2月; with January in both years the two months
are added, otherwise February is compared as printed. A quarter stands in its last month, a year in December.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from qxmonitor.indicators.view import View

_RATE_UNITS = r"%|％|‰|指数|百分点"


def reference_rows(view: View) -> pd.DataFrame:
    """Rows ``period, indicator, entity, value`` of both reference indicators in the months asked."""
    points = view.panel.reference
    if points.empty:
        return pd.DataFrame({"period": [], "indicator": [], "entity": [], "value": []})
    text = points["period"].astype(str)
    quarter = text.str.contains("-Q", regex=False)
    month = np.select(
        [quarter, text.str.len() == 4], [text.str[-1].where(quarter, "0").astype(int) * 3, 12],
        default=text.str[5:7].where(~quarter & (text.str.len() == 7), "0").astype(int),
    )  # fmt: skip
    at = text.str[:4].astype(int) * 12 + month - 1
    rate = points["unit"].astype(str).str.contains(_RATE_UNITS) | points["name"].astype(str).str.contains(_RATE_UNITS)
    kind = np.select([quarter, text.str.len() == 4], ["q", "y"], default="m")
    series = points["series"].astype(str)
    table = pd.DataFrame({"entity": series, "kind": kind, "at": at, "rate": rate, "value": points["value"]})
    table = table.drop_duplicates(["entity", "kind", "at"], keep="last")

    def lag(months: int, name: str) -> pd.DataFrame:
        shifted = table[["entity", "kind", "at", "value"]].assign(at=table["at"] + months)
        return shifted.rename(columns={"value": name})

    keys = ["entity", "kind", "at"]
    for months, name in ((12, "then"), (1, "january"), (13, "january_then")):
        table = table.merge(lag(months, name), on=keys, how="left", validate="1:1")
    monthly = table["kind"] == "m"
    month_no = table["at"] % 12 + 1
    both = monthly & (month_no == 2) & table["january"].notna() & table["january_then"].notna()
    now = table["value"] + table["january"].where(both, 0.0)
    then = table["then"] + table["january_then"].where(both, 0.0)
    judged = (then > 0) & ~table["rate"] & ~(monthly & (month_no == 1))
    growth = (now / then.where(then > 0) - 1.0).where(judged)

    asked = {p.ordinal: str(p) for p in view.periods}
    period = table["at"].map(asked)
    values = table.assign(period=period, indicator="reference_value")
    growths = table.assign(period=period, indicator="reference_growth", value=growth)
    rows = pd.concat([values, growths], ignore_index=True)
    rows = rows[rows["period"].notna()]
    return rows.sort_values(["indicator", "period", "entity", "kind"])[["period", "indicator", "entity", "value"]]
