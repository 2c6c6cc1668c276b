"""The same facts by whichever program wrote the file: one table of expectations, every writer and container."""

from __future__ import annotations

import csv as csv_module
import io
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import xlsxwriter
import xlwt

from qxmonitor.errors import Refused
from qxmonitor.feeds import open_file, sniff
from qxmonitor.feeds.base import Batch
from tests.feeds import test_b203, test_b204_export, test_register, test_self_report
from tests.feeds.books import export, uscc, workbook

Sheets = dict[str, list[list[Any]]]
PEOPLE = ["张某", "李某", "13800000000"]


def b204() -> Sheets:
    header = [*test_b204_export.KEYS, "工业总产值(当年价格);本年;本月", "1-本月;本年;工业总产值(当年价格)",
              "工业销售产值(当年价格);本年;本月", *test_b204_export.PERSONAL]  # fmt: skip
    rows = [
        [uscc(1), "甲一公司", date(2026, 10, 1), 1234.5, 12345, "（1,234）", *PEOPLE],
        [uscc(2), "乙公司（集团）", date(2026, 10, 1), 0, 0.125, "—", *PEOPLE],
        [uscc(3), "丙公司", date(2026, 10, 1), "约三", 5, 6, *PEOPLE],
        [f"{uscc(4)[:-1]}?", "丁公司", date(2026, 10, 1), 1, 2, 3, *PEOPLE],
        ["合计", "", "", 1238.5, 12352.125, -1225, "", "", ""],
        ["填表人：张某", *[""] * 8],
    ]
    return {"B204-1": export(header, rows, title="B204-1表 工业产销总值及主要产品产量（模拟数据）")}


def b203() -> Sheets:
    rows = [[uscc(n), f"甲{n}公司", "20260010", 100 * n, 40, 7.5, 12, 55, 900, 90, 3, "某人"] for n in range(1, 30)]
    return {"财务状况": export(test_b203.HEADER, rows, unit="计量单位：万元", title="财务状况")}


def self_report() -> Sheets:
    rows = [[uscc(n), f"甲{n}公司", "2026年2月", "—", 200 + n, None, 180, None, 20, "…", 10, 350] for n in range(1, 25)]
    return {"企业自报": export(test_self_report.HEADER, rows, unit="计量单位：万元", title="企业自报")}


def register() -> Sheets:
    chain = [["C01", "灯饰", "C01-N1", "光源", ""], ["C01", "灯饰", "C01-N2", "整灯", "C01-N1"]]
    authorised = [[uscc(1), "甲1公司", "工业总产值", "工信局", "2026-01", ""]]
    firms = [test_register.firm(n) for n in range(1, 20)]
    return {
        "企业名录": [["清溪镇重点企业名录（模拟数据）"], ["注"], test_register.HEADER, *firms],
        "自报授权": [["授权"], test_register.AUTHORISED, *authorised],
        "产业链图谱": [["图谱"], test_register.CHAIN, *chain],
    }


def customs() -> Sheets:
    header = "数据年月,海关编码,社会信用代码,企业名称,进出口标志,贸易方式,商品编码,国别(地区),数量,单位,美元值,人民币值"
    rows = [["202610", "0000912345", uscc(n), "某玩具厂", "出口", "0110", "95030089", "美国", "1,200", "千克",
             f"12,34{n}.50", "80,000"] for n in range(1, 8)]  # fmt: skip
    return {"": [header.split(","), *rows, ["合计", *[""] * 9, "86,411.50", "560,000"]]}


def reference() -> Sheets:
    head = [
        ["国家", "中国"],
        ["指标名称", "某省:用电量:当月值"],
        ["频率", "月"],
        ["单位", "万千瓦时"],
        ["指标ID", "T0000001"],
        ["时间区间", "2024-12:2025-03"],
        ["来源", "某局"],
        ["更新时间", "2025-04-30"],
    ]
    body = [
        [date(2024, 12, 31), 719.5],
        [date(2025, 1, 31), "#N/A"],
        [date(2025, 2, 28), ""],
        [date(2025, 3, 31), 1736.25],
    ]
    return {"序列": [*head, *body, ["数据来源：某终端", ""]]}


# -- writers -----------------------------------------------------------------------------------------------------------


def by_openpyxl(sheets: Sheets) -> bytes:
    return workbook(
        {name: [[None if cell == "" else cell for cell in row] for row in rows] for name, rows in sheets.items()}
    )


