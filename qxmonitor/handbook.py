"""The method handbook written from the catalogue, with examples of the newest month that was run."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from qxmonitor.catalog.readers import DESK
from qxmonitor.catalog.release import release_calendar
from qxmonitor.delivery import handbook as made
from qxmonitor.delivery.files import write_private
from qxmonitor.disclosure import Gate
from qxmonitor.disclosure.worked import Examples
from qxmonitor.period import SHANGHAI, Period
from qxmonitor.scene import Scene
from qxmonitor.warehouse import Warehouse, store

_NO_DATE = datetime(2020, 1, 1, tzinfo=SHANGHAI)
"""The documents' time when there is no month to take it from, so that they have the same bytes."""

_READER, _PURPOSE = DESK, "statistics"


def write(
    wh: Warehouse, out: Path, period: Period | None = None, *, known_at: datetime | None = None
) -> list[dict[str, Any]]:
    """Write ``指标手册.html`` and ``指标手册.docx``.

    Args:
        wh: an open warehouse.
        out: a folder; made when missing.
        period: the month of the examples; by default the newest that was run, none in an empty warehouse.
        known_at: as known then.

    Returns:
        path, period (None without examples) and how many indicators, a row a file.

    Raises:
        QxError: nothing is known of the month asked for.
    """
    month = period or max((Period(text) for text in store.periods_run(wh, known_at=known_at)), default=None)
    if month is None:
        empty = pd.DataFrame({"name": []})
        grants = pd.DataFrame(columns=["subject", "items", "readers", "since", "until"])
        gate = Gate(_READER, _PURPOSE, authorisations=grants, simulated=False, firms=empty)
        view, date = made.build(gate, {}), _NO_DATE
    else:
        scene = Scene(wh, month, known_at)
        gate = scene.gate(_READER, _PURPOSE)
        worked = Examples(gate, scene.pattern, scene.panel, scene.figures[scene.figures["entity_kind"] != "firm"])
        view, date = made.build(gate, worked.all()), release_calendar().released_at(month)
    files = {
        "html": made.handbook_html(view, _READER).encode(),
        "docx": made.handbook_docx(view, _READER, date),
    }
    rows = []
    for suffix, content in files.items():
        path = out / f"指标手册.{suffix}"
        write_private(path, content)
        count = sum(len(chapter.pages) for chapter in view.chapters)
        rows.append({"path": str(path), "period": None if month is None else str(month), "indicators": count})
    return rows
