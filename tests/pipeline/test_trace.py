"""From a figure back to the cells, checked by opening the files with another library."""

from __future__ import annotations

import math
import re
import zipfile
from pathlib import Path

import openpyxl
import pytest

from qxmonitor import pipeline
from qxmonitor.catalog.indicators import indicators
from qxmonitor.errors import QxError
from qxmonitor.look import listing
from qxmonitor.trace import trace
from qxmonitor.warehouse import Warehouse
from tests.pipeline.conftest import Ingested, Town, in_process

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def told(ingested: Ingested) -> Warehouse:
    pipeline.run(ingested.wh, ingested.town.last)
    return ingested.wh


def test_cells_add_up_to_the_figure_and_say_what_stands_in_the_file(told: Warehouse, town: Town) -> None:
    figure = f"output_m:town:town:{town.last}"
    cells = trace(told, figure)
    [value] = [
        row["value"] for row in listing(told, "indicators", entity="town", indicator="output_m", period=town.last)
    ]
    assert {cell["field"] for cell in cells} == {"output_m"}
    assert math.isclose(sum(cell["value"] for cell in cells), value, rel_tol=1e-12)
    for cell in cells:
        book = openpyxl.load_workbook(cell["file"], read_only=True)
        printed = book[cell["sheet"]][cell["cell"]].value
        lines = " ".join(str(c.value) for row in book[cell["sheet"]].iter_rows(max_row=8) for c in row if c.value)
        book.close()
        unit = 10 if re.search("计量单位[:：] *万元", lines) else 1
        assert (
            float(str(printed).translate(str.maketrans("０１２３４５６７８９", "0123456789"))) * unit == cell["value"]
        )

    growth = trace(told, f"output_growth:town:town:{town.last}")
    assert {cell["field"] for cell in growth} == {"output_m", "output_ly_m"}
    tickets = trace(told, f"bonded_tickets:town:town:{town.last}")
    assert tickets and all(cell["file"].endswith(".xml") for cell in tickets)
    trade = trace(told, f"import_usd_ytd:town:town:{town.last}")
    assert {cell["period"] for cell in trade} == {f"2025-{month:02d}" for month in range(1, 6)}

    for wrong in (
        "output_m:town",
        "nothing:town:town:2025-05",
        "output_m:town:town:2025-13",
        "firms_listed:town:town:2025-05",
    ):
        with pytest.raises(QxError):
            trace(told, wrong)


@pytest.mark.parametrize(
    ("figure", "fields"),
    [
        ("revenue_per_head:town:town", {"revenue", "employees"}),
        ("node_weight:node:C01/C01-N1", {"output_ytd", "output_ly_ytd"}),
        ("export_part_rmb_ytd:mode:0110", {"rmb"}),
        ("bonded_stock_usd:town:town", {"usd"}),
        ("grid_power_m:town:town", {"power_m"}),
        ("investment_ytd:town:town", {"ytd"}),
        ("rd_year_spend:town:town", {"rd_expense"}),
    ],
)
def test_the_other_sources_cells_are_told_as_well(told: Warehouse, town: Town, figure: str, fields: set[str]) -> None:
    indicator, kind, entity = figure.split(":")
    cells = trace(told, f"{figure}:{town.last}")
    assert {cell["field"] for cell in cells} == fields
    [row] = listing(told, "indicators", entity=entity, entity_kind=kind, indicator=indicator, period=town.last)
    if len(fields) == 1:
        this_year = [cell["value"] for cell in cells if cell["period"] >= "2025"]
        assert math.isclose(sum(this_year), row["value"], rel_tol=1e-9)


def test_the_handbook_tells_every_indicator_with_an_example_and_is_the_same_twice(
    told: Warehouse, town: Town, tmp_path: Path
) -> None:
    first, _ = (in_process(told.settings, "catalog", "--out", tmp_path / name, "--json") for name in "ab")
    assert (first.code, {row["period"] for row in first.rows}) == (0, {str(town.last)})
    for name in ("指标手册.html", "指标手册.docx"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    page = (tmp_path / "a" / "指标手册.html").read_text(encoding="utf-8")
    for entry in indicators().indicators:
        assert f'id="{entry.id}"' in page and entry.formula in page
    assert page.count("<th>示例</th>") == len(indicators().indicators)
    assert "【模拟数据】" in page
    assert not re.search(r"nan|inf|None|-100\.0%", page.partition("<body>")[2], re.IGNORECASE)
    with zipfile.ZipFile(tmp_path / "a" / "指标手册.docx") as word:
        assert "营业收入利润率" in word.read("word/document.xml").decode()


def test_the_support_lists_come_from_administrative_sources_and_name_no_money(
    told: Warehouse, town: Town, tmp_path: Path
) -> None:
    found = in_process(told.settings, "support-lists", town.last, "--out", tmp_path / "名单.xlsx", "--json")
    assert found.code == 0
    assert {row["list"] for row in found.rows} == {"tickets", "trade"}
    assert {row["money"] for row in found.rows} == {None}
    assert all(row["figure"] >= 1e8 for row in found.rows if row["list"] == "trade")
    book = openpyxl.load_workbook(tmp_path / "名单.xlsx")
    words = " ".join(str(cell.value) for sheet in book for row in sheet.iter_rows() for cell in row if cell.value)
    assert "未配置" in words and "金额（元）" not in words and "模拟数据" in words


@pytest.mark.parametrize("reader", ["gxj", "swj"])
def test_firms_are_evaluated_for_a_department_from_what_it_may_use(
    told: Warehouse, town: Town, tmp_path: Path, reader: str
) -> None:
    found = in_process(
        told.settings, "evaluate-firms", town.last, "--for", reader, "--out", tmp_path / "评价.xlsx", "--json"
    )
    assert found.code == 0
    sources = {row["source"] for row in found.rows if row["list"] == "ladder"}
    assert sources <= ({"企业自报", None} if reader == "gxj" else {"企业自报", "海关", None})
    scored = [row for row in found.rows if row["list"] == "score" and row["score"] is not None]
    assert scored and all(row["best"] <= row["rank"] <= row["worst"] and row["known"] >= 0.6 for row in scored)
    assert all(row["reason"] for row in found.rows)
    book = openpyxl.load_workbook(tmp_path / "评价.xlsx")
    assert "模拟数据" in str(book["成长梯队"]["A1"].value)
    refused = in_process(told.settings, "evaluate-firms", town.last, "--for", "stats", "--out", tmp_path / "b.xlsx")
    assert refused.code == 1 and "不得为此用途" in refused.err
