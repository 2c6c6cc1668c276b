"""All indicators of a panel for the months asked, as one long frame.

Rows: every firm in scope of a per-firm form (or that sent one), firms with a line for customs and bonded, every
node, chain and industry that has firms, the town, modes, markets and chapters with trade, every reference series with a
point, and ``target.<id>`` rows. Order: catalogue order, source, level, period, entity; then parts of trade, the
climate, reference, targets. Nothing depends on the order of the inputs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from qxmonitor.calendar import DatumState
from qxmonitor.catalog.indicators import indicators
from qxmonitor.indicators.climate import READY, climate_rows
from qxmonitor.indicators.engine import Engine, Figures
from qxmonitor.indicators.levels import PARTS
from qxmonitor.indicators.lines import part_rows
from qxmonitor.indicators.reference import reference_rows
from qxmonitor.indicators.targets import target_rows
from qxmonitor.indicators.view import View
from qxmonitor.panel import Panel
from qxmonitor.period import Period

COLUMNS = [
    "period", "indicator", "entity_kind", "entity", "source", "value", "state", "coverage", "groups", "top2",
    "hidden_groups",
]  # fmt: skip
"""Columns of the frame; value in the catalogue's unit, state a word of the five, groups and hidden_groups counts."""

LEVELS = ("firm", *PARTS)
"""Levels whose figures are made of firms; those of the others come as ready rows."""

_WORDS = [state.word for state in DatumState]
_CONSTANT = frozenset({"indicator", "source", "entity_kind"})
_CODED = frozenset({"period", "entity", "state"})
_NUMBERS: dict[str, Any] = {
    "value": np.float64, "coverage": np.float64, "top2": np.float64, "groups": np.int64, "hidden_groups": np.int64,
}  # fmt: skip


def compute(panel: Panel, periods: Sequence[Period]) -> pd.DataFrame:
    """Compute every catalogue entry.

    Args:
        panel: what is known; twelve months before the first asked one serve growth of trade and trailing years.
        periods: the months asked, in any order.

    Returns:
        :data:`COLUMNS`, one row per indicator × entity × source × period.

    Raises:
        QxError: a month asked lies outside the panel.
    """
    view = View(panel, periods)
    blocks = _Blocks(view)
    engine = Engine(view) if view.n else None
    for entry in indicators().indicators if engine else ():
        for use in entry.sources:
            for level in use.levels:
                if engine and level in LEVELS and entry.id not in READY:
                    blocks.add(entry.id, use.source, level, engine.entities(level), engine.figures(entry, use, level))
        if engine:
            engine.forget()
    if engine:
        blocks.add_rows(part_rows(view))
        blocks.add_rows(climate_rows(engine))
    blocks.add_rows(_reference(view))
    if engine:
        blocks.add_rows(target_rows(engine))
    return blocks.frame()


@dataclass
class _Blocks:
    """Gathers arrays per block and makes strings of codes once, at the end."""

    view: View
    arrays: dict[str, list[Any]] = field(default_factory=lambda: {name: [] for name in COLUMNS})
    entities: dict[str, int] = field(default_factory=dict)
    codes: dict[str, Any] = field(default_factory=dict)

    def add(self, indicator: str, source: str, level: str, entities: tuple[str, ...], figures: Figures) -> None:
        """One indicator × source × level: the shown cells, period by period."""
        flat = np.flatnonzero(figures.shown.T)
        period, entity = np.divmod(flat, len(entities))
        for name, word in (("indicator", indicator), ("source", source), ("entity_kind", level)):
            self.arrays[name].append(pa.repeat(pa.scalar(word, pa.large_string()), len(flat)))
        if level not in self.codes:
            self.codes[level] = np.array([self._code(name) for name in entities], dtype=np.int32)
        self.arrays["entity"].append(self.codes[level][entity])
        self.arrays["period"].append(period.astype(np.int32))
        everything = len(flat) == figures.shown.size
        for name in ("value", "state", "coverage", "groups", "top2", "hidden_groups"):
            cells = getattr(figures, name).T.ravel()
            self.arrays[name].append(cells if everything else cells[flat])

    def add_rows(self, rows: pd.DataFrame) -> None:
        """A few ready-made rows with all the frame's columns."""
        for name in COLUMNS:
            column = rows[name]
            if name in _CONSTANT:
                self.arrays[name].append(pa.array(column.tolist(), pa.large_string()))
                continue
            if name in _CODED:
                column = column.map({word: code for code, word in enumerate(self._words(name, column))})
            self.arrays[name].append(column.to_numpy(dtype=_NUMBERS.get(name, np.int32)))

    def frame(self) -> pd.DataFrame:
        columns: dict[str, Any] = {}
        for name in COLUMNS:
            if name in _CONSTANT:
                columns[name] = pd.array(pa.chunked_array(self.arrays[name], pa.large_string()), dtype="str")
                continue
            whole = np.concatenate(self.arrays[name])
            if name in _CODED:
                columns[name] = pd.array(self._words(name), dtype="str").take(whole)
            else:
                columns[name] = whole.astype(_NUMBERS[name], copy=False)
        return pd.DataFrame(columns, copy=False)

    def _words(self, name: str, more: Iterable[str] = ()) -> list[str]:
        """The vocabulary of a coded column, in code order; entities grow by those of ``more``."""
        if name == "entity":
            for word in more:
                self._code(word)
            return list(self.entities)
        return _WORDS if name == "state" else [str(period) for period in self.view.periods]

    def _code(self, word: str) -> int:
        return self.entities.setdefault(word, len(self.entities))


def _reference(view: View) -> pd.DataFrame:
    rows = reference_rows(view)
    known = rows["value"].notna()
    return pd.DataFrame(
        {
            "period": rows["period"], "indicator": rows["indicator"], "entity_kind": "reference",
            "entity": rows["entity"], "source": "reference", "value": rows["value"],
            "state": np.where(known, "value", "expected-absent"), "coverage": known.astype("float64"),
            "groups": 0, "top2": np.nan, "hidden_groups": 0,
        }
    )[COLUMNS]  # fmt: skip
