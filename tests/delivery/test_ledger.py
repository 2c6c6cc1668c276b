from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from qxmonitor.delivery.ledger import Message, drain, listing, plan
from qxmonitor.delivery.maildir import Maildir
from qxmonitor.errors import QxError
from qxmonitor.warehouse import Warehouse
from tests.delivery import town
from tests.delivery.conftest import DATE

NOW = DATE


def message(number: int, body: bytes = b"Subject: x\n\n1\n") -> Message:
    address = f"r{number}@example.invalid"
    return Message(f"<m{number}@x>", "alerts", town.PERIOD, f"r{number}", address, "标题", body)


class Recorder:
    """A transport that counts, and may fail or be killed at a message."""

    def __init__(self, *, repeatable: bool = True, at: Callable[[str], None] = lambda _: None) -> None:
        self.repeatable, self.at, self.seen = repeatable, at, []  # type: ignore[var-annotated]

    def deliver(self, message_id: str, recipient: str, body: bytes) -> str:
        self.seen.append(message_id)
        self.at(message_id)
        return "ok"


def planned(warehouse: Warehouse, *messages: Message) -> list[str]:
    with warehouse.engine.begin() as conn:
        return plan(conn, messages, NOW)


def states(warehouse: Warehouse) -> list[str]:
    with warehouse.engine.connect() as conn:
        return [row["state"] for row in listing(conn)]


def test_planned_once_whatever_is_planned_later(warehouse: Warehouse) -> None:
    assert planned(warehouse, message(1), message(2)) == ["<m1@x>", "<m2@x>"]
    other = Message("<other@x>", "alerts", town.PERIOD, "r1", "r1@example.invalid", "另一标题", b"changed")
    assert planned(warehouse, other, message(1), message(3)) == ["<m3@x>"]


def test_a_plan_is_gone_with_the_callers_transaction(warehouse: Warehouse) -> None:
    with warehouse.engine.connect() as conn:
        plan(conn, [message(1)], NOW)
        conn.rollback()
    assert states(warehouse) == []


def test_drained_once(warehouse: Warehouse, tmp_path: Path) -> None:
    planned(warehouse, message(1), message(2))
    first = drain(warehouse.engine, Maildir(tmp_path), NOW)
    assert [row["state"] for row in first] == ["accepted", "accepted"]
    assert first[0]["recipient"] == "r1@example.invalid"
    assert drain(warehouse.engine, Maildir(tmp_path), NOW + timedelta(days=1)) == []
    assert len(list(tmp_path.glob("*/new/*"))) == 2
    planned(warehouse, message(1))
    assert drain(warehouse.engine, Maildir(tmp_path), NOW) == []


def test_a_dry_run_sends_and_changes_nothing(warehouse: Warehouse, tmp_path: Path) -> None:
    planned(warehouse, message(1))
    (row,) = drain(warehouse.engine, Maildir(tmp_path), NOW, dry_run=True)
    assert (row["state"], row["subject"]) == ("planned", "标题")
    assert states(warehouse) == ["planned"]
    assert list(tmp_path.iterdir()) == []


class Killed(BaseException):
    """Stands for the process ending here."""


def kill(_: str) -> None:
    raise Killed


def test_killed_while_sending_it_goes_again_and_lies_there_once(warehouse: Warehouse, tmp_path: Path) -> None:
    planned(warehouse, message(1), message(2))
    box = Maildir(tmp_path)

    class Dies(Recorder):
        def deliver(self, message_id: str, recipient: str, body: bytes) -> str:
            box.deliver(message_id, recipient, body)
            raise Killed

    with pytest.raises(Killed):
        drain(warehouse.engine, Dies(), NOW)
    assert states(warehouse) == ["sending", "planned"]
    drain(warehouse.engine, box, NOW)
    assert states(warehouse) == ["accepted", "accepted"]
    assert len(list(tmp_path.glob("*/new/*"))) == 2


def test_a_transport_that_cannot_repeat_leaves_it_to_a_person(warehouse: Warehouse) -> None:
    planned(warehouse, message(1))
    with pytest.raises(Killed):
        drain(warehouse.engine, Recorder(repeatable=False, at=kill), NOW)
    again = Recorder(repeatable=False)
    (row,) = drain(warehouse.engine, again, NOW)
    assert (row["state"], again.seen) == ("unknown", [])
    assert drain(warehouse.engine, again, NOW) == []


@pytest.mark.parametrize(("error", "state"), [(QxError("无此邮箱"), "refused"), (OSError(28, "磁盘已满"), "deferred")])
def test_a_failure_is_written_down_and_the_next_one_goes(warehouse: Warehouse, error: Exception, state: str) -> None:
    planned(warehouse, message(1), message(2))

    def fail(message_id: str) -> None:
        if message_id == "<m1@x>":
            raise error

    assert [row["state"] for row in drain(warehouse.engine, Recorder(at=fail), NOW)] == [state, "accepted"]


def test_two_drainers_send_each_message_once(warehouse: Warehouse) -> None:
    planned(warehouse, *(message(n) for n in range(12)))
    barrier, transport, failures = threading.Barrier(2), Recorder(), []

    def work() -> None:
        barrier.wait()
        try:
            drain(warehouse.engine, transport, NOW)
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
        inner.append(drain(warehouse.engine, Recorder(), NOW))

    assert [row["state"] for row in drain(warehouse.engine, Recorder(at=meanwhile), NOW)] == ["accepted"]
    assert inner == [[]]
