"""All indicators of a panel for the months asked, as one long frame.

Rows: every firm in scope of a per-firm form (or that sent one), firms with a line for customs and bonded, every
node, chain and industry that has firms, the town, modes, markets and chapters with trade, classes and products with
output, every reference series with a point, every place with published trade, and ``target.<id>`` rows. Order:
catalogue order, source, level, period, entity; then parts of trade, classes and products, the climate, reference,
published trade, targets. Nothing depends on the order of the inputs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from qxmonitor.calendar import DatumState
from qxmonitor.catalog.indicators import Indicator, indicators
from qxmonitor.indicators.climate import READY, climate_rows
from qxmonitor.indicators.detail import detail_rows
from qxmonitor.indicators.engine import Engine, Figures
from qxmonitor.indicators.levels import PARTS
from qxmonitor.indicators.lines import part_rows
from qxmonitor.indicators.published import published_rows
from qxmonitor.indicators.reference import reference_rows
from qxmonitor.indicators.targets import target_rows
from qxmonitor.indicators.view import View
from qxmonitor.packed import FIGURE_COLUMNS, NOT_SHOWN, Packed
from qxmonitor.panel import Panel
from qxmonitor.period import Period

COLUMNS = [
    "period", "indicator", "entity_kind", "entity", "source", "value", "state", "coverage", "groups", "top2",
    "hidden_groups",
]  # fmt: skip
"""Columns of the frame; value in the catalogue's unit, state a word of the five, groups and hidden_groups counts."""

LEVELS = ("firm", *PARTS)
"""Levels whose figures are made of firms; those of the others come as ready rows."""

FINE = frozenset({"firm", "node", "industry"})
"""Those that readers without firm-level rights never see (decision 31)."""

_CONSTANT = frozenset({"indicator", "source", "entity_kind"})
_NUMBERS: dict[str, Any] = {
    "value": np.float64, "coverage": np.float64, "top2": np.float64, "groups": np.int64, "hidden_groups": np.int64,
}  # fmt: skip


def compute(panel: Panel, periods: Sequence[Period], *, fine: Sequence[Period] | None = None) -> pd.DataFrame:
    """Compute every catalogue entry; arguments and errors as of :func:`computed`.

    Returns:
        :data:`COLUMNS`, one row per indicator × entity × source × period.
    """
    return computed(panel, periods, fine=fine).frame()


def made_of_firms(panel: Panel, periods: Sequence[Period], ids: Collection[str]) -> pd.DataFrame:
    """Some catalogue entries at the levels made of firms; rows and errors as of :func:`compute`.

    Args:
        panel: what is known.
        periods: the months asked.
        ids: of the entries.
    """
    view = View(panel, periods)
    engine = Engine(view)
    entries = [entry for entry in indicators().indicators if entry.id in ids]
    blocks = list(_blocks(entries, engine, engine)) if view.n else []
    return Computed(view.periods, blocks, pd.DataFrame(columns=COLUMNS)).frame()


def computed(
    panel: Panel, periods: Sequence[Period], *, look_back: int | None = None, fine: Sequence[Period] | None = None
) -> Computed:
    """Compute every catalogue entry, left as arrays.

    Args:
        panel: what is known; twelve months before the first asked one serve growth of trade and trailing years.
        periods: the months asked, in any order.
        look_back: months that an index of a month stands on, itself included; default all of the panel's.
        fine: months for which levels finer than the chain (:data:`FINE`) are wanted as well; default all asked.

    Raises:
        QxError: a month asked lies outside the panel.
    """
    view = View(panel, periods)
    blocks: list[Block] = []
    ready: list[pd.DataFrame] = []
    if view.n:
        engine = Engine(view)
        blocks += _blocks(indicators().indicators, engine, engine if fine is None else engine.at(fine))
        ready.append(part_rows(view))
        ready.append(detail_rows(view))
        ready.append(climate_rows(engine, look_back=look_back))
    ready.append(_reference(view))
    ready.append(published_rows(view))
    if view.n:
        ready.append(target_rows(engine))
    return Computed(view.periods, blocks, pd.concat(ready, ignore_index=True)[COLUMNS])


