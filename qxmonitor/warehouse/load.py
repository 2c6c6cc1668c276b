"""Puts what was read into the warehouse: files, facts, quarantine, control lines and a receipt each, in one go.

A call is ONE transaction under one advisory lock, which also hands out ``recorded_at``: later loads have later times,
and a killed call leaves nothing. The same bytes give facts once, in whatever call or process they came first. Bulk
goes through Arrow (ADBC's COPY), whose column types must be the table's exactly; NaN becomes null.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from adbc_driver_postgresql import dbapi

from qxmonitor.errors import Refused
from qxmonitor.feeds.base import REJECT_COLUMNS, WHOSE, Batch
from qxmonitor.intake import Reading
from qxmonitor.period import SHANGHAI
from qxmonitor.warehouse import sql
from qxmonitor.warehouse._beside import KEY, further_lines, lacks, months, names, stack
from qxmonitor.warehouse.core import LOCK_LOAD, Warehouse, fetch, lock, run
from qxmonitor.warehouse.readings import There, counts
from qxmonitor.warehouse.tables import TABLES

DUPLICATE = "duplicate"
Row = dict[str, Any]
_WORDS = {"simulated": "模拟数据", "real": "真实数据"}


class Item(NamedTuple):
    """One arrival: a batch to load, ``"duplicate"``, or the reason(s) why it is refused. A plain tuple will do.

    ``readings`` say how the same content reads otherwise by decisions, in order of time.
    """

    path: str
    sha256: str
    bytes: int
    known_at: datetime
    content: Batch | Refused | str | Sequence[str]
    readings: Sequence[Reading] = ()


@dataclass
class _Arrival:
    """An item on its way to a receipt."""

    item: Item
    state: str
    reasons: list[str]
    file_id: int | None = None
    batch: Batch | None = None
    reading: str = ""


def load(wh: Warehouse, items: Iterable[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Load a group of files in one transaction and give a receipt for each, in their order.

    Args:
        wh: an open, initialised warehouse.
        items: :class:`Item` or tuples of its shape. Their originals should be in the file store by now.

    Returns:
        Per item: file, sha256, feed, form, period, known_at (ISO text, Shanghai), rows_read, accepted, rejected
        (both counting rows of unknown firms as rejected, as of the end of this call), state, reasons (list).
    """
    arrivals = [_arrival(Item(*item)) for item in items]
    if not arrivals:
        return []
    with wh.adbc() as connection:
        lock(connection, LOCK_LOAD)
        head = fetch(connection, sql.query("load_head")).to_pylist()[0]
        files = _files_there(connection, [arrival.item.sha256 for arrival in arrivals])
        origin = _settle(arrivals, files, head["origin"], int(head["file_id"]))
        stand = [arrival for arrival in arrivals if arrival.state == "accepted"]
        new = {a.item.sha256: a for a in reversed(arrivals) if a.item.readings and a.state != DUPLICATE}
        last_id = int(head["file_id"]) + len(stand)
        otherwise, entries, origin = _otherwise(
            [a.item for a in new.values()], There({(a.item.sha256, ""): a.file_id or 0 for a in stand}), origin, last_id
        )
        frames = _append(connection, [*stand, *otherwise], entries, head, origin)
        if stand:
            whole = frames["file"]["reading"] == ""
            files = pd.concat([files, frames["file"][whole]], ignore_index=True)
        receipts = _receipts(arrivals, files, head["recorded_at"], int(head["receipt_id"]))
        append(connection, "receipt", receipts)
        late = _late_rejects(connection, receipts, frames)
        connection.commit()
    return _answers(arrivals, receipts, late)


def reread(connection: dbapi.Connection, decision: Row, items: Sequence[Item]) -> Row:
    """Record a decision on reading together with all that reads otherwise because of it, in one transaction.

    Args:
        connection: that holds the lock of loading; it is committed.
        decision: a row of ``fix_decision``.
        items: contents that arrived before, each with its ``content`` as it stands and its readings in order.

    Returns:
        ``files`` that read otherwise than before at some time, lines ``released`` by it (fewer than none: taken back),
        lines still ``rejected`` of these files.
    """
    head = fetch(connection, sql.query("load_head")).to_pylist()[0] | {"recorded_at": decision["recorded_at"]}
    there = There.of(connection, [item.sha256 for item in items])
    items = [i for i in items if (i.sha256, "") in there.files or isinstance(i.content, Refused)]
    otherwise, entries, origin = _otherwise(items, there, head["origin"], int(head["file_id"]))
    changed = sorted({entry["sha256"] for entry in entries})
    before, _ = counts(connection, changed)
    append(connection, "fix_decision", pd.DataFrame([decision]).assign(known_at=pd.Timestamp(decision["known_at"])))
    _append(connection, otherwise, entries, head, origin)
    now, rejected = counts(connection, changed)
    connection.commit()
    return {"files": len(changed), "released": now - before, "rejected": rejected}


