"""Header words of statistics sheets: which column is which figure, in which unit.

A platform flattens its two-level header with ``;`` in inconsistent order (``1-本月;资产总计`` beside
``负债合计;上年同期``), nests groups that mean nothing here (``社会保险和住房公积金;应付职工薪酬``), and in some
years adds the unit as a fourth part. So a label is a set of words: an item, a year, a span, a unit, and rest.
Persons and telephone numbers are dropped here, before any of their cells is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from qxmonitor.catalog.items import Item, items, plain
from qxmonitor.errors import Refused
from qxmonitor.feeds import personal
from qxmonitor.feeds.csvfile import column_letter
from qxmonitor.feeds.grid import Grid, Row
from qxmonitor.feeds.numbers import parse_month
from qxmonitor.feeds.rulings import Rulings

FORM_UNITS = {"money": "千元", "power": "万千瓦时", "persons": "人"}
"""Units the statistical system prescribes, taken (with a note) where a file states none."""

_SPLIT = re.compile(r"[;；_＿|｜]")
_JOINTS = re.compile(r"[/、,]")
_PER_CENT = re.compile(r"\(?%\)?$")
_PART_OF = re.compile(r"^\s*其\s*中")
_IN_BRACKETS = re.compile(r"(.+)\(([^()]+)\)")
_UNIT_LINE = re.compile(r"(?:(?:计量|金额|货币|数量)单位|(?<![\u4e00-\u9fff])单位)\s*[:：]\s*([^\s)）]*)")
_NOT_A_PERIOD = re.compile(r"[\d\s]+|\d{4}[-/.]\d{1,2}[-/.]\d{1,2}.*")
"""A number, or the day on which something was exported."""
_MONEY_LIKE = re.compile(r"(?:元|美金|币)$")


@dataclass(frozen=True)
class Value:
    """A column of figures: its place, what its figures are multiplied by, and whether it is money that says no unit."""

    place: int
    factor: float
    money: bool = False
    bare: bool = False


@dataclass
class Headings:
    """What the columns of one header are.

    Attributes:
        keys: ``uscc``, ``org``, ``name``, ``period`` → place.
        values: column of the form's table → figures.
        notes: Chinese remarks for the receipt.
    """

    keys: dict[str, int] = field(default_factory=dict)
    values: dict[str, Value] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def places(self) -> dict[str, int]:
        """Field → place, for the cells that tracing leads to."""
        return self.keys | {name: value.place for name, value in self.values.items()}


@dataclass
class _Label:
    """One heading, taken apart."""

    item: Item | None = None
    year: str | None = None
    span: str | None = None
    units: list[str] = field(default_factory=list)
    rest: list[str] = field(default_factory=list)
    clash: bool = False


def is_header(row: Row, form: str) -> bool:
    """Whether a row is a header of this form: somebody is named in it, and a figure of the form."""
    keys, names = items().key_words, items().names_of(form)
    words = _words(row)
    somebody = any(len(w) == 1 and keys.get(w[0]) in ("uscc", "org", "name") for w in words)
    return somebody and any(item_of(word, names) is not None for w in words for word in w)


def _words(row: Row) -> list[tuple[str, ...]]:
    """The words of each cell that holds any; computed once a row, since every form looks at it."""
    made: list[tuple[str, ...]] | None = row.__dict__.get("_words")
    if made is None:
        made = [parts(text) for text in row.texts if text]
        row.__dict__["_words"] = made
    return made


def find(grid: Grid, form: str) -> Row | None:
    """The header row of a form in a sheet, if there is one."""
    return next((row for row in grid.head if is_header(row, form)), None)


def above(grid: Grid, header: Row) -> list[str]:
    """All text above a header, sheet name first."""
    return [grid.sheet, *(text for row in grid.head if row.number < header.number for text in row.texts if text)]


def read(grid: Grid, header: Row, form: str) -> Headings:
    """Understand a header.

    Raises:
        Refused: a mandatory column is missing, two columns claim one field, or a unit is unknown.
    """
    found = Headings()
    stated = stated_unit(grid, header)
    claims: dict[str, list[tuple[int, Value, str]]] = {}
    unknown: list[str] = []
    for place, text in enumerate(header.texts):
        words = parts(text)
        if not words or personal.heading(words):
            continue
        key = items().key_words.get(words[0]) if len(words) == 1 else None
        if key is not None:
            if key in found.keys:
                raise twice(found.keys[key], place, text)
            found.keys[key] = place
            continue
        label = _label(words, form)
        name = _field(label, form)
        if name is None or _part_of_another(text, form):
            unknown.append(text)
            continue
        money = label.item is not None and label.item.kind == "money"
        bare = money and not label.units and not grid.rulings.unit(plain(label.item.name if label.item else ""))
        value = Value(place, _factor(label, stated, text, grid.rulings), money, bare)
        claims.setdefault(name, []).append((len(label.rest), value, text))
    _settle(claims, found)
    if unknown:
        found.notes.append(not_taken(unknown))
    if not found.keys.keys() & {"uscc", "org", "name"}:
        raise Refused("缺少统一社会信用代码或单位名称列")
    if not found.values:
        raise Refused("没有可识别的指标列")
    missing = [name for name, columns in items().item_columns(form).items() if not columns.keys() & found.values.keys()]
    if missing:
        found.notes.append("缺少指标列，此前报过的数照旧：" + "、".join(missing))
    found.notes += _assumed(found, stated)
    return found


def _assumed(found: Headings, stated: str | None) -> list[str]:
    """The remark on columns of money whose unit nothing states; none where each says its own.

    Raises:
        Refused: other columns of the same sheet say another unit than the prescribed one.
    """
    silent = [value.place for value in found.values.values() if value.bare]
    if stated is not None or not silent:
        return []
    prescribed = items().units.factor(FORM_UNITS["money"])
    if other := [value.place for value in found.values.values() if value.money and value.factor != prescribed]:
        said, bare = column_letter(min(other)), column_letter(min(silent))
        raise Refused(f"{said} 列注明的计量单位不是千元，{bare} 列和表头上却没有注明计量单位")
    return ["未注明计量单位，按制度规定的千元处理"]


def _part_of_another(text: str, form: str) -> bool:
    """Whether a label speaks of an unknown part of an item: 财务费用;其中：手续费 is not 财务费用."""
    names = items().names_of(form)
    marked = [plain(part) for part in _SPLIT.split(text) if _PART_OF.match(part)]
    return any(word and item_of(word, names) is None for word in marked)


def stated_unit(grid: Grid, header: Row, kind: str = "money") -> str | None:
    """The unit of a kind stated above a header (``计量单位：千元``) or decided for the sheet, None where none is.

    Raises:
        Refused: unknown, or two different ones.
    """
    if ruled := grid.rulings.sheet_unit(kind):
        return ruled
    units = set()
    for row in grid.head:
        if row.number >= header.number:
            break
        for at, text in enumerate(row.texts):
            for found in _UNIT_LINE.finditer(text):
                said = found[1] or next((other for other in row.texts[at + 1 :] if other), "")
                units |= set(_units(said, found[0]))
    of_kind = {unit for unit in units if items().units.kind(unit) == kind}
    if len(of_kind) > 1:
        raise Refused("表上注明的计量单位不一致：" + "、".join(sorted(of_kind)))
    return of_kind.pop() if of_kind else None


def stated_period(texts: Sequence[str]) -> str | None:
    """The one month a block of particulars states in a cell of its own, or after 报告期：.

    Raises:
        Refused: two different months.
    """
    months = set()
    for text in texts:
        month, _ = parse_month(re.sub(r"^(?:报告期|所属期|数据年月)\s*[:：]\s*", "", text))
        if month and not _NOT_A_PERIOD.fullmatch(text):
            months.add(month)
    if len(months) > 1:
        raise Refused("表头上注明的报告期不一致：" + "、".join(sorted(months)))
    return months.pop() if months else None


def unit_factor(label: str, form: str, stated: str | None, rulings: Rulings) -> float:
    """Factor of one item's label (``企业用电量(万千瓦时)``) to the warehouse's unit.

    Raises:
        Refused: the label's unit is unknown or not of the item's kind.
    """
    return _factor(_label(parts(label), form), stated, label, rulings)


def not_taken(texts: Sequence[str]) -> str:
    """The remark about columns that name no item."""
    return "未采用的列：" + "、".join(personal.hide_words(text[:30]) for text in texts[:10])


def split(label: str, form: str) -> tuple[Item | None, str | None, str | None, list[str]]:
    """A label's item, year (``ty``/``ly``), span (``m``/``ytd``) and units, whatever the order of its parts."""
    found = _label(parts(label), form)
    return found.item, found.year, found.span, found.units


