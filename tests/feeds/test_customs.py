"""The enterprise monthly sheet of customs: values by hand, every kind of broken line, true line numbers."""

from __future__ import annotations

from io import BytesIO

import openpyxl
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qxmonitor import identity
from qxmonitor.errors import Refused
from qxmonitor.feeds import csvfile, customs, sniff
from qxmonitor.feeds.base import Batch
from qxmonitor.feeds.opening import open_file

HEADER = "数据年月,海关编码,社会信用代码,企业名称,进出口标志,贸易方式,商品编码,国别(地区),数量,单位,美元值,人民币值,\n"
BODY = "91000000MA0000001"
CODE = BODY + identity.uscc_check_char(BODY)


def line(**changed: str) -> str:
    cells = {
        "period": "202108",
        "customs": "0000912345",
        "uscc": CODE,
        "name": "某某玩具厂",
        "flow": "出口",
        "mode": "0110",
        "hs": "95030089",
        "partner": "美国",
        "quantity": '"1,200"',
        "unit": "千克",
        "usd": '"12,345.50"',
        "rmb": '"80,000"',
    } | changed
    return ",".join(cells.values()) + ",\n"


def read(text: str, encoding: str = "gb18030") -> Batch:
    opened = open_file(text.encode(encoding), "x.csv")
    assert customs.matches(opened)
    batch = customs.read(opened)
    # The promise of every reader, counted here from the file itself.
    assert batch.accepted + batch.rejected == batch.rows_read
    accounted = pd.concat([batch.tables["trade_line"]["row"], batch.rejects["row"], batch.control["row"]])
    assert set(accounted) == set(batch.lines["row"])
    return batch


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8-sig", "utf-16"])
def test_a_line_by_hand(encoding: str) -> None:
    batch = read(HEADER + line() + '合计,,,,,,,,,,"12,345.50","80,000",\n', encoding)
    assert batch.tables["trade_line"].to_dict("records") == [
        {
            "sheet": "",
            "row": 2,
            "subject": CODE,
            "period": "2021-08",
            "flow": "E",
            "mode": "0110",
            "hs": "95030089",
            "partner": "美国",
            "quantity": 1200.0,
            "unit": "千克",
            "usd": 12345.5,
            "rmb": 80000.0,
            "vintage": "monthly",
        }
    ]
    assert batch.control.to_numpy().tolist() == [["", 3, "合计"]]
    assert (batch.rows_read, batch.period, batch.origin, batch.notes) == (2, "2021-08", "simulated", [])
    assert batch.cells["|usd"] == "K"


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"mode": "8888"}, "customs.mode"),
        ({"mode": "随便写的"}, "customs.mode"),
        ({"mode": ""}, "customs.mode"),
        ({"hs": "9503008"}, "customs.hs"),
        ({"hs": "9503008A"}, "customs.hs"),
        ({"hs": "77010000"}, "customs.hs"),
        ({"flow": "转关"}, "customs.flow"),
        ({"flow": ""}, "customs.flow"),
        ({"period": "202113"}, "period.unreadable"),
        ({"period": ""}, "period.unreadable"),
        ({"uscc": CODE[:-1] + ("A" if CODE[-1] != "A" else "B")}, "identity.uscc"),
        ({"uscc": "", "customs": "123"}, "identity.customs"),
        ({"uscc": "", "customs": "", "name": ""}, "identity.missing"),
        ({"usd": "待核"}, "number.unreadable"),
        ({"quantity": "很多"}, "number.unreadable"),
        ({"usd": "-", "rmb": ""}, "number.missing"),
        ({"usd": "12,345"}, "row.columns"),
    ],
)
def test_a_broken_line_is_rejected_and_its_neighbours_are_not(changed: dict[str, str], rule: str) -> None:
    batch = read(HEADER + line() + line(**changed) + line(flow="进口"))
    assert batch.rejects[["row", "rule"]].to_numpy().tolist() == [[3, rule]]
    assert batch.tables["trade_line"]["row"].tolist() == [2, 4]


@pytest.mark.parametrize(
    ("changed", "field", "value"),
    [
        ({"mode": "110"}, "mode", "0110"),
        ({"mode": "一般贸易"}, "mode", "0110"),
        ({"mode": "6033 物流中心进出境货物"}, "mode", "6033"),
        ({"flow": "I"}, "flow", "I"),
        ({"flow": "1"}, "flow", "I"),
        ({"flow": "0"}, "flow", "E"),
        ({"hs": "9503008390"}, "hs", "9503008390"),
        ({"period": "2021-08"}, "period", "2021-08"),
        ({"uscc": ""}, "subject", "customs:0000912345"),
        ({"uscc": "", "customs": "", "name": "某某（东莞）有限责任公司"}, "subject", "name:某某(东莞)有限公司"),
        ({"usd": "（１２３）"}, "usd", -123.0),
    ],
)
def test_every_way_of_writing(changed: dict[str, str], field: str, value: object) -> None:
    assert read(HEADER + line(**changed)).tables["trade_line"][field].tolist() == [value]


