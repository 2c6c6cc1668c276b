"""A few firms in hand-made files, each with one planted defect: it is found, with both cells, and nothing else.

The figures are worked out here by plain arithmetic, not by the simulator and not by the code under test.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest

from qxmonitor import datadocs, letters, pipeline, validation
from qxmonitor.errors import QxError
from qxmonitor.period import SHANGHAI, Period
from qxmonitor.settings import Settings
from qxmonitor.warehouse import Warehouse
from tests.feeds.books import csv, export, uscc, workbook
from tests.pipeline.conftest import in_process

pytestmark = pytest.mark.slow

NOW = datetime(2026, 6, 1, 9, tzinfo=SHANGHAI)
FIRMS = range(1, 15)
ITEMS = ("output", "sales", "export", "power")
LEVEL = {"output": 5000, "sales": 4800, "export": 3000, "power": 20}
NAMES = {"output": "工业总产值(当年价格)", "sales": "工业销售产值", "export": "出口交货值", "power": "企业用电量"}
SPANS = {"m": "本年;本月", "ytd": "本年;1-本月", "ly_m": "上年同期;本月", "ly_ytd": "上年同期;1-本月"}
COLUMNS = [(item, span) for item in ITEMS for span in SPANS]
HEADER = ["统一社会信用代码", "单位详细名称", "报告期", *(f"{NAMES[i]};{SPANS[s]}" for i, s in COLUMNS)]
MONTHS = [(year, month) for year in (2025, 2026) for month in (2, 3, 4)]
LAST = Period("2026-04")
(CUMULATIVE, COPIED, UNIT, LAST_YEAR, MIRROR, STOPPED, TWICE, TWIN, HEADS, PARTS, SELF) = FIRMS[1:12]


def month(firm: int, item: str, year: int, number: int) -> int:
    """What a firm did in one month: a tenth more a year, a little more each month, no two firms alike."""
    return LEVEL[item] * (100 + 7 * firm) * (100 + number) * (110 if year == 2026 else 100) // 1_000_000


def figures(firm: int, year: int, number: int) -> dict[tuple[str, str], Any]:
    """A sound return: January and February only as a running total."""
    found: dict[tuple[str, str], Any] = {}
    for item in ITEMS:
        for prefix, of in (("", year), ("ly_", year - 1)):
            found[item, f"{prefix}m"] = None if number == 2 else month(firm, item, of, number)
            found[item, f"{prefix}ytd"] = sum(month(firm, item, of, past) for past in range(1, number + 1))
    return found


def returns(year: int, number: int) -> dict[int, dict[tuple[str, str], Any]]:
    rows = {firm: figures(firm, year, number) for firm in FIRMS}
    if (year, number) != (2026, 4):
        return rows
    rows[CUMULATIVE]["output", "ytd"] += 700
    rows[COPIED] = figures(COPIED, 2026, 3)
    rows[UNIT] = {key: value * 1000 if key[0] != "power" else value for key, value in rows[UNIT].items()}
    rows[LAST_YEAR]["export", "ly_m"] += 300
    rows[STOPPED] |= {(item, span): 0 for item in ("output", "sales", "export") for span in ("m",)}
    rows[STOPPED] |= {(item, "ytd"): figures(STOPPED, 2026, 3)[item, "ytd"] for item in ("output", "sales", "export")}
    rows[TWIN] = dict(rows[1])
    return rows


def book(year: int, number: int, rows: dict[int, dict[tuple[str, str], Any]], *, off: int = 0) -> bytes:
    lines = [
        [uscc(firm), f"模拟{firm}公司", f"{year} 00 {number:02d}", *(values[key] for key in COLUMNS)]
        for firm, values in rows.items()
    ]
    total = ["合计", None, None, *(sum(values[key] or 0 for values in rows.values()) for key in COLUMNS)]
    total[3] += off
    return workbook({"B204-1": [*export(HEADER, lines), total]})


def finance(number: int) -> bytes:
    names = ["应收账款", "存货", "流动资产合计", "资产总计", "营业收入", "平均用工人数"]
    header = ["统一社会信用代码", "单位详细名称", "报告期", *(f"{name};本年;1-本月" for name in names)]
    lines = []
    for firm in FIRMS:
        stock = 1000 + 10 * firm + number
        row = [2 * stock, stock, 4 * stock, 9 * stock, 5000 * number + firm, 100 + firm]
        if number == 4 and firm == HEADS:
            row[5] = 40
        if number == 4 and firm == PARTS:
            row[1] = 3 * stock
        lines.append([uscc(firm), f"模拟{firm}公司", f"2026 00 {number:02d}", *row])
    return workbook({"财务状况": export(header, lines, title="财务状况")})


def customs(number: int) -> bytes:
    """Exports a tenth below delivery, in yuan; one firm exports three times what it delivered."""
    head = ["数据年月", "社会信用代码", "企业名称", "进出口标志", "贸易方式", "商品编码", "国别(地区)", "数量", "单位",
            "美元值", "人民币值"]  # fmt: skip
    lines: list[list[Any]] = []
    for firm in FIRMS:
        delivered = month(firm, "export", 2026, number) * 1000
        delivered = 0 if firm == STOPPED and number == 4 else delivered
        yuan = delivered * (3 if firm == MIRROR else 0.9)
        for hs, share in (("95030089", 0.6), ("85258913", 0.4)):
            if yuan:
                lines.append([f"2026{number:02d}", uscc(firm), f"模拟{firm}公司", "出口", "0110", hs, "美国", 10, "台",
                              round(yuan * share / 7, 2), round(yuan * share, 2)])  # fmt: skip
        lines.append([f"2026{number:02d}", uscc(firm), f"模拟{firm}公司", "出口", "0654", "95030089", "美国", 1, "台",
                      1e7, 7e7])  # fmt: skip
    return csv([head, *lines])


def register() -> bytes:
    head = ["统一社会信用代码", "企业名称", "海关注册编码", "所属集团", "行业代码", "产业链", "链节点", "经济类型",
            "规上", "高新技术企业", "先进制造业", "高技术制造业", "专精特新", "倍增企业", "境内上市", "研发机构",
            "重点企业", "挂点领导", "纳入年月", "退出年月"]  # fmt: skip
    flags = ["是", *["否"] * 8]
    lines = [
        [uscc(firm), f"模拟{firm}公司", None, None, "3970", "C01", "C01-N1", "私营", *flags, None, "2020-01", None]
        for firm in FIRMS
    ]
    grants = [
        [uscc(SELF), "工业总产值、出口交货值", "统计办", "2020-01", None],
        [uscc(1), "工业总产值", "工信局", "2020-01", None],
    ]
    return workbook(
        {
            "企业名录": [["重点企业名录（模拟数据）"], head, *lines],
            "自报授权": [["统一社会信用代码", "授权事项", "授权部门", "起始年月", "终止年月"], *grants],
        }
    )


def own_reports() -> bytes:
    header = ["统一社会信用代码", "企业名称", "报告期", "工业总产值;本年;本月", "工业总产值;本年;1-本月"]
    lines = []
    for firm, factor in ((SELF, 2), (1, 2)):
        own = figures(firm, 2026, 4)
        lines.append([uscc(firm), f"模拟{firm}公司", "2026-04", own["output", "m"] * factor, own["output", "ytd"]])
    return workbook({"自报": [["企业自报表（模拟数据）"], ["单位：千元"], header, *lines]})


def town(folder: Path) -> None:
    """Every file in the folder of its day."""
    files: dict[str, bytes] = {"2025-01-02/名录.xlsx": register()}
    for year, number in MONTHS:
        off = 999_999 if (year, number) == (2026, 4) else 0
        files[f"{year}-{number + 1:02d}-10/B204-1_{number}.xlsx"] = book(year, number, returns(year, number), off=off)
    second = {TWICE: figures(TWICE, 2026, 4) | {("power", "ytd"): 1 + figures(TWICE, 2026, 4)["power", "ytd"]}}
    files["2026-05-10/B204-1_补.xlsx"] = book(2026, 4, second)
    files |= {f"2026-{number + 1:02d}-16/财务状况.xlsx": finance(number) for number in (2, 3, 4)}
    files |= {f"2026-{number + 1:02d}-14/海关{number}.csv": customs(number) for number in (1, 2, 3, 4)}
    files["2026-05-08/自报.xlsx"] = own_reports()
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(content)


@pytest.fixture(scope="module")
def wh(new_module_database: Callable[[str], Settings], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    folder = tmp_path_factory.mktemp("handmade")
    town(folder)
    with Warehouse(replace(new_module_database("validation"), fixed_now=NOW)) as wh:
        receipts = pipeline.ingest(wh, [folder])
        assert {row["state"] for row in receipts} == {"accepted"}, [r["reasons"] for r in receipts]
        assert all(row["rejected"] == 0 for row in receipts)
        yield wh


def line_of(firm: int) -> int:
    """Title, unit, header, then the firms in their order."""
    return 3 + firm


PLANTED = {
    ("cumulative", CUMULATIVE, f"E{line_of(CUMULATIVE)}", "2026-03", f"E{line_of(CUMULATIVE)}"),
    ("copied_month", COPIED, str(line_of(COPIED)), "2026-03", str(line_of(COPIED))),
    ("unit_jump", UNIT, f"D{line_of(UNIT)}", "2026-03", f"D{line_of(UNIT)}"),
    ("unit_jump", UNIT, f"H{line_of(UNIT)}", "2026-03", f"H{line_of(UNIT)}"),
    ("unit_jump", UNIT, f"L{line_of(UNIT)}", "2026-03", f"L{line_of(UNIT)}"),
    ("last_year", LAST_YEAR, f"N{line_of(LAST_YEAR)}", "2025-04", f"L{line_of(LAST_YEAR)}"),
    ("power_without_output", STOPPED, f"D{line_of(STOPPED)}", "2026-04", f"P{line_of(STOPPED)}"),
    ("copied_firm", TWIN, str(line_of(TWIN)), "2026-04", str(line_of(1))),
    ("headcount", HEADS, f"I{line_of(HEADS)}", "2026-03", f"I{line_of(HEADS)}"),
    ("part_above_whole", PARTS, f"D{line_of(PARTS)}", "2026-04", f"F{line_of(PARTS)}"),
}


def test_every_planted_defect_is_found_and_nothing_else(wh: Warehouse) -> None:
    found = letters.check(wh, LAST)
    firm_of = {uscc(firm): firm for firm in FIRMS}
    by_firm = {
        (row["check"], firm_of[row["entity"]], row["cell"], row["other_period"], row["other_cell"])
        for row in found
        if row["check"] not in ("duplicate_filing", "control_total")
    }
    assert by_firm == PLANTED
    (twice,) = [row for row in found if row["check"] == "duplicate_filing"]
    assert firm_of[twice["entity"]] == TWICE
    assert {Path(twice["file"]).name, Path(twice["other_file"]).name} == {"B204-1_4.xlsx", "B204-1_补.xlsx"}
    (total,) = [row for row in found if row["check"] == "control_total"]
    assert (Path(total["file"]).name, total["cell"]) == ("B204-1_4.xlsx", f"表1 D{line_of(FIRMS[-1]) + 1}")
    assert total["sheet"] == total["other_sheet"] == "B204-1"
    assert total["other_cell"] == f"B204-1 第{line_of(FIRMS[0])}—{line_of(FIRMS[-1])}行之和"
    assert len(found) == len(PLANTED) + 2
    assert not any("value" in row for row in found)


def test_a_finding_names_its_file_once_and_no_figures_that_it_has_not(wh: Warehouse) -> None:
    told = in_process(wh.settings, "check", str(LAST), "--values").out
    (total,) = [line for line in told.splitlines() if "合计行" in line]
    assert total.count("B204-1_4.xlsx") == 1
    rows = f"第{line_of(FIRMS[0])}—{line_of(FIRMS[-1])}行之和"
    assert total.endswith(f"B204-1_4.xlsx 表1 D{line_of(FIRMS[-1]) + 1} ↔ B204-1 {rows}）")
    assert "[提示] 合计行 合计行：" in total
    assert "None" not in told
    (twice,) = [line for line in told.splitlines() if "B204-1_补.xlsx" in line]
    assert "B204-1_4.xlsx" in twice, "of two files both"


def test_values_are_shown_when_asked_for(wh: Warehouse) -> None:
    (row,) = [row for row in letters.check(wh, LAST, values=True) if row["check"] == "cumulative"]
    assert row["value"] == figures(CUMULATIVE, 2026, 4)["output", "ytd"] + 700
    assert row["other_value"] == figures(CUMULATIVE, 2026, 3)["output", "ytd"]


def test_a_sound_month_has_no_finding_and_the_past_is_as_it_was_known(wh: Warehouse) -> None:
    assert letters.check(wh, Period("2026-03")) == []
    assert letters.check(wh, LAST, known_at=datetime(2026, 5, 1, tzinfo=SHANGHAI)) == []
    assert letters.check(wh, Period("2031-01")) == []


def test_the_mirror_gap_names_the_rows_on_both_sides(wh: Warehouse) -> None:
    found = validation.reconcile(wh, Period("2026-03"), kind="mirror")
    (gap,) = validation.rows(found.gaps)
    delivered = sum(month(MIRROR, "export", 2026, n) for n in (1, 2, 3))
    assert (gap["entity"], gap["basis"], gap["left"]) == (uscc(MIRROR), "1—本月", delivered)
    assert gap["right"] == pytest.approx(3 * delivered)
    assert gap["gap"] == pytest.approx(-2 * delivered)
    assert gap["left_rows"].endswith(f"B204-1_3.xlsx B204-1 第{line_of(MIRROR)}行")
    first = 2 + 3 * (MIRROR - 1)
    parts = gap["right_rows"].split("；")
    assert [part.rpartition("/")[2] for part in parts] == [f"海关{n}.csv 第{first}—{first + 1}行" for n in (1, 2, 3)]
    details = validation.rows(found.details)
    (left,) = [row for row in details if row["side"] == "left"]
    assert (Path(left["file"]).name, left["sheet"], left["cell"]) == ("B204-1_3.xlsx", "B204-1", f"M{line_of(MIRROR)}")
    right = [(Path(row["file"]).name, row["row"]) for row in details if row["side"] == "right"]
    place = 2 + 3 * (MIRROR - 1)  # three lines a firm, of which the third is a mode that does not count
    assert sorted(right) == [(f"海关{n}.csv", place + at) for n in (1, 2, 3) for at in (0, 1)]


def test_a_gap_says_what_else_is_odd_about_the_firm(wh: Warehouse) -> None:
    gaps = {row["entity"]: row["also"] for row in validation.rows(validation.reconcile(wh, LAST, kind="mirror").gaps)}
    assert gaps == {uscc(MIRROR): "", uscc(UNIT): "计量单位", uscc(TWIN): "照抄他企"}


def test_a_firms_own_report_is_compared_only_where_it_authorised_that(wh: Warehouse) -> None:
    found = validation.reconcile(wh, LAST, kind="self_report")
    (gap,) = validation.rows(found.gaps)
    assert (gap["entity"], gap["item"]) == (uscc(SELF), "工业总产值（本月）")
    assert gap["right"] == 2 * gap["left"]


@pytest.mark.parametrize("reader", ["gxj", "swj", "leaders", "operators", "nobody"])
def test_nobody_but_the_statistics_office_reconciles_firm_by_firm(wh: Warehouse, reader: str) -> None:
    for kind in (None, *validation.KINDS):
        with pytest.raises(QxError):
            validation.reconcile(wh, LAST, kind=kind, reader=reader)


def test_the_commands(wh: Warehouse, tmp_path: Path) -> None:
    answer = in_process(wh.settings, "check", LAST, "--json")
    assert answer.code == 0 and len(answer.rows) == len(PLANTED) + 2
    assert in_process(wh.settings, "check", LAST).out.count("\n") == len(PLANTED) + 2
    out = tmp_path / "deep" / "核对.xlsx"
    asked = ("reconcile", "2026-03", "--kind", "mirror", "--details", "--out", out, "--json")
    answer = in_process(wh.settings, *asked)
    assert answer.code == 0 and len(answer.rows) == 7
    assert out.stat().st_mode & 0o777 == 0o600
    book_ = openpyxl.load_workbook(io.BytesIO(out.read_bytes()))
    assert [len(list(page.iter_rows())) for page in book_] == [3, 9]
    assert "模拟数据" in str(book_["差异"]["A1"].value)
    assert in_process(wh.settings, "reconcile", LAST, "--for", "gxj", "--json").code == 1


def test_summaries_hold_counts_and_places_but_no_value_and_no_name(wh: Warehouse) -> None:
    said = validation.summaries(wh)
    assert {"output_return", "whole_file", "trade_line"} <= set(said["fact_table"])
    output = said[(said["feed"] == "b204_1") & (said["period"] == LAST) & (said["rows_read"] == len(FIRMS) + 1)]
    rules = output.set_index("rule")
    assert rules.loc["output.negative", ["evaluated", "unexpected"]].tolist() == [16 * len(FIRMS), 0]
    assert rules.loc["output.power_without_output", ["severity", "unexpected", "places"]].tolist() == [
        "warning", 1, f'["表1 第{line_of(STOPPED)}行"]',
    ]  # fmt: skip
    assert rules.loc["file.total_off", "unexpected"] == 1
    text = said.to_csv()
    assert "模拟" not in text and "公司" not in text


def test_the_linked_site_holds_no_value_no_name_and_nothing_from_elsewhere(wh: Warehouse, tmp_path: Path) -> None:
    out = tmp_path / "site"
    written = [Path(row["path"]) for row in datadocs.build(wh, out)]
    names = {str(path.relative_to(out)) for path in written}
    assert {"index.html", "2026-04.html", "other.html"} <= names
    assert len([name for name in names if name.startswith("files/")]) == 16
    frames = [wh.frame(f"select * from {table}") for table in ("output_return", "finance_return", "trade_line")]
    values = np.concatenate([frame.select_dtypes("float").to_numpy().ravel() for frame in frames])
    told = {f"{value:.0f}" for value in np.unique(values) if value > 20_000}
    assert len(told) > 100
    for path in written:
        text = path.read_text(encoding="utf-8")
        assert path.stat().st_mode & 0o777 == 0o600
        assert not re.search(r"公司|模拟\d|91000000|\.xlsx|\.csv|企业名录!", text), path.name
        assert not told & set(re.findall(r"\d+", text.replace(",", ""))), path.name
        assert not re.search(r"<script|https?://|src=|url\(", text), path.name
    month_page = (out / "2026-04.html").read_text(encoding="utf-8")
    assert "本月产值为零但有用电" in month_page and "合计行与各行之和不符" in month_page
    assert "values must be greater than or equal to" in max(
        (path.read_text(encoding="utf-8") for path in written if path.parent.name == "files"), key=len
    )
    assert {Path(row["path"]).name for row in datadocs.build(wh, out)} == {"index.html"}, "nothing new, nothing done"


def test_the_site_is_as_it_was_known(wh: Warehouse, tmp_path: Path) -> None:
    datadocs.build(wh, tmp_path / "then", known_at=datetime(2026, 4, 1, tzinfo=SHANGHAI))
    assert not (tmp_path / "then" / "2026-04.html").exists()
    assert (tmp_path / "then" / "2026-02.html").exists()


def test_the_full_site_shows_what_offends_and_is_closed(wh: Warehouse, tmp_path: Path) -> None:
    answer = in_process(wh.settings, "docs", "quality", "--full", "--period", LAST, "--json")
    assert answer.code == 0
    paths = [Path(row["path"]) for row in answer.rows]
    assert {path.parents[1].name for path in paths if path.parent.name == "files"} == {"quality"}
    folder = datadocs.full_folder(wh.settings)
    assert folder.stat().st_mode & 0o777 == 0o700 and folder.parent.stat().st_mode & 0o777 == 0o700
    power = f"{month(STOPPED, 'power', 2026, 4)}"
    assert any(re.search(rf"\b{power}\b", path.read_text(encoding="utf-8")) for path in paths)
    with pytest.raises(QxError, match="没有已知的文件"):
        datadocs.build_full(wh, tmp_path / "x", Period("2031-01"))
