"""Why an alert stands as it does, or why there is none; and why it was mailed, or was not.

An answer is a row a reason, by month: the verdict with its distance to the next level, the input that is missing, what
people did, silences and inhibition, and what each reader's mail did with it, as noted beside the ledger.
"""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from qxmonitor import alerting
from qxmonitor.catalog.alerting import alerting as words
from qxmonitor.catalog.indicators import indicators
from qxmonitor.catalog.plans import LEVEL_NAMES
from qxmonitor.catalog.readers import readers
from qxmonitor.catalog.rules import FALLING, Rule, Watch, rules
from qxmonitor.delivery.alerts import IN_MAIL, exempt
from qxmonitor.errors import QxError
from qxmonitor.period import SHANGHAI, Period
from qxmonitor.scene import HISTORY
from qxmonitor.signals import expectation, spread
from qxmonitor.signals.fold import IDENTITY
from qxmonitor.signals.silence import silenced_by
from qxmonitor.signals.triage import EXPLAINED
from qxmonitor.warehouse import Warehouse, asof, life, proving, store
from qxmonitor.warehouse.panel import read_panel

Row = dict[str, Any]

_STATES = {
    "expected-absent": "按制度免报或不计",
    "late": "到期未报",
    "failed": "报来但未通过校验",
    "withheld": "不予提供",
}
_MEASURES = {
    "growth_below": "adjusted",
    "below_expected": "size",
    "lead_reach": "size",
    "zero_months": "months",
    "late_months": "months",
    "conditions": "value",
}
"""What of the evidence a judge compares with the thresholds."""


_RATES = {
    "growth": "同比", "expected": "春节错月预计影响", "adjusted": "剔除春节错月后同比", "coverage": "覆盖率",
    "top2": "最大两家集团占比", "gap": "与应有数相差",
}  # fmt: skip
_MONEY = {"current": "本期", "base": "上年同期"}
_OTHERS = {"months": "连续月数", "groups": "集团数", "hidden_groups": "未具名集团数", "value": "数值"}
_MAIL_STATES = {
    "planned": "待发", "sending": "发送中", "accepted": "已送达邮件服务器", "deferred": "稍后再试", "refused": "被拒收",
    "bounced": "被退回", "failed": "发送失败", "unknown": "结果不明，待核实", "held": "暂缓", "dropped": "决定不发",
}  # fmt: skip


def _said(key: str, value: Any) -> str:
    """One piece of evidence in words; '' of what says nothing to a person.

    >>> _said("growth", -0.155349), _said("current", 192349), _said("told", "回收期延长40%"), _said("basis", "month")
    ('同比 -15.5%', '本期 19,235 万元', '回收期延长40%', '')
    """
    if key == "basis":
        return "1—2月合计" if value == "1-2" else ""
    if key in _RATES:
        return f"{_RATES[key]} {value:.1%}"
    if key in _MONEY:
        return f"{_MONEY[key]} {value / 10:,.0f} 万元"
    if key in _OTHERS:
        return f"{_OTHERS[key]} {value:g}"
    return value if isinstance(value, str) else f"{key} {value}"


def explain(wh: Warehouse, name: str, period: Period | None = None) -> list[Row]:
    """Why and why not.

    Args:
        wh: an open warehouse.
        name: an alert's id, or an identity ``RULE:KIND:ENTITY:SOURCE``.
        period: the month asked about; by default all months of the alert, or the newest month run.

    Returns:
        alert (the id or identity), period, what (verdict, not-judged, life, outcome, silence, inhibition, mail,
        not-mailed), words, and level, evidence, known_at, told, reader where they apply; by month.

    Raises:
        QxError: there is no such alert, rule, or month that was run.
    """
    identity, opened = alerting.parse(name)
    rule = rules().rule(identity["rule"])
    watch = rule.watching(identity["entity_kind"], identity["source"])
    verdicts = store.read_verdicts(wh)
    mine = verdicts[(verdicts[IDENTITY] == pd.Series(identity)).all(axis=1)]
    alerts = store.read_alerts(wh)
    own = alerts[(alerts[IDENTITY] == pd.Series(identity)).all(axis=1)]
    run = sorted(store.periods_run(wh))
    if not run:
        raise QxError("还没有计算过任何月份")
    if opened is not None:
        found = own[own["alert_id"] == name]
        if found.empty:
            raise QxError(
                f"没有这条风险提示：{name[:80]}；未提示的原因可查 qxmonitor explain {':'.join(identity.values())}"
            )
        closed = found.iloc[0]["closed"]
        first, last = str(opened), closed if isinstance(closed, str) else "9999-12"
    else:
        first = last = run[-1]
    if period is not None:
        first = last = str(period)
        if first not in run and not exempt(period):
            raise QxError(f"{period.label}尚未计算，请先运行 qxmonitor run {first}")
    mine = mine[mine["period"].between(first, last)]
    rows = [_verdict(name, rule, watch, {str(k): v for k, v in row.items()}) for row in mine.to_dict("records")]
    if mine.empty and (opened is None or period is not None):
        rows.append(_not_judged(wh, name, rule, watch, identity, Period(first)))
    if opened is not None and period is None and '"closed_by":"unjudged"' in found.iloc[0]["evidence"]:
        rows.append(_not_judged(wh, name, rule, watch, identity, Period(last)))
    open_then = own[(own["opened"] <= last) & (own["closed"].fillna("9999-12").astype(str) >= first)]
    for alert_id in open_then["alert_id"]:
        rows += _life(wh, str(alert_id), first, last)
    newest = Period(run[-1] if last == "9999-12" else last)
    rows += _held_back(wh, name, open_then, newest)
    rows += _mails(wh, name, set(open_then["alert_id"]), first, last, newest)
    return sorted(rows, key=lambda row: str(row["period"]))


