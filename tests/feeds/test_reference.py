"""Reference series: both formats alike, gaps stay gaps, frequencies from the header."""

from __future__ import annotations

import io
from datetime import date
from typing import Any

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from qxmonitor.errors import Refused
from qxmonitor.feeds import reference
from qxmonitor.feeds.base import Batch
from qxmonitor.feeds.opening import open_file

HEAD = [
    ["国家", "中国"],
    ["指标名称", "某省:用电量:当月值"],
    ["频率", "月"],
    ["单位", "万千瓦时"],
    ["指标ID", "T0000001"],
    ["时间区间", "2024-12:2025-03"],
    ["来源", "某局"],
    ["更新时间", "20250430"],
]
BODY: list[list[Any]] = [["2024/12/31", "719.5"], ["2025/1/31", "#N/A"], ["2025/2/28", ""], ["2025/3/31", "1,736.25"]]
TAIL = [["", ""], ["数据来源：某终端", ""]]


def csv(rows: list[list[Any]], encoding: str = "gb18030") -> bytes:
    quoted = [[f'"{cell}"' if "," in str(cell) else str(cell) for cell in row] for row in rows]
    return "\r\n".join(",".join(row) for row in quoted).encode(encoding)


def xlsx(rows: list[list[Any]]) -> bytes:
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream, {"in_memory": True}) as book:
        page, day = book.add_worksheet("序列"), book.add_format({"num_format": "yyyy-mm-dd"})
        for at, row in enumerate(rows):
            for place, cell in enumerate(row):
                if isinstance(cell, date):
                    page.write_datetime(at, place, cell, day)
                else:
                    page.write(at, place, cell)
    return stream.getvalue()


def read(data: bytes) -> Batch:
    opened = open_file(data, "x")
    assert reference.matches(opened)
    return reference.read(opened)


def head(**said: str) -> list[list[str]]:
    return [[label, said.get(label, value)] for label, value in HEAD]


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8", "utf-8-sig", "utf-16"])
def test_csv_by_hand(encoding: str) -> None:
    batch = read(csv(HEAD + BODY + TAIL, encoding))
    points = batch.tables["reference_point"]
    assert points[["sheet", "row", "period", "value"]].to_numpy().tolist() == [
        ["", 9, "2024-12", 719.5],
        ["", 12, "2025-03", 1736.25],
    ]
    first = points.iloc[0]
    assert (first["series"], first["name"], first["frequency"]) == ("T0000001", "某省:用电量:当月值", "月")
    assert (first["unit"], first["source"]) == ("万千瓦时", "某局")
    assert (batch.rows_read, batch.accepted, batch.rejected, batch.origin, batch.period) == (5, 5, 0, None, None)
    assert batch.control.to_numpy().tolist() == [["", 14, "数据来源：某终端"]]
    assert batch.cells["|value"] == "B"


def test_xlsx_gives_the_same_rows() -> None:
    body = [
        [date(2024, 12, 31), 719.5],
        [date(2025, 1, 31), "#N/A"],
        [date(2025, 2, 28), ""],
        [date(2025, 3, 31), 1736.25],
    ]
    ours, theirs = read(xlsx(HEAD + body + TAIL)), read(csv(HEAD + BODY + TAIL))
    drop = ["sheet"]
    assert ours.tables["reference_point"].drop(columns=drop).equals(theirs.tables["reference_point"].drop(columns=drop))
    assert ours.rows_read == theirs.rows_read == 5
    assert set(ours.tables["reference_point"]["sheet"]) == {"序列"}


@given(st.permutations(HEAD))
def test_particulars_come_in_any_order(order: list[list[str]]) -> None:
    assert len(read(csv(order + BODY + TAIL)).tables["reference_point"]) == 2


@pytest.mark.parametrize(
    ("frequency", "dates", "periods"),
    [
        ("月度", ["2025-01", "2025年2月", "2025.3.31"], ["2025-01", "2025-02", "2025-03"]),
        ("季", ["2025/3/31", "2025Q2", "2025年第三季度"], ["2025-Q1", "2025-Q2", "2025-Q3"]),
        ("年度", ["2023/12/31", "2024", "2025年"], ["2023", "2024", "2025"]),
    ],
)
def test_frequencies_are_the_headers_own(frequency: str, dates: list[str], periods: list[str]) -> None:
    batch = read(csv(head(频率=frequency) + [[day, "1"] for day in dates]))
    assert batch.tables["reference_point"]["period"].tolist() == periods
    assert batch.tables["reference_point"]["frequency"].unique().tolist() == [frequency[0]]


