"""The life of an alert as a plain state machine: one identity, one month, one act at a time, dicts and loops."""

from __future__ import annotations

from typing import Any

from qxmonitor.catalog.alerting import alerting
from qxmonitor.catalog.rules import rules
from qxmonitor.period import Period

WAIT = {rule.id: rule.close_after for rule in rules().rules} | {"retired_rule": 2}
ORDER = ["acknowledge", "take", "resolve", "close", "reopen"]
Act = tuple[str, int, str, str, str]
"""period, known_at, kind, who, why."""


def months_between(first: str, last: str) -> int:
    return Period(last).ordinal - Period(first).ordinal


def life(
    rule: str, levels: dict[str, int], acts: set[Act], run: set[str]
) -> tuple[list[dict[str, Any]], list[tuple[Any, ...]]]:  # fmt: skip
    """The episodes of one identity, and every change: (opened, period, state, level, who, closed_by).

    ``run`` are the months that were run, whether or not there is a verdict.
    """
    remind, patience = alerting().remind.of(rule), alerting().unjudged.of(rule)
    past: list[dict[str, Any]] = []
    changes: list[tuple[Any, ...]] = []
    now: dict[str, Any] | None = None
    shut = 0
    for period in sorted(set(levels) | run | {act[0] for act in acts}):
        level = levels.get(period)
        if level is None and period in run and now is not None and now["state"] != "closed":
            now["silent"] += 1
            if now["silent"] == patience:
                now |= {"state": "closed", "closed": period, "closed_by": "unjudged"}
                changes.append((now["opened"], period, "closed", now["level"], "", "unjudged"))
        if level is not None:
            if now is not None:
                now["silent"] = 0
            if now is None or now["state"] == "closed":
                shut = min(shut, level)
                if level > 0 and level > shut:
                    if now is not None:
                        past.append(now)
                    now = {
                        "opened": period, "level": level, "peak": level, "alerts": 1, "quiet": 0, "trend": "opened",
                        "state": "opened", "due": period, "seen": period, "silent": 0,
                    }  # fmt: skip
                    shut = 0
                    changes.append((period, period, "opened", level, "", ""))
            else:
                before = (now["state"], now["level"])
                now["seen"] = period
                if level == 0:
                    now["quiet"] += 1
                    now["trend"] = "quiet"
                    if now["state"] == "resolved" or now["quiet"] >= WAIT[rule]:
                        now["closed_by"] = "review" if now["state"] == "resolved" else "quiet"
                        now["state"], now["closed"] = "closed", period
                else:
                    now["quiet"] = 0
                    now["alerts"] += 1
                    now["peak"] = max(now["peak"], level)
                    if level > now["level"]:
                        now["trend"], now["state"], now["due"] = "raised", "raised", period
                    elif level < now["level"]:
                        now["trend"], now["due"] = "lowered", period
                        if now["state"] in ("opened", "raised"):
                            now["state"] = "lowered"
                    else:
                        now["trend"] = "held"
                        if now["state"] != "resolved" and months_between(now["due"], period) >= remind:
                            now["due"] = period
                    now["level"] = level
                if before != (now["state"], now["level"]):
                    changes.append((now["opened"], period, now["state"], now["level"], "", now.get("closed_by", "")))
        for act in sorted((a for a in acts if a[0] == period), key=lambda a: (a[1], ORDER.index(a[2]), a[3], a[4])):
            if now is None:
                continue
            was, kind = now["state"], act[2]
            if kind == "reopen" and was == "closed":
                now |= {"state": "opened", "trend": "reopened", "quiet": 0, "due": period, "silent": 0}
                now.pop("closed")
                now.pop("closed_by")
                shut = 0
            elif was != "closed":
                if kind == "acknowledge" and was in ("opened", "raised", "lowered"):
                    now["state"] = "acknowledged"
                elif kind == "take":
                    now["state"] = "in_hand"
                elif kind == "resolve":
                    now["state"] = "resolved"
                elif kind == "close":
                    now |= {"state": "closed", "closed": period, "closed_by": "person"}
                    shut = now["level"]
            if now["state"] != was:
                changes.append((now["opened"], period, now["state"], now["level"], act[3], now.get("closed_by", "")))
    return (past if now is None else [*past, now]), changes
