"""Output by class and product: by hand, and that nobody without firm-level rights sees a line of it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from qxmonitor.disclosure import Gate, pattern, permitted
from qxmonitor.indicators import compute, named
from qxmonitor.panel import DETAIL_COLUMNS, Panel
from qxmonitor.period import Period
from tests.indicators.town import random_town


def panel(*lines: tuple[object, ...]) -> Panel:
    plain = random_town(1, count=5).panel()
    at = {str(p): n for n, p in enumerate(plain.months)}
    rows = [(at[str(month)], *rest) for month, *rest in lines]
    frame = pd.DataFrame(rows, columns=DETAIL_COLUMNS).astype(
        {"month": np.int64, "ytd": np.float64, "both_ytd": np.float64, "both_ly": np.float64}
    )
    return replace(plain, detail=frame)


TOWN = panel(
    ("2022-03", "industry", "3922", "通信终端设备制造", "千元", 3, 900_000.0, 800_000.0, 1_000_000.0),
    ("2022-03", "industry", "2452", "玩具制造", "千元", 1, 50.0, None, None),
    ("2022-03", "product", "39001", "移动通信手持机", "台", 2, 1200.0, 1200.0, 0.0),
    ("2022-03", "product", "39001", "移动通信手持机", "万台", 1, 2.0, 2.0, 1.0),
    ("2022-02", "industry", "3922", "通信终端设备制造", "千元", 3, 1.0, 1.0, 1.0),
)


def test_classes_and_products_by_hand() -> None:
    frame = compute(TOWN, [Period("2022-03")])
    mine = frame[frame["entity_kind"].isin(["class", "product"])]
    told = {
        (r["indicator"], r["entity"]): None if math.isnan(r["value"]) else r["value"] for r in mine.to_dict("records")
    }
    assert told == {
        ("class_output_ytd", "3922"): 900_000.0, ("class_output_ytd", "2452"): 50.0,
        ("class_output_growth_ytd", "3922"): pytest.approx(-0.2), ("class_output_growth_ytd", "2452"): None,
        ("product_output_ytd", "39001/台"): 1200.0, ("product_output_ytd", "39001/万台"): 2.0,
        ("product_output_growth_ytd", "39001/台"): None, ("product_output_growth_ytd", "39001/万台"): 1.0,
    }  # fmt: skip
    assert set(mine["top2"]) == {1.0}
    assert set(mine.loc[mine["value"].isna(), "state"]) == {"expected-absent"}


@pytest.mark.parametrize("reader", ["stats", "joint", "leaders", "gxj", "swj", "finance", "hr", "banks"])
def test_only_firm_level_rights_show_a_class_or_a_product(reader: str) -> None:
    frame = compute(TOWN, [Period("2022-03")])
    none = pd.DataFrame({name: pd.Series(dtype=object) for name in ("subject", "items", "readers", "since", "until")})
    gate = Gate(
        reader, "statistics" if reader == "stats" else "monitoring", authorisations=none, simulated=True,
        firms=TOWN.firms, pattern=pattern(frame), detail=named(TOWN),
    )  # fmt: skip
    figures = gate.clear(frame)
    shown = {
        key
        for key in figures.rows
        if key[2] in ("class", "product") and figures.get(key[1], Period(key[0]), *key[2:]).shown
    }
    assert bool(shown) == (reader == "stats")
    assert permitted(TOWN, gate).detail.empty
    if reader == "stats":
        phones = figures.get("product_output_ytd", Period("2022-03"), "product", "39001/万台", "returns")
        assert (phones.text, phones.unit) == ("2.00", "万台")
        assert gate.entity("class", "3922").text == "3922 通信终端设备制造"
