"""Reads every form declared under ``catalog/forms``: one row a thing, headings in one or two lines, any order.

A sheet is a form's if the headings that tell the form stand in one line, or in two with the upper one merged over
several columns. What all rows have in common (month, department) may stand above the header. Columns of persons are
not looked at; other columns nobody asked for are named on the receipt. One wrong cell rejects its line, one missing
mandatory column refuses the file. There is no Python module a form: a :class:`SheetFeed` stands for each.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from qxmonitor import identity
from qxmonitor.catalog.items import items, plain
from qxmonitor.catalog.sheets import BASE_UNITS, INSTRUCTIONS, Column, SheetForm, names, sheets, words_of
from qxmonitor.errors import Refused
from qxmonitor.feeds import headings, kinds, numbers, personal
from qxmonitor.feeds.base import REJECT_COLUMNS, Batch
from qxmonitor.feeds.csvfile import column_letter
from qxmonitor.feeds.grid import Body, Grid, Lines, Row, gather, grids, no_table, shown
from qxmonitor.feeds.platform import newest_majority

if TYPE_CHECKING:
    from qxmonitor.feeds.opening import Opened

FORM = "sheet"

_BRACKETS = re.compile(r"(.+)\(([^()]+)\)")
_UNIT_LIKE = re.compile(r".{0,4}(?:元|美金|币|千瓦时|度|%|人年|吨|件|个|平方米|亩)")
_STATED_MONTH = re.compile(r"((?:19|20|21)\d\d)\s*年\s*(?:1\s*月?\s*[-‐–—~～至]+\s*)?(\d{1,2})\s*月(?!\s*\d{1,2}\s*日)")
_STATED_YEAR = re.compile(r"(?<!\d)((?:19|20|21)\d\d)\s*年(?!\s*\d)")
_ORGANISATION = r"[司厂店行部院所会社局站场馆校队园办处城铺坊]|中心|集团|企业|工作室|经营|合伙|项目|政府"
"""A name without any of these may be a person's, which has no place in any table."""
_STEMS = frozenset("甲乙丙丁戊己庚辛壬癸")
_TOTAL = re.compile(r"\s*[合总]\s*计")


@dataclass(frozen=True)
class Header:
    """The header of a sheet.

    Attributes:
        first: number of its first row.
        last: its last row, with the whole headings.
        found: place → column and the unit its heading states.
    """

    first: int
    last: Row
    found: dict[int, tuple[Column, str]]


class SheetFeed:
    """A declared form as a feed."""

    FORM = FORM

    def __init__(self, name: str) -> None:
        self.FEED = name
        self.__name__ = f"{__name__}.{name}"

    @property
    def declared(self) -> SheetForm:
        """The declaration."""
        return sheets()[self.FEED]

    def matches(self, opened: Opened) -> bool:
        """Whether some sheet bears the headings that tell the form."""
        if opened.kind == "xml":
            return False
        return any(header_of(grid, self.declared) is not None for grid in grids(opened))

    def read(self, opened: Opened) -> Batch:
        """Read every sheet that bears the form's header.

        Raises:
            Refused: no header, a mandatory column missing or doubled, an unknown unit, two months above one header,
                or simulated and real firms mixed.
        """
        return read(opened, self.declared)


def feeds() -> tuple[SheetFeed, ...]:
    """A feed for each declared form."""
    return tuple(SheetFeed(name) for name in names())


def read(opened: Opened, form: SheetForm) -> Batch:
    """Read a file as a form; see :meth:`SheetFeed.read`."""
    parts, notes, head = [], [], []
    for grid in grids(opened):
        header = header_of(grid, form)
        if header is not None:
            head += _above(grid, header)
            parts.append(_Sheet(grid, header, form))
        elif not grid.empty and grid.sheet != INSTRUCTIONS:
            notes.append(f"工作表“{personal.hide_words(grid.sheet[:30])}”没有可识别的表头，未读取")
    if not parts:
        raise no_table([grid.sheet for grid in grids(opened)])
    table = pd.concat([part.table for part in parts], ignore_index=True)
    said = "simulated" if any("模拟数据" in text for text in head) else "real"
    frames = [part.lines.frames() for part in parts]
    monthly = "period" in table and not any(column.kind == "year" for column in form.columns)
    return Batch(
        feed=form.feed,
        form=FORM,
        period=newest_majority(table["period"]) if monthly else None,
        tables={form.table: table},
        lines=gather([lines for lines, _, _ in frames], ["sheet", "row"]),
        rejects=gather([rejects for _, rejects, _ in frames], REJECT_COLUMNS),
        control=gather([control for _, _, control in frames], ["sheet", "row", "text"]),
        cells={key: letter for part in parts for key, letter in part.cells.items()},
        factors={key: factor for part in parts for key, factor in part.factors.items()},
        origin=(identity.origin(table["subject"]) if form.has_firm else None) or said,
        notes=[*dict.fromkeys(note for part in parts for note in part.notes), *notes],
    )