def macro_enabled(sheets: Sheets) -> bytes:
    """A .xlsm: the same parts, another content type, a project of macros and a link to another workbook."""
    source, out = zipfile.ZipFile(io.BytesIO(by_openpyxl(sheets))), io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for info in source.infolist():
            plain, macros = b"spreadsheetml.sheet.main+xml", b"ms-excel.sheet.macroEnabled.main+xml"
            made.writestr(info.filename, source.read(info).replace(b"openxmlformats-officedocument." + plain, macros))
        made.writestr("xl/vbaProject.bin", bytes.fromhex("d0cf11e0a1b11ae1") + bytes(2048))
        made.writestr("xl/externalLinks/externalLink1.xml", "<externalLink/>")
    return out.getvalue()


def like_excel(sheets: Sheets, *, inline: bool = False) -> bytes:
    """With all that people add: merged titles, remarks, hidden rows and columns, formats, filters, serial dates."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"constant_memory": inline}) as book:
        day, money = (
            book.add_format({"num_format": "yyyy/m/d"}),
            book.add_format({"num_format": "#,##0.00_ ;[红色]-#,##0"}),
        )
        text, bold = book.add_format({"num_format": "@"}), book.add_format({"bold": True, "text_wrap": True})
        for name, rows in sheets.items():
            page = book.add_worksheet(name)
            page.freeze_panes(3, 2)
            for at, row in enumerate(rows):
                if at == 0 and len(row) == 1 and not inline:
                    page.merge_range(0, 0, 0, max(map(len, rows)) - 1, row[0], bold)
                    continue
                for place, cell in enumerate(row):
                    if isinstance(cell, date):
                        page.write_datetime(at, place, cell, day)
                    elif isinstance(cell, int | float):
                        page.write_number(at, place, cell, money)
                    elif cell in ("", None):
                        page.write_blank(at, place, None, text)
                    else:
                        page.write_string(at, place, cell, text)
                if at == 4:
                    page.set_row(at, 30, None, {"hidden": True})
            page.set_column(1, 1, 20, None, {"hidden": True})
            if not inline:
                page.write_comment(2, 0, "批注：请核对，联系人张某 13800000000")
                page.autofilter(2, 0, len(rows) - 1, 3)
        if not inline:
            book.define_name("外部", "='[另一本.xlsx]表'!$A$1")
    return out.getvalue()


def in_line(sheets: Sheets) -> bytes:
    return like_excel(sheets, inline=True)


def old(sheets: Sheets) -> bytes:
    book = xlwt.Workbook()
    day = xlwt.easyxf(num_format_str="YYYY-MM-DD")
    for name, rows in sheets.items():
        page = book.add_sheet(name)
        for at, row in enumerate(rows):
            for place, cell in enumerate(row):
                if cell not in ("", None):
                    page.write(at, place, cell, *([day] if isinstance(cell, date) else []))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def as_text(encoding: str, delimiter: str = ",", end: str = "\r\n") -> Callable[[Sheets], bytes]:
    def write(sheets: Sheets) -> bytes:
        [rows] = sheets.values()
        out = io.StringIO(newline="")
        csv_module.writer(out, delimiter=delimiter, lineterminator=end).writerows(rows)
        mark = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(encoding, b"")
        return mark + out.getvalue().encode(encoding)

    return write


BOOKS = {"openpyxl": by_openpyxl, "xlsm": macro_enabled, "like Excel": like_excel, "in line": in_line, "xls": old}
TEXTS = {
    "csv gb18030": as_text("gb18030"),
    "csv utf-8": as_text("utf-8", end="\n"),
    "csv utf-8 with mark": as_text("utf-8-sig"),
    "csv utf-16-le": as_text("utf-16-le"),
    "csv utf-16-be": as_text("utf-16-be"),
    "Unicode text": as_text("utf-16-le", "\t"),
    "csv of an old Mac": as_text("gb18030", end="\r"),
}
FORMS: dict[str, tuple[Callable[[], Sheets], tuple[dict[str, Callable[[Sheets], bytes]], ...]]] = {
    "b204": (b204, (BOOKS, TEXTS)),
    "b203": (b203, (BOOKS, TEXTS)),
    "self_report": (self_report, (BOOKS, TEXTS)),
    "register": (register, (BOOKS,)),
    "customs": (customs, (TEXTS,)),
    "reference": (reference, (BOOKS, TEXTS)),
}
CASES = [(form, name, write) for form, (_, kinds) in FORMS.items() for kind in kinds for name, write in kind.items()]


# -- what must be the same ---------------------------------------------------------------------------------------------


def read(data: bytes) -> Batch:
    opened = open_file(data)
    batch = sniff(opened).read(opened)
    assert batch.accepted + batch.rejected == batch.rows_read
    said = str([frame.to_dict("list") for frame in (*batch.tables.values(), batch.rejects, batch.control)])
    assert "张某" not in said
    assert "13800000000" not in said
    return batch


def facts(batch: Batch) -> dict[str, pd.DataFrame]:
    """Everything but the sheet's name, which a text has none of."""
    frames = {**batch.tables, "rejects": batch.rejects[["row", "field", "rule"]], "control": batch.control[["row"]]}
    return {name: frame.drop(columns="sheet", errors="ignore").reset_index(drop=True) for name, frame in frames.items()}


