"""The office decides how kept files are read: the unit of a file's figures, the meaning of a form's heading.

A decision is recorded in one transaction with all that reads otherwise because of it; killed before its end, nothing
was decided. No file is read and loaded meanwhile, so none can miss a decision, and no month is computed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from adbc_driver_postgresql import dbapi

from qxmonitor import intake
from qxmonitor.errors import QxError, Refused
from qxmonitor.feeds import vocabulary
from qxmonitor.feeds.base import Batch
from qxmonitor.feeds.rulings import Kind, Ruling
from qxmonitor.warehouse import Warehouse, decided, readings
from qxmonitor.warehouse.core import LOCK_MONTHS, LOCK_READING
from qxmonitor.warehouse.load import Item, reread

Row = dict[str, Any]
_Contents = Callable[[dbapi.Connection], list[tuple[str, str, int]]]


def fix_unit(wh: Warehouse, file: str, item: str, unit: str, *, who: str, why: str, known_at: datetime | None) -> Row:
    """Decide in which unit an item of one file, or all that its sheet states above the header, is given.

    Args:
        wh: an open warehouse.
        file: sha256 or path; a sha256 may be decided on before it arrives.
        item: ``*`` for the whole sheet, or an item's, a column's, a product's name.
        unit: the unit; '' or ``-`` revokes.
        who: who decides.
        why: the reason.
        known_at: from when on; None is now.

    Returns:
        The decision, and ``files``, ``released`` and ``rejected`` as :func:`qxmonitor.warehouse.load.reread` says.

    Raises:
        QxError: no such file or unit, a form whose unit is fixed, the file gives no occasion for it, nothing to revoke,
            or another decision on the same counts from the same moment.
    """
    found = _content(wh, file)
    vocabulary.has_units(found.get("feed"))
    word, kind = vocabulary.item(found.get("feed"), item)
    value = vocabulary.unit(unit, kind, word)
    contents = [(found["sha256"], found["path"], 0)] if "path" in found else []
    return _decide(wh, "unit", found["sha256"], word, value, lambda _: contents, who, why, known_at)


def fix_mapping(
    wh: Warehouse, feed: str, heading: str, meaning: str, *, who: str, why: str, known_at: datetime | None
) -> Row:
    """Decide what a heading or item name that a form does not know means, in all its files, or that it is ignored.

    Args:
        wh: an open warehouse.
        feed: the form.
        heading: as a whole or one part of it.
        meaning: an item, a heading the form knows, or ``ignore``; '' or ``-`` revokes.
        who: who decides.
        why: the reason.
        known_at: from when on; None is now.

    Returns:
        As :func:`fix_unit`.

    Raises:
        QxError: no such form, a heading it knows or of a person, a meaning it does not know, nothing to revoke, or
            another decision on the same counts from the same moment.
    """
    feed = vocabulary.form(feed)
    word, value = vocabulary.unknown(feed, heading), vocabulary.meaning(feed, meaning)
    feeds = vocabulary.taken_for(feed)
    return _decide(wh, "mapping", feed, word, value, lambda db: readings.concerned(db, feeds), who, why, known_at)


def _content(wh: Warehouse, name: str) -> Row:
    """A content that arrived, refused or not, with its feed; or one that is still to come."""
    try:
        found = decided.content(wh, name, refused=True)
    except QxError:
        if re.fullmatch("[0-9a-f]{64}", name):
            return {"sha256": name}
        raise
    return found


def _decide(
    wh: Warehouse, kind: Kind, scope: str, word: str, value: str, contents: _Contents, who: str, why: str,
    known_at: datetime | None,
) -> Row:  # fmt: skip
    with wh.alone(LOCK_MONTHS), wh.alone(LOCK_READING), wh.adbc() as connection:
        row, there = decided.fix(connection, wh, kind, f"{scope} {word}", value, who=who, why=why, known_at=known_at)
        if there:
            return row | {"files": 0, "released": 0, "rejected": 0}
        before = readings.rulings(wh)
        ruling = Ruling(kind, scope, word, value, row["known_at"], row["fix_id"])
        if not value and not any((r.kind, r.scope, r.word) == (kind, scope, word) for r in before):
            raise QxError("没有这项决定，无可撤销")
        arrived = contents(connection)
        found = list(_read_anew(wh, [*before, ruling], ruling, arrived))
        if kind == "unit" and arrived and not found:
            raise QxError(f"文件里没有“{word}”，或它没有计量单位可定")
        judged = intake.judged(found, wh.settings.now())
        for read in judged:
            now = read.readings[-1].outcome
            if value and isinstance(now, Refused) and isinstance(read.outcome, Batch):
                raise QxError(f"按此决定{read.arrival.path.name}整份无法读取：{now}")
        items = [
            Item(r.arrival.name, r.arrival.sha256, r.arrival.size, r.arrival.known_at, r.outcome, r.readings)
            for r in judged
        ]
        return row | reread(connection, row, items)


def _read_anew(
    wh: Warehouse, rulings: list[Ruling], ruling: Ruling, contents: list[tuple[str, str, int]]
) -> Iterator[intake.Read]:
    """The contents that give occasion for a ruling, read as they stand and by all decisions.

    Raises:
        QxError: the original of a file that counts is not in the store.
    """
    mark = f"{ruling.kind} {ruling.scope} {ruling.word} ="
    for sha256, path, size in contents:
        kept = wh.files.path(sha256)
        if not kept.exists():
            raise QxError(f"原件不在文件库中，无法重读：{Path(path).name}（{sha256[:12]}）")
        [(stands, otherwise)] = intake.read_as_ruled([(kept, sha256)], rulings)
        if any(line.startswith(mark) for r in otherwise for line in r.words.split("\n")):
            arrival = intake.Arrival(Path(path), sha256, size or kept.stat().st_size, ruling.known_at)
            yield intake.Read(arrival, stands, otherwise)
