"""Figures small enough to work out on paper."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest

from qxmonitor.errors import QxError
from qxmonitor.indicators import compute
from qxmonitor.indicators.formula import FORMULAS, STRUCTURES
from qxmonitor.indicators.reference import reference_rows
from qxmonitor.indicators.view import View
from qxmonitor.period import Period, months
from tests.indicators.town import CUSTOMS, Town, firm, random_town, usccs

A, B, C, D = usccs(4)


def town(first: str, last: str, firms: dict[str, dict[str, Any]] | None = None, **forms: Any) -> Town:
    span = months(Period(first), Period(last))
    firms = firms or {code: firm(code, chain="C01") for code in (A, B, C, D)}
    whole = {s: {} for s in ("returns", "finance", "self_report", "customs", "bonded")} | forms
    return Town(span, firms, whole, chains={"C01": "光电通讯"})


def figure(
    frame: pd.DataFrame, indicator: str, kind: str = "town", entity: str = "town", period: str = ""
) -> pd.Series:
    hit = frame[(frame["indicator"] == indicator) & (frame["entity_kind"] == kind) & (frame["entity"] == entity)]
    hit = hit[hit["period"] == period] if period else hit
    assert len(hit) == 1, hit
    return hit.iloc[0]


def test_growth_is_summed_over_firms_with_both_numbers() -> None:
    one = town("2022-03", "2022-03", returns={
        (A, "2022-03"): {"output_m": 110.0, "output_ly_m": 100.0},
        (B, "2022-03"): {"output_m": 80.0, "output_ly_m": 100.0},
        (C, "2022-03"): {"output_m": 500.0},                      # new: no last year
        (D, "2022-03"): {"output_m": 60.0, "output_ly_m": 0.0},   # counts in the sum, has no rate of its own
    })  # fmt: skip
    frame = compute(one.panel(), [Period("2022-03")])
    row = figure(frame, "output_growth")
    assert row["value"] == pytest.approx(250 / 200 - 1)
    assert (row["coverage"], row["groups"], row["state"]) == (0.75, 3, "value")
    assert row["top2"] == pytest.approx(1.0)  # last year's sum is A's and B's alone
    assert figure(frame, "output_growth", "firm", A)["value"] == pytest.approx(0.1)
    for code in (C, D):
        assert math.isnan(figure(frame, "output_growth", "firm", code)["value"])
        assert figure(frame, "output_growth", "firm", code)["state"] == "expected-absent"
    breadth = figure(frame, "decline_share")  # two of four have a rate: under the least coverage of 60 %
    assert (breadth["coverage"], breadth["state"]) == (0.5, "expected-absent")


def test_january_is_absent_and_february_is_the_two_months_together() -> None:
    one = town("2022-01", "2022-02", returns={
        (code, "2022-02"): {"output_ytd": 90.0, "output_ly_ytd": 120.0} for code in (A, B, C, D)
    })  # fmt: skip
    frame = compute(one.panel(), months(Period("2022-01"), Period("2022-02")))
    january = frame[
        (frame["period"] == "2022-01") & (frame["source"] == "returns") & frame["entity_kind"].ne("reference")
    ]
    assert set(january["state"]) == {"expected-absent"}
    assert january["value"].isna().all()
    assert figure(frame, "output_growth", period="2022-02")["value"] == pytest.approx(-0.25)
    assert figure(frame, "output_m", period="2022-02")["state"] == "expected-absent"


def test_a_group_is_counted_once_and_its_unauthorised_part_stays_hidden() -> None:
    firms = {
        A: firm(A, group="甲", chain="C01"), B: firm(B, group="甲", chain="C01"),
        C: firm(C, chain="C01"), D: firm(D, chain=""),
    }  # fmt: skip
    one = town("2022-03", "2022-03", firms, returns={
        (A, "2022-03"): {"output_m": 40.0}, (B, "2022-03"): {"output_m": 30.0},
        (C, "2022-03"): {"output_m": 20.0}, (D, "2022-03"): {"output_m": 10.0},
    })  # fmt: skip
    one.authorised = {(A, "2022-03"), (C, "2022-03")}
    frame = compute(one.panel(), [Period("2022-03")])
    row = figure(frame, "output_m")
    assert (row["value"], row["groups"], row["hidden_groups"]) == (100.0, 3, 2)  # 甲 through B, and D
    assert row["top2"] == 1.0  # of the 40 left when A and C are taken off; of the whole it is 0.9
    chain = figure(frame, "output_m", "chain", "C01")
    assert (chain["value"], chain["groups"], chain["top2"], chain["hidden_groups"]) == (90.0, 2, 1.0, 1)
    assert figure(frame, "output_m", "chain", "other")["value"] == 10.0


def test_missing_inputs_make_an_aggregate_late_not_small() -> None:
    one = town("2022-03", "2022-03", returns={(A, "2022-03"): {"output_m": 40.0, "output_ly_m": 50.0}})
    one.late = {("b204_1", B, "2022-03"), ("b204_1", C, "2022-03"), ("b204_1", D, "2022-03")}
    frame = compute(one.panel(), [Period("2022-03")])
    for indicator in ("output_m", "output_growth"):
        row = figure(frame, indicator)
        assert (row["state"], row["coverage"]) == ("late", 0.25)
        assert math.isnan(row["value"])
    assert figure(frame, "firms_expected")["value"] == 4
    assert figure(frame, "firms_reported")["value"] == 1
    assert figure(frame, "reporting_rate")["value"] == 0.25


def test_returns_not_yet_due_are_neither_late_nor_covered() -> None:
    one = town("2022-03", "2022-03", returns={(A, "2022-03"): {"output_m": 40.0}})
    row = figure(compute(one.panel(), [Period("2022-03")]), "output_m")
    assert (row["state"], row["coverage"]) == ("expected-absent", 0.25)


def test_receivable_days_run_from_last_december_or_else_last_years_column() -> None:
    one = town("2021-12", "2022-03", finance={
        (A, "2021-12"): {"receivables": 100.0},
        (A, "2022-03"): {"receivables": 140.0, "receivables_ly": 1.0, "revenue": 360.0},
        (B, "2022-03"): {"receivables": 140.0, "receivables_ly": 60.0, "revenue": 360.0},
    })  # fmt: skip
    frame = compute(one.panel(), [Period("2022-03")])
    assert figure(frame, "receivable_days", "firm", A)["value"] == pytest.approx(360 * 120 / 360 * 3 / 12)
    assert figure(frame, "receivable_days", "firm", B)["value"] == pytest.approx(360 * 100 / 360 * 3 / 12)


def test_trailing_year_and_groups_over_a_limit() -> None:
    firms = {A: firm(A, group="甲"), B: firm(B, group="甲"), C: firm(C), D: firm(D)}
    ytd = {"2021-03": 200_000.0, "2021-12": 900_000.0, "2022-03": 300_000.0}
    one = town("2021-03", "2022-03", firms, returns={
        (code, p): {"output_ytd": v if code != D else 10.0} for code in (A, B, C, D) for p, v in ytd.items()
    })  # fmt: skip
    frame = compute(one.panel(), [Period("2021-12"), Period("2022-03")])
    assert figure(frame, "output_ttm", "firm", A, "2022-03")["value"] == 1_000_000  # 300 + 900 − 200 million yuan
    assert figure(frame, "output_ttm", "firm", A, "2021-12")["value"] == 900_000
    row = figure(frame, "groups_over_10yi", period="2022-03")
    assert (row["value"], row["top2"]) == (1, 1.0)  # 甲 together 20 亿; C exactly 10 亿 is not over
    assert figure(frame, "groups_over_10yi", period="2021-12")["value"] == 1  # 甲 18 亿


def test_customs_growth_compares_arrived_months_only() -> None:
    one = town("2021-03", "2022-04", customs={
        (A, "2021-03"): {"export_usd": 100.0}, (B, "2021-03"): {"export_usd": 100.0},
        (A, "2022-03"): {"export_usd": 150.0}, (C, "2022-03"): {"export_usd": 50.0, "import_usd": 25.0},
        (A, "2021-04"): {"export_usd": 100.0},
    })  # fmt: skip
    one.late = {("customs_monthly", code, "2022-04") for code in (A, B, C, D)}
    frame = compute(one.panel(), [Period("2022-03"), Period("2022-04")])
    assert figure(frame, "export_usd_growth", period="2022-03")["value"] == pytest.approx(0.0)
    assert figure(frame, "export_usd_growth", "firm", A, "2022-03")["value"] == pytest.approx(0.5)
    assert frame[(frame["indicator"] == "export_usd_growth") & (frame["entity"] == B)].empty
    assert figure(frame, "trade_usd_m", "firm", C, "2022-03")["value"] == 75.0
    april = figure(frame, "export_usd_growth", period="2022-04")
    assert (april["state"], math.isnan(april["value"])) == ("late", True)  # and not −100 %
    assert figure(frame, "export_usd_ytd", period="2022-03")["state"] == "expected-absent"  # January is not here


def test_register_counts_follow_since_and_until() -> None:
    firms = {
        A: firm(A, hightech_firm=True, rd_institution=True), B: firm(B, since="2022-04", hightech_firm=True),
        C: firm(C, until="2022-02", listed=True), D: firm(D, above_scale=False, specialised=True, listed=True),
    }  # fmt: skip
    frame = compute(town("2022-03", "2022-04", firms).panel(), months(Period("2022-03"), Period("2022-04")))
    assert figure(frame, "firms_above_scale", period="2022-03")["value"] == 1
    assert figure(frame, "firms_above_scale", period="2022-04")["value"] == 2
    assert figure(frame, "firms_hightech", period="2022-04")["value"] == 2
    assert figure(frame, "firms_listed", period="2022-03")["value"] == 1
    assert figure(frame, "rd_institution_share", period="2022-04")["value"] == 0.5


def test_reference_series_growth() -> None:
    one = town("2021-01", "2022-12")
    kept = {"name": "广东:用电量:当月值", "frequency": "月", "unit": "万千瓦时", "source": "模拟数据"}
    points = {"2021-01": 80.0, "2021-02": 60.0, "2021-03": 100.0, "2022-01": 88.0, "2022-02": 66.0, "2022-03": 90.0}
    one.reference = [{"series": "S1", "period": p, "value": v, **kept} for p, v in points.items()]
    one.reference += [
        {"series": "Q1", "period": p, "value": v, **kept} for p, v in {"2021-Q1": 50.0, "2022-Q1": 60.0}.items()
    ]
    one.reference += [
        {"series": "Y1", "period": p, "value": v, **kept} for p, v in {"2021": 50.0, "2022": 40.0}.items()
    ]
    one.reference += [
        {"series": "PMI", "period": p, "value": 50.0, **kept, "unit": "%"} for p in ("2021-03", "2022-03")
    ]
    panel = one.panel()
    rows = reference_rows(View(panel, panel.months))
    growth = rows[rows["indicator"] == "reference_growth"].set_index(["entity", "period"])["value"].dropna()
    assert growth.to_dict() == {
        ("S1", "2022-02"): pytest.approx(154 / 140 - 1), ("S1", "2022-03"): pytest.approx(-0.1),
        ("Q1", "2022-03"): pytest.approx(0.2), ("Y1", "2022-12"): pytest.approx(-0.2),
    }  # fmt: skip
    frame = compute(panel, [Period("2022-01")])
    assert figure(frame, "reference_value", "reference", "S1")["value"] == 88.0
    assert figure(frame, "reference_growth", "reference", "S1")["state"] == "expected-absent"


def test_a_month_outside_the_panel_is_refused_in_one_line() -> None:
    with pytest.raises(QxError, match="2023-01"):
        compute(town("2022-03", "2022-03").panel(), [Period("2023-01")])


def test_a_town_without_firms_has_no_figures_and_no_error() -> None:
    empty = Town(months(Period("2022-03"), Period("2022-03")), {}, {})
    assert compute(empty.panel(), [Period("2022-03")]).empty


def test_every_catalogue_entry_has_a_formula_and_every_formula_an_entry() -> None:
    from qxmonitor.catalog.indicators import indicators
    from qxmonitor.indicators.climate import READY

    ready = {"reference", "mode", "class", "product", "place"}  # rows that come whole
    entries = {e.id for e in indicators().indicators if e.sources[0].levels[0] not in ready}
    assert set(FORMULAS) | set(STRUCTURES) | READY == entries
    assert not set(FORMULAS) & set(STRUCTURES)


@pytest.mark.parametrize(("marks", "word"), [("late", "late"), ("failed", "failed"), ("", "expected-absent")])
def test_a_mirror_gap_without_the_sheet_says_what_became_of_the_sheet(marks: str, word: str) -> None:
    """Every return is here; the customs sheet of one earlier month of the year is not."""
    town = random_town(3, count=6)
    for row in town.firms.values():
        row.update(since=None, until=None, above_scale=True)
    town.late.clear()
    town.failed.clear()
    gone = "2022-02"
    for code in town.firms:
        for period in town.months:
            town.forms["customs"][code, str(period)] = dict.fromkeys(CUSTOMS, 5e6)
            if period.month > 1:
                town.forms["returns"].setdefault((code, str(period)), {})["export_ytd"] = 4e3
        del town.forms["customs"][code, gone]
        if marks:
            getattr(town, marks).add(("customs_monthly", code, gone))
    rows = compute(town.panel(), [Period("2022-04")])
    [state] = rows.loc[rows["indicator"] == "mirror_gap", "state"]
    assert state == word
