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


@pytest.mark.parametrize("at", [1, 2])
def test_particulars_that_stand_below_the_first_date_are_none(at: int) -> None:
    """A date among the particulars begins the figures; what is left above them is no series."""
    rows = [*HEAD[:at], ["2025/1/31", "1"], *HEAD[at:], *BODY]
    opened = open_file(csv(rows))
    assert reference.matches(opened)
    with pytest.raises(Refused, match="不在数据之上"):
        reference.read(opened)
