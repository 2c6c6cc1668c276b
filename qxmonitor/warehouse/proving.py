"""What rules showed in backtests, and which of them are active: appended, never changed.

Both speak of one version of a rule (:attr:`qxmonitor.catalog.rules.Rule.version`). A rule whose definition was edited
is another version: what was decided before does not count for it, and it stands as the catalogue ships it.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pandas as pd

from qxmonitor.catalog.rules import Rule, rules
from qxmonitor.warehouse import sql
from qxmonitor.warehouse.core import FOREVER, LOCK_LOAD, LOCK_MONTHS, Warehouse, fetch, lock
from qxmonitor.warehouse.load import append

Row = dict[str, Any]


def active_rules(wh: Warehouse, *, known_at: datetime | None = None, recorded_at: datetime | None = None) -> set[str]:
    """Ids of the rules that are active as known and recorded by then."""
    decided = {(row["rule"], row["version"]): bool(row["active"]) for row in _decided(wh, known_at, recorded_at)}
    return {rule.id for rule in rules().rules if decided.get((rule.id, rule.version), rule.active)}


def decision(wh: Warehouse, rule: Rule) -> Row | None:
    """What was decided last on this version of a rule: active, who, why, known_at; None where nothing was."""
    mine = [row for row in _decided(wh, None, None) if (row["rule"], row["version"]) == (rule.id, rule.version)]
    return mine[0] if mine else None


def _decided(wh: Warehouse, known_at: datetime | None, recorded_at: datetime | None) -> list[Row]:
    rows: list[Row] = wh.arrow(sql.query("rule_activations"), known_at or FOREVER, recorded_at or FOREVER).to_pylist()
    return rows


def newest_card(wh: Warehouse, rule: Rule) -> Row | None:
    """The last scorecard of this version of a rule, ``card`` as a mapping; None where there is none."""
    cards = wh.arrow(sql.query("rule_scorecards")).to_pylist()
    mine = [row for row in cards if (row["rule"], row["version"]) == (rule.id, rule.version)]
    return mine[-1] | {"card": json.loads(mine[-1]["card"])} if mine else None


def false_shares(wh: Warehouse, recorded_at: datetime | None = None) -> dict[str, float]:
    """Rule → false alarms a judged month by the last scorecard of its present version recorded by then.

    A scorecard on alerts of which some were never verified says no rate.
    """
    versions = {(rule.id, rule.version) for rule in rules().rules}
    cards = wh.arrow(sql.query("rule_scorecards")).to_pylist()
    known = [row for row in cards if row["recorded_at"] <= (recorded_at or FOREVER)]
    mine = [(row["rule"], json.loads(row["card"])) for row in known if (row["rule"], row["version"]) in versions]
    shares = {rule: card.get("false_share") for rule, card in mine if not card.get("unverified")}
    return {rule: float(share) for rule, share in shares.items() if share is not None}


def write_cards(wh: Warehouse, cards: list[Row]) -> None:
    """Store scorecards: rule, version, first, last, labels, met, card (a mapping).

    One that says what the newest of its version says already is not stored again.
    """
    told = [row | {"card": json.dumps(row["card"], ensure_ascii=False, sort_keys=True)} for row in cards]
    with wh.adbc() as connection:
        lock(connection, LOCK_LOAD)
        there = {
            (row["rule"], row["version"]): row for row in fetch(connection, sql.query("rule_scorecards")).to_pylist()
        }
        new = []
        for row in told:
            before = there.get((row["rule"], row["version"]), {})
            if any(before.get(name) != value for name, value in row.items()):
                new.append(row)
            there[row["rule"], row["version"]] = row
        if not new:
            return
        recorded_at = fetch(connection, sql.query("load_head")).to_pylist()[0]["recorded_at"]
        number = int(fetch(connection, sql.query("rule_head")).to_pylist()[0]["scorecard_id"])
        frame = pd.DataFrame(new).assign(scorecard_id=range(number + 1, number + 1 + len(new)), recorded_at=recorded_at)
        append(connection, "rule_scorecard", frame)
        connection.commit()


def decide(wh: Warehouse, rule: Rule, *, active: bool, who: str, why: str, known_at: datetime) -> Row:
    """Record that a version of a rule is active from ``known_at`` on, or no longer."""
    with wh.alone(LOCK_MONTHS), wh.adbc() as connection:  # no month that is being computed may miss it
        lock(connection, LOCK_LOAD)
        recorded_at = fetch(connection, sql.query("load_head")).to_pylist()[0]["recorded_at"]
        number = int(fetch(connection, sql.query("rule_head")).to_pylist()[0]["activation_id"])
        row = {
            "activation_id": number + 1, "rule": rule.id, "version": rule.version, "active": active, "who": who,
            "why": why, "known_at": known_at, "recorded_at": recorded_at,
        }  # fmt: skip
        append(connection, "rule_activation", pd.DataFrame([row]))
        connection.commit()
    return row
