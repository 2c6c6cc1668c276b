"""Whether the regular mails of a month may go: it is the newest released one, all of it is in, and enough reported."""

from __future__ import annotations

from datetime import datetime

from qxmonitor import runs
from qxmonitor.catalog.office import office
from qxmonitor.catalog.release import release_calendar
from qxmonitor.delivery import alerts
from qxmonitor.period import Period
from qxmonitor.scene import Scene
from qxmonitor.warehouse import Warehouse, landed, store


def objection(wh: Warehouse, period: Period, now: datetime) -> str:
    """Why the regular mails of a month may not go yet, as far as can be said without its figures; else empty."""
    if period != release_calendar().newest_released(now):
        return "不是最新发布期"
    if period not in store.periods_run(wh):
        return "尚未计算"
    waiting = landed.pending(wh)["period"].dropna()
    if count := int((waiting <= period).sum()):
        return f"尚有 {count} 份到文未入库，暂不发"
    if missing := runs.never_run(wh, period, None):
        return f"{missing[0][0].label}已有报表、尚未计算，暂不发"  # it is part of each alert's story
    if store.stamps(wh, [period])[0].run_id is None:
        return "数据已更新，待重算"
    if changed := runs.restated(wh, period):
        return f"{changed[0].label}的数据已更新、尚未重算，暂不发"  # likewise, and what it tells may be no more so
    return ""


def too_little(scene: Scene) -> str:
    """Why a month's figures are too incomplete to mail; else empty (and for a month without output returns)."""
    if alerts.exempt(scene.period):
        return ""
    reported = scene.reported()
    wanted = office().ready_share
    return "" if reported >= wanted else f"上报率 {reported:.0%}，不足 {wanted:.0%}，暂不发"
