"""Chains from the inside: weights of nodes, concentration over groups, weak and key nodes, exposure to lead firms.

All from the returns' output since January. A node is one that the register puts firms on and the chain names; firms of
no chain or no node are ``other`` and are no node. The chain map says which node supplies which. Every figure here
points at single groups by definition, so it never leaves the statistical channel.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from qxmonitor.catalog.indicators import indicators
from qxmonitor.catalog.structure import structure_rules
from qxmonitor.indicators.formula import Structure, StructureFormula, structure
from qxmonitor.indicators.grouping import Grouping
from qxmonitor.indicators.levels import OTHER, Levels
from qxmonitor.indicators.view import Bools, Codes, Floats, View
from qxmonitor.panel import Panel
from qxmonitor.period import Period

NODE_COLUMNS = [
    "chain",
    "node",
    "chain_name",
    "node_name",
    "weight",
    "groups",
    "lead",
    "growth",
    "feeds",
    "key",
    "weak",
]
"""Of :func:`node_table`: weight, lead (largest group) and growth are fractions; key and weak are reasons in words."""

_OUTPUT = "returns.output_ytd"
_FORM = "b204_1"


def _concentration(measure: str) -> StructureFormula:
    def concentration(view: View, levels: Levels, level: str) -> Structure:
        output = view.take(_OUTPUT)
        grouping = levels[level]
        pairs = grouping.by_group(output)
        value = 1e4 * grouping.herfindahl(pairs) if measure == "hhi" else grouping.largest(pairs, int(measure))
        return Structure(value, np.isfinite(output))

    return concentration


for _id, _measure in {"cr1_output": "1", "cr4_output": "4", "hhi_output": "hhi"}.items():
    structure(_id)(_concentration(_measure))


@dataclass(frozen=True)
class _Nodes:
    """The nodes of a view, k nodes × q months.

    Attributes:
        grouping: of level node.
        chain: (k,) position of each node's chain in the level chain.
        real: (k,) it is a node, not the firms without one.
        output: summed.
        weight: share of the chain's output.
        pairs: output of each (node, group), (p, q).
        lead: share of the largest group.
    """

    view: View
    grouping: Grouping
    chain: Codes
    real: Bools
    output: Floats
    weight: Floats
    pairs: Floats
    lead: Floats

    @cached_property
    def groups(self) -> npt.NDArray[np.int64]:
        """Groups with output and, beside them, those whose return may still bring some (awaited, late, refused)."""
        missing = self.view.expected(_FORM) & ~np.isfinite(self.view.take(_OUTPUT))
        sold, open_ = self.pairs > 0, self.grouping.by_group(missing.astype(np.float64)) > 0
        told, told_or_open = (
            np.add.reduceat(mark.astype(np.int64), self.grouping.entity_starts, axis=0) for mark in (sold, sold | open_)
        )
        return np.where(told > 0, told_or_open, 0)

    @cached_property
    def growth(self) -> Floats:
        """Since January on the comparable basis."""
        return _growth(self.view, self.grouping)

    @cached_property
    def supplies(self) -> Bools:
        """(k, k), row supplies column."""
        return _supplies(self.view, self.grouping.entities)

    @property
    def single(self) -> Bools:
        """One group alone has output, and no other's return is missing that may say otherwise."""
        mark: Bools = self.real[:, None] & (self.groups == 1)
        return mark

    @property
    def falling(self) -> Bools:
        mark: Bools = self.real[:, None] & (np.nan_to_num(self.growth) < structure_rules().falling)
        return mark

    @property
    def key(self) -> Bools:
        """Heavy in its chain, or supplier of several nodes."""
        rules = structure_rules()
        heavy = np.nan_to_num(self.weight) >= rules.key_weight
        mark: Bools = self.real[:, None] & (heavy | (self.supplies.sum(axis=1) >= rules.feeds_nodes)[:, None])
        return mark


def _nodes(view: View, levels: Levels) -> _Nodes:
    """The nodes of a view, worked out once."""
    if ("nodes",) not in view.memo:
        view.memo["nodes",] = _make_nodes(view, levels)
    found: _Nodes = view.memo["nodes",]
    return found


def _make_nodes(view: View, levels: Levels) -> _Nodes:
    grouping, chains = levels["node"], levels["chain"]
    names = [entity.partition("/") for entity in grouping.entities]
    chain = np.array([chains.entities.index(name) for name, _, _ in names], dtype=np.intp)
    real = np.array([OTHER not in (name, node) for name, _, node in names], dtype=bool)
    output = view.take(_OUTPUT)
    pairs = grouping.by_group(output)
    total = grouping.by_entity(pairs)
    whole = chains.by_entity(chains.by_group(output))[chain]
    weight = np.divide(total, whole, out=np.full_like(total, np.nan), where=whole > 0)
    return _Nodes(view, grouping, chain, real, total, weight, pairs, grouping.largest(pairs, 1))


def _growth(view: View, grouping: Grouping) -> Floats:
    now, then = view.take(_OUTPUT), view.take("returns.output_ly_ytd")
    both = np.isfinite(now) & np.isfinite(then)
    top, bottom = (grouping.by_entity(grouping.by_group(np.where(both, part, np.nan))) for part in (now, then))
    return np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom > 0) - 1.0


def _supplies(view: View, nodes: tuple[str, ...]) -> Bools:
    """(k, k): the chain map lets the row's node supply the column's; upstream codes are joined by 、."""
    view.note("chains.upstream", year=False)
    panel, place = view.panel, {node: at for at, node in enumerate(nodes)}
    supplies = np.zeros((len(nodes), len(nodes)), dtype=bool)
    named = panel.chains["upstream"].fillna("").astype(str)
    links = panel.chains.assign(upstream=named.str.split("、")).explode("upstream")
    links = links[links["upstream"].fillna("") != ""]
    chain = links["chain"].astype(str)
    sides = [(chain + "/" + links[name].astype(str).str.strip()).map(place) for name in ("upstream", "node")]
    there = sides[0].notna() & sides[1].notna()
    supplies[sides[0][there].astype(int), sides[1][there].astype(int)] = True
    np.fill_diagonal(supplies, val=False)
    return supplies


