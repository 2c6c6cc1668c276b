from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from qxmonitor.cli import cli
from qxmonitor.errors import QxError
from qxmonitor.period import Period
from qxmonitor.simulate import vocabulary as words
from qxmonitor.simulate.events import PLAIN_NOISE, RECENT, SILENCES, plan_events, staged_for_show
from qxmonitor.simulate.model import FLOWS, OUTPUT_MEASURES, live
from qxmonitor.simulate.population import Population, populate
from qxmonitor.simulate.series import DRIFTS, FALLS, IMPORT_LEAD, LEAD_FALL, STOPS

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


def test_staged_events_meet_key_firms_and_every_chain(people: Population) -> None:
    events = plan_events(people, FIRST, LAST, 3, staged_for_show(len(people)))
    firms = people.firms
    recent = [e for e in events if e.end == LAST and e.start > LAST - RECENT]
    assert {e.type for e in recent if firms["key"].iloc[e.firm]} >= {"output_drop", "stop", "silence"}
    assert {firms["chain"].iloc[e.firm] for e in recent} >= {"C06"}
    if len(people) >= 100:
        assert {firms["chain"].iloc[e.firm] for e in recent} >= set(words.CHAINS)
    assert len({e.firm for e in events}) == len(events)
    falls = [e.size for e in events if e.type == "output_drop"]
    assert all(-0.8 <= size <= -0.25 for size in falls)
    assert any(size <= -0.4 for size in falls)
    assert not any(e.type != "silence" and e.start.month == 2 for e in events)


def test_what_a_town_is_too_small_for_is_refused_and_not_left_out(tmp_path: Path) -> None:
    small = populate(20, FIRST, LAST, 1)
    assert not any(event.cause is not None for event in plan_events(small, FIRST, LAST, 1, {"lead_shock": 1}))
    with pytest.raises(QxError, match="lead_shock 要 1 起，只安排得下 0 起"):
        plan_events(small, FIRST, LAST, 1, {"lead_shock": 1}, exactly=True)
    words = ["simulate", "--out", str(tmp_path / "t"), "--firms", "30", "--to", "2022-12", "--stage", "stop", "25"]
    result = CliRunner().invoke(cli, words)
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1) and "stop 要 25 起" in result.stderr
    assert not (tmp_path / "t").exists()


def test_so_many_of_each_kind_are_staged(people: Population) -> None:
    """Beside those at the fixed prevalence, on firms steady enough for a fall to be seen."""
    noise = people.temper.one_step
    wanted = {"output_drop": 2, "stop": 1, "silence": 1}
    staged = [e for e in plan_events(people, FIRST, Period("2020-12"), 3, wanted) if e.start >= Period("2020-08")]
    assert Counter(e.type for e in staged) == wanted
    assert all(noise[e.firm] <= PLAIN_NOISE for e in staged if e.type == "output_drop")
    assert plan_events(people, FIRST, Period("2020-12"), 3) == [], "nothing befalls anybody in the first year"
    with pytest.raises(QxError, match="没有这种事件：flood"):
        plan_events(people, FIRST, LAST, 3, {"flood": 1})


def test_events_come_at_the_fixed_prevalence() -> None:
    """Of the firms that neither enter nor leave, from the second year of returns on."""
    last = Period("2026-12")
    years, found = 0.0, Counter[str]()
    for seed in range(12):
        people = populate(800, Period("2022-01"), last, seed)
        firms = people.firms
        stays = firms["above_scale"] & (firms["until"] == "") & (firms["since"] < "2022-01") & ~firms["form_firm"]
        years += 4.0 * (stays.sum() - 16)
        events = plan_events(people, Period("2022-01"), last, seed)
        assert all(e.start >= Period("2023-01") for e in events)
        found.update("shock" if e.cause == e.firm else e.type for e in events)
    for kind, share in (("output_drop", FALLS), ("stop", STOPS), ("drift", DRIFTS), ("silence", SILENCES)):
        # Nothing befalls a firm twice: over four years a tenth less, and of silences, drawn last, a fifth.
        free = 0.8 if kind == "silence" else 0.9
        assert found[kind] / years == pytest.approx(free * share, abs=4 * np.sqrt(share / years)), kind
    assert found["shock"] == pytest.approx(12 * 4 / 5, abs=6)


def test_a_lead_firms_shock_reaches_the_nodes_above_it_with_a_lag() -> None:
    last = Period("2022-08")  # so that nothing is moved from a February into its January
    people = populate(800, FIRST, last, 3)
    whole = plan_events(people, FIRST, last, 3, {"lead_shock": 1})
    events = [e for e in whole if e.cause is not None and e.start > last - RECENT]
    (lead,) = [e for e in events if e.cause == e.firm]
    echoes = [e for e in events if e.cause != e.firm]
    firms = people.firms
    assert firms["key"].iloc[lead.firm] and lead.size == -LEAD_FALL
    assert len(echoes) > 5 and {e.cause for e in echoes} == {lead.firm}
    above = {n.code: n.upstream.split("、") for nodes in words.NODES.values() for n in nodes}
    for echo in echoes:
        assert echo.type == "supplier_drop" and 1 <= echo.start.ordinal - lead.start.ordinal <= 2
        assert 0.3 * LEAD_FALL - 0.001 <= -echo.size <= 0.8 * LEAD_FALL
        assert firms["node"].iloc[echo.firm] in above[firms["node"].iloc[lead.firm]]
    assert len({e.size for e in echoes}) > 3, "by how much each depends on the lead firm"


def test_the_economy_adds_up(people: Population) -> None:
    events = plan_events(people, FIRST, LAST, 3, staged_for_show(len(people)))
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


def test_events_do_to_every_measure_what_the_plan_says(people: Population) -> None:
    """Against the same town without events: output and exports at once, power down to its idle part, parts before."""
    events = plan_events(people, FIRST, LAST, 3, staged_for_show(len(people)))
    hit, calm = (live(people, plan, FIRST, LAST, 3) for plan in (events, []))
    sound = np.ones(len(people), dtype=bool)
    for event in events:
        span = slice(hit.at(event.start), hit.at(event.end) + 1)
        sound[event.firm] = False
        if event.type in ("output_drop", "supplier_drop", "stop"):
            for name in ("output", "sales", "export"):
                now, before = (e.month[name][event.firm, span] for e in (hit, calm))
                np.testing.assert_allclose(now, before * (1 + event.size), rtol=0.001, atol=1)
            power, usual = (e.month["power"][event.firm, span] for e in (hit, calm))
            assert (power <= usual + 1).all() and (power[usual > 1000] < usual[usual > 1000]).all()
            ahead = slice(span.start - IMPORT_LEAD, span.stop - IMPORT_LEAD)
            parts, whole = (e.parts[event.firm, ahead] for e in (hit, calm))
            np.testing.assert_allclose(parts, whole * (1 + event.size), rtol=0.001, atol=1)
    assert sound.any()
    for name in hit.month:
        np.testing.assert_array_equal(hit.month[name][sound], calm.month[name][sound])
    np.testing.assert_array_equal(hit.parts[sound], calm.parts[sound])


def test_key_firms_are_among_the_steadier(people: Population) -> None:
    noise, key = people.temper.one_step, people.firms["key"].to_numpy(dtype=bool)
    assert np.median(noise[key]) < np.median(noise[~key])


def test_every_class_of_the_town_has_its_name() -> None:
    made = {node.industry for nodes in words.NODES.values() for node in nodes} | {*words.OTHER_INDUSTRIES}
    assert made <= set(words.CLASSES)
