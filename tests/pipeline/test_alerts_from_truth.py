"""Planted falls of steady key firms raise an alert, and steady firms' quiet months hardly ever do.

Firms move as real ones do, so a fall of 40 % drowns in the noise of some of them; the claims are about those whose
noise, which the truth tells, is low.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from qxmonitor import look, pipeline
from qxmonitor.catalog.release import release_calendar
from qxmonitor.period import Period, months
from qxmonitor.settings import Settings
from qxmonitor.simulate import staged_for_show, write_town
from qxmonitor.warehouse import Warehouse, store
from tests.pipeline.conftest import Ingested, Town

pytestmark = pytest.mark.slow

ECONOMIC = {"output_drop", "stop"}
PLAIN, STEADY = 0.10, 0.05
"""One-step noise (log) up to which a fall of 40 % must be seen, and up to which a quiet month must be quiet."""

Judged = tuple[list[dict[str, Any]], list[dict[str, Any]]]
"""Alerts as listed, and verdicts."""


def judged(town: Town, wh: Warehouse) -> Judged:
    """The alerts, and the verdicts of every month as known on its release day."""
    pipeline.run(wh, town.last)  # runs the months before it as well
    assert store.periods_run(wh) >= {p for p in town.periods if p.month != 1}
    return look.listing(wh, "alerts"), store.read_verdicts(wh).to_dict("records")


def falls(town: Town) -> list[dict[str, Any]]:
    """Planted stops of key firms, and falls by 40 % or more of those that are steady enough."""
    noise = town.truth["noise"]
    mine = [event for event in town.truth["events"] if event["key_firm"] and event["size"] <= -0.4]
    return [event for event in mine if event["type"] == "stop" or noise[event["entity"]] <= PLAIN]


def told_of(town: Town) -> list[dict[str, Any]]:
    """Falls that began when the rule on own expectation could know the firm: after a year of returns."""
    return [event for event in falls(town) if Period(event["from"]) >= town.first + 14]


def missed(town: Town, alerts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Falls without an alert opened while they lasted (a fall of January shows in February's 1—2 months)."""
    opened = [
        (alert["entity"], alert["opened"])
        for alert in alerts
        if alert["entity_kind"] == "firm" and alert["source"] == "returns" and alert["type"] in ECONOMIC
    ]
    return [
        event
        for event in told_of(town)
        if not any(firm == event["entity"] and event["from"] <= at <= event["to"] for firm, at in opened)
    ]


def quiet(town: Town) -> set[tuple[str, str]]:
    """Steady firms and months with no event of theirs and no shock of the town."""
    troubled = {
        (event["entity"], month)
        for event in town.truth["events"]
        for month in months(Period(event["from"]), Period(event["to"]))
    }
    return {
        (firm, month)
        for firm, noise in town.truth["noise"].items()
        if noise <= STEADY
        for month in town.periods
        if not {(firm, month), ("town", month)} & troubled
    }


def false_alarm_share(town: Town, verdicts: list[dict[str, Any]]) -> float:
    """Share of steady firms' quiet months with a verdict on the firm's returns that raise any alert."""
    calm = quiet(town)
    mine = [
        (row["entity"], row["period"], row["level"] > 0)
        for row in verdicts
        if row["entity_kind"] == "firm" and row["source"] == "returns" and (row["entity"], row["period"]) in calm
    ]
    raised = {(firm, month) for firm, month, alarm in mine if alarm}
    return len(raised) / len({(firm, month) for firm, month, _ in mine})


@pytest.fixture(scope="module")
def small(ingested: Ingested) -> Judged:
    return judged(ingested.town, ingested.wh)


def test_falls_and_quiet_months_of_the_small_town(town: Town, small: Judged) -> None:
    """Eight months of returns tell no firm's own expectation yet: only stops are told of firms."""
    alerts, verdicts = small
    assert len(falls(town)) >= 3
    assert not {row["rule"] for row in verdicts if row["entity_kind"] == "firm"} & {"output_drop"}
    stopped = {event["entity"] for event in falls(town) if event["type"] == "stop"}
    assert stopped <= {a["entity"] for a in alerts if a["type"] == "stop"}
    assert false_alarm_share(town, verdicts) <= 0.05


def test_a_silent_firm_is_reminded_not_warned(town: Town, small: Judged) -> None:
    alerts, _ = small
    silent = [event for event in town.truth["events"] if event["type"] == "silence"]
    assert silent
    for event in silent:
        mine = [a for a in alerts if a["entity"] == event["entity"] and a["opened"] >= event["from"]]
        assert {a["type"] for a in mine} == {"silence"}


@pytest.mark.system
def test_falls_and_quiet_months_of_a_larger_town(tmp_path: Path, settings: Settings) -> None:
    first, last = Period("2022-12"), Period("2025-05")
    staged = staged_for_show(120) | {"output_drop": 20, "stop": 6}  # enough of them on steady key firms
    write_town(tmp_path / "town", firms=120, first=first, last=last, seed=1, staged=staged)
    truth = json.loads((tmp_path / "town/truth.json").read_text(encoding="utf-8"))
    town = Town(tmp_path / "town", first, last, truth)
    with Warehouse(replace(settings, fixed_now=release_calendar().released_at(last) + timedelta(days=1))) as wh:
        pipeline.ingest(wh, [town.landing])
        alerts, verdicts = judged(town, wh)
    assert len(told_of(town)) >= 8
    assert len(missed(town, alerts)) <= 0.25 * len(told_of(town))
    assert false_alarm_share(town, verdicts) <= 0.01
