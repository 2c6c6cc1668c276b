from __future__ import annotations

import dataclasses

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from qxmonitor.delivery import ledger
from qxmonitor.delivery.ledger import Message
from qxmonitor.warehouse import Warehouse
from tests.delivery import town
from tests.delivery.post import NOW, Recorder, drained, message, planned, rows, states, story


def test_planned_once_whatever_is_planned_later(warehouse: Warehouse) -> None:
    assert planned(warehouse, message(1), message(2)) == ["<m1@x>", "<m2@x>"]
    other = Message("<other@x>", "alerts", town.PERIOD, "r1", "r1@example.invalid", "另一标题", b"changed")
    assert planned(warehouse, other, message(1), message(3)) == ["<m3@x>"]


def test_a_changed_mailbox_makes_no_second_mail(warehouse: Warehouse) -> None:
    """Not when a deputy stands in, nor when the trial begins or ends between two runs; sent or not."""
    planned(warehouse, message(1))
    moved = dataclasses.replace(message(1), message_id="<moved@x>", recipient="deputy@example.invalid", trial=True)
    assert planned(warehouse, moved) == []
    drained(warehouse, Recorder())
    assert planned(warehouse, moved) == []
    assert [row["recipient"] for row in rows(warehouse)] == ["r1@example.invalid"]


def test_another_occasion_is_another_mail(warehouse: Warehouse) -> None:
    planned(warehouse, message(1))
    again = dataclasses.replace(message(1), message_id="<again@x>", occasion="更正后重发")
    assert planned(warehouse, again, again) == ["<again@x>"]
    assert [row["occasion"] for row in rows(warehouse)] == ["", "更正后重发"]


def test_a_plan_is_gone_with_the_callers_transaction(warehouse: Warehouse) -> None:
    with warehouse.engine.connect() as conn:
        ledger.plan(conn, [message(1)], NOW)
        conn.rollback()
    assert states(warehouse) == []


def test_what_has_no_mailbox_is_held_with_its_reason(warehouse: Warehouse) -> None:
    planned(warehouse, message(1, held="没有有效邮箱"))
    (row,) = rows(warehouse)
    assert (row["state"], row["detail"]) == ("held", "没有有效邮箱")
    assert drained(warehouse, Recorder()) == []
    with warehouse.engine.connect() as conn:
        assert ledger.waiting(conn) == 1


def test_everything_that_happened_is_in_the_history(warehouse: Warehouse) -> None:
    planned(warehouse, message(1))
    drained(warehouse, Recorder())
    assert story(warehouse) == ["planned", "sending", "sending", "accepted"]
    with warehouse.engine.connect() as conn:
        last = ledger.history(conn)[-1]
    assert (last["who"], last["detail"], last["at"], last["reader"]) == ("系统", "ok", NOW, "r1")


@pytest.mark.parametrize(
    "attempt", ["update message_event set who = 'x'", "delete from message_event", "truncate message_event"]
)
def test_the_history_cannot_be_changed(warehouse: Warehouse, attempt: str) -> None:
    planned(warehouse, message(1))
    with pytest.raises(DBAPIError, match="append-only"), warehouse.engine.begin() as conn:
        conn.execute(text(attempt))
    assert story(warehouse) == ["planned"]


def test_a_change_needs_the_message_as_it_was_seen(warehouse: Warehouse) -> None:
    planned(warehouse, message(1))
    with warehouse.engine.begin() as conn:
        assert not ledger.change(conn, "<m1@x>", ("held", 0), "planned", NOW)
        assert not ledger.change(conn, "<m1@x>", ("planned", 1), "held", NOW)
        assert ledger.change(conn, "<m1@x>", ("planned", 0), "held", NOW)
    assert story(warehouse) == ["planned", "held"]
