"""Every read of facts: what was known at K as recorded by R.

A file is known from the earliest ``known_at`` of its arrivals recorded by R. Within a unit (a firm's month, a document,
a series' point, a firm's register entry, …) the newest known file wins as a whole, ties by content; of a firm's return
without the fields that it did not deliver, of which the file before it counts. The rule itself stands in SQL
(``sql/views``, ``sql/queries/asof_*.sql``); :mod:`qxmonitor.warehouse.tables` says which kind each table is.
"""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import pyarrow as pa
from adbc_driver_postgresql import dbapi

from qxmonitor.period import Period
from qxmonitor.warehouse import sql
from qxmonitor.warehouse.core import FOREVER, Warehouse, fetch, run
from qxmonitor.warehouse.tables import TABLES

BORROWED = "borrowed"
"""Of a firm's return: JSON of the fields that its newest file did not deliver → the file_id, sheet and row that did."""

_WORKING = {"newness", "newest", "age", "same", "firm", BORROWED}


def read(
    wh: Warehouse,
    table: str,
    *,
    first: Period | None = None,
    last: Period | None = None,
    known_at: datetime | None = None,
    recorded_at: datetime | None = None,
    borrowed: bool = False,
) -> pd.DataFrame:
    """The rows of one fact table as of (known_at, recorded_at); None is newest.

    Args:
        wh: an open warehouse.
        table: a fact table.
        first: first month, for tables by firm and month.
        last: last month, likewise.
        known_at: only files known by then.
        recorded_at: only arrivals recorded by then; freeze with :meth:`Warehouse.newest_recorded`.
        borrowed: keep :data:`BORROWED`, where the table has it.

    Returns:
        ``known_at`` (of the winning file), the table's columns (file_id, sheet, row, …) and, where subjects are
        matched, ``entity`` (USCC). Rows of unknown firms are not among them.
    """
    with wh.adbc() as connection:
        found: pd.DataFrame = rows(connection, table, first, last, known_at, recorded_at, borrowed).to_pandas()
    return found


def rows(
    connection: dbapi.Connection,
    table: str,
    first: Period | None,
    last: Period | None,
    known_at: datetime | None,
    recorded_at: datetime | None,
    borrowed: bool = False,
) -> pa.Table:
    """:func:`read` on an open connection, as Arrow."""
    kind = TABLES[table]
    parameters: list[object] = [known_at or FOREVER, recorded_at or FOREVER]
    if kind.by_period:
        parameters += [str(first or "0000-00"), str(last or "9999-99")]
    identifiers = {"table": table} | ({"key": kind.key} if kind.key else {})
    found = fetch(connection, sql.query(kind.read, **identifiers), *parameters)
    dropped = _WORKING - {BORROWED} if borrowed else _WORKING
    return found.drop_columns([name for name in found.column_names if name in dropped])


def frozen(connection: dbapi.Connection, like: dbapi.Connection | None = None) -> None:
    """Let all further reads of this connection see one and the same state of the database.

    Args:
        connection: one that has read nothing yet.
        like: a frozen one, whose state this one is to see; it must stay open until then.
    """
    run(connection, sql.query("frozen"))
    if like is not None:
        [exported] = fetch(like, sql.query("export_snapshot")).to_pylist()
        run(connection, sql.query("snapshot").replace("{snapshot}", exported["snapshot"]))
