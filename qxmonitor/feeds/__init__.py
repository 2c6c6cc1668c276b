"""Files in, normalised batches out. One module a source; a module is a feed when it has what :class:`Feed` asks for.

A new source is one module and one word in :data:`FEEDS`; one that is a plain sheet is no module at all, but a YAML file
under ``catalog/forms`` (:mod:`qxmonitor.feeds.sheet`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from qxmonitor.errors import Refused
from qxmonitor.feeds import (
    approved,
    b203,
    b204_detail,
    b204_export,
    b204_form,
    bonded,
    bonded_receipt,
    bonded_stock,
    customs,
    customs_public,
    declaration,
    personal,
    published,
    reference,
    register,
    self_report,
    sheet,
)
from qxmonitor.feeds.base import Batch
from qxmonitor.feeds.opening import Opened, open_file
from qxmonitor.feeds.rulings import Book
from qxmonitor.feeds.taken import Layout, Taken, batches

__all__ = ["FEEDS", "Feed", "MessageFeed", "Opened", "open_file", "read_file", "read_files", "sniff"]


class Feed(Protocol):
    """What a feed module has.

    Attributes:
        FEED: id of the source, as in the release calendar.
        FORM: which of its forms.
    """

    FEED: str
    FORM: str

    def matches(self, opened: Opened) -> bool:
        """Whether the content is this form; never by file name."""

    def read(self, opened: Opened) -> Batch:
        """Read the file.

        Raises:
            Refused: it cannot be read as a whole.
        """


@runtime_checkable
class MessageFeed(Feed, Protocol):
    """A feed of small messages, whose frames are made for many files together.

    Attributes:
        LAYOUT: its tables and their columns.
    """

    LAYOUT: Layout

    def take(self, opened: Opened) -> Taken:
        """The rows of a file.

        Raises:
            Refused: it cannot be read as a whole.
        """


DECLARED: tuple[Feed, ...] = sheet.feeds()
FEEDS: tuple[Feed, ...] = (
    register,
    b204_export,
    b204_form,
    b204_detail,
    b203,
    self_report,
    approved,
    customs,
    customs_public,
    published,
    declaration,
    bonded,
    bonded_stock,
    bonded_receipt,
    reference,
    *DECLARED,
)
"""All feeds. Exactly one must recognise a file; the order does not matter."""


def sniff(opened: Opened) -> Feed:
    """The feed of a file, by what stands in it.

    A declared form is told by headings that are its own, so it comes before a return that would know its other words.

    Raises:
        Refused: no feed recognises it, or several do.
    """
    found = [feed for feed in DECLARED if feed.matches(opened)] or [feed for feed in FEEDS if feed.matches(opened)]
    if not found:
        raise Refused(f"未识别的报表：{_described(opened)}")
    if len(found) > 1:
        raise Refused("报表类型不明确，同时像：" + "、".join(f"{feed.FEED}/{feed.FORM}" for feed in found))
    return found[0]


def read_file(path: Path, book: Book | None = None) -> Batch:
    """Open, recognise and read a file, as the office decided that it is to be read.

    A file that is recognised by its own words is of that feed whatever was decided; one that is not may be told by
    headings that somebody said the meaning of.

    Args:
        path: the file.
        book: the decisions in force; what of them the file gave occasion for can be asked from it afterwards.

    Raises:
        Refused: with one Chinese line.
    """
    opened, book = open_file(path), book or Book()
    feed = _told_by(opened, book) or sniff(opened)
    return _read(opened, feed, book)


def _read(opened: Opened, feed: Feed, book: Book) -> Batch:
    batch = personal.scrub(feed.read(opened.ruled(book.of(feed.FEED)) if book.in_force else opened))
    return personal.unname(batch, opened.sheets) if opened.kind in ("xlsx", "xls") else batch


def _told_by(opened: Opened, book: Book) -> Feed | None:
    """The one feed that recognises a file only by headings as they were decided; declared forms first, as always."""
    for feeds in (DECLARED, FEEDS) if book.feeds else ():
        if any(feed.matches(opened) for feed in feeds):
            return None
        found = [feed for feed in feeds if feed.FEED in book.feeds and feed.matches(opened.ruled(book.of(feed.FEED)))]
        if len(found) == 1:
            return found[0]
    return None


def read_files(paths: Sequence[Path], books: Sequence[Book] | None = None) -> list[Batch | Exception]:
    """Open, recognise and read files; in order the batch of each, or what was raised over it.

    Args:
        paths: the files.
        books: the decisions in force for each, as for :func:`read_file`; messages have no headings and units to decide.
    """
    found: dict[int, Batch | Exception] = {}
    taken: dict[str, tuple[MessageFeed, dict[int, Taken]]] = {}
    for at, path in enumerate(paths):
        try:
            opened, book = open_file(path), books[at] if books else Book()
            feed = _told_by(opened, book) or sniff(opened)
            if isinstance(feed, MessageFeed):
                taken.setdefault(feed.FEED, (feed, {}))[1][at] = feed.take(opened)
            else:
                found[at] = _read(opened, feed, book)
        except Exception as error:
            found[at] = error
    for feed, some in taken.values():
        made = batches(list(some.values()), feed.LAYOUT)
        found |= {at: personal.scrub(batch) for at, batch in zip(some, made, strict=True)}
    return [found[at] for at in range(len(paths))]


def _described(opened: Opened) -> str:
    """What a person would call the file's shape, without quoting its content."""
    if opened.kind == "xml":
        return "XML 根元素 " + str(opened.root.tag).rpartition("}")[2][:40]
    if opened.kind == "csv":
        return "文本文件里没有已知的表头"
    names = "、".join(personal.hide_words(name)[:20] for name in list(opened.sheets)[:5])
    return f"工作表 {names} 里没有已知的表头" if names else "工作簿里没有工作表"
