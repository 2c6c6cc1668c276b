"""What the fuzz target starts from: every form a small simulated town writes, each file cut to a few rows, and messages
of every type."""

from __future__ import annotations

import io
import re
import tempfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lxml import etree
from python_calamine import CalamineWorkbook

from qxmonitor import feeds
from qxmonitor.catalog.items import items, plain
from qxmonitor.errors import Refused
from qxmonitor.feeds import csvfile, text
from qxmonitor.period import Period
from qxmonitor.simulate.town import write_town
from tests.fuzz import messages, write

Sheets = list[tuple[str, list[list[Any]]]]

A_FORM = 3
"""Files kept of each form and container."""
_PARTICULAR = re.compile(r"(?:人|电话|手机|邮箱)\s*[:：]\s*(.+)$")
_PERSONAL_TAG = re.compile(
    r"driver|vehicle|plate|license|phone|tel(?:no|num)?$|contact|linkman|person|agent", re.IGNORECASE
)


@dataclass
class Seed:
    """One file to change.

    Attributes:
        data: the file, cut short.
        sheets: what stands in a workbook or csv, by sheet; empty for XML.
        guarded: columns of each sheet whose heading speaks of a person.
        private: texts of persons that must never come out of a reader.
        columns: what the reader gave for the file as it is: table → its columns.
    """

    name: str
    feed: str
    form: str
    kind: str
    data: bytes
    sheets: Sheets = field(default_factory=list)
    guarded: list[set[int]] = field(default_factory=list)
    private: set[str] = field(default_factory=set)
    columns: dict[str, list[str]] = field(default_factory=dict)

    @property
    def weight(self) -> float:
        """How often it is taken: small files are read in less time, so more of them are."""
        if self.kind == "xml":
            return 2.0
        return 1000 / (200 + sum(len(rows) * max(map(len, rows), default=0) for _, rows in self.sheets))


def plant(seed: int = 1, folder: Path | None = None) -> list[Seed]:
    """Seeds of every form that is read, from messages of every type and a town simulated for the purpose.

    The months are those in which the yearly sheet falls due too.
    """
    with tempfile.TemporaryDirectory() as made:
        town = folder or Path(made) / "town"
        if not town.exists():
            write_town(town, firms=24, first=Period("2026-02"), last=Period("2026-04"), seed=seed)
        files = [(path.name, path.read_bytes()) for path in sorted((town / "landing").rglob("*")) if path.is_file()]
    found: dict[tuple[str, str, str], list[Seed]] = {}
    for name, data in [*messages.every(), *files]:
        if (one := _seed(name, data)) is not None:
            found.setdefault((one.feed, one.form, one.kind), []).append(one)
    return [one for _, many in sorted(found.items()) for one in many[:: max(1, len(many) // A_FORM)][:A_FORM]]


def _seed(name: str, data: bytes) -> Seed | None:
    try:
        opened = feeds.open_file(data)
        batch = feeds.sniff(opened).read(opened)
    except Refused:
        return None
    one = Seed(name, batch.feed, batch.form, opened.kind, data)
    if opened.kind in ("xlsx", "xls"):
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        one.sheets = [
            (name, book.get_sheet_by_name(name).to_python(skip_empty_area=False)) for name in book.sheet_names
        ]
    elif opened.kind == "csv":
        records = csvfile.read(opened.text)
        one.sheets = [("", [list(cells) for cells in records.cells.to_numpy(dtype=object)])]
    _guard(one, opened)
    short = [(name, _cut(rows)) for name, rows in one.sheets]
    if short != one.sheets:
        cut = write.csv(short[0][1]) if opened.kind == "csv" else write.xlsx(short)
        try:
            if feeds.sniff(again := feeds.open_file(cut)).read(again).rows_read:
                one.data, one.sheets, one.kind = cut, short, again.kind
        except Refused:
            pass
    opened = feeds.open_file(one.data)
    batch = feeds.sniff(opened).read(opened)
    one.columns = {table: list(frame.columns) for table, frame in batch.tables.items()}
    return one


def _cut(rows: list[list[Any]]) -> list[list[Any]]:
    """Head, a few rows, and foot."""
    return rows if len(rows) <= 22 else rows[:16] + rows[-4:]


def _guard(one: Seed, opened: feeds.Opened) -> None:
    """Remember who is named where."""
    for _, rows in one.sheets:
        places: set[int] = set()
        for row in rows[:40]:
            for place, cell in enumerate(row):
                if isinstance(cell, str) and (said := _PARTICULAR.search(cell.strip())):
                    one.private.add(said[1].strip())
                if isinstance(cell, str) and plain(cell).endswith(tuple(items().personal_words)):
                    places.add(place)
        one.guarded.append(places)
        for place in places:
            one.private |= {str(row[place]).strip() for row in rows if place < len(row) and row[place]}
    if one.kind == "xml":
        for element in opened.root.iter(etree.Element):
            if not len(element) and _PERSONAL_TAG.search(str(element.tag)) and element.text:
                one.private.add(element.text.strip())
    # A heading is no person, and a word of a digit or two is everywhere.
    one.private = {word for word in one.private if len(word) > 4 and re.search(r"\d", word)}


def parts(data: bytes) -> dict[str, bytes]:
    """The parts of a workbook."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def decoded(one: Seed) -> str:
    """The text of a csv or XML seed."""
    return text.decode(one.data)
