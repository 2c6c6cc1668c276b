"""The quarantine's workbook and the office's decisions as the commands make them."""

from __future__ import annotations

import hashlib
import stat
from datetime import datetime

import openpyxl
import pandas as pd
import pytest

from qxmonitor import look, quarantine
from qxmonitor.errors import QxError
from qxmonitor.feeds.base import REJECT_COLUMNS, WHOSE, Batch
from qxmonitor.identity import uscc_check_char
from qxmonitor.period import SHANGHAI, Period
from qxmonitor.warehouse.load import load

BODY = "91000000MA0000001"
FIRM = BODY + uscc_check_char(BODY)
BY = {"who": "王某", "why": "来函"}
THEN = datetime(2026, 4, 10, tzinfo=SHANGHAI)


@pytest.fixture
def refused(warehouse):
    """One file: a row that was refused because of a hostile cell, one of a firm nobody knows."""
    sheet = {"sheet": "S", "subject": "name:某厂", "period": "2026-03"}
    table = pd.DataFrame([{**sheet, "row": 5, "output_m": 1.0}])
    reject = ("S", 4, "工业总产值", "number.unreadable", "数字无法识别", "=1+1", FIRM, "2026-03")
    batch = Batch(
        "b204_1", "export", Period("2026-03"), {"output_return": table},
        pd.DataFrame({"sheet": ["S", "S"], "row": [4, 5]}),
        pd.DataFrame([reject], columns=[*REJECT_COLUMNS, *WHOSE]),
        pd.DataFrame({"sheet": [], "row": [], "text": []}), origin="simulated",
    )  # fmt: skip
    load(warehouse, [("/in/a.xlsx", hashlib.sha256(b"a").hexdigest(), 1, THEN, batch)])
    return warehouse


def cells(path):
    sheet = openpyxl.load_workbook(path).active
    return [[cell.value for cell in row] for row in sheet.iter_rows()], {c.data_type for r in sheet for c in r}


def test_the_workbook_holds_each_reason_beside_its_cell_and_no_formula(refused, tmp_path):
    done = quarantine.export(refused, tmp_path / "q.xlsx", rule="number.unreadable")
    assert done["rows"] == 1 and stat.S_IMODE((tmp_path / "q.xlsx").stat().st_mode) == 0o600
    rows, types = cells(tmp_path / "q.xlsx")
    assert rows[0] == list(quarantine.HEADINGS.values())
    assert rows[1][3:] == [
        "S",
        4,
        "工业总产值",
        FIRM,
        "2026-03",
        "number.unreadable",
        "数字无法识别",
        "=1+1",
        "重新报送",
    ]
    assert "f" not in types


def test_the_operators_workbook_names_no_firm_and_no_content(refused, tmp_path):
    quarantine.export(refused, tmp_path / "q.xlsx", value_free=True)
    rows, _ = cells(tmp_path / "q.xlsx")
    assert len(rows) == 3 and {row[-1] for row in rows[1:]} == {"重新报送", "身份：fix identity，或待名录更新"}
    assert not {"=1+1", FIRM, "name:某厂"} & {cell for row in rows for cell in row}


def test_the_operators_workbook_names_no_firm_by_a_files_or_sheets_name(warehouse, tmp_path):
    sheets = ("B204-1", FIRM, "某某电子", "000020210020000001", "2026年3月")
    rejects = [(name, 4, "工业总产值", "number.unreadable", "数字无法识别", "x", FIRM, "2026-03") for name in sheets]
    batch = Batch(
        "b204_1", "firm", Period("2026-03"), {},
        pd.DataFrame({"sheet": sheets, "row": 4}), pd.DataFrame(rejects, columns=[*REJECT_COLUMNS, *WHOSE]),
        pd.DataFrame({"sheet": [], "row": [], "text": []}), origin="simulated",
    )  # fmt: skip
    sha256 = hashlib.sha256(b"c").hexdigest()
    load(warehouse, [(f"/in/B204-1_202603_{FIRM}.xlsx", sha256, 1, THEN, batch)])
    quarantine.export(warehouse, tmp_path / "q.xlsx", value_free=True)
    rows, _ = cells(tmp_path / "q.xlsx")
    assert {row[0] for row in rows[1:]} == {f"文件 {sha256[:12]}"} and {row[1] for row in rows[1:]} == {sha256}
    assert sorted(row[3] for row in rows[1:]) == ["B204-1", *["（名称不列）"] * 4]
    quarantine.export(warehouse, tmp_path / "all.xlsx")
    assert {row[3] for row in cells(tmp_path / "all.xlsx")[0][1:]} == set(sheets)


def test_decisions_need_a_person_a_reason_and_a_subject(refused):
    assert [row["subject"] for row in look.listing(refused, "matches", unmatched=True)] == ["name:某厂"]
    quarantine.fix_identity(refused, "name: 某厂 ", FIRM, **BY)
    assert look.listing(refused, "fixes")[0]["target"] == "name:某厂"
    for subject, code, by in [
        ("name:某厂", FIRM, {"who": " ", "why": "x"}),
        ("name:某厂", FIRM[:-1] + "A" if FIRM[-1] != "A" else FIRM[:-1] + "B", BY),
        (FIRM, FIRM, BY),
        ("customs:12", FIRM, BY),
    ]:
        with pytest.raises(QxError):
            quarantine.fix_identity(refused, subject, code, **by)


def test_a_file_is_withdrawn_by_its_name(refused):
    assert quarantine.flag(refused, "a.xlsx", "withdraw", **BY)["kind"] == "withdraw"
    assert look.listing(refused, "matches") == []
    assert [row["state"] for row in look.listing(refused, "receipts")] == ["withdrawn"]
    assert [row["file"] for row in look.listing(refused, "receipts", state="withdrawn")] == ["/in/a.xlsx"]
    assert [row["state"] for row in look.listing(refused, "receipts", known_at=THEN)] == ["accepted"]
    with pytest.raises(QxError, match="没有收到过"):
        quarantine.flag(refused, "b.xlsx", "withdraw", **BY)


def test_a_name_that_two_contents_share_needs_more_of_the_path_or_the_sha256(refused):
    nothing = pd.DataFrame({"sheet": [], "row": []})
    other = Batch("b204_1", "export", Period("2026-03"), {}, nothing, pd.DataFrame(columns=[*REJECT_COLUMNS, *WHOSE]),
                  nothing.assign(text=[]), origin="simulated")  # fmt: skip
    sha256 = hashlib.sha256(b"b").hexdigest()
    load(refused, [("/other/a.xlsx", sha256, 1, THEN, other)])
    with pytest.raises(QxError, match="有 2 份内容不同的文件同名"):
        quarantine.flag(refused, "a.xlsx", "withdraw", **BY)
    assert quarantine.flag(refused, "other/a.xlsx", "withdraw", **BY)["sha256"] == sha256
    assert quarantine.flag(refused, sha256, "withdraw", **BY)["file"] == "a.xlsx"
    states = {row["file"]: row["state"] for row in look.listing(refused, "receipts")}
    assert states == {"/in/a.xlsx": "accepted", "/other/a.xlsx": "withdrawn"}
