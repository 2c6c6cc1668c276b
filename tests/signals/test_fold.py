"""The fold against a plain state machine that handles one identity, one month, one act at a time."""

from __future__ import annotations

import json
import random
from datetime import datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qxmonitor.period import SHANGHAI, Period
from qxmonitor.signals import fold, history
from qxmonitor.signals.fold import COLUMNS, HISTORY, IDENTITY
from tests.signals.life_model import Act, life

FIRST = Period("2021-10")
START = datetime(2021, 11, 1, tzinfo=SHANGHAI)
Identity = tuple[str, str, str, str]
WHO: Identity = ("output_drop", "firm", "A", "returns")

MONTHS = st.integers(0, 9).map(lambda k: str(FIRST + k))
IDENTITIES = st.tuples(
    st.sampled_from(["output_drop", "silence", "retired_rule"]), st.sampled_from(["firm", "town"]),
    st.sampled_from(["A", "B"]), st.sampled_from(["returns", "self_report"]),
)  # fmt: skip
VERDICTS = st.dictionaries(st.tuples(IDENTITIES, MONTHS), st.sampled_from([0, 0, 1, 2, 3, 4]), max_size=60)
KINDS = st.sampled_from(["acknowledge", "take", "resolve", "close", "close", "reopen", "true", "note"])
EVENTS = st.lists(
    st.tuples(IDENTITIES, MONTHS, st.integers(0, 3), KINDS, st.sampled_from(["甲", "乙"]), st.just("已走访")),
    max_size=14,
)
RUN = st.lists(st.integers(0, 13).map(lambda k: str(FIRST + k)), max_size=16)
"""Months that were run, with a verdict or without."""
Event = tuple[Identity, str, int, str, str, str]


def frame(verdicts: list[tuple[tuple[Identity, str], int]]) -> pd.DataFrame:
    rows = [
        (*who, period, level, json.dumps({"growth": -level / 10}, separators=(",", ":")))
        for (who, period), level in verdicts
    ]
    return pd.DataFrame(rows, columns=[*IDENTITY, "period", "level", "evidence"])


def acts(events: list[Event]) -> pd.DataFrame:
    rows = [(*who, period, kind, by, why, START + timedelta(days=at)) for who, period, at, kind, by, why in events]
    return pd.DataFrame(rows, columns=[*IDENTITY, "period", "kind", "who", "why", "known_at"])


@pytest.mark.slow
@settings(max_examples=50, deadline=None)
@given(VERDICTS, EVENTS, RUN, st.randoms(use_true_random=False))
def test_the_fold_tells_the_story_of_a_plain_state_machine(
    verdicts: dict[tuple[Identity, str], int], events: list[Event], run: list[str], order: random.Random
) -> None:
    table, done = frame(list(verdicts.items())), acts(events)
    alerts, told = fold(table, done, run), history(table, done, run)
    judged = {period for _, period in verdicts} | set(run)
    assert list(alerts.columns) == COLUMNS
    assert list(told.columns) == HISTORY
    # Nothing can come of what was never raised: the warehouse does not even read it.
    raised = {who for (who, _), level in verdicts.items() if level}
    few = frame([(k, v) for k, v in verdicts.items() if k[0] in raised])
    pd.testing.assert_frame_equal(alerts, fold(few, done, judged))

    want, changes = {}, []
    for who in sorted({who for who, _ in verdicts}):
        levels = {p: level for (w, p), level in verdicts.items() if w == who}
        mine: set[Act] = {
            (p, at, k, by, why) for w, p, at, k, by, why in events if w == who and k not in ("true", "note")
        }
        episodes, steps = life(who[0], levels, mine, judged)
        want |= {":".join([*who, alert["opened"]]): (who, alert, levels) for alert in episodes}
        changes += [(":".join([*who, opened]), *rest) for opened, *rest in steps]
    assert list(alerts["alert_id"]) == list(want)
    for row in alerts.itertuples():
        who, alert, levels = want[row.alert_id]
        assert (row.rule, row.entity_kind, row.entity, row.source) == who
        period = alert["seen"] if alert.get("closed_by") == "unjudged" else alert.get("closed", alert["seen"])
        assert (row.level, row.state, row.opened, row.period) == (
            alert["level"], alert["state"], alert["opened"], period
        )  # fmt: skip
        assert (None if pd.isna(row.closed) else row.closed) == alert.get("closed")
        assert json.loads(row.evidence) == {
            "growth": -levels[alert["seen"]] / 10, "since": alert["opened"],
            "trend": "closed" if "closed" in alert else alert["trend"],
            **{key: alert[key] for key in ("peak", "alerts", "quiet", "due")},
            **({"closed_by": alert["closed_by"]} if "closed" in alert else {}),
        }  # fmt: skip
    found = told[["alert_id", "period", "state", "level", "who", "closed_by"]].itertuples(index=False, name=None)
    assert [tuple(change) for change in found] == changes

    shuffled = [*verdicts.items(), *list(verdicts.items())[::2]]
    again = [*events, *events[::2]]
    months = [*judged, *run]
    for some in (shuffled, again, months):
        order.shuffle(some)
    pd.testing.assert_frame_equal(alerts, fold(frame(shuffled), acts(again), months))
    pd.testing.assert_frame_equal(told, history(frame(shuffled), acts(again), months))


