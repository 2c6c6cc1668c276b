"""Every row of the frame against plain loops: no row too many, none missing, every column to 1e-9."""

from __future__ import annotations

import pandas as pd
import pytest

from qxmonitor.catalog.indicators import indicators
from qxmonitor.indicators import COLUMNS, compute, computed
from qxmonitor.period import Period
from tests.indicators.oracle import same
from tests.indicators.oracle_more import Whole
from tests.indicators.town import OUTPUT, random_town

ELSEWHERE = (
    "groups_over_", "firms_above", "firms_hightech", "firms_listed", "firms_specialised", "firms_entered",
    "firms_exited", "rd_institution", "reference_", "target.",
    "output_real_", "value_added_", "stress_index", "climate_", "import_lead", "tasks_", "visits_", "appeals_",
    "class_output_", "product_output_", "public_",
)  # fmt: skip
"""Tested in loops of their own in test_plain_oracles, test_work, test_detail and test_real, and by hand beside;
published figures by hand in test_published."""


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 6))])
def test_every_row_agrees_with_plain_loops(seed: int) -> None:
    town = random_town(seed)
    asked = [
        Period(p) for p in ("2020-12", "2021-01", "2021-02", "2021-03", "2021-12", "2022-01", "2022-02", "2022-04")
    ]
    frame = compute(town.panel(), asked)
    assert list(frame.columns) == COLUMNS
    assert not frame.duplicated(["period", "indicator", "entity_kind", "entity", "source"]).any()
    frame = frame[~frame["indicator"].str.startswith(ELSEWHERE)]
    stated = frame.loc[frame["state"] == "value", "indicator"]
    silent = {e.id for e in indicators().indicators if not e.id.startswith(ELSEWHERE)} - set(stated)
    assert silent <= {"supplier_exposure"}  # some towns have nobody downstream
    for period in asked:
        want = Whole(town, str(period)).run()
        have = {tuple(row[:4]): row[4:] for row in rows(frame[frame["period"] == str(period)])}
        assert set(have) == set(want)
        for key, (value, state, coverage, groups, top2, hidden) in want.items():
            got = have[key]
            assert same(value, got[0]), (period, key, value, got)
            assert state == got[1], (period, key, value, got)
            assert same(coverage, got[2]), (period, key, coverage, got)
            assert (groups, hidden) == (got[3], got[5]), (period, key, groups, hidden, got)
            assert same(top2, got[4]), (period, key, top2, got)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in (1, 2))])
def test_every_level_adds_up_to_the_town_and_nodes_to_their_chain(seed: int) -> None:
    town = random_town(seed, count=30)
    for f in town.firms.values():
        f["since"], f["until"] = None, None
    town.late.clear()
    town.failed.clear()
    frame = compute(town.panel(), town.months[-6:])
    additive = [entry.id for entry in indicators().indicators if entry.additive]
    frame = frame[frame["indicator"].isin(additive) & (frame["source"] != "self_report")]
    compared = 0
    for (_, _), mine in frame.groupby(["indicator", "period"]):
        level = {kind: part.set_index("entity") for kind, part in mine.groupby("entity_kind")}
        if not {"town", "node"} <= level.keys() or level["town"].loc["town", "state"] != "value":
            continue
        for kind in ("node", "chain", "industry"):
            parts = level[kind]
            if kind in level and (parts["state"].eq("value") | parts["groups"].eq(0)).all():
                assert parts["value"].sum() == pytest.approx(level["town"].loc["town", "value"], rel=1e-12)
                compared += 1
        nodes = level["node"]["value"].groupby(level["node"].index.str.partition("/").get_level_values(0)).sum()
        whole = (level["node"]["state"].eq("value") | level["node"]["groups"].eq(0)).all()
        if whole and level["chain"]["state"].eq("value").all():
            pd.testing.assert_series_equal(nodes, level["chain"]["value"], check_names=False, rtol=1e-12)
            compared += 1
    assert compared > 50


def test_one_month_is_the_same_as_many() -> None:
    town = random_town(11)
    panel = town.panel()
    many = compute(panel, town.months)
    for period in town.months[::5]:
        one = compute(panel, [period])
        pd.testing.assert_frame_equal(one, many[many["period"] == str(period)].reset_index(drop=True))


def test_the_frame_does_not_depend_on_the_order_or_repetition_of_the_months_asked() -> None:
    town = random_town(12)
    panel = town.panel()
    pd.testing.assert_frame_equal(compute(panel, town.months), compute(panel, [*reversed(town.months), town.months[3]]))


def rows(frame: pd.DataFrame) -> list[tuple[object, ...]]:
    order = [
        "indicator",
        "entity_kind",
        "entity",
        "source",
        "value",
        "state",
        "coverage",
        "groups",
        "top2",
        "hidden_groups",
    ]
    return list(frame[order].itertuples(index=False, name=None))


@pytest.mark.parametrize("moves", [True, False])
def test_months_computed_together_are_those_computed_alone(moves: bool) -> None:
    """An index stands on all months it may see; no month sees more because others are computed beside it."""
    town = random_town(3, count=12, last="2023-03", width=47)
    town.late.clear()  # all returns are here and positive, so that levels can be adjusted for season
    town.failed.clear()
    for at, code in enumerate(town.firms):
        for period in (p for p in town.months if p.month != 1):
            month, base = 900.0 + at + period.month * 7.0, 0.8 + period.ordinal % 11 * 0.01 if moves else 1.0
            town.forms["returns"][code, str(period)] = {
                name: month * (1 if name.endswith("_m") else period.month) * (base if "_ly_" in name else 1.0)
                for name in OUTPUT
            }
    panel = town.panel()
    asked = [panel.months[-1] - back for back in range(4)]
    beside = computed(panel, asked, look_back=37).frame()
    for period in asked:
        alone = computed(panel.window(period, 37), [period]).frame()
        pd.testing.assert_frame_equal(alone, beside[beside["period"] == str(period)].reset_index(drop=True))
        coincident = alone.loc[alone["indicator"] == "climate_coincident", "value"]
        assert coincident.notna().all() == (period.month != 1)
