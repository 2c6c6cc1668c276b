"""Published customs statistics: values by hand, every kind of broken line, directions never guessed."""

from __future__ import annotations

from io import BytesIO

import openpyxl
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qxmonitor.errors import Refused
from qxmonitor.feeds import customs_public, sniff
from qxmonitor.feeds.base import Batch
from qxmonitor.feeds.opening import open_file

HEADER = (
    "数据年月,进出口类型,商品编码,商品名称,贸易伙伴编码,贸易伙伴名称,贸易方式编码,贸易方式名称,注册地编码,注册地名称,"
    "第一数量,第一计量单位,第二数量,第二计量单位,美元,\n"
)


def line(**changed: str) -> str:
    cells = {
        "period": "202108", "flow": "出口", "hs": "95030089", "hs_name": '"玩具,其他"', "partner": "502",
        "partner_name": "美国", "mode": "0110", "mode_name": "一般贸易", "district": "00001",
        "district_name": "模拟地区", "quantity": '"1,200"', "unit": "个", "quantity2": '"3,400.5"', "unit2": "千克",
        "usd": '"12,345,678"',
    } | changed  # fmt: skip
    return ",".join(cells.values()) + ",\n"


def read(text: str, encoding: str = "gb18030") -> Batch:
    opened = open_file(text.encode(encoding), "x.csv")
    assert sniff(opened) is customs_public
    return counted(customs_public.read(opened))


def counted(batch: Batch) -> Batch:
    assert batch.accepted + batch.rejected == batch.rows_read
    accounted = pd.concat([frame[["sheet", "row"]] for frame in
                           (batch.tables["trade_total"], batch.rejects, batch.control) if len(frame)])  # fmt: skip
    assert set(map(tuple, accounted.to_numpy())) == set(map(tuple, batch.lines.to_numpy()))
    return batch


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8-sig", "utf-16"])
def test_a_line_by_hand(encoding: str) -> None:
    batch = read(HEADER + line() + "合计,,,,,,,,,,,,,,1,\n", encoding)
    assert batch.tables["trade_total"].drop(columns="rmb").to_dict("records") == [
        {
            "sheet": "", "row": 2, "period": "2021-08", "flow": "E", "hs": "95030089", "partner": "美国",
            "mode": "0110", "district": "00001", "quantity": 1200.0, "unit": "个", "quantity2": 3400.5, "unit2": "千克",
            "usd": 12345678.0,
        }
    ]  # fmt: skip
    assert batch.tables["trade_total"]["rmb"].isna().all()
    assert batch.control.to_numpy().tolist() == [["", 3, "合计"]]
    assert (batch.rows_read, batch.period, batch.origin, batch.notes) == (2, "2021-08", None, [])
    assert batch.cells["|usd"] == "O"


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"period": "202113"}, "period.unreadable"),
        ({"period": "202101-202108"}, "period.unreadable"),
        ({"period": ""}, "period.unreadable"),
        ({"flow": "进出口"}, "customs.flow"),
        ({"flow": ""}, "customs.flow"),
        ({"hs": "950300"}, "customs.hs"),
        ({"hs": "0950300"}, "customs.hs"),
        ({"hs": "9503008900"}, "customs.hs"),
        ({"hs": "77010000"}, "customs.hs"),
        ({"mode": "8888"}, "customs.mode"),
        ({"usd": ""}, "number.missing"),
        ({"usd": "-"}, "number.missing"),
        ({"usd": "待核"}, "number.unreadable"),
        ({"quantity": "1,2,3"}, "row.columns"),
        ({"quantity2": '"1,23"'}, "number.unreadable"),
        ({"usd": "12,345,678"}, "row.columns"),
    ],
)
def test_a_broken_line_is_rejected_and_its_neighbours_are_not(changed: dict[str, str], rule: str) -> None:
    batch = read(HEADER + line() + line(**changed) + line(flow="进口"))
    assert batch.rejects[["row", "rule"]].to_numpy().tolist() == [[3, rule]]
    assert batch.tables["trade_total"]["row"].tolist() == [2, 4]


