"""Published customs tables through the whole house: units, re-issues, looks back, odd months, and back to the cell."""

from __future__ import annotations

import csv as csv_reader
from collections.abc import Sequence
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from qxmonitor import pipeline
from qxmonitor.indicators.published import published_rows
from qxmonitor.indicators.view import View
from qxmonitor.period import SHANGHAI, Period
from qxmonitor.trace import Tracer
from qxmonitor.warehouse import Warehouse
from qxmonitor.warehouse.panel import read_panel
from tests.feeds.books import csv

pytestmark = pytest.mark.slow

HEAD = [["地区", "出口", "", "", ""], ["", "当月", "当月同比±%", "1至本月", "累计同比±%"]]
DOWNLOAD = [
    "数据年月",
    "进出口类型",
    "商品编码",
    "商品名称",
    "贸易伙伴编码",
    "贸易方式编码",
    "注册地编码",
    "人民币",
    "",
]


def land(folder: Path, day: str, name: str, rows: Sequence[Sequence[Any]]) -> None:
    place = folder / day
    place.mkdir(parents=True, exist_ok=True)
    (place / name).write_bytes(csv(rows))


@pytest.fixture
def told(warehouse: Warehouse, tmp_path: Path) -> Warehouse:
    """November in 亿元, issued again in 万元 with revised figures; December; nothing for January; February with it."""
    for day, name, title, unit, row in (
        ("2024-12-16", "202411", "2024年11月", "亿元", ["清溪镇", "4.00", "—", "40.00", "—"]),
        ("2025-03-16", "202502", "2025年2月", "亿元", ["清溪镇", "—", "—", "6.00", "—"]),
        ("2025-12-16", "202511", "2025年11月", "亿元", ["清溪镇", "4.40", "10.0%", "44.00", "10.0%"]),
        ("2025-12-28", "202511b", "2025年11月（修订）", "万元", ["清溪镇", "43,200", "8.0", "432,000", "7.5"]),
        ("2026-01-16", "202512", "2025年12月", "万元", ["清溪镇", "50,000", "5.0", "482,000", "7.2"]),
        ("2026-03-16", "202602", "2026年1至2月", "亿元", ["清溪镇", "—", "—", "6.30", "—"]),
    ):
        land(tmp_path, day, f"{name}.csv", [[title], [f"单位：{unit}"], *HEAD, row])
    line = [
        ["202601", "出口", "85340090", "板", "502", "10", "00001", amount, ""] for amount in ("1.5e8", "100,000,000")
    ]
    land(
        tmp_path,
        "2026-02-20",
        "查询.csv",
        [["模拟数据"], DOWNLOAD, *line[:1], [*line[1][:2], "39269090", *line[1][3:]]],
    )
    receipts = pipeline.ingest(warehouse, [tmp_path])
    assert [(r["state"], r["rejected"]) for r in receipts] == [("accepted", 0)] * 7, receipts
    return warehouse


def figures(wh: Warehouse, month: str, known: str = "2026-04-30") -> dict[str, Any]:
    then = datetime.fromisoformat(known).replace(hour=12, tzinfo=SHANGHAI)
    panel = read_panel(wh, Period(month), months=37, known_at=then)
    rows = published_rows(View(panel, [Period(month)]))
    mine = rows[rows["indicator"].str.startswith("public_export_rmb_") & (rows["entity"] == "town")]
    values = mine["value"].astype(object).where(mine["state"] == "value", mine["state"])
    return dict(zip(mine["indicator"].str.removeprefix("public_export_rmb_"), values, strict=True))


def test_figures_as_known_then_in_odd_months(told: Warehouse) -> None:
    first = figures(told, "2025-11", "2025-12-20")
    assert first == {
        "m": pytest.approx(4.4e8), "ytd": pytest.approx(44e8), "growth": pytest.approx(0.1),
        "growth_ytd": pytest.approx(0.1), "ratio_ytd": pytest.approx(0.1),
    }  # fmt: skip
    revised = figures(told, "2025-11")
    assert revised == {
        "m": pytest.approx(4.32e8), "ytd": pytest.approx(43.2e8), "growth": pytest.approx(0.08),
        "growth_ytd": pytest.approx(0.075), "ratio_ytd": pytest.approx(0.08),
    }, "the published rate stands beside what two years' levels give"  # fmt: skip
    assert set(figures(told, "2025-12", "2026-01-10").values()) == {"expected-absent"}, "not due before the 20th"
    assert figures(told, "2026-01", "2026-02-25") == {
        "m": 2.5e8, "ytd": 2.5e8, "growth": "expected-absent", "growth_ytd": "expected-absent",
        "ratio_ytd": "expected-absent",
    }  # fmt: skip
    assert set(figures(told, "2026-01", "2026-02-19").values()) == {"expected-absent"}, (
        "January is published with February"
    )
    february = figures(told, "2026-02")
    assert february == {
        "m": "expected-absent", "ytd": pytest.approx(6.3e8), "growth": pytest.approx(0.05),
        "growth_ytd": pytest.approx(0.05), "ratio_ytd": pytest.approx(0.05),
    }, "no rate is published: on the two months of a year ago"  # fmt: skip
    assert set(figures(told, "2026-03", "2026-04-21").values()) == {"late"}
    assert set(figures(told, "2026-03", "2026-04-20").values()) == {"expected-absent"}


def test_every_figure_leads_to_its_cells(told: Warehouse) -> None:
    tracer, found = Tracer(told), {}
    for name, month in (
        ("export_rmb_growth_ytd", "2025-11"), ("export_rmb_ratio_ytd", "2025-11"), ("export_rmb_m", "2025-12"),
        ("export_rmb_growth", "2026-02"), ("export_rmb_m", "2026-01"),
    ):  # fmt: skip
        rows = tracer.rows(f"public_{name}:place:town:{month}:customs_public")
        found[name, month] = [(Path(str(r["file"])).name, r["cell"], r["value"]) for r in rows]
        for row in rows:
            table = list(csv_reader.reader(StringIO(Path(str(row["file"])).read_bytes().decode("gb18030"))))
            column, line = str(row["cell"])[0], int(str(row["cell"])[1:])
            printed = table[line - 1][ord(column) - ord("A")].replace(",", "").rstrip("%")
            factor = float(row["value"]) / float(printed)
            assert min(abs(factor - size) for size in (1.0, 1e4, 1e8)) < 1e-6 * factor
    assert found == {
        ("export_rmb_growth_ytd", "2025-11"): [("202511b.csv", "E5", 7.5)],
        ("export_rmb_ratio_ytd", "2025-11"): [
            ("202411.csv", "D5", pytest.approx(40e8)), ("202511b.csv", "D5", pytest.approx(43.2e8)),
        ],
        ("export_rmb_m", "2025-12"): [("202512.csv", "B5", pytest.approx(5e8))],
        ("export_rmb_growth", "2026-02"): [
            ("202502.csv", "D5", pytest.approx(6e8)), ("202602.csv", "D5", pytest.approx(6.3e8)),
        ],
        ("export_rmb_m", "2026-01"): [("查询.csv", "H3", 1.5e8), ("查询.csv", "H4", 1e8)],
    }  # fmt: skip
    assert tracer.rows("public_export_rmb_m:place:city:2025-12") == []
