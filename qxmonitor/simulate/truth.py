"""Where files land, and the truth kept beside them: what each file says, and what is wrong in it.

A file is written only if it arrives before the last month is released; its figures are recorded as printed, after the
printed unit, and its lines are counted here, by the writer, never by a reader.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from qxmonitor.period import SHANGHAI, Period


@dataclass
class Figures:
    """The figures of one sheet as printed.

    Attributes:
        sheet: '' for csv and xml.
        columns: names of the values in each row: row, entity, period, then measures.
        unit: the printed money unit.
        rows: one list a printed row, None where the cell is blank, a dash or unreadable.
        rejected_rows: rows of ``rows`` that a reader must refuse (see ``dirt``).
    """

    sheet: str
    columns: list[str]
    unit: str
    rows: list[list[Any]] = field(default_factory=list)
    rejected_rows: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Blemish:
    """One piece of dirt: 1-based row as a person counts (xml: goods sequence number), field by its Chinese label."""

    sheet: str
    row: int
    field: str
    kind: str
    rejected: bool = True


@dataclass
class Document:
    """One file ready to land."""

    name: str
    feed: str
    form: str
    period: Period | None
    content: bytes
    rows_read: int
    figures: list[Figures] = field(default_factory=list)
    blemishes: list[Blemish] = field(default_factory=list)


class Landing:
    """The landing folders of one town, and its truth."""

    def __init__(self, root: Path, closes: datetime) -> None:
        self.root = root
        self.closes = closes
        self.files: list[dict[str, Any]] = []
        self.figures: list[dict[str, Any]] = []
        self.dirt: list[dict[str, Any]] = []
        self.first_day: date | None = None

    def put(self, day: date, document: Document) -> bool:
        """Land a document on a day; False (and nothing written) if that is after the last release.

        Raises:
            ValueError: two documents of one day bear the same name.
        """
        known_at = datetime.combine(day, time(), tzinfo=SHANGHAI)
        if known_at > self.closes:
            return False
        path = self.root / "landing" / day.isoformat() / document.name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as stream:
            stream.write(document.content)
        relative = path.relative_to(self.root).as_posix()
        self.files.append(
            {
                "path": relative,
                "feed": document.feed,
                "form": document.form,
                "period": document.period,
                "known_at": known_at.isoformat(),
                "rows_read": document.rows_read,
                "sha256": hashlib.sha256(document.content).hexdigest(),
            }
        )
        self.figures.extend({"file": relative, **vars(figures)} for figures in document.figures)
        self.dirt.extend(
            {
                "file": relative,
                "sheet": blemish.sheet,
                "row": blemish.row,
                "field": blemish.field,
                "kind": blemish.kind,
                "fate": "rejected" if blemish.rejected else "accepted",
            }
            for blemish in document.blemishes
        )
        self.first_day = min(day, self.first_day or day)
        return True

    def put_again(self, day: date, document: Document, name: str) -> None:
        """Land the same bytes once more under another name; its figures and dirt are those of the first file."""
        first = next(f["path"] for f in reversed(self.files) if f["path"].endswith("/" + document.name))
        copy = replace(document, name=name, figures=[], blemishes=[])
        if self.put(day, copy):
            self.files[-1]["duplicate_of"] = first

    def write_truth(self, head: dict[str, Any]) -> None:
        """Write ``truth.json``: ``head`` plus files, figures and dirt."""
        whole = {**head, "files": self.files, "figures": self.figures, "dirt": self.dirt}
        text = json.dumps(whole, ensure_ascii=False, separators=(",", ":"))
        (self.root / "truth.json").write_text(text, encoding="utf-8", newline="\n")


def number(value: float) -> float | int | None:
    """A figure for the truth: None for NaN, whole numbers as integers."""
    if value != value:
        return None
    return int(value) if value == int(value) else value
