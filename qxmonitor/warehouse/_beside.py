"""What the load derives from batches beside their facts: months, fields that lack, names, further source lines."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from qxmonitor.feeds.base import Batch
from qxmonitor.identity import normalise_name
from qxmonitor.warehouse.tables import TABLES

KEY = ["file_id", "sheet", "row"]
_HEAD = {"sheet", "row", "subject", "period"}
_MATCHED = [table for table, kind in TABLES.items() if kind.matched]
_FORMS = [table for table in _MATCHED if not TABLES[table].own_lines]
_SINGLE = {table for table, kind in TABLES.items() if kind.read == "asof_single"}
_REGISTER = "register_entry"
_MONTH = re.compile(r"\d{4}-\d{2}")

Batches = list[tuple[int, Batch]]
"""Batches with the number of their file."""


def stack(parts: list[tuple[int, pd.DataFrame]], columns: list[str] | None = None) -> pd.DataFrame:
    """The frames of many files on top of each other, with a leading ``file_id``."""
    filled = [(file_id, frame) for file_id, frame in parts if len(frame)]
    if not filled:
        return pd.DataFrame(columns=["file_id", *(columns or [])])
    frames = [frame for _, frame in filled]
    stacked = pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0].reset_index(drop=True)
    ids = np.repeat([file_id for file_id, _ in filled], [len(frame) for frame in frames])
    return stacked.reindex(columns=columns or list(stacked.columns)).assign(file_id=ids)


def months(batches: Batches) -> pd.DataFrame:
    """The months each file speaks of: its own and those of its rows; none of a file that belongs to no single month."""
    pairs = [
        (file_id, month)
        for file_id, batch in batches
        if batch.period is not None
        for month in {str(batch.period), *_stated(batch)}
    ]
    return pd.DataFrame(pairs, columns=["file_id", "period"])


def _stated(batch: Batch) -> set[str]:
    columns = [frame["period"].unique() for frame in batch.tables.values() if "period" in frame]
    return {str(text) for column in columns for text in column if _MONTH.fullmatch(str(text))}


def lacks(batches: Batches) -> pd.DataFrame:
    """What each sheet of a firm's return or of the register did not deliver: fields without a place in it.

    A return's field may be worked out of another, so one with any figure is not among them.
    """
    found = []
    for file_id, batch in batches:
        sheets = {key.rpartition("|")[0] for key in batch.cells}
        for table in (_SINGLE | {_REGISTER}) & batch.tables.keys():
            frame = batch.tables[table]
            for sheet in sheets.intersection(frame["sheet"].unique()):
                missing = [str(n) for n in frame if f"{sheet}|{n}" not in batch.cells and n not in _HEAD]
                rows = frame.loc[frame["sheet"] == sheet, missing]
                if fields := sorted(missing if table == _REGISTER else rows.columns[rows.isna().all()]):
                    found.append((file_id, sheet, fields))
    return pd.DataFrame(found, columns=["file_id", "sheet", "fields"])


def names(entries: pd.DataFrame) -> pd.DataFrame:
    """Every present and former name of the register's rows as it is compared."""
    former = entries["former_names"].fillna("").astype(str).str.split("、").explode()
    called = pd.concat([entries["name"].astype(str), former])
    keys = entries[KEY].loc[called.index].assign(name_key=normalise_name(called).to_numpy())
    return keys[keys["name_key"].fillna("") != ""].drop_duplicates()


def further_lines(batches: Batches) -> pd.DataFrame:
    """Accepted lines that are no fact row of their own, each with the nearest fact row above it (a firm form)."""
    facts, forms, others, lines = [], [], [], []
    for file_id, batch in batches:
        own = [batch.tables[table] for table in _MATCHED if len(batch.tables.get(table, ()))]
        if own and batch.rows_read > sum(map(len, own)) + len(batch.rejects) + len(batch.control):
            facts += [(file_id, fact) for fact in own]
            forms += [(file_id, batch.tables[table]) for table in _FORMS if len(batch.tables.get(table, ()))]
            others += [(file_id, batch.control), (file_id, batch.rejects)]
            lines.append((file_id, batch.lines))
    claimed, heads, taken, every = (
        stack(parts, ["sheet", "row"]).drop_duplicates() for parts in (facts, forms, others, lines)
    )
    if every.empty or heads.empty:
        return every.iloc[:0].assign(line=every["row"])
    used = pd.MultiIndex.from_frame(pd.concat([claimed, taken])[KEY])
    further = every[~pd.MultiIndex.from_frame(every[KEY]).isin(used)].rename(columns={"row": "line"})
    heads = heads.assign(line=heads["row"]).astype({"row": "int64", "line": "int64"})
    found = pd.merge_asof(
        further.astype({"line": "int64"}).sort_values("line"), heads.sort_values("line"),
        on="line", by=["file_id", "sheet"],
    )  # fmt: skip
    return found.dropna(subset="row").astype({"row": "int64"})
