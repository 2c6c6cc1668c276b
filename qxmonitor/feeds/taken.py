"""Frames for many small files at once.

A message of the bonded centre has a handful of lines and a town receives thousands of messages; making frames for each
costs several times what reading it does. So a reader of messages gives plain rows (:class:`Taken`), and the frames of
all files of a group are made together and handed out in slices. A file alone is a group of one, with the same frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from qxmonitor.feeds.base import REJECT_COLUMNS, Batch
from qxmonitor.feeds.csvfile import SHEET
from qxmonitor.feeds.grid import gather
from qxmonitor.period import Period

Layout = dict[str, dict[str, str]]
"""Table → its columns, each with the dtype it has in a batch."""
Row = dict[str, Any]

_LINES = {"sheet": "str", "row": "int64"}


@dataclass
class Taken:
    """One file as a reader of messages gives it; what is not told here is as in :class:`~qxmonitor.feeds.base.Batch`.

    Attributes:
        tables: table → rows; a column that a row does not name is empty.
        lines: numbers of the lines that count as read.
        rejects: row, field, rule, reason, raw.
        whose: subject and period of all rejects, where the feed says them.
        control: texts of control lines by row.
    """

    feed: str
    form: str
    period: Period | None
    tables: dict[str, list[Row]]
    lines: list[int]
    rejects: list[tuple[Any, ...]]
    origin: str | None
    notes: list[str]
    whose: dict[str, str | None] = field(default_factory=dict)
    control: dict[int, str] = field(default_factory=dict)


def batches(taken: Sequence[Taken], layout: Layout) -> list[Batch]:
    """The files as batches, in order.

    Args:
        taken: files of one feed.
        layout: the feed's tables.
    """
    lines = _cut([[{"sheet": SHEET, "row": row} for row in one.lines] for one in taken], _LINES)
    made: list[dict[str, pd.DataFrame]] = [{} for _ in taken]
    for table, columns in layout.items():
        having = [number for number, one in enumerate(taken) if table in one.tables]
        frames = _cut([taken[number].tables[table] for number in having], columns)
        for number, frame in zip(having, frames, strict=True):
            made[number][table] = frame
    nothing = gather([], ["sheet", "row", "text"])
    return [
        Batch(
            feed=one.feed,
            form=one.form,
            period=one.period,
            tables={name: tables[name] for name in one.tables},
            lines=mine,
            rejects=_rejects(one),
            control=_control(one) if one.control else nothing,
            origin=one.origin,
            notes=one.notes,
        )
        for one, tables, mine in zip(taken, made, lines, strict=True)
    ]


def _cut(parts: Sequence[list[Row]], columns: dict[str, str]) -> list[pd.DataFrame]:
    """One frame of all rows, and each file's slice of it."""
    every = [row for rows in parts for row in rows]
    array: Any = pd.array  # whose types know no dtype that is a variable
    cells = {name: array([row.get(name) for row in every], dtype=dtype) for name, dtype in columns.items()}
    whole = pd.DataFrame(cells, copy=False)
    ends = np.cumsum([len(rows) for rows in parts]).tolist()
    frames = []
    for rows, end in zip(parts, ends, strict=True):
        frame = whole.iloc[end - len(rows) : end]
        frame.index = pd.RangeIndex(len(rows))
        frames.append(frame)
    return frames


def _rejects(one: Taken) -> pd.DataFrame:
    if not one.rejects:
        return gather([], [*REJECT_COLUMNS, *one.whose])
    return pd.DataFrame([(SHEET, *reject) for reject in one.rejects], columns=REJECT_COLUMNS).assign(**one.whose)


def _control(one: Taken) -> pd.DataFrame:
    return pd.DataFrame([(SHEET, row, text) for row, text in one.control.items()], columns=["sheet", "row", "text"])