def test_the_least_p_of_the_months_an_alert_stands_is_kept() -> None:
    who = ("output_drop", "firm", "A", "returns")
    months = [(1, 0.002), (2, 0.0005), (1, 0.3), (0, 0.00001), (0, 0.9), (1, 0.004)]
    rows = [
        (*who, str(FIRST + t), level, json.dumps({"p": p}, separators=(",", ":")))
        for t, (level, p) in enumerate(months)
    ]
    alerts = fold(pd.DataFrame(rows, columns=[*IDENTITY, "period", "level", "evidence"]))
    assert [json.loads(text)["p_least"] for text in alerts["evidence"]] == [0.0005, 0.004]


def test_january_keeps_an_alert_open_and_two_quiet_months_close_it() -> None:
    story = {"2021-11": 2, "2021-12": 0, "2022-02": 3, "2022-03": 0, "2022-04": 0, "2022-05": 1}
    alerts = fold(frame([((WHO, p), level) for p, level in story.items()]))
    assert alerts[["opened", "level", "state", "period"]].to_numpy().tolist() == [
        ["2021-11", 3, "closed", "2022-04"], ["2022-05", 1, "opened", "2022-05"],
    ]  # fmt: skip
    assert alerts["alert_id"].tolist() == ["output_drop:firm:A:returns:2021-11", "output_drop:firm:A:returns:2022-05"]


def test_an_acknowledgement_lasts_until_the_alert_is_raised() -> None:
    levels = [((WHO, "2022-03"), 1), ((WHO, "2022-04"), 1)]
    seen = acts([(WHO, "2022-03", 0, "acknowledge", "甲", "已阅")])
    assert fold(frame(levels), seen)["state"].tolist() == ["acknowledged"]
    assert fold(frame([*levels, ((WHO, "2022-05"), 2)]), seen)["state"].tolist() == ["raised"]


def test_what_is_resolved_is_closed_by_the_next_quiet_verdict() -> None:
    levels = [((WHO, "2022-03"), 2), ((WHO, "2022-04"), 2), ((WHO, "2022-05"), 0)]
    done = acts([(WHO, "2022-03", 0, "resolve", "甲", "已恢复供料")])
    (alert,) = fold(frame(levels), done).to_dict("records")
    assert (alert["state"], alert["closed"]) == ("closed", "2022-05")
    assert json.loads(alert["evidence"])["closed_by"] == "review"


def test_closed_by_a_person_it_does_not_come_back_at_the_same_level_until_it_was_better() -> None:
    done = acts([(WHO, "2022-03", 0, "close", "甲", "搬迁，原因已明")])
    held = [((WHO, f"2022-{month:02d}"), 2) for month in (3, 4, 5)]
    assert fold(frame(held), done)["opened"].tolist() == ["2022-03"]
    assert fold(frame([*held, ((WHO, "2022-06"), 3)]), done)["opened"].tolist() == ["2022-03", "2022-06"]
    better = [*held, ((WHO, "2022-06"), 1), ((WHO, "2022-07"), 2)]
    assert fold(frame(better), done)["opened"].tolist() == ["2022-03", "2022-07"]


def test_what_a_person_closed_and_came_back_worse_is_no_longer_held_shut() -> None:
    done = acts([(WHO, "2022-03", 0, "close", "甲", "搬迁，原因已明")])
    story = {"2022-03": 2, "2022-04": 3, "2022-05": 0, "2022-06": 0, "2022-07": 2}
    alerts = fold(frame([((WHO, p), level) for p, level in story.items()]), done)
    assert alerts["opened"].tolist() == ["2022-03", "2022-04", "2022-07"]


