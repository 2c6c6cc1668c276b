"""What people do with alerts: answer, verify, silence; and the alerts folded anew from that.

An event counts in the newest month released when it was done (and not before the alert was opened), after that month's
verdict; so its place in the story follows from its ``known_at`` and not from when it was written down.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pandas as pd

from qxmonitor import signals
from qxmonitor.catalog.alerting import OUTCOMES
from qxmonitor.catalog.alerting import alerting as words
from qxmonitor.catalog.release import release_calendar
from qxmonitor.catalog.rules import rules
from qxmonitor.disclosure.suppression import TOWN
from qxmonitor.disclosure.vocabulary import ENTITY_KINDS
from qxmonitor.errors import QxError, one_line
from qxmonitor.period import SHANGHAI, Period
from qxmonitor.signals.fold import ACTS, IDENTITY
from qxmonitor.signals.outcomes import labels
from qxmonitor.signals.silence import ANYTHING
from qxmonitor.warehouse import Warehouse, asof, life, store

Row = dict[str, Any]


def refold(wh: Warehouse) -> pd.DataFrame:
    """The alerts anew, from the verdicts that count, what people did, and who explains whom; they are stored."""
    linked = _links(wh, None)
    return store.refold(wh, lambda *story: signals.explain(signals.fold(*story), linked))


def as_known(wh: Warehouse, known_at: datetime) -> pd.DataFrame:
    """The alerts as they stood with what was known by then; nothing is stored."""
    verdicts, events = store.read_raised(wh, known_at=known_at), life.events(wh, known_at=known_at)
    run = store.periods_run(wh, known_at=known_at)
    return signals.explain(signals.fold(verdicts, events, run), _links(wh, known_at))


def _links(wh: Warehouse, known_at: datetime | None) -> pd.DataFrame:
    firms, chains = (asof.read(wh, table, known_at=known_at) for table in ("register_entry", "chain_node"))
    return signals.links(firms.set_index("subject").fillna({"chain": "", "node": ""}), chains)


def act(
    wh: Warehouse, kind: str, alert_id: str, *, who: str, why: str, cause: str = "", known_at: datetime | None = None
) -> Row:
    """Record what a person did with an alert, or what verifying it found.

    Args:
        wh: an open warehouse.
        kind: ``acknowledge``, ``take``, ``resolve``, ``close``, ``reopen``, or an outcome: ``true``, ``false``,
            ``explained``.
        alert_id: of the alert. An outcome may name a month in which there was none: ``true`` then says that it was
            missed.
        who: who did it.
        why: the reason.
        cause: the verified cause, with an outcome.
        known_at: when it was done; default now.

    Returns:
        alert, state, who, why, known_at, ``new`` (false: the same was recorded before) and ``missed``.

    Raises:
        QxError: no such alert, no name or reason, a time in the future or before the alert, nothing to reopen, or it is
            closed; an outcome of an entity nobody ever heard of, or of a month that is not released.
    """
    who, why, cause, now = one_line(who).strip(), one_line(why).strip(), one_line(cause).strip(), wh.settings.now()
    if not who or not why:
        raise QxError("须写明由谁办理（--who）和理由（--why）")
    if known_at is not None and known_at > now:
        raise QxError("办理时间不能晚于现在")
    identity, opened = parse(alert_id)
    alerts = store.read_alerts(wh)
    there = alerts[alerts["alert_id"] == alert_id]
    if there.empty and kind in ACTS:
        raise QxError(f"没有这条风险提示：{alert_id[:80]}，见 qxmonitor list alerts")
    done = release_calendar().newest_released(known_at or now)
    _possible(wh, kind, there, known_at)
    if opened is None or (known_at is not None and Period.of(known_at) < opened):
        raise QxError("须写明风险提示的起始月份，办理时间不能早于它")
    if there.empty:
        _known(wh, identity["entity"], ANYTHING)
        if opened > done:
            raise QxError(f"{opened.label}还没有发布，不能登记漏报；发布到 {done} 为止")
    event = {
        **identity, "opened": str(opened), "period": str(max(opened, done)), "kind": kind, "who": who, "why": why,
        "cause": cause if kind in OUTCOMES else "",
    }  # fmt: skip
    new = life.record(wh, event, known_at=known_at, now=now)
    state = refold(wh).set_index("alert_id")["state"].get(alert_id, "")
    return {
        "alert": alert_id, "kind": kind, "state": state, "period": event["period"], "who": who, "why": why,
        "known_at": (known_at or now).astimezone(SHANGHAI).isoformat(), "new": new,
        "missed": there.empty and kind == "true",
    }  # fmt: skip


def _possible(wh: Warehouse, kind: str, there: pd.DataFrame, known_at: datetime | None) -> None:
    """Refuse to reopen what is open, or to answer what is closed; what was done earlier or is said again may be."""
    if known_at is not None or kind not in ACTS:
        return
    closed = there.iloc[0]["state"] == "closed"
    mine = life.events(wh)
    mine = mine[(mine[life.ALERT].astype(str) == there.iloc[0][life.ALERT].astype(str)).all(axis=1)]
    if len(mine) and mine.sort_values(["known_at", "event_id"]).iloc[-1]["kind"] == kind:
        return
    if kind == "reopen" and not closed:
        raise QxError("这条风险提示没有解除，不必重开")
    if kind != "reopen" and closed:
        raise QxError("这条风险提示已经解除；确需办理的先重开（qxmonitor alert reopen），补记以前办的事加 --known-at")


def parse(alert_id: str) -> tuple[dict[str, str], Period | None]:
    """An alert's id, or an identity ``RULE:KIND:ENTITY:SOURCE``, in its parts.

    Raises:
        QxError: it is not written so.
    """
    parts = alert_id.split(":")
    entity_and_more = parts[2:]
    if len(parts) not in (4, 5) or not all(entity_and_more):
        raise QxError(f"写法不对：{alert_id[:80]}，应如 output_drop:chain:C01:returns:2026-10")
    try:
        opened = Period(parts[4]) if len(parts) == 5 else None
        rules().rule(parts[0]).watching(parts[1], parts[3])
    except (KeyError, ValueError):
        raise QxError(f"没有这样的规则、对象、来源或月份：{alert_id[:80]}") from None
    return dict(zip(IDENTITY, parts[:4], strict=True)), opened


def silence(
    wh: Warehouse, *, rule: str = ANYTHING, kind: str = ANYTHING, entity: str = ANYTHING, chain: str = ANYTHING,
    first: Period, last: Period, who: str, why: str, known_at: datetime | None = None,
) -> Row:  # fmt: skip
    """Silence alerts for some months: they are listed, and not mailed. ``*`` is anything.

    Returns:
        The silence as it stands, and ``new``: false where the very same was recorded before.

    Raises:
        QxError: it would silence everything, there is no such rule, kind, entity or chain, no name or reason, it
            ends before it begins, or the very same was ended before its time.
    """
    who, why, now = one_line(who).strip(), one_line(why).strip(), wh.settings.now()
    target = {"rule": rule, "entity_kind": kind, "entity": entity, "chain": chain}
    if not who or not why:
        raise QxError("须写明由谁负责（--who）和理由（--why）")
    if all(value == ANYTHING for value in target.values()):
        raise QxError("不能静默全部风险提示，请指定规则、对象或产业链")
    if rule != ANYTHING and rule not in {entry.id for entry in rules().rules}:
        raise QxError(f"没有规则 {rule[:40]}")
    if kind != ANYTHING and kind not in ENTITY_KINDS:
        raise QxError(f"没有对象类别 {kind[:20]}，可选：{'、'.join(ENTITY_KINDS)}")
    _known(wh, entity, chain)
    if last < first:
        raise QxError("静默的截止月份早于起始月份")
    if known_at is not None and known_at > now:
        raise QxError("办理时间不能晚于现在")
    silence_id, new = life.silence(wh, target, first, last, who=who, why=why, known_at=known_at or now)
    there = _silence(wh, silence_id)
    if there["last"] != str(last):
        raise QxError(f"同样的静默 {silence_id} 已提前结束于 {there['last']}，确需再静默请写明新的理由")
    return there | {"new": new}


def _known(wh: Warehouse, entity: str, chain: str) -> None:
    """Refuse a silence or a miss of what nobody ever heard of: it would be printed and counted as if it were there."""
    chains = {TOWN, *asof.read(wh, "chain_node")["chain"].astype(str)}
    firms = set(asof.read(wh, "register_entry")["subject"].astype(str)) if entity != ANYTHING else set()
    if entity not in {ANYTHING, *chains, *firms, *store.read_verdicts(wh)["entity"].astype(str)}:
        raise QxError(f"没有这个对象：{entity[:40]}，应为名录中的统一社会信用代码、产业链代码或 {TOWN}")
    if chain not in {ANYTHING, "other", *chains}:
        raise QxError(f"没有这条产业链：{chain[:40]}，可选：{'、'.join(sorted(chains - {TOWN}))}")


def end_silence(
    wh: Warehouse, silence_id: str, *, last: Period | None, who: str, why: str, known_at: datetime | None = None
) -> Row:  # fmt: skip
    """End a silence before its time, by default with the newest released month.

    Raises:
        QxError: there is no such silence, no name or reason, or the time lies in the future.
    """
    who, why, now = one_line(who).strip(), one_line(why).strip(), wh.settings.now()
    if not who or not why:
        raise QxError("须写明由谁决定（--who）和理由（--why）")
    if known_at is not None and known_at > now:
        raise QxError("办理时间不能晚于现在")
    last = last or release_calendar().newest_released(known_at or now)
    life.end_silence(wh, silence_id, last, who=who, why=why, known_at=known_at or now)
    return _silence(wh, silence_id)


def silences(wh: Warehouse, known_at: datetime | None = None) -> list[Row]:
    """All silences known by then, with ``state`` in the newest released month: active, to come or over."""
    month = release_calendar().newest_released(known_at or wh.settings.now())
    rows = life.silences(wh, known_at=known_at).to_dict("records")
    return [
        {str(key): value.isoformat() if isinstance(value, datetime) else value for key, value in row.items()}
        | _state(str(row["first"]), str(row["last"]), month)
        for row in rows
    ]


def _state(first: str, last: str, month: Period) -> Row:
    state = "over" if last < max(first, month) else "active" if first <= month else "to_come"
    return {"active": state == "active", "state": state, "state_name": words().silence_states[state]}


def outcome_labels(
    wh: Warehouse, *, known_at: datetime | None = None, recorded_at: datetime | None = None
) -> pd.DataFrame:  # fmt: skip
    """What verification found of alerts, as known by then: :data:`qxmonitor.signals.outcomes.LABELS`."""
    return labels(life.events(wh, known_at=known_at, recorded_at=recorded_at))


def history(wh: Warehouse, alert_id: str, known_at: datetime | None = None) -> list[Row]:
    """Every change of an alert's state or level, with who and why, and what was found out about it.

    Raises:
        QxError: there is no such alert.
    """
    identity, opened = parse(alert_id)
    verdicts, events = store.read_verdicts(wh, known_at=known_at), life.events(wh, known_at=known_at)
    mine, said = ((frame[IDENTITY] == pd.Series(identity)).all(axis=1) for frame in (verdicts, events))
    run = store.periods_run(wh, known_at=known_at)
    changes = signals.history(verdicts[mine], events[said], run)
    changes = changes[changes["alert_id"] == alert_id].assign(cause="")
    idle = f"连续{words().unjudged.of(identity['rule'])}个已计算的月份没有判断依据"
    changes = changes.assign(why=changes["why"].mask(changes["closed_by"] == "unjudged", idle))
    found = events[said & (events["opened"] == str(opened)) & events["kind"].isin(OUTCOMES)]
    found = found.assign(alert_id=alert_id, state="outcome:" + found["kind"].astype(str), level=None, closed_by="")
    if changes.empty and found.empty:
        raise QxError(f"没有这条风险提示：{alert_id[:80]}")
    columns = ["alert_id", "period", "state", "closed_by", "level", "who", "why", "cause", "known_at"]
    rows = pd.concat([changes[columns].astype(object), found[columns].astype(object)])
    rows = rows.sort_values("period", kind="stable")
    return [
        {
            str(k): None if v is None or pd.isna(v) else v.isoformat() if isinstance(v, datetime) else v
            for k, v in row.items()
        }
        for row in rows.assign(who=rows["who"].replace("", "系统")).to_dict("records")
    ]


def _silence(wh: Warehouse, silence_id: str) -> Row:
    return next(row for row in silences(wh) if row["silence_id"] == silence_id)
