from __future__ import annotations

from datetime import timedelta
from email import message_from_bytes, policy
from typing import Any

import pytest
from sqlalchemy import text

from qxmonitor import pipeline
from qxmonitor.catalog.office import office
from qxmonitor.catalog.readers import Reader, readers
from qxmonitor.delivery import decisions, ledger, mail
from qxmonitor.delivery.mail import compose
from qxmonitor.errors import QxError
from qxmonitor.warehouse import Warehouse
from tests.delivery import town
from tests.delivery.post import NOW, Recorder, drained, message, planned, rows, states, story

pytestmark = pytest.mark.slow

ALL = ("planned", "sending", "accepted", "refused", "deferred", "bounced", "failed", "unknown", "held", "dropped")


def in_state(warehouse: Warehouse, state: str, number: int = 1) -> None:
    planned(warehouse, message(number))
    with warehouse.engine.begin() as conn:
        later = NOW + timedelta(hours=1) if state == "deferred" else None
        assert ledger.change(conn, f"<m{number}@x>", ("planned", 0), state, NOW, attempts=4, next_try_at=later)


def decide(warehouse: Warehouse, verb: Any, message_id: str = "<m1@x>", **words: Any) -> dict[str, Any]:
    return decisions.decide(warehouse.engine, verb, message_id, **{"who": "李主任", "why": "已核对"} | words, now=NOW)


@pytest.mark.parametrize(
    ("verb", "end", "allowed"),
    [
        ("release", "planned", {"unknown", "held", "failed", "refused", "bounced", "deferred"}),
        ("drop", "dropped", {"unknown", "held", "failed", "refused", "bounced", "deferred", "planned"}),
        ("hold", "held", {"planned", "deferred"}),
    ],
)
@pytest.mark.parametrize("state", ALL)
def test_what_can_be_decided_in_which_state(
    common: Warehouse, number: int, state: str, verb: str, end: str, allowed: set[str]
) -> None:
    in_state(common, state, number)
    if state in allowed:
        row = decide(common, verb, f"<m{number}@x>")
        assert (row["state"], row["next_try_at"]) == (end, None)
        assert row["attempts"] == (0 if verb == "release" else 4)
        assert story(common, number) == ["planned", state, end]
    else:
        with pytest.raises(QxError, match=f"状态 {state}"):
            decide(common, verb, f"<m{number}@x>")
        assert story(common, number) == ["planned", state]


def test_who_and_why_stand_in_the_history(warehouse: Warehouse) -> None:
    in_state(warehouse, "unknown")
    decide(warehouse, "release", "m1@x", who="王科长", why="已电话确认未收到\n\x00")
    with warehouse.engine.connect() as conn:
        last = ledger.history(conn)[-1]
    assert (last["who"], last["detail"], last["state"]) == ("王科长", "放行：已电话确认未收到", "planned")
    assert [row["state"] for row in drained(warehouse, Recorder(repeatable=False))] == ["accepted"]


@pytest.mark.parametrize("words", [{"who": " "}, {"why": ""}, {"message_id": "<nobody@x>"}])
def test_a_decision_needs_a_name_a_reason_and_a_mail(warehouse: Warehouse, words: dict[str, str]) -> None:
    in_state(warehouse, "held")
    with pytest.raises(QxError):
        decide(warehouse, "release", **words)
    assert story(warehouse) == ["planned", "held"]


def test_what_is_being_sent_cannot_be_decided(warehouse: Warehouse) -> None:
    planned(warehouse, message(1))
    said: list[str] = []

    def meanwhile(_: str) -> None:
        with pytest.raises(QxError) as caught:
            decide(warehouse, "drop")
        said.append(str(caught.value))

    assert [row["state"] for row in drained(warehouse, Recorder(before=meanwhile))] == ["accepted"]
    assert "正在发送" in said[0]


def test_a_dropped_mail_never_goes_and_is_not_planned_again(warehouse: Warehouse) -> None:
    planned(warehouse, message(1))
    decide(warehouse, "drop")
    assert planned(warehouse, message(1)) == []
    assert drained(warehouse, Recorder()) == []
    with warehouse.engine.connect() as conn:
        assert ledger.waiting(conn) == 0


def test_the_verbs_of_the_pipeline(warehouse: Warehouse) -> None:
    planned(warehouse, message(1))
    assert pipeline.hold(warehouse, "<m1@x>", who="李", why="等一等")["state"] == "held"
    assert pipeline.waiting(warehouse) == 1
    assert pipeline.release(warehouse, "<m1@x>", who="李", why="可以了")["state"] == "planned"
    assert pipeline.drop(warehouse, "<m1@x>", who="李", why="不发了")["state"] == "dropped"
    assert pipeline.waiting(warehouse) == 0


def reader_with(address: str, **words: Any) -> Reader:
    boxes = [{"role": "主", "address": address, **words}]
    return Reader.model_validate(readers().reader("gxj").model_dump() | {"mailboxes": boxes})


def catalogue(monkeypatch: pytest.MonkeyPatch, reader: Reader) -> None:
    """The shipped readers with one in place of its namesake."""
    entries = tuple(reader if entry.id == reader.id else entry for entry in readers().readers)
    changed = readers().model_copy(update={"readers": entries})
    for module in (decisions, mail):
        monkeypatch.setattr(module, "readers", lambda: changed)


def test_a_mail_is_released_to_the_mailbox_valid_today(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong or missing mailbox is mended in the catalogue; the mail is the same, with another To."""
    nobody = reader_with("old@example.invalid", until="2026-01-31")
    catalogue(monkeypatch, nobody)
    mail_ = compose(office(), nobody, "alerts", town.PERIOD, "标题", "文\n", "<p>文</p>", NOW)
    assert (mail_.recipient, "没有当日有效的收件邮箱" in mail_.held) == ("", True)
    planned(warehouse, mail_)
    with pytest.raises(QxError, match=r"工信局目前没有有效的收件邮箱"):
        decide(warehouse, "release", mail_.message_id)
    assert states(warehouse) == ["held"]

    mended = reader_with("new@example.invalid")
    catalogue(monkeypatch, mended)
    assert decide(warehouse, "release", mail_.message_id)["recipient"] == "new@example.invalid"
    with warehouse.engine.connect() as conn:
        (body,) = conn.execute(text("select body from message")).scalars()
    assert bytes(body).isascii()
    as_planned_today = compose(office(), mended, "alerts", town.PERIOD, "标题", "文\n", "<p>文</p>", NOW)
    released, fresh = (message_from_bytes(bytes(b), policy=policy.default) for b in (body, as_planned_today.body))
    assert dict(released.items()) == dict(fresh.items())
    assert [p.get_content() for p in released.iter_parts()] == [p.get_content() for p in fresh.iter_parts()]
    assert rows(warehouse)[0]["message_id"] == as_planned_today.message_id
