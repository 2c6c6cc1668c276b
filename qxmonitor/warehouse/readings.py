"""As what contents were read: as they stand, and otherwise where the office decided on a unit or a heading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd
import pyarrow as pa
from adbc_driver_postgresql import dbapi

from qxmonitor.feeds.rulings import Ruling
from qxmonitor.warehouse import sql
from qxmonitor.warehouse.core import Warehouse


@dataclass
class There:
    """What some contents were read as.

    Attributes:
        files: (sha256, decisions in words) → file_id; '' for as it stands.
        entries: (sha256, known_at) → the file_id that the newest entry of that moment says, None for refused.
    """

    files: dict[tuple[str, str], int]
    entries: dict[tuple[str, datetime], int | None] = field(default_factory=dict)

    @classmethod
    def of(cls, connection: dbapi.Connection, contents: Sequence[str]) -> There:
        """Contents that were loaded before; on the connection that will load more of them."""
        there = cls({})
        for row in _asked(connection, "readings_there", contents):
            if row["known_at"] is None:
                there.files[row["sha256"], row["reading"]] = row["file_id"]
            else:
                there.entries[row["sha256"], row["known_at"]] = row["file_id"]
        return there


def rulings(wh: Warehouse) -> list[Ruling]:
    """Every decision on reading, those that revoke too."""
    return [
        Ruling(row["kind"], row["scope"], row["word"], row["value"], row["known_at"], row["fix_id"])
        for row in wh.arrow(sql.query("rulings")).to_pylist()
    ]


def concerned(connection: dbapi.Connection, feeds: Sequence[str]) -> list[tuple[str, str, int]]:
    """Contents that a decision on a form's headings may concern: those of some feeds, and those that were refused.

    Returns:
        sha256, the path it first came under, and bytes.
    """
    found = _asked(connection, "reading_contents", feeds)
    return [(row["sha256"], row["path"], row["bytes"] or 0) for row in found]


def counts(connection: dbapi.Connection, contents: Sequence[str]) -> tuple[int, int]:
    """Lines of some contents accepted and rejected as they are read now, whoever they are of."""
    found = _asked(connection, "reading_counts", contents)
    return sum(row["accepted"] for row in found), sum(row["rejected"] for row in found)


def released(wh: Warehouse) -> pd.DataFrame:
    """Rows that decisions on reading released, each with the reason it was refused for and the decision."""
    return wh.frame(sql.query("released"))


def _asked(connection: dbapi.Connection, query: str, words: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of a query whose one parameter is a list of texts."""
    asked = pa.record_batch([pa.array([list(words)], pa.list_(pa.string()))], names=["words"])
    with connection.cursor() as cursor:
        cursor.execute(sql.query(query), asked)
        found: list[dict[str, Any]] = cursor.fetch_arrow_table().to_pylist()
    return found
