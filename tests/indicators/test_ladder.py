"""The figure of a year and the steps by hand, from self-reports and customs alone."""

from __future__ import annotations

import pytest

from qxmonitor.catalog.ladder import Doubling, Ladder, LadderFigure, Step, ladder
from qxmonitor.indicators.ladder import ANNUALISED, SHEETS, TRAILING, measures, place, yearly
from qxmonitor.indicators.view import View
from qxmonitor.period import Period, months
from tests.indicators.town import Town, firm, usccs

A, B, C, D, E, F = usccs(6)
PERIOD = Period("2022-10")


def town() -> Town:
    """A has last year whole, B only this year, C an old report, D customs alone, E a return and nothing else."""
    firms = {code: firm(code) for code in (A, B, C, D, E, F)}
    firms[C] |= {"above_scale": False}
    firms[D] |= {"above_scale": False}
    firms[F] |= {"doubling": True, "hightech_firm": True, "specialised": True}
    span = months(Period("2021-01"), PERIOD)
    forms: dict[str, dict[tuple[str, str], dict[str, float | None]]] = {
        s: {} for s in ("returns", "finance", "self_report", "customs", "bonded")
    }
    own = forms["self_report"]
    own[A, "2021-12"] = {"output_ytd": 900_000.0}
    own[A, "2022-10"] = {"output_ytd": 800_000.0, "output_ly_ytd": 700_000.0, "export_ytd": 50.0, "export_ly_ytd": 40.0}
    own[B, "2022-09"] = {"output_ytd": 360_000.0, "output_ly_ytd": 400_000.0}
    own[C, "2022-06"] = {"output_ytd": 15_000.0}
    for period in span:
        forms["customs"][D, str(period)] = {"export_rmb": 1_500_000.0, "import_rmb": None}
        forms["customs"][C, str(period)] = {"export_rmb": 1_000_000.0, "import_rmb": None}
    forms["returns"][E, "2022-10"] = {"output_ytd": 9e9}
    return Town(span, firms, forms)


def test_the_figure_of_a_year_in_its_order() -> None:
    found = yearly(View(town().panel(), [PERIOD]), ladder())
    assert found.figure[:4].tolist() == [1_000_000.0, 480_000.0, 12_000.0, 18_000.0]
    assert found.basis[:4].tolist() == [TRAILING, ANNUALISED, SHEETS, SHEETS]  # C's own report is four months old
    assert found.month[:4].tolist() == ["2022-10", "2022-09", "2022-10", "2022-10"]
    assert found.which.tolist() == [0, 0, 1, 1, -1, -1]


def test_december_is_the_year_and_an_early_month_is_not_annualised() -> None:
    one = town()
    one.forms["self_report"][B, "2022-05"] = {"output_ytd": 5.0}
    assert yearly(View(one.panel(), [Period("2022-05")]), ladder()).which[1] == -1
    assert yearly(View(one.panel(), [Period("2021-12")]), ladder()).figure[0] == 900_000.0


def test_steps_with_their_distance() -> None:
    rows = place(View(town().panel(), [PERIOD]), ladder()).set_index(["step", "entity"])
    assert sorted(rows.index) == sorted([("to_scale", D), ("five_yi", B), ("ten_yi", A), ("doubling", F)])
    assert rows.loc[("to_scale", D), ["state", "gap", "at_least"]].tolist() == ["near", 2_000.0, True]
    assert rows.loc[("five_yi", B), ["state", "gap", "share"]].tolist() == ["near", 20_000.0, pytest.approx(0.96)]
    assert rows.loc[("ten_yi", A), ["state", "gap"]].tolist() == ["reached", 0.0]
    assert rows.loc[("doubling", F), "state"] == "unknown"


def test_the_highest_open_step_alone_and_doubling_against_its_base_year() -> None:
    rules = Ladder(
        recent_months=3, annualise_from=6, divisions=(6, 46),
        figures=(LadderFigure(source="self_report", measure="output", name="产值", at_least=False),),
        steps=tuple(
            Step(id=key, name=key, threshold=at, near=0.8, below_scale=False, note="")
            for key, at in (("low", 2e5), ("mid", 6e5), ("high", 1.2e6))
        ),
        doubling=Doubling(name="倍增", base_year=2021, times=2, basis="某文"),
    )  # fmt: skip
    one = town()
    one.firms[A]["doubling"] = True
    rows = place(View(one.panel(), [PERIOD]), rules)
    assert rows[rows["entity"] == A]["step"].tolist() == ["mid", "high", "doubling"]  # not low; 83 % of high
    assert rows[rows["entity"] == B]["step"].tolist() == ["low", "mid"]
    doubled = rows[(rows["entity"] == A) & (rows["step"] == "doubling")].iloc[0]
    assert (doubled["threshold"], doubled["gap"]) == (1_800_000.0, 800_000.0)


def test_a_trader_is_no_candidate_for_scale() -> None:
    one = town()
    one.firms[D]["industry"] = "5179"
    assert D not in place(View(one.panel(), [PERIOD]), ladder())["entity"].tolist()


def test_measures_by_hand() -> None:
    one = town()
    one.forms["self_report"][A, "2022-10"]["employees"] = 500.0
    table = measures(View(one.panel(), [PERIOD]), ladder())
    assert table.loc[A, "output_per_head"] == 2_000.0
    assert table.loc[A, "output_growth"] == pytest.approx(1 / 7)
    assert table.loc[A, "export_growth"] == pytest.approx(0.25)
    assert table.loc[B, "output_growth"] == pytest.approx(-0.1)
    assert table.loc[D, "trade_growth"] == 0.0
    assert table.loc[F, "innovation"] == pytest.approx(2 / 3)
    assert table.loc[E, ["output_growth", "output_scale", "trade_growth"]].isna().all(), "a return is no source here"
