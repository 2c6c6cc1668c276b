"""Templates: what is printed, and that a filled one is read back by its feed."""

from __future__ import annotations

import io
import shutil
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from qxmonitor.catalog.sheets import Column, SheetForm, sheets
from qxmonitor.errors import QxError
from qxmonitor.feeds import open_file, sniff, template
from qxmonitor.feeds.base import Batch
from tests.feeds.books import uscc

CELLS: dict[str, Any] = {
    "text": "按计划推进", "code": "0012", "money": 1234.5, "power": 12345, "number": 98.6, "integer": 7,
    "percent": "85%", "month": "2026-10", "year": "2025", "date": date(2026, 10, 9), "flag": "是",
    "credit_code": uscc(1), "firm_name": "甲公司",
}  # fmt: skip
LISTS = {"customs_code": "0000960001", "items": "工业总产值、出口交货值", "readers": "工信局", "until": None}
NAMES = sorted(template.templates())


def cell(column: Column) -> Any:
    if column.id in LISTS:
        return LISTS[column.id]
    return next(iter(column.choices.values()))[0] if column.choices else CELLS[column.kind]


def filled(name: str) -> bytes:
    """The template as a person fills it: one row below each header."""
    form = template.template(name)
    book = openpyxl.load_workbook(io.BytesIO(template.workbook(form)))
    for page in form.pages:
        for place, column in enumerate(page.columns, start=1):
            book[page.name].cell(3, place).value = cell(column)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def back(data: bytes) -> Batch:
    opened = open_file(data, "x.xlsx")
    return sniff(opened).read(opened)


def facts(batch: Batch) -> dict[str, list[list[Any]]]:
    return {name: table.drop(columns="sheet").astype(object).where(table.notna(), None).to_numpy().tolist()
            for name, table in batch.tables.items()}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_filled_template_is_read_back(name: str) -> None:
    batch = back(filled(name))
    form = template.template(name)
    assert (batch.feed, batch.rows_read, batch.rejected) == (name, len(form.pages), 0)
    assert all(len(table) == 1 for table in batch.tables.values())
    assert not any("未采用" in note or "没有这些列" in note or "未注明" in note for note in batch.notes)


def test_units_and_zeros_survive() -> None:
    (project,) = back(filled("investment")).tables["investment_project"].to_dict("records")
    assert (project["plan"], project["project_code"], project["industry"]) == (12345.0, "0012", "0012")
    assert (project["started"], project["tech_upgrade"], project["scale"]) == ("2026-10", True, "206-1")
    (power,) = back(filled("power")).tables["power_use"].to_dict("records")
    assert (power["account"], power["power_m"]) == ("0012", 1.2345)
    (register,) = back(filled("register")).tables["register_entry"].to_dict("records")
    assert (register["industry"], register["since"], register["key_firm"]) == ("0012", "2026-10", True)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_printed(name: str) -> None:
    form = template.template(name)
    data = template.workbook(form)
    assert data == template.workbook(form), "the same bytes every time"
    book = openpyxl.load_workbook(io.BytesIO(data))
    assert book.sheetnames == [*(page.name for page in form.pages), "填写说明"]
    for page in form.pages:
        sheet = book[page.name]
        assert [sheet.cell(2, at).value for at in range(1, len(page.columns) + 1)] == [c.heading for c in page.columns]
        assert sheet.freeze_panes == "A3"
        for place, column in enumerate(page.columns, start=1):
            head = sheet.cell(2, place)
            assert head.comment is not None and ("必填" in head.comment.text) == column.required
            form_of = sheet.column_dimensions[head.column_letter].number_format
            assert (form_of == "@") == (column.kind not in ("money", "power", "number", "integer", "date"))
        lists = {str(rule.sqref).split(":")[0]: rule.formula1 for rule in sheet.data_validations.dataValidation}
        wanted = {
            sheet.cell(3, at).coordinate for at, c in enumerate(page.columns, start=1) if c.kind in ("flag", "choice")
        }
        assert set(lists) == wanted
    assert not any(c.data_type == "f" for sheet in book for row in sheet.iter_rows() for c in row)


def test_declared_words_never_become_formulas() -> None:
    wild = Column(
        id="x", name="=cmd|' /C calc'!A0", kind="choice", choices={"a": ("=1+1",), "b": ("@SUM(A1)",)}, note="+1"
    )
    form = template.Template("x", "-2+3", [template.Page("甲", "=HYPERLINK(1)", [wild])], ("@about",))
    book = openpyxl.load_workbook(io.BytesIO(template.workbook(form)))
    cells = [c for sheet in book for row in sheet.iter_rows() for c in row if c.value is not None]
    assert {c.data_type for c in cells} == {"s"}
    assert book["甲"]["A2"].value == wild.name


def test_an_unknown_form_is_refused() -> None:
    with pytest.raises(QxError, match=r"没有这种表：x（可选：investment、"):
        template.template("x")


@pytest.mark.parametrize("name", sorted(sheets()))
def test_a_required_column_left_empty_is_rejected(name: str) -> None:
    """Every mandatory cell of every declared form, one at a time."""
    form: SheetForm = sheets()[name]
    (page,) = template.template(name).pages
    firm = [c for c in form.columns if c.kind in ("credit_code", "firm_name")]
    needed = [c for c in form.columns if c.required and c not in firm]
    book = openpyxl.load_workbook(io.BytesIO(template.workbook(template.template(name))))
    for row, gone in enumerate(needed, start=3):
        for place, column in enumerate(page.columns, start=1):
            book[page.name].cell(row, place).value = None if column is gone else cell(column)
    out = io.BytesIO()
    book.save(out)
    batch = back(out.getvalue())
    assert batch.rejects["field"].tolist() == [column.name for column in needed]
    assert (batch.rows_read, batch.rejected) == (len(needed), len(needed))


@pytest.mark.system
@pytest.mark.parametrize("name", NAMES)
def test_what_libreoffice_saves_again_is_read_the_same(name: str, tmp_path: Path) -> None:
    assert shutil.which("soffice"), "LibreOffice is not installed"
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "form.xlsx"
    path.write_bytes(filled(name))
    for kind in ("xlsx", "xls"):
        subprocess.run(
            ["soffice", f"-env:UserInstallation=file://{tmp_path}/profile", "--headless", "--convert-to", kind,
             "--outdir", str(tmp_path / kind), str(path)],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip
        again = facts(back((tmp_path / kind / f"form.{kind}").read_bytes()))
        assert again == facts(back(path.read_bytes())), kind
