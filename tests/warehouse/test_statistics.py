"""Output in detail and approved figures from the file to the as-of read: newest files, withheld firms, accounts."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from qxmonitor import quality
from qxmonitor.feeds import open_file, sniff
from qxmonitor.period import Period
from qxmonitor.trace import trace
from qxmonitor.warehouse import asof, store
from qxmonitor.warehouse.load import load
from qxmonitor.warehouse.panel import read_panel
from tests.feeds.books import uscc, workbook

pytestmark = pytest.mark.slow

KEYS = ["统一社会信用代码", "单位详细名称", "报告期"]
CLASSES = [*KEYS, "行业代码", "工业总产值;本年;本月"]
PRODUCTS = [*KEYS, "产品名称", "计量单位", "产量;本年;本月"]
FORM: list[list[Any]] = [
    ["工业产销总值及主要产品产量"], [f"统一社会信用代码：{uscc(7)}"], ["2026年3月"], ["计量单位：千元"],
    ["指标名称", "计量单位", "代码", "本年本月", "本年1-本月"], ["工业总产值", None, "01", 100, 300],
    ["其中：出口交货值", None, "04", 9, 30], ["整机制造", None, "3911", 60, 200], ["计算机", "台", "1", 5, 15],
    ["企业用电量", "万千瓦时", "05", 1, 3],
]  # fmt: skip


def read(make: Any, data: bytes) -> Any:
    opened = open_file(data)
    (outcome,) = quality.check([sniff(opened).read(opened)], make.day(400))
    return outcome


def arrive(warehouse: Any, make: Any, text: str, day: int, header: list[Any], *rows: list[Any]) -> dict[str, Any]:
    batch = read(make, workbook({"表": [["计量单位：千元"], header, *rows]}))
    return load(warehouse, [make.item(text, day, batch)])[0]


def firm(number: int, *cells: Any) -> list[Any]:
    return [uscc(number), f"甲{number}公司", "2026-03", *cells]


def test_the_newest_list_of_each_kind_stands_as_a_whole(warehouse: Any, make: Any) -> None:
    load(warehouse, [make.item("register", 0, make.register({uscc(1): {}, uscc(2): {}}))])
    arrive(warehouse, make, "classes", 1, CLASSES, firm(1, "3911", 60), firm(1, "3982", 40), firm(2, "2452", 7))
    arrive(warehouse, make, "products", 2, PRODUCTS, firm(1, "玩具", "万个", 3))
    arrive(warehouse, make, "corrected", 3, CLASSES, firm(1, "3911", 55))
    found = asof.read(warehouse, "output_detail").sort_values(["entity", "kind", "code"])
    assert found[["entity", "kind", "code", "m"]].to_numpy().tolist() == [
        [uscc(1), "industry", "3911", 55.0], [uscc(1), "product", "", 3.0], [uscc(2), "industry", "2452", 7.0],
    ]  # fmt: skip
    then = asof.read(warehouse, "output_detail", known_at=make.day(2))
    assert then.loc[then["kind"] == "industry", "m"].sum() == 107


def test_every_line_of_a_form_is_accounted_for_and_withheld_with_its_firm(warehouse: Any, make: Any) -> None:
    batch = read(make, workbook({"B204-1": FORM}))
    (receipt,) = load(warehouse, [make.item("form", 1, batch)])
    assert (receipt["rows_read"], receipt["accepted"], receipt["rejected"]) == (5, 0, 5)
    waiting = store.read_quarantine(warehouse)
    assert sorted(waiting["row"].tolist()) == [6, 7, 8, 9, 10]
    assert asof.read(warehouse, "output_detail").empty
    load(warehouse, [make.item("register", 2, make.register({uscc(7): {}}))])
    assert asof.read(warehouse, "output_detail")["code"].tolist() == ["3911", "1"]
    assert store.read_quarantine(warehouse).empty


def test_the_number_of_a_forms_line_is_no_products_code(warehouse: Any, make: Any) -> None:
    """Two firms print different products on line 10, one of them also stands in a list without codes."""
    load(warehouse, [make.item("register", 0, make.register({uscc(n): {} for n in (1, 2, 3)}))])
    for number, product, made in ((1, "家具", 55), (2, "玩具", 300)):
        rows = [*FORM[:1], [f"统一社会信用代码：{uscc(number)}"], *FORM[2:6], [product, "件", "10", 1, made]]
        batch = read(make, workbook({"B204-1": rows}))
        load(warehouse, [make.item(f"form {number}", number, batch)])
    lists = [*KEYS, "产品名称", "计量单位", "产量;本年;1-本月"]
    arrive(warehouse, make, "list", 3, lists, firm(3, "家具", "件", 4))
    found = read_panel(warehouse, Period("2026-03"), months=1).detail
    made_of = {(r["code"], r["unit"]): (r["name"], r["firms"], r["ytd"]) for r in found.to_dict("records")}
    assert made_of == {("家具", "件"): ("家具", 2, 59.0), ("玩具", "件"): ("玩具", 1, 300.0)}
    stands = trace(warehouse, "product_output_ytd:product:家具/件:2026-03")
    assert sorted(row["value"] for row in stands) == [4.0, 55.0]


def test_a_month_of_a_newer_approved_file_leaves_the_older_cumulative(warehouse: Any, make: Any) -> None:
    head = ["指标", "计量单位", "报告期", "本月", "同比增速(%)", "1—本月", "同比增速(%)"]
    arrive(warehouse, make, "first", 1, head, ["规上工业总产值", "亿元", "2026-03", 60, 5, 170, 6])
    arrive(warehouse, make, "second", 2, head, ["规上工业总产值", "亿元", "2026-03", 61, 5.5, None, None])
    found = asof.read(warehouse, "approved_figure").set_index("measure")
    assert found["value"].to_dict() == {"m": 61, "ytd": 170}
    assert found["growth"].to_dict() == {"m": 5.5, "ytd": 6}
    assert pd.isna(asof.read(warehouse, "approved_figure", known_at=make.day(0))["value"]).all()