def _row(name: str, period: str, what: str, said: str, **more: Any) -> Row:
    blank = {"level": None, "evidence": None, "known_at": None, "told": None, "reader": None}
    return {"alert": name, "period": period, "what": what, **blank, **more, "words": said}


def _verdict(name: str, rule: Rule, watch: Watch, row: Row) -> Row:
    level = int(row["level"])
    proof = json.loads(row["evidence"])
    told = "、".join(readers().reader(reader).name for reader in (watch.lead, *watch.support))
    basis = "，".join(said for key, value in proof.items() if (said := _said(key, value)))
    if rule.mark is not None:
        basis = f"{proof['told']}；{proof['limit']}" if level else _quiet(rule, watch, proof)
    if rule.strength is not None:
        basis = f"{proof['told']}；龙头 {proof['leads']}；{proof['limit']}" if level else _not_reached(rule, proof)
    head = f"{rule.name} {LEVEL_NAMES[level - 1] if level else '平稳'}"
    said = f"{head}  依据 {basis}{_distance(rule, watch, level, proof)}  应知会：{told}"
    return _row(
        name, row["period"], "verdict", said, level=level, evidence=row["evidence"], told=told,
        known_at=row["known_at"].astimezone(SHANGHAI).isoformat(),
    )  # fmt: skip


def _quiet(rule: Rule, watch: Watch, proof: Row) -> str:
    """Where a month lies that is not below its own expectation, or not surely enough."""
    assert rule.mark is not None
    gap, p = float(proof["gap"]), float(proof["p"])
    if gap >= 0:
        return f"比按自身此前各月应有的水平高{gap:.1%}，没有走低"
    short = "" if gap <= watch.levels.blue else f"，且不足{-watch.levels.blue:.0%}"
    seen = f"平稳序列一百个月里约有{100 * p:.2g}次低到这样（提示线{100 * rule.mark:g}次）"
    return f"比按自身此前各月应有的水平低{-gap:.1%}，{seen}{short}"


def _not_reached(rule: Rule, proof: Row) -> str:
    """Why a chain has no lead firm's shock."""
    if "strength" not in proof:
        return f"近{spread.WITHIN}个月没有龙头企业走低，或其上游配套企业不足{spread.FEWEST}家"
    lower = float(proof["strength"])
    few = f"，或明显偏低的不足{spread.VISIBLY}家" if lower >= float(rule.strength or 0) else ""
    return f"有龙头企业走低，上游企业比其他企业偏低{lower:.1f}个标准差，提示线{rule.strength:g}个{few}"


def _distance(rule: Rule, watch: Watch, level: int, proof: Row) -> str:
    """How far the judged figure is from the next more severe level."""
    value, steps = proof.get(_MEASURES.get(rule.judge, "")), watch.levels.steps()
    if level >= len(steps) or not isinstance(value, int | float):
        return ""
    step, word = steps[level], LEVEL_NAMES[level]
    value = abs(value) if rule.test is not None and rule.test.side == "apart" else value
    falling = rule.judge in FALLING or (rule.test is not None and rule.test.side == "below")
    if (value <= step) if falling else (value >= step):
        return f"；已到{word}色阈值 {step:g}，但持续月数或其他条件未满足"
    gap = abs(step - value)
    if rule.judge in FALLING:
        return f"；未到{word}色阈值 {step:.0%}，还差 {gap * 100:.1f} 个百分点"
    unit = "个月" if rule.judge in ("zero_months", "late_months") else ""
    return f"；未到{word}色阈值 {step:g}{unit}，还差 {gap:.3g}{unit}"


