"""Two issues laid side by side, worked by hand on panels of a few firms."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import pytest

from qxmonitor.catalog.office import Thresholds
from qxmonitor.disclosure import outside, pattern, successive, to_give
from qxmonitor.disclosure.successive import Changes, changes
from qxmonitor.panel import Panel
from qxmonitor.period import SHANGHAI, Period, months

MARCH, APRIL = Period("2026-03"), Period("2026-04")
LIMITS = Thresholds(groups=3, dominance=0.9, unanimous=False)
CHAINS = ["C1", "C1", "C1", "C1", "C2", "C2", "C2", "C2", ""]
FIRMS = [f"F{number}" for number in range(len(CHAINS))]


def panel(
    last: Period,
    march: list[float],
    april: list[float] | None = None,
    chains: list[str] = CHAINS,
    known: tuple[int, ...] = (),
) -> Panel:
    """Cumulative output of March (and April) of nine firms, each its own group; ``known`` report to readers by name."""
    columns = months(Period("2026-01"), last)
    values = np.full((len(FIRMS), len(columns)), np.nan)
    values[:, columns.index(MARCH)] = march
    if april is not None:
        values[:, columns.index(APRIL)] = april
    firms = pd.DataFrame({"name": FIRMS, "group": FIRMS, "chain": chains}, index=pd.Index(FIRMS, name="uscc"))
    authorised = np.zeros(values.shape, bool)
    authorised[list(known)] = True
    return Panel(
        months=columns, firms=firms, values={"returns.output_ytd": values}, states={}, authorised=authorised,
        reference=pd.DataFrame(), chains=pd.DataFrame(), known_at=datetime(2026, 5, 18, tzinfo=SHANGHAI),
        simulated=True,
    )  # fmt: skip


THEN = [100.0] * 9
NOW = [140.0] * 9


def between(march: list[float], *, chains: list[str] = CHAINS, known: tuple[int, ...] = ()) -> Changes:
    return changes(panel(MARCH, THEN), panel(APRIL, march, NOW, chains, known), ["returns.output_ytd"], MARCH)


def changed(**by_firm: float) -> list[float]:
    return [by_firm.get(firm, 100.0) for firm in FIRMS]


def test_nothing_changed_holds_nothing_back() -> None:
    assert between(THEN).rows.empty
    assert between(THEN).held_back(set(), LIMITS) == set()


def test_one_refiled_return_holds_back_its_chain_and_the_town() -> None:
    """The town's difference is the same firm's, and the other chains' months sum to the town's less this chain's."""
    assert between(changed(F0=130.0)).held_back(set(), LIMITS) == {"C1", "town"}


def test_three_even_changes_in_one_chain_are_safe() -> None:
    assert between(changed(F0=110.0, F1=110.0, F2=120.0)).held_back(set(), LIMITS) == set()


def test_three_changes_of_which_two_are_nearly_all_are_not() -> None:
    """(50 + 40) of 92 is 97.8 %."""
    assert between(changed(F0=150.0, F1=140.0, F2=102.0)).held_back(set(), LIMITS) == {"C1", "town"}


def test_a_change_among_the_others_may_be_known_with_enough_beside_it_only() -> None:
    """C1: one change, unsafe. The town: four, safe. Left alone C1 is the town less C2, so C2 goes as well."""
    found = between(changed(F0=110.0, F4=110.0, F5=110.0, F6=110.0)).held_back(set(), LIMITS)
    assert found == {"C1", "C2"}


def test_two_changed_firms_in_two_chains_hide_both_and_the_town() -> None:
    assert between(changed(F0=110.0, F4=115.0)).held_back(set(), LIMITS) == {"C1", "C2", "town"}


def test_a_firm_that_moved_counts_in_both_its_chains_and_not_in_the_town() -> None:
    moved = ["C2", *CHAINS[1:]]
    found = between(THEN, chains=moved)
    assert set(zip(found.rows["chain"], found.rows["delta"], strict=True)) == {("C1", -100.0), ("C2", 100.0)}
    assert found.held_back(set(), LIMITS) == {"C1", "C2"}


def test_a_late_firm_is_a_change_of_all_it_had() -> None:
    then = panel(MARCH, [float("nan"), *THEN[1:]])
    found = changes(then, panel(APRIL, THEN, NOW), ["returns.output_ytd"], MARCH)
    assert found.rows[["chain", "group", "delta"]].to_numpy().tolist() == [["C1", "F0", 100.0]]


def test_readers_take_away_whom_they_know_by_name() -> None:
    """Three changed, two of them report to the reader by name: the third is left alone."""
    assert between(changed(F0=110.0, F1=110.0, F2=120.0), known=(0, 1)).held_back(set(), LIMITS) == {"C1", "town"}


def test_firms_of_no_chain_are_the_others() -> None:
    assert between(changed(F8=130.0)).held_back(set(), LIMITS) == {"other", "town"}


# -- the frame -------------------------------------------------------------------------------------------------


