"""From a figure back to the cells, checked by opening the files with another library."""

from __future__ import annotations

import html
import math
import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import openpyxl
import pytest

from qxmonitor import assessment, documents, growth, pipeline
from qxmonitor.catalog.handbook import handbook
from qxmonitor.catalog.indicators import indicators
from qxmonitor.catalog.ladder import ladder
from qxmonitor.catalog.office import office
from qxmonitor.catalog.release import release_calendar
from qxmonitor.errors import QxError
from qxmonitor.look import listing
from qxmonitor.period import Period
from qxmonitor.scene import Scene
from qxmonitor.settings import Settings
from qxmonitor.simulate import write_town
from qxmonitor.trace import Tracer, name_of, trace
from qxmonitor.warehouse import Warehouse
from tests.pipeline.conftest import Ingested, Town, in_process
from tests.worked import equations, holds

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
        "firms_listed:market:town:2025-05",
    ):
        with pytest.raises(QxError):
            trace(told, wrong)


@pytest.mark.parametrize(
    ("figure", "fields"),
    [
        ("revenue_per_head:town:town", {"revenue", "employees"}),
        ("node_weight:node:C01/C01-N1", {"output_ytd"}),
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
    if len(fields) == 1 and indicator != "node_weight":
        this_year = [cell["value"] for cell in cells if cell["period"] >= "2025"]
        assert math.isclose(sum(this_year), row["value"], rel_tol=1e-9)


def test_a_figure_of_nobody_is_refused_in_one_line(told: Warehouse, town: Town) -> None:
    for name in ("reference_value:reference:NOPE", "output_ytd:chain:NOPE", "node_weight:node:C01/NOPE",
                 "export_part_share:market:NOPE", "class_output_ytd:class:9999", "pull:chain:NOPE"):  # fmt: skip
        with pytest.raises(QxError, match="没有这个对象"):
            trace(told, f"{name}:{town.last}")


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
    examples = [html.unescape(text) for text in re.findall(r"<th>示例</th><td>(.*?)</td>", page)]
    assert len(examples) == len(indicators().indicators) + len(handbook().methods)
    worked = {text: equations(text) for text in examples}
    assert not [text for text, found in worked.items() if not all(holds(*pair) for pair in found)]
    assert sum(bool(found) for text, found in worked.items() if re.match(r"\d{4}年", text)) > 75
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


def _stands(tracer: Tracer, figure: str, seen: dict[str, bool]) -> bool:
    """Whether a figure answers with cells, or with figures that do."""
    if figure not in seen:
        rows = tracer.rows(figure)
        seen[figure] = any(row["what"] == "cell" for row in rows)
        if not seen[figure]:
            made_of = [row["field"] for row in rows if row["what"] == "figure"]
            seen[figure] = bool(made_of) and any(_stands(tracer, name, seen) for name in made_of)
    return seen[figure]


@pytest.mark.long
def test_every_stated_value_of_the_catalogue_answers_at_every_level(told: Warehouse, town: Town) -> None:
    silent, untold = _walk(told, town.last)
    assert silent == []
    point = Tracer(told).panel(town.last).reference.sort_values("period").iloc[-1]
    month = Period(str(point["period"])) if len(str(point["period"])) == 7 and "Q" not in str(point["period"]) else None
    assert month is not None
    [cell] = trace(told, f"reference_value:reference:{point['series']}:{month}")
    assert cell["value"] == point["value"] and re.fullmatch(r"[A-Z]+\d+", cell["cell"])
    assert len(untold) < 50  # eight months have no growth of trade and no index


@pytest.mark.long
def test_with_three_years_behind_it_every_indicator_answers(
    new_module_database: Callable[[str], Settings], tmp_path: Path
) -> None:
    first, last = Period("2022-01"), Period("2025-05")
    write_town(tmp_path / "town", firms=24, first=first, last=last, seed=7)
    now = release_calendar().released_at(last) + timedelta(days=1)
    with Warehouse(replace(new_module_database("trace_years"), fixed_now=now)) as wh:
        pipeline.ingest(wh, [tmp_path / "town" / "landing"])
        pipeline.run(wh, last)
        silent, untold = _walk(wh, last)
    assert silent == []
    assert untold <= {
        "import_lead", "upgrade_investment_ytd", "upgrade_investment_growth_ytd", "reference_value", "reference_growth"
    }  # fmt: skip


def _walk(wh: Warehouse, month: Period) -> tuple[list[str], set[str]]:
    """Figures with a value that do not answer, one a level and source; and indicators without any value."""
    tracer, seen = Tracer(wh), dict[str, bool]()
    rows = [row for row in listing(wh, "indicators", period=month) if row["state"] == "value"]
    first = {(row["indicator"], row["entity_kind"], row["source"]): row for row in rows}
    no_lines = ("customs", "bonded", "power")  # nothing moved: a nought that stands on no line
    first = {k: row for k, row in first.items() if k[0][:7] != "target." and (row["value"] or k[2] not in no_lines)}
    silent = [
        figure for (indicator, kind, source), row in first.items()
        if not _stands(tracer, figure := f"{indicator}:{kind}:{row['entity']}:{month}:{source}", seen)
    ]  # fmt: skip
    return silent, {e.id for e in indicators().indicators} - {key[0] for key in first}


def test_cells_of_a_sum_add_up_to_it_at_every_level(told: Warehouse, town: Town) -> None:
    tracer, compared = Tracer(told), 0
    no_sums = ("loss_amount", "output_ttm", "bonded_firms", "bonded_tickets", "investment_projects")
    additive = {e.id for e in indicators().indicators if e.additive and not e.id.startswith(no_sums)}
    rows = [row for row in listing(told, "indicators", period=town.last) if row["state"] == "value" and row["value"]]
    first = {(row["indicator"], row["entity_kind"]): row for row in rows if row["indicator"] in additive}
    for (indicator, kind), row in first.items():
        cells = tracer.rows(f"{indicator}:{kind}:{row['entity']}:{town.last}:{row['source']}")
        if indicator.startswith(("firms_", "value_added")):
            continue  # cells of several columns
        assert sum(cell["value"] for cell in cells) == pytest.approx(row["value"], rel=1e-9), (indicator, kind)
        compared += 1
    assert compared > 60


@pytest.mark.long
@pytest.mark.parametrize("edition", ["stats", "joint"])
def test_every_number_of_the_briefings_tables_answers(told: Warehouse, town: Town, edition: str) -> None:
    scene = Scene(told, town.last)
    tracer, seen, silent, answered = Tracer(told), dict[str, bool](), [], 0
    paper = documents.compose(scene, office().edition(edition), documents.receipts_of(scene))
    for cell in (c for table in paper.all_tables for row in table.rows for c in row):
        names = name_of(cell.ref)
        if not cell.number or cell.source in ("office", "quality"):
            continue
        answered += 1
        if not names or not all(_stands(tracer, name, seen) for name in names):
            silent.append(cell.ref)
    assert silent == []
    assert answered > 100


def test_firms_scores_steps_and_targets_answer_with_cells_settings_and_figures(told: Warehouse, town: Town) -> None:
    tracer, seen, last = Tracer(told), dict[str, bool](), town.last
    for reader in ("gxj", "swj"):
        for row in assessment.write(told, last, reader, told.settings.home / "评价.xlsx"):
            if row["list"] == "ladder" and row["figure"] is not None:
                step = next(s for s in (*ladder().steps, ladder().doubling) if s.name == row["step"])
                name = f"ladder.{getattr(step, 'id', 'doubling')}:firm:{row['entity']}:{last}:{reader}"
                assert any(cell["what"] == "cell" for cell in tracer.rows(name)), name
            if row["list"] == "score" and row["score"] is not None:
                assert _stands(tracer, f"score:firm:{row['entity']}:{last}:{reader}", seen)
                assert _stands(tracer, f"rank:firm:{row['entity']}:{last}:{reader}", seen)
                for key in (key for key, value in row.items() if key.startswith("points_") and value is not None):
                    name = f"score.{key.removeprefix('points_')}:firm:{row['entity']}:{last}:{reader}"
                    assert _stands(tracer, name, seen), name
    rows = tracer.rows(f"target.cluster_optoelectronics.expected:town:town:{last}")
    assert {row["what"] for row in rows} == {"parameter", "figure"}
    assert {"cluster_optoelectronics.goal"} <= {row["field"] for row in rows}


def test_parts_of_growth_are_the_cells_that_make_them(told: Warehouse, town: Town) -> None:
    tracer, amounts = Tracer(told), {row["what"]: row["amount"] for row in growth.rows(told, town.last)}
    for part in ("base", "level"):
        cells = tracer.rows(f"decompose_cumulative.{part}:town:town:{town.last}")
        assert {cell["field"] for cell in cells} <= {"output_ytd"}
        if amounts.get(part) is not None:
            assert sum(cell["value"] for cell in cells) == pytest.approx(amounts[part], rel=1e-9)
