"""Pure functions from a :class:`~qxmonitor.panel.Panel` to figures; no database, no reader, no rendering."""

from qxmonitor.indicators.compute import COLUMNS, compute, computed, made_of_firms
from qxmonitor.indicators.contribute import contributions
from qxmonitor.indicators.decompose import decompose
from qxmonitor.indicators.revisions import revisions
from qxmonitor.indicators.targets import needs, progress

__all__ = [
    "COLUMNS", "compute", "computed", "contributions", "decompose", "made_of_firms", "needs", "progress", "revisions",
]  # fmt: skip