def frame(period: Period, ytd: dict[str, float], month: dict[str, float]) -> pd.DataFrame:
    rows = [
        {
            "period": str(period), "indicator": indicator, "entity_kind": "town" if entity == "town" else "chain",
            "entity": entity, "source": "returns", "value": value, "state": "value", "coverage": 1.0,
            "groups": 8 if entity == "town" else 4, "top2": 0.5, "hidden_groups": 0,
        }
        for indicator, values in (("output_ytd", ytd), ("output_m", month))
        for entity, value in values.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


FEBRUARY = frame(
    Period("2026-02"), {"C1": 270.0, "C2": 270.0, "town": 540.0}, {"C1": 270.0, "C2": 270.0, "town": 540.0}
)
GIVEN = frame(MARCH, {"C1": 400.0, "C2": 400.0, "town": 800.0}, {"C1": 130.0, "C2": 130.0, "town": 260.0})
GIVEN = pd.concat([FEBRUARY, GIVEN], ignore_index=True)


KEYS = ["period", "indicator", "entity"]


def published(now: Panel, figures: pd.DataFrame, given: pd.DataFrame) -> set[tuple[str, str, str]]:
    earlier = successive(now, APRIL, given, panel(MARCH, THEN), None, LIMITS)
    whole = pd.concat([FEBRUARY, figures], ignore_index=True)
    found = pattern(outside(whole, given, APRIL), LIMITS, earlier=earlier)
    return {(period[5:], indicator, entity) for period, indicator, _, entity, _ in found.published}


def test_the_month_is_held_back_and_the_cumulative_figure_stays() -> None:
    now = panel(APRIL, changed(F0=130.0), NOW)
    figures = pd.concat(
        [
            frame(MARCH, {"C1": 430.0, "C2": 400.0, "town": 830.0}, {"C1": 160.0, "C2": 130.0, "town": 290.0}),
            frame(APRIL, {"C1": 560.0, "C2": 560.0, "town": 1120.0}, {"C1": 130.0, "C2": 160.0, "town": 290.0}),
        ],
        ignore_index=True,
    )
    given = GIVEN.assign(withheld=False)
    seen = outside(figures, given, APRIL)
    march = seen[(seen["period"] == "2026-03") & (seen["indicator"] == "output_ytd")].set_index("entity")["value"]
    assert march.to_dict() == {"C1": 400.0, "C2": 400.0, "town": 800.0}, "as it was given"
    open_ = published(now, figures, given)
    assert {("04", "output_ytd", entity) for entity in ("C1", "C2", "town")} <= open_
    assert ("04", "output_m", "C2") in open_
    assert {("04", "output_m", "C1"), ("04", "output_m", "town")}.isdisjoint(open_)
    assert {("03", "output_m", entity) for entity in ("C1", "C2", "town")} <= open_


def test_what_was_held_back_stays_so_in_later_issues() -> None:
    given = GIVEN.assign(withheld=(GIVEN[KEYS] == ["2026-03", "output_m", "C1"]).all(axis=1))
    figures = frame(APRIL, {"C1": 540.0, "C2": 560.0, "town": 1100.0}, {"C1": 140.0, "C2": 160.0, "town": 300.0})
    open_ = published(panel(APRIL, THEN, NOW), figures, given)
    assert ("03", "output_m", "C1") not in open_
    assert {("03", "output_ytd", "C1"), ("03", "output_m", "C2"), ("04", "output_m", "C1")} <= open_


def test_a_month_issued_again_changes_only_where_enough_stand_behind_it() -> None:
    given = pd.concat(
        [GIVEN, frame(APRIL, {"C1": 560.0, "C2": 560.0, "town": 1120.0}, {"C1": 160.0, "C2": 160.0, "town": 320.0})],
        ignore_index=True,
    ).assign(withheld=False)
    figures = frame(APRIL, {"C1": 590.0, "C2": 560.0, "town": 1150.0}, {"C1": 190.0, "C2": 160.0, "town": 350.0})
    now = panel(APRIL, THEN, [170.0, *NOW[1:]])
    earlier = successive(now, APRIL, given, panel(MARCH, THEN), panel(APRIL, THEN, NOW), LIMITS)
    whole = pd.concat([FEBRUARY, figures], ignore_index=True)
    found = pattern(outside(whole, given, APRIL), LIMITS, earlier=earlier)
    open_ = {(indicator, entity) for period, indicator, _, entity, _ in found.published if period == "2026-04"}
    assert open_ == {("output_ytd", "C2"), ("output_m", "C2")}


def test_an_issue_gives_its_month_and_what_nobody_was_given_before() -> None:
    figures = pd.concat(
        [GIVEN, frame(APRIL, {"C1": 540.0, "town": 1100.0}, {"C1": 140.0, "town": 300.0})], ignore_index=True
    )
    held = frozenset({(("returns", "output", "month"), "2026-04", "C1")})
    first = to_give(figures, held, GIVEN.iloc[:0].assign(withheld=False), APRIL)
    assert len(first) == len(figures)
    assert first.loc[first["withheld"], ["period", "indicator", "entity"]].to_numpy().tolist() == [
        ["2026-04", "output_m", "C1"]
    ]
    later = to_give(figures, held, GIVEN.assign(withheld=False), APRIL)
    assert set(later["period"]) == {"2026-04"}


@pytest.mark.parametrize("empty", [True, False])
def test_without_earlier_issues_nothing_is_different(empty: bool) -> None:
    figures = frame(APRIL, {"C1": 540.0, "C2": 560.0, "town": 1100.0}, {"C1": 140.0, "C2": 160.0, "town": 300.0})
    now = panel(APRIL, changed(F0=130.0), NOW)
    given = GIVEN.iloc[:0].assign(withheld=False)
    assert outside(figures, given, APRIL) is figures
    earlier = None if empty else successive(now, APRIL, given, None, None, LIMITS)
    assert pattern(figures, LIMITS, earlier=earlier).published == pattern(figures, LIMITS).published
