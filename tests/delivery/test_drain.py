from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from qxmonitor.catalog.office import office
from qxmonitor.delivery import drain as draining
from qxmonitor.delivery.ledger import Deferred, Fate, Refused, Unknown, Unreachable
from qxmonitor.delivery.maildir import Maildir
from qxmonitor.errors import QxError
from qxmonitor.warehouse import Warehouse
from tests.delivery.post import NOW, Killed, Recorder, drained, kill, message, planned, rows, states, story

pytestmark = pytest.mark.slow


def test_drained_once(warehouse: Warehouse, tmp_path: Path) -> None:
    planned(warehouse, message(1), message(2))
    first = drained(warehouse, Maildir(tmp_path))
    assert [row["state"] for row in first] == ["accepted", "accepted"]
    assert first[0]["recipient"] == "r1@example.invalid"
    assert drained(warehouse, Maildir(tmp_path), NOW + timedelta(days=1)) == []
    assert len(list(tmp_path.glob("*/new/*"))) == 2
    planned(warehouse, message(1))
    assert drained(warehouse, Maildir(tmp_path)) == []


def test_a_look_at_what_is_due_changes_nothing(warehouse: Warehouse) -> None:
    planned(warehouse, message(1), message(2, held="x"))
    (row,) = draining.due(warehouse.engine)
    assert (row["state"], row["subject"], row["body"]) == ("planned", "标题", b"Subject: x\n\n1\n")
    assert states(warehouse) == ["planned", "held"]
    assert story(warehouse) == ["planned"]


def test_killed_while_sending_it_goes_again_and_lies_there_once(warehouse: Warehouse, tmp_path: Path) -> None:
    planned(warehouse, message(1), message(2))
    box = Maildir(tmp_path)

    def deliver_and_die(message_id: str) -> None:
        box.deliver(message_id, "r1@example.invalid", b"x", lambda: None)
        raise Killed

    with pytest.raises(Killed):
        drained(warehouse, Recorder(name="maildir", at=deliver_and_die))
    assert states(warehouse) == ["sending", "planned"]
    drained(warehouse, box)
    assert states(warehouse) == ["accepted", "accepted"]
    assert len(list(tmp_path.glob("*/new/*"))) == 2


def test_killed_before_the_body_goes_out_it_goes_again(warehouse: Warehouse) -> None:
    planned(warehouse, message(1))
    with pytest.raises(Killed):
        drained(warehouse, Recorder(repeatable=False, before=kill))
    again = Recorder(repeatable=False)
    assert [row["state"] for row in drained(warehouse, again)] == ["accepted"]
    assert again.seen == ["<m1@x>"]
    assert story(warehouse) == ["planned", "sending", "planned", "sending", "sending", "accepted"]
    assert rows(warehouse)[0]["attempts"] == 2


def test_killed_after_that_it_is_left_to_a_person(warehouse: Warehouse) -> None:
    planned(warehouse, message(1))
    with pytest.raises(Killed):
        drained(warehouse, Recorder(repeatable=False, at=kill))
    again = Recorder(repeatable=False)
    (row,) = drained(warehouse, again)
    assert (row["state"], again.seen) == ("unknown", [])
    assert drained(warehouse, again) == []


def test_another_transport_repeats_nothing(warehouse: Warehouse) -> None:
    """What a mail server may have taken does not go into the Maildir as well, nor the other way round."""
    for first, second in (("smtp a:25", "maildir"), ("maildir", "smtp a:25")):
        number = 1 if first == "maildir" else 2
        planned(warehouse, message(number))
        with pytest.raises(Killed):
            drained(warehouse, Recorder(name=first, repeatable=first == "maildir", at=kill))
        (row,) = drained(warehouse, Recorder(name=second, repeatable=second == "maildir"))
        assert row["state"] == "unknown"


@pytest.mark.parametrize(
    ("fate", "state"),
    [
        (Refused("无此邮箱"), "refused"), (Deferred("稍后再试"), "deferred"), (Unknown("没有回答"), "unknown"),
        (ValueError("a defect"), "unknown"),
    ],
)  # fmt: skip
def test_a_failure_is_written_down_and_the_next_one_goes(warehouse: Warehouse, fate: Exception, state: str) -> None:
    planned(warehouse, message(1), message(2))

    def fail(message_id: str) -> None:
        if message_id == "<m1@x>":
            raise fate

    assert [row["state"] for row in drained(warehouse, Recorder(at=fail))] == [state, "accepted"]
    assert story(warehouse)[-1] == state
    if isinstance(fate, Fate):
        assert rows(warehouse)[0]["detail"] == str(fate)


def test_a_defect_before_the_body_is_worth_another_try(warehouse: Warehouse) -> None:
    planned(warehouse, message(1))

    def stumble(_: str) -> None:
        raise ValueError("secret")

    (row,) = drained(warehouse, Recorder(before=stumble))
    assert (row["state"], row["detail"]) == ("deferred", "程序出错：ValueError")