# -- deciding ------------------------------------------------------------------------------------------------------


def _arrival(item: Item) -> _Arrival:
    content = item.content
    if isinstance(content, Batch):
        problem = _problem(content)
        return _Arrival(item, "refused", [problem]) if problem else _Arrival(item, "accepted", [], batch=content)
    if isinstance(content, Refused):
        return _Arrival(item, "refused", [str(content)])
    if content == DUPLICATE:
        return _Arrival(item, DUPLICATE, [])
    return _Arrival(item, "refused", [content] if isinstance(content, str) else list(content))


def _problem(batch: Batch) -> str:
    """What in a batch would break the transaction of its whole group; a reader's own fault, worth one file only."""
    for table, frame in batch.tables.items():
        if table not in TABLES:
            return f"读取程序出错：没有数据表 {table}"
        # Series may share a line, and a line may hold a whole series.
        beside = ["series", "period"] if table == "reference_point" else [TABLES[table].beside]
        key = [*KEY[1:], *filter(None, beside)]
        if not frame["row"].is_unique and frame.duplicated(key).any():
            return f"读取程序出错：数据表 {table} 中同一行出现两次"
    return ""


def _settle(arrivals: list[_Arrival], files: pd.DataFrame, origin: str | None, last_id: int) -> str | None:
    """Decide each arrival's state against what is there and what came before it in this call; returns the origin."""
    there = dict(zip(files["sha256"], files["file_id"], strict=True))
    for arrival in arrivals:
        sha256, batch = arrival.item.sha256, arrival.batch
        if sha256 in there:
            arrival.state, arrival.reasons, arrival.batch = DUPLICATE, [], None
        elif batch is not None:
            if mixed := _mixed(batch, origin):
                arrival.state, arrival.batch, arrival.reasons = "refused", None, [mixed]
                arrival.item = arrival.item._replace(readings=())
                continue
            origin = origin or batch.origin
            last_id += 1
            there[sha256] = last_id
            arrival.reasons = list(batch.notes)
    for arrival in arrivals:
        arrival.file_id = there.get(arrival.item.sha256)
        if arrival.file_id is None and arrival.state == DUPLICATE:
            arrival.state, arrival.reasons = "refused", ["称为重复文件，但库中没有相同内容，请重新导入"]
        elif arrival.file_id is not None and arrival.state == "refused":
            arrival.state, arrival.reasons = DUPLICATE, []
    return origin


def _mixed(batch: Batch, origin: str | None) -> str:
    """Why a batch may not stand beside what is there; '' when it may."""
    if batch.origin is None or origin is None or batch.origin == origin:
        return ""
    return f"本库存放{_WORDS[origin]}，本文件是{_WORDS[batch.origin]}，不得混存"


def _otherwise(
    items: Sequence[Item], there: There, origin: str | None, last_id: int
) -> tuple[list[_Arrival], list[Row], str | None]:
    """What has to be loaded because contents read otherwise, entries of ``reading`` for it, and the origin.

    An entry is made where a content begins to count as another file, and where one that is there says otherwise.
    """
    fresh, entries = [], []
    for item in items:
        before = there.files.get((item.sha256, ""))
        for reading in item.readings:
            key, outcome, why = (item.sha256, reading.words), reading.outcome, ""
            if reading.words and isinstance(outcome, Batch):
                why = _problem(outcome) or _mixed(outcome, origin)
                if not why and key not in there.files:
                    last_id, origin = last_id + 1, origin or outcome.origin
                    there.files[key] = last_id
                    fresh.append(_Arrival(item, "accepted", [], last_id, outcome, reading.words))
            elif reading.words or key not in there.files:
                why = str(outcome)
            now = None if why else there.files[key]
            if now != there.entries.get((item.sha256, reading.known_at), before):
                entries.append({
                    "sha256": item.sha256, "known_at": reading.known_at, "fix_id": reading.fix_id, "file_id": now,
                    "reasons": json.dumps([why] if why else [], ensure_ascii=False),
                })  # fmt: skip
            before = now
    return fresh, entries, origin