@lru_cache(maxsize=8192)
def parts(text: str) -> tuple[str, ...]:
    """The plain words of a flattened heading, in the order they are printed."""
    return tuple(word for part in _SPLIT.split(text) if (whole := plain(part)) for word in _apart(whole))


@lru_cache(maxsize=8192)
def _apart(word: str) -> tuple[str, ...]:
    """One printed part as words: 工业总产值(本月), 本年/本月/工业总产值 and 本月工业总产值 are several in one.

    Only what is known to the last character is taken apart; anything else stays as it is.
    """
    if _known(word):
        return (word,)
    pieces = tuple(piece for piece in _JOINTS.split(word) if piece)
    if len(pieces) > 1 and all(map(_known, pieces)):
        return pieces
    if not _time().search(word):
        return (word,)
    when, rest = [], word
    while cut := next((cut for time in items().time_words if (cut := _without(rest, time)) is not None), None):
        time, rest = cut
        when.append(time)
        if item_of(rest, items().all_names) is not None:
            return (*when, rest)
    return (word,)


@lru_cache(maxsize=1)
def _time() -> re.Pattern[str]:
    """Any word of time, wherever it stands: most cells hold none."""
    return re.compile("|".join(map(re.escape, items().time_words)))


def _known(word: str) -> bool:
    """Whether a word is one of time, an item or a unit."""
    known = items().year_and_span(word) or item_of(word, items().all_names) or items().units.kind(word)
    return known is not None


