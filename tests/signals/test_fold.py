"""The fold against a plain state machine that handles one identity, one month, one event at a time."""

from __future__ import annotations

import json
import random
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qxmonitor.catalog.rules import rules
from qxmonitor.period import Period
from qxmonitor.signals import fold
from qxmonitor.signals.fold import COLUMNS, IDENTITY

FIRST = Period("2021-10")
WAIT = {rule.id: rule.close_after for rule in rules().rules} | {"retired_rule": 2}
Identity = tuple[str, str, str, str]


def model(levels: dict[str, int], events: dict[str, set[str]], identity: Identity) -> list[dict[str, Any]]:
    """One identity's alerts, told month by month."""
    alerts: list[dict[str, Any]] = []
    now: dict[str, Any] | None = None
    for period in sorted(set(levels) | set(events)):
        level = levels.get(period)
        if level is not None and level > 0:
            if now is None:
                now = {"opened": period, "peak": 0, "alerts": 0, "state": "open", "trend": "opened", "level": level}
            elif level > now["level"]:
                now |= {"trend": "raised", "state": "open"}
            else:
                now["trend"] = "lowered" if level < now["level"] else "held"
            now |= {"level": level, "peak": max(now["peak"], level), "alerts": now["alerts"] + 1, "quiet": 0}
            now |= {"period": period, "seen": period}
        elif level == 0 and now is not None:
            now |= {"quiet": now["quiet"] + 1, "trend": "quiet", "period": period, "seen": period}
        if now is not None and "acknowledged" in events.get(period, set()):
            now["state"] = "acknowledged"
        person = "closed" in events.get(period, set())
        if now is not None and (person or now["quiet"] >= WAIT[identity[0]]):
            now |= {"state": "closed", "trend": "closed", "closed": period, "period": period}
            now["closed_by"] = "person" if person else "quiet"
            alerts.append(now)
            now = None
    return alerts if now is None else [*alerts, now]


MONTHS = st.integers(0, 9).map(lambda k: str(FIRST + k))
IDENTITIES = st.tuples(
    st.sampled_from(["output_drop", "silence", "retired_rule"]), st.sampled_from(["firm", "town"]),
    st.sampled_from(["A", "B"]), st.sampled_from(["returns", "self_report"]),
)  # fmt: skip
VERDICTS = st.dictionaries(st.tuples(IDENTITIES, MONTHS), st.sampled_from([0, 0, 1, 2, 3, 4]), max_size=60)
EVENTS = st.lists(st.tuples(IDENTITIES, MONTHS, st.sampled_from(["acknowledged", "closed", "note"])), max_size=10)


def frame(verdicts: list[tuple[tuple[Identity, str], int]]) -> pd.DataFrame:
    rows = [
        (*who, period, level, json.dumps({"growth": -level / 10}, separators=(",", ":")))
        for (who, period), level in verdicts
    ]
    return pd.DataFrame(rows, columns=[*IDENTITY, "period", "level", "evidence"])


def acts(events: list[tuple[Identity, str, str]]) -> pd.DataFrame:
    return pd.DataFrame(
        [(*who, period, kind, "某人", "已走访") for who, period, kind in events],
        columns=[*IDENTITY, "period", "kind", "who", "why"],
    )


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(VERDICTS, EVENTS, st.randoms(use_true_random=False))
def test_the_fold_tells_the_story_of_a_plain_state_machine(
    verdicts: dict[tuple[Identity, str], int], events: list[tuple[Identity, str, str]], order: random.Random
) -> None:
    alerts = fold(frame(list(verdicts.items())), acts(events))
    assert list(alerts.columns) == COLUMNS

    want = {}
    for who in sorted({who for who, _ in verdicts}):
        levels = {p: level for (w, p), level in verdicts.items() if w == who}
        done: dict[str, set[str]] = {}
        for w, p, kind in events:
            if w == who and kind != "note":
                done.setdefault(p, set()).add(kind)
        for alert in model(levels, done, who):
            want[":".join([*who, alert["opened"]])] = (who, alert, levels)
    assert list(alerts["alert_id"]) == list(want)
    for row in alerts.itertuples():
        who, alert, levels = want[row.alert_id]
        assert (row.rule, row.entity_kind, row.entity, row.source) == who
        assert (row.level, row.state, row.opened, row.period) == tuple(
            alert[key] for key in ("level", "state", "opened", "period")
        )
        assert (None if pd.isna(row.closed) else row.closed) == alert.get("closed")
        proof = json.loads(row.evidence)
        last = max(p for p in levels if p <= alert["seen"])
        assert proof == {
            "growth": -levels[last] / 10, "since": alert["opened"], "trend": alert["trend"], "peak": alert["peak"],
            "alerts": alert["alerts"], "quiet": alert["quiet"],
            **({"closed_by": alert["closed_by"]} if "closed" in alert else {}),
        }  # fmt: skip

    shuffled = [*verdicts.items(), *list(verdicts.items())[::2]]
    again = [*events, *events[::2]]
    order.shuffle(shuffled)
    order.shuffle(again)
    pd.testing.assert_frame_equal(alerts, fold(frame(shuffled), acts(again)))


def test_january_keeps_an_alert_open_and_two_quiet_months_close_it() -> None:
    who = ("output_drop", "firm", "A", "returns")
    story = {"2021-11": 2, "2021-12": 0, "2022-02": 3, "2022-03": 0, "2022-04": 0, "2022-05": 1}
    alerts = fold(frame([((who, p), level) for p, level in story.items()]))
    assert alerts[["opened", "level", "state", "period"]].to_numpy().tolist() == [
        ["2021-11", 3, "closed", "2022-04"], ["2022-05", 1, "open", "2022-05"],
    ]  # fmt: skip
    assert alerts["alert_id"].tolist() == ["output_drop:firm:A:returns:2021-11", "output_drop:firm:A:returns:2022-05"]


def test_an_acknowledgement_lasts_until_the_alert_is_raised() -> None:
    who = ("output_drop", "firm", "A", "returns")
    levels = [((who, "2022-03"), 1), ((who, "2022-04"), 1)]
    seen = acts([(who, "2022-03", "acknowledged")])
    assert fold(frame(levels), seen)["state"].tolist() == ["acknowledged"]
    assert fold(frame([*levels, ((who, "2022-05"), 2)]), seen)["state"].tolist() == ["open"]


def test_nothing_folds_to_nothing() -> None:
    empty = fold(frame([]))
    assert empty.empty
    assert list(empty.columns) == COLUMNS


def test_events_of_unknown_identities_change_nothing() -> None:
    who = ("output_drop", "firm", "A", "returns")
    levels = frame([((who, "2022-03"), 1)])
    stranger = acts([(("output_drop", "firm", "Z", "returns"), "2022-03", "closed")])
    pd.testing.assert_frame_equal(fold(levels), fold(levels, stranger))