@dataclass(frozen=True)
class Block:
    """One indicator × source × level: figures of k entities × q months."""

    indicator: str
    source: str
    level: str
    entities: tuple[str, ...]
    periods: tuple[Period, ...]
    figures: Figures


def _blocks(entries: Sequence[Indicator], engine: Engine, fine: Engine) -> Iterator[Block]:
    """Blocks of entries: chains and the town by one engine, finer levels by the other."""
    for entry in entries:
        for use in entry.sources:
            for level in use.levels:
                if level in LEVELS and entry.id not in READY:
                    by = fine if level in FINE else engine
                    figures = by.figures(entry, use, level)
                    yield Block(entry.id, use.source, level, by.entities(level), by.view.periods, figures)
        engine.forget()
        fine.forget()


@dataclass(frozen=True)
class Computed:
    """All figures of q months.

    Attributes:
        periods: the q months, in order.
        blocks: figures made of firms, in catalogue order.
        ready: rows of the levels that come as rows, :data:`COLUMNS`.
    """

    periods: tuple[Period, ...]
    blocks: list[Block]
    ready: pd.DataFrame

    def frame(self) -> pd.DataFrame:
        """All figures as one long frame, :data:`COLUMNS`; strings are made of codes once, at the end."""
        arrays: dict[str, list[Any]] = {name: [] for name in COLUMNS}
        words: dict[str, dict[str, int]] = {"entity": {}, "state": {}, "period": {}}
        words["state"] = {state.word: int(state) for state in DatumState}
        words["period"] = {str(period): place for place, period in enumerate(self.periods)}
        codes: dict[str, Any] = {}
        for block in self.blocks:
            figures, level = block.figures, block.level
            flat = np.flatnonzero(figures.shown.T)
            period, entity = np.divmod(flat, len(block.entities))
            months = np.array([words["period"][str(asked)] for asked in block.periods], dtype=np.int32)
            for name, word in (("indicator", block.indicator), ("source", block.source), ("entity_kind", level)):
                arrays[name].append(pa.repeat(pa.scalar(word, pa.large_string()), len(flat)))
            if level not in codes:
                codes[level] = _numbers(words["entity"], block.entities)
            arrays["entity"].append(codes[level][entity])
            arrays["period"].append(months[period])
            everything = len(flat) == figures.shown.size
            for name in FIGURE_COLUMNS:
                cells = getattr(figures, name).T.ravel()
                arrays[name].append(cells if everything else cells[flat])
        for name in COLUMNS:
            column = self.ready[name]
            if name in _CONSTANT:
                arrays[name].append(pa.array(column.tolist(), pa.large_string()))
            elif name in words:
                arrays[name].append(_numbers(words[name], column))
            else:
                arrays[name].append(column.to_numpy(dtype=_NUMBERS[name]))
        columns: dict[str, Any] = {}
        for name in COLUMNS:
            if name in _CONSTANT:
                columns[name] = pd.array(pa.chunked_array(arrays[name], pa.large_string()), dtype="str")
                continue
            whole = np.concatenate(arrays[name])
            if name in words:
                columns[name] = pd.array(list(words[name]), dtype="str").take(whole)
            else:
                columns[name] = whole.astype(_NUMBERS[name], copy=False)
        return pd.DataFrame(columns, copy=False)

    def packed(self, period: Period) -> Packed:
        """The figures of one of the months as they are stored.

        Raises:
            ValueError: it is not one of them.
        """
        if period not in self.periods:
            raise ValueError(f"{period} was not asked")
        packed = Packed()
        for block in (block for block in self.blocks if period in block.periods):
            at = block.periods.index(period)
            shown = block.figures.shown[:, at]
            if shown.any():
                figures = {name: getattr(block.figures, name)[:, at] for name in FIGURE_COLUMNS}
                figures["state"] = np.where(shown, figures["state"].astype(np.int16), NOT_SHOWN)
                packed.add(block.indicator, block.level, block.source, block.entities, figures)
        packed.add_rows(self.ready[self.ready["period"] == str(period)])
        return packed


def _numbers(known: dict[str, int], words: Iterable[str]) -> npt.NDArray[np.int32]:
    """The code of each word; new words get the next ones."""
    return np.array([known.setdefault(word, len(known)) for word in words], dtype=np.int32)


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
