"""Letters to firms as records: numbered once, printed from what was noted, answered by appending.

A letter has a ``known_at`` (its items were open as known then) and a ``recorded_at`` handed out under the lock of
loading, as a decision has. Whether an item is settled is never stored: it follows from the facts.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pandas as pd

from qxmonitor.errors import QxError
from qxmonitor.warehouse import sql
from qxmonitor.warehouse.core import FOREVER, LOCK_LOAD, Warehouse, fetch, lock
from qxmonitor.warehouse.load import append

Row = dict[str, Any]

LETTER = ["kind", "period", "entity", "name", "supplement_to", "issuer", "simulated", "issued", "answer_by"]
ITEM = ["key", "form", "spot", "field", "problem", "reported", "asked"]
LOCK_PRINT = 0x71786D42
"""Advisory lock of printing, so that two at once do not write into one another's drafts."""

ASKED = ["kind", "period", "entity", "key"]
"""What makes an item one that was asked already."""


def issue(
    wh: Warehouse, items: pd.DataFrame, number: Callable[[str, int, int], str], *, known_at: datetime, issued: date
) -> int:
    """Write letters for those items that no letter asked yet, numbered on from the last of the kind and year.

    Args:
        wh: an open warehouse.
        items: :data:`ITEM` with kind, period, entity, name, issuer, simulated and answer_by; a letter a firm and kind,
            in the order of the rows.
        number: (kind, year, serial) → the printed number.
        known_at: the items are open as known then.
        issued: the day on the letters.

    Returns:
        How many letters were written. All of them, or none, also for a process that is killed; of two processes at
        once the second finds the items asked.
    """
    with wh.adbc() as connection:
        lock(connection, LOCK_LOAD)
        head: Row = fetch(connection, sql.query("load_head")).to_pylist()[0]
        there = fetch(connection, sql.query("letters"), FOREVER, FOREVER).to_pandas()
        asked = fetch(connection, sql.query("letter_items"), FOREVER, FOREVER).to_pandas()
        known = pd.MultiIndex.from_frame(asked[ASKED].astype(object))
        fresh = items[~pd.MultiIndex.from_frame(items[ASKED].astype(object)).isin(known)]
        fresh = fresh.drop_duplicates(ASKED)
        if fresh.empty:
            return 0
        unit = ["kind", "period", "entity"]
        first = there.sort_values("letter_id").drop_duplicates(unit)[[*unit, "number"]].astype(object)
        letters = fresh.drop_duplicates(unit).merge(first, on=unit, how="left", validate="1:1")
        letters = letters.rename(columns={"number": "supplement_to"}).assign(issued=issued, year=issued.year)
        last = there[there["year"] == issued.year].groupby("kind")["serial"].max()
        serial = letters.groupby("kind").cumcount() + 1 + letters["kind"].map(last).fillna(0)
        letters = letters.assign(
            serial=serial.astype(int),
            letter_id=int(head["letter_id"]) + 1 + pd.RangeIndex(len(letters)),
            known_at=pd.Timestamp(known_at).tz_convert("UTC"),
            recorded_at=head["recorded_at"],
        )
        names = zip(letters["kind"], letters["year"], letters["serial"], strict=True)
        letters = letters.assign(number=[number(kind, year, at) for kind, year, at in names])
        lines = fresh.merge(letters[[*unit, "letter_id"]], on=unit, validate="m:1")
        lines = lines.assign(place=lines.groupby("letter_id").cumcount() + 1)
        columns = [*LETTER, "letter_id", "year", "serial", "number", "known_at", "recorded_at"]
        append(connection, "letter", letters[columns])
        append(connection, "letter_item", lines[["letter_id", "place", *ITEM]])
        connection.commit()
        return len(letters)


def answer(
    wh: Warehouse, number: str, *, said: str, who: str, verified: bool, known_at: datetime | None, now: datetime
) -> Row:
    """Note what a firm answered; the same words again are not noted twice.

    Args:
        wh: an open warehouse.
        number: of the letter.
        said: the answer.
        who: who answered, or took the answer down.
        verified: the figures are right as they stand.
        known_at: since when it is known; None is now.
        now: the clock.

    Raises:
        QxError: there is no such letter, or the answer is older than it or lies in the future.
    """
    with wh.adbc() as connection:
        lock(connection, LOCK_LOAD)
        head: Row = fetch(connection, sql.query("load_head")).to_pylist()[0]
        letters = fetch(connection, sql.query("letters"), FOREVER, FOREVER).to_pylist()
        found = next((row for row in letters if row["number"] == number), None)
        if found is None:
            raise QxError(f"没有这份函件：{number[:40]}，见 qxmonitor list letters")
        when = known_at or max(now, found["known_at"])
        if when > now and known_at is not None:
            raise QxError("答复时间不能晚于现在")
        if when < found["known_at"]:
            raise QxError("答复时间不能早于发函时间")
        answers = fetch(connection, sql.query("letter_answers"), FOREVER, FOREVER).to_pandas()
        mine = answers[answers["letter_id"] == found["letter_id"]]
        same = mine[(mine["said"] == said) & (mine["who"] == who) & (mine["verified"] == verified)]
        if known_at is not None:
            same = same[same["known_at"] == known_at]
        if same.empty:
            row = {
                "answer_id": int(head["answer_id"]) + 1, "letter_id": found["letter_id"], "said": said, "who": who,
                "verified": verified, "known_at": pd.Timestamp(when).tz_convert("UTC"),
                "recorded_at": head["recorded_at"],
            }  # fmt: skip
            append(connection, "letter_answer", pd.DataFrame([row]))
            connection.commit()
    return {"number": number, "kind": found["kind"], "verified": verified, "who": who, "said": said}


def letters(wh: Warehouse, known_at: datetime | None = None, recorded_at: datetime | None = None) -> pd.DataFrame:
    """Letters as known by then, in the order of their numbers."""
    return wh.frame(sql.query("letters"), known_at or FOREVER, recorded_at or FOREVER)


def items(wh: Warehouse, known_at: datetime | None = None, recorded_at: datetime | None = None) -> pd.DataFrame:
    """What the letters known by then ask, in their order."""
    return wh.frame(sql.query("letter_items"), known_at or FOREVER, recorded_at or FOREVER)


def answers(wh: Warehouse, known_at: datetime | None = None, recorded_at: datetime | None = None) -> pd.DataFrame:
    """Answers as known by then, in the order recorded."""
    return wh.frame(sql.query("letter_answers"), known_at or FOREVER, recorded_at or FOREVER)


def refused(
    wh: Warehouse, period: str, known_at: datetime | None = None, recorded_at: datetime | None = None
) -> pd.DataFrame:
    """Refused rows of a month that are a firm's last word on it: entity, form, sheet, row, field, rule, reason, raw."""
    return wh.frame(sql.query("letter_refused"), known_at or FOREVER, recorded_at or FOREVER, period)
