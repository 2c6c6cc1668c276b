"""Formulas are never computed: a saved result is the cell's value, and a formula without one rejects its row."""

from __future__ import annotations

import io
from typing import Any

import openpyxl
import pytest
import xlsxwriter
import xlwt

from qxmonitor.errors import Refused
from qxmonitor.feeds import marks, open_file, sniff, zipguard
from qxmonitor.feeds.base import Batch
from tests.feeds.books import B204, export, raw_xlsx, uscc, workbook

RULE, REASON = "cell.formula_uncached", "公式没有保存计算结果"
BODY = [[uscc(n), f"甲{n}公司", "2026 00 10", n, 10 * n] for n in range(1, 6)]


def read(data: bytes) -> Batch:
    opened = open_file(data)
    batch = sniff(opened).read(opened)
    assert batch.accepted + batch.rejected == batch.rows_read
    return batch


def rejected(batch: Batch) -> list[list[Any]]:
    return batch.rejects[["row", "field", "rule", "reason", "raw"]].to_numpy().tolist()


def with_formula(place: int, formula: str = "=1+1") -> bytes:
    rows = [list(row) for row in BODY]
    rows[2][place] = formula  # row 6 of the sheet
    return workbook({"表": export(B204, rows)})


def test_a_formula_without_a_result_rejects_its_row() -> None:
    batch = read(with_formula(3))
    assert rejected(batch) == [[6, B204[3], RULE, REASON, ""]]
    assert batch.tables["output_return"]["row"].tolist() == [4, 5, 7, 8]


def test_the_last_column_and_the_last_row_are_not_lost() -> None:
    rows = [[*row[:4], "=D4*10"] for row in BODY]
    batch = read(workbook({"表": export(B204, rows)}))
    assert batch.rejects["row"].tolist() == [4, 5, 6, 7, 8]
    assert set(batch.rejects["rule"]) == {RULE}
    batch = read(workbook({"表": export(B204, [*BODY, [None, None, None, "=D4", None]])}))
    assert batch.rows_read == 6
    assert RULE in batch.rejects.loc[batch.rejects["row"] == 9, "rule"].tolist()


@pytest.mark.parametrize("place", [0, 2])
def test_a_code_or_a_month_by_formula_rejects_as_well(place: int) -> None:
    batch = read(with_formula(place))
    assert [6, B204[place], RULE, REASON, ""] in rejected(batch)
    assert batch.accepted == 4


def test_a_total_by_formula_is_a_control_line_and_a_column_nobody_uses_is_nobodys() -> None:
    header = [*B204, "联系电话", "附注"]
    rows = [*[[*row, "=1+1", "=2+2"] for row in BODY], ["合计", None, None, "=SUM(D4:D8)", "=SUM(E4:E8)"]]
    batch = read(workbook({"表": export(header, rows)}))
    assert batch.rejected == 0
    assert batch.control["row"].tolist() == [9]


def test_a_unit_by_formula_makes_no_fact_of_its_row() -> None:
    header = ["统一社会信用代码", "报告期", "产品名称", "计量单位", "产量;本月"]
    rows = [[uscc(1), "2026 00 10", "玩具", "万个", 3], [uscc(2), "2026 00 10", "玩具（吨）", "=A1", 4]]
    batch = read(workbook({"表": [["B204-1表 分产品"], ["计量单位：千元"], header, *rows]}))
    assert rejected(batch) == [[5, "计量单位", RULE, REASON, ""]]
    assert batch.tables["output_detail"]["row"].tolist() == [4]


def test_saved_results_are_the_values() -> None:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        page = book.add_worksheet("表")
        for at, row in enumerate(export(B204, BODY)):
            for place, cell in enumerate(row):
                if cell is not None:
                    page.write(at, place, cell)
        page.write_formula(3, 3, "=A1", None, 77)
        page.write_formula(4, 1, '="甲"', None, "甲二公司")
    batch = read(out.getvalue())
    assert batch.rejected == 0
    table = batch.tables["output_return"]
    assert table["output_m"].tolist() == [77, 2, 3, 4, 5]


def test_a_saved_text_of_no_letters_is_an_empty_cell() -> None:
    for value in ("<v></v>", "<v/>"):
        batch = read(raw_xlsx(sheet(f'<c r="C3" t="str"><f>IF(1,"",0)</f>{value}</c>')))
        assert batch.rejected == 0
        assert batch.tables["output_return"]["output_m"].isna().tolist() == [False, True, False]


CODES = [uscc(n) for n in range(1, 4)]


