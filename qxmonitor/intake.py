"""From paths to groups of files that were read: what ``ingest`` does before anything touches the warehouse.

Files are taken in the order of their paths, read one by one, and validated and loaded in groups, so that hundreds of
small files share one validation and one transaction. A file that cannot be read becomes a refusal of its own and
disturbs no other.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

from qxmonitor import feeds
from qxmonitor.errors import NotYet, QxError, Refused
from qxmonitor.feeds.base import Batch
from qxmonitor.feeds.rulings import Book, Ruling, book_at, looking_for
from qxmonitor.period import SHANGHAI

log = logging.getLogger(__name__)

GROUP_ROWS, GROUP_FILES, GROUP_BYTES = 200_000, 2_000, 256 << 20
"""A group is validated and loaded together once it holds this much of any."""

_PART_FILES, _PART_BYTES = 250, 8 << 20
"""Files are read together up to so many; only then is a group looked at again."""
_KEEPERS = 8
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class Arrival:
    """A file that arrived and was kept, and when the office received it.

    Attributes:
        path: where it was found.
        sha256: of its bytes.
        size: in bytes.
        known_at: when the office received it.
    """

    path: Path
    sha256: str
    size: int
    known_at: datetime

    @property
    def name(self) -> str:
        """The path as text that can be stored and printed, whatever bytes the file system gave."""
        return printable(self.path)


@dataclass(frozen=True)
class Reading:
    """How a content reads from a time on, because of what the office decided.

    Attributes:
        known_at: from when on.
        fix_id: the decision that counts from then on.
        words: the decisions that it gives occasion for, a line each; '' as it stands.
        outcome: what reading it so gave; of '' that of reading it as it stands.
    """

    known_at: datetime
    fix_id: int
    words: str
    outcome: Batch | Refused


@dataclass(frozen=True)
class Read:
    """An arrival with what reading it gave: a batch, or the one-line reason why it is refused.

    Attributes:
        arrival: the file.
        outcome: of reading it as it stands.
        readings: how it reads otherwise by the office's decisions, in order of time; most have none.
    """

    arrival: Arrival
    outcome: Batch | Refused
    readings: tuple[Reading, ...] = ()


def arrivals(
    paths: Iterable[Path], known_at: datetime | None, now: datetime, keep: Callable[[Path], tuple[str, int]]
) -> tuple[list[Arrival], dict[Path, QxError]]:
    """Every regular file under the paths, each once, sorted by path, kept as received.

    A folder named by a day gives its files that day (00:00 in Shanghai) unless ``known_at`` is given; anything else
    is known from ``now``. A day still to come is a slip of the pen, and nobody would see the file until then: it is
    not kept. Hidden files and links are passed over.

    Args:
        paths: any mix of files and folders.
        known_at: overrides the folders' days.
        now: the present.
        keep: stores a file's bytes and returns their sha256 and size; called by several threads.

    Returns:
        The arrivals, and the files that could not be kept with the reason.

    Raises:
        QxError: a path does not exist.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if not path.exists():
            raise QxError(f"找不到文件或文件夹：{printable(path)}")
        found.update(dict.fromkeys(files(path)))
    return kept(found, known_at, now, keep)


def kept(
    found: Iterable[Path], known_at: datetime | None, now: datetime, keep: Callable[[Path], tuple[str, int]]
) -> tuple[list[Arrival], dict[Path, QxError]]:
    """Keep files that were found; arguments and answer as of :func:`arrivals`."""
    found = sorted(found)

    def arrival(path: Path) -> Arrival | QxError:
        received = known_at or _day_of(path.absolute()) or now
        if received > now:
            return NotYet(f"收到日期 {received.astimezone(SHANGHAI):%Y-%m-%d} 晚于今天，请改正后再收")
        try:
            sha256, size = keep(path)
        except QxError as error:
            return error
        return Arrival(path, sha256, size, received)

    # Keeping a file is waiting for the disk, which takes many syncs at a time as easily as one.
    with ThreadPoolExecutor(_KEEPERS) as pool:
        outcomes = dict(zip(found, pool.map(arrival, found), strict=True))
    there = [outcome for outcome in outcomes.values() if isinstance(outcome, Arrival)]
    return there, {path: outcome for path, outcome in outcomes.items() if isinstance(outcome, QxError)}


def printable(path: Path) -> str:
    """A path as one line of valid text: line breaks, escapes and other unprintables in it become spaces."""
    text = os.fsencode(path).decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else " " for letter in text)


def groups(
    pending: Iterable[Arrival],
    place: Callable[[str], Path],
    feed: str | None = None,
    rulings: Sequence[Ruling] = (),
) -> Iterator[list[Read]]:
    """Read arrivals and yield them in groups of bounded size.

    Args:
        pending: what was kept.
        place: where the kept bytes of a sha256 lie; the file that arrived may have changed or gone since.
        feed: accept only this feed.
        rulings: what was decided about reading.
    """
    group: list[Read] = []
    rows = size = 0
    for part in _parts(pending):
        read = read_as_ruled([(place(arrival.sha256), arrival.sha256) for arrival in part], rulings, feed)
        for arrival, (outcome, readings) in zip(part, read, strict=True):
            group.append(Read(arrival, outcome, readings))
            rows += outcome.rows_read if isinstance(outcome, Batch) else 0
            size += arrival.size
        if rows >= GROUP_ROWS or len(group) >= GROUP_FILES or size >= GROUP_BYTES:
            yield group
            group, rows, size = [], 0, 0
    if group:
        yield group


