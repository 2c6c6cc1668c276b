"""Withdrawals, decisions on identity, and refused rows that name their firm: as known then, as recorded then."""

from __future__ import annotations

import pandas as pd
import pytest

from qxmonitor.calendar import DatumState
from qxmonitor.errors import QxError
from qxmonitor.feeds.base import REJECT_COLUMNS, WHOSE
from qxmonitor.period import Period
from qxmonitor.warehouse import asof, decided, store
from qxmonitor.warehouse.load import load
from qxmonitor.warehouse.panel import read_panel

BY = {"who": "王某", "why": "企业来函更正"}


def output(wh, **when):
    frame = asof.read(wh, "output_return", **when)
    return dict(zip(frame["entity"], frame["output_m"], strict=True))


def test_a_withdrawn_file_leaves_reads_from_then_on_and_frozen_reads_keep_it(warehouse, make):
    load(warehouse, [make.item("reg", 0, make.register({make.A: {}}))])
    load(warehouse, [make.item("first", 1, make.output({make.A: 1.0}))])
    load(warehouse, [make.item("second", 2, make.output({make.A: 2.0}))])
    frozen = warehouse.newest_recorded()
    [before] = store.stamps(warehouse, [Period("2026-03")])
    decided.flag(warehouse, make.sha("second"), "withdraw", known_at=make.day(5), **BY)
    assert output(warehouse) == {make.A: 1.0}
    assert output(warehouse, known_at=make.day(4)) == {make.A: 2.0}
    assert output(warehouse, recorded_at=frozen) == {make.A: 2.0}
    [after] = store.stamps(warehouse, [Period("2026-03")])
    assert after.fingerprint != before.fingerprint and after.known_at == make.day(5)

    load(warehouse, [make.item("second", 6, "duplicate")])  # the same bytes again change nothing
    assert output(warehouse) == {make.A: 1.0}
    decided.flag(warehouse, make.sha("second"), "reinstate", known_at=make.day(7), **BY)
    assert output(warehouse) == {make.A: 2.0}
    assert output(warehouse, known_at=make.day(6)) == {make.A: 1.0}
    with pytest.raises(QxError):
        decided.flag(warehouse, make.sha("second"), "withdraw", known_at=make.day(7), **BY)
    decided.flag(warehouse, make.sha("second"), "reinstate", known_at=make.day(7), **BY)
    assert decided.decisions(warehouse)["kind"].tolist() == ["withdraw", "reinstate"]


def test_a_decision_on_identity_releases_rows_from_then_on_and_can_be_revoked(warehouse, make):
    load(warehouse, [make.item("reg", 0, make.register({make.A: {"name": "甲"}, make.B: {"name": "乙"}}))])
    load(warehouse, [make.item("a", 1, make.output({"name:旧名": 7.0}))])
    frozen = warehouse.newest_recorded()
    assert output(warehouse) == {}
    assert decided.matches(warehouse)[["source", "subject", "how"]].to_numpy().tolist() == [
        ["b204_1", "name:旧名", "unknown"]
    ]
    decided.decide_identity(warehouse, "name:旧名", make.A, known_at=make.day(3), **BY)
    assert output(warehouse) == {make.A: 7.0}
    assert store.read_quarantine(warehouse).empty
    assert output(warehouse, known_at=make.day(2)) == {} and output(warehouse, recorded_at=frozen) == {}
    assert decided.matches(warehouse)[["entity", "how", "name"]].to_numpy().tolist() == [[make.A, "decision", "甲"]]
    decided.decide_identity(warehouse, "name:旧名", make.B, known_at=make.day(4), **BY)
    decided.decide_identity(warehouse, "name:旧名", "", known_at=make.day(5), **BY)
    assert output(warehouse, known_at=make.day(4)) == {make.B: 7.0} and output(warehouse) == {}
    assert store.read_quarantine(warehouse)[["rule", "subject", "period"]].to_numpy().tolist() == [
        ["identity.unmatched", "name:旧名", "2026-03"]
    ]


def test_a_decision_settles_a_name_that_two_firms_share(warehouse, make):
    register = make.register({make.A: {"name": "同名"}, make.B: {"name": "同名"}})
    load(warehouse, [make.item("reg", 0, register), make.item("a", 1, make.output({"name:同名": 7.0}))])
    assert decided.matches(warehouse)["how"].tolist() == ["ambiguous"] and output(warehouse) == {}
    decided.decide_identity(warehouse, "name:同名", make.B, known_at=make.day(2), **BY)
    assert output(warehouse) == {make.B: 7.0}


def test_a_register_that_changes_later_matches_earlier_rows_from_then_on(warehouse, make):
    load(warehouse, [make.item("a", 1, make.output({"name:甲": 7.0}))])
    load(warehouse, [make.item("reg", 4, make.register({make.A: {"name": "甲"}}))])
    assert output(warehouse) == {make.A: 7.0} and output(warehouse, known_at=make.day(3)) == {}


def test_a_refused_row_makes_its_cell_failed_until_a_good_one_comes(warehouse, make):
    batch = make.output({make.B: 1.0})
    reject = ("Sheet1", 9, "工业总产值", "number.unreadable", "不是数字", "abc", make.A, "2026-03")
    batch.rejects = pd.DataFrame([reject], columns=[*REJECT_COLUMNS, *WHOSE])
    batch.lines = pd.concat([batch.lines, pd.DataFrame({"sheet": ["Sheet1"], "row": [9]})])
    register = make.register({make.A: {}, make.B: {}, make.C: {}})
    load(warehouse, [make.item("reg", 0, register), make.item("a", 100, batch)])

    def states(**when):
        return read_panel(warehouse, Period("2026-03"), months=1, **when).states["b204_1"][:, 0].tolist()

    late = {"known_at": make.day(200)}
    assert states(**late) == [DatumState.FAILED, DatumState.VALUE, DatumState.LATE]
    load(warehouse, [make.item("b", 150, make.output({make.A: 2.0}))])
    assert states(**late)[0] == DatumState.VALUE
    assert states(known_at=make.day(140))[0] == DatumState.FAILED


def test_a_run_after_a_withdrawal_from_an_earlier_day_still_is_the_newest(warehouse, make):
    load(warehouse, [make.item("first", 1, make.output({make.A: 1.0}))])
    load(warehouse, [make.item("second", 8, make.output({make.A: 2.0}))])
    [before] = store.stamps(warehouse, [Period("2026-03")])
    decided.flag(warehouse, make.sha("second"), "withdraw", known_at=make.day(3), **BY)
    [after] = store.stamps(warehouse, [Period("2026-03")])
    assert before.known_at == after.known_at == make.day(8)  # then the one recorded later counts
    [then] = store.stamps(warehouse, [Period("2026-03")], known_at=make.day(5))
    assert then.known_at == make.day(3)
