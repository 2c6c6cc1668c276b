"""Declared sheets on their whole way: landing, quality, warehouse and the as-of reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qxmonitor import pipeline
from qxmonitor.period import Period
from qxmonitor.warehouse import asof
from tests.feeds.books import csv, uscc
from tests.pipeline.conftest import Ingested

pytestmark = pytest.mark.slow

FEEDS = {"investment", "rd_yearly", "power", "tasks", "visits", "parameters"}
TASKS = ["条目", "责任部门", "报告期", "进展情况", "完成进度"]


def test_a_simulated_town_is_taken_in_whole(ingested: Ingested) -> None:
    mine = [receipt for receipt in ingested.receipts if receipt["feed"] in FEEDS]
    assert {receipt["feed"] for receipt in mine} == FEEDS
    assert [(r["file"], r["reasons"]) for r in mine if r["state"] != "accepted" or r["rejected"]] == []
    expected = {Path(f["path"]).name: f["rows_read"] for f in ingested.town.truth["files"] if f["feed"] in FEEDS}
    assert {Path(r["file"]).name: r["rows_read"] for r in mine} == expected


def test_power_of_the_power_company_is_the_power_of_the_returns(ingested: Ingested) -> None:
    """The simulator writes kilowatt-hours here and 10,000 kWh there, of one economy."""
    period = Period("2025-04")
    bills = asof.read(ingested.wh, "power_use", first=period, last=period).groupby("entity")["power_m"].sum()
    returns = asof.read(ingested.wh, "output_return", first=period, last=period).set_index("entity")["power_m"].dropna()
    both = bills.index.intersection(returns.index)
    assert len(both) > 20
    close = (bills[both] - returns[both]).abs() <= 0.011
    assert close.mean() > 0.9, "but for returns with an error of their own"


def test_every_clause_reports_and_parameters_are_there(ingested: Ingested) -> None:
    tasks = asof.read(ingested.wh, "task_progress", first=Period("2025-04"), last=Period("2025-04"))
    assert sorted(set(tasks["clause"])) == list(range(1, 20))
    parameters = asof.read(ingested.wh, "monthly_parameter", first=Period("2025-04"), last=Period("2025-04"))
    assert sorted(parameters["parameter"]) == ["producer_price", "usd_cny", "value_added_rate"]
    rd = asof.read(ingested.wh, "rd_return")
    assert set(rd["period"]) == {"2024"}
    projects = asof.read(ingested.wh, "investment_project", first=Period("2025-04"), last=Period("2025-04"))
    assert projects["thing"].is_unique and set(projects["scale"]) == {"206-1", "206-2"}
    assert projects["entity"].notna().any()


def test_the_newest_sheet_of_a_task_counts(open_town: Callable[[], Any], tmp_path: Path) -> None:
    with open_town() as wh:
        for day, percent in (("2025-05-10", "30%"), ("2025-05-11", "35%")):
            folder = tmp_path / day
            folder.mkdir()
            (folder / "a.csv").write_bytes(csv([["模拟数据"], TASKS, [7, "商务局", "2025-04", "在办", percent],
                                               [20, "商务局", "2025-04", "无此条", "1%"]]))  # fmt: skip
            (receipt,) = pipeline.ingest(wh, [folder])
            assert (receipt["accepted"], receipt["rejected"]) == (1, 1)
        found = asof.read(wh, "task_progress", first=Period("2025-04"), last=Period("2025-04"))
    assert found[["thing", "percent"]].to_numpy().tolist() == [["7/swj", 35.0]]


def test_a_project_of_an_unknown_firm_counts_and_its_power_does_not(
    open_town: Callable[[], Any], tmp_path: Path
) -> None:
    header = ["项目名称", "建设单位", "统一社会信用代码", "报告期", "计划总投资", "本年累计完成投资"]
    (tmp_path / "p.csv").write_bytes(csv([["模拟数据"], header, ["新厂", "外来公司", uscc(1), "2025-04", 900, 100]]))
    power = ["统一社会信用代码", "年月", "本月用电量", "累计用电量"]
    (tmp_path / "q.csv").write_bytes(csv([power, [uscc(1), "2025-04", 10000, 20000]]))
    with open_town() as wh:
        receipts = pipeline.ingest(wh, [tmp_path])
        projects, bills = asof.read(wh, "investment_project"), asof.read(wh, "power_use")
    assert [(r["accepted"], r["rejected"]) for r in receipts] == [(1, 0), (0, 1)]
    assert projects[["subject", "plan"]].to_numpy().tolist() == [[uscc(1), 9000.0]]
    assert projects["entity"].isna().all() and bills.empty


def test_a_series_along_a_row_is_kept_and_revised_point_by_point(open_town: Callable[[], Any], tmp_path: Path) -> None:
    head = ["指标名称", "指标ID", "频率", "单位", "来源", "2025-02", "2025-03", "2025-04"]
    with open_town() as wh:
        for day, figures in (("2025-05-10", [1, "#N/A", 3]), ("2025-05-11", ["", 2, 4])):
            (tmp_path / day).mkdir()
            row = ["某省:PMI", "T1", "月", "%", "某局", *figures]
            (tmp_path / day / "a.csv").write_bytes(csv([head, row]))
            (receipt,) = pipeline.ingest(wh, [tmp_path / day])
            assert (receipt["state"], receipt["rows_read"], receipt["rejected"]) == ("accepted", 1, 0)
        points = asof.read(wh, "reference_point").set_index("period")["value"]
    assert points.to_dict() == {"2025-02": 1.0, "2025-03": 2.0, "2025-04": 4.0}
