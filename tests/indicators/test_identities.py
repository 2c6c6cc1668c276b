"""Parts sum to wholes at every level and along every cut, on random towns; months sum to the year so far."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from qxmonitor.catalog.indicators import indicators
from qxmonitor.indicators import compute
from tests.indicators.town import random_town

SEEDS = [
    0, pytest.param(1, marks=pytest.mark.slow), *(pytest.param(seed, marks=pytest.mark.long) for seed in (2, 3))
]  # fmt: skip
close = pytest.approx


@pytest.fixture(params=SEEDS, scope="module")
def frame(request: pytest.FixtureRequest) -> pd.DataFrame:
    """Everybody on the register and nothing late, so that no level is short of its coverage; sheets may be missing."""
    town = random_town(40 + int(request.param), count=26)
    for row in town.firms.values():
        row["since"], row["until"] = None, None
    town.late.clear()
    town.failed.clear()
    return compute(town.panel(), town.months[-8:])


def wide(frame: pd.DataFrame, kind: str, source: str) -> pd.DataFrame:
    """Values by (period, entity), a column an indicator; NaN where there is none."""
    mine = frame[(frame["entity_kind"] == kind) & (frame["source"] == source)]
    return mine.set_index(["period", "entity", "indicator"])["value"].unstack()  # noqa: PD010  (nothing to aggregate)


def parent(entity: str) -> str:
    return entity.partition("/")[0]


def test_firms_make_their_node_and_nodes_their_chain_and_chains_and_industries_the_town(frame: pd.DataFrame) -> None:
    additive, compared = {e.id for e in indicators().indicators if e.additive}, 0
    for entry in indicators().indicators:
        for use in entry.sources:
            if entry.id not in additive or "town" not in use.levels:
                continue
            mine = frame[(frame["indicator"] == entry.id) & (frame["source"] == use.source)]
            whole = mine[mine["entity_kind"] == "town"].set_index("period")
            for level in ("firm", "node", "chain", "industry"):
                if level not in use.levels:
                    continue
                parts = mine[mine["entity_kind"] == level]
                there = parts["state"].eq("value") | parts["groups"].eq(0)
                for period, row in whole.iterrows():
                    here = parts["period"] == period
                    if row["state"] == "value" and (level == "firm" or there[here].all()):
                        total = parts.loc[here, "value"].sum()
                        assert total == close(row["value"], rel=1e-12, abs=1e-6), (entry.id, level, period)
                        compared += 1
    assert compared > 400


def test_modes_markets_and_chapters_each_make_the_same_whole(frame: pd.DataFrame) -> None:
    compared = 0
    for flow in ("import", "export"):
        sums = {}
        for kind in ("mode", "market", "chapter"):
            mine = frame[(frame["entity_kind"] == kind) & (frame["indicator"] == f"{flow}_part_rmb_ytd")]
            sums[kind] = mine.groupby("period")["value"].sum()
            share = frame[(frame["entity_kind"] == kind) & (frame["indicator"] == f"{flow}_part_share")]
            for period, total in share.groupby("period")["value"].sum().items():
                if sums[kind][period] > 0:
                    assert total == close(1.0, abs=1e-9), (flow, kind, period)
                    compared += 1
        pd.testing.assert_series_equal(sums["mode"], sums["market"], rtol=1e-12)
        pd.testing.assert_series_equal(sums["mode"], sums["chapter"], rtol=1e-12)
    assert compared > 20


@pytest.mark.parametrize("kind", ["firm", "node", "chain", "industry", "town"])
def test_imports_and_exports_make_trade(frame: pd.DataFrame, kind: str) -> None:
    table = wide(frame, kind, "customs").fillna(0.0)
    for unit in ("usd_m", "usd_ytd", "rmb_m", "rmb_ytd"):
        total = table[f"import_{unit}"] + table[f"export_{unit}"]
        assert total.to_list() == close(table[f"trade_{unit}"].to_list(), rel=1e-12, abs=1e-6)


@pytest.mark.parametrize(
    ("source", "month", "year"),
    [
        *(("customs", f"{flow}_{unit}_m", f"{flow}_{unit}_ytd")
          for flow in ("import", "export", "trade") for unit in ("usd", "rmb")),
        *(("bonded", f"bonded_{key}", f"bonded_{key}_ytd") for key in ("tickets", "in_usd", "out_usd")),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["firm", "chain", "town"])
def test_the_year_so_far_is_the_sum_of_its_months(
    frame: pd.DataFrame, kind: str, source: str, month: str, year: str
) -> None:
    table = wide(frame, kind, source)
    told = 0
    for (period, entity), so_far in table[year].dropna().items():
        months = [f"{period[:4]}-{m:02d}" for m in range(1, int(period[5:]) + 1)]
        if months[0] >= frame["period"].min():
            parts = [table[month].get((m, entity), math.nan) for m in months]
            assert so_far == close(sum(v for v in parts if not math.isnan(v)), rel=1e-12, abs=1e-6), (period, entity)
            told += 1
    assert told or kind == "firm"


def test_marked_nodes_of_the_chains_are_those_of_the_town(frame: pd.DataFrame) -> None:
    for key in ("key_nodes", "single_group_nodes", "weak_nodes"):
        mine = frame[frame["indicator"] == key]
        town = mine[mine["entity_kind"] == "town"].set_index("period")
        chains = mine[mine["entity_kind"] == "chain"]
        for period, row in town.iterrows():
            here = chains[chains["period"] == period]
            if row["state"] == "value" and here["state"].eq("value").all():
                assert here["value"].sum() == row["value"]


def test_nodes_weigh_one_in_their_chain_and_breadth_is_a_whole(frame: pd.DataFrame) -> None:
    nodes = wide(frame, "node", "returns")["node_weight"].dropna()
    everybody = frame[(frame["indicator"] == "node_weight") & frame["state"].ne("value")]
    short = {(row["period"], parent(row["entity"])) for row in everybody.to_dict("records")}
    for key, total in (
        nodes.groupby([nodes.index.get_level_values(0), nodes.index.get_level_values(1).map(parent)]).sum().items()
    ):
        if key not in short:
            assert total == close(1.0, abs=1e-9), key
    for kind in ("chain", "industry", "town"):
        table = wide(frame, kind, "returns")[["rise_share", "decline_share", "diffusion"]].dropna()
        half = (1.0 + table["rise_share"] - table["decline_share"]) / 2.0
        assert table["diffusion"].to_list() == close(half.to_list(), abs=1e-12)
