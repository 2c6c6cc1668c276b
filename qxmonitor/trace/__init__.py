"""From a figure back to the cells it stands on: file, sheet, cell, and the value as loaded.

The formula itself is run on a view that writes down what it takes, so a trace cannot drift from the arithmetic; the
rows come from the same as-of read as the figure. What is made of other figures answers with their names, which trace
in turn, and with the catalogue's settings it was made by (decision 43).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from qxmonitor.trace import made  # noqa: F401  (it registers its figures)
from qxmonitor.trace.tracer import Tracer, name_of
from qxmonitor.warehouse import Warehouse

__all__ = ["Tracer", "name_of", "trace"]


def trace(wh: Warehouse, figure: str, *, known_at: datetime | None = None) -> list[dict[str, Any]]:
    """What stands behind a figure.

    Args:
        wh: an open warehouse.
        figure: ``INDICATOR:ENTITY_KIND:ENTITY:PERIOD[:SOURCE]``, such as ``output_m:town:town:2026-10``; see
            :class:`Tracer` for the others.
        known_at: as known then.

    Returns:
        ``places.COLUMNS``, a row a cell, setting or figure, by what, entity, period and field; ``read_by`` has the
        decisions on a unit or heading by which the file was read, '' for as it stands.

    Raises:
        QxError: the figure is not written so, or is unknown.
    """
    return Tracer(wh, known_at).rows(figure)
