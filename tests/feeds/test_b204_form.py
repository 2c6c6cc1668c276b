from typing import Any

import numpy as np
import pytest

from qxmonitor.errors import Refused
from qxmonitor.feeds import open_file, sniff
from qxmonitor.feeds.base import Batch
from tests.feeds.books import uscc, workbook

TOP: list[list[Any]] = [
    ["工业产销总值及主要产品产量"],
    ["表  号：B204-1表", None, None, None, "有效期至：2027年1月"],
    [f"统一社会信用代码：{uscc(7)}"],
    ["单位详细名称：甲七公司", None, None, None, "2026年10月"],
    ["填表人：张某", None, None, None, "联系电话：13800000000"],
    [None, None, None, None, "计量单位：千元"],
]
HEAD: list[list[Any]] = [
    ["指标名称", "代码", "本年", None, "上年同期", None],
    [None, None, "本月", "1—本月", "本月", "1—本月"],
]
ITEMS: list[list[Any]] = [
    ["工业总产值（当年价格）", "01", 100, 1000, 90, 900],
    ["工业销售产值（当年价格）", "03", 95, "９５０", "—", 850],
    ["  其中：出口交货值", "04", None, 10, "…", 8],
    ["企业用电量（万千瓦时）", "05", 1.5, 15, 1.4, 14],
    ["玩具（万个）", "10", 3, 30, 2, 20],
]


def read(rows: list[list[Any]], **kwargs: Any) -> Batch:
    opened = open_file(workbook({"B204-1": rows}, **kwargs))
    batch = sniff(opened).read(opened)
    assert batch.accepted + batch.rejected == batch.rows_read
    return batch


def test_a_form_is_one_row_of_facts() -> None:
    batch = read([*TOP, *HEAD, *ITEMS])
    assert (batch.feed, batch.form, batch.period, batch.origin) == ("b204_1", "firm", "2026-10", "simulated")
    assert (batch.rows_read, batch.rejected) == (5, 0)
    fact = batch.tables["output_return"].iloc[0]
    assert (fact["sheet"], fact["row"], fact["subject"], fact["period"]) == ("B204-1", 9, uscc(7), "2026-10")
    assert fact[["output_m", "output_ytd", "output_ly_m", "output_ly_ytd"]].tolist() == [100, 1000, 90, 900]
    assert fact["sales_ytd"] == 950
    assert np.isnan(fact["sales_ly_m"])
    assert fact[["power_m", "power_ly_ytd"]].tolist() == [1.5, 14]
    assert (batch.cells["B204-1|output_m"], batch.cells["B204-1|power_ly_ytd"]) == ("C9", "F12")
    assert "张某" not in str([batch.tables, batch.control, batch.notes, batch.cells])


def test_cells_are_those_a_person_sees() -> None:
    batch = read([*TOP, *HEAD, *ITEMS], at=(3, 2))
    assert batch.cells["B204-1|output_m"] == "D11"
    assert batch.tables["output_return"]["row"].item() == 11


def test_other_layouts_of_the_same_form() -> None:
    top = [["统一社会信用代码", uscc(7)], ["单位详细名称", "甲七公司"], ["报告期：2026年10月"], ["单位：千元"]]
    head = [
        ["指标名称", "计量单位", "代码", "本年本月", "本年1-本月", "上年同期本月", "上年同期1-本月"],
        ["甲", "乙", "丙", 1, 2, 3, 4],
    ]
    rows = [
        ["工业总产值", "万元", "01", 1, 2, 3, 4],
        ["企业用电量", "万千瓦时", "05", 5, 6, 7, 8],
        ["单位负责人：某某"],
    ]
    batch = read([*top, *head, *rows])
    fact = batch.tables["output_return"].iloc[0]
    assert fact[["output_m", "output_ytd", "output_ly_m", "output_ly_ytd"]].tolist() == [10, 20, 30, 40]
    assert fact["power_ytd"] == 6
    assert batch.rows_read == 3
    assert batch.control["text"].tolist() == ["（经办人信息，不保留）"]


def mixed(*units: str, over: str = "") -> list[list[Any]]:
    """A form whose lines of money state these units in a column of their own."""
    top = [["统一社会信用代码", uscc(7)], ["单位详细名称", "甲七公司"], ["报告期：2026年10月"], [over]]
    lines = [["工业总产值", units[0], "01", 4.4, 2], ["工业销售产值", units[1], "03", 1234.56, 2],
             ["企业用电量", "万千瓦时", "05", 5, 6], ["电子元件制造", units[2], "3981", 7, 8]]  # fmt: skip
    return [*top, ["指标名称", "计量单位", "代码", "本年本月", "本年1-本月"], *lines]


