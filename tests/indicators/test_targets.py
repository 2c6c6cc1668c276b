from __future__ import annotations

import math

import pandas as pd
import pytest

from qxmonitor.catalog.targets import targets
from qxmonitor.indicators import compute, progress
from qxmonitor.indicators.targets import PROGRESS_COLUMNS
from qxmonitor.period import Period, months
from tests.indicators.town import Town, firm, usccs

CODES = usccs(10)


def town(last: str = "2022-06") -> Town:
    firms = {
        c: firm(c, chain="C01", hightech_firm=i < 4, since=None if i < 7 else "2022-01") for i, c in enumerate(CODES)
    }
    forms = {s: {} for s in ("returns", "finance", "self_report", "customs", "bonded")}
    for code in CODES:
        for period, value in {"2021-06": 4.0, "2021-12": 9.0, "2022-06": 5.0}.items():
            forms["returns"][code, period] = {"output_ytd": value * 100_000}
    return Town(months(Period("2021-06"), Period(last)), firms, forms, chains={"C01": "光电通讯产业"})


def row(frame: pd.DataFrame, key: str) -> pd.Series:
    return frame.set_index("target").loc[key]


def test_a_counted_target_has_share_elapsed_and_pace() -> None:
    frame = progress(town().panel(), Period("2022-06"))
    assert list(frame.columns) == PROGRESS_COLUMNS
    assert len(frame) == len(targets().targets)
    scale = row(frame, "firms_above_scale")
    assert (scale["current"], scale["goal"], scale["met"]) == (10.0, 800.0, False)
    assert scale["share"] == pytest.approx(10 / 800)
    assert (scale["elapsed"], scale["months_left"]) == (pytest.approx(30 / 36), 6)
    assert scale["pace_required"] == pytest.approx(790 / 6)
    assert scale["pace_recent"] == pytest.approx(3 / 12)
    assert math.isnan(scale["expected"]) is False  # thirteen months carry a forecast
    assert (scale["chance"], scale["outlook"]) == (pytest.approx(0.0, abs=1e-6), "难以达到")


def test_a_count_that_must_be_passed_needs_one_more() -> None:
    """突破3家: three listed firms are not yet it, and the chance is that of four."""
    one = town()
    for code in CODES[:3]:
        one.firms[code]["listed"] = True
    listed = row(progress(one.panel(), Period("2022-06")), "listed")
    assert (listed["current"], listed["met"], listed["share"]) == (3.0, False, 1.0)
    assert listed["pace_required"] == pytest.approx(1 / 6)
    assert listed["chance"] == pytest.approx(0.0, abs=1e-6)


def test_a_cluster_target_reads_the_chain_by_its_name_in_the_plans_unit() -> None:
    cluster = row(progress(town().panel(), Period("2022-06")), "cluster_optoelectronics")
    assert (cluster["entity_kind"], cluster["entity"], cluster["unit"]) == ("chain", "C01", "亿元")
    assert cluster["current"] == pytest.approx(10 * 5)  # since January, as value added is
    assert (cluster["source"], cluster["groups"]) == ("returns", 10)


@pytest.mark.parametrize(
    ("period", "current", "share", "elapsed", "left", "required", "met"),
    [
        ("2021-12", 90.0, 90 / 500, 1.0, 12, None, None),  # a year whose goal it is not: no pace, not met
        ("2022-06", 50.0, 50 / 500, 0.5, 6, 450 / 6, False),
        ("2022-12", 600.0, 600 / 500, 1.0, 0, 0.0, True),
        ("2023-03", 20.0, None, 0.25, 0, None, None),  # after it: nothing of this year is of that year
    ],
)
def test_a_sum_since_january_is_held_against_its_years_goal(
    period: str, current: float, share: float | None, elapsed: float, left: int, required: float | None,
    met: bool | None,
) -> None:  # fmt: skip
    one = town("2023-03")
    for code in CODES:
        for month, value in {"2022-12": 60.0, "2023-03": 2.0}.items():
            one.forms["returns"][code, month] = {"output_ytd": value * 100_000}
    cluster = row(progress(one.panel(), Period(period)), "cluster_optoelectronics")
    assert (cluster["basis"], cluster["current"]) == ("january", pytest.approx(current))
    assert (cluster["elapsed"], cluster["months_left"], cluster["met"]) == (elapsed, left, met)
    for name, want in (("share", share), ("pace_required", required)):
        assert math.isnan(cluster[name]) if want is None else cluster[name] == pytest.approx(want)
    assert math.isnan(cluster["pace_recent"]) and math.isnan(cluster["points"])
    rows = compute(one.panel(), [Period(period)]).set_index("indicator").loc["target.cluster_optoelectronics"]
    assert rows["state"] == ("value" if share is not None else "expected-absent")


@pytest.mark.parametrize(("grown", "points", "met"), [(1.585, 148.5, True), (0.02, -8.0, False), (0.10, 0.0, True)])
def test_a_rate_is_so_many_points_from_its_goal(grown: float, points: float, met: bool) -> None:
    """Investment of 100 a year before, 100·(1 + growth) now; the goal is 10 %."""
    one = town()
    one.projects = [
        {
            "month": "2022-06",
            "thing": code,
            "group": code,
            "tech_upgrade": False,
            "ytd": 100.0 * (1 + grown),
            "ytd_ly": 100.0,
        }
        for code in CODES
    ]
    line = row(progress(one.panel(), Period("2022-06")), "industrial_investment")
    assert (line["basis"], line["met"], line["state"]) == ("growth", met, "value")
    assert line["points"] == pytest.approx(points) and math.isnan(line["share"])
    assert line["pace_required"] == pytest.approx(0.0 if met else -points / 6)
    frame = compute(one.panel(), [Period("2022-06")]).set_index("indicator")
    assert frame.loc["target.industrial_investment", "value"] == pytest.approx(points / 100)


def test_what_no_feed_reaches_is_absent_not_zero() -> None:
    frame = progress(town().panel(), Period("2022-06"))
    for key in ("value_added", "training", "industrial_investment"):
        assert row(frame, key)["state"] == ("late" if key == "industrial_investment" else "expected-absent")
        assert math.isnan(row(frame, key)["current"])
        assert row(frame, key)["met"] is None
        assert pd.isna(row(frame, key)["outlook"]) and math.isnan(row(frame, key)["expected"])


def test_after_the_end_no_pace_can_help() -> None:
    one = town("2023-02")
    scale = row(progress(one.panel(), Period("2023-02")), "firms_above_scale")
    assert (scale["elapsed"], scale["months_left"]) == (1.0, 0)
    assert math.isnan(scale["pace_required"])


def test_target_rows_carry_the_underlying_figures_gate_data() -> None:
    frame = compute(town().panel(), [Period("2022-06")])
    target = frame[frame["indicator"] == "target.over_10yi"].iloc[0]
    assert (target["value"], target["source"], target["top2"]) == (0.0, "returns", 1.0)
    assert frame[frame["indicator"] == "target.firms_hightech"].iloc[0]["value"] == pytest.approx(4 / 230)


def test_the_plan_states_no_baseline() -> None:
    assert all(target.baseline is None for target in targets().targets)