def _files_there(connection: dbapi.Connection, shas: list[str]) -> pd.DataFrame:
    wanted = pa.table({"sha256": pa.array(sorted(set(shas)), pa.string())})
    with connection.cursor() as cursor:
        cursor.adbc_ingest("arriving", wanted, mode="create", temporary=True)
    found: pd.DataFrame = fetch(connection, sql.query("load_files_there")).to_pandas()
    run(connection, sql.query("load_drop_arriving"))
    return found


# -- shaping -------------------------------------------------------------------------------------------------------


def _frames(fresh: Sequence[_Arrival]) -> dict[str, pd.DataFrame]:
    """All rows of the accepted batches by table, in an order that satisfies references."""
    batches = [(arrival.file_id or 0, arrival.batch) for arrival in fresh if arrival.batch is not None]
    rejects = stack([(file_id, batch.rejects) for file_id, batch in batches], [*REJECT_COLUMNS, *WHOSE])
    rejected = rejects[KEY].drop_duplicates().groupby("file_id").size()
    files = pd.DataFrame(
        [
            (a.file_id, a.item.sha256, a.item.bytes, b.feed, b.form, None if b.period is None else str(b.period),
             b.origin, b.rows_read, json.dumps(b.cells, ensure_ascii=False), json.dumps(b.notes, ensure_ascii=False),
             a.reading)
            for a, (_, b) in zip(fresh, batches, strict=True)
        ],
        columns=["file_id", "sha256", "bytes", "feed", "form", "period", "origin", "rows_read", "cells", "notes",
                 "reading"],
    )  # fmt: skip
    files["rejected"] = files["file_id"].map(rejected).fillna(0).astype("int64")
    frames = {"file": files}
    frames["file_month"] = months(batches)
    frames["file_lack"] = lacks(batches)
    for table in TABLES:
        there = [(file_id, batch.tables[table]) for file_id, batch in batches if table in batch.tables]
        if there:
            frames[table] = stack(there)
    frames["quarantine"] = rejects.drop_duplicates([*KEY, "field", "rule"]).fillna(
        {"raw": "", "field": "", "reason": ""}
    )
    frames["control_line"] = stack([(i, b.control) for i, b in batches], ["sheet", "row", "text"]).fillna({"text": ""})
    if "register_entry" in frames:
        frames["register_name"] = names(frames["register_entry"])
    frames["fact_line"] = further_lines(batches)
    frames["verdict_summary"] = pd.DataFrame(
        [{"file_id": file_id, **row} for file_id, batch in batches for row in batch.verdicts]
    )
    return {table: frame for table, frame in frames.items() if len(frame)}


# -- writing -------------------------------------------------------------------------------------------------------


def _append(
    connection: dbapi.Connection, fresh: Sequence[_Arrival], entries: list[Row], head: Row, origin: str | None
) -> dict[str, pd.DataFrame]:
    """Append files with all their rows, and what says from when on they count; returns the rows by table."""
    if origin != head["origin"]:
        run(connection, sql.query("load_origin"), (origin,))
    frames = _frames(fresh) if fresh else {}
    for table, frame in frames.items():
        append(connection, table, frame)
    if entries:
        frame = pd.DataFrame(entries).assign(recorded_at=head["recorded_at"])
        known_at, file_id = pd.to_datetime(frame["known_at"], utc=True), frame["file_id"].astype("Int64")
        append(connection, "reading", frame.assign(known_at=known_at, file_id=file_id))
    return frames


def append(connection: dbapi.Connection, table: str, frame: pd.DataFrame) -> None:
    """Append a frame to a table at COPY speed.

    Raises:
        ValueError: the frame has a column the table does not have, or lacks one that must not be null.
    """
    schema = connection.adbc_get_table_schema(table)
    unknown = set(frame.columns) - set(schema.names)
    if unknown:
        raise ValueError(f"{table} has no column {', '.join(sorted(unknown))}")
    arrow = pa.table([_column(frame, field) for field in schema], schema=schema)
    with connection.cursor() as cursor:
        cursor.adbc_ingest(table, arrow, mode="append")


def _column(frame: pd.DataFrame, field: pa.Field) -> pa.ChunkedArray | pa.Array:
    if field.name not in frame:
        return pa.nulls(len(frame), field.type)
    series = frame[field.name]
    if pa.types.is_string(field.type):
        array = pa.array(series, from_pandas=True)
        if not pa.types.is_string(array.type):
            array = array.cast(pa.string())
        return pc.replace_substring(array, "\0", "")  # PostgreSQL's text cannot hold it
    if pa.types.is_date(field.type):
        return pa.array(pd.to_datetime(series).astype("datetime64[ms]"), from_pandas=True).cast(field.type)
    return pa.array(series, type=field.type, from_pandas=True)


