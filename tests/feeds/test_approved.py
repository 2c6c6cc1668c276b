"""Approved figures of the upper bureau: layouts, units, vintages, and names that nobody knows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from qxmonitor.catalog.approved import approved
from qxmonitor.errors import Refused
from qxmonitor.feeds import open_file, sniff
from qxmonitor.feeds.base import REJECT_COLUMNS, Batch
from tests.feeds.books import csv, workbook

HEAD = ["指标", "计量单位", "报告期", "本月", "同比增速(%)", "1—本月", "同比增速(%)", "口径说明", "版本"]
ROWS: list[list[Any]] = [
    ["规上工业增加值", "亿元", "2026年10月", "—", 5.2, 190.5, "6.1", "可比价", "初步"],
    ["规模以上工业总产值", "万元", "2026年10月", 612000, 4.4, 5100000, "-1.2%", "现价", "最终"],
    ["全社会用电量", "万千瓦时", "2026-10", 50000, None, 480000, 3, None, "修订数"],
]


def read(data: bytes) -> Batch:
    opened = open_file(data)
    batch = sniff(opened).read(opened)
    assert batch.accepted + batch.rejected == batch.rows_read
    assert list(batch.rejects.columns)[: len(REJECT_COLUMNS)] == REJECT_COLUMNS
    return batch


def figures(batch: Batch) -> pd.DataFrame:
    return batch.tables["approved_figure"].set_index(["row", "measure"])


def test_a_sheet_of_approved_figures() -> None:
    batch = read(workbook({"反馈": [["清溪镇主要经济指标反馈数（模拟数据）"], HEAD, *ROWS]}))
    assert (batch.feed, batch.form, batch.period, batch.origin) == ("approved", "sheet", "2026-10", "simulated")
    assert (batch.rows_read, batch.rejected) == (3, 0)
    found = figures(batch)
    assert found["indicator"].tolist() == ["value_added", "value_added", "output", "output", "power", "power"]
    assert np.isnan(found.loc[(3, "m"), "value"])
    assert found.loc[(3, "m"), "growth"] == 5.2
    assert found.loc[(3, "ytd"), ["value", "growth", "unit"]].tolist() == [190.5, 6.1, "亿元"]
    assert found.loc[(4, "ytd"), ["value", "growth", "unit", "scope"]].tolist() == [510, -1.2, "亿元", "现价"]
    assert found.loc[(5, "m"), ["value", "unit", "period"]].tolist() == [5, "亿千瓦时", "2026-10"]
    assert found["vintage"].tolist() == ["初步", "初步", "最终", "最终", "修订", "修订"]
    assert (batch.cells["反馈|ytd"], batch.cells["反馈|growth_ytd"]) == ("F", "G")


def test_a_header_of_two_rows_a_title_with_the_month_and_csv() -> None:
    rows = [
        ["2026年1—10月主要指标反馈数（快报）"], ["", "", "", "", "单位：见表"],
        ["指标名称", "单位", "本月", "", "1-本月", "", "联系人"],
        ["", "", "总量", "同比增长%", "总量", "同比增长%", ""],
        ["规上工业总产值", "亿元", "61.2", "4.4", "510.0", "(1.2)", "张某"],
        ["数据来源：市局"],
    ]  # fmt: skip
    batch = read(csv(rows))
    found = figures(batch)
    assert (batch.period, batch.origin) == ("2026-10", "real")
    assert found.loc[(5, "m"), ["value", "growth", "vintage"]].tolist() == [61.2, 4.4, "初步"]
    assert found.loc[(5, "ytd"), ["value", "growth"]].tolist() == [510, -1.2]
    assert batch.control["row"].tolist() == [6]
    assert "张某" not in str([batch.tables, batch.rejects, batch.control, batch.notes, batch.cells])


def test_growth_may_be_named_with_its_span() -> None:
    head = ["指标", "计量单位", "1—本月同比增速(%)", "1—本月", "本月", "同比增速(%);本月"]
    batch = read(workbook({"表": [["报告期：2026年9月"], head, ["工业投资", "亿元", 10, 20, 2, 11]]}))
    found = figures(batch)
    assert found.loc[(3, "ytd"), ["value", "growth", "period"]].tolist() == [20, 10, "2026-09"]
    assert found.loc[(3, "m"), ["value", "growth"]].tolist() == [2, 11]


def test_what_is_not_known_is_rejected_and_never_guessed() -> None:
    rows = [
        ["规上工业增加直", "亿元", "2026-10", 1, 2, 3, 4, None, None],
        ["规上工业总产值", "亿千瓦时", "2026-10", 1, 2, 3, 4, None, None],
        ["规上工业总产值", "", "2026-10", 1, 2, 3, 4, None, None],
        ["进出口总额", "亿元", "十月", 1, 2, 3, 4, None, None],
        ["进口总额", "亿元", "2026-10", "待核", 2, 3, 4, None, None],
        ["出口总额", "亿元", "2026-10", "—", "", "…", None, None, None],
        ["", "亿元", "2026-10", 1, 2, 3, 4, None, None],
    ]
    batch = read(workbook({"表": [HEAD, *rows]}))
    assert batch.rejects[["row", "rule"]].to_numpy().tolist() == [
        [8, "approved.nameless"], [2, "approved.unknown"], [5, "period.unreadable"], [4, "approved.unit_missing"],
        [3, "approved.unit"], [6, "number.unreadable"], [7, "number.missing"],
    ]  # fmt: skip
    assert batch.tables["approved_figure"].empty
    assert batch.rows_read == 7


def test_growth_written_as_a_fraction_is_pointed_at() -> None:
    rows = [[name, "亿元", "2026-10", 1, 0.05, 2, 0.06, None, None] for name in ("工业投资", "进口总额", "出口总额")]
    assert any("小数" in note for note in read(workbook({"表": [HEAD, *rows]})).notes)


def test_a_sheet_without_a_month_is_refused() -> None:
    head = [text for text in HEAD if text != "报告期"]
    with pytest.raises(Refused, match="报告期"):
        read(workbook({"表": [head, ["工业投资", "亿元", 1, 2, 3, 4, None, None]]}))


def test_every_indicator_is_found_by_all_its_names() -> None:
    assert approved().by_name["规模以上工业增加值"].id == "value_added"
    assert approved().factor("万元", "亿元") == 0.0001
    assert approved().factor("万元", "家") is None
