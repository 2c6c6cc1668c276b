"""Runs: once each, the newest counts, the same again is recognised; alerts are a projection."""

from __future__ import annotations

import pandas as pd
import pytest
from sqlalchemy import text

from qxmonitor import alerting, explaining, indicators, look
from qxmonitor.errors import QxError
from qxmonitor.packed import Packed
from qxmonitor.period import Period
from qxmonitor.warehouse import store
from qxmonitor.warehouse.load import load
from tests.indicators.town import random_town

MARCH, APRIL = Period("2026-03"), Period("2026-04")


def values(make, numbers):
    rows = pd.DataFrame(
        [
            {"period": p, "indicator": "output_m", "entity_kind": "firm", "entity": make.A, "source": "returns",
             "value": v, "state": "value", "coverage": 1.0, "groups": 1, "top2": None, "hidden_groups": 0}
            for p, v in numbers.items()
        ]
    )  # fmt: skip
    return {period: Packed.of(mine) for period, mine in rows.groupby("period")}


def verdicts(make, levels):
    return pd.DataFrame(
        [
            {"period": p, "rule": "output_drop", "entity_kind": "firm", "entity": make.A, "source": "returns",
             "level": level, "evidence": "{}"}
            for p, level in levels.items()
        ]
    )  # fmt: skip


@pytest.fixture
def loaded(warehouse, make):
    load(warehouse, [make.item("r", 0, make.register({make.A: {}}))])
    load(warehouse, [make.item("mar", 100, make.output({make.A: 1.0}, period="2026-03"))])
    return warehouse


def compute(wh, make, periods, value, **when):
    return store.write_runs(
        wh, store.stamps(wh, periods, **when), values(make, dict.fromkeys(periods, value)),
        verdicts(make, dict.fromkeys(periods, 2)),
    )  # fmt: skip


def test_a_run_is_stamped_by_its_files_and_written_once(loaded, make):
    when = {"known_at": make.day(300)}
    (stamp,) = store.stamps(loaded, [MARCH], **when)
    assert stamp.known_at == make.day(100) and stamp.run_id is None
    (first,) = compute(loaded, make, [MARCH], 1.0, **when)
    (again,) = compute(loaded, make, [MARCH], 2.0, **when)
    assert first == again and store.stamps(loaded, [MARCH], **when) == [first]
    assert store.read_indicators(loaded)["value"].tolist() == [1.0]


def test_a_later_months_file_does_not_touch_an_earlier_run(loaded, make):
    when = {"known_at": make.day(300)}
    compute(loaded, make, [MARCH, APRIL], 1.0, **when)
    load(loaded, [make.item("apr", 130, make.output({make.A: 1.0}, period="2026-04"))])
    march, april = store.stamps(loaded, [MARCH, APRIL], **when)
    assert march.run_id is not None and april.run_id is None


def test_a_notice_that_no_run_judges_any_more_ends_in_whatever_order_the_months_are_run(loaded, make):
    """Six months run without a verdict; looked back on it stands, and every list says that it did not lift."""
    months = [MARCH + ahead for ahead in range(7)]
    when = {"known_at": make.day(400)}
    spoken = verdicts(make, {MARCH: 2}).assign(evidence='{"told":"低五成","limit":"提示线"}')
    store.write_runs(loaded, store.stamps(loaded, [MARCH], **when), {}, spoken)
    for month in [months[4], months[6], months[1], months[2], months[5]]:
        store.write_runs(loaded, store.stamps(loaded, [month], **when), {}, spoken)
        assert alerting.refold(loaded)["state"].tolist() == ["opened"]
    for _ in range(2):
        store.write_runs(loaded, store.stamps(loaded, [months[3]], **when), {}, spoken)
        (alert,) = alerting.refold(loaded).to_dict("records")
    assert (alert["state"], alert["closed"], alert["period"]) == ("closed", "2026-09", "2026-03")
    assert alerting.as_known(loaded, make.day(50)).empty
    (row,) = look.listing(loaded, "alerts")
    assert (row["closed_by"], row["state_name"]) == ("unjudged", "无判断依据，终止跟踪（不代表风险已解除）")
    last = alerting.history(loaded, alert["alert_id"])[-1]
    assert (last["state"], last["closed_by"], last["who"]) == ("closed", "unjudged", "系统")
    said = [line["words"] for line in explaining.explain(loaded, alert["alert_id"]) if line["period"] == "2026-09"]
    assert any("终止跟踪（不代表风险已解除）（系统：连续6个已计算的月份没有判断依据）" in words for words in said)
    assert any("未作判断" in words for words in said) and alerting.outcome_labels(loaded).empty


def test_what_becomes_due_makes_a_new_run_though_no_file_came(loaded, make):
    early, late = ({"known_at": make.day(day)} for day in (101, 200))
    (first,) = compute(loaded, make, [MARCH], 1.0, **early)
    (second,) = store.stamps(loaded, [MARCH], **late)
    assert second.run_id is None and second.known_at == first.known_at


