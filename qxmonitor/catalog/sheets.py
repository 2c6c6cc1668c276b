"""Sheets with a declared shape: one YAML file a form under ``forms/``.

They are read by ``feeds/sheet.py`` and printed by ``feeds/template.py``. A new layout is a synonym, a new form is a
file; nothing in code knows their words.
"""

from __future__ import annotations

import re
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from qxmonitor.catalog._yaml import Entry, load
from qxmonitor.catalog.items import items, plain
from qxmonitor.errors import CatalogError

FOLDER = Path(__file__).parent / "forms"

Kind = Literal[
    "text", "code", "money", "power", "number", "integer", "percent", "month", "year", "date", "flag", "choice",
    "credit_code", "firm_name",
]  # fmt: skip
"""What stands in a column.

text: words; code: digits and letters whose leading zeros count; money, power: an amount with a unit, stored in 千元 and
万千瓦时; number, integer; percent: 85 or 85%; month, year, date; flag: 是 or 否; choice: one of a few words, stored as
their id; credit_code, firm_name: together they tell the firm and give the column ``subject``.
"""
BASE_UNITS = {"money": "千元", "power": "万千瓦时"}
"""The warehouse's unit of a kind that has units."""

INSTRUCTIONS = "填写说明"
"""Name of the template's sheet that is no data."""

_WORDS = re.compile(r"[;；_＿]")


def words_of(heading: str) -> frozenset[str]:
    """A heading as the set of its parts, so that 本月;用电量 and 用电量;本月 are one."""
    return frozenset(word for part in _WORDS.split(heading) if (word := plain(part)))


class Column(Entry):
    """One column of a form.

    Attributes:
        id: column of the table.
        name: heading as the template prints it.
        synonyms: other headings it goes by; parts of a two-level heading are joined by ``;`` in any order.
        required: the column must be there, and no cell of it may be empty.
        unit: unit the template asks for, and the one assumed (with a note) where a file states none.
        choices: id → its words, the one to print first.
        above: what all rows have in common may stand in the title or sheet name instead of a column.
        note: for the person who fills the template.
    """

    id: str = Field(pattern=r"^[a-z][a-z_]*$")
    name: str = Field(min_length=1)
    kind: Kind
    synonyms: tuple[str, ...] = ()
    required: bool = False
    unit: str = ""
    choices: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    above: bool = False
    note: str = ""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.kind == "choice") != bool(self.choices):
            raise ValueError(f"{self.name}：kind 为 choice 的列要写 choices，其他列不写")
        if self.kind in BASE_UNITS and items().units.kind(plain(self.unit)) != self.kind:
            raise ValueError(f"{self.name}：unit 不是这一类的计量单位")
        said = [plain(word) for words in self.choices.values() for word in words]
        if len(said) != len(set(said)) or not all(self.choices.values()):
            raise ValueError(f"{self.name}：choices 里有空的或重复的词")
        return self

    @cached_property
    def headings(self) -> frozenset[frozenset[str]]:
        """Every heading it goes by, as sets of words."""
        keys = {"credit_code": items().keys.uscc, "firm_name": items().keys.name, "month": items().keys.period}
        shared = keys.get(self.kind, ()) if self.id in ("uscc", "firm", "period") else ()
        return frozenset(words_of(name) for name in (self.name, *self.synonyms, *shared))

    @cached_property
    def words(self) -> dict[str, str]:
        """Plain word → id, of a choice."""
        return {plain(word): key for key, words in self.choices.items() for word in words}

    @property
    def heading(self) -> str:
        """The heading of the template, with its unit."""
        return f"{self.name}（{self.unit}）" if self.unit else self.name


class SheetForm(Entry):
    """One form.

    Attributes:
        feed: id of the source, as in the release calendar.
        table: warehouse table its rows go to.
        title: printed above the template's header.
        source: in ``permitted_use.yml``.
        tell: columns whose headings together are this form's and no other's.
        key: columns that say what a row speaks of, stored joined by ``/`` as ``thing``; ``a|b`` is b where a is empty.
        period_of: the date column whose month is the period, where there is no column ``period``.
        personal: headings of persons beside those of ``items.yml``; never read.
        about: lines for the template's sheet of instructions.
    """

    feed: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    table: str = Field(pattern=r"^[a-z][a-z_]*$")
    title: str = Field(min_length=2)
    source: str
    tell: tuple[str, ...] = Field(min_length=1)
    key: tuple[str, ...] = ()
    period_of: str = ""
    personal: tuple[str, ...] = ()
    about: tuple[str, ...] = ()
    columns: tuple[Column, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        ids = [column.id for column in self.columns]
        if len(ids) != len(set(ids)):
            raise ValueError("列的 id 重复")
        named = {
            *self.tell,
            *([self.period_of] if self.period_of else []),
            *(p for k in self.key for p in k.split("|")),
        }
        if unknown := sorted(named - set(ids) - {"subject"}):
            raise ValueError(f"用到未定义的列：{'、'.join(unknown)}")
        seen: dict[frozenset[str], str] = {}
        for column in self.columns:
            for heading in column.headings:
                if seen.setdefault(heading, column.id) != column.id:
                    raise ValueError(f"两列用了同一个表头：{'、'.join(sorted(heading))}")
        return self

    @cached_property
    def by_id(self) -> dict[str, Column]:
        """Id → column."""
        return {column.id: column for column in self.columns}

    @cached_property
    def by_heading(self) -> dict[frozenset[str], Column]:
        """Words of a heading → column."""
        return {heading: column for column in self.columns for heading in column.headings}

    @property
    def has_firm(self) -> bool:
        """Whether rows speak of firms."""
        return any(column.kind in ("credit_code", "firm_name") for column in self.columns)


def names() -> tuple[str, ...]:
    """The feeds of the shipped forms, in order; nothing is loaded for it."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yml")))


@lru_cache(maxsize=1)
def sheets() -> dict[str, SheetForm]:
    """The shipped forms by feed, in the order of their names.

    Raises:
        CatalogError: a file is wrong, or bears another name than its feed.
    """
    forms = {name: load(name, SheetForm, FOLDER) for name in names()}
    if wrong := [name for name, form in forms.items() if form.feed != name]:
        raise CatalogError(f"forms/{wrong[0]}.yml 的 feed 与文件名不同")
    return forms