def _receipts(arrivals: list[_Arrival], files: pd.DataFrame, recorded_at: datetime, last_id: int) -> pd.DataFrame:
    """A receipt row for each arrival; a duplicate's counts are its file's."""
    rows = pd.DataFrame(
        {
            "receipt_id": range(last_id + 1, last_id + 1 + len(arrivals)),
            "path": [arrival.item.path for arrival in arrivals],
            "sha256": [arrival.item.sha256 for arrival in arrivals],
            "known_at": pd.to_datetime([arrival.item.known_at for arrival in arrivals], utc=True),
            "recorded_at": recorded_at,
            "state": [arrival.state for arrival in arrivals],
            "reasons": [json.dumps(arrival.reasons, ensure_ascii=False) for arrival in arrivals],
        }
    )
    about = files[["sha256", "file_id", "feed", "form", "period", "rows_read", "rejected"]]
    rows = rows.merge(about, on="sha256", how="left", validate="m:1")
    rows[["rows_read", "rejected"]] = rows[["rows_read", "rejected"]].fillna(0).astype("int64")
    return rows.assign(file_id=rows["file_id"].astype("Int64"), accepted=rows["rows_read"] - rows["rejected"])


def _late_rejects(
    connection: dbapi.Connection, receipts: pd.DataFrame, frames: dict[str, pd.DataFrame]
) -> dict[int, int]:
    """Lines per file of this call that stand for no registered firm, as of now."""
    known = set(receipts.loc[receipts["file_id"].notna(), "file_id"].astype("int64"))
    asked = sorted(known - _surely_matched(connection, frames))
    if not asked:
        return {}
    ids = pa.array([asked], pa.list_(pa.int64()))
    with connection.cursor() as cursor:
        cursor.execute(sql.query("load_late_rejects"), pa.record_batch([ids], names=["ids"]))
        found = cursor.fetch_arrow_table()
    return dict(zip(found["file_id"].to_pylist(), found["lines"].to_pylist(), strict=True))


def _surely_matched(connection: dbapi.Connection, frames: dict[str, pd.DataFrame]) -> set[int]:
    """Files of this call whose rows all name a registered firm by its credit code, as nearly all do.

    Nothing of theirs is withheld: two rows of a file can only turn out to be one firm's under two kinds of name.
    """
    if "file" not in frames:
        return set()
    files = set(frames["file"]["file_id"])
    firms = [name for name in TABLES if "subject" in frames.get(name, ())]
    if not firms:
        return files
    pairs = pd.concat([frames[name][["file_id", "subject"]].drop_duplicates() for name in firms], ignore_index=True)
    pairs["subject"] = pairs["subject"].astype("str")
    wanted = pa.array([pairs["subject"].drop_duplicates().dropna().tolist()], pa.list_(pa.string()))
    with connection.cursor() as cursor:
        cursor.execute(sql.query("load_unknown_subjects"), pa.record_batch([wanted], names=["subjects"]))
        unknown = cursor.fetch_arrow_table()["subject"].to_pylist()
    doubtful = (
        pairs["subject"].isna() | pairs["subject"].str.contains(":", regex=False) | pairs["subject"].isin(unknown)
    )
    return files - set(pairs.loc[doubtful, "file_id"])


def _answers(arrivals: list[_Arrival], receipts: pd.DataFrame, late: dict[int, int]) -> list[dict[str, Any]]:
    rows = receipts.astype({"feed": object, "form": object, "period": object})
    answers = []
    for arrival, row in zip(arrivals, rows.to_dict("records"), strict=True):
        more = late.get(arrival.file_id, 0) if arrival.file_id is not None else 0
        answers.append(
            {
                "file": row["path"],
                "sha256": row["sha256"],
                **{key: None if pd.isna(row[key]) else row[key] for key in ("feed", "form", "period")},
                "known_at": arrival.item.known_at.astimezone(SHANGHAI).isoformat(),
                "rows_read": int(row["rows_read"]),
                "accepted": int(row["accepted"]) - more,
                "rejected": int(row["rejected"]) + more,
                "state": row["state"],
                "reasons": arrival.reasons,
            }
        )
    return answers