@pytest.mark.parametrize(
    ("changed", "field", "value"),
    [
        ({"mode": "110"}, "mode", "0110"),
        ({"mode": "10"}, "mode", "10"),
        ({"mode": "", "mode_name": "进料对口"}, "mode", "0615"),
        ({"mode": "", "mode_name": ""}, "mode", ""),
        ({"hs": "3011000"}, "hs", "03011000"),
        ({"partner": "999", "partner_name": "某地"}, "partner", "某地"),
        ({"partner": "", "partner_name": "香港"}, "partner", "中国香港"),
        ({"partner": "", "partner_name": ""}, "partner", ""),
        ({"flow": "0"}, "flow", "E"),
    ],
)
def test_every_way_of_writing(changed: dict[str, str], field: str, value: str) -> None:
    assert read(HEADER + line(**changed)).tables["trade_total"][field].tolist() == [value]


def test_mended_codes_and_strange_partners_are_notes() -> None:
    batch = read(HEADER + line(hs="3011000") + line(partner="ZZ", partner_name="某地") + line(mode="10"))
    assert batch.notes == [
        "贸易方式 10 的含义尚未核实",
        "商品编码补回表格软件丢掉的前导 0，共 1 行",
        "贸易伙伴不在代码表中，照原文收下，共 1 行",
    ]


SHORT = (
    "数据年月,商品编码,商品名称,第一数量,第一计量单位,第二数量,第二计量单位,人民币,\n"
    "202108,95030089,玩具,1,个,2,千克,3,\n"
)


@pytest.mark.parametrize(
    ("title", "flow"), [("海关进出口统计（模拟数据）：出口,\n", "E"), ("2021年进口（模拟数据）\n说明\n", "I")]
)
def test_the_direction_stands_above_the_header(title: str, flow: str) -> None:
    batch = read(title + SHORT)
    row = batch.tables["trade_total"].iloc[0]
    assert (row["flow"], row["rmb"], row["partner"], row["mode"], row["district"]) == (flow, 3.0, "", "", "")
    assert pd.isna(row["usd"]) and batch.origin == "simulated"


@pytest.mark.parametrize("title", ["", "海关进出口统计\n", "进口和出口\n"])
def test_a_direction_is_never_guessed(title: str) -> None:
    with pytest.raises(Refused, match="没有写明是进口还是出口"):
        read(title + SHORT)


def test_columns_that_must_be_there_once() -> None:
    with pytest.raises(Refused, match="两列"):
        read(HEADER.replace("第二数量", "第一数量") + line())
    with pytest.raises(Refused, match="未识别"):
        read(HEADER.replace("美元", "金额") + line())
    firm = HEADER.replace("注册地名称", "企业名称")
    assert not customs_public.matches(open_file((firm + line()).encode(), "x"))


def test_a_workbook_is_read_like_the_csv() -> None:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.title = "查询结果"
    sheet.append(["进口 模拟数据"])
    sheet.append(SHORT.splitlines()[0].split(",")[:-1])
    sheet.append([202108, 3011000, "鱼", 1, "个", 2, "千克", 1234.5])
    sheet.append([])
    sheet.append(["注：数据来源为公开查询"])
    stream = BytesIO()
    book.save(stream)
    opened = open_file(stream.getvalue(), "x.xlsx")
    assert sniff(opened) is customs_public
    batch = counted(customs_public.read(opened))
    assert batch.tables["trade_total"][["row", "hs", "rmb", "flow"]].to_numpy().tolist() == [
        [3, "03011000", 1234.5, "I"]
    ]
    assert batch.control["row"].tolist() == [5]


@pytest.mark.slow
@given(st.lists(st.lists(st.text(max_size=6), min_size=1, max_size=17), max_size=12))
def test_any_lines_are_accounted_for(rows: list[list[str]]) -> None:
    text = HEADER + line() + "\n".join(",".join(row) for row in rows)
    try:
        batch = customs_public.read(open_file(text.encode("utf-8", "surrogatepass"), "x.csv"))
    except Refused as refusal:
        assert "\n" not in str(refusal)
        return
    counted(batch)
