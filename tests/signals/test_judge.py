"""Verdicts by hand, and the promise about planted falls and quiet months."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

from qxmonitor.calendar import festival_share
from qxmonitor.period import Period, months
from qxmonitor.signals import judge
from qxmonitor.signals.judge import COLUMNS, festival_growth
from tests.indicators.town import Town, firm, random_town, usccs

A, B, C, D = usccs(4)


def town(first: str, last: str, **forms: Any) -> Town:
    whole = {s: {} for s in ("returns", "finance", "self_report", "customs", "bonded")} | forms
    return Town(months(Period(first), Period(last)), {c: firm(c, chain="C01") for c in (A, B, C, D)}, whole)


def verdict(
    frame: pd.DataFrame, rule: str, entity: str, period: str, source: str = "returns"
) -> tuple[int, Any] | None:
    hit = frame[
        (frame["rule"] == rule)
        & (frame["entity"] == entity)
        & (frame["period"] == period)
        & (frame["source"] == source)
    ]
    assert len(hit) <= 1
    return (int(hit["level"].iloc[0]), json.loads(hit["evidence"].iloc[0])) if len(hit) else None


@pytest.mark.parametrize(
    ("growth", "level"),
    [(0.05, 0), (-0.11, 0), (-0.13, 1), (-0.19, 2), (-0.26, 3), (-0.36, 4), (-0.99, 4)],
)
def test_a_chains_fall_is_as_severe_as_its_threshold(growth: float, level: int) -> None:
    row = {"output_m": 100_000 * (1 + growth), "output_ly_m": 100_000.0}
    one = town("2022-07", "2022-07", returns={(c, "2022-07"): row for c in (A, B, C, D)})
    frame = judge(one.panel(), [Period("2022-07")])
    assert list(frame.columns) == COLUMNS
    got = verdict(frame, "total_drop", "C01", "2022-07")
    assert got is not None
    assert got[0] == level
    assert {key: got[1][key] for key in ("basis", "growth", "expected", "adjusted", "current", "base")} == {
        "basis": "month", "growth": pytest.approx(growth), "expected": 0, "adjusted": pytest.approx(growth),
        "current": pytest.approx(400_000 * (1 + growth)), "base": 400_000,
    }  # fmt: skip


def test_a_small_base_a_missing_month_and_january_are_not_judged() -> None:
    for period, row in (
        ("2022-07", {"output_m": 1.0, "output_ly_m": 2_499.0}),
        ("2022-07", {"output_m": None, "output_ly_m": 50_000.0}),
        ("2022-07", {"output_m": 10.0, "output_ly_m": 0.0}),
        ("2022-01", {"output_m": 10.0, "output_ly_m": 50_000.0, "output_ytd": 10.0, "output_ly_ytd": 50_000.0}),
    ):  # fmt: skip
        one = town("2022-01", "2022-07", returns={(c, period): row for c in (A, B, C, D)})
        frame = judge(one.panel(), months(Period("2022-01"), Period("2022-07")))
        assert frame[frame["rule"] == "total_drop"].empty


def test_february_is_judged_on_two_months_against_what_the_festival_does() -> None:
    row = {"output_ytd": 50_000.0, "output_ly_ytd": 100_000.0}
    one = town("2022-02", "2022-02", returns={(c, "2022-02"): row for c in (A, B, C, D)})
    frame = judge(one.panel(), [Period("2022-02")])
    for kind, entity in (("chain", "C01"), ("town", "town")):
        whole = verdict(frame[frame["entity_kind"] == kind], "total_drop", entity, "2022-02")
        assert whole is not None
        assert (whole[0], whole[1]["basis"], whole[1]["growth"]) == (4, "1-2", -0.5)
        assert (whole[0], whole[1]["groups"], whole[1]["top2"], whole[1]["hidden_groups"]) == (4, 4, 0.5, 4)


def test_the_festivals_expectation_by_hand() -> None:
    period = Period("2015-03")  # New Year's Day fell on 19 February 2015: the window reached into March
    days = festival_share(period) * 21
    assert days > 0
    assert festival_share(period - 12) == 0
    assert festival_growth(period, 0.5) == pytest.approx(-0.5 * days / 31)
    assert festival_growth(Period("2022-08"), 0.5) == 0


def test_stop_counts_months_through_january_and_gaps() -> None:
    returns: dict[tuple[str, str], dict[str, float | None]] = {
        (A, "2021-10"): {"output_m": 500.0, "output_ly_m": 400.0}
    }
    returns |= {(A, p): {"output_m": 0.0, "output_ly_m": 400.0} for p in ("2021-11", "2021-12", "2022-03", "2022-04")}
    returns[A, "2022-02"] = {"output_ytd": 0.0, "output_ly_ytd": 800.0}
    returns[A, "2022-05"] = {"output_m": 9.0, "output_ly_m": 400.0}
    one = town("2021-10", "2022-05", returns=returns)
    one.late = {("b204_1", B, "2022-03")}
    frame = judge(one.panel(), one.months)
    levels = {p: verdict(frame, "stop", A, str(p)) for p in one.months}
    assert {str(p): v and v[0] for p, v in levels.items()} == {
        "2021-10": 0, "2021-11": 1, "2021-12": 2, "2022-01": None,
        "2022-02": 3, "2022-03": 4, "2022-04": 4, "2022-05": 0,
    }  # fmt: skip
    assert levels[Period("2022-02")][1] == {"basis": "1-2", "months": 3, "current": 0, "base": 800}  # type: ignore[index]


def test_a_firm_never_seen_producing_has_not_stopped() -> None:
    one = town("2022-03", "2022-03", returns={
        (A, "2022-03"): {"output_m": 0.0, "output_ly_m": 0.0}, (B, "2022-03"): {"output_m": 0.0, "output_ly_m": 5.0},
        (C, "2022-03"): {"output_m": -3.0, "output_ly_m": 5.0}, (D, "2022-03"): {"output_m": None},
    })  # fmt: skip
    frame = judge(one.panel(), [Period("2022-03")])
    assert [verdict(frame, "stop", c, "2022-03") is None for c in (A, B, C, D)] == [True, False, True, True]


def test_silence_rises_with_the_months_and_ends_with_the_return() -> None:
    one = town("2021-11", "2022-05", returns={(A, "2021-11"): {"output_m": 1.0}, (A, "2022-05"): {"output_m": 1.0}})
    one.late = {("b204_1", A, p) for p in ("2021-12", "2022-02", "2022-03", "2022-04")}
    frame = judge(one.panel(), one.months)
    assert [(verdict(frame, "silence", A, str(p)) or (None,))[0] for p in one.months] == [0, 1, None, 2, 3, 3, 0]
    assert set(frame.loc[frame["rule"] == "silence", "source"]) == {"returns"}


def test_verdicts_are_the_same_one_month_at_a_time() -> None:
    panel = random_town(3).panel()
    whole = judge(panel, panel.months)
    assert not whole.duplicated(["period", "rule", "entity_kind", "entity", "source"]).any()
    pieces = pd.concat([judge(panel, [p]) for p in panel.months])
    order = ["period", "rule", "entity_kind", "entity", "source"]
    pd.testing.assert_frame_equal(
        whole.sort_values(order).reset_index(drop=True), pieces.sort_values(order).reset_index(drop=True)
    )
    assert all(json.loads(text) for text in whole["evidence"])
    assert set(whole["level"]) <= {0, 1, 2, 3, 4}