def _without(word: str, time: str) -> tuple[str, str] | None:
    """A word of time at either end, and what is left; None where it stands at neither."""
    if word.endswith(f"({time})"):
        rest = word[: -len(time) - 2]
    elif word.endswith(time):
        rest = word[: -len(time)]
    elif word.startswith(time):
        rest = word[len(time) :]
    else:
        return None
    rest = rest.strip("-/|、,:的")
    return (time, rest) if rest else None


def _units(said: str, line: str) -> Iterator[str]:
    """Known units in a stated list; a short unknown one is refused, a long one is a company's name after 单位：."""
    for word in re.split(r"[、,，/;；和及]", said):
        unit = plain(word)
        if items().units.kind(unit):
            yield unit
        elif unit and (len(unit) <= 6 or not line.startswith("单位")):
            raise Refused(f"未识别的计量单位：{unit[:20]}")


def item_of(word: str, names: dict[str, Item]) -> tuple[Item, str | None] | None:
    """Item of a plain word, and the unit in brackets behind it; None for no item."""
    if word in names:
        return names[word], None
    bracketed = _IN_BRACKETS.fullmatch(word)
    if bracketed and bracketed[1] in names and (items().units.kind(bracketed[2]) or _MONEY_LIKE.search(bracketed[2])):
        return names[bracketed[1]], bracketed[2]
    if bracketed and bracketed[1] in names and bracketed[2].endswith("填列"):  # 利润总额(亏损以“-”号填列)
        return names[bracketed[1]], None
    return None


def _label(words: Sequence[str], form: str) -> _Label:
    names = items().names_of(form)
    label = _Label()
    for word in words:
        when = items().year_and_span(word)
        item = item_of(word, names)
        unit = re.sub(r"^(?:计量)?单位:?", "", word)
        if when is not None:
            year, span = when
            label.clash |= bool(year and label.year not in (None, year)) or bool(
                span and label.span not in (None, span)
            )
            label.year, label.span = year or label.year, span or label.span
        elif _PER_CENT.sub("", word) in items().not_meant and item is None:
            label.clash = True
        elif item is not None:
            label.units += [item[1]] if item[1] else []
            label.item = _inner(label, item[0])
        elif items().units.kind(unit) or (_MONEY_LIKE.search(unit) and len(unit) <= 6):
            label.units.append(unit)
        else:
            label.rest.append(word)
    return label


def _inner(label: _Label, item: Item) -> Item:
    """Of an item nested in another (流动资产合计;应收账款) the inner one is meant."""
    if label.item is None or label.item is item:
        return item
    for inner, outer in ((item, label.item), (label.item, item)):
        parent: str | None = inner.parent
        while parent is not None:
            if parent == outer.id:
                return inner
            parent = items().by_id[parent].parent
    label.clash = True
    return item


def _field(label: _Label, form: str) -> str | None:
    """Column of the form's table, None for a label that names none of them."""
    if label.item is None or label.clash:
        return None
    name = label.item.column or label.item.id
    if label.item.single:
        return name if label.year != "ly" else None
    last_year = "_ly" if label.year == "ly" else ""
    if items().form(form).columns == "cumulative":
        return name + last_year if label.span != "m" else None
    return f"{name}{last_year}_{label.span}" if label.span else None


def _factor(label: _Label, stated: str | None, text: str, rulings: Rulings) -> float:
    """Factor to the warehouse's unit; head-counts and power labelled as money keep their prescribed unit."""
    units = items().units
    assert label.item is not None
    kind = label.item.kind
    if (ruled := rulings.unit(plain(label.item.name))) and units.kind(ruled) == kind:
        return units.factor(ruled)
    unknown = [unit for unit in label.units if units.kind(unit) is None]
    own = {unit for unit in label.units if units.kind(unit) == kind}
    if unknown or len(own) > 1:
        raise Refused(f"未识别的计量单位：{text[:40]}")
    if own:
        return units.factor(own.pop())
    if kind == "money":
        if label.units:
            raise Refused(f"计量单位与指标不符：{text[:40]}")
        return units.factor(stated or FORM_UNITS["money"])
    return units.factor(FORM_UNITS[kind])


def _settle(claims: dict[str, list[tuple[int, Value, str]]], found: Headings) -> None:
    """One column for each field: the one whose label has least rest; two as good as each other are refused."""
    for name, candidates in claims.items():
        candidates.sort(key=lambda claim: claim[0])
        if len(candidates) > 1 and candidates[0][0] == candidates[1][0]:
            raise twice(candidates[0][1].place, candidates[1][1].place, candidates[1][2])
        rest, value, text = candidates[0]
        found.values[name] = value
        if rest:
            found.notes.append(f"列名“{text[:40]}”中有未识别的部分，按其中的指标取数")
        if len(candidates) > 1:
            found.notes.append("未采用的下级列：" + "、".join(claim[2][:40] for claim in candidates[1:]))


def twice(first: int, second: int, text: str) -> Refused:
    """The line for two columns that claim to be one and the same."""
    return Refused(f"{column_letter(first)} 列与 {column_letter(second)} 列是同一项：{text[:40]}")
