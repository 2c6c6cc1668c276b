"""What a person decides about a mail: hold it, release it to go (again), or drop it; with who and why, for the history.

An accepted mail is past deciding: what must be said again is a mail of its own, with its reason as occasion. A mail is
released to the mailbox that is valid today, so that a wrong one is mended in the catalogue and not by hand.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Engine, text

from qxmonitor.catalog.readers import readers
from qxmonitor.delivery import ledger
from qxmonitor.delivery.mail import readdressed
from qxmonitor.disclosure.cleared import one_line
from qxmonitor.errors import QxError
from qxmonitor.period import SHANGHAI
from qxmonitor.warehouse.sql import query

Verb = Literal["hold", "release", "drop"]

_FROM = {
    "hold": ("planned", "deferred"),
    "release": ("unknown", "held", "failed", "refused", "bounced", "deferred"),
    "drop": ("unknown", "held", "failed", "refused", "bounced", "deferred", "planned"),
}
_TO = {"hold": "held", "release": "planned", "drop": "dropped"}
_WORD = {"hold": "暂缓", "release": "放行", "drop": "撤下"}
_WHY_NOT = {
    "accepted": "已送达，不能再发；确需再发的，写明事由另行通知",
    "dropped": "已决定不发",
    "sending": "正在发送或上次发送中断，请先运行 qxmonitor deliver",
    "planned": "已在待发之列",
    "held": "已经暂缓",
}


def decide(engine: Engine, verb: Verb, message_id: str, *, who: str, why: str, now: datetime) -> dict[str, Any]:
    """Carry out a person's decision.

    Args:
        engine: of the warehouse.
        verb: ``hold`` (not yet), ``release`` (go, with all tries anew) or ``drop`` (never).
        message_id: of the mail, with or without its angle brackets.
        who: who decides.
        why: the reason.
        now: the present.

    Returns:
        The mail's row in the ledger.

    Raises:
        QxError: no such mail, no name or reason, or it stands in a state in which this cannot be decided.
    """
    who, why = one_line(who), one_line(why, 500)
    if not who or not why:
        raise QxError("须写明由谁决定（--who）和理由（--why）")
    message_id = f"<{message_id.strip().strip('<>')}>"
    with engine.connect() as conn, ledger.locked(conn, message_id) as mine:
        if not mine:
            raise QxError(f"这封邮件正在发送，请稍后再试：{message_id}")
        row = conn.execute(text(query("ledger_read")), {"message_id": message_id}).mappings().first()
        if row is None:
            raise QxError(f"台账中没有这封邮件：{message_id}")
        if row["state"] not in _FROM[verb]:
            reason = _WHY_NOT.get(row["state"], "先放行或撤下")
            raise QxError(f"不能{_WORD[verb]}这封邮件（状态 {row['state']}）：{reason}")
        if verb == "release":
            _address(conn, dict(row), now)
        was = (row["state"], row["attempts"])
        again = 0 if verb == "release" else None
        ledger.change(conn, message_id, was, _TO[verb], now, who=who, detail=f"{_WORD[verb]}：{why}", attempts=again)
        conn.commit()
        (found,) = ledger.listing(conn, message_id=message_id)
        return found


def _address(conn: Connection, row: dict[str, Any], now: datetime) -> None:
    """Point a mail to the mailbox valid today; one marked as a trial stays one, and the other way round."""
    found = {entry.id: entry for entry in readers().readers}.get(row["reader"])
    if found is None:
        if row["recipient"]:
            return
        raise QxError(f"接收单位 {row['reader']} 已不在 readers.yml 中，不能放行")
    way = readers().route(found, now.astimezone(SHANGHAI).date(), trial=row["trial"])
    if way.mailbox is None:
        raise QxError(f"{way.to.name}目前没有有效的收件邮箱，请先在 readers.yml 中补上")
    if way.mailbox.address != row["recipient"]:
        body = readdressed(bytes(row["body"]), way)
        there = {"message_id": row["message_id"], "recipient": way.mailbox.address, "body": body}
        conn.execute(text(query("ledger_address")), there)
