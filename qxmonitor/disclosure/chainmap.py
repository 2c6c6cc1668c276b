"""The chain map as one reader may see it: nodes with their state, links from upstream to downstream, all cleared.

Which nodes there are and who supplies whom is the register's own information. How a node fares, its weight and whether
one group holds it alone are figures of returns below the chain: they go to firm-level rights, and every other reader
sees the node grey (decision 31).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from qxmonitor.catalog.briefing import ChainMapForm
from qxmonitor.catalog.structure import structure_rules
from qxmonitor.disclosure.cleared import Cleared
from qxmonitor.disclosure.gate import Gate
from qxmonitor.disclosure.values import Figures, number
from qxmonitor.period import Period

_SOURCE, _GROWTH = "returns", "output_growth_ytd"


@dataclass(frozen=True)
class MapNode:
    """One node; ``state`` is a key of the form's states, ``said`` its name with the mark.

    Attributes:
        key: why it is a key node, in words; empty for others or where that may not be told.
        weak: likewise; single: it is one group's alone.
        column: its layer from upstream, row: its place in the layer.
    """

    name: Cleared
    state: str
    said: Cleared
    growth: Cleared
    key: tuple[Cleared, ...]
    weak: tuple[Cleared, ...]
    single: bool
    column: int
    row: int


@dataclass(frozen=True)
class MapChain:
    """One chain: its growth, its nodes, and links as places among the nodes (upstream, downstream)."""

    name: Cleared
    growth: Cleared
    nodes: tuple[MapNode, ...]
    links: tuple[tuple[int, int], ...]


def chain_maps(
    gate: Gate, form: ChainMapForm, figures: Figures, chains: pd.DataFrame, nodes: pd.DataFrame | None, period: Period
) -> tuple[MapChain, ...]:
    """The chains of the map in the order of their ids; none where there is no map.

    Args:
        gate: the reader's; it must know the chains' and nodes' names.
        form: words.
        figures: cleared for the reader.
        chains: the chain map: chain, node, upstream (codes joined by 、).
        nodes: as ``indicators.chains.node_table`` gives them, for firm-level rights; None else.
        period: the month.
    """
    if chains.empty or not {"node", "upstream"} <= set(chains.columns):
        return ()
    if nodes is not None and not gate.may(_SOURCE, "firm"):
        nodes = None
    table = {} if nodes is None else {(str(r["chain"]), str(r["node"])): r for r in nodes.to_dict("records")}
    found = []
    for chain, mine in chains.groupby(chains["chain"].astype(str), sort=True):
        codes = sorted(mine["node"].astype(str).unique())
        links = _links(mine, codes)
        columns = layers(len(codes), links)
        rows = _rows(columns, links)
        drawn = [
            _node(gate, form, figures, str(chain), code, table.get((str(chain), code)), period,
                  int((links[:, 0] == at).sum()), (int(columns[at]), int(rows[at])))
            for at, code in enumerate(codes)
        ]  # fmt: skip
        growth = figures.get(_GROWTH, period, "chain", str(chain), _SOURCE)
        pairs = tuple((int(a), int(b)) for a, b in links.tolist())
        found.append(MapChain(gate.entity("chain", str(chain)), growth, tuple(drawn), pairs))
    return tuple(found)


def _links(mine: pd.DataFrame, codes: list[str]) -> npt.NDArray[np.int64]:
    """(links, 2): places of the upstream and the downstream node; those to nodes not on the map are left out."""
    split = mine.assign(upstream=mine["upstream"].fillna("").astype(str).str.split("、")).explode("upstream")
    place = {code: at for at, code in enumerate(codes)}
    ends = pd.DataFrame({"a": split["upstream"].str.strip().map(place), "b": split["node"].astype(str).map(place)})
    ends = ends.dropna().astype(int).drop_duplicates().sort_values(["a", "b"])
    return ends[ends["a"] != ends["b"]].to_numpy(dtype=np.int64).reshape(-1, 2)


def layers(count: int, links: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Longest way from upstream for each of ``count`` nodes; links of a circle are followed ``count`` times at most.

    >>> layers(4, np.array([[0, 1], [1, 2], [0, 2]])).tolist()
    [0, 1, 2, 0]
    """
    column = np.zeros(count, dtype=np.int64)
    for _ in range(count):
        before = column.copy()
        np.maximum.at(column, links[:, 1], before[links[:, 0]] + 1)
        if (column == before).all():
            break
    column = np.minimum(column, count - 1)
    _, dense = np.unique(column, return_inverse=True)
    return dense.astype(np.int64)


def _rows(columns: npt.NDArray[np.int64], links: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Places within each layer, beside the middle of those upstream, so that few links cross."""
    rows = np.zeros(len(columns), dtype=np.int64)
    for column in range(int(columns.max(initial=0)) + 1):
        here = np.flatnonzero(columns == column)
        above = [rows[links[links[:, 1] == at, 0]] for at in here]
        middle = np.array([found.mean() if len(found) else np.inf for found in above])
        rows[here[np.argsort(middle, kind="stable")]] = np.arange(len(here))
    return rows


def _node(
    gate: Gate, form: ChainMapForm, figures: Figures, chain: str, code: str, row: dict[object, object] | None,
    period: Period, feeds: int, at: tuple[int, int],
) -> MapNode:  # fmt: skip
    rules, entity = structure_rules(), f"{chain}/{code}"
    growth = figures.get(_GROWTH, period, "node", entity, _SOURCE)
    state = _state(growth, rules.falling * 100.0)
    key, weak, single = [], [], False
    if feeds >= rules.feeds_nodes:
        key.append(gate.label(form, "marks", "feeds"))
    if row is not None:
        weight, single = float(str(row["weight"])), int(str(row["groups"])) == 1
        if weight >= rules.key_weight:
            ref = f"{period}|node_weight|node|{entity}|{_SOURCE}"
            key += [gate.label(form, "marks", "heavy"), number(weight * 100, 0, "%", gate.reader, _SOURCE, ref)]
        reasons = {"single_why": single, "falling_why": state == "falling"}
        weak = [gate.label(form, "marks", name) for name, there in reasons.items() if there]
    return MapNode(
        gate.entity("node", entity), state, gate.label(form, "states", state), growth, tuple(key), tuple(weak), single,
        *at,
    )  # fmt: skip


def _state(growth: Cleared, falling: float) -> str:
    if growth.number is None:
        return "withheld" if growth.state == "withheld" else "falling" if growth.state == "zero" else "none"
    if growth.number == 0:
        return "flat"
    return "up" if growth.number > 0 else "falling" if growth.number < falling else "down"