@pytest.mark.parametrize("frequency", ["日", "周", "日度", "旬", "半年", "", "不定期"])
def test_other_frequencies_are_refused(frequency: str) -> None:
    with pytest.raises(Refused, match="频率"):
        read(csv(head(频率=frequency) + BODY))


def test_bad_lines_are_rejected_one_by_one() -> None:
    body = [["2025/1/31", "待定"], ["某日", "3"], ["2025/13/31", "3"], ["2025/2/28", "4"], ["2025/3/31", "#REF!"]]
    batch = read(csv(HEAD + body + TAIL))
    assert batch.rejects[["row", "rule"]].to_numpy().tolist() == [
        [10, "period.unreadable"],
        [11, "period.unreadable"],
        [9, "number.unreadable"],
        [13, "number.unreadable"],
    ]
    assert (batch.rows_read, batch.accepted, batch.rejected) == (6, 2, 4)


def test_a_month_that_ends_no_quarter_is_rejected_only_with_a_figure() -> None:
    batch = read(csv([*head(频率="季"), ["2025/1/31", ""], ["2025/2/28", "5"], ["2025/3/31", "6"]]))
    assert batch.tables["reference_point"]["period"].tolist() == ["2025-Q1"]
    assert batch.rejects[["row", "rule"]].to_numpy().tolist() == [[10, "period.frequency"]]


def test_series_side_by_side() -> None:
    wide = [[*row, value] for row, value in zip(HEAD, ["中国", "某省:PMI", "季", "%", "T2", "", "", ""], strict=True)]
    batch = read(csv([*wide, ["2025/1/31", "1", ""], ["2025/3/31", "#N/A", "50.5"], ["2025/4/30", "2", ""], *TAIL]))
    points = batch.tables["reference_point"]
    assert points[["row", "series", "period", "value"]].to_numpy().tolist() == [
        [9, "T0000001", "2025-01", 1.0],
        [10, "T2", "2025-Q1", 50.5],
        [11, "T0000001", "2025-04", 2.0],
    ]
    assert points["source"].tolist() == ["某局", "某终端", "某局"]
    assert batch.cells["|T2"] == "C"
    assert batch.rows_read == 4


def test_simulated_series_say_so() -> None:
    assert read(csv(head(来源="模拟数据") + BODY)).origin == "simulated"
    assert read(csv(HEAD + BODY + [["数据来源：模拟数据", ""]])).origin == "simulated"


def test_missing_particulars() -> None:
    with pytest.raises(Refused, match="指标名称"):
        read(csv(head(指标名称="", 指标ID="") + BODY))
    batch = read(csv(head(指标ID="") + BODY))
    assert batch.tables["reference_point"]["series"].tolist() == ["某省:用电量:当月值"] * 2
    assert batch.notes
    assert not reference.matches(open_file(csv(HEAD[:1] + BODY), "x"))
    assert not reference.matches(open_file(b"<a/>", "x"))


def values(batch: Batch) -> list[tuple[Any, ...]]:
    assert batch.rows_read == batch.accepted + batch.rejected
    return list(
        batch.tables["reference_point"][["row", "series", "period", "value"]].itertuples(index=False, name=None)
    )


@pytest.mark.parametrize(
    ("cell", "period"),
    [
        ("2026-10", "2026-10"), ("2026-10-31", "2026-10"), ("2026年10月", "2026-10"), ("202610", "2026-10"),
        ("20261031", "2026-10"), ("2026年10月31日", "2026-10"), ("46326", "2026-10"), (46326, "2026-10"),
        (46326.0, "2026-10"), (202610, "2026-10"), ("２０２６．１０", "2026-10"), ("2026/10/31 00:00:00", "2026-10"),
    ],
)  # fmt: skip
def test_dates_of_every_terminal(cell: Any, period: str) -> None:
    data = csv([*HEAD, [cell, "1.5"]]) if isinstance(cell, str) else xlsx([*HEAD, [cell, 1.5]])
    assert [(p, v) for _, _, p, v in values(read(data))] == [(period, 1.5)]


@pytest.mark.parametrize("gap", ["#N/A", "#N/A N/A", "#N/A Requesting", "", "--", "—", "…", "NaN", "null", "N/A", "无"])
def test_a_gap_is_no_zero(gap: str) -> None:
    assert values(read(csv([*HEAD, ["2026-09", gap], ["2026-10", "0"]]))) == [(10, "T0000001", "2026-10", 0.0)]


