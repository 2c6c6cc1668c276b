"""Names, units and columns of the statistics forms (``items.yml``)."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import cached_property, lru_cache
from typing import Literal, Self

from pydantic import Field, model_validator

from qxmonitor.catalog._yaml import Entry, load

Kind = Literal["money", "power", "persons"]

_DASHES = re.compile("[‐‑‒–—―─−~～－-]+")
_LEAD = re.compile(
    r"^(?:其中[:：]?|其中项[:：]?|#+|[一二三四五六七八九十]+[、.]|\([一二三四五六七八九十0-9]+\)|[0-9]{1,2}[、.]|[减加][:：])"
)


@lru_cache(maxsize=8192)
def plain(text: str) -> str:
    """A header word in the form in which words are compared.

    >>> plain("其中：出口 交货值"), plain("１—本月"), plain("工业总产值（当年价格）")
    ('出口交货值', '1-本月', '工业总产值(当年价格)')
    """
    word = re.sub(r"\s+", "", unicodedata.normalize("NFKC", text))
    word = _DASHES.sub("-", word).strip("*:：;；,，")
    while (bare := _LEAD.sub("", word)) != word and bare:
        word = bare
    return word


_MONTHLY = {"_m": "（本月）", "_ytd": "（1—本月）", "_ly_m": "（上年同期本月）", "_ly_ytd": "（上年同期1—本月）"}
_CUMULATIVE = {"": "", "_ly": "（上年同期）"}
"""Endings of columns, and the words for them."""


class Parts(Entry):
    current: tuple[str, ...]
    last_year: tuple[str, ...]
    month: tuple[str, ...]
    cumulative: tuple[str, ...]
    other_figure: tuple[str, ...]


class Units(Entry):
    money: dict[str, float]
    power: dict[str, float]
    persons: dict[str, float]

    def kind(self, word: str) -> Kind | None:
        """What a unit measures; None for an unknown word."""
        kinds: tuple[Kind, ...] = ("money", "power", "persons")
        return next((kind for kind in kinds if word in getattr(self, kind)), None)

    def factor(self, word: str) -> float:
        """What a figure in this unit is multiplied by to be in the warehouse's."""
        return {**self.money, **self.power, **self.persons}[word]


class Keys(Entry):
    uscc: tuple[str, ...]
    org: tuple[str, ...]
    name: tuple[str, ...]
    period: tuple[str, ...]


class Detail(Entry):
    """Words of B204-1 below its totals."""

    label: tuple[str, ...]
    line_code: tuple[str, ...]
    unit: tuple[str, ...]
    class_code: tuple[str, ...]
    class_name: tuple[str, ...]
    product_code: tuple[str, ...]
    product_name: tuple[str, ...]
    value: tuple[str, ...]
    quantity: tuple[str, ...]
    industry_section: tuple[str, ...]
    product_section: tuple[str, ...]
    not_taken: tuple[str, ...]
    measures: tuple[str, ...]

    def words(self, key: str) -> frozenset[str]:
        """The plain words of one entry."""
        return frozenset(map(plain, getattr(self, key)))

    @cached_property
    def quantity_unit(self) -> re.Pattern[str]:
        """What a unit of quantity looks like: a measure, counted in tens, thousands, …."""
        measures = "|".join(sorted(map(re.escape, self.measures), key=len, reverse=True))
        return re.compile(rf"(?:十|百|千|万|十万|百万|千万|亿)?(?:{measures})(?:/(?:{measures}))?")


class Item(Entry):
    """One item of a form. ``single``: one figure a row, without year and span."""

    id: str = Field(pattern=r"^[a-z][a-z_]*$")
    name: str
    kind: Kind
    synonyms: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    parent: str | None = None
    column: str | None = None
    single: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.synonyms)


class Form(Entry):
    id: str
    table: str
    title: str
    columns: Literal["month_and_cumulative", "cumulative"]
    items: tuple[str, ...] = Field(min_length=1)