def test_the_newest_run_by_known_at_then_recorded_at_counts(loaded, make):
    compute(loaded, make, [MARCH], 1.0, known_at=make.day(300))
    load(loaded, [make.item("again", 110, make.output({make.A: 5.0}, period="2026-03"))])
    compute(loaded, make, [MARCH], 5.0, known_at=make.day(300))
    compute(loaded, make, [MARCH], 9.0, known_at=make.day(105))
    assert store.read_indicators(loaded, MARCH)["value"].tolist() == [5.0]
    assert store.read_indicators(loaded, MARCH, known_at=make.day(105))["value"].tolist() == [9.0]
    assert store.read_verdicts(loaded, MARCH)["level"].tolist() == [2]
    assert store.read_indicators(loaded, APRIL).empty


def test_the_order_of_loading_does_not_change_a_stamp(loaded, make, new_database):
    from qxmonitor.warehouse import Warehouse

    with Warehouse(new_database()) as other:
        load(other, [make.item("mar", 100, make.output({make.A: 1.0}, period="2026-03"))])
        load(other, [make.item("r", 5, make.register({make.A: {}})), make.item("r", 0, "duplicate")])
        when = {"known_at": make.day(300)}
        assert store.stamps(other, [MARCH], **when) == store.stamps(loaded, [MARCH], **when)


def test_nothing_known_cannot_be_computed(warehouse, make):
    with pytest.raises(QxError, match="没有任何已知报表"):
        store.stamps(warehouse, [MARCH])


def test_alerts_are_folded_from_all_verdicts_and_events_and_replaced_as_a_whole(loaded, make):
    compute(loaded, make, [MARCH, APRIL], 1.0, known_at=make.day(300))
    with loaded.engine.begin() as connection:
        connection.execute(
            text(
                "insert into alert_event (event_id, rule, entity_kind, entity, source, opened, period, kind, who, why,"
                " known_at, recorded_at) values (1, 'output_drop', 'firm', 'x', 'returns', '2026-03', '2026-03',"
                " 'close', 'w', 'y', now(), now())"
            )
        )

    def fold(found, events, months):
        assert months == {"2026-03", "2026-04"}
        assert found["period"].tolist() == ["2026-03", "2026-04"] and events["kind"].tolist() == ["close"]
        head = found.iloc[[0]]
        return head.assign(alert_id="a1", state="open", opened="2026-03", closed=None)

    store.refold(loaded, fold)
    store.refold(loaded, fold)
    alerts = store.read_alerts(loaded)
    assert alerts[["alert_id", "level", "state", "opened"]].to_numpy().tolist() == [["a1", 2, "open", "2026-03"]]
    store.refold(loaded, lambda found, *_: found.iloc[:0].reindex(columns=store.ALERT_COLUMNS))
    assert store.read_alerts(loaded).empty


def test_alerts_are_folded_from_what_was_ever_raised(loaded, make):
    quiet = verdicts(make, {MARCH: 0, APRIL: 0}).assign(entity=make.B)
    mixed = verdicts(make, {MARCH: 0, APRIL: 1})
    stamps = store.stamps(loaded, [MARCH, APRIL], known_at=make.day(300))
    store.write_runs(loaded, stamps, {}, pd.concat([quiet, mixed]))
    raised = store.read_raised(loaded)
    assert raised[["period", "entity", "level"]].to_numpy().tolist() == [
        ["2026-03", make.A, 0],
        ["2026-04", make.A, 1],
    ]
    load(loaded, [make.item("apr", 130, make.output({make.A: 1.0}, period="2026-04"))])
    compute(loaded, make, [APRIL], 1.0, known_at=make.day(300))  # another run of the month: A alone, at level 2
    assert store.read_raised(loaded)["level"].tolist() == [0, 2]
    assert store.read_raised(loaded, recorded_at=stamps[0].known_at).empty


def test_stored_figures_are_those_computed(loaded, make):
    """Gaps, late firms, trade and all levels of a random town: what is read back is the frame, row for row."""
    panel = random_town(3).panel()
    order = ["indicator", "entity_kind", "entity", "source"]
    for run, period in zip((MARCH, APRIL), panel.months[-2:], strict=True):
        frame = indicators.compute(panel, [period])
        packed = indicators.computed(panel, panel.months[-3:]).packed(period)
        (stamp,) = store.write_runs(loaded, store.stamps(loaded, [run]), {run: packed}, verdicts(make, {run: 0}))
        expected = frame.drop(columns="period").sort_values(order, ignore_index=True)
        found = store.read_indicators(loaded, run)[expected.columns].sort_values(order, ignore_index=True)
        pd.testing.assert_frame_equal(found, expected, check_dtype=False)
        assert store.run_counts(loaded, stamp.run_id)["values"] == len(frame) > 500