def sheet(
    cell: str, row: str = '<row r="{n}">', place: str = '<c r="{at}" t="inlineStr"><is><t>{text}</t></is></c>'
) -> str:
    """A sheet of three firms as XML, the last figure of the second firm being ``cell``."""
    lines = [["统一社会信用代码", "报告期", "工业总产值;本年;本月"], *([code, "2026-10", "5"] for code in CODES)]
    made = []
    for n, line in enumerate(lines, start=1):
        cells = [place.format(at=f"{'ABC'[at]}{n}", text=text) for at, text in enumerate(line)]
        made.append(row.format(n=n) + "".join(cells if n != 3 else [*cells[:2], cell]) + "</row>")
    return "".join(made)


@pytest.mark.parametrize(
    "cell",
    [
        '<c r="C3"><f>1+1</f></c>',
        '<c r="C3"><f>1+1</f><v></v></c>',
        '<c r="C3"><f>1+1</f><v/></c>',
        '<c r="C3" s="4"><f t="shared" si="0"/></c>',
        '<c r="C3"><f t="array" ref="C3">SUM(A1:A2)</f><v/></c>',
        '<c r="C3" t="str"><f>A1</f></c>',
        '<c r="C3"><f>[1]Sheet1!A1</f></c>',
        "<c r='C3'><f>1+1</f></c>",
        '<c s="1" r="C3"><f>1+1</f><v/></c>',
        '<c r="C3">\n  <f>1+1</f>\n</c>',
        '<x:c xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main" r="C3"><x:f>1+1</x:f></x:c>',
        '<c r="C3"><f>1+1</f><!-- --><v/></c>',
    ],
)
def test_each_way_of_writing_it(cell: str) -> None:
    try:
        batch = read(raw_xlsx(sheet(cell)))
    except Refused:
        assert "x:c" in cell  # not every reader knows a prefix; a refusal hides nothing
        return
    assert rejected(batch) == [[3, "工业总产值;本年;本月", RULE, REASON, ""]]


def test_cells_without_references() -> None:
    rows = sheet("<c><f>1+1</f></c>", "<row>", '<c t="inlineStr"><is><t>{text}</t></is></c>')
    assert [row[:3] for row in rejected(read(raw_xlsx(rows)))] == [[3, "工业总产值;本年;本月", RULE]]


def test_other_writers_without_computation() -> None:
    out = io.BytesIO()
    book = openpyxl.load_workbook(io.BytesIO(with_formula(3)))
    book.save(out)  # reading and saving drops results as well
    assert read(out.getvalue()).rejects["rule"].tolist() == [RULE]


def test_an_old_workbook_by_a_writer_that_computes_nothing() -> None:
    book = xlwt.Workbook()
    page = book.add_sheet("表")
    for at, row in enumerate(export(B204, [*BODY, *([uscc(n), "乙公司", "2026 00 10", 1, 2] for n in range(10, 60))])):
        for place, cell in enumerate(row):
            page.write(at, place, cell)
    page.write(60, 0, "合计")
    page.write(60, 3, xlwt.Formula("SUM(D4:D9)"))
    page.write(61, 0, uscc(99))
    page.write(61, 2, "2026 00 10")
    page.write(61, 3, xlwt.Formula("1+1"))
    out = io.BytesIO()
    book.save(out)
    batch = read(out.getvalue())
    assert rejected(batch) == [[62, B204[3], RULE, REASON, ""]]
    assert batch.control["row"].tolist() == [61]


def test_links_are_not_followed_and_their_saved_values_hold() -> None:
    batch = read(raw_xlsx(sheet("<c r=\"C3\"><f>'http://example.invalid/[b.xlsx]S'!A1</f><v>12</v></c>")))
    assert batch.tables["output_return"]["output_m"].tolist() == [5, 12, 5]


def test_the_reference_reader_says_the_same() -> None:
    rows = [["国家", "中国"], ["指标名称", "某指数"], ["频率", "月"], ["单位", "%"], ["指标ID", "X1"],
            ["2026-09-30", 50.1], ["2026-10-31", "=B6"]]  # fmt: skip
    batch = read(workbook({"表": rows}))
    assert batch.rejects[["row", "field", "rule", "reason"]].to_numpy().tolist() == [[7, "某指数", RULE, REASON]]


def test_a_workbook_of_nothing_but_such_cells_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipguard, "MAX_MARKS", 3)
    with pytest.raises(Refused, match="过多"):
        _ = open_file(workbook({"表": [["=1+1"] * 5]})).sheets


def test_a_sheet_does_not_grow_without_bound() -> None:
    with pytest.raises(Refused, match="范围"):
        marks.put([["a"]], [(65_000, 255, "#REF!")], 6_000_000)
    rows: list[list[Any]] = [["a"]]
    assert marks.put(rows, [(1, 2, marks.UNCACHED), (0, 1, "#REF!")], 100) == {2}
    assert rows == [["a", "#REF!", ""], ["", "", marks.UNCACHED]]