def test_quoted_line_breaks_and_blank_lines_keep_line_numbers_true() -> None:
    text = HEADER + line(name='"某某\n玩具厂"') + "\n,,,\n" + line(mode="8888") + line()
    batch = read(text)
    assert batch.tables["trade_line"]["row"].tolist() == [2, 7]
    assert batch.rejects["row"].tolist() == [6]
    assert batch.rows_read == 3


def test_a_stray_quote_harms_only_its_line() -> None:
    batch = read(HEADER + line() + line(name='12"电视厂') + line(mode="8888") + line(name='15"屏') + line())
    assert batch.tables["trade_line"]["row"].tolist() == [2, 3, 5, 6]
    assert batch.rejects["row"].tolist() == [4]


def test_an_open_quote_that_the_next_cell_closes_harms_only_its_line() -> None:
    batch = read(HEADER + line() + line(name='"某某') + line())
    assert batch.tables["trade_line"]["row"].tolist() == [2, 4]
    assert set(batch.rejects["row"]) == {3}


@pytest.mark.parametrize("after", [0, 3, 60])
def test_an_open_quote_is_refused(after: int) -> None:
    bare = line(quantity="1", usd="2", rmb="3")
    opened = open_file((HEADER + bare + bare.replace("某某", '"某某') + bare * after).encode(), "x.csv")
    with pytest.raises(Refused, match="第 3 行的引号没有配对"):
        customs.read(opened)


def test_a_leading_zero_that_a_spreadsheet_lost_is_put_back_with_a_remark() -> None:
    batch = read(HEADER + line(hs="3011000") + line(hs="9503008") + line(hs="95030089"))
    assert batch.tables["trade_line"]["hs"].tolist() == ["03011000", "95030089"]
    assert batch.rejects["raw"].tolist() == ["9503008"], "chapter 09 has no heading 50: half a code, not a lost zero"
    assert "商品编码补回表格软件丢掉的前导 0，共 1 行" in batch.notes


def test_headings_by_other_names_order_and_unit() -> None:
    text = (
        "进出口企业月度情况\n单位：见表头\n统一社会信用代码,统计年月,商品代码,监管方式,进出口,人民币值(万元),美元值（千美元）\n"
        f"{CODE},2021年8月,95030089,一般贸易,出口,8,12.5\n"
    )
    batch = read(text)
    row = batch.tables["trade_line"].iloc[0]
    assert (row["rmb"], row["usd"], row["partner"], row["row"]) == (80000.0, 12500.0, "", 4)
    assert pd.isna(row["quantity"]) and pd.isna(row["unit"])
    assert batch.rows_read == 1


def test_columns_that_must_be_there() -> None:
    with pytest.raises(Refused, match="贸易方式"):
        read(HEADER.replace("贸易方式", "方式") + line())
    with pytest.raises(Refused, match="两列"):
        read(HEADER.replace("国别(地区)", "监管方式") + line())
    assert not customs.matches(open_file(b"a,b\n1,2\n", "x"))
    assert not customs.matches(open_file(b"<a/>", "x"))


def test_a_total_that_does_not_add_up_is_a_note_without_figures() -> None:
    batch = read(HEADER + line() + line() + '合计,,,,,,,,,,"24,691","170,000",\n')
    assert batch.notes == ["合计行的人民币值与各行之和不符"]
    # A rejected line still counts towards the total.
    assert read(HEADER + line() + line(mode="8888") + '合计,,,,,,,,,,"24,691","160,000",\n').notes == []


def test_persons_at_the_foot_leave_no_trace() -> None:
    batch = read(HEADER + line() + "填表人：张某 联系电话：13900000000\n")
    assert batch.rows_read == 2 and batch.rejected == 0
    everything = batch.control.to_string() + batch.rejects.to_string() + batch.tables["trade_line"].to_string()
    assert "张某" not in everything and "139" not in everything


def test_simulated_and_real_firms_do_not_mix() -> None:
    with pytest.raises(Refused, match="模拟"):
        read(HEADER + line() + line(uscc="91999999MA0000T1X2"))


def test_unverified_modes_are_taken_with_a_note() -> None:
    assert read(HEADER + line(mode="1039")).notes == ["监管方式 1039 的含义尚未核实"]


@pytest.mark.slow
@given(st.lists(st.lists(st.text(max_size=6), min_size=1, max_size=14), max_size=12))
def test_any_lines_are_accounted_for(rows: list[list[str]]) -> None:
    text = HEADER + line() + "\n".join(",".join(row) for row in rows)
    try:
        opened = open_file(text.encode("utf-8", "surrogatepass"), "x.csv")
        batch = customs.read(opened)
    except Refused as refusal:
        assert "\n" not in str(refusal)
        return
    assert batch.accepted + batch.rejected == batch.rows_read
    assert batch.rows_read == len(batch.lines.drop_duplicates())


@given(
    st.lists(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])), min_size=2), max_size=9)
)
def test_fast_and_exact_splitting_agree(rows: list[list[str]]) -> None:
    quoted = [['"' + cell.replace('"', '""') + '"' for cell in row] for row in rows]
    text = "\n".join(",".join(row) for row in quoted)
    fast = csvfile._fast(text, ",") if text else None
    if fast is None:
        return
    lines, table = csvfile._exact(text, ",")
    assert fast[0].tolist() == lines.tolist()
    assert fast[1].to_pydict() == table.to_pydict()
    uniform = csvfile._uniform(text, ",")
    if uniform is not None:
        assert uniform[0].tolist() == lines.tolist()
        assert uniform[1].to_pydict() == table.to_pydict()


