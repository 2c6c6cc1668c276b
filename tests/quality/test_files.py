"""Files as a whole: each rule by hand, a real truncated workbook, and columns judged together as alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xlwt
from hypothesis import given, settings
from hypothesis import strategies as st

from qxmonitor import feeds, quality
from qxmonitor.errors import Refused
from qxmonitor.feeds.base import REJECT_COLUMNS, TOTAL_COLUMNS, Batch
from qxmonitor.quality import verdicts
from tests.feeds.books import B204, uscc
from tests.quality.test_check import COLUMNS, NOW, batch_of, output_row, returns

pytestmark = pytest.mark.slow


def one(batch: Batch) -> Batch | Refused:
    return quality.check([batch], NOW)[0]


def varied(count: int, **changed: Any) -> list[dict[str, Any]]:
    """Sound rows that differ from firm to firm."""
    rows = []
    for at in range(count):
        row = output_row(4 + at, f"F{at}")
        rows.append({key: value * (1 + at / 100) if isinstance(value, float) else value for key, value in row.items()})
    return [row | changed for row in rows]


def wrong(rows: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    return [row | {"output_m": -1.0} if at < count else row for at, row in enumerate(rows)]


@pytest.mark.parametrize(("bad", "rows", "refused"), [(45, 50, False), (46, 50, True), (49, 49, False), (1, 1, False)])
def test_a_large_file_with_nearly_everything_wrong_is_refused(bad: int, rows: int, refused: bool) -> None:
    outcome = one(returns(*wrong(varied(rows), bad)))
    assert isinstance(outcome, Refused) == refused
    if isinstance(outcome, Refused):
        assert str(outcome) == "隔离行所占比例：九成以上的行不合格，可能整列错位或用错表样，请核对后重报"
    else:
        assert outcome.rejected == bad


def test_a_third_wrong_is_a_note() -> None:
    few, many = one(returns(*wrong(varied(10), 3))), one(returns(*wrong(varied(10), 4)))
    assert isinstance(few, Batch) and few.notes == []
    assert isinstance(many, Batch) and many.notes == ["隔离行所占比例：三成以上的行不合格，请核对表样"]


@pytest.mark.parametrize(
    ("sheet", "last", "control", "refused"),
    [
        ("表", 65_536, False, True),
        ("表", 65_535, False, False),
        ("表", 65_537, False, False),
        ("表", 65_536, True, False),
        ("表", 1_048_576, False, True),
        ("", 65_536, False, False),
    ],
)
def test_a_sheet_filled_to_its_last_row(sheet: str, last: int, control: bool, refused: bool) -> None:
    row = output_row(5, "A") | {"sheet": sheet}
    lines = pd.DataFrame({"sheet": sheet, "row": [5, last]})
    told = pd.DataFrame({"sheet": [sheet], "row": [last], "text": ["合计"]})
    rejects = pd.DataFrame([[sheet, last, "报告期", "period.unreadable", "看不懂", "x"]], columns=REJECT_COLUMNS)
    rest: dict[str, Any] = {"control": told} if control else {"rejects": rejects}
    outcome = one(returns(row, lines=lines, **rest))
    assert isinstance(outcome, Refused) == refused
    if isinstance(outcome, Refused):
        assert "已被截断" in str(outcome) and f"表1 第{last}行" in str(outcome)
    elif not sheet:
        assert outcome.notes == ["末行：正好 65536 行，可能是从旧版工作表另存时被截断（第65536行）"]


@pytest.mark.long
def test_a_real_xls_cut_off_at_its_last_row(tmp_path: Path) -> None:
    book = xlwt.Workbook()
    page = book.add_sheet("B204-1")
    for at, text in enumerate(["B204-1表", "计量单位：千元"]):
        page.write(at, 0, text)
    for at, text in enumerate(B204):
        page.write(2, at, text)
    for row in range(3, 65_536):
        for at, cell in enumerate((uscc(row), "甲公司", "2021-08", row, row * 8)):
            page.write(row, at, cell)
    path = tmp_path / "全部.xls"
    book.save(str(path))
    batch = feeds.read_file(path)
    assert batch.rows_read == 65_533
    outcome = one(batch)
    assert isinstance(outcome, Refused)
    assert str(outcome) == (
        "末行：数据正好写到工作表的最后一行（65536 或 1048576），后面的行已被截断，请分拆后重报（表1 第65536行）"
    )


def test_the_same_figure_all_the_way_down() -> None:
    column = one(returns(*varied(10, power_m=5.0)))
    assert isinstance(column, Batch)
    assert "指标列：有指标列全列是同一个数，可能是填充柄下拉造成" in column.notes
    zero = one(returns(*varied(10, **{name: 0.0 for name in COLUMNS if name.startswith("export")})))
    assert isinstance(zero, Batch) and zero.notes == []
    same = [output_row(4 + at, f"F{at}") for at in range(50)]
    assert isinstance(one(returns(*same[:49])), Batch)
    assert str(one(returns(*same))) == "全部指标：所有企业的每项指标都填同一个数，不是真实数据"


def test_a_total_that_is_off_names_its_cell() -> None:
    rows = varied(3)
    totals = pd.DataFrame([["表", 7, "output_m", 304.0, 303.0, 2.0], ["表", 7, "sales_m", 500.0, 272.7, 2.0]],
                          columns=TOTAL_COLUMNS)  # fmt: skip
    outcome = one(returns(*rows, totals=totals, cells={"表|output_m": "D", "表|sales_m": "H"}))
    assert isinstance(outcome, Batch)
    assert outcome.notes == ["合计行：合计行与各行之和不符（表1 H7）"]
    said = one(returns(*rows, totals=totals, notes=["合计行的美元值与各行之和不符"]))
    assert isinstance(said, Batch) and said.notes == ["合计行的美元值与各行之和不符"], "once is enough"


def test_verdicts_are_counted_by_rule_and_placed_by_cell() -> None:
    rows = [output_row(4, "A", sales_m=-1.0, output_ytd=np.nan), output_row(5, "B", export_m=500.0, export_ytd=800.0)]
    outcome = one(returns(*rows, cells={"表|sales_m": "H"}))
    assert isinstance(outcome, Batch)
    said = {
        row["rule"]: (row["severity"], row["evaluated"], row["unexpected"], row["places"]) for row in outcome.verdicts
    }
    assert said["output.negative"] == ("critical", 31, 1, '["表1 H4"]')
    assert said["output.ytd_below_month"] == ("warning", 7, 0, "[]")
    assert said["output.export_above_sales"][2] == 3  # firm A: −1 of sales under 30 of export; firm B twice
    assert said["duplicate.conflict"] == ("critical", 2, 0, "[]")


@settings(max_examples=5, deadline=None)
@given(
    st.lists(
        st.tuples(*(st.sampled_from([-30.0, -20.0, 0.0, 1.0, 5.0, 500.0, np.nan]) for _ in range(6))),
        min_size=1, max_size=6,
    )
)  # fmt: skip
def test_columns_judged_together_and_alone_are_the_same(cells: list[tuple[float, ...]]) -> None:
    names = ("output_m", "sales_m", "export_m", "power_m", "output_ytd", "power_ytd")
    rows = [output_row(4 + at, f"F{at}", **dict(zip(names, row, strict=True))) for at, row in enumerate(cells)]
    frame = batch_of("output_return", rows).tables["output_return"]
    together = verdicts.weigh("output_return", frame)
    whole, verdicts._TOGETHER = verdicts._TOGETHER, 1
    try:
        alone = verdicts.weigh("output_return", frame)
    finally:
        verdicts._TOGETHER = whole
    assert [(v.rule, v.column, v.rows.tolist()) for v in together] == [
        (v.rule, v.column, v.rows.tolist()) for v in alone
    ]