# -- the header ----------------------------------------------------------------------------------------------------


def header_of(grid: Grid, form: SheetForm) -> Header | None:
    """The header of a form in a sheet: the line, or two lines, in which most of its headings stand."""
    present = _words_near_top(grid)
    if not all(any(heading <= present for heading in form.by_id[key].headings) for key in form.tell):
        return None
    best = (0, 0, False)
    header: Header | None = None
    for at, row in enumerate(grid.head):
        for below in (None, *grid.head[at + 1 : at + 2]):
            labels = _joined(row, below)
            found = {place: hit for place, label in enumerate(labels) if label and (hit := _column(label, form))}
            here = {column.id for column, _ in found.values()}
            rank = (len(found), sum(bool(unit) for _, unit in found.values()), below is None)
            if set(form.tell) <= here and rank > best:
                best = rank
                header = Header(row.number, Row((below or row).number, [_whole(label) for label in labels]), found)
    return header


def _words_near_top(grid: Grid) -> frozenset[str]:
    """Every word of the first rows, without units in brackets too; computed once a sheet."""
    made: frozenset[str] | None = grid.__dict__.get("_words_near_top")
    if made is None:
        words: set[str] = set()
        for text in {text for row in grid.head for text in row.texts if 0 < len(text) <= 60}:
            for word in words_of(text):
                bracketed = _BRACKETS.fullmatch(word)
                words |= {word, bracketed[1]} if bracketed else {word}
        made = frozenset(words)
        grid.__dict__["_words_near_top"] = made
    return made


def _joined(top: Row, below: Row | None) -> list[tuple[str, ...]]:
    """The headings of a line, or of two: what is merged over several columns stands above each of them.

    A column of two lines gives both joined, and the lower alone where nothing of its own stands above it.
    """
    if below is None:
        return [(text,) if text else () for text in top.texts]
    labels: list[tuple[str, ...]] = []
    group = ""
    width = max(len(top.texts), len(below.texts))
    for upper, lower in zip(_padded(top.texts, width), _padded(below.texts, width), strict=True):
        group = upper or group
        if not lower:
            labels.append((upper,) if upper else ())
            continue
        labels.append((f"{group};{lower}" if group else lower, *([] if upper else [lower])))
    return labels


def _padded(texts: list[str], width: int) -> list[str]:
    return [*texts, *[""] * (width - len(texts))]


def _whole(label: tuple[str, ...]) -> str:
    return label[0] if label else ""


def _column(label: tuple[str, ...], form: SheetForm) -> tuple[Column, str] | None:
    """The column of a heading and the unit it states; the first reading that means something counts."""
    for text in label:
        if len(text) > 80 or _personal(text, form):
            continue
        words = words_of(text)
        if words in form.by_heading:
            return form.by_heading[words], ""
        for word in words:
            bracketed = _BRACKETS.fullmatch(word)
            base, unit = (bracketed[1], bracketed[2]) if bracketed else ("", word.strip("()"))
            rest = (words - {word}) | ({base} if base else set())
            column = form.by_heading.get(rest)
            if column is not None and (_UNIT_LIKE.fullmatch(unit) or unit == plain(column.unit)):
                return column, unit
    return None


def _personal(text: str, form: SheetForm) -> bool:
    words = words_of(text)
    return personal.heading(sorted(words)) or bool(words & {plain(word) for word in form.personal})


def _above(grid: Grid, header: Header) -> list[str]:
    return [grid.sheet, *(text for row in grid.head if row.number < header.first for text in row.texts if text)]


# -- one sheet -----------------------------------------------------------------------------------------------------