def _not_judged(wh: Warehouse, name: str, rule: Rule, watch: Watch, identity: dict[str, str], month: Period) -> Row:
    """Which input was absent."""
    values = store.read_indicators(wh, month)
    if rule.mark is not None and rule.id in proving.active_rules(wh) and not exempt(month):
        why = _unexpected(wh, rule, watch, identity, month)
        return _row(name, str(month), "not-judged", f"{rule.name}未作判断：{why}")
    same = (values[IDENTITY[1:]] == pd.Series(identity)[IDENTITY[1:]]).all(axis=1)
    found = values[same & (values["indicator"] == rule.indicator)]
    title = indicators().indicator(rule.indicator).name
    coverage = float(found.iloc[0]["coverage"]) if len(found) and pd.notna(found.iloc[0]["coverage"]) else 1.0
    if rule.id not in proving.active_rules(wh):
        why = "规则未启用，见 qxmonitor rules list"
    elif exempt(month):
        why = "按报表制度，这个月产销总值表免报"
    elif found.empty:
        why = f"没有这个对象的“{title}”（{rule.indicator}）：名录、授权或报表中没有"
    elif found.iloc[0]["state"] != "value":
        why = f"缺少输入“{title}”：{_STATES.get(str(found.iloc[0]['state']), str(found.iloc[0]['state']))}"
    elif rule.test is not None and coverage < rule.test.min_coverage:
        why = f"覆盖率 {coverage:.0%}，低于 {rule.test.min_coverage:.0%}"
    else:
        base = f"，或上年同期不足 {watch.min_base:g} 千元" if watch.min_base else ""
        why = f"“{title}”有数，但没有可比的上年同期数{base}，或已归入停产"
    return _row(name, str(month), "not-judged", f"{rule.name}未作判断：{why}")


def _unexpected(wh: Warehouse, rule: Rule, watch: Watch, identity: dict[str, str], month: Period) -> str:
    """Why own expectation says nothing of a firm."""
    panel = read_panel(wh, month, months=HISTORY)
    if identity["entity"] not in panel.firms.index:
        return "名录中没有这个对象"
    row = list(panel.firms.index).index(identity["entity"])
    title = indicators().indicator(rule.indicator).name
    why = expectation.unjudged(panel, rule, watch, row, month)
    return why or f"缺少输入“{title}”：没有报来、未通过校验或未获授权"


def _life(wh: Warehouse, alert_id: str, first: str, last: str) -> list[Row]:
    rows = []
    for step in alerting.history(wh, alert_id):
        if first <= step["period"] <= last:
            kind, _, label = str(step["state"]).partition(":")
            state = words().state(kind, step["closed_by"]) if not label else ""
            said = f"核实结论：{words().outcomes[label]}" if label else f"状态：{state}"
            cause = f"，原因：{step['cause']}" if step["cause"] else ""
            by = f"（{step['who']}{'：' + step['why'] if step['why'] else ''}{cause}）"
            what = "outcome" if label else "life"
            rows.append(_row(alert_id, step["period"], what, said + by, level=step["level"], known_at=step["known_at"]))
    return rows


def _held_back(wh: Warehouse, name: str, alerts: pd.DataFrame, month: Period) -> list[Row]:
    """Silences and inhibition as they stand now."""
    rows = []
    firms = asof.read(wh, "register_entry").set_index("subject")
    silences = life.silences(wh)
    by = silenced_by(alerts, silences, firms.assign(chain=firms["chain"].fillna("")), month)
    for alert_id, silence_id in zip(alerts["alert_id"], by, strict=True):
        for row in silences[silences["silence_id"] == silence_id].to_dict("records"):
            said = f"静默 {silence_id}：{row['first']} 至 {row['last']}，{row['who']}（{row['why']}）"
            rows.append(_row(str(alert_id), str(month), "silence", said))
    for alert in alerts[alerts["state"] == "explained"].to_dict("records"):
        cause = json.loads(alert["evidence"])["explained_by"]
        rows.append(_row(name, alert["period"], "inhibition", f"因果归并：由 {cause} 引起，列在该项之下"))
    return rows


def _mails(
    wh: Warehouse, name: str, alert_ids: set[str], first: str, last: str, newest: Period
) -> list[Row]:  # fmt: skip
    """What each reader's mail did with the alerts."""
    told = life.told(wh)
    mine = told[told["alert_id"].isin(alert_ids) & told["period"].between(first, last)]
    rows = []
    for row in mine.to_dict("records"):
        reader = readers().reader(row["reader"]).name
        sent = row["part"] in IN_MAIL and row["part"] != EXPLAINED
        state = (
            f"，邮件{_MAIL_STATES.get(row['state'], row['state'])}"
            if isinstance(row["state"], str)
            else "，该月没有给该单位的邮件"
        )
        again = f"（{row['occasion']}）" if row["occasion"] else ""
        said = f"{reader}{again}：{row['reason']}{state if sent else ''}"
        rows.append(_row(name, row["period"], "mail" if sent else "not-mailed", said, reader=row["reader"]))
    if alert_ids and mine.empty:
        rows.append(
            _row(name, newest, "not-mailed", "没有作为新提示列入过邮件：这些月份当时不是最新发布期，或邮件尚未计划")
        )
    return rows
