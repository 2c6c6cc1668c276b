"""The method handbook's frame (``handbook.yml``), and its pages: one an indicator, in words, from the catalogues."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Self

from pydantic import Field, model_validator

from qxmonitor.catalog._yaml import Entry, load
from qxmonitor.catalog.climate import made_of
from qxmonitor.catalog.indicators import Indicator, SourceUse, indicators
from qxmonitor.catalog.permitted_use import permitted_use
from qxmonitor.catalog.readers import Reader, readers


class Topic(Entry):
    """A chapter: the indicators that fit any of its patterns and no earlier chapter's."""

    name: str = Field(min_length=2)
    indicators: tuple[str, ...] = Field(min_length=1)


class FormWords(Entry):
    """What a form is called, and what happens when it is filed again."""

    name: str
    revision: str


class Scope(Entry):
    """Words on the indicators that fit a pattern and have the basis, if one is named."""

    words: str
    indicators: tuple[str, ...] = Field(min_length=1)
    basis: str | None = None

    def fits(self, entry: Indicator) -> bool:
        """Whether the words are on an indicator."""
        return self.basis in (None, entry.basis) and any(fnmatchcase(entry.id, name) for name in self.indicators)


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
    """The frame."""

    title: str
    note: str
    contents: str
    topics: tuple[Topic, ...] = Field(min_length=1)
    forms: dict[str, FormWords]
    levels: dict[str, str]
    directions: dict[str, str]
    bases: dict[str, str]
    scopes: tuple[Scope, ...]
    also: tuple[Scope, ...]
    covers: dict[str, str]
    covered: str
    sources: dict[str, str]
    channels: dict[str, str]
    methods_title: str
    methods: tuple[Method, ...]

    @model_validator(mode="after")
    def _speaks_of_everything(self) -> Self:
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

    def scope(self, entry: Indicator) -> str:
        """Which months an indicator is of."""
        return next((scope.words for scope in self.scopes if scope.fits(entry)), self.bases[entry.basis])


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
    uses = _behind(entry)
    levels = list(dict.fromkeys(level for use in entry.sources for level in use.levels))
    shown, stored = entry.display.unit or "无", "比例" if entry.unit == "1" else entry.unit
    told = [f"{book.sources[use.source]}·{book.forms[use.form].name}" for use in uses]
    told += [also.words for also in book.also if also.fits(entry)]
    covered = book.covers.get(uses[0].form, book.covered).format(share=f"{entry.min_coverage:.0%}")
    in_wan = "，单个企业以万元列" if shown == "亿元" and "firm" in levels else ""
    return Page(
        id=entry.id,
        name=entry.name,
        definition=f"{book.scope(entry)}；方向：{book.directions[entry.direction]}"
        + ("；分项之和等于全镇" if entry.additive and "chain" in levels else ""),
        formula=entry.formula,
        levels="、".join(book.levels[level] for level in levels),
        source="；".join(dict.fromkeys(told)),
        channel="；".join(dict.fromkeys(_channel(entry, use, book) for use in entry.sources)),
        coverage=covered if entry.min_coverage else "不设下限",
        precision=f"显示单位：{shown}，保留 {entry.decimals} 位小数{in_wan}（存储单位：{stored}）",
        revision="；".join(dict.fromkeys(book.forms[use.form].revision for use in uses)),
    )


def _behind(entry: Indicator) -> list[SourceUse]:
    """Sources and forms an indicator stands on: its own, or of a climate figure those of what it is made of."""
    found = [
        use
        for name, source in made_of(entry.id)
        for use in indicators().indicator(name).sources
        if use.source == source
    ]
    return found or list(entry.sources)


def _channel(entry: Indicator, use: SourceUse, book: Handbook) -> str:
    if use.source in ("reference", "customs_public"):
        return book.channels["open"]
    if use.source == "self_report":
        return book.channels["granted"]
    if len({source for _, source in made_of(entry.id)}) > 1:
        return book.channels["made"]
    named = use.source if use.source in book.channels else "gated"
    fine = not {"chain", "town"} & set(use.levels)  # nothing that readers without firm-level rights are ever given
    words = book.channels["only" if fine or permitted_use().statistical_indicator(entry.id) else named]
    return words.format(who="、".join(entry.name for entry in readers().readers if _sees_firms(entry, use.source)))


def _sees_firms(reader: Reader, source: str) -> bool:
    """Whether a reader has firm-level rights on a source for what papers are made for."""
    rights = (permitted_use().right(source, reader.id, purpose) for purpose in ("statistics", "monitoring", "support"))
    return ("firm", False) in rights
