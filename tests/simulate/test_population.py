from __future__ import annotations

import numpy as np
import pytest

from qxmonitor.period import Period
from qxmonitor.simulate import vocabulary as words
from qxmonitor.simulate.events import RECENT, plan_events
from qxmonitor.simulate.model import FLOWS, OUTPUT_MEASURES, live
from qxmonitor.simulate.population import Population, populate

FIRST, LAST = Period("2020-01"), Period("2022-05")


@pytest.fixture(scope="module", params=[(20, 1), (120, 7), (800, 3)], ids=str)
def people(request: pytest.FixtureRequest) -> Population:
    count, seed = request.param
    return populate(count, FIRST, LAST, seed)


def test_the_town_has_every_kind_of_key_firm(people: Population) -> None:
    firms = people.firms
    key = firms[firms["key"]]
    assert len(key) >= 12
    assert len(firms) < 100 or 0.14 <= len(key) / len(firms) <= 0.21
    kinds = set(key["authorisation"])
    assert {"both", "gxj", "swj", "none", "expired"} <= kinds
    assert (key["group"] != "").any()
    assert (key["chain"] == "C06").any()
    assert set(words.SOLE_NODES) <= set(key["node"])


def test_one_chain_has_fewer_than_three_groups(people: Population) -> None:
    small = people.firms[people.firms["chain"] == "C06"]
    holders = small["group"].where(small["group"] != "", small["uscc"])
    assert (len(small), holders.nunique()) == (3, 2)


def test_sole_nodes_are_held_by_one_firm(people: Population) -> None:
    assert (people.firms["node"].value_counts()[list(words.SOLE_NODES)] == 1).all()


def test_groups_have_several_entities(people: Population) -> None:
    sizes = people.firms.loc[people.firms["group"] != "", "group"].value_counts()
    assert sizes.between(2, 4).all()


def test_firms_enter_and_leave(people: Population) -> None:
    firms = people.firms
    assert (firms["since"] > FIRST).any()
    assert firms["until"].str.fullmatch(r"(20\d\d-12)?").all()
    assert not (firms.loc[firms["until"] != "", "key"]).any()


def test_authorisations_run_out(people: Population) -> None:
    expired = (people.firms["authorisation"] == "expired").to_numpy()
    assert people.authorised(FIRST)[expired].all()
    assert not people.authorised(LAST)[expired].any()
    both = (people.firms["authorisation"] == "both").to_numpy()
    assert people.authorised(LAST, "出口交货值")[both].all()
    partial = (people.firms["authorisation"] == "partial").to_numpy()
    assert not people.authorised(LAST, "出口交货值")[partial].any()


def test_events_meet_key_firms_and_every_chain(people: Population) -> None:
    events = plan_events(people, FIRST, LAST, 3)
    firms = people.firms
    assert {e.type for e in events if firms["key"].iloc[e.firm]} == {"output_drop", "stop", "silence"}
    recent = [e for e in events if e.end == LAST]
    assert all(e.start >= Period(f"{LAST.year}-01") or e.start > LAST - RECENT for e in recent)
    assert {firms["chain"].iloc[e.firm] for e in recent} >= {"C06"}
    if len(people) >= 100:
        assert {firms["chain"].iloc[e.firm] for e in recent} >= set(words.CHAINS)
    assert len({e.firm for e in events}) == len(events)
    falls = [e.size for e in events if e.type == "output_drop"]
    assert all(-0.8 <= size <= -0.25 for size in falls)
    assert any(size <= -0.4 for size in falls)
    assert not any(e.type != "silence" and e.start.month == 2 for e in events)


def test_the_economy_adds_up(people: Population) -> None:
    events = plan_events(people, FIRST, LAST, 3)
    economy = live(people, events, FIRST, LAST, 3)
    years = np.array([p.year for p in economy.axis])
    for name in (*OUTPUT_MEASURES, *FLOWS):
        in_2021 = years == 2021
        np.testing.assert_array_equal(
            np.cumsum(economy.month[name][:, in_2021], axis=1), economy.cumulative[name][:, in_2021]
        )
    month = economy.month
    assert (month["export"] <= month["sales"]).all()
    assert (month["sales"] <= month["output"]).all()
    assert (month["finished_goods"] <= month["inventories"]).all()
    assert (month["current_assets"] <= month["assets"]).all()
    profit = month["revenue"] - sum(month[name] for name in FLOWS[1:7])
    np.testing.assert_array_equal(profit, month["operating_profit"])
    for event in events:
        span = slice(economy.at(event.start), economy.at(event.end) + 1)
        if event.type == "stop":
            assert (month["output"][event.firm, span] == 0).all()
        if event.type == "silence":
            assert economy.silent[event.firm, span].all()


def test_planted_falls_show_and_quiet_key_firms_stay_quiet(people: Population) -> None:
    events = plan_events(people, FIRST, LAST, 3)
    economy = live(people, events, FIRST, LAST, 3)
    now, before = (economy.month["output"] * 1.0, economy.last_year["output"] * 1.0)
    growth = np.full(now.shape, np.nan)
    np.divide(now, before, out=growth, where=before > 0)
    growth -= 1
    quiet = np.repeat(people.firms["key"].to_numpy(dtype=bool)[:, None], now.shape[1], axis=1)
    quiet[:, : economy.at(Period("2020-05"))] = False
    quiet[:, [i for i, p in enumerate(economy.axis) if p.month <= 2]] = False
    quiet &= people.firms["above_scale"].to_numpy(dtype=bool)[:, None]
    for event in events:
        span = slice(economy.at(event.start), economy.at(event.end) + 1)
        quiet[event.firm, span] = False
        if event.type == "output_drop" and event.size <= -0.4 and people.firms["key"].iloc[event.firm]:
            assert np.nanmin(growth[event.firm, span]) < -0.3
    assert np.mean(growth[quiet & ~np.isnan(growth)] < -0.2) < 0.01
