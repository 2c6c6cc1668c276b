"""Output by class and by product: lists of the platform, and the lines below the totals of a firm's form."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pandas as pd
import pytest

from qxmonitor.errors import Refused
from qxmonitor.feeds import open_file, sniff
from qxmonitor.feeds.base import REJECT_COLUMNS, Batch
from qxmonitor.feeds.detail import COLUMNS
from tests.feeds.books import csv, uscc, workbook

KEYS = ["统一社会信用代码", "单位详细名称", "报告期"]
SPANS = (("本年", "本月"), ("本年", "1-本月"), ("上年同期", "本月"), ("上年同期", "1—本月"))
CLASSES = [*KEYS, "行业代码", "行业名称", *(";".join((y, s, "工业总产值(当年价格)")) for y, s in SPANS)]
PRODUCTS = [*KEYS, "产品代码", "产品名称", "计量单位", *(";".join(("产量", s, y)) for y, s in SPANS)]


def read(data: bytes) -> Batch:
    opened = open_file(data)
    batch = sniff(opened).read(opened)
    assert batch.accepted + batch.rejected == batch.rows_read
    assert list(batch.rejects.columns)[: len(REJECT_COLUMNS)] == REJECT_COLUMNS
    return batch


def listed(header: list[Any], rows: list[list[Any]], unit: str | None = "计量单位：千元") -> bytes:
    return workbook({"表": [["B204-1表 分行业"], [unit], header, *rows]})


def row(number: int, *cells: object, period: object = "2026 00 10") -> list[object]:
    return [uscc(number), f"甲{number}公司", period, *cells]


def facts(batch: Batch) -> pd.DataFrame:
    table = batch.tables["output_detail"]
    assert list(table.columns) == COLUMNS
    return table.set_index("row")


def test_a_list_of_classes() -> None:
    rows = [
        row(1, "3911", "计算机整机制造", 100, 1000, 90, "９００"),
        row(1, 3982, "电子电路制造", "1,200", "-", "…", "—"),
        row(2, "C2452", "塑胶玩具制造", 5, 50, 4, 40),
        ["合计", None, None, None, None, 1305, 1050, 94, 940],
    ]
    batch = read(listed(CLASSES, rows))
    assert (batch.feed, batch.form, batch.period, batch.origin) == ("b204_detail", "list", "2026-10", "simulated")
    assert (batch.rows_read, batch.rejected) == (4, 0)
    found = facts(batch)
    assert found["kind"].unique().tolist() == ["industry"]
    assert found.loc[4, ["code", "name", "unit"]].tolist() == ["3911", "计算机整机制造", "千元"]
    assert found.loc[4, ["m", "ytd", "ly_m", "ly_ytd"]].tolist() == [100, 1000, 90, 900]
    assert found.loc[5, "m"] == 1200
    assert found.loc[5, ["ytd", "ly_m", "ly_ytd"]].isna().all()
    assert found["code"].tolist() == ["3911", "3982", "2452"]
    assert batch.control["row"].tolist() == [7]
    assert (batch.cells["表|m"], batch.cells["表|ly_ytd"], batch.cells["表|code"]) == ("F", "I", "D")


def test_a_list_of_products_keeps_their_own_units() -> None:
    rows = [
        row(1, "2452001", "玩具", "万个", 3, 30, 2, 20),
        row(1, "", "注塑件（吨）", "", 1.5, 15, 1, 10),
        row(2, "", "工业性作业", "万元", 12, 120, 11, 110),
    ]
    found = facts(read(listed(PRODUCTS, rows)))
    assert found["kind"].unique().tolist() == ["product"]
    assert found["unit"].tolist() == ["万个", "吨", "千元"]
    assert found["name"].tolist() == ["玩具", "注塑件", "工业性作业"]
    assert found["m"].tolist() == [3, 1.5, 120]  # money is normalised, quantities are not
    assert found["code"].tolist() == ["2452001", "", ""]


def test_headings_may_come_in_any_order_with_the_unit_as_a_part() -> None:
    rng = random.Random(3)
    header: list[Any] = [*KEYS, "行业小类代码"]
    for year, span in SPANS:
        parts = [year, span, "工业总产值(当年价格)", "万元"]
        rng.shuffle(parts)
        header.append(rng.choice([";", "；", " ; "]).join(parts))
    found = facts(read(listed([*header, "填表人", "手机"], [row(1, "3911", 1, 2, 3, 4, "张某", "13800000000")], None)))
    assert found.loc[4, ["m", "ytd", "ly_m", "ly_ytd"]].tolist() == [10, 20, 30, 40]
    assert found.loc[4, "unit"] == "千元"


def test_the_unit_line_counts_for_money_and_not_for_quantities() -> None:
    header = [*KEYS, "行业代码", "产品名称", "计量单位", "工业总产值;本年;本月", "产量;本年;本月"]
    rows = [row(1, "3911", "", "", 7, None), row(1, "3911", "平板", "万台", None, 2.5)]
    found = facts(read(listed(header, rows, "单位：万元")))
    assert found["kind"].tolist() == ["industry", "product"]
    assert found["m"].tolist() == [70, 2.5]
    assert found["unit"].tolist() == ["千元", "万台"]


def test_of_two_columns_the_plainer_is_taken() -> None:
    header = [*KEYS, "产品名称", "计量单位", "产量;其中:出口;本年;本月", "产量;本年;本月", "销售量;本年;本月"]
    batch = read(listed(header, [row(1, "玩具", "万个", 1, 2, 3)]))
    assert facts(batch).loc[4, "m"] == 2
    assert any("销售量" in note for note in batch.notes)


def test_every_kind_of_unusable_line_is_rejected_with_its_reason() -> None:
    rows = [
        row(1, "1", "玩具", "万个", "约三", 30, 2, 20),
        row(1, "2", "纸制品", "", 1, 2, 3, 4),
        row(1, "", "", "吨", 1, 2, 3, 4),
        row(1, "3", "家具", "件", "#REF!", 2, 3, 4, period="十月"),
        [None, None, "2026 00 10", "4", "箱", "个", 1, 2, 3, 4],
    ]
    batch = read(listed(PRODUCTS, rows))
    found = {(r, rule) for _, r, _, rule, _, _ in batch.rejects.itertuples(index=False)}
    assert found == {
        (4, "number.unreadable"), (5, "detail.unit_missing"), (6, "detail.unknown"), (7, "period.unreadable"),
        (8, "identity.missing"),
    }  # fmt: skip
    assert batch.rows_read == batch.rejected == 5


def test_a_csv_list_reads_as_the_workbook_does() -> None:
    rows = [["B204-1表"], ["计量单位：千元"], CLASSES, row(1, "3911", "整机", "1,234", 5, "", "(7)")]
    book, text = read(workbook({"表": rows})), read(csv(rows))
    pd.testing.assert_frame_equal(facts(book).drop(columns="sheet"), facts(text).drop(columns="sheet"))
    assert facts(text).loc[4, ["m", "ly_ytd"]].tolist() == [1234, -7]


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ([*KEYS, "产品名称", "计量单位", "工业总产值;本年;本月"], "没有产量列"),
        ([*KEYS, "行业代码", "工业总产值;本年;本月", "本月;本年;工业总产值(当年价格)"], "同一项"),
        ([*KEYS, "行业代码", "小类代码", "工业总产值;本年;本月"], "同一项"),
        ([*KEYS, "行业代码", "工业总产值;本年;本月;千元", "工业总产值;本年;1-本月;万元"], "不一致"),
        (["统一社会信用代码", "行业代码", "工业总产值;本年;本月"], "缺少报告期"),
    ],
)
def test_a_header_that_cannot_be_trusted_refuses_the_file(header: list[Any], reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        read(listed(header, [row(1, "3911", 1, 2)]))


def test_a_firms_own_class_in_the_list_of_totals_makes_no_list_of_classes() -> None:
    header = [*KEYS, "行业代码", "工业总产值;本年;本月", "工业销售产值;本年;本月"]
    assert read(listed(header, [row(1, "3911", 1, 2)])).form == "export"


def test_a_workbook_of_totals_and_lists_is_read_as_one() -> None:
    top = [["B204-1表"], ["计量单位：千元"]]
    totals = [*top, [*KEYS, "工业总产值;本年;本月", "工业销售产值;本年;本月"], row(1, 9, 8), row(2, "x", 8)]
    sheets = {"总": totals, "产品": [*top, PRODUCTS, row(1, "", "玩具", "万个", 1, 2, 3, 4)], "空表": [["说明"]]}
    batch = read(workbook(sheets))
    assert (batch.feed, batch.form, batch.rows_read, batch.rejected) == ("b204_1", "export", 3, 1)
    assert len(batch.tables["output_return"]) == len(batch.tables["output_detail"]) == 1
    assert [note for note in batch.notes if "未读取" in note] == ["工作表“空表”没有可识别的表头，未读取"]


TOP: list[list[Any]] = [
    ["工业产销总值及主要产品产量"],
    [f"统一社会信用代码：{uscc(7)}", None, None, None, None, None, "2026年10月"],
    ["填表人：张某", None, None, "QQ：12345678"],
    ["计量单位：万元"],
    ["指标名称", "计量单位", "代码", "本年本月", "本年1-本月", "上年同期本月", "上年同期1-本月"],
    ["甲", "乙", "丙", 1, 2, 3, 4],
    ["工业总产值（当年价格）", "万元", "01", 100, 1000, 90, 900],
    ["工业销售产值（当年价格）", "万元", "03", 95, 950, 85, 850],
]
BELOW: list[list[Any]] = [
    ["一、按行业小类分的工业总产值", None, None, None, None, None, None],
    ["计算机整机制造", "万元", 3911, 60, 600, 50, 500],
    ["电子电路制造", None, "3982", 40, 400, 40, 400],
    ["其中：新产品产值", "万元", "02", 9, 9, 9, 9],
    ["二、主要产品产量", "—", None, None, None, None, None],
    ["微型计算机设备", "台", "3911001", 12, 120, 10, 100],
    ["工业机器人（套）", None, "11", None, 3, None, 2],
    ["企业用电量", "万千瓦时", "05", 1, 10, 1, 9],
    ["填表人：张某"],
]


def test_the_lines_below_a_forms_totals() -> None:
    batch = read(workbook({"B204-1": [*TOP, *BELOW]}))
    found = facts(batch)
    assert (batch.rows_read, batch.rejected) == (11, 0)
    assert found["kind"].tolist() == ["industry", "industry", "product", "product"]
    assert found.index.tolist() == [10, 11, 14, 15]
    assert found["code"].tolist() == ["3911", "3982", "3911001", "11"]
    assert found["name"].tolist() == ["计算机整机制造", "电子电路制造", "微型计算机设备", "工业机器人"]
    assert found["unit"].tolist() == ["千元", "千元", "台", "套"]
    assert found["m"].tolist()[:3] == [600, 400, 12]
    assert np.isnan(found.loc[15, "m"])
    assert found.loc[15, "ytd"] == 3
    assert batch.control["row"].sort_values().tolist() == [9, 12, 13, 17]
    totals = batch.tables["output_return"].iloc[0]
    assert totals[["output_m", "power_ytd"]].tolist() == [1000, 10]
    assert batch.cells["B204-1|ytd"] == "E"
    assert "张某" not in str([batch.tables, batch.control, batch.notes, batch.cells])


def test_a_part_of_a_form_may_have_a_header_of_its_own() -> None:
    rows = [
        ["产品名称", "计量单位", "产品代码", "本月", "1-本月", "上年同期本月", "上年同期1-本月"],
        ["甲", "乙", "丙", 1, 2, 3, 4],
        ["工业机器人", "套", "3491", 1, 2, 3, 4], ["行业名称", "计量单位", "行业代码", "本月", "1-本月", None, None],
        ["行业小类", None, None, None, None, None, None], ["整机制造", None, 3911.0, 1, 2, 3, 4],
    ]  # fmt: skip
    batch = read(workbook({"B204-1": [*TOP, *rows]}))
    assert facts(batch)[["kind", "code"]].to_numpy().tolist() == [["product", "3491"], ["industry", "3911"]]
    assert (batch.rejected, len(batch.control)) == (0, 4)


def test_without_headings_the_unit_tells_a_class_from_a_product() -> None:
    rows = [
        ["整机制造", "千元", "3911", 1, 2, 3, 4],
        ["工业机器人", "套", "3491", 1, 2, 3, 4],
        ["某某", None, "77", 1, 2, 3, 4],
    ]
    batch = read(workbook({"B204-1": [*TOP, *rows]}))
    found = facts(batch)
    assert found["kind"].tolist() == ["industry", "product"]
    assert found["unit"].tolist() == ["千元", "套"]
    assert batch.rejects[["row", "rule"]].to_numpy().tolist() == [[11, "detail.unknown"]]
