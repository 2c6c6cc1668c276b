"""Plan drills 预案演练: what an alert would put into whose mail, with made-up things; nothing is sent or written.

The whole way of a mail is gone, gate and rendering included, on a made-up firm that authorises everybody, and on a
chain or town that may be published.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from qxmonitor.catalog.indicators import indicators
from qxmonitor.catalog.office import office
from qxmonitor.catalog.permitted_use import permitted_use
from qxmonitor.catalog.plans import LEVELS, plans
from qxmonitor.catalog.readers import Reader, readers
from qxmonitor.catalog.release import release_calendar
from qxmonitor.catalog.rules import Rule, Watch, rules
from qxmonitor.delivery import alerts as alert_mails
from qxmonitor.delivery.mail import readable
from qxmonitor.disclosure import Gate, Pattern
from qxmonitor.errors import QxError
from qxmonitor.period import Period
from qxmonitor.signals import spread
from qxmonitor.signals.conditions import words
from qxmonitor.signals.detect.told import Told
from qxmonitor.signals.expectation import teller

Row = dict[str, Any]

_OCCASION = "drill"
"""Its Message-ID is not that of the month's real mail."""

_FIRM, _CHAIN, _NODE = "91000000DRILL00001", "DRILL", "DRILL/N1"
_CHAINS = pd.DataFrame(
    {"chain": [_CHAIN], "chain_name": ["演练产业链（虚构）"], "node": ["N1"], "node_name": ["演练节点"]}
)
_EVIDENCE: Row = {"basis": "month", "growth": -0.45, "adjusted": -0.45, "months": 3, "current": 55_000, "base": 100_000}


def drill(name: str, level: str, now: datetime) -> list[Row]:
    """The mails a plan or rule would bring at a level.

    Args:
        name: a plan's or rule's id.
        level: blue, yellow, orange or red.
        now: the clock; the month is the newest released one that is judged.

    Returns:
        reader, name, role (lead or support), mailbox, rule, entity_kind, source, plan, subject and text, by watch and
        reader. A reader whom the gate shows nothing of it has ``subject`` and ``text`` saying so.

    Raises:
        QxError: there is no such plan or rule.
    """
    month = release_calendar().newest_released(now)
    while alert_mails.exempt(month):
        month = month - 1
    chosen = [
        (rule, watch) for rule in rules().rules for watch in rule.watch if name in (rule.id, watch.plan)
    ]  # fmt: skip
    if not chosen:
        known = "、".join([*(plan.id for plan in plans().plans), *(rule.id for rule in rules().rules)])
        raise QxError(f"没有预案或规则 {name[:40]}，可选：{known}")
    number = LEVELS.index(level) + 1
    return [
        _mail(rule, watch, min(number, len(watch.levels.steps())), readers().reader(key), month, now)
        for rule, watch in chosen
        for key in (watch.lead, *watch.support)
    ]


def _mail(rule: Rule, watch: Watch, level: int, to: Reader, month: Period, now: datetime) -> Row:
    gate = _gate(rule, to, month)
    shown, _ = alert_mails.view(gate, to, _alert(rule, watch, level, month), month, now, drill=True)
    way = {"lead": "牵头", "support": "配合"}["lead" if to.id == watch.lead else "support"]
    row: Row = {
        "reader": to.id, "name": to.name, "role": way, "rule": rule.id, "entity_kind": watch.kind,
        "source": watch.source, "plan": watch.plan,
    }  # fmt: skip
    if not (shown.levels or shown.follow_up):
        return {**row, "mailbox": "", "subject": "（披露闸口不放行，不会收到）", "text": ""}
    mail = alert_mails.message(office(), to, shown, month, now, occasion=_OCCASION)
    return {**row, "mailbox": mail.recipient, "subject": mail.subject, "text": readable(mail.body)}


def _alert(rule: Rule, watch: Watch, level: int, month: Period) -> pd.DataFrame:
    entity = {"firm": _FIRM, "chain": _CHAIN, "node": _NODE}.get(watch.kind, watch.kind)
    proof: Row = {**_EVIDENCE}
    step = watch.levels.steps()[level - 1]
    if rule.judge == "growth_below":
        proof |= {"growth": step, "adjusted": step, "current": round(proof["base"] * (1 + step))}
    elif rule.judge in ("zero_months", "late_months"):
        proof |= {"months": int(step)}
    if rule.test is not None:
        said = words(rule, watch, np.array([step]))
        proof |= {"told": said["told"][0], "limit": said["limit"]}  # type: ignore[index]
    if rule.mark is not None:
        proof |= _fall(rule, watch, watch.levels.steps()[level - 1], month)
    if rule.strength is not None:
        told = spread.words(1, month - 1, 0.4, 12, 6, 9_000.0, -step)
        proof |= {"told": told, "limit": spread.limit(rule.strength + 1, rule.strength), "leads": _FIRM}
    proof |= {"since": str(month), "trend": "opened", "alerts": 1, "due": str(month)}
    row = {
        "alert_id": f"{rule.id}:{watch.kind}:{entity}:{watch.source}:{month}", "rule": rule.id,
        "entity_kind": watch.kind, "entity": entity, "source": watch.source, "level": level, "state": "opened",
        "opened": str(month), "period": str(month), "closed": None, "evidence": json.dumps(proof),
    }  # fmt: skip
    return pd.DataFrame([row])


def _fall(rule: Rule, watch: Watch, size: float, month: Period) -> Row:
    """Evidence of a fall by a size below what was to be expected."""

    def one(value: float | bool | int) -> Any:
        return np.array([[value]])

    usual, base = 90_000.0, float(_EVIDENCE["base"])
    found = Told(
        judged=one(True), p=one(rule.mark or 0.0), stands=one(True), fell=one(True), since=one(0), expected=one(usual),
        low=one(0.9 * usual), high=one(1.1 * usual), gap=one(size), size=one(size),
    )  # fmt: skip
    said = teller(indicators().indicator(rule.indicator), rule, watch)
    current = (1 + size) * usual
    told, limit = said.words(found, 0, 0, current, month, month)
    growth = current / base - 1
    return {"current": current, "growth": growth, "gap": size, "size": size, "told": told, "limit": limit}


def _gate(rule: Rule, to: Reader, month: Period) -> Gate:
    item = permitted_use().item(rule.indicator) or ""
    everybody = "、".join(reader.id for reader in readers().readers)
    granted = [{"subject": _FIRM, "items": item, "readers": everybody, "since": "2000-01", "until": None}]
    published = frozenset(
        (
            str(month),
            rule.indicator,
            watch.kind,
            {"chain": _CHAIN, "node": _NODE}.get(watch.kind, watch.kind),
            watch.source,
        )
        for watch in rule.watch
    )
    return Gate(
        to.id, to.purposes[0], authorisations=pd.DataFrame(granted), simulated=False,
        firms=pd.DataFrame({"name": ["演练企业（虚构）"]}, index=[_FIRM]),
        chains=_CHAINS, pattern=Pattern(published),
    )  # fmt: skip
