"""What a warehouse holds, as one digest a part: equal parts are equal whatever order, repetition or kills made them."""

from __future__ import annotations

import hashlib

import pandas as pd

from qxmonitor import look
from qxmonitor.warehouse import Warehouse, asof, sql, store
from qxmonitor.warehouse.tables import TABLES


def fingerprint(wh: Warehouse) -> dict[str, str]:
    """Part → digest: facts of each table, quarantine, values, verdicts and notices that count, and the ledger's mails.

    Numbers of files and runs, times of recording, and mails of the watch are left out: they tell how it came about.
    """
    names = wh.frame(sql.query("contents_by_file"))
    content = dict(zip(names["file_id"], names["sha256"], strict=True))
    parts = {table: asof.read(wh, table) for table in TABLES}
    facts = {
        table: frame.assign(file_id=frame["file_id"].map(content)) if "file_id" in frame else frame
        for table, frame in parts.items()
    }
    ledger = pd.DataFrame(look.listing(wh, "ledger"), columns=["kind", "message_id", "period", "reader", "occasion"])
    found = {
        **facts,
        "quarantine": store.read_quarantine(wh).drop(columns=["file", "file_id"], errors="ignore"),
        "indicators": store.read_indicators(wh).drop(columns=["run_id"]),
        "verdicts": store.read_verdicts(wh).drop(columns=["run_id"]),
        "alerts": store.read_alerts(wh),
        "ledger": ledger[ledger["kind"] != "watch"],
    }
    return {part: _digest(frame) for part, frame in found.items()}


def _digest(frame: pd.DataFrame) -> str:
    """Of the rows as text, in an order of their own."""
    columns = sorted(frame.columns)
    lines = sorted(frame[columns].to_csv(index=False, header=False, float_format="%.17g").splitlines())
    return hashlib.sha256("\n".join([",".join(columns), *lines]).encode()).hexdigest()