def test_more_and_fewer_lines_of_particulars() -> None:
    top = [
        ["某终端 数据导出"], ["频率", "月"], ["统计口径", "规上"], ["指标名称", "某省:PMI"], ["国家/地区", "某省"],
        ["描述", "制造业"], ["指标id", "T9"], ["单位", "%"], ["最近更新时间", "2026-11-05"], ["日期", "数值"],
    ]  # fmt: skip
    assert values(read(csv([*top, ["2026-10", "50.1"]]))) == [(11, "T9", "2026-10", 50.1)]
    few = [["指标名称", "某省:PMI"], ["频率", "月"], ["单位", "%"]]
    assert values(read(csv([*few, ["2026-10", "50.1"]]))) == [(4, "某省:PMI", "2026-10", 50.1)]


def test_footers_of_any_words_below_the_figures() -> None:
    foot = [["数据来源：某终端"], ["免责声明：仅供参考"], ["某终端"], ["导出人：张某"]]
    batch = read(csv([*HEAD, ["2026-10", "1"], [""], *foot]))
    assert values(batch) == [(9, "T0000001", "2026-10", 1.0)]
    assert batch.control["text"].tolist() == [
        "数据来源：某终端",
        "免责声明：仅供参考",
        "某终端",
        "（经办人信息，不保留）",
    ]


def test_one_id_in_two_columns_is_one_series_until_it_contradicts_itself() -> None:
    twice = [[label, value, value] for label, value in HEAD]
    body = [["2026-08", "1", "1"], ["2026-09", "2", ""], ["2026-10", "3", "4"]]
    batch = read(csv([*twice, *body]))
    assert values(batch) == [(9, "T0000001", "2026-08", 1.0), (10, "T0000001", "2026-09", 2.0)]
    assert batch.rejects[["row", "rule"]].to_numpy().tolist() == [[11, "series.contradiction"]]
    twice[3][2] = "亿千瓦时"
    with pytest.raises(Refused, match="同一个指标ID出现在多列，而名称、频率或单位不同"):
        read(csv([*twice, *body]))


ALONG = ["指标名称", "指标ID", "频率", "单位", "来源", "2026-08", "2026年9月", 46326]
ROW = ["某省:PMI", "T1", "月", "%", "某局", "49.8", "#N/A", "50.2"]


def along(*rows: list[Any]) -> list[list[Any]]:
    return [["导出时间：2026-11-05"], ALONG, *rows, ["", ""], ["数据来源：某终端"]]


def test_series_along_rows() -> None:
    other = ["全国:增速", "", "季", "%", "", "", "5.1", ""]
    for data in (csv(along(ROW, other)), xlsx(along(ROW, other))):
        batch = read(data)
        assert values(batch) == [
            (3, "T1", "2026-08", 49.8), (3, "T1", "2026-10", 50.2), (4, "全国:增速", "2026-Q3", 5.1),
        ]  # fmt: skip
        assert batch.tables["reference_point"]["source"].tolist() == ["某局", "某局", "某终端"]
        assert (batch.rows_read, batch.rejected, batch.notes) == (3, 0, ["没有指标ID，以指标名称代替"])


def test_a_row_with_a_bad_figure_or_frequency_is_rejected_whole() -> None:
    bad = [*ROW[:5], "待定", "1", "2"]
    daily = [*ROW[:2], "日", *ROW[3:]]
    yearly = [*ROW[:1], "T2", "年", *ROW[3:]]
    batch = read(csv(along(bad, daily, yearly, [*ROW[:1], "T3", *ROW[2:]])))
    assert {series for _, series, _, _ in values(batch)} == {"T3"}
    assert sorted(batch.rejects[["row", "rule"]].to_numpy().tolist()) == [
        [3, "number.unreadable"], [4, "series.unusable"], [5, "period.frequency"],
    ]  # fmt: skip


def test_nothing_but_bad_rows() -> None:
    batch = read(csv(along([*ROW[:2], "日", *ROW[3:]])))
    assert (values(batch), batch.rejected) == ([], 1)


@pytest.mark.parametrize("at", [1, 2])
def test_particulars_that_stand_below_the_first_date_are_none(at: int) -> None:
    """A date among the particulars begins the figures; what is left above them is no series."""
    rows = [*HEAD[:at], ["2025/1/31", "1"], *HEAD[at:], *BODY]
    opened = open_file(csv(rows))
    assert reference.matches(opened)
    with pytest.raises(Refused, match="不在数据之上"):
        reference.read(opened)
