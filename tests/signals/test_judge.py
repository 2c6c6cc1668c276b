"""Verdicts by hand, and the promise about planted falls and quiet months."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
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
    [(0.05, 0), (-0.19, 0), (-0.21, 1), (-0.31, 2), (-0.41, 3), (-0.61, 4), (-0.99, 4)],
)
def test_a_fall_is_as_severe_as_its_threshold(growth: float, level: int) -> None:
    row = {"output_m": 100_000 * (1 + growth), "output_ly_m": 100_000.0}
    one = town("2022-07", "2022-07", returns={(A, "2022-07"): row}, self_report={(A, "2022-07"): row})
    frame = judge(one.panel(), [Period("2022-07")])
    assert list(frame.columns) == COLUMNS
    for source in ("returns", "self_report"):
        got = verdict(frame, "output_drop", A, "2022-07", source)
        assert got is not None
        assert got[0] == level
        assert got[1] == {
            "basis": "month", "growth": pytest.approx(growth), "expected": 0, "adjusted": pytest.approx(growth),
            "current": pytest.approx(100_000 * (1 + growth)), "base": 100_000,
        }  # fmt: skip


def test_a_small_base_a_missing_month_and_january_are_not_judged() -> None:
    one = town("2022-01", "2022-07", returns={
        (A, "2022-07"): {"output_m": 1.0, "output_ly_m": 999.0},
        (B, "2022-07"): {"output_m": None, "output_ly_m": 50_000.0},
        (C, "2022-07"): {"output_m": 10.0, "output_ly_m": 0.0},
        (D, "2022-01"): {"output_m": 10.0, "output_ly_m": 50_000.0, "output_ytd": 10.0, "output_ly_ytd": 50_000.0},
    })  # fmt: skip
    frame = judge(one.panel(), months(Period("2022-01"), Period("2022-07")))
    assert frame[(frame["rule"] == "output_drop") & (frame["entity_kind"] == "firm")].empty


def test_february_is_judged_on_two_months_against_what_the_festival_does() -> None:
    row = {"output_ytd": 50_000.0, "output_ly_ytd": 100_000.0}
    one = town("2022-02", "2022-02", returns={(c, "2022-02"): row for c in (A, B, C, D)})
    frame = judge(one.panel(), [Period("2022-02")])
    got = verdict(frame, "output_drop", A, "2022-02")
    assert got is not None
    assert (got[0], got[1]["basis"], got[1]["growth"]) == (3, "1-2", -0.5)
    for kind, entity in (("chain", "C01"), ("town", "town")):
        whole = verdict(frame[frame["entity_kind"] == kind], "output_drop", entity, "2022-02")
        assert whole is not None
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
    assert verdict(frame, "output_drop", A, "2021-11") is None  # a zero is 停产's to tell
    assert verdict(frame, "output_drop", A, "2022-05") is None  # base under 100 万元


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


def test_planted_falls_always_alert_and_quiet_months_hardly_ever_do() -> None:
    """400 firms × 3 years: log noise 0.05, festival depth 0.38–0.62, trends; then one fall of 40 % per firm."""
    rng = np.random.default_rng(7)
    span = months(Period("2019-01"), Period("2022-12"))
    n, m = 400, len(span)
    share = np.array([festival_share(p) for p in span])
    log = rng.normal(0, 0.05, (n, m)) + rng.normal(0.07, 0.03, (n, 1)) * np.arange(m) / 12
    output = 30_000 * np.exp(log + np.log1p(-rng.uniform(0.38, 0.62, (n, 1)) * share * 21 / 30.4))
    start = rng.integers(26, m - 6, n)
    fallen = output.copy()
    for i, j in enumerate(start):
        fallen[i, j : j + 5] *= 0.6
    quiet = judge(_panel(output, span), span[12:])
    quiet = quiet[(quiet["rule"] == "output_drop") & (quiet["entity_kind"] == "firm")]
    assert len(quiet) == n * 33
    assert (quiet["level"] > 0).mean() < 0.01
    struck = judge(_panel(fallen, span), span[12:])
    struck = struck[(struck["rule"] == "output_drop") & (struck["entity_kind"] == "firm") & (struck["level"] > 0)]
    during = {(code, str(span[j + k])) for code, j in zip(usccs(n), start, strict=True) for k in range(5)}
    hit = {e for e, p in zip(struck["entity"], struck["period"], strict=True) if (e, p) in during}
    assert hit == set(usccs(n))


def _panel(output: Any, span: tuple[Period, ...]) -> Any:
    codes = usccs(len(output))
    cumulative = output.copy()
    for j, p in enumerate(span):
        cumulative[:, j] += 0 if p.month == 1 else cumulative[:, j - 1]
    forms: dict[str, Any] = {s: {} for s in ("returns", "finance", "self_report", "customs", "bonded")}
    for i, code in enumerate(codes):
        for j, p in enumerate(span):
            if p.month != 1 and j >= 12:
                row = {"output_ytd": cumulative[i, j], "output_ly_ytd": cumulative[i, j - 12]}
                if p.month != 2:
                    row |= {"output_m": output[i, j], "output_ly_m": output[i, j - 12]}
                forms["returns"][code, str(p)] = row
    return Town(span, {c: firm(c, chain="C01") for c in codes}, forms).panel()


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
