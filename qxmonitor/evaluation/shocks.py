"""What the notice of a lead firm's shock is worth at several marks, on towns of the feeds held in memory.

A town is drawn as for ``simulate`` (register, chain map, events at the fixed prevalence, the shock of 2020), and its
output stands in a panel as clean returns would put it there: no January, nothing from silent firms. Every month is
judged, and scored as ``backtest`` does; a case is a lead firm's planted shock in its chain, whether or not anybody
could have seen it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from qxmonitor.calendar import DatumState
from qxmonitor.catalog.rules import Rule, rules
from qxmonitor.indicators.view import View, chain_codes
from qxmonitor.panel import Panel
from qxmonitor.period import SHANGHAI, Period, months
from qxmonitor.signals import expectation, spread
from qxmonitor.signals.scorecard import Cases, card, tally
from qxmonitor.simulate import vocabulary as words
from qxmonitor.simulate.events import Event, plan_events
from qxmonitor.simulate.model import live
from qxmonitor.simulate.population import populate

STRENGTHS = (3.0, 3.5, 4.0, 4.5)
RULE = "lead_firm_shock"
_MEASURES = ("output_m", "output_ytd", "output_ly_m", "output_ly_ytd")
Row = dict[str, Any]


@dataclass(frozen=True)
class Town:
    """A town with what befell it; ``firms`` of events are rows of the panel."""

    panel: Panel
    events: tuple[Event, ...]


def draw(firms: int, first: Period, last: Period, seed: int, staged: dict[str, int] | None = None) -> Town:
    """A town's output as clean returns put it into a panel.

    Args:
        firms: legal entities.
        first: first month of returns.
        last: last month.
        seed: any whole number.
        staged: as ``simulate --stage``.
    """
    town = populate(firms, first, last, seed)
    events = plan_events(town, first, last, seed, staged)
    economy, axis = live(town, events, first, last, seed), months(first, last)
    since = economy.at(first)
    here = np.stack([town.reporting(p) & (p.month != 1) for p in axis], axis=1) & ~economy.silent[:, since:]
    grids = (economy.month, economy.cumulative, economy.last_year, economy.last_year_cumulative)
    values = {
        f"returns.{name}": np.where(here, grid["output"][:, since:].astype(np.float64), np.nan)
        for name, grid in zip(_MEASURES, grids, strict=True)
    }
    state = np.where(here, DatumState.VALUE, DatumState.EXPECTED_ABSENT).astype(np.uint8)
    register = town.firms[["name", "group", "chain", "node", "since", "until"]].set_axis(
        pd.Index(town.firms["uscc"].to_numpy(dtype=object)), axis=0
    )
    register = register.assign(key_firm=town.firms["key"].to_numpy(), above_scale=town.firms["above_scale"].to_numpy())
    nodes = [(chain, words.CHAINS[chain], *node[:3]) for chain, mine in words.NODES.items() for node in mine]
    chains = pd.DataFrame(nodes, columns=["chain", "chain_name", "node", "node_name", "upstream"])
    panel = Panel(
        axis, register, values, {"b204_1": state}, np.zeros(here.shape, dtype=bool), pd.DataFrame(), chains,
        datetime(last.year + 1, 2, 1, tzinfo=SHANGHAI), True,
    )  # fmt: skip
    return Town(panel, tuple(events))


def score(firms: int, span: int, seeds: range) -> list[Row]:
    """The table of marks.

    Args:
        firms: firms a town.
        span: months a town, at least 36.
        seeds: one town each.

    Returns:
        Rows measure, strength, value, lo, hi (95 %, chains drawn again), and the counts behind them.
    """
    last = Period("2021-12")
    towns = [draw(firms, last - (span - 1), last, seed) for seed in seeds]
    rows: list[Row] = []
    for strength, parts in zip(STRENGTHS, zip(*(_tried(town) for town in towns), strict=True), strict=True):
        tallies, named, hit = (np.concatenate([part[k] for part in parts]) for k in range(3))
        figures = card(tallies, span * len(towns)).figures
        more = {name: figures[name] for name in ("alerts", "true_alerts", "cases", "caught")}
        for name in ("precision", "recall", "delay", "false_share"):
            around = {end: figures[f"{name}_{end}"] for end in ("lo", "hi")}
            rows.append({"measure": name, "strength": strength, "value": figures[name], **around, **more})
        share = round(float(hit.sum() / named.sum()), 4) if named.sum() else None
        rows.append({"measure": "named_hit", "strength": strength, "value": share, "lo": None, "hi": None, **more})
    return rows


def _tried(town: Town) -> list[tuple[Any, Any, Any]]:
    """By mark: tallies of the chains, and in each true notice's first month suppliers named and those that were hit."""
    view, shipped = View(town.panel, town.panel.months), rules().rule(RULE)
    followed = rules().rule(str(shipped.follows))
    years = [view.at([p for p in view.periods if p.year == year]) for year in sorted({p.year for p in view.periods})]
    watch = followed.watching("firm", "returns")
    seen = [(asked, expectation.see(asked, followed, watch, spread.BEFORE)) for asked in years]
    names = chain_codes(town.panel.firms)[1]
    winter = np.array([p.month <= 3 for p in view.periods])
    shocks = [event for event in town.events if event.cause == event.firm]
    chain, first = chain_codes(town.panel.firms)[0], view.periods[0].ordinal
    spans = [(int(chain[e.firm]), e.start.ordinal - first, e.end.ordinal - first) for e in shocks]
    cases = Cases(*np.array(spans, dtype=np.int64).reshape(-1, 3).T)
    assert shipped.proof is not None
    out = []
    for strength in STRENGTHS:
        rule: Rule = shipped.model_copy(update={"strength": strength})
        parts = [spread.judged(asked, one, rule, rule.watch[0], names) for asked, one in seen]
        level = np.concatenate([level for level, _ in parts], axis=1)
        told = {name: np.concatenate([fields[name] for _, fields in parts], axis=1) for name in ("suppliers", "leads")}
        lead, within = shipped.proof.lead, shipped.proof.within
        named, hit = _named(town, level, told["suppliers"], told["leads"])
        out.append((tally(level, cases, winter, lead=lead, within=within), [named], [hit]))
    return out


def _named(town: Town, level: Any, suppliers: Any, leads: Any) -> tuple[int, int]:
    """Suppliers named in the first month of notices that name a shocked lead firm, and those the shock did hit."""
    codes = town.panel.firms.index.to_numpy(dtype=object)
    named = hit = 0
    for chain, at in zip(*np.nonzero(level > 0), strict=True):
        month = town.panel.months[at]
        mine = [e for e in town.events if e.cause is not None and codes[e.cause] in leads[chain, at].split("、")]
        if not mine or (at and level[chain, at - 1] > 0):
            continue
        told = set(suppliers[chain, at].split("、"))
        named += len(told)
        hit += len(told & {codes[e.firm] for e in mine if e.start <= month})
    return named, hit
