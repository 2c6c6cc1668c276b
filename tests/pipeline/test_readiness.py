"""A month's mail tells each alert's story, so it waits for every month of the story that can be computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from qxmonitor import pipeline, readiness
from qxmonitor.catalog.release import release_calendar
from qxmonitor.period import Period
from qxmonitor.settings import Settings
from qxmonitor.warehouse import Warehouse, store
from qxmonitor.warehouse.load import load
from tests.warehouse.conftest import Make

SEPTEMBER, OCTOBER = Period("2026-09"), Period("2026-10")


@pytest.mark.parametrize(
    ("missing", "restated", "said"),
    [
        ([(SEPTEMBER, None)], [], "2026年9月已有报表、尚未计算，暂不发"),
        ([], [SEPTEMBER], "2026年9月的数据已更新、尚未重算，暂不发"),
        ([], [], ""),
    ],
)
def test_mails_wait_for_a_month_between_that_was_never_run_or_stands_no_more(
    monkeypatch: pytest.MonkeyPatch, missing: list[Any], restated: list[Period], said: str
) -> None:
    """A run of August computes October again while September's files are in and its own run is still to come."""
    wh: Any = object()
    monkeypatch.setattr(readiness.store, "periods_run", lambda _: {OCTOBER})
    monkeypatch.setattr(readiness.store, "stamps", lambda *_: [SimpleNamespace(run_id=1)])
    monkeypatch.setattr(readiness.landed, "pending", lambda _: pd.DataFrame({"period": pd.Series([], dtype="str")}))
    monkeypatch.setattr(readiness.runs, "never_run", lambda *_: missing)
    monkeypatch.setattr(readiness.runs, "restated", lambda *_: restated)
    assert readiness.objection(wh, OCTOBER, release_calendar().released_at(OCTOBER)) == said


def test_months_that_changed_come_first_where_they_were_run_and_come_out_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wh: Any = object()
    runs_of = {OCTOBER - 40: None, OCTOBER - 3: 7, OCTOBER - 2: None, SEPTEMBER: None, OCTOBER: None}
    store_, changed = readiness.runs.store, [OCTOBER - 40, OCTOBER - 4, OCTOBER - 3, OCTOBER - 2, OCTOBER]
    monkeypatch.setattr(store_, "periods_run", lambda _: {str(month) for month in runs_of})
    monkeypatch.setattr(store_, "changed_since", lambda *_: changed)
    monkeypatch.setattr(store_, "months_with", lambda *_: [SEPTEMBER])
    monkeypatch.setattr(
        store_, "stamps", lambda _, asked: [SimpleNamespace(period=m, run_id=runs_of[m]) for m in asked]
    )
    assert readiness.runs.restated(wh, OCTOBER) == [OCTOBER - 2, SEPTEMBER]


@pytest.mark.long
def test_an_earlier_month_that_changed_is_computed_first(
    new_database: Callable[[], Settings],
) -> None:
    """A zero filed by mistake is put right before April is run: April's mails must not tell of a stop in March."""
    march, april = Period("2026-03"), Period("2026-04")
    with Warehouse(replace(new_database(), fixed_now=Make.day(150))) as wh:

        def file(text: str, day: int, month: Period, first: float) -> None:
            values = {Make.A: first, Make.B: 90_000.0, Make.C: 90_000.0}
            load(wh, [Make.item(text, day, Make.output(values, period=str(month)))])

        def stopped() -> list[str]:
            alerts = store.read_alerts(wh)
            return alerts.loc[(alerts["rule"] == "stop") & (alerts["state"] != "closed"), "opened"].tolist()

        load(wh, [Make.item("register", 0, Make.register({f: {"since": "2020-01"} for f in (Make.A, Make.B, Make.C)}))])
        file("feb", 70, march - 1, 90_000.0)
        file("march", 105, march, 0.0)
        pipeline.run(wh, march)
        assert stopped() == [march]
        file("march again", 139, march, 90_000.0)
        file("april", 140, april, 90_000.0)
        assert pipeline.land(wh) == [march, april], "and the next look brings it up by itself"
        done = pipeline.run(wh, april)
        assert (done["before"], stopped()) == (march, [])
        assert done["planned"] > 0
        assert pipeline.land(wh) == []

        file("march after all", 141, march, 0.0)
        assert pipeline.draft(wh, april, by="x")["issues"] == ""