@dataclass
class _Sheet:
    """One sheet of a form, read."""

    grid: Grid
    header: Header
    form: SheetForm
    places: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    factors: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.above = _above(self.grid, self.header)
        self.units = self._take()
        self.stated = {c.id: said for c in self.form.columns if c.above and c.id not in self.places
                       if (said := _stated(c, self.above))}  # fmt: skip
        self._demand()
        tellers = [place for place, (column, _) in self.header.found.items()
                   if column.kind in ("credit_code", "firm_name", "code") or column.id in self.form.tell]  # fmt: skip
        self.body: Body = self.grid.body(self.header.last, tellers)
        self.lines = Lines(self.grid.sheet, self.body)
        named = [p for p in tellers if self.header.found[p][0].kind in ("credit_code", "firm_name", "code", "text")]
        self.lines.totals_and_footers(self.body, [0, *(p for p in named if not self._long(p))], self.header.last)
        self.lines.set_aside(self._numbering(), "栏次行")
        self.lines.reject(self.body.wide, "整行", "row.columns", "列数多于表头，数字里的千位逗号可能没有加引号")
        self.table = self._table()
        self.cells = {
            f"{self.grid.sheet}|{'subject' if name == 'uscc' else name}": column_letter(place)
            for name, place in self.places.items()
        }

    def _numbering(self) -> npt.NDArray[np.bool_]:
        """The line 甲 乙 1 2 3 right below a header, which numbers its columns and is nobody's."""
        found = np.zeros(len(self.body.rows), dtype=bool)
        if len(found):
            texts = [plain(self.body.text(place).iloc[0]) for place in range(len(self.header.last.cells))]
            said = [text for text in texts if text not in ("", "—", "-")]
            counters = [text for text in said if text not in _STEMS]
            counted = [str(number) for number in range(1, len(counters) + 1)]
            found[0] = len(said) >= 3 and counters in (counted, [f"({number})" for number in counted])
        return found

    def _long(self, place: int) -> bool:
        """Whether a column holds sentences, which may begin with the words of a footer."""
        return self.header.found[place][0].kind == "text" and place > 2

    def _take(self) -> dict[str, str]:
        """Column → unit of its heading; columns nobody asked for go to the notes."""
        units = {}
        for place, (column, unit) in self.header.found.items():
            if column.id in self.places:
                first, second = column_letter(self.places[column.id]), column_letter(place)
                raise Refused(f"{first} 列与 {second} 列是同一项：{column.name}")
            self.places[column.id], units[column.id] = place, unit
        extra = [
            shown(text)[:30]
            for place, text in enumerate(self.header.last.cells)
            if text and place not in self.header.found and not _personal(text, self.form) and plain(text) != "序号"
        ]
        if extra:
            self.notes.append("未采用的列：" + "、".join(extra[:10]))
        return units

    def _demand(self) -> None:
        here = self.places.keys() | self.stated.keys()
        firm = [column for column in self.form.columns if column.kind in ("credit_code", "firm_name")]
        somebody = any(column.id in here for column in firm)
        missing = [c.name for c in self.form.columns if c.required and c.id not in here and c not in firm]
        if any(column.required for column in firm) and not somebody:
            missing.insert(0, "或".join(column.name for column in firm))
        if missing:
            raise Refused("表头缺少必需的列：" + "、".join(missing))
        if absent := [c.name for c in self.form.columns if c.id not in here and not c.above and c not in firm]:
            self.notes.append("没有这些列：" + "、".join(absent))

    def _table(self) -> pd.DataFrame:
        count = len(self.body.rows)
        made: dict[str, pd.Series] = {}
        for column in self.form.columns:
            if column.kind == "credit_code" or (column.kind == "firm_name" and "subject" not in made):
                made["subject"] = self._subjects()
            elif column.kind != "firm_name":
                made[column.id] = self._column(column, count)
        if self.form.period_of:
            made["period"] = made[self.form.period_of].str.slice(0, 7)
        if self.form.key:
            made["thing"] = self._things(made)
        self._check_totals(made)
        base = {"sheet": pd.Series(self.grid.sheet, index=range(count), dtype="str"), "row": self.body.rows}
        return pd.DataFrame({**base, **made})[self.lines.data].reset_index(drop=True)

    def _reject(
        self, mask: npt.NDArray[np.bool_], field: str | pd.Series, rule: str | pd.Series, reason: str | pd.Series,
        raw: pd.Series,
    ) -> None:  # fmt: skip
        """Reject lines, but none that is shifted: what stands in its cells belongs to other columns."""
        self.lines.reject(mask & ~self.body.wide, field, rule, reason, raw)

    def _subjects(self) -> pd.Series:
        """The firm of each line; without any it is rejected only where the form demands one, a person's name always."""
        firm = [column for column in self.form.columns if column.kind in ("credit_code", "firm_name")]
        given = {c.kind: self.body.text(self.places[c.id]) for c in firm if c.id in self.places}
        if not given:
            return pd.Series(None, index=range(len(self.body.rows)), dtype="str")
        codes, names = given.get("credit_code"), given.get("firm_name")
        codes, names = (None if texts is None else texts.mask(kinds.empty(texts), "") for texts in (codes, names))
        who = identity.resolve(codes, None, None, names)
        bad = who["subject"].isna().to_numpy(dtype=bool)
        if not any(column.required for column in firm):
            bad = bad & (who["rule"] != "identity.missing").to_numpy(dtype=bool)
        self._reject(bad, who["field"], who["rule"], who["reason"], kinds.masked(who["raw"]))
        said = who["subject"].fillna("")
        named = said.str.startswith("name:") & ~said.str.contains(_ORGANISATION)
        reason = "没有信用代码，名称也不是单位名称"
        nothing = pd.Series("", index=said.index, dtype="str")
        self._reject(named.to_numpy(dtype=bool), "单位名称", "identity.person", reason, nothing)
        return who["subject"]

    def _column(self, column: Column, count: int) -> pd.Series:
        if column.id not in self.places:
            return pd.Series(self.stated.get(column.id), index=range(count), dtype="str").pipe(_typed, column)
        cells = self.body.column(self.places[column.id])
        factor = self._factor(column)
        if factor != 1:
            self.factors[f"{self.grid.sheet}|{column.id}"] = factor
        read = kinds.read(column, cells, factor)
        raw = kinds.masked(numbers.as_text(cells))
        self._reject(read.wrong, column.name, read.rule, read.reason, raw)
        if column.required:
            gone = read.values.isna().to_numpy(dtype=bool) & ~read.wrong
            self._reject(gone, column.name, "cell.missing", f"{column.name}为空", raw)
        return read.values

    def _factor(self, column: Column) -> float:
        """What printed figures are multiplied by; the heading's unit counts before the one stated above.

        Raises:
            Refused: an unknown unit, or one of another kind.
        """
        base = BASE_UNITS.get(column.kind)
        if base is None:
            return 1.0
        units = items().units
        said = (
            self.grid.rulings.unit(plain(column.name))
            or self.units[column.id]
            or headings.stated_unit(self.grid, Row(self.header.first, []), column.kind)
        )
        if said and units.kind(said) != column.kind:
            raise Refused(f"未识别的计量单位：{column.name}（{said[:20]}）")
        if not said:
            self.notes.append(f"未注明计量单位，按{column.unit}处理")
        return units.factor(said or plain(column.unit)) / units.factor(base)

    def _things(self, made: dict[str, pd.Series]) -> pd.Series:
        """The key columns joined; of a|b the second where the first is empty."""
        parts = []
        for key in self.form.key:
            first, *rest = (made[name].astype("str") for name in key.split("|"))
            for other in rest:
                first = first.fillna(other)
            parts.append(first)
        joined = parts[0]
        for part in parts[1:]:
            joined = joined + "/" + part
        return joined

    def _check_totals(self, made: dict[str, pd.Series]) -> None:
        """Compare the one 合计 line, if there is one, with the sum of the lines, up to the printing's rounding."""
        control = self.lines.control
        if not control.any() or self.lines.rejected.any():
            return
        marks = np.zeros(len(control), dtype=bool)
        for place in {0, *self.places.values()}:
            marks |= control & self.body.text(place).str.match(_TOTAL).to_numpy(dtype=bool)
        if marks.sum() != 1:
            return
        for column in self.form.columns:
            if column.kind not in BASE_UNITS or column.id not in self.places:
                continue
            figures = made[column.id].to_numpy(dtype=float)
            printed, own = figures[marks][0], np.nansum(figures[self.lines.data])
            slack = self._factor(column) * max(1.0, 0.5 * self.lines.data.sum()) + 1e-9 * abs(own)
            if not np.isnan(printed) and abs(printed - own) > slack:
                self.notes.append(f"合计行的{column.name}与各行之和不符")


def _typed(texts: pd.Series, column: Column) -> pd.Series:
    """What is stated above, or nothing, in the type of the column."""
    if column.kind in ("money", "power", "number", "percent"):
        return texts.astype("float64")
    if column.kind == "integer":
        return texts.astype("Int64")
    return texts.astype("boolean") if column.kind == "flag" else texts


def _stated(column: Column, above: list[str]) -> str | None:
    """What the lines above a header say of a column: a month, a year, or one of the words of a choice.

    Raises:
        Refused: they say two different things.
    """
    found = set(_said(column, above))
    if len(found) > 1:
        raise Refused(f"表头上方注明的{column.name}不一致：" + "、".join(sorted(found)))
    return found.pop() if found else None


def _said(column: Column, above: list[str]) -> Iterator[str]:
    if column.kind == "month":
        if month := headings.stated_period(above):
            yield month
        for text in above:
            for year, month in _STATED_MONTH.findall(text):
                if 1 <= int(month) <= 12:
                    yield f"{year}-{int(month):02d}"
    elif column.kind == "year":
        yield from (year for text in above for year in _STATED_YEAR.findall(text))
    else:
        for text in above:
            yield from (key for word, key in column.words.items() if word in plain(text))
