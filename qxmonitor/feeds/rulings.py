"""What the office decided about reading: the unit of a file's figures, and what an unknown heading means.

A ruling says how kept bytes are to be read and never what a figure is. A unit is ruled for one content, a heading for
all files of a form. Readers ask :class:`Rulings` where they would ask the sheet: for a heading's words, a unit stated
above the header, the unit of one item.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import pandas as pd

from qxmonitor.catalog.items import items, plain

Kind = Literal["unit", "mapping"]

WHOLE = "*"
"""Stands for all items of a sheet: the unit it states, or should state, above its header."""
IGNORE = "ignore"
"""What a heading means that is to be passed over."""

_ANY_TIME = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_PARTS = re.compile(r"([;；_＿|｜])")
_BRACKETS = re.compile(r"(.+)(\([^()]+\))")


@dataclass(frozen=True)
class Ruling:
    """One decision on reading.

    Attributes:
        kind: of what.
        scope: unit: the content's sha256; mapping: the feed.
        word: unit: the item's plain name, or :data:`WHOLE`; mapping: the plain heading, or a part of one.
        meaning: the unit; the words the form knows, or :data:`IGNORE`; '' revokes.
        known_at: from when on it counts.
        fix_id: its number; 0 for one that is not recorded yet.
    """

    kind: Kind
    scope: str
    word: str
    meaning: str
    known_at: datetime
    fix_id: int = 0

    @property
    def words(self) -> str:
        """It in one line, the same for all that say the same."""
        return f"{self.kind} {self.scope} {self.word} = {self.meaning}"

    @property
    def note(self) -> str:
        """For the receipt of a file that was read by it."""
        if self.kind == "unit":
            what = "全表" if self.word == WHOLE else f"“{self.word}”"
            return f"按决定读取：{what}的计量单位为{self.meaning}"
        return f"按决定读取：“{self.word}”" + ("不采用" if self.meaning == IGNORE else f"即“{self.meaning}”")


@dataclass(eq=False)
class Rulings:
    """What is in force for one file while it is read; a meaning of '' changes nothing and only notes what was met.

    Attributes:
        headings: plain heading → words to read instead, '' where it is only looked for.
        units: plain item name or :data:`WHOLE` → unit, likewise.
        met: the headings and units that the file gave occasion to ask for.
    """

    headings: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    met: set[tuple[Kind, str]] = field(default_factory=set)

    def read(self, text: str) -> str:
        """A heading as it is to be read: as a whole, or part by part of a flattened one; '' when passed over."""
        if not self.headings or not text:
            return text
        whole = self._heading(text)
        if whole is not None:
            return whole
        parts = _PARTS.split(text)
        if len(parts) == 1:
            return text
        read = [part if (said := self._heading(part)) is None else said for part in parts]
        passed_over = any(before and not after for before, after in zip(parts, read, strict=True))
        return "" if passed_over else "".join(read)

    def labels(self, texts: pd.Series) -> pd.Series:
        """Headings that stand down the rows."""
        if not self.headings:
            return texts
        return texts.map({text: self.read(text) for text in texts.unique()}).astype("str")

    def unit(self, *names: str) -> str | None:
        """The unit ruled for an item that goes by one of these plain names; None where none is."""
        for name in names:
            if name in self.units:
                self.met.add(("unit", name))
                return self.units[name] or None
        return None

    def sheet_unit(self, kind: str) -> str | None:
        """The unit ruled for all that a sheet states above its header, of one kind (money, power, persons)."""
        unit = self.units.get(WHOLE)
        if unit is None or (unit and items().units.kind(unit) != kind):
            return None
        return self.unit(WHOLE)

    def units_of(self, names: pd.Series, printed: pd.Series) -> pd.Series:
        """Printed units of many lines, with those ruled in their place."""
        if not self.units:
            return printed
        ruled = names.map({name: self.unit(plain(name)) or "" for name in names.unique()}).fillna("")
        return printed.mask((ruled != "").to_numpy(bool), ruled).astype("str")

    def _heading(self, text: str) -> str | None:
        """What one heading or part is to be read as, a unit in brackets kept; None where nothing is ruled."""
        word = plain(text)
        bracketed = _BRACKETS.fullmatch(word)
        for name, rest in ((word, ""), (bracketed[1], bracketed[2]) if bracketed else (word, "")):
            if name in self.headings:
                self.met.add(("mapping", name))
                said = self.headings[name]
                return text if not said else "" if said == IGNORE else said + rest
        return None


@dataclass
class Book:
    """The rulings in force at one moment, for any content and feed.

    Attributes:
        in_force: at most one of each kind, scope and word.
    """

    in_force: Sequence[Ruling] = ()
    _opened: dict[str, Rulings] = field(default_factory=dict)

    def of(self, feed: str) -> Rulings:
        """What counts for a file of one feed; the same object each time, so that what was met gathers."""
        if feed not in self._opened:
            headings = {r.word: r.meaning for r in self.in_force if r.kind == "mapping" and r.scope == feed}
            units = {r.word: r.meaning for r in self.in_force if r.kind == "unit"}
            self._opened[feed] = Rulings(headings, units)
        return self._opened[feed]

    @property
    def feeds(self) -> list[str]:
        """The feeds that headings are ruled for."""
        return sorted({r.scope for r in self.in_force if r.kind == "mapping"})

    def used(self, feed: str) -> list[Ruling]:
        """Those that a file gave occasion for, read as one of this feed."""
        return [ruling for ruling in self.met if ruling.kind == "unit" or ruling.scope == feed]

    @property
    def met(self) -> list[Ruling]:
        """Those that a file gave occasion for, in a fixed order, also of feeds that it might have been."""
        asked = {
            (kind, feed if kind == "mapping" else "", word)
            for feed, opened in self._opened.items()
            for kind, word in opened.met
        }
        met = [r for r in self.in_force if (r.kind, r.scope if r.kind == "mapping" else "", r.word) in asked]
        return sorted(met, key=lambda ruling: ruling.words)


def book_at(rulings: Iterable[Ruling], moment: datetime) -> Book:
    """The rulings in force at a moment: of each thing the newest known by then, none where it was revoked."""
    newest: dict[tuple[str, str, str], Ruling] = {}
    for ruling in sorted(rulings, key=lambda r: r.known_at):
        if ruling.known_at <= moment:
            newest[ruling.kind, ruling.scope, ruling.word] = ruling
    return Book([ruling for ruling in newest.values() if ruling.meaning])


def rulings_of(words: str) -> list[Ruling]:
    """The rulings a file was read by, from their words as they are kept with it; '' for a file as it stands."""
    found = []
    for line in words.splitlines():
        what, _, meaning = line.partition(" = ")
        kind, scope, word = what.split(" ", 2)
        found.append(Ruling("unit" if kind == "unit" else "mapping", scope, word, meaning, _ANY_TIME))
    return found


def looking_for(rulings: Iterable[Ruling]) -> Book:
    """A book that changes nothing and tells which of the rulings a file gives occasion for."""
    asked = {(r.kind, r.scope, r.word): Ruling(r.kind, r.scope, r.word, "", r.known_at) for r in rulings}
    return Book(list(asked.values()))
