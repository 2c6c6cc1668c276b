"""Published customs totals by place: headers of one or several rows, units, per cent as text, and what is refused."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from qxmonitor.errors import Refused
from qxmonitor.feeds import open_file, published, sniff
from qxmonitor.feeds.base import Batch
from qxmonitor.period import SHANGHAI
from qxmonitor.quality.check import check
from tests.feeds.books import csv, workbook

TWO_ROWS = [
    ["地区", "进出口", "", "", "", "出口", "", "", ""],
    ["", "当月", "当月同比±%", "1至10月", "累计同比±%", "当月", "当月同比", "1—10月", "同比"],
]
TITLE = "2026年10月进出口总值表（分地区，模拟数据）"


def read(data: bytes) -> Batch:
    opened = open_file(data)
    assert sniff(opened) is published
    batch = published.read(opened)
    assert batch.accepted + batch.rejected == batch.rows_read
    return batch


def told(batch: Batch) -> dict[tuple[str, str], list[Any]]:
    rows = batch.tables["published_trade"]
    plain = rows[["value", "base", "growth"]].astype(object).where(rows[["value", "base", "growth"]].notna(), None)
    return dict(zip(zip(rows["place"], rows["item"], strict=True), plain.to_numpy().tolist(), strict=True))


def test_merged_headings_a_unit_line_and_per_cent_as_text() -> None:
    rows = [
        ["清溪镇", "10.5", "1.2%", "1,000", "-3.4％", "6", "5", "60", "—"],
        ["全国 总计", 20, None, 30.25, 2, "…", "", 15, "(1.5)"],
        ["数据来源：海关"],
    ]
    for data in (
        csv([[TITLE], ["单位：亿元人民币"], *TWO_ROWS, *rows]),
        workbook({"表": [[TITLE], ["单位：亿元人民币"], *TWO_ROWS, *rows]}),
    ):
        batch = read(data)
        assert (batch.feed, batch.form, batch.period, batch.origin) == (
            "customs_public", "table", "2026-10", "simulated",
        )  # fmt: skip
        assert (batch.rows_read, batch.rejected, len(batch.control)) == (3, 0, 1)
        assert told(batch) == {
            ("清溪镇", "trade_rmb_m"): [1_050_000_000.0, None, 1.2],
            ("清溪镇", "trade_rmb_ytd"): [100_000_000_000.0, None, -3.4],
            ("清溪镇", "export_rmb_m"): [600_000_000.0, None, 5.0],
            ("清溪镇", "export_rmb_ytd"): [6_000_000_000.0, None, None],
            ("全国总计", "trade_rmb_m"): [2_000_000_000.0, None, None],
            ("全国总计", "trade_rmb_ytd"): [3_025_000_000.0, None, 2.0],
            ("全国总计", "export_rmb_ytd"): [1_500_000_000.0, None, -1.5],
        }
        sheet = batch.tables["published_trade"]["sheet"].iloc[0]
        assert batch.cells[f"{sheet}|trade_rmb_ytd.growth"] == "E" and batch.cells[f"{sheet}|export_rmb_m.value"] == "F"


def test_growth_in_columns_of_its_own_and_dollars() -> None:
    head = [
        ["2026年1至10月收发货人所在地总值表"], ["单位：万美元"],
        ["收发货人所在地", "1月至10月累计", "", "", "累计比去年同期±%", "", "", "环比±%"],
        ["", "进出口", "出口", "进口", "进出口", "出口", "进口", "进出口"],
    ]  # fmt: skip
    batch = read(csv([*head, ["广东省", "100", "60", "40", "1.1", "2.2", "-3", "9"]]))
    assert told(batch) == {
        ("广东省", "trade_usd_ytd"): [1_000_000.0, None, 1.1],
        ("广东省", "export_usd_ytd"): [600_000.0, None, 2.2],
        ("广东省", "import_usd_ytd"): [400_000.0, None, -3.0],
    }
    assert any("未采用的列" in note and "环比" in note for note in batch.notes)


@pytest.mark.parametrize(
    ("title", "span"), [("2026年1-2月", "ytd"), ("2026年1—2月份", "ytd"), ("2026年2月", "m"), ("2026年1月", "m")]
)
def test_the_title_tells_the_span_where_no_heading_does(title: str, span: str) -> None:
    head = ["镇街", "进出口总值(万元)", "上年同期(万元)", "同比%", "出口(亿元)", "同比%", "占比%"]
    batch = read(csv([[title], head, ["清溪镇", "100", "90", "11.1%", "2", "-"]]))
    assert told(batch) == {
        ("清溪镇", f"trade_rmb_{span}"): [1_000_000.0, 900_000.0, 11.1],
        ("清溪镇", f"export_rmb_{span}"): [200_000_000.0, None, None],
    }


def test_a_column_of_months_and_lines_that_are_rejected() -> None:
    head = ["地区", "数据年月", "进口当月（元）", "进口累计（元）"]
    rows = [["东莞市", "202609", "5", "7"], ["东莞市", "去年", "5", "7"], ["", "202609", "5", ""],
            ["东莞市", "202610", "约5", "7"], ["东莞市", "202610", "", ""], ["合计", "202610", "1", "2"]]  # fmt: skip
    batch = read(csv([["进口值"], head, *rows]))
    assert batch.period == "2026-09" and (batch.rows_read, batch.rejected) == (6, 4)
    assert sorted(batch.rejects["rule"]) == [
        "number.missing", "number.unreadable", "period.unreadable", "published.nameless",
    ]  # fmt: skip
    assert told(batch) == {
        ("东莞市", "import_rmb_m"): [5.0, None, None],
        ("东莞市", "import_rmb_ytd"): [7.0, None, None],
    }


@pytest.mark.parametrize(
    ("above", "head", "why"),
    [
        (["2026年10月"], ["地区", "进口当月"], "没有写明计量单位"),
        (["2026年10月", "单位：箱"], ["地区", "进口当月"], "没有写明计量单位"),
        (["单位：亿元"], ["地区", "进口当月"], "报告期"),
        (["2026年10月", "单位：亿元", "单位：万元"], ["地区", "进口当月"], "不一致"),
        (["2026年10月", "2026年9月", "单位：亿元"], ["地区", "进口当月"], "不一致"),
        (["2026年10月", "单位：亿元"], ["地区", "进口当月", "进口（当月）"], "同一项"),
        (["进口", "单位：亿元"], ["地区", "进口"], "找不到"),
    ],
)
def test_what_is_not_stated_is_not_guessed(above: list[str], head: list[str], why: str) -> None:
    data = csv([*([text] for text in above), head, ["清溪镇", *["1"] * (len(head) - 1)]])
    with pytest.raises(Refused, match=why):
        published.read(open_file(data))


def test_sheets_of_firms_and_of_commodities_are_others() -> None:
    for head in (["企业名称", "地区", "进口当月"], ["商品编码", "地区", "进口"], ["地区", "产值"]):
        assert not published.matches(open_file(csv([["单位：元"], head, ["甲", "乙", "1"]])))


def test_percentages_of_a_spreadsheet_are_not_taken_for_per_cent() -> None:
    """5.2 % in a cell formatted as a percentage is 0.052: no rate is better than 0.1 %."""
    head = ["地区", "出口累计", "上年同期", "同比", "进口累计", "同比"]
    rows = [["清溪镇", 105.2, 100, 0.052, 7, -0.01], ["东莞市", 9, 8, 0.125, 6, 0.2]]
    top = [["2026年10月（2026年11月18日发布）"], ["单位：亿元"]]
    batch = read(workbook({"表": [*top, head, *rows]}))
    assert batch.period == "2026-10" and batch.tables["published_trade"]["growth"].isna().all()
    assert any("分不清" in note for note in batch.notes)
    signed = [["其中：清溪镇", "105.2", "100", "0.5%", "7", "-0.01"], ["东莞市", "9", "8", "0.1", "6", "0.2"]]
    found = told(read(csv([*top, head, *signed])))
    assert found["清溪镇", "export_rmb_ytd"][2] == 0.5 and found["东莞市", "import_rmb_ytd"][2] == 0.2


def test_two_tables_in_one_sheet_do_not_pass_for_one() -> None:
    rows = [["清溪镇", "1"], ["地区", "出口累计(万美元)"], ["清溪镇", "2"]]
    batch = read(csv([["2026年10月"], ["地区", "出口累计(亿元)"], *rows]))
    assert set(batch.rejects["rule"]) == {"number.unreadable"}
    (judged,) = check([batch], datetime(2026, 12, 1, tzinfo=SHANGHAI))
    assert isinstance(judged, Batch) and judged.tables["published_trade"].empty, "two figures of one place: none counts"
