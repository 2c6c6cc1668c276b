"""The watch: what should have happened and has not, read from calendar, receipts and ledger, never from the scheduler.

A scheduler that is down reports nothing about itself. So the watch compares what is due with what is there, tells the
operators each finding once, in one mail for all that is new, and leaves a heartbeat that an outside monitor can read.
Findings name feeds, months and messages; they carry no figure and no firm.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from qxmonitor.catalog.office import office
from qxmonitor.catalog.readers import readers
from qxmonitor.catalog.release import release_calendar
from qxmonitor.delivery import alerts, briefing_mail, ledger, watch_mail
from qxmonitor.delivery.files import write_private
from qxmonitor.landing import folder
from qxmonitor.period import SHANGHAI, Period
from qxmonitor.warehouse import Warehouse, landed, sql, store
from qxmonitor.warehouse.core import LOCK_WATCH

_MAILS = {alerts.KIND: "风险提示邮件", briefing_mail.KIND: "简报邮件"}
_BACK = 3
"""How many released months a missing feed is looked for in."""


@dataclass(frozen=True)
class Finding:
    """One thing that needs a person.

    Attributes:
        key: the same finding has the same key, and is told once.
        words: one Chinese line.
        since: since when it is so.
    """

    key: str
    words: str
    since: datetime


def _simulated(wh: Warehouse) -> bool:
    return "simulated" in wh.arrow(sql.query("origin"))["value"].to_pylist()


def watch(wh: Warehouse) -> list[dict[str, Any]]:
    """Look once: plan a mail about what is new, and write the heartbeat.

    Returns:
        Every finding that holds now: finding, words, since, ``told`` (whether this call was the first to tell it).
    """
    now = wh.settings.now()
    with wh.alone(LOCK_WATCH):
        found = [
            *_feeds_late(wh, now),
            *_unread(wh),
            *_not_fetched(wh),
            *_landed_long_ago(wh, now),
            *_not_delivered(wh, now),
            *_held(wh),
        ]
        known = set(wh.arrow(sql.query("notice_known"))["finding"].to_pylist())
        new = [finding for finding in found if finding.key not in known]
        if new:
            period = release_calendar().newest_released(now)
            message = watch_mail.message(
                [(finding.words, finding.since) for finding in new], period, now, simulated=_simulated(wh)
            )
            with wh.engine.begin() as connection:
                ledger.plan(connection, [message], now)
                for finding in new:
                    connection.execute(
                        text(sql.query("notice_tell")),
                        {"finding": finding.key, "words": finding.words, "since": finding.since, "told_at": now,
                         "message_id": message.message_id},
                    )  # fmt: skip
    told = {finding.key for finding in new}
    rows = [
        {"finding": f.key, "words": f.words, "since": f.since.astimezone(SHANGHAI).isoformat(), "told": f.key in told}
        for f in found
    ]
    beat = {"at": now.isoformat(), "state": "attention" if found else "ok", "findings": [row["words"] for row in rows]}
    write_private(wh.settings.heartbeat, json.dumps(beat, ensure_ascii=False, indent=1).encode())
    return rows


def _feeds_late(wh: Warehouse, now: datetime) -> Iterator[Finding]:
    """Feeds in use of which nothing is here, not even waiting to be taken in, for a month whose returns are due."""
    waiting = landed.pending(wh)
    for entry in release_calendar().feeds:
        there = store.first_known(wh, entry.feed)
        if there.empty:
            continue  # this town has no such source
        newest = Period.of(now)
        arrived = {*there.index, *waiting.loc[waiting["feed"] == entry.feed, "period"].dropna()}
        for period in (newest - back for back in range(_BACK, 0, -1)):
            due = entry.due(period)
            if entry.returns_in(period) and due <= now and period not in arrived and period > there.index.min():
                yield Finding(
                    f"feed_late:{entry.feed}:{period}",
                    f"{entry.name}{period.label}数据逾期未到，应于 {entry.due_date(period):%m 月 %d 日}前报送",
                    due,
                )


def _unread(wh: Warehouse) -> Iterator[Finding]:
    """Files that have lain in the landing folder for long and could not be kept; by reason, since names tell firms."""
    hours, reasons = office().watch.unread_hours, dict[str, list[datetime]]()
    before = datetime.now(SHANGHAI) - timedelta(hours=hours)  # of the files' own clock, also in a rehearsal
    for _, look in folder.waiting(wh):
        if look.waiting_since is not None and look.waiting_since < before:
            reasons.setdefault(look.why or "一直在变化", []).append(look.waiting_since)
    for why, times in reasons.items():
        yield Finding(
            f"unread:{why}:{min(times).astimezone(SHANGHAI):%Y-%m-%d}",
            f"收件目录里有 {len(times)} 份文件超过 {hours} 小时未能收取：{why}；文件名见 qxmonitor doctor",
            min(times),
        )


def _not_fetched(wh: Warehouse) -> Iterator[Finding]:
    """SFTP servers from which something could not be brought for long."""
    hours = office().watch.unread_hours
    before = datetime.now(SHANGHAI) - timedelta(hours=hours)
    for state in landed.fetch_states(wh):
        if state.failing_since is not None and state.failing_since < before:
            since = state.failing_since.astimezone(SHANGHAI)
            yield Finding(
                f"fetch:{state.server}:{since:%Y%m%d%H%M%S}", f"SFTP 收件超过 {hours} 小时不正常：{state.words}", since
            )


def _landed_long_ago(wh: Warehouse, now: datetime) -> Iterator[Finding]:
    """Files that were kept but not taken in for long: the ingest does not run, or fails on them."""
    waiting, hours = landed.pending(wh), office().watch.landed_hours
    old = waiting[waiting["landed_at"] < now - timedelta(hours=hours)]
    for key, rows in old.fillna({"period": "", "feed": ""}).groupby(["period", "feed"]):
        period, feed = (str(part) for part in key)
        since = rows["landed_at"].min().to_pydatetime()
        label = Period(period).label if period else ""
        entry = release_calendar().by_feed.get(feed)
        yield Finding(
            f"landed:{feed}:{period}:{since:%Y-%m-%d}",
            f"{label}{entry.name if entry else '其他文件'} {len(rows)} 份到文超过 {hours} 小时未入库",
            since,
        )


def _not_delivered(wh: Warehouse, now: datetime) -> Iterator[Finding]:
    """Mails of the newest month that should be out by now and are not even accepted by the post."""
    period = release_calendar().newest_released(now)
    released = release_calendar().released_at(period)
    kinds = ((alerts.KIND, office().watch.alerts_hours), (briefing_mail.KIND, office().watch.briefing_hours))
    if period not in store.periods_run(wh) and store.first_known(wh, "b204_1").empty:
        return  # nothing was ever taken in: an installation that has not begun
    with wh.engine.connect() as connection:
        mails = ledger.listing(connection)
    for kind, hours in kinds:
        due = released + timedelta(hours=hours)
        of_kind = [row for row in mails if row["kind"] == kind]
        done = any(row["period"] == str(period) and row["state"] == "accepted" for row in of_kind)
        begun = bool(of_kind) or _begun(wh, timedelta(hours=hours))
        if due <= now and begun and not done:
            yield Finding(
                f"not_delivered:{kind}:{period}",
                f"{period.label}{_MAILS[kind]}应于发布后 {hours} 小时内发出，至今没有一封送出",
                due,
            )


def _begun(wh: Warehouse, span: timedelta) -> bool:
    """Whether the installation has had files for so long: until then a sender that never sent had nothing to send."""
    first = wh.arrow(sql.query("first_recorded"))["recorded_at"][0].as_py()
    return (
        first is not None and datetime.now(SHANGHAI) - first >= span
    )  # of the server's own clock, also in a rehearsal


def _held(wh: Warehouse) -> Iterator[Finding]:
    """Mails that wait for a person; the watch's own are left out, since a mail cannot tell of itself."""
    with wh.engine.connect() as connection:
        rows = ledger.listing(connection)
    for row in rows:
        if row["state"] in ledger.WAITING and row["kind"] != watch_mail.KIND:
            yield Finding(
                f"mail:{row['message_id']}:{row['state']}:{row['state_at'].astimezone(SHANGHAI):%Y%m%d%H%M%S}",
                f"{Period(row['period']).label}{_MAILS[row['kind']]}（{_reader(row['reader'])}）{ledger.WAITING[row['state']]}，待人处理：{row['message_id']}",
                row["state_at"],
            )


def _reader(key: str) -> str:
    return {reader.id: reader.name for reader in readers().readers}.get(key, key)
