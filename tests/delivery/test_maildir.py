from __future__ import annotations

import mailbox
from pathlib import Path

import pytest

from qxmonitor.delivery.ledger import Deferred
from qxmonitor.delivery.maildir import Maildir, filename


def deliver(box: Maildir, message_id: str, recipient: str, body: bytes) -> str:
    return box.deliver(message_id, recipient, body, lambda: None)


def test_a_mail_lies_there_once_privately(tmp_path: Path) -> None:
    box = Maildir(tmp_path / "outbox")
    place = deliver(box, "<a@x>", "gxj@example.invalid", b"Subject: x\n\nbody\n")
    path = tmp_path / "outbox" / place
    assert path.read_bytes() == b"Subject: x\n\nbody\n"
    assert path.stat().st_mode & 0o777 == 0o600
    for folder in (tmp_path / "outbox", path.parent, path.parent.parent):
        assert folder.stat().st_mode & 0o777 == 0o700
    assert len(mailbox.Maildir(tmp_path / "outbox" / "gxj@example.invalid")) == 1


def test_delivered_again_it_is_still_one(tmp_path: Path) -> None:
    box = Maildir(tmp_path)
    for _ in range(3):
        deliver(box, "<a@x>", "gxj@example.invalid", b"x")
    assert len(list(tmp_path.glob("*/new/*"))) == 1


def test_also_when_it_was_read_meanwhile(tmp_path: Path) -> None:
    box = Maildir(tmp_path)
    place = tmp_path / deliver(box, "<a@x>", "gxj@example.invalid", b"x")
    place.rename(place.parents[1] / "cur" / f"{place.name}:2,S")
    deliver(box, "<a@x>", "gxj@example.invalid", b"x")
    assert [p.name for p in tmp_path.glob("*/new/*")] == []


def test_a_draft_left_by_a_kill_is_written_over(tmp_path: Path) -> None:
    box = Maildir(tmp_path)
    draft = tmp_path / "gxj@example.invalid" / "tmp" / filename("<a@x>")
    draft.parent.mkdir(parents=True)
    draft.write_bytes(b"half of a longer ma")
    place = deliver(box, "<a@x>", "gxj@example.invalid", b"whole")
    assert (tmp_path / place).read_bytes() == b"whole"
    assert not draft.exists()


def test_an_address_cannot_leave_the_outbox(tmp_path: Path) -> None:
    box = Maildir(tmp_path / "outbox")
    assert box.folder("../../etc@x").parent == tmp_path / "outbox"
    assert "/" not in box.folder("../../etc@x").name


def test_a_folder_that_cannot_be_written_is_worth_another_try(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("a file")
    with pytest.raises(Deferred):
        deliver(Maildir(tmp_path / "outbox"), "<a@x>", "gxj@example.invalid", b"x")
