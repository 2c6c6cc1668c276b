"""The figures of one month as they are stored: an array per indicator, level and source, in the order of its entities.

A month of a large town has hundreds of thousands of figures; as rows of text keys they would be mostly keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from qxmonitor.calendar import DatumState

FIGURE_COLUMNS = ("value", "state", "coverage", "groups", "top2", "hidden_groups")
"""Columns of a figure; state is the word of a :class:`~qxmonitor.calendar.DatumState` in frames, its code in arrays."""

NOT_SHOWN = -1
"""The state code of an entity that has no row at all."""

_TYPES = {
    "value": pa.float64(), "state": pa.int16(), "coverage": pa.float64(), "groups": pa.int32(), "top2": pa.float64(),
    "hidden_groups": pa.int32(),
}  # fmt: skip
_OWN = frozenset({"coverage", "groups", "top2"})
_CODES = {state.word: int(state) for state in DatumState}

Column = npt.NDArray[Any]


@dataclass
class Packed:
    """One month's figures, block by block; a block's arrays are as long as its list of entities.

    Attributes:
        lists: the distinct lists of entities.
        keys: per block, indicator, entity_kind, source and the number of its list.
        columns: per figure column, an array a block. Coverage, groups and top2 of a firm's own figure follow from
            its value (1, 1, 1 where there is one) and are None there.
    """

    lists: dict[tuple[str, ...], int] = field(default_factory=dict)
    keys: list[tuple[str, str, str, int]] = field(default_factory=list)
    columns: dict[str, list[Column | None]] = field(default_factory=lambda: {name: [] for name in FIGURE_COLUMNS})

    @classmethod
    def of(cls, rows: pd.DataFrame) -> Packed:
        """Pack the long rows of one month."""
        packed = cls()
        packed.add_rows(rows)
        return packed

    def add(self, indicator: str, kind: str, source: str, entities: Sequence[str], figures: dict[str, Column]) -> None:
        """Add a block.

        Args:
            indicator: its id.
            kind: the entity kind.
            source: the source.
            entities: the k ids.
            figures: :data:`FIGURE_COLUMNS` → (k,); ``state`` as codes, :data:`NOT_SHOWN` where there is no row.
        """
        number = self.lists.setdefault(tuple(entities), len(self.lists))
        self.keys.append((indicator, kind, source, number))
        for name in FIGURE_COLUMNS:
            self.columns[name].append(None if kind == "firm" and name in _OWN else figures[name])

    def add_rows(self, rows: pd.DataFrame) -> None:
        """Add long rows of one month: indicator, entity_kind, entity, source and :data:`FIGURE_COLUMNS`."""
        for key, block in rows.groupby(["indicator", "entity_kind", "source"], sort=False):
            indicator, kind, source = (str(word) for word in key)
            figures = {name: block[name].to_numpy() for name in FIGURE_COLUMNS if name != "state"}
            figures["state"] = block["state"].map(_CODES).to_numpy(dtype=np.int16)
            self.add(indicator, kind, source, block["entity"].tolist(), figures)

    def table(self) -> pa.Table:
        """Blocks as Arrow: indicator, entity_kind, source, list, and a list column per figure column."""
        keys: dict[str, Any] = {
            name: pa.array([key[place] for key in self.keys], pa.int32() if name == "list" else pa.string())
            for place, name in enumerate(("indicator", "entity_kind", "source", "list"))
        }
        return pa.table(keys | {name: _nested(self.columns[name], _TYPES[name]) for name in FIGURE_COLUMNS})


def _nested(arrays: Sequence[Column | None], kind: pa.DataType) -> pa.ListArray:
    """Arrays end to end as one list array; None is a null."""
    there = [array for array in arrays if array is not None]
    offsets = np.concatenate([[0], np.cumsum([0 if array is None else len(array) for array in arrays])])
    whole = np.concatenate(there) if there else np.empty(0)
    missing = pa.array([array is None for array in arrays], pa.bool_())
    values = pa.array(whole.astype(kind.to_pandas_dtype(), copy=False), kind)
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values, mask=missing)
