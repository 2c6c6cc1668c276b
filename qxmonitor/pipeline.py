"""The handful of verbs that DAGs, command line and tests all call.

Every verb takes an open :class:`~qxmonitor.warehouse.Warehouse`, does its work once however often it is called, and
answers with flat rows. Killed anywhere, a verb may simply be called again: files are kept before they are loaded,
loading is one transaction, a run that exists is recognised by what it stands on, alerts are folded anew, and mails go
by the ledger.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from qxmonitor import indicators, intake, look, signals
from qxmonitor.catalog.office import office
from qxmonitor.catalog.readers import readers
from qxmonitor.catalog.release import release_calendar
from qxmonitor.delivery import alerts as alert_mails
from qxmonitor.delivery import decisions, drain, ledger
from qxmonitor.delivery.mail import readable
from qxmonitor.delivery.maildir import Maildir
from qxmonitor.delivery.smtp import Smtp
from qxmonitor.delivery.smtp_server import SmtpServer
from qxmonitor.errors import QxError
from qxmonitor.feeds.base import Batch
from qxmonitor.period import Period
from qxmonitor.scene import HISTORY, Scene
from qxmonitor.warehouse import Warehouse, issues, store
from qxmonitor.warehouse.load import DUPLICATE, load
from qxmonitor.warehouse.panel import read_panel

log = logging.getLogger(__name__)

Row = dict[str, Any]

# -- simulate ------------------------------------------------------------------------------------------------------


def simulate(
    now: datetime, out: Path, *, firms: int, first: Period | None, last: Period | None, seed: int
) -> tuple[Period, Period]:
    """Write a synthetic town under ``out``; returns its first and last month.

    Args:
        now: the present; without ``last`` the town ends with the newest period released by then.
        out: a folder, new or empty.
        firms: how many legal entities.
        first: first month, default 29 months before the last.
        last: last month.
        seed: same seed, same bytes.

    Raises:
        QxError: the months are the wrong way round or the folder holds something.
    """
    from qxmonitor.simulate import write_town

    last = last or release_calendar().newest_released(now)
    first = first or last - 29
    if first > last:
        raise QxError(f"起始月份 {first} 晚于截止月份 {last}")
    if out.exists() and any(out.iterdir()):
        raise QxError(f"文件夹 {out} 不是空的，请另选一个")
    write_town(out, firms=firms, first=first, last=last, seed=seed)
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
    from qxmonitor import quality

    now = wh.settings.now()
    found, lost = intake.arrivals(paths, known_at, now, keep=wh.files.put)
    known = store.known_contents(wh)
    receipts: list[Row] = []
    repeated = [arrival for arrival in found if arrival.sha256 in known]
    if repeated:
        receipts += load(wh, [(a.name, a.sha256, a.size, a.known_at, DUPLICATE) for a in repeated])
    fresh = [arrival for arrival in found if arrival.sha256 not in known]
    for group in intake.groups(fresh, feed):
        batches = [read.outcome for read in group if isinstance(read.outcome, Batch)]
        checked = iter(quality.check(batches, now))
        outcomes = [next(checked) if isinstance(read.outcome, Batch) else read.outcome for read in group]
        receipts += load(
            wh,
            [
                (read.arrival.name, read.arrival.sha256, read.arrival.size, read.arrival.known_at, outcome)
                for read, outcome in zip(group, outcomes, strict=True)
            ],
        )
        log.info("%d of %d files", len(receipts), len(found))
    receipts = _live(wh, receipts) + [_lost(path, error, known_at or now) for path, error in lost.items()]
    return sorted(receipts, key=lambda receipt: str(receipt["file"]))


def _lost(path: Path, error: QxError, known_at: datetime) -> Row:
    """What stands for a receipt where a file could not even be kept."""
    return {
        "file": intake.printable(path), "sha256": None, "feed": None, "form": None, "period": None,
        "known_at": known_at.isoformat(), "rows_read": 0, "accepted": 0, "rejected": 0, "state": "refused",
        "reasons": [str(error)],
    }  # fmt: skip


def _live(wh: Warehouse, receipts: list[Row]) -> list[Row]:
    """The receipts with counts as of the end of the call: a register further on may have matched earlier rows."""
    rejected = store.rejected_now(wh)
    for receipt in receipts:
        if receipt["sha256"] in rejected:
            receipt["rejected"] = rejected[receipt["sha256"]]
            receipt["accepted"] = receipt["rows_read"] - receipt["rejected"]
    return receipts


# -- run -----------------------------------------------------------------------------------------------------------


def run(wh: Warehouse, period: Period, *, known_at: datetime | None = None) -> Row:
    """Compute a month's indicators and verdicts, fold the alerts, and plan its mails when it is the newest.

    An alert's story needs the months before it: earlier months that were never run are run first. A mail is planned
    only for the newest released period, only when enough has been reported, and never when looking back
    (``known_at``); the ledger then makes it once.

    Raises:
        QxError: nothing is known of the month by then, or it has not begun.
    """
    if period > Period.of(known_at or wh.settings.now()):
        raise QxError(f"{period.label}尚未开始，无法计算")
    for month, then in _never_run(wh, period, known_at):
        _compute(wh, month, then)
    stamp = _compute(wh, period, known_at)
    alerts = store.refold(wh, signals.fold)
    planned, why = _plan(wh, period, known_at)
    counts = store.run_counts(wh, stamp.run_id or 0)
    open_alerts = int((alerts["state"] != "closed").sum())
    return {"period": str(period), "known_at": stamp.known_at.isoformat(), **counts, "open_alerts": open_alerts,
            "planned": planned, "planning": why}  # fmt: skip


def _compute(wh: Warehouse, period: Period, known_at: datetime | None) -> store.Stamp:
    """Indicators and verdicts of one month, unless they stand already for the same inputs."""
    recorded_at = wh.newest_recorded()
    [stamp] = store.stamps(wh, [period], known_at=known_at, recorded_at=recorded_at)
    if stamp.run_id is None:
        panel = read_panel(wh, period, months=HISTORY, known_at=known_at, recorded_at=recorded_at)
        values, verdicts = indicators.compute(panel, [period]), signals.judge(panel, [period])
        [stamp] = store.write_runs(wh, [stamp], values, verdicts)
    return stamp


def _never_run(wh: Warehouse, period: Period, known_at: datetime | None) -> list[tuple[Period, datetime | None]]:
    """Earlier months with output returns that have no run at all, each with the time to run it as known at.

    That is its own release day, so that it comes out as if it had been run then, whatever month is asked for first;
    a month whose returns came only later (history loaded in bulk) is run as known at the time asked for.
    """
    first = store.first_known(wh, "b204_1", known_at)
    done = store.periods_run(wh)
    missing = []
    for month in (period - back for back in range(HISTORY - 1, 0, -1)):
        if month in first.index and month not in done:
            released = release_calendar().released_at(month)
            missing.append((month, released if first[month] <= released else known_at))
    return missing


def _plan(wh: Warehouse, period: Period, known_at: datetime | None) -> tuple[int, str]:
    """Plan the alert mails of a month if it may be mailed; returns how many are new, and why or why not."""
    now = wh.settings.now()
    if known_at is not None:
        return 0, "回看不发邮件"
    if period != release_calendar().newest_released(now):
        return 0, "不是最新发布期"
    scene = Scene(wh, period)
    reported = scene.reported()
    if reported < office().ready_share and not alert_mails.exempt(period):
        return 0, f"上报率 {reported:.0%}，不足 {office().ready_share:.0%}，暂不发"
    gates = {reader.id: scene.gate_for(reader) for reader in readers().readers if reader.alerts}
    messages = alert_mails.mails(gates, scene.alerts, period, now)
    with wh.engine.begin() as connection:
        new = ledger.plan(connection, messages, now)
    return len(new), "已列入发送台账" if new else "此前已列入台账"


# -- brief ---------------------------------------------------------------------------------------------------------


def brief(wh: Warehouse, period: Period, edition: str, out: Path, *, known_at: datetime | None = None) -> list[Row]:
    """Write the briefing of a month for an edition as .docx, .xlsx and .html, and note the issue for replay.

    Raises:
        QxError: there is no such edition, or the month was not run yet.
    """
    from qxmonitor import documents  # brings Word and the charts, a second that no other verb needs

    scene = Scene(wh, period, known_at)
    if scene.recorded_at is None or not scene.judged:
        raise QxError(f"{period.label}尚未计算，请先运行 qxmonitor run {period}")
    receipts = documents.receipts_of(scene)
    files = documents.write(scene, edition, out, receipts)
    issue = issues.note(
        wh, period, edition, known_at=scene.panel.known_at, recorded_at=scene.recorded_at,
        files={path.name: _sha256(path) for path in files}, counts=receipts.to_json(orient="records"),
    )  # fmt: skip
    return [{"issue": issue, "path": str(path), "sha256": _sha256(path)} for path in files]


def replay(wh: Warehouse, issue: str, out: Path) -> list[Row]:
    """Write an issued briefing again from what was known and recorded then.

    Returns:
        Per file: path, sha256 and ``same``, whether the bytes are those issued.

    Raises:
        QxError: there is no such issue.
    """
    from qxmonitor import documents

    noted = issues.read(wh, issue)
    scene = Scene(wh, Period(noted["period"]), noted["known_at"], noted["recorded_at"])
    issued, receipts = json.loads(noted["files"]), pd.DataFrame(json.loads(noted["counts"]))
    return [
        {"issue": issue, "path": str(path), "sha256": _sha256(path), "same": issued.get(path.name) == _sha256(path)}
        for path in documents.write(scene, noted["reader"], out, receipts)
    ]


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


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