def test_column_letters() -> None:
    assert [csvfile.column_letter(at) for at in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]


def test_a_hundred_thousand_lines_are_all_read() -> None:
    text = HEADER + line() * 100_000
    batch = read(text)
    assert batch.rows_read == 100_000


@pytest.mark.parametrize(
    ("title", "vintage"),
    [
        ("", "monthly"),
        ("进出口企业月度数据\n", "monthly"),
        ("进出口企业月度数据（快讯）\n单位：元\n", "preliminary"),
        ("快讯。最终数据以年鉴为准\n", "preliminary"),
        ("月报（修正）\n", "corrected"),
        ("2021年年鉴终值\n", "final"),
        ("按最终目的国统计\n", "monthly"),
    ],
)
def test_the_vintage_stands_above_the_header(title: str, vintage: str) -> None:
    assert read(title + HEADER + line()).tables["trade_line"]["vintage"].tolist() == [vintage]


def test_a_column_states_the_vintage_line_by_line() -> None:
    head = "快讯\n" + HEADER.replace("人民币值,", "人民币值,数据版本,")
    lines = [line()[:-2] + f",{word},\n" for word in ("", "修正数", "月报", "年鉴", "快讯更正", "别的")]
    batch = read(head + "".join(lines))
    assert batch.tables["trade_line"]["vintage"].tolist() == ["preliminary", "corrected", "monthly", "final"]
    assert batch.rejects[["row", "rule"]].to_numpy().tolist() == [[7, "customs.vintage"], [8, "customs.vintage"]]
    assert batch.notes == [
        "本表是快讯数，月报到后以月报为准",
        "本表是修正数，压过同月的快讯和月报",
        "本表是年鉴终值，压过同月的其他版本",
    ]


def test_titles_that_contradict_one_another_are_refused() -> None:
    with pytest.raises(Refused, match="互相矛盾"):
        read("进出口快讯\n年鉴终值\n" + HEADER + line())


def book(*sheets: list[list[object]]) -> bytes:
    made = openpyxl.Workbook()
    for number, rows in enumerate(sheets):
        sheet = made.worksheets[0] if number == 0 else made.create_sheet()
        sheet.title = f"第{number + 1}页"
        for row in rows:
            sheet.append(row)
    stream = BytesIO()
    made.save(stream)
    return stream.getvalue()


HEADINGS: list[object] = HEADER.strip(",\n").split(",")  # type: ignore[assignment]


def cells(**changed: object) -> list[object]:
    values: dict[str, object] = {
        "period": 202108, "customs": "0000912345", "uscc": CODE, "name": "某某玩具厂", "flow": "出口", "mode": 110,
        "hs": 95030089, "partner": "俄罗斯联邦", "quantity": 1200, "unit": "千克", "usd": 12345.5, "rmb": "80,000",
    }  # fmt: skip
    return list((values | changed).values())


def test_a_workbook_is_read_like_the_csv() -> None:
    title: list[list[object]] = [["进出口企业月度数据（修正）"], ["单位：元"], HEADINGS]
    total: list[object] = ["合计", *[None] * 9, 24691, 160000]
    first = [*title, cells(), cells(mode=8888), HEADINGS, cells(usd="待核"), [], total]
    second = [HEADINGS, cells(flow="进口"), ["合计", *[None] * 9, 12345.5, 80001.6]]
    opened = open_file(book(first, [["别的"]], second), "x.xlsx")
    assert sniff(opened) is customs
    batch = customs.read(opened)
    assert batch.accepted + batch.rejected == batch.rows_read == 7
    table = batch.tables["trade_line"]
    assert table[["sheet", "row", "mode", "hs", "partner", "usd", "rmb", "vintage"]].to_numpy().tolist() == [
        ["第1页", 4, "0110", "95030089", "俄罗斯", 12345.5, 80000.0, "corrected"],
        ["第3页", 2, "0110", "95030089", "俄罗斯", 12345.5, 80000.0, "monthly"],
    ]
    assert batch.rejects[["row", "rule"]].to_numpy().tolist() == [[5, "customs.mode"], [7, "number.unreadable"]]
    assert batch.control[["row", "text"]].to_numpy().tolist() == [[6, "数据年月"], [9, "合计"], [3, "合计"]]
    assert batch.notes == ["本表是修正数，压过同月的快讯和月报", "合计行的人民币值与各行之和不符"]
    assert batch.cells["第1页|usd"] == "K"


def test_an_unknown_country_is_taken_with_a_note() -> None:
    batch = read(HEADER + line(partner="某地") + line(partner="HKG") + line(partner="502"))
    assert batch.tables["trade_line"]["partner"].tolist() == ["某地", "中国香港", "美国"]
    assert batch.notes == ["国别（地区）不在代码表中，照原文收下，共 1 行"]
