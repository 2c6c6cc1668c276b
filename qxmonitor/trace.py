"""From a figure back to the cells it stands on: file, sheet, cell, and the value as loaded.

The formula itself is run on a view that writes down what it takes, so a trace cannot drift from the arithmetic; the
rows come from the same as-of read as the figure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from qxmonitor.catalog.indicators import indicators
from qxmonitor.errors import QxError
from qxmonitor.indicators.formula import FORMULAS
from qxmonitor.indicators.levels import members
from qxmonitor.indicators.view import Floats, View
from qxmonitor.panel import Panel
from qxmonitor.period import Period
from qxmonitor.period import months as months_between
from qxmonitor.scene import HISTORY
from qxmonitor.warehouse import Warehouse, asof, sql
from qxmonitor.warehouse.panel import read_panel

Row = dict[str, Any]

_TABLES = {
    "returns": ("output_return", "finance_return"),
    "self_report": ("self_report",),
    "customs": ("trade_line",),
    "bonded": ("bonded_line",),
}
_FLOWS = {"import": ("I",), "export": ("E",), "trade": ("I", "E"), "in": ("I",), "out": ("E",), "tickets": ("I", "E")}


def trace(wh: Warehouse, figure: str, *, known_at: datetime | None = None) -> list[Row]:
    """The cells behind a figure.

    Args:
        wh: an open warehouse.
        figure: ``INDICATOR:ENTITY_KIND:ENTITY:PERIOD[:SOURCE]``, such as ``output_m:town:town:2026-10``.
        known_at: as known then.

    Returns:
        One row a cell: figure, entity, period, field, file, sheet, row, cell, value; by entity, period and field.

    Raises:
        QxError: the figure is not written so, is unknown, or comes from the register or a reference series, whose
            figures are counts or the printed values themselves.
    """
    indicator, kind, entity, period, source = _parse(figure)
    panel = read_panel(wh, period, months=HISTORY, known_at=known_at)
    view = _Recording(panel, [period])
    FORMULAS[indicator](view, source)
    behind = panel.firms.index == entity if kind == "firm" else members(panel.firms, kind, entity)
    firms = panel.firms.index[behind]
    contents = wh.frame(sql.query("file_cells")).set_index("file_id")
    found = [
        _cells(asof.read(wh, table, first=min(taken), last=max(taken), known_at=known_at), name, taken, firms, contents)
        for name, taken in view.months_taken.items()
        for table in _TABLES[source]
    ]
    cells = pd.concat(found).sort_values(["entity", "period", "field", "file", "sheet", "row"]).assign(figure=figure)
    columns = ["figure", "entity", "period", "field", "file", "sheet", "row", "cell", "value"]
    return [{str(key): value for key, value in row.items()} for row in cells[columns].to_dict("records")]


class _Recording(View):
    """A view that writes down the months of every measure a formula takes."""

    def __init__(self, panel: Panel, periods: Sequence[Period]) -> None:
        super().__init__(panel, periods)
        self.months_taken: dict[str, set[Period]] = {}
        """Measure without its source → months."""

    def _pick(self, name: str, values: Floats | None, columns: npt.NDArray[np.intp]) -> Floats:
        for column in columns[columns >= 0]:
            month = self.panel.months[column]
            summed = name.startswith("ytd:")
            taken = months_between(Period(f"{month.year}-01"), month) if summed else (month,)
            self.months_taken.setdefault(name.removeprefix("ytd:").partition(".")[2], set()).update(taken)
        return super()._pick(name, values, columns)


def _parse(figure: str) -> tuple[str, str, str, Period, str]:
    parts = figure.split(":")
    if len(parts) not in (4, 5):
        raise QxError(f"指标写法不对：{figure[:80]}，应如 output_m:town:town:2026-10")
    indicator, kind, entity, month = parts[:4]
    try:
        entry, period = indicators().indicator(indicator), Period(month)
    except (KeyError, ValueError):
        raise QxError(f"没有这个指标或月份：{figure[:80]}") from None
    wanted = parts[4] if len(parts) == 5 else None
    uses = [u.source for u in entry.sources if kind in u.levels and wanted in (None, u.source)]
    if not uses or uses[0] not in _TABLES:
        raise QxError(f"这个指标不能追溯到报表单元格：{figure[:80]}")
    return indicator, kind, entity, period, uses[0]


def _cells(
    facts: pd.DataFrame, measure: str, taken: set[Period], firms: pd.Index[str], contents: pd.DataFrame
) -> pd.DataFrame:
    """The cells of one measure in one table, none when the table does not hold it."""
    facts = facts[facts["entity"].isin(firms) & facts["period"].isin(list(taken))]
    if "flow" in facts:
        flow, _, unit = measure.partition("_")
        column = unit if unit in facts else "usd"
        facts = facts[facts["flow"].isin(_FLOWS[flow])]
        facts = facts[facts["living"]] if "living" in facts else facts
    else:
        column = measure
    if column not in facts:
        facts, column = facts.iloc[:0].assign(**{measure: 0.0}), measure
    facts = facts[facts[column].notna()]
    places = {key: json.loads(text) for key, text in contents["cells"].astype(str).items()}
    where = [
        _cell(places[file_id], str(sheet), int(row), column)
        for file_id, sheet, row in zip(facts["file_id"], facts["sheet"], facts["row"], strict=True)
    ]
    return facts.assign(
        field=column, value=facts[column], cell=where, file=facts["file_id"].map(contents["file"])
    )[["entity", "period", "field", "file", "sheet", "row", "cell", "value"]]  # fmt: skip


def _cell(cells: Mapping[str, str], sheet: str, row: int, column: str) -> str:
    """A cell as a person names it: ``D17``; of a form its own cell; of a message the line alone."""
    place = cells.get(f"{sheet}|{column}", "")
    return place if place[-1:].isdigit() else f"{place}{row}"