def test_what_nothing_judges_any_more_closes_after_six_months_run_and_not_as_a_risk_that_lifted() -> None:
    months = [str(FIRST + ahead) for ahead in range(8)]
    levels = frame([((WHO, months[0]), 3)])
    assert fold(levels, run=months[:6])["state"].tolist() == ["opened"]
    gaps = [*months[:3], *months[5:]]  # two months were never run: nobody can say that nothing judged it in them
    assert fold(levels, run=gaps)["state"].tolist() == ["opened"]
    taken = acts([(WHO, months[2], 0, "take", "甲", "走访"), (WHO, months[5], 0, "resolve", "甲", "已迁出")])
    for events in (None, taken):
        (alert,) = fold(levels, events, months).to_dict("records")
        assert (alert["state"], alert["closed"], alert["level"]) == ("closed", months[6], 3)
        assert json.loads(alert["evidence"])["closed_by"] == "unjudged"
        last = history(levels, events, months).iloc[-1]
        assert (last["state"], last["closed_by"], last["who"]) == ("closed", "unjudged", "")


def test_of_what_is_judged_again_a_new_notice_opens_whatever_its_level_and_a_late_verdict_undoes_the_closing() -> None:
    months = [str(FIRST + ahead) for ahead in range(9)]
    later = [((WHO, months[0]), 3), ((WHO, months[8]), 1)]
    found = fold(frame(later), run=months)
    assert found[["opened", "state", "level"]].to_numpy().tolist() == [
        [months[0], "closed", 3], [months[8], "opened", 1],
    ]  # fmt: skip
    late = fold(frame([*later, ((WHO, months[4]), 2)]), run=months)
    assert late[["opened", "state", "level"]].to_numpy().tolist() == [[months[0], "lowered", 1]]
    quiet = fold(frame([((WHO, months[0]), 3), ((WHO, months[1]), 0)]), run=months)
    assert json.loads(quiet["evidence"].iloc[0])["closed_by"] == "unjudged"


def test_opened_again_by_a_person_it_waits_as_long_anew() -> None:
    months = [str(FIRST + ahead) for ahead in range(14)]
    again = acts([(WHO, months[7], 0, "reopen", "甲", "厂房仍在")])
    assert fold(frame([((WHO, months[0]), 3)]), again, months[:13])["state"].tolist() == ["opened"]
    (alert,) = fold(frame([((WHO, months[0]), 3)]), again, months).to_dict("records")
    assert (alert["state"], alert["closed"]) == ("closed", months[13])


def test_of_acts_in_one_month_the_later_known_counts_however_they_were_written_down() -> None:
    levels = frame([((WHO, "2022-03"), 2)])
    take = (WHO, "2022-03", 1, "take", "甲", "走访")
    close, reopen = (WHO, "2022-03", 2, "close", "甲", "误报"), (WHO, "2022-03", 3, "reopen", "乙", "尚未查清")
    assert fold(levels, acts([close, take]))["state"].tolist() == ["closed"]
    assert fold(levels, acts([reopen, take, close]))["state"].tolist() == ["opened"]
    told = history(levels, acts([reopen, take, close]))
    assert told["state"].tolist() == ["opened", "in_hand", "closed", "opened"]
    assert told["who"].tolist() == ["", "甲", "甲", "乙"]


def test_what_holds_is_due_again_after_the_months_of_the_rule() -> None:
    levels = [((WHO, str(FIRST + back)), 2) for back in range(7)]
    for length, due in ((1, 0), (3, 0), (4, 3), (6, 3), (7, 6)):
        (alert,) = fold(frame(levels[:length])).to_dict("records")
        assert json.loads(alert["evidence"])["due"] == str(FIRST + due)


def test_nothing_folds_to_nothing() -> None:
    empty = fold(frame([]))
    assert empty.empty
    assert list(empty.columns) == COLUMNS
    assert history(frame([])).empty


def test_events_of_unknown_identities_change_nothing() -> None:
    levels = frame([((WHO, "2022-03"), 1)])
    stranger = acts([(("output_drop", "firm", "Z", "returns"), "2022-03", 0, "close", "甲", "无")])
    pd.testing.assert_frame_equal(fold(levels), fold(levels, stranger))
