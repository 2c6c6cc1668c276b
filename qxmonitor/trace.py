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
from qxmonitor.feeds.rulings import rulings_of
from qxmonitor.indicators.formula import FORMULAS, STRUCTURES
from qxmonitor.indicators.levels import PARTS, Levels, members
from qxmonitor.indicators.lines import KEYS
from qxmonitor.indicators.view import Floats, View
from qxmonitor.panel import Panel
from qxmonitor.period import Period
from qxmonitor.period import months as months_between
from qxmonitor.scene import HISTORY
from qxmonitor.warehouse import Warehouse, cells, sql
from qxmonitor.warehouse.panel import read_panel

Row = dict[str, Any]

_STOCK = {"usd": "usd", "overdue_usd": "usd", "aged": "in_on", "weight": "usd"}
"""Measure of the stock → what stands in the ledger."""

_FLOWS = {"import": ("I",), "export": ("E",), "trade": ("I", "E"), "in": ("I",), "out": ("E",), "tickets": ("I", "E")}


def trace(wh: Warehouse, figure: str, *, known_at: datetime | None = None) -> list[Row]:
    """The cells behind a figure.

    Args:
        wh: an open warehouse.
        figure: ``INDICATOR:ENTITY_KIND:ENTITY:PERIOD[:SOURCE]``, such as ``output_m:town:town:2026-10``.
        known_at: as known then.

    Returns:
        One row a cell: figure, entity, period, field, file, sheet, row, cell, value, by entity, period and field; and
        ``read_by``, the decisions on a unit or heading by which the file was read, '' for as it stands.

    Raises:
        QxError: the figure is not written so, is unknown, counts returns, or comes from the register or a reference
            series, whose figures are counts or the printed values themselves.
    """
    indicator, kind, entity, period, source = _parse(figure)
    panel = read_panel(wh, period, months=HISTORY, known_at=known_at)
    view = _Recording(panel, [period])
    if indicator in FORMULAS:
        FORMULAS[indicator](view, source)
    elif indicator in STRUCTURES:
        STRUCTURES[indicator](view, Levels(panel.firms), kind)
    else:  # a part of trade
        view.note(f"customs.{indicator.partition('_')[0]}_rmb")
        view.note(f"customs.{indicator.partition('_')[0]}_rmb", shift=12)
    if indicator.removeprefix("upgrade_").startswith("investment_"):
        measures = ("ytd", "ytd_ly") if "_growth_" in indicator else ("ytd",)
        view.months_taken = {("projects", measure): {period} for measure in measures}
    if not view.months_taken:
        raise QxError(f"这个指标是计数，不能追溯到报表单元格：{figure[:80]}")
    behind = _behind(panel, kind, entity)
    contents = wh.frame(sql.query("file_cells")).set_index("file_id")
    only = {KEYS[kind]: entity} if kind in KEYS else {"tech_upgrade": True} if indicator.startswith("upgrade_") else {}
    found = [
        _cells(cells.facts(wh, table, taken, known_at), measure, taken, behind, contents, only)
        for (name, measure), taken in view.months_taken.items()
        for table in cells.TABLES[name]
    ]
    table = pd.concat(found).sort_values(["entity", "period", "field", "file", "sheet", "row"]).assign(figure=figure)
    table = table.drop_duplicates(["entity", "period", "field", "file", "sheet", "row"])
    columns = ["figure", "entity", "period", "field", "file", "sheet", "row", "cell", "value", "read_by"]
    return [{str(key): value for key, value in row.items()} for row in table[columns].to_dict("records")]


def _behind(panel: Panel, kind: str, entity: str) -> pd.Index[str] | None:
    """The firms behind an entity; None: everybody, and whoever is no firm of the panel."""
    if kind == "firm":
        return panel.firms.index[panel.firms.index == entity]
    if kind in PARTS and kind != "town":
        return panel.firms.index[members(panel.firms, kind, entity)]
    return None if kind == "town" else panel.firms.index


class _Recording(View):
    """A view that writes down the months of every measure a formula takes."""

    def __init__(self, panel: Panel, periods: Sequence[Period]) -> None:
        super().__init__(panel, periods)
        self.months_taken: dict[tuple[str, str], set[Period]] = {}
        """Source and measure → months."""

    def note(self, name: str, shift: int = 0) -> None:
        for column in (self.columns - shift)[self.columns - shift >= 0]:
            self._take(name, self.panel.months[column], summed=True)

    def _pick(self, name: str, values: Floats | None, columns: npt.NDArray[np.intp]) -> Floats:
        for column in columns[columns >= 0]:
            summed = name.startswith("ytd:")
            self._take(name.removeprefix("ytd:"), self.panel.months[column], summed=summed)
        return super()._pick(name, values, columns)

    def _take(self, name: str, month: Period, *, summed: bool) -> None:
        taken = months_between(Period(f"{month.year}-01"), month) if summed else (month,)
        source, _, measure = name.partition(".")
        self.months_taken.setdefault((source, measure), set()).update(taken)


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
    if not uses or uses[0] in ("register", "reference"):
        raise QxError(f"这个指标不能追溯到报表单元格：{figure[:80]}")
    return indicator, kind, entity, period, uses[0]


def _cells(
    facts: pd.DataFrame, measure: str, taken: set[Period], firms: pd.Index[str] | None, contents: pd.DataFrame,
    only: Mapping[str, object],
) -> pd.DataFrame:  # fmt: skip
    """The cells of one measure in one table, none when the table does not hold it.

    Args:
        facts: rows with entity, period, file_id, sheet and row.
        measure: of the panel.
        taken: the months.
        firms: those behind the figure; None is all.
        contents: files' paths and cells.
        only: what else must stand in a line: mode, partner, chapter or mark.
    """
    facts = facts[facts["period"].isin(list(taken))]
    facts = facts if firms is None else facts[facts["entity"].isin(firms)]
    for column, value in only.items():
        facts = facts[(facts["hs"].str[:2] if column == "chapter" else facts[column]) == value]
    if "limit_on" in facts:
        column = _STOCK[measure]
    elif "flow" in facts:
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
        cells.cell(places[file_id], str(sheet), int(row), column)
        for file_id, sheet, row in zip(facts["file_id"], facts["sheet"], facts["row"], strict=True)
    ]
    read_by = {key: "；".join(r.note for r in rulings_of(words)) for key, words in contents["reading"].items()}
    return facts.assign(
        field=column, value=facts[column], cell=where, file=facts["file_id"].map(contents["file"]),
        read_by=facts["file_id"].map(read_by),
    )[["entity", "period", "field", "file", "sheet", "row", "cell", "value", "read_by"]]  # fmt: skip
