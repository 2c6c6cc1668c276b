"""Pure functions from a :class:`~qxmonitor.panel.Panel` to figures; no database, no reader, no rendering."""

from qxmonitor.indicators.compute import COLUMNS, compute
from qxmonitor.indicators.revisions import revisions
from qxmonitor.indicators.targets import progress

__all__ = ["COLUMNS", "compute", "progress", "revisions"]
