"""The method handbook's frame (``handbook.yml``), and its pages: one an indicator, in words, from the catalogues."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Self

from pydantic import Field, model_validator

from qxmonitor.catalog._yaml import Entry, load
from qxmonitor.catalog.indicators import Indicator, SourceUse, indicators
from qxmonitor.catalog.permitted_use import permitted_use


class Topic(Entry):
    """A chapter: the indicators that fit any of its patterns and no earlier chapter's."""

    name: str = Field(min_length=2)
    indicators: tuple[str, ...] = Field(min_length=1)


class FormWords(Entry):
    """What a form is called, and what happens when it is filed again."""

    name: str
    revision: str


class Method(Entry):
    """A method that is no indicator, in words: how lists, scores and comparisons are made."""

    id: str
    name: str
    definition: str
    formula: str
    source: str
    channel: str
    revision: str


class Handbook(Entry):
    """The frame; ``works`` says which two levels a ratio is worked from."""

    title: str
    note: str
    contents: str
    topics: tuple[Topic, ...] = Field(min_length=1)
    forms: dict[str, FormWords]
    levels: dict[str, str]
    directions: dict[str, str]
    bases: dict[str, str]
    sources: dict[str, str]
    channels: dict[str, str]
    works: dict[str, tuple[str, str]]
    methods_title: str
    methods: tuple[Method, ...]

    @model_validator(mode="after")
    def _speaks_of_everything(self) -> Self:
        known = {entry.id for entry in indicators().indicators}
        if unknown := sorted({key for pair in self.works.items() for key in (pair[0], *pair[1])} - known):
            raise ValueError(f"没有指标 {unknown[0]}")
        for entry in indicators().indicators:
            if self.topic(entry.id) is None:
                raise ValueError(f"指标 {entry.id} 不在任何一章")
            for use in entry.sources:
                if use.form not in self.forms or use.source not in self.sources:
                    raise ValueError(f"没有写明来源 {use.source} 或报表 {use.form}")
        return self

    def topic(self, indicator: str) -> Topic | None:
        """The chapter an indicator stands in."""
        fits = (t for t in self.topics if any(fnmatchcase(indicator, pattern) for pattern in t.indicators))
        return next(fits, None)


class Page(Entry):
    """One indicator in words."""

    id: str
    name: str
    definition: str
    formula: str
    levels: str
    source: str
    channel: str
    coverage: str
    precision: str
    revision: str


@lru_cache(maxsize=1)
def handbook() -> Handbook:
    """The shipped handbook frame.

    Raises:
        CatalogError: ``handbook.yml`` is wrong.
    """
    return load("handbook", Handbook)


def pages() -> list[tuple[Topic, list[Page]]]:
    """All indicators in words, chapter by chapter, in the catalogue's order."""
    book = handbook()
    found: dict[str, list[Page]] = {topic.name: [] for topic in book.topics}
    for entry in indicators().indicators:
        topic = book.topic(entry.id)
        assert topic is not None, entry.id  # the loader has looked
        found[topic.name].append(_page(entry, book))
    return [(topic, found[topic.name]) for topic in book.topics if found[topic.name]]


def _page(entry: Indicator, book: Handbook) -> Page:
    uses = entry.sources
    levels = list(dict.fromkeys(level for use in uses for level in use.levels))
    shown, stored = entry.display.unit, "比例" if entry.unit == "1" else entry.unit
    least = f"应报企业中至少 {entry.min_coverage:.0%} 有数才给出汇总数" if entry.min_coverage else "不设下限"
    return Page(
        id=entry.id,
        name=entry.name,
        definition=f"{book.bases[entry.basis]}；方向：{book.directions[entry.direction]}"
        + ("；分项之和等于全镇" if entry.additive else ""),
        formula=entry.formula,
        levels="、".join(book.levels[level] for level in levels),
        source="；".join(f"{book.sources[use.source]}·{book.forms[use.form].name}" for use in uses),
        channel="；".join(dict.fromkeys(_channel(entry, use, book) for use in uses)),
        coverage=least,
        precision=f"显示单位：{shown}，保留 {entry.decimals} 位小数（存储单位：{stored}）",
        revision="；".join(dict.fromkeys(book.forms[use.form].revision for use in uses)),
    )


def _channel(entry: Indicator, use: SourceUse, book: Handbook) -> str:
    if use.source in ("register", "reference", "customs_public"):
        return book.channels["register" if use.source == "register" else "open"]
    if use.source == "self_report":
        return book.channels["granted"]
    return book.channels["only" if permitted_use().statistical_indicator(entry.id) else "gated"]