def read_as_ruled(
    found: Sequence[tuple[Path, str]], rulings: Sequence[Ruling], feed: str | None = None
) -> list[tuple[Batch | Refused, tuple[Reading, ...]]]:
    """What each of some kept files holds as it stands, and from each decision on that changes how it reads.

    Both follow from the bytes and the decisions alone, whichever came first.

    Args:
        found: where each file is kept, and its sha256.
        rulings: all that were ever decided; most files give no occasion for any.
        feed: accept only this feed.
    """
    mine = [[r for r in rulings if r.kind == "mapping" or r.scope == sha256] for _, sha256 in found]
    asked = [looking_for(some) for some in mine]
    stand = read_kept([kept for kept, _ in found], feed, asked)
    return [
        (stands, _otherwise(kept, feed, stands, some, book))
        for (kept, _), stands, some, book in zip(found, stand, mine, asked, strict=True)
    ]


def _otherwise(
    kept: Path, feed: str | None, stands: Batch | Refused, rulings: Sequence[Ruling], asked: Book
) -> tuple[Reading, ...]:
    """How one file reads from each moment of the rulings that may concern it; of one that is refused, all may."""
    if isinstance(stands, Batch):
        scopes = {ruling.scope for ruling in asked.met}
        rulings = [r for r in rulings if scopes and (r.kind == "unit" or r.scope in scopes)]
    read: dict[tuple[Ruling, ...], tuple[str, Batch | Refused]] = {(): ("", stands)}
    readings: list[Reading] = []
    for moment in sorted({ruling.known_at for ruling in rulings}):
        book = book_at(rulings, moment)
        in_force = tuple(book.in_force)
        if in_force not in read:
            read[in_force] = _by(kept, feed, book, stands)
        deciding = max(ruling.fix_id for ruling in rulings if ruling.known_at == moment)
        readings.append(Reading(moment, deciding, *read[in_force]))
    return tuple(readings)


def _by(kept: Path, feed: str | None, book: Book, stands: Batch | Refused) -> tuple[str, Batch | Refused]:
    """The decisions of a book that a file gives occasion for, in words, and what reading it by them gives."""
    (outcome,) = read_kept([kept], feed, [book])
    used = book.used(outcome.feed) if isinstance(outcome, Batch) else book.met
    if not used:
        return "", stands
    if isinstance(outcome, Batch):
        outcome = replace(outcome, notes=[*(ruling.note for ruling in used), *outcome.notes])
    return "\n".join(ruling.words for ruling in used), outcome


def judged(group: Sequence[Read], now: datetime) -> list[Read]:
    """A group after validation, every way of reading each file by itself.

    Args:
        group: files as read.
        now: the present; later months are refused.

    Raises:
        QxError: a suite could not be run.
    """
    from qxmonitor import quality

    ways = [{"": read.outcome} | {r.words: r.outcome for r in read.readings if r.words} for read in group]
    for nth in range(max((len(way) for way in ways), default=0)):  # no file twice in one validation
        turn = [(way, list(way)[nth]) for way in ways if len(way) > nth]
        batches = [batch for way, words in turn if isinstance(batch := way[words], Batch)]
        checked = iter(quality.check(batches, now) if batches else ())
        for way, words in turn:
            if isinstance(way[words], Batch):
                way[words] = next(checked)
    return [
        replace(
            read, outcome=way[""], readings=tuple(replace(r, outcome=way[r.words]) for r in read.readings)
        )
        for read, way in zip(group, ways, strict=True)
    ]  # fmt: skip


def _parts(pending: Iterable[Arrival]) -> Iterator[list[Arrival]]:
    """Arrivals in order, as many at once as are read together; a large file is read alone."""
    part: list[Arrival] = []
    size = 0
    for arrival in pending:
        if part and (len(part) >= _PART_FILES or size + arrival.size > _PART_BYTES):
            yield part
            part, size = [], 0
        part.append(arrival)
        size += arrival.size
    if part:
        yield part


def read_kept(
    kept: Sequence[Path], feed: str | None = None, books: Sequence[Book] | None = None
) -> list[Batch | Refused]:
    """What kept files hold, each by itself and by its own decisions, or the one-line reason why it is refused."""
    return [_outcome(path, found, feed) for path, found in zip(kept, feeds.read_files(kept, books), strict=True)]


def _outcome(path: Path, found: Batch | Exception, feed: str | None) -> Batch | Refused:
    if isinstance(found, Refused):
        return found
    if isinstance(found, Exception):
        # A reader's own fault must cost one file, not the whole call; the trace goes to the log, never to a receipt.
        log.error("reader failed on %s", path.name, exc_info=found)
        return Refused("读取程序出错，文件已留存，请将本文件交运维人员")
    if feed is not None and found.feed != feed:
        return Refused(f"本文件是 {found.feed}，不是要求的 {feed}")
    return found


def files(path: Path) -> Iterator[Path]:
    """The regular files at or under a path; hidden ones and links are passed over."""
    if path.is_file():
        yield path
        return
    for folder, subfolders, names in os.walk(path):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        for name in sorted(names):
            candidate = Path(folder) / name
            if not name.startswith(".") and candidate.is_file() and not candidate.is_symlink():
                yield candidate


def _day_of(path: Path) -> datetime | None:
    """The day the nearest enclosing folder is named by."""
    for part in reversed(path.parts[:-1]):
        if _DAY.fullmatch(part):
            try:
                day = date.fromisoformat(part)
            except ValueError:
                continue
            return datetime(day.year, day.month, day.day, tzinfo=SHANGHAI)
    return None