def same(one: Batch, two: Batch) -> None:
    left, right = facts(one), facts(two)
    assert left.keys() == right.keys()
    for name in left:
        pd.testing.assert_frame_equal(left[name], right[name], obj=name)
    assert (one.feed, one.form, one.period, one.origin, one.rows_read) == (
        two.feed, two.form, two.period, two.origin, two.rows_read,
    )  # fmt: skip


@pytest.fixture(scope="module")
def expected() -> dict[str, Batch]:
    """Each form by the plainest writer it has."""
    return {form: read((TEXTS["csv gb18030"] if form == "customs" else by_openpyxl)(make()))
            for form, (make, _) in FORMS.items()}  # fmt: skip


def test_what_is_compared_is_right(expected: dict[str, Batch]) -> None:
    batch = expected["b204"]
    table = batch.tables["output_return"][["row", "output_m", "output_ytd", "sales_m"]]
    assert table.fillna(-9).to_numpy().tolist() == [
        [4, 1234.5, 12345, -1234], [5, 0, 0.125, -9],
    ]  # fmt: skip
    assert batch.rejects[["row", "rule"]].to_numpy().tolist() == [[7, "identity.uscc"], [6, "number.unreadable"]]
    assert batch.control["row"].tolist() == [8, 9]
    assert expected["b203"].tables["finance_return"]["assets"].tolist() == [1000.0 * n for n in range(1, 30)]
    assert expected["self_report"].tables["self_report"]["output_ytd"].tolist() == [
        10 * (200 + n) for n in range(1, 25)
    ]
    assert {name: len(frame) for name, frame in expected["register"].tables.items()} == {
        "register_entry": 19, "authorisation": 1, "chain_node": 2,
    }  # fmt: skip
    assert expected["customs"].tables["trade_line"]["usd"].tolist() == [12340.5 + n for n in range(1, 8)]
    assert expected["customs"].notes == []
    assert expected["reference"].tables["reference_point"]["value"].tolist() == [719.5, 1736.25]


@pytest.mark.parametrize(("form", "name", "write"), CASES, ids=[f"{form}-{name}" for form, name, _ in CASES])
def test_every_writer_gives_the_same_facts(
    form: str, name: str, write: Callable[[Sheets], bytes], expected: dict[str, Batch]
) -> None:
    same(read(write(FORMS[form][0]())), expected[form])


@pytest.mark.system
@pytest.mark.parametrize("form", list(FORMS))
def test_libreoffice_gives_the_same_facts(form: str, expected: dict[str, Batch], tmp_path: Path) -> None:
    office = shutil.which("soffice")
    if office is None:
        pytest.skip("LibreOffice is not installed")
    if form == "customs":
        pytest.skip("comes as csv alone")
    source = tmp_path / "a.xlsx"
    source.write_bytes(like_excel(FORMS[form][0]()))
    kinds = {"xlsx": "xlsx", "xls": "xls", "ods": "ods"}
    if form != "register":
        kinds["csv"] = "csv:Text - txt - csv (StarCalc):44,34,76,1"
    for kind, given in kinds.items():
        subprocess.run(
            [office, "--headless", f"-env:UserInstallation=file://{tmp_path}/profile", "--convert-to", given,
             "--outdir", str(tmp_path / kind), str(source)], check=True, capture_output=True, timeout=120,
        )  # fmt: skip
        data = (tmp_path / kind / f"a.{kind}").read_bytes()
        if kind == "ods":
            with pytest.raises(Refused, match="ods"):
                read(data)
        else:
            same(read(data), expected[form])


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": "<x/>"}, "ods"),
        ({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": "<x/>"}, "OpenDocument"),
        ({"word/document.xml": "<x/>"}, "Word"),
        ({"ppt/presentation.xml": "<x/>"}, "PowerPoint"),
        ({"a.csv": "1"}, "不是 Excel 工作簿"),
    ],
)
def test_other_archives_are_named(parts: dict[str, str], reason: str) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name, content in parts.items():
            made.writestr(name, content)
    with pytest.raises(Refused, match=reason):
        open_file(out.getvalue())
