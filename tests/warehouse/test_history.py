"""A history of many months in one file: every month of it is run, run again when it is restated, or named."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pandas as pd
import pytest

from qxmonitor import cli, look, pipeline, quarantine, runs
from qxmonitor.period import SHANGHAI, Period, months
from qxmonitor.warehouse import store
from qxmonitor.warehouse.load import load

NOW = datetime(2026, 5, 25, tzinfo=SHANGHAI)
LAST = Period("2026-04")


@pytest.fixture
def town(warehouse, make):
    warehouse.settings = replace(warehouse.settings, fixed_now=NOW)
    load(warehouse, [make.item("reg", 0, make.register({firm: {} for firm in (make.A, make.B, make.C)}))])
    return warehouse


def history(make, first: Period, level: float = 10.0):
    """One export of three firms and all months to the newest, which it is filed under."""
    rows = [
        {"subject": firm, "period": str(month), "output_m": level + n, "output_ytd": (level + n) * month.month}
        for month in months(first, LAST)
        for n, firm in enumerate((make.A, make.B, make.C))
    ]
    return make.batch("output_return", rows, period=str(LAST))


def outputs(wh) -> dict[str, float]:
    rows = look.listing(wh, "indicators", indicator="output_m", entity="town")
    return {row["period"]: row["value"] for row in rows if row["source"] == "returns"}


def test_all_months_of_one_file_are_run_with_the_newest(town, make):
    load(town, [make.item("all", 120, history(make, LAST - 2))])
    assert store.first_known(town, "b204_1").index.tolist() == [LAST]
    assert store.first_spoken_of(town, "b204_1").index.tolist() == list(months(LAST - 2, LAST))
    done = pipeline.run(town, LAST)
    assert done["before"].split() == list(months(LAST - 2, LAST - 1)) and done["not_run"] == done["also"] == ""
    assert outputs(town) == {str(month): 33.0 for month in months(LAST - 2, LAST)}
    again = pipeline.run(town, LAST)
    assert again["before"] == "" and len(outputs(town)) == 3


def test_an_earlier_month_of_it_can_be_run_by_itself_and_looking_back(town, make):
    load(town, [make.item("all", 120, history(make, LAST - 2))])
    pipeline.run(town, LAST - 1)
    assert sorted(outputs(town)) == list(months(LAST - 2, LAST - 1))
    assert runs.never_run(town, LAST, make.day(119)) == []  # nothing was known then


def test_a_history_filed_again_has_its_months_run_again(town, make):
    load(town, [make.item("all", 120, history(make, LAST - 2))])
    pipeline.run(town, LAST)
    load(town, [make.item("new", 130, history(make, LAST - 1, level=20.0))])
    done = pipeline.run(town, LAST)
    assert done["before"].split() == [LAST - 1]
    assert outputs(town) == {str(m): 63.0 if m >= LAST - 1 else 33.0 for m in months(LAST - 2, LAST)}


def test_a_withdrawn_history_takes_all_its_months_back(town, make):
    load(town, [make.item("all", 120, history(make, LAST - 2)), make.item("may", 121, make.output(
        {make.A: 1.0}, period="2026-05"))])  # fmt: skip
    pipeline.run(town, LAST)
    quarantine.flag(town, make.sha("all"), "withdraw", who="王某", why="误报")
    assert pipeline.land(town) == [LAST - 2, LAST]
    pipeline.run(town, LAST - 2)
    assert outputs(town) == {}


def test_months_too_far_back_are_named(town, make, monkeypatch):
    monkeypatch.setattr(runs, "HISTORY", 3)
    load(town, [make.item("all", 120, history(make, LAST - 4))])
    done = pipeline.run(town, LAST)
    assert done["before"].split() == list(months(LAST - 2, LAST - 1))
    assert done["not_run"].split() == list(months(LAST - 4, LAST - 3))
    assert cli._span(done["not_run"]) == "2 个月（2025-12 至 2026-01）"
    assert cli._span("2023-02") == "2023-02"


def test_a_file_of_no_month_speaks_of_none(town, make):
    assert town.frame("select * from file_month").empty
    odd = make.batch("output_return", [{"subject": make.A, "period": "2026-Q1", "output_m": 1.0}], period="2026-04")
    load(town, [make.item("odd", 1, odd)])
    assert town.frame("select period from file_month")["period"].tolist() == ["2026-04"]
    assert isinstance(store.months_with(town, LAST, ["b204_1"]), list)
    assert pd.notna(store.first_spoken_of(town, "b204_1")).all()
