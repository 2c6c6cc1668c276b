"""The handful of verbs that DAGs, command line and tests all call.

Every verb takes an open :class:`~qxmonitor.warehouse.Warehouse`, does its work once however often it is called, and
answers with flat rows. Killed anywhere, a verb may simply be called again: files are kept before they are loaded,
loading is one transaction, a run that exists is recognised by what it stands on, alerts are folded anew, and mails go
by the ledger. A month all of whose files are withdrawn comes to stand as if they had never come.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import pandas as pd

from qxmonitor import alerting, intake, look, readiness, runs
from qxmonitor.catalog.office import office
from qxmonitor.catalog.readers import readers
from qxmonitor.catalog.release import Family, release_calendar
from qxmonitor.delivery import alerts as alert_mails
from qxmonitor.delivery import decisions, drain, ledger
from qxmonitor.delivery.mail import readable
from qxmonitor.delivery.maildir import Maildir
from qxmonitor.delivery.smtp import Smtp
from qxmonitor.delivery.smtp_server import SmtpServer
from qxmonitor.errors import NothingKnown, QxError
from qxmonitor.feeds.base import Batch
from qxmonitor.feeds.rulings import Ruling
from qxmonitor.issuing import brief, decide, draft, replay
from qxmonitor.landing import folder
from qxmonitor.landing.sftp_server import SftpServer
from qxmonitor.period import Period
from qxmonitor.scene import Scene
from qxmonitor.warehouse import Warehouse, landed, life, readings, store
from qxmonitor.warehouse.core import LOCK_MONTHS, LOCK_READING
from qxmonitor.warehouse.files import Sight
from qxmonitor.warehouse.load import DUPLICATE, load
from qxmonitor.watch import watch

__all__ = [
    "brief", "decide", "deliver", "draft", "drop", "fetch", "hold", "ingest", "ingest_landed", "land", "release",
    "replay", "run", "simulate", "waiting", "watch",
]  # fmt: skip

log = logging.getLogger(__name__)

Row = dict[str, Any]

_LAND_AT_ONCE = 200
"""Files kept and indexed before the next ones are looked at: what a killed call has to do again."""

# -- simulate ------------------------------------------------------------------------------------------------------


def simulate(
    now: datetime,
    out: Path,
    *,
    firms: int,
    first: Period | None,
    last: Period | None,
    seed: int,
    staged: Mapping[str, int] | None = None,
    exactly: bool = False,
) -> tuple[Period, Period]:
    """Write a synthetic town under ``out``; returns its first and last month.

    Args:
        now: the present; without ``last`` the town ends with the newest period released by then.
        out: a folder, new or empty.
        firms: how many legal entities.
        first: first month, default 29 months before the last.
        last: last month.
        seed: same seed, same bytes.
        staged: how many events of each kind begin in the last months, beside those at the fixed prevalence.
        exactly: that many, or no town; by default as far as there are firms for them.

    Raises:
        QxError: the months are the wrong way round, the folder holds something, or there are not firms enough.
    """
    from qxmonitor.simulate import write_town

    last = last or release_calendar().newest_released(now)
    first = first or last - 29
    if first > last:
        raise QxError(f"起始月份 {first} 晚于截止月份 {last}")
    if out.exists() and any(out.iterdir()):
        raise QxError(f"文件夹 {out} 不是空的，请另选一个")
    write_town(out, firms=firms, first=first, last=last, seed=seed, staged=staged, exactly=exactly)
    return first, last


# -- ingest --------------------------------------------------------------------------------------------------------


def ingest(
    wh: Warehouse, paths: Iterable[Path], *, feed: str | None = None, known_at: datetime | None = None
) -> list[Row]:
    """Take in files and folders; a receipt each, in the order of their paths.

    Args:
        wh: an open warehouse.
        paths: any mix of files and folders.
        feed: accept only this feed.
        known_at: when the office received them; default by folder name, else now.

    Raises:
        QxError: a path does not exist.
    """
    now = wh.settings.now()
    found, lost = intake.arrivals(paths, known_at, now, keep=wh.files.put)
    receipts = _take_in(wh, found, feed) + [_lost(path, error, known_at or now) for path, error in lost.items()]
    return sorted(receipts, key=lambda receipt: str(receipt["file"]))


def _take_in(wh: Warehouse, found: Sequence[intake.Arrival], feed: str | None = None) -> list[Row]:
    """Read, validate and load what was kept; a receipt each. Nobody decides on reading meanwhile."""
    with wh.alone(LOCK_READING, shared=True):
        return _taken_in(wh, found, feed)


def _taken_in(wh: Warehouse, found: Sequence[intake.Arrival], feed: str | None) -> list[Row]:
    now = wh.settings.now()
    known = store.known_contents(wh)
    rulings = readings.rulings(wh)
    receipts: list[Row] = []
    repeated = [arrival for arrival in found if arrival.sha256 in known]
    if repeated:
        receipts += load(wh, [(a.name, a.sha256, a.size, a.known_at, DUPLICATE) for a in repeated])
    fresh = [arrival for arrival in found if arrival.sha256 not in known]
    loaded, ruled = 0, False
    for group in intake.groups(fresh, wh.files.path, feed, rulings):
        arrived = [
            (read.arrival.name, read.arrival.sha256, read.arrival.size, read.arrival.known_at, read.outcome,
             read.readings)
            for read in intake.judged(group, now)
        ]  # fmt: skip
        receipts += load(wh, arrived)
        log.info("%d of %d files", len(receipts), len(found))
        loaded, ruled = len(group), ruled or any(read.readings for read in group)
    receipts = receipts if loaded == len(receipts) else _live(wh, receipts)
    return _as_ruled(wh, receipts) if ruled else receipts


def _lost(path: Path, error: QxError, known_at: datetime) -> Row:
    """What stands for a receipt where a file could not even be kept."""
    return {
        "file": intake.printable(path), "sha256": None, "feed": None, "form": None, "period": None,
        "known_at": known_at.isoformat(), "rows_read": 0, "accepted": 0, "rejected": 0, "state": "refused",
        "reasons": [str(error)],
    }  # fmt: skip


def _live(wh: Warehouse, receipts: list[Row]) -> list[Row]:
    """The receipts with counts as of the end of a call of several loads: a later register may match earlier rows."""
    rejected = store.rejected_now(wh)
    for receipt in receipts:
        if receipt["sha256"] in rejected:
            receipt["rejected"] = rejected[receipt["sha256"]]
            receipt["accepted"] = receipt["rows_read"] - receipt["rejected"]
    return receipts


def _as_ruled(wh: Warehouse, receipts: list[Row]) -> list[Row]:
    """The receipts as they stand now: of a file that was decided on, those of the reading in force."""
    now = store.read_receipts(wh).drop_duplicates(["file", "sha256"], keep="last").set_index(["file", "sha256"])
    about = ["feed", "form", "period", "rows_read", "accepted", "rejected", "state"]
    for receipt in receipts:
        key = (receipt["file"], receipt["sha256"])
        if key in now.index:
            row = now.loc[[key]].iloc[0]
            [told] = look.flat(pd.DataFrame([row[about]]))
            receipt |= told | {"reasons": json.loads(row["reasons"])}
    return receipts


# -- fetch ---------------------------------------------------------------------------------------------------------


def fetch(wh: Warehouse, server: SftpServer | None = None) -> list[Row]:
    """Bring what is new on the SFTP server into the landing folder; a row a file, none when no server is set.

    Args:
        wh: an open warehouse.
        server: where from; by default the settings' one.

    Raises:
        QxError: the settings are wrong, or the server cannot be read.
    """
    if server is None and wh.settings.sftp_url:
        server = SftpServer.from_url(wh.settings.sftp_url)
    if server is None:
        return []
    from qxmonitor.landing import fetch as sftp

    return sftp.fetch(wh, server)


# -- land ----------------------------------------------------------------------------------------------------------


def land(wh: Warehouse) -> list[Period]:
    """Keep, recognise and index what lies in the landing folder; returns the months that have something to do.

    These are the months of every file that is indexed and not taken in yet, whoever indexed it, the newest released
    month when it was computed from less than is known now, and the first month of which something changed (a file
    loaded or withdrawn, a firm identified) since it was computed; running that one brings the later ones along. So what
    a killed step or a paused scheduler left behind comes up again with the next call. A file is kept only when it is
    still (:mod:`qxmonitor.landing.folder`), and then as one piece. Files that speak of no single month (register, chain
    map, reference series) and those nobody recognises are taken in here and now.
    """
    with wh.alone(landed.LOCK_LANDING):
        still, lost = list(folder.still(wh).items()), dict[Path, QxError]()
        for begin in range(0, len(still), _LAND_AT_ONCE):
            lost |= _keep(wh, dict(still[begin : begin + _LAND_AT_ONCE]))
        folder.failed(wh, lost)
        waiting = landed.pending(wh)
        _take_in(wh, _arrivals(waiting[waiting["period"].isna()]))
    months = {Period(month) for month in waiting["period"].dropna()}
    return sorted(months | set(_to_be_run_again(wh, release_calendar().newest_released(wh.settings.now()))))


def _keep(wh: Warehouse, still: dict[Path, Sight]) -> dict[Path, QxError]:
    """Keep and index files that are still; those that cannot be kept now, and why, wait for the next look."""
    found, lost = intake.kept(still, None, wh.settings.now(), keep=lambda path: wh.files.put(path, still[path]))
    for path, error in lost.items():
        log.warning("%s: %s", intake.printable(path), error)
    rulings = readings.rulings(wh)
    landed.index(wh, [_indexed(wh, arrival, still[arrival.path], rulings) for arrival in found])
    folder.done(wh, {arrival.path: still[arrival.path] for arrival in found})
    return lost


def _indexed(wh: Warehouse, arrival: intake.Arrival, sight: Sight, rulings: Sequence[Ruling]) -> Row:
    [(stands, otherwise)] = intake.read_as_ruled([(wh.files.path(arrival.sha256), arrival.sha256)], rulings)
    outcome = otherwise[-1].outcome if otherwise else stands
    batch = outcome if isinstance(outcome, Batch) else None
    single = batch is not None and batch.period is not None and batch.feed in release_calendar().by_feed
    return {
        "path": arrival.name, "bytes": sight.bytes, "modified": sight.modified, "sha256": arrival.sha256,
        "known_at": arrival.known_at, "feed": batch.feed if batch else None,
        "period": str(batch.period) if batch and single else None,
    }  # fmt: skip


def _arrivals(waiting: pd.DataFrame) -> list[intake.Arrival]:
    rows = waiting[["path", "sha256", "bytes", "known_at"]].to_dict("records")
    return [
        intake.Arrival(Path(row["path"]), row["sha256"], int(row["bytes"]), row["known_at"].to_pydatetime())
        for row in rows
    ]


def _to_be_run_again(wh: Warehouse, newest: Period) -> list[Period]:
    """The newest month and the first one that changed since its run, where they would come out differently now."""
    found: list[Period] = []
    with suppress(NothingKnown):
        found += runs.changed(wh)[:1]
    with suppress(NothingKnown):
        found += [stamp.period for stamp in store.stamps(wh, [newest]) if stamp.run_id is None]
    return sorted(set(found))


def ingest_landed(wh: Warehouse, family: Family, period: Period) -> list[Row]:
    """Take in what landed for one month from one family of feeds; a receipt each, none when nothing waits."""
    waiting = landed.pending(wh)
    mine = waiting["feed"].isin(release_calendar().family(family)) & (waiting["period"] == period)
    return _take_in(wh, _arrivals(waiting[mine]))


# -- run -----------------------------------------------------------------------------------------------------------


def run(wh: Warehouse, period: Period, *, known_at: datetime | None = None, notify: str = "") -> Row:
    """Compute a month's indicators and verdicts, fold the alerts, and plan mails when they are due.

    Months may be run in any order, twice and at once; the end is the same. An alert's story needs the months before
    it, so earlier months that were never run are run first, and so are those of which something changed since their
    run; later months that were computed from less than is known now are computed again. Mails are planned for
    the newest released month only, when enough has been reported and nothing that landed for it still waits, and never
    when looking back (``known_at``); the ledger makes them once.

    Args:
        wh: an open warehouse.
        period: the month.
        known_at: look back: only what was known then.
        notify: the reason why the mails of this very month shall go out (again), whatever month it is.

    Raises:
        QxError: nothing is known of the month by then, it has not begun, or a mail is asked for when looking back.
    """
    if period > Period.of(known_at or wh.settings.now()):
        raise QxError(f"{period.label}尚未开始，无法计算")
    if notify and known_at is not None:
        raise QxError("回看不发邮件，不能同时要求补发通知")
    with wh.alone(LOCK_MONTHS):
        missing = runs.never_run(wh, period, known_at)
        for then, together in groupby([pair for pair in missing if pair[1] != known_at], key=itemgetter(1)):
            runs.compute(wh, [month for month, _ in together], then)
        restated = [] if known_at is not None else runs.restated(wh, period)
        late = [month for month, then in missing if then == known_at]
        done = runs.compute(wh, [*late, *restated, period], known_at)
        stamp = done.stamps[-1]
        again = [] if known_at is not None else runs.outdated(wh, min([period, *restated]))
        done = runs.compute(wh, again, None) if again else done
        alerts = alerting.refold(wh)
        beyond = runs.out_of_reach(wh, period)
        planned, why = _plan(wh, period, known_at, notify, done)
    counts = store.run_counts(wh, stamp.run_id or 0)
    open_alerts = int((alerts["state"] != "closed").sum())
    return {"period": str(period), "known_at": stamp.known_at.isoformat(), **counts, "open_alerts": open_alerts,
            "before": " ".join(sorted([*(month for month, _ in missing), *restated])), "also": " ".join(again),
            "not_run": " ".join(beyond), "planned": planned, "planning": why}  # fmt: skip


def _plan(
    wh: Warehouse, period: Period, known_at: datetime | None, notify: str, done: runs.Done
) -> tuple[int, str]:  # fmt: skip
    """Plan the alert mails that are due; returns how many are new, and why or why not.

    What was just read (``done``) is not read again while nothing new is recorded.

    Without ``notify`` that is the newest released month whatever month was run, since a run of an older one may be
    what it waited for.
    """
    now = wh.settings.now()
    if known_at is not None:
        return 0, "回看不发邮件"
    month = period if notify else release_calendar().newest_released(now)
    if not notify:
        if why := readiness.objection(wh, month, now):
            return 0, why if month == period else "不是最新发布期"
        [stamp] = store.stamps(wh, [month])
        if store.was_planned(wh, alert_mails.KIND, month, stamp.run_id or 0):
            return 0, "此前已列入台账" if month == period else "不是最新发布期"
    scene = Scene(wh, month, panel=done.panel if done.recorded_at == wh.newest_recorded() else None)
    if not notify and (why := readiness.too_little(scene)):
        return 0, why
    gates = {reader.id: scene.gate_for(reader) for reader in readers().readers if reader.alerts}
    mails = alert_mails.plan(gates, scene.alerts, month, now, notify, scene.known())
    with wh.engine.begin() as connection:
        new = ledger.plan(connection, mails.messages, now)
        life.note_told(connection, mails.told[mails.told["message_id"].isin([*new, ""])], now)
        if not notify:
            store.note_planned(connection, alert_mails.KIND, month, stamp.run_id or 0, len(new), now)
    return len(new), "已列入发送台账" if new else "此前已列入台账"


# -- deliver -------------------------------------------------------------------------------------------------------


def deliver(wh: Warehouse, *, dry_run: bool = False, show: bool = False, server: SmtpServer | None = None) -> list[Row]:
    """Drain the ledger to the mail server or, without one, into the outbox.

    Args:
        wh: an open warehouse.
        dry_run: only say what would go, now or later.
        show: with ``dry_run``, each mail as its reader would read it, under ``text``.
        server: the mail server; by default the settings' one.

    Raises:
        QxError: the settings of the server are wrong, or the database went away.
    """
    if dry_run:
        rows = drain.due(wh.engine)
        texts = [{"text": readable(row.pop("body"))} for row in rows]
        return [row | text for row, text in zip(_flat(rows), texts, strict=True)] if show else _flat(rows)
    if server is None and wh.settings.smtp_url:
        server = SmtpServer.from_url(wh.settings.smtp_url)
    transport = Smtp(server, office().sender_mailbox) if server else Maildir(wh.settings.maildir)
    return _flat(drain.drain(wh.engine, transport, wh.settings.now))


def waiting(wh: Warehouse) -> int:
    """How many mails wait for a person: held, refused, failed, bounced or unknown."""
    with wh.engine.connect() as connection:
        return ledger.waiting(connection)


def hold(wh: Warehouse, message_id: str, *, who: str, why: str) -> Row:
    """Keep a mail that waits to go; raises as :func:`release`."""
    return _decide(wh, "hold", message_id, who=who, why=why)


def release(wh: Warehouse, message_id: str, *, who: str, why: str) -> Row:
    """Let a mail go (again), to the mailbox valid today and with all its tries anew.

    Raises:
        QxError: no such mail, it stands in a state in which this cannot be decided, or nobody's mailbox is valid.
    """
    return _decide(wh, "release", message_id, who=who, why=why)


def drop(wh: Warehouse, message_id: str, *, who: str, why: str) -> Row:
    """Decide that a mail never goes; raises as :func:`release`."""
    return _decide(wh, "drop", message_id, who=who, why=why)


def _decide(wh: Warehouse, verb: decisions.Verb, message_id: str, *, who: str, why: str) -> Row:
    row = decisions.decide(wh.engine, verb, message_id, who=who, why=why, now=wh.settings.now())
    return _flat([row])[0]


def _flat(rows: list[Row]) -> list[Row]:
    return look.flat(pd.DataFrame(rows))