def test_figures_of_other_units_are_stored_as_they_are_printed() -> None:
    batch = read(mixed("亿元", "元", "万元"))
    fact = batch.tables["output_return"].iloc[0]
    assert fact[["output_m", "output_ytd", "sales_m", "power_m"]].tolist() == [440000.0, 200000.0, 1.23456, 5.0]
    assert batch.tables["output_detail"]["m"].tolist() == [70.0]
    assert batch.factors == {"B204-1|output_m": 1e5, "B204-1|output_ytd": 1e5, "B204-1|sales_m": 1e-3,
                             "B204-1|sales_ytd": 1e-3}  # fmt: skip
    assert not [note for note in batch.notes if "计量单位" in note], "every line says its unit"


def test_a_line_without_a_unit_beside_lines_of_another_is_not_guessed() -> None:
    with pytest.raises(Refused, match="第 6 行注明的计量单位不是千元，第 7 行和表头上却没有注明计量单位"):
        read(mixed("万元", "", "万元"))
    batch = read(mixed("万元", "万元", ""))
    assert batch.rejects[["row", "rule"]].to_numpy().tolist() == [[9, "detail.unit_missing"]]
    stated = read(mixed("万元", "", "", over="计量单位：千元"))
    assert stated.tables["output_return"].iloc[0][["output_m", "sales_m"]].tolist() == [44.0, 1234.56]
    assert stated.tables["output_detail"]["m"].tolist() == [7.0]
    silent = read(mixed("千元", "", ""))
    assert silent.tables["output_return"].iloc[0]["sales_m"] == 1234.56
    assert "未注明计量单位，按制度规定的千元处理" in silent.notes


def test_an_unreadable_figure_rejects_its_line_and_leaves_the_others() -> None:
    items = [list(item) for item in ITEMS]
    items[1][2] = "待核"
    items[4][2] = "约三"
    batch = read([*TOP, *HEAD, *items])
    assert batch.rejects[["row", "field", "rule", "raw"]].to_numpy().tolist() == [
        [10, "工业销售产值（本月）", "number.unreadable", "待核"],
        [13, "产品产量（本月）", "number.unreadable", "约三"],
    ]
    fact = batch.tables["output_return"].iloc[0]
    assert np.isnan(fact[["sales_m", "sales_ytd"]].astype(float)).all()
    assert fact["output_m"] == 100
    assert "B204-1|output_m" in batch.cells
    assert not {"B204-1|sales_m", "B204-1|sales_ytd"} & batch.cells.keys(), "a line that is refused delivers nothing"


def test_a_form_of_nobody_is_rejected_line_by_line() -> None:
    top = [list(row) for row in TOP]
    top[2] = ["统一社会信用代码：91000000MA00000000"]
    batch = read([*top, *HEAD, *ITEMS])
    assert (batch.rows_read, batch.rejected, len(batch.tables["output_return"])) == (5, 5, 0)
    assert set(batch.rejects["rule"]) == {"identity.uscc"}


def test_a_code_is_only_a_hint_where_the_name_is_empty() -> None:
    items = [[None, "01", 100, 1000, 90, 900], ["某新指标", "03", 1, 1, 1, 1]]
    fact = read([*TOP, *HEAD, *items, ITEMS[3]]).tables["output_return"].iloc[0]
    assert fact["output_m"] == 100
    assert np.isnan(fact["sales_m"])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda rows: rows.pop(3), "没有注明报告期"),
        (lambda rows: rows.insert(3, ["2026年9月"]), "不一致"),
        (lambda rows: rows.append(["工业总产值", "01", 1, 1, 1, 1]), "出现两次"),
        (lambda rows: rows.__setitem__(5, ["计量单位：件"]), "未识别的计量单位"),
        (lambda rows: rows.__setitem__(6, ["指标名称", "代码", "上年同期", None, "说明", None]), "没有本年"),
    ],
)
def test_a_form_that_cannot_be_trusted_is_refused(change: Any, reason: str) -> None:
    rows = [*[list(row) for row in TOP], *[list(row) for row in HEAD], *[list(row) for row in ITEMS]]
    change(rows)
    with pytest.raises(Refused, match=reason):
        read(rows)


def test_the_fact_stands_on_the_first_line_that_was_taken() -> None:
    items = [list(row) for row in ITEMS]
    items[0][2] = "约三"
    batch = read([*TOP, *HEAD, *items])
    assert batch.rejects["row"].tolist() == [9]
    assert batch.tables["output_return"]["row"].tolist() == [10]


def test_a_form_whose_every_item_is_rejected_gives_no_fact() -> None:
    items = [[*row[:2], "约三", *row[3:]] for row in ITEMS[:4]]
    batch = read([*TOP, *HEAD, *items])
    assert (batch.rows_read, batch.rejected, len(batch.tables["output_return"])) == (4, 4, 0)


def test_a_person_who_stands_in_a_figure_is_not_quoted() -> None:
    items = [list(row) for row in ITEMS]
    items[0][2], items[1][2] = "联系电话：13800000000", "填表人：张某"
    batch = read([*TOP, *HEAD, *items])
    assert batch.rejects["raw"].tolist() == ["（经办人信息，不保留）"] * 2
