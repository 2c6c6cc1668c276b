"""Labels: the last word known counts whatever was written down first, and which months and rules they speak of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from qxmonitor.catalog.rules import rules
from qxmonitor.period import Period, months
from qxmonitor.signals.outcomes import IDENTITY, episodes, labels, placed, said_of, verified_cases

FIRST = Period("2026-01")


def event(kind: str, opened: str, day: int, rule: str = "stop", entity: str = "F") -> dict[str, Any]:
    return {
        "rule": rule, "entity_kind": "firm", "entity": entity, "source": "returns", "opened": opened,
        "period": "2026-12", "kind": kind, "who": "甲", "why": "走访", "cause": "",
        "known_at": pd.Timestamp(2027, 1, day, tz="UTC"),
    }  # fmt: skip


def raised(*when: str, rule: str = "stop", entity: str = "F", level: int = 1) -> list[dict[str, Any]]:
    identity = {"rule": rule, "entity_kind": "firm", "entity": entity, "source": "returns"}
    return [identity | {"period": month, "level": level} for month in when]


def alert(opened: str, closed: str | None, rule: str = "stop", entity: str = "F") -> dict[str, Any]:
    return {"alert_id": f"{rule}:firm:{entity}:returns:{opened}", "closed": closed}


def found(events: list[dict[str, Any]], alerts: list[dict[str, Any]], hot: list[dict[str, Any]]) -> pd.DataFrame:
    verdicts = pd.DataFrame(hot)
    ever = verdicts[verdicts["level"] >= 1].rename(columns={"period": "opened"})[[*IDENTITY, "opened"]]
    return episodes(labels(pd.DataFrame(events)), pd.DataFrame(alerts, columns=["alert_id", "closed"]), verdicts, ever)


def test_the_order_of_writing_down_does_not_matter() -> None:
    events = pd.DataFrame(
        [event("false", "2026-03", 2), event("true", "2026-03", 5), event("explained", "2026-03", 3),
         event("take", "2026-03", 9), event("true", "2026-06", 1), event("false", "2026-06", 1)]
    )  # fmt: skip
    one = labels(events)
    assert one["label"].tolist() == ["true", "true"]
    for seed in range(6):
        pd.testing.assert_frame_equal(labels(events.sample(frac=1, random_state=seed)), one)


def test_a_label_speaks_of_the_months_its_alert_stood() -> None:
    hot = raised("2026-03", "2026-04") + raised("2026-05", level=0) + raised("2026-09") + raised("2026-02")
    out = found(
        [event("true", "2026-03", 1), event("false", "2026-09", 1), event("true", "2026-07", 1),
         event("explained", "2026-02", 1)],
        [alert("2026-03", "2026-06"), alert("2026-09", None)], hot,
    ).set_index("opened")  # fmt: skip
    assert out["last"].to_dict() == {
        "2026-02": "2026-02",  # a later run took it back: nothing is known but when it opened
        "2026-03": "2026-04", "2026-07": "2026-07", "2026-09": "2026-09",
    }  # fmt: skip
    assert out["told"].to_dict() == {"2026-02": True, "2026-03": True, "2026-07": False, "2026-09": True}


@pytest.mark.parametrize(
    ("label", "by", "speaks"),
    [
        # A stop may stand beside a fall, and is a case of peer_lag; that nothing stood still denies neither.
        ("true", "stop", {"stop": "true", "output_drop": "besides", "yoy_drop": "besides", "peer_lag": "true"}),
        ("false", "stop", {"stop": "false"}),
        # A fall is what all three tell of; that it was none denies those that tell of nothing else.
        ("true", "output_drop", {"output_drop": "true", "yoy_drop": "true", "peer_lag": "true"}),
        ("false", "output_drop", {"output_drop": "false", "yoy_drop": "false"}),
        # Behind its peers by a fall or a stop, which is not said; were it neither, it was not the one.
        ("true", "peer_lag", {"peer_lag": "true", "output_drop": "besides", "yoy_drop": "besides", "stop": "besides"}),
        ("explained", "peer_lag", {k: "explained" for k in ("peer_lag", "output_drop", "yoy_drop", "stop")}),
        ("true", "export_drop", {"export_drop": "true"}),
    ],
)
def test_which_rules_a_label_speaks_of(label: str, by: str, speaks: dict[str, str]) -> None:
    out = placed(found([event(label, "2026-03", 1, by)], [], raised("2026-03", rule=by)), months(FIRST, FIRST + 11))
    heard = {
        rule.id: said_of(rule, watch, out)["as"].tolist()
        for rule in rules().rules for watch in rule.watch
        if (watch.kind, watch.source) == ("firm", "returns")
    }  # fmt: skip
    assert {rule: said for rule, (said,) in filter(lambda entry: entry[1], heard.items())} == speaks
    other = out.assign(source="self_report")
    assert all(said_of(rules().rule(by), watch, other).empty for watch in rules().rule(by).watch
               if watch.source == "returns")  # fmt: skip


def test_one_trouble_is_one_case() -> None:
    hot = raised("2026-03", "2026-04", rule="output_drop") + raised("2026-04", rule="yoy_drop")
    out = found(
        [event("true", "2026-03", 1, "output_drop"), event("true", "2026-04", 1, "yoy_drop"),
         event("true", "2026-02", 1, "output_drop"),  # and told a month late
         event("true", "2026-09", 1, "output_drop"), event("true", "2025-12", 1, "output_drop", "G")],
        [alert("2026-03", None, "output_drop"), alert("2026-04", None, "yoy_drop")],
        [*hot, *raised("2025-12", "2026-01", rule="output_drop", entity="G")],
    )  # fmt: skip
    out = placed(out.assign(last=np.where(out["entity"] == "G", "2026-01", out["last"])), months(FIRST, FIRST + 11))
    rule = rules().rule("output_drop")
    none = pd.DataFrame({"entity": [], "start": [], "end": [], "case": []})
    said = said_of(rule, rule.watch[0], out)
    cases = verified_cases(said, none, 0, 2)
    assert cases[["entity", "start", "end"]].to_numpy().tolist() == [["F", 1, 3], ["F", 8, 8]]
    known = pd.DataFrame({"entity": ["F"], "start": [5], "end": [6], "case": [True]})
    assert verified_cases(said, known, 0, 2)["start"].tolist() == [1], "what came out later is that case already"
    assert verified_cases(said, known, 2, 2)["start"].tolist() == []