def test_an_unreachable_server_ends_the_drain(warehouse: Warehouse) -> None:
    planned(warehouse, *(message(n) for n in range(1, 4)))

    def away(_: str) -> None:
        raise Unreachable("连接未成：连接被拒绝")

    transport = Recorder(before=away)
    assert [row["state"] for row in drained(warehouse, transport)] == ["deferred"]
    assert states(warehouse) == ["deferred", "planned", "planned"]
    assert story(warehouse, 2) == ["planned"]
    assert [row["state"] for row in drained(warehouse, Recorder())] == ["accepted", "accepted"]


def test_retries_follow_the_catalogue_and_end(warehouse: Warehouse) -> None:
    planned(warehouse, message(1))

    def later(_: str) -> None:
        raise Deferred("452 稍后")

    now = NOW
    for minutes in office().delivery.retry_minutes:
        (row,) = drained(warehouse, Recorder(before=later), now)
        assert (row["state"], row["next_try_at"]) == ("deferred", now + timedelta(minutes=minutes))
        now = row["next_try_at"]
        assert drained(warehouse, Recorder(before=later), now - timedelta(seconds=1)) == []
    (row,) = drained(warehouse, Recorder(before=later), now)
    assert (row["state"], row["next_try_at"]) == ("failed", None)
    assert row["attempts"] == len(office().delivery.retry_minutes) + 1
    assert "452 稍后" in row["detail"]
    assert drained(warehouse, Recorder(), now + timedelta(days=9)) == []


def test_two_drainers_send_each_message_once(warehouse: Warehouse) -> None:
    planned(warehouse, *(message(n) for n in range(12)))
    barrier, transport, failures = threading.Barrier(2), Recorder(), []

    def work() -> None:
        barrier.wait()
        try:
            drained(warehouse, transport)
        except Exception as error:
            failures.append(error)

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert failures == []
    assert sorted(transport.seen) == sorted({f"<m{n}@x>" for n in range(12)})
    assert set(states(warehouse)) == {"accepted"}


def test_a_message_another_drainer_holds_is_passed_over(warehouse: Warehouse) -> None:
    planned(warehouse, message(1))
    inner: list[list[dict[str, object]]] = []

    def meanwhile(_: str) -> None:
        inner.append(drained(warehouse, Recorder()))

    assert [row["state"] for row in drained(warehouse, Recorder(at=meanwhile))] == ["accepted"]
    assert inner == [[]]


def cut_database(warehouse: Warehouse) -> None:
    """End every other connection to the database, as a restarted server does."""
    with warehouse.engine.connect() as conn:
        conn.execute(text("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() "
                          "and pid <> pg_backend_pid()"))  # fmt: skip


def test_a_database_lost_before_the_body_goes_out(warehouse: Warehouse) -> None:
    planned(warehouse, message(1))
    transport = Recorder(repeatable=False, before=lambda _: cut_database(warehouse))
    with pytest.raises(QxError, match="数据库连接中断"):
        drained(warehouse, transport)
    assert transport.seen == []
    again = Recorder(repeatable=False)
    assert [row["state"] for row in drained(warehouse, again)] == ["accepted"]


def test_a_database_that_restarts_after_the_body_went_out(warehouse: Warehouse) -> None:
    """What became of the mail is known here, so it is written as soon as the database is back."""
    planned(warehouse, message(1), message(2))
    transport = Recorder(repeatable=False, at=lambda _: cut_database(warehouse))
    assert [row["state"] for row in drained(warehouse, transport)] == ["accepted", "accepted"]
    assert transport.seen == ["<m1@x>", "<m2@x>"]
    assert drained(warehouse, Recorder()) == []


def test_what_another_drainer_made_of_it_meanwhile_stands(warehouse: Warehouse) -> None:
    planned(warehouse, message(1))

    def lose(_: str) -> None:
        cut_database(warehouse)
        assert [row["state"] for row in drained(warehouse, Recorder(repeatable=False))] == ["unknown"]

    first = Recorder(repeatable=False, at=lose)
    assert [row["state"] for row in drained(warehouse, first)] == ["unknown"]
    assert first.seen == ["<m1@x>"]


def test_a_drainer_that_lost_its_message_does_not_send_it(warehouse: Warehouse) -> None:
    """Its lock went with its connection and another drainer was quicker: the first sees that before the body goes."""
    planned(warehouse, message(1))
    second = Recorder(repeatable=False)

    def lose(_: str) -> None:
        cut_database(warehouse)
        drained(warehouse, second)

    first = Recorder(repeatable=False, before=lose)
    with pytest.raises(QxError):
        drained(warehouse, first)
    assert (first.seen, second.seen) == ([], ["<m1@x>"])
    assert states(warehouse) == ["accepted"]
