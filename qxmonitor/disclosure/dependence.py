"""Nodes of a chain that depend on imports, for whoever may see single firms' customs figures; nobody else has a line.

A node's import dependence is judged from customs alone (decision 31), so it stands apart from the weak nodes that
returns tell of: a table of both would carry the stricter of two channels to each reader and reach nobody.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from qxmonitor.catalog.structure import structure_rules
from qxmonitor.disclosure.cleared import Cleared
from qxmonitor.disclosure.gate import Gate
from qxmonitor.disclosure.values import Figures
from qxmonitor.period import Period

SHARE, IMPORTS = "import_dependence", "import_rmb_ytd"
FIGURES = (SHARE, IMPORTS)
"""The indicators of a node that the list is made of."""
_KIND, _SOURCE = "node", "customs"
_YI, _PER_CENT = 1e-8, 100.0


@dataclass(frozen=True)
class DependentNode:
    """One node: imports in its imports and exports since January, and the imports."""

    name: Cleared
    share: Cleared
    imports: Cleared


@dataclass(frozen=True)
class DependentNodes:
    """The nodes above the mark, the most dependent first, and the marks themselves."""

    nodes: tuple[DependentNode, ...]
    mark: Cleared
    least: Cleared


def dependent_nodes(gate: Gate, frame: pd.DataFrame, period: Period) -> DependentNodes | None:
    """The nodes that depend on imports; None where the reader may see none, or there are none.

    Args:
        gate: the reader's.
        frame: an indicator frame with :data:`FIGURES` of nodes; whatever else is in it does not matter.
        period: the month.
    """
    mine = frame["indicator"].isin(FIGURES) & (frame["entity_kind"] == _KIND) & (frame["source"] == _SOURCE)
    mine &= frame["period"].astype(str) == str(period)
    if not gate.may(_SOURCE, "firm") or not mine.any():
        return None
    figures, rules = gate.clear(frame[mine]), structure_rules()
    found = [node for entity in figures.entities(_KIND) if (node := _node(gate, figures, entity, period)) is not None]
    if not found:
        return None
    found.sort(key=lambda node: (-(node.share.number or 0.0), -(node.imports.number or 0.0), node.name.text))
    return DependentNodes(
        tuple(found),
        gate.number(rules.import_dependent * _PER_CENT, 0, "%", "office", "structure.yml|import_dependent"),
        gate.number(rules.import_least_yuan * _YI, 2, "亿元", "office", "structure.yml|import_least_yuan"),
    )


def _node(gate: Gate, figures: Figures, entity: str, period: Period) -> DependentNode | None:
    if not gate.labelled(entity):  # firms without a node, or of one that the chain map does not know
        return None
    share, imports = (figures.get(key, period, _KIND, entity, _SOURCE) for key in FIGURES)
    rules = structure_rules()
    if share.number is None or imports.number is None:
        return None
    if share.number < rules.import_dependent * _PER_CENT or imports.number < rules.import_least_yuan * _YI:
        return None
    return DependentNode(gate.entity(_KIND, entity), share, imports)