@structure("node_weight")
def node_weight(view: View, levels: Levels, level: str) -> Structure:
    """节点比重: the node's output in its chain's."""
    nodes = _nodes(view, levels)
    return Structure(nodes.weight, np.isfinite(view.take(_OUTPUT)), within=nodes.chain)


def _count(view: View, levels: Levels, level: str, mark: str) -> Structure:
    """Marked nodes of each chain, or of the town."""
    nodes = _nodes(view, levels)
    marked = {"single": nodes.single, "weak": nodes.single | nodes.falling, "key": nodes.key}[mark]
    into = nodes.chain if level == "chain" else np.zeros(len(nodes.chain), dtype=np.intp)
    counts = np.zeros((len(levels[level].entities), view.q))
    np.add.at(counts, into, marked.astype(np.float64))
    return Structure(counts, np.isfinite(view.take(_OUTPUT)))


@structure("single_group_nodes")
def single_group_nodes(view: View, levels: Levels, level: str) -> Structure:
    """独家节点数: nodes on which one group alone has output."""
    return _count(view, levels, level, "single")


@structure("weak_nodes")
def weak_nodes(view: View, levels: Levels, level: str) -> Structure:
    """薄弱节点数: nodes held by one group, or falling."""
    return _count(view, levels, level, "weak")


@structure("key_nodes")
def key_nodes(view: View, levels: Levels, level: str) -> Structure:
    """关键节点数: nodes heavy in their chain, or suppliers of several nodes."""
    return _count(view, levels, level, "key")


@structure("supplier_exposure")
def supplier_exposure(view: View, levels: Levels, level: str) -> Structure:
    """供应商对龙头敞口: of the output of the nodes a node supplies, the part that is their largest groups'.

    Of a chain: the mean over its supplying nodes, weighed by their output. Without anyone downstream there is none.
    """
    nodes = _nodes(view, levels)
    size = np.maximum(nodes.output, 0.0)
    below = nodes.supplies.astype(np.float64)
    downstream, led = below @ size, below @ (size * np.nan_to_num(nodes.lead))
    exposure = np.divide(led, downstream, out=np.full_like(led, np.nan), where=downstream > 0)
    has = np.isfinite(view.take(_OUTPUT))
    if level == "node":
        return Structure(exposure, has, within=nodes.chain)
    supplier = np.isfinite(exposure)
    top, bottom = (np.zeros((len(levels["chain"].entities), view.q)) for _ in range(2))
    np.add.at(top, nodes.chain, np.where(supplier, np.nan_to_num(exposure) * size, 0.0))
    np.add.at(bottom, nodes.chain, np.where(supplier, size, 0.0))
    return Structure(np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom > 0), has)


def node_table(panel: Panel, period: Period) -> pd.DataFrame:
    """Every node of one month with why it is key or weak; for the statistical channel.

    Returns:
        :data:`NODE_COLUMNS`, by chain and node; figures are NaN where no return is here, a weight also where fewer of
        the chain's or the node's returns are here than ``node_weight`` needs.
    """
    view = View(panel, [period])
    if not view.n:
        return pd.DataFrame(columns=NODE_COLUMNS)
    levels, rules = Levels(panel.firms), structure_rules()
    nodes, least = _nodes(view, levels), indicators().indicator("node_weight").min_coverage
    told = np.minimum(_told(view, nodes.grouping), _told(view, levels["chain"])[nodes.chain])
    frame = pd.DataFrame([entity.split("/", 1) for entity in nodes.grouping.entities], columns=["chain", "node"])
    frame = frame.assign(
        weight=np.where(told >= least, nodes.weight, np.nan)[:, 0], groups=nodes.groups[:, 0], lead=nodes.lead[:, 0],
        growth=nodes.growth[:, 0],
        feeds=nodes.supplies.sum(axis=1),
    )  # fmt: skip
    heavy, feeds = frame["weight"] >= rules.key_weight, frame["feeds"] >= rules.feeds_nodes
    frame["key"] = _reasons({f"占本链产值 {rules.key_weight:.0%} 以上": heavy, "供应多个下游节点": feeds})
    single, falling = pd.Series(nodes.single[:, 0]), pd.Series(nodes.falling[:, 0])
    frame["weak"] = _reasons({"仅一家企业（集团）": single, f"累计下降超过 {-rules.falling:.0%}": falling})
    known = panel.chains[["chain", "node", "chain_name", "node_name"]].drop_duplicates(["chain", "node"])
    found = frame[nodes.real].merge(known, on=["chain", "node"], how="left", validate="m:1")
    return found.sort_values(["chain", "node"], ignore_index=True)[NODE_COLUMNS]


def _told(view: View, grouping: Grouping) -> Floats:
    """Share of the firms that owe or sent a return whose output is here, (k, q)."""
    here = np.isfinite(view.take(_OUTPUT))
    wanted = grouping.count(view.expected(_FORM) | here)
    return np.asarray(grouping.count(here) / np.maximum(wanted, 1), dtype=np.float64)


def _reasons(marks: dict[str, pd.Series]) -> pd.Series:
    """The words whose mark stands, joined."""
    parts = [mark.map({True: words + "、", False: ""}) for words, mark in marks.items()]
    found: pd.Series = sum(parts[1:], start=parts[0]).str.rstrip("、")
    return found