class Items(Entry):
    parts: Parts
    units: Units
    keys: Keys
    detail: Detail
    personal: tuple[str, ...]
    other_items: tuple[str, ...]
    forms: tuple[Form, ...]
    items: tuple[Item, ...]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        ids = {item.id for item in self.items}
        for form in self.forms:
            if unknown := set(form.items) - ids:
                raise ValueError(f"表 {form.id} 用到未定义的指标：{'、'.join(sorted(unknown))}")
            words = Counter(plain(name) for item in self.items if item.id in form.items for name in item.names)
            if twice := [word for word, count in words.items() if count > 1]:
                raise ValueError(f"表 {form.id} 的指标名称重复：{'、'.join(twice)}")
        if wrong := [item.id for item in self.items if item.parent and item.parent not in ids]:
            raise ValueError(f"上级指标未定义：{'、'.join(wrong)}")
        return self

    @cached_property
    def by_id(self) -> dict[str, Item]:
        return {item.id: item for item in self.items}

    @cached_property
    def key_words(self) -> dict[str, str]:
        """Plain header word → ``uscc``, ``org``, ``name`` or ``period``."""
        return {plain(word): key for key in ("uscc", "org", "name", "period") for word in getattr(self.keys, key)}

    @cached_property
    def personal_words(self) -> frozenset[str]:
        return frozenset(plain(word).lower() for word in self.personal)

    @cached_property
    def all_names(self) -> dict[str, Item]:
        """Plain name or synonym → item, of any form."""
        return {plain(name): item for item in self.items for name in item.names}

    @cached_property
    def not_meant(self) -> frozenset[str]:
        """Plain words that make a label another figure than the item beside them."""
        return frozenset(map(plain, (*self.parts.other_figure, *self.other_items)))

    @cached_property
    def time_words(self) -> tuple[str, ...]:
        """Words of year and span, the longest first."""
        return tuple(sorted(self._years_spans, key=len, reverse=True))

    @cached_property
    def _years_spans(self) -> dict[str, tuple[str | None, str | None]]:
        years = {plain(w): "ty" for w in self.parts.current} | {plain(w): "ly" for w in self.parts.last_year}
        spans = {plain(w): "m" for w in self.parts.month} | {plain(w): "ytd" for w in self.parts.cumulative}
        words: dict[str, tuple[str | None, str | None]] = {
            year + span: (years[year], spans[span]) for year in years for span in spans
        }
        words |= {year: (code, None) for year, code in years.items()}
        words |= {span: (None, code) for span, code in spans.items()}
        return words

    def year_and_span(self, word: str) -> tuple[str | None, str | None] | None:
        """``('ly', 'm')`` for 上年同期本月, ``('ty', None)`` for 本年; None for any other word."""
        return self._years_spans.get(word)

    def form(self, key: str) -> Form:
        """One form by id.

        Raises:
            KeyError: no such form.
        """
        return {form.id: form for form in self.forms}[key]

    def names_of(self, form: str) -> dict[str, Item]:
        """Plain name or synonym → item, of one form."""
        return self._names[form]

    def codes_of(self, form: str) -> dict[str, Item]:
        """Code → item, of one form: hints only."""
        return {code: item for item in self.items_of(form) for code in item.codes}

    def items_of(self, form: str) -> tuple[Item, ...]:
        """The items of a form, in its order."""
        return tuple(self.by_id[key] for key in self.form(form).items)

    def columns_of(self, form: str) -> dict[str, str]:
        """Column of the form's table → the Chinese name of what stands in it, in the table's order."""
        return {column: label for shown in self.item_columns(form).values() for column, label in shown.items()}

    def item_columns(self, form: str) -> dict[str, dict[str, str]]:
        """Item name → its columns in the form's table, each with its Chinese name."""
        return self._columns[form]

    @cached_property
    def _names(self) -> dict[str, dict[str, Item]]:
        return {
            form.id: {plain(name): item for item in self.items_of(form.id) for name in item.names}
            for form in self.forms
        }

    @cached_property
    def _columns(self) -> dict[str, dict[str, dict[str, str]]]:
        found: dict[str, dict[str, dict[str, str]]] = {}
        for form in self.forms:
            spans = _MONTHLY if form.columns == "month_and_cumulative" else _CUMULATIVE
            found[form.id] = {
                item.name: {
                    (item.column or item.id) + ending: item.name + words
                    for ending, words in ({"": ""} if item.single else spans).items()
                }
                for item in self.items_of(form.id)
            }
        return found


@lru_cache(maxsize=1)
def items() -> Items:
    """The shipped items.

    Raises:
        CatalogError: ``items.yml`` is wrong.
    """
    return load("items", Items)
