"""Firms' declarations beside customs' monthly sheet: worked by hand, with the rows on both sides."""

from __future__ import annotations

from typing import Any

import pandas as pd

from qxmonitor.period import Period
from qxmonitor.quality import mirror

MARCH = Period("2026-03")
NONE = float("nan")


def lines(file_id: int, *figures: tuple[str, str, float, float]) -> pd.DataFrame:
    """Firm, direction, dollars, yuan; the lines of a file from its second on."""
    return pd.DataFrame(
        [
            {"entity": firm, "period": "2026-03", "flow": flow, "usd": usd, "rmb": rmb, "file_id": file_id, "sheet": "",
             "row": at}
            for at, (firm, flow, usd, rmb) in enumerate(figures, start=2)
        ],
        columns=["entity", "period", "flow", "usd", "rmb", "file_id", "sheet", "row"],
    )  # fmt: skip


def gaps(trade: pd.DataFrame, declared: pd.DataFrame) -> dict[tuple[str, str], dict[Any, Any]]:
    found = mirror.declarations(trade, declared, MARCH)
    return {(row["entity"], row["item"]): row for row in found.gaps.to_dict("records")}


def test_a_firm_is_asked_by_direction_and_only_where_it_declared() -> None:
    """A: 1,000,000 of the sheet, 600,000 + 700,000 ÷ 7 declared; B in a tenth. C declared nothing, X in no sheet."""
    trade = lines(1, ("A", "E", 600_000.0, 4_200_000.0), ("A", "E", 400_000.0, 2_800_000.0),
                  ("A", "I", 90_000.0, 630_000.0), ("B", "I", 1_000_000.0, 7_000_000.0),
                  ("C", "E", 9e6, 6.3e7))  # fmt: skip
    declared = lines(2, ("A", "E", 600_000.0, NONE), ("B", "I", 910_000.0, NONE), ("A", "E", NONE, 700_000.0),
                     ("X", "E", 80_000.0, NONE), ("A", "E", NONE, NONE))  # fmt: skip
    found = gaps(trade, declared)
    assert set(found) == {("A", "出口"), ("X", "出口")}
    mine, strange = found["A", "出口"], found["X", "出口"]
    assert (mine["left"], mine["right"], mine["gap"], mine["unit"]) == (1_000_000.0, 700_000.0, 300_000.0, "美元")
    assert mine["reason"] == "两边之差超过容差；另有 1 行报关单没有汇率，未计入"
    assert pd.isna(strange["left"]) and strange["reason"] == "海关企业月度表该项为空，报关单有数"
    details = mirror.declarations(trade, declared, MARCH).details
    rows = details.groupby(["entity", "side"])["row"].apply(list).to_dict()
    assert rows == {("A", "left"): [2, 3], ("A", "right"): [2, 4, 6], ("X", "right"): [5]}


def test_what_came_of_one_side_only_is_no_gap() -> None:
    some = lines(1, ("A", "E", 1e6, 7e6))
    assert gaps(some, some.iloc[:0]) == gaps(some.iloc[:0], some) == {}
    assert gaps(some, some.assign(period="2026-02")) == {}


def test_yuan_of_a_month_without_any_dollar_have_no_rate() -> None:
    found = gaps(lines(1, ("A", "E", NONE, 7e6)), lines(2, ("A", "E", 2e6, NONE)))
    assert pd.isna(found["A", "出口"]["left"]) and found["A", "出口"]["right"] == 2e6
    assert gaps(lines(1, ("A", "E", 1e6, NONE)), lines(2, ("A", "E", NONE, 7e6))) == {}


def test_a_month_without_any_return_or_gap_has_no_gap_of_exports() -> None:
    trade = lines(1, ("A", "E", 1e6, 7e6)).assign(mode="0110", period="2026-01")
    returns = pd.DataFrame(
        {
            "entity": ["A"],
            "period": "2026-01",
            "file_id": [2],
            "sheet": ["S"],
            "row": [4],
            "export_ytd": [7000.0],
            "export_m": [7000.0],
        }
    ).astype({"entity": "str"})
    for some in (returns, returns.iloc[:0]):
        assert mirror.exports(some, trade, Period("2026-01")).gaps.empty
