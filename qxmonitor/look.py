"""Looking: listings of what is there. Nothing here changes anything."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from pathlib import PurePath
from typing import Any

import pandas as pd
from sqlalchemy import Connection

from qxmonitor import alerting, board, letters, quarantine, validation
from qxmonitor.catalog.alerting import alerting as words
from qxmonitor.catalog.checks import checks
from qxmonitor.catalog.indicators import indicators
from qxmonitor.catalog.office import office
from qxmonitor.catalog.readers import readers
from qxmonitor.catalog.release import release_calendar
from qxmonitor.catalog.rules import rules
from qxmonitor.catalog.targets import targets
from qxmonitor.delivery import ledger
from qxmonitor.disclosure.vocabulary import ENTITY_KINDS, source_name
from qxmonitor.errors import QxError
from qxmonitor.identity import normalise_name
from qxmonitor.period import SHANGHAI, Period
from qxmonitor.warehouse import Warehouse, bonded, decided, readings, store

Row = dict[str, Any]

LEVELS = ("平稳", "蓝", "黄", "橙", "红")
"""Words of alert levels 0 to 4, most severe last."""


_ONLY_NOW = frozenset({"quarantine", "released", "ledger", "matches", "fixes"})


def listing(
    wh: Warehouse,
    what: str,
    *,
    known_at: datetime | None = None,
    unmatched: bool = False,
    only_open: bool = False,
    alert: str | None = None,
    **filters: str | None,
) -> list[Row]:
    """One of the listings as flat rows.

    Args:
        wh: an open warehouse.
        what: ``receipts``, ``quarantine``, ``indicators``, ``alerts``, ``ledger``, ``history`` (of the ledger, or of
            ``alert``),
            ``bonded`` (firms' months at the bonded centre), ``bonded_ownership`` (the same by ownership),
            ``bonded_states`` (what became of each document), ``bonded_open`` (messages not yet
            whole), ``findings`` or ``board`` (of one month, the newest released by
            default), ``letters`` (to firms, with what became of each), ``matches`` (how each
            source calls each firm), ``fixes`` (decisions and withdrawals) or ``released`` (refused lines that a
            decision on a unit or a heading let in, each with the decision). A receipt whose content counts no more has
            the state ``withdrawn``.
        unmatched: of matches, only what means no firm, or more than one.
        only_open: of letters, only those that wait for an answer.
        alert: of history, the alert whose life it is.
        known_at: as known then.
        filters: column → wanted text; None and columns the listing lacks are ignored. ``file_name`` matches the
            path on the receipt or its last part.

    Raises:
        QxError: ``known_at`` of a listing that only tells how things stand now.
    """
    if known_at is not None and (what in _ONLY_NOW or (what == "history" and alert is None)):
        raise QxError("这份清单只有当前的状态，不能用 --known-at 回看")
    frames: dict[str, Callable[[Warehouse, datetime | None], pd.DataFrame]] = {
        "receipts": _receipts,
        "quarantine": lambda wh, _: quarantine.listing(wh)[
            ["file", "sheet", "row", "field", "rule", "reason", "raw", "subject", "period", "fixable"]
        ],
        "released": lambda wh, _: store.local(readings.released(wh)),
        "indicators": _indicators,
        "alerts": _alerts,
        "ledger": lambda wh, _: _post(wh, ledger.listing),
        "history": lambda wh, when: _history(wh, alert, when),
        "bonded": lambda wh, when: bonded.months(wh, known_at=when),
        "bonded_ownership": lambda wh, when: bonded.by_ownership(bonded.months(wh, known_at=when)),
        "bonded_states": bonded.states,
        "bonded_open": bonded.incomplete,
        "findings": lambda wh, known_at: _findings(wh, filters.get("period"), known_at),
        "board": lambda wh, known_at: board.rows(wh, [_month(wh, filters.get("period"))], known_at=known_at),
        "letters": lambda wh, known_at: _letters(wh, filters.get("period"), known_at, only_open),
        "matches": lambda wh, _: _matches(wh),
        "fixes": lambda wh, _: store.local(decided.decisions(wh)),
    }
    frame = frames[what](wh, known_at)
    if unmatched and "how" in frame:
        frame = frame[frame["entity"].isna()]
    wanted = filters.pop("file_name", None)
    if wanted is not None and "file" in frame:
        frame = frame[frame["file"].map(lambda path: wanted in (path, PurePath(path).name)).astype(bool)]
    for column, value in filters.items():
        if value is not None and column in frame:
            frame = frame[frame[column].astype("str") == value]
    return flat(frame)


def spoken(what: str, row: Row) -> Row:
    """A row of a listing in the office's words, for the terminal; codes that people type again stay as they are.

    Args:
        what: the listing.
        row: as :func:`listing` gives it.
    """
    states = _STATES.get(what, _DATUM)
    maps: dict[str, Callable[[Any], Any]] = {
        "feed": source_name, "form": source_name, "source": source_name,
        "entity_kind": lambda value: ENTITY_KINDS.get(value, value),
        "state": lambda value: states.get(value, value),
        "indicator": lambda value: _indicator_names().get(value, value),
        "type": lambda value: _rule_names().get(value, value),
        "kind": lambda value: _KINDS.get(what, {}).get(value, value),
        "reader": lambda value: _reader_names().get(value, value),
        "severity": lambda value: _SEVERITIES.get(value, value),
        "check": lambda value: _check_names().get(value, value),
        "flow": lambda value: {"I": "进", "E": "出"}.get(value, value),
        "status": lambda value: _STATUSES.get(value, value),
    }  # fmt: skip
    worded = {key.removesuffix("_name") for key in row if key in ("level_name", "state_name")}
    worded |= {"how"} if "words" in row else set()  # a code beside its word is left to ``--json``
    kept = {key: value for key, value in row.items() if key not in worded}
    closed_by = kept.pop("closed_by", None)  # said with the state
    said = {key: maps[key](value) if key in maps and value is not None else value for key, value in kept.items()}
    if closed_by and "state" in kept:
        said["state"] = words().state(str(kept["state"]), closed_by)
    return {key: _YES_NO[value] if isinstance(value, bool) else value for key, value in said.items()}


_YES_NO = {True: "是", False: "否"}
_DATUM = {
    "value": "有数",
    "expected-absent": "免报",
    "late": "逾期未报",
    "withheld": "不予公布",
    "failed": "未通过校验",
}
_MAIL = {"planned": "待发", "sending": "发送中", "accepted": "已送达", "deferred": "稍后再试", "dropped": "不再发送",
         **ledger.WAITING}  # fmt: skip
_STATES: dict[str, dict[str, str]] = {
    "receipts": {"accepted": "已接收", "duplicate": "重复", "refused": "拒收", "withdrawn": "已撤回"},
    "ledger": _MAIL,
    "history": _MAIL | words().states | {f"outcome:{key}": text for key, text in words().outcomes.items()},
    "alerts": words().states,
}
_MAIL_KINDS = {"alerts": "风险提示", "briefing": "简报", "watch": "运行通知", "letters": "函件"}
_KINDS = {
    "ledger": _MAIL_KINDS,
    "history": _MAIL_KINDS,
    "fixes": {"withdraw": "撤回文件", "reinstate": "恢复文件", "identity": "认定企业", "unit": "认定计量单位",
              "mapping": "认定表头"},
    "bonded_states": {"inventory": "核注清单", "declaration": "业务申报表", "note": "出入库单", "pass": "核放单"},
}  # fmt: skip
_SEVERITIES = {"critical": "严重", "warning": "提示"}
_STATUSES = {
    "staged": "暂存", "declared": "申报", "asked": "申请撤销", "kept": "撤销未准", "approved": "通过", "passed": "过卡",
    "returned": "退单", "deleted": "删单", "voided": "作废",
}  # fmt: skip


@lru_cache(maxsize=1)
def _indicator_names() -> dict[str, str]:
    goals = {f"target.{target.id}": f"{target.name}（目标）" for target in targets().targets}
    return {entry.id: entry.name for entry in indicators().indicators} | goals


@lru_cache(maxsize=1)
def _rule_names() -> dict[str, str]:
    return {rule.id: rule.name for rule in rules().rules}


@lru_cache(maxsize=1)
def _check_names() -> dict[str, str]:
    return {check.id: check.name for check in checks().checks}


@lru_cache(maxsize=1)
def _reader_names() -> dict[str, str]:
    named = {reader.id: reader.name for reader in readers().readers}
    return named | {edition.reader: edition.name for edition in office().editions}


def flat(frame: pd.DataFrame) -> list[Row]:
    """Rows for ``--json``: plain values, ISO times in Shanghai, None for what is not there."""
    return [{str(key): _plain(value) for key, value in row.items()} for row in frame.to_dict("records")]


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return value
    if value is None or pd.isna(value):
        return None
    if isinstance(value, datetime):
        return value.astimezone(SHANGHAI).isoformat()
    if isinstance(value, Period | str | bool | int | float):
        return value
    return value.item() if hasattr(value, "item") else str(value)


def _receipts(wh: Warehouse, known_at: datetime | None) -> pd.DataFrame:
    frame = store.read_receipts(wh)
    if known_at is not None:
        frame = frame[frame["known_at"] <= known_at]
    columns = [
        "file", "sha256", "feed", "form", "period", "known_at", "rows_read", "accepted", "rejected", "state", "reasons",
    ]  # fmt: skip
    gone = (frame["state"] != "refused") & frame["sha256"].isin(decided.withdrawn(wh, known_at=known_at))
    return frame[columns].assign(reasons=frame["reasons"].map(json.loads), state=frame["state"].mask(gone, "withdrawn"))


def _indicators(wh: Warehouse, known_at: datetime | None) -> pd.DataFrame:
    frame = store.read_indicators(wh, known_at=known_at)
    units = {entry.id: entry.unit for entry in indicators().indicators}
    columns = [
        "entity_kind",
        "entity",
        "period",
        "indicator",
        "source",
        "value",
        "unit",
        "state",
        "coverage",
        "known_at",
    ]
    return frame.assign(unit=frame["indicator"].map(units).fillna("1"))[columns]


def _findings(wh: Warehouse, period: str | None, known_at: datetime | None) -> pd.DataFrame:
    month = Period(period) if period else release_calendar().newest_released(known_at or wh.settings.now())
    found = validation.findings(wh, month, known_at=known_at)
    return found[validation.COLUMNS].assign(explained=letters.explained(wh, found, known_at))


def _letters(wh: Warehouse, period: str | None, known_at: datetime | None, only_open: bool) -> pd.DataFrame:
    month = Period(period) if period else None
    found = letters.listing(wh, period=month, only_open=only_open, known_at=known_at)
    return pd.DataFrame(found, columns=letters.COLUMNS)


def _alerts(wh: Warehouse, known_at: datetime | None) -> pd.DataFrame:
    frame = store.read_alerts(wh) if known_at is None else alerting.as_known(wh, known_at)
    closed_by = frame["evidence"].astype("str").str.extract(r'"closed_by":"(\w+)"', expand=False)
    frame = frame.assign(
        level_name=frame["level"].map(dict(enumerate(LEVELS))),
        closed_by=closed_by,
        state_name=[words().state(*pair) for pair in zip(frame["state"], closed_by, strict=True)],
    )
    columns = [
        "id", "type", "entity_kind", "entity", "source", "level", "level_name", "state", "state_name", "opened",
        "period", "closed", "closed_by",
    ]  # fmt: skip
    return frame.rename(columns={"alert_id": "id", "rule": "type"})[columns]


def _history(wh: Warehouse, alert: str | None, known_at: datetime | None) -> pd.DataFrame:
    return _post(wh, ledger.history) if alert is None else pd.DataFrame(alerting.history(wh, alert, known_at))


def _month(wh: Warehouse, period: str | None) -> Period:
    return Period(period) if period else release_calendar().newest_released(wh.settings.now())


_HOW = {
    "code": "统一社会信用代码", "customs": "海关编码", "org": "组织机构代码", "name": "现用名称", "former": "曾用名称",
    "decision": "人工认定", "ambiguous": "对应多家企业", "unknown": "名录中没有",
}  # fmt: skip


def _matches(wh: Warehouse) -> pd.DataFrame:
    """How each source calls each firm; a name that is not the register's present one is a former one."""
    frame = decided.matches(wh)
    former = (frame["how"] == "name") & (frame["subject"] != "name:" + normalise_name(frame["name"].astype("str")))
    how = frame["how"].mask(former, "former")
    return frame.assign(how=how, words=how.map(_HOW))


def _post(wh: Warehouse, read: Callable[[Connection], list[Row]]) -> pd.DataFrame:
    with wh.engine.connect() as connection:
        return pd.DataFrame(read(connection))
