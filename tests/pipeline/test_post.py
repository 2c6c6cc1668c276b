"""The post as people and scripts meet it: deliver by SMTP, look, decide; exit codes and what is printed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from qxmonitor import pipeline
from qxmonitor.catalog.office import office
from qxmonitor.catalog.readers import readers
from qxmonitor.delivery.mail import compose
from qxmonitor.settings import Settings
from qxmonitor.warehouse import Warehouse
from tests.delivery import town
from tests.delivery.post import NOW, message, planned, states, story
from tests.delivery.smtp_server import SILENT, Server
from tests.pipeline.conftest import Answer, environment, in_process

pytestmark = pytest.mark.slow

Command = Callable[..., Answer]
KEYS = {
    "recipient", "kind", "period", "reader", "occasion", "subject", "state", "message_id", "attempts", "next_try_at",
    "detail",
}  # fmt: skip
BY = ("--who", "李主任", "--why", "已电话核对")


@pytest.fixture
def settings(new_database: Callable[[], Settings]) -> Settings:
    return replace(new_database(), fixed_now=NOW)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A mail server, which the settings name."""
    with Server() as running:
        monkeypatch.setenv("QXMONITOR_SMTP_URL", f"{running.url}?timeout=20")
        yield running


@pytest.fixture
def command(settings: Settings) -> Command:
    return lambda *words: in_process(settings, *words)


def test_delivered_once_by_smtp(warehouse: Warehouse, command: Command, server: Server) -> None:
    planned(warehouse, message(1), message(2))
    answer = command("deliver", "--json")
    assert (answer.code, [row["state"] for row in answer.rows], len(server.taken)) == (0, ["accepted", "accepted"], 2)
    assert set(answer.rows[0]) >= KEYS
    again = command("deliver", "--json")
    assert (again.code, again.rows, len(server.taken)) == (0, [], 2)
    listed = command("list", "ledger", "--json").rows
    assert listed == answer.rows
    assert listed[0]["via"] == f"smtp 127.0.0.1:{server.port}"
    assert not warehouse.settings.maildir.exists()


def test_without_a_server_into_the_maildir(warehouse: Warehouse, command: Command) -> None:
    planned(warehouse, message(1))
    assert command("deliver").code == 0
    assert len(list(warehouse.settings.maildir.glob("r1@example.invalid/new/*"))) == 1


def test_a_wrong_url_is_one_line_and_sends_nothing(
    warehouse: Warehouse, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned(warehouse, message(1))
    monkeypatch.setenv("QXMONITOR_SMTP_URL", "smtp+starttls://u:hunter2@mail:port")
    answer = command("deliver", "--json")
    assert (answer.code, answer.rows, len(answer.err.splitlines())) == (1, [], 1)
    assert "hunter2" not in answer.err
    assert "QXMONITOR_SMTP_URL" in answer.err
    assert states(warehouse) == ["planned"]
    assert "hunter2" not in repr(Settings.from_env())


def test_the_exit_code_says_whether_a_person_is_needed(warehouse: Warehouse, command: Command, server: Server) -> None:
    planned(warehouse, message(1))
    server.deeds["rcpt"] = "451 later"
    answer = command("deliver", "--json")
    assert (answer.code, answer.rows[0]["state"]) == (0, "deferred")
    assert answer.rows[0]["next_try_at"] == "2026-11-18T10:05:00+08:00"

    planned(warehouse, message(2))
    server.deeds["rcpt"] = "550 never"
    answer = command("deliver", "--json")
    assert (answer.code, answer.rows[0]["state"]) == (1, "refused")
    assert "1 封邮件待人工处理" in answer.err
    assert command("deliver", "--json").code == 1, "it still waits"
    assert command("drop", "<m2@x>", *BY).code == 0
    assert command("deliver", "--json").code == 0


def test_a_preview_is_the_mail_itself(warehouse: Warehouse, command: Command, server: Server) -> None:
    mail = compose(office(), readers().reader("gxj"), "alerts", town.PERIOD, "标题", "正文一行\n", "<p>正</p>", NOW)
    planned(warehouse, mail)
    short = command("deliver", "--dry-run", "--json").rows
    assert "text" not in short[0]
    assert set(short[0]) >= KEYS
    (row,) = command("deliver", "--dry-run", "--show", "--json").rows
    assert "To: 工信局 <gxj@example.invalid>" in row["text"]
    assert "正文一行" in row["text"]
    shown = command("deliver", "--dry-run", "--show")
    assert (shown.code, "正文一行" in shown.out, mail.message_id in shown.out) == (0, True, True)
    assert command("deliver", "--show").code == 2
    assert (server.connections, story(warehouse)) == (0, [])
    assert [row["state"] for row in command("list", "ledger", "--json").rows] == ["planned"]


def test_hold_release_and_drop(warehouse: Warehouse, command: Command, server: Server) -> None:
    planned(warehouse, message(1), message(2))
    assert command("hold", "m1@x", *BY, "--json").rows[0]["state"] == "held"
    assert command("deliver", "--json").code == 1
    assert [mail.recipients for mail in server.taken] == [["r2@example.invalid"]]
    assert command("release", "<m1@x>", *BY, "--json").rows[0]["state"] == "planned"
    assert command("deliver", "--json").code == 0
    assert len(server.taken) == 2

    refused = command("release", "<m1@x>", *BY, "--json")
    assert (refused.code, refused.rows, len(refused.err.splitlines())) == (1, [], 1)
    assert "已送达，不能再发" in refused.err
    for words in (("<m9@x>", *BY), ("<m1@x>", "--who", " ", "--why", "x")):
        assert command("drop", *words).code == 1
    assert command("drop", "<m1@x>", "--who", "李").code == 2
    assert states(warehouse) == ["accepted", "accepted"]

    told = command("list", "history", "--message-id", "m1@x", "--json").rows
    assert [row["state"] for row in told] == ["planned", "held", "planned", "sending", "sending", "accepted"]
    assert [row["who"] for row in told] == ["系统", "李主任", "李主任", "系统", "系统", "系统"]
    assert told[1]["detail"] == "暂缓：已电话核对"
    assert {row["reader"] for row in command("list", "history", "--reader", "r2", "--json").rows} == {"r2"}


@pytest.mark.slow
def test_ended_politely_while_waiting_for_an_answer(
    warehouse: Warehouse, settings: Settings, command: Command, server: Server
) -> None:
    """SIGTERM between the dot and the answer: the mail may have been taken, so it is unknown, and never sent again."""
    planned(warehouse, message(1))
    server.deeds["dot"] = SILENT
    with subprocess.Popen(
        [sys.executable, "-m", "qxmonitor", "deliver"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=environment(settings) | {"QXMONITOR_SMTP_URL": f"{server.url}?timeout=60"},
    ) as process:  # fmt: skip
        while not server.taken and process.poll() is None:
            server.over.wait(0.02)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    server.deeds.clear()
    answer = command("deliver", "--json")
    assert (answer.code, answer.rows[0]["state"], len(server.taken)) == (1, "unknown", 1)
    assert command("list", "ledger", "--state", "unknown", "--json").rows == answer.rows


@pytest.mark.slow
def test_the_embedded_server_killed_in_mid_drain(tmp_path: Path) -> None:
    """PostgreSQL dies (−9) when the mail is out: afterwards that one is unknown, the others go, none twice."""
    home = tmp_path / "home"
    with Server() as server:
        url = f"{server.url}?timeout=20"
        with Warehouse(Settings(home=home, smtp_url=url)) as wh:
            wh.init()
            planned(wh, *(message(n, f"Message-ID: <m{n}@x>\n\n1\n".encode()) for n in range(1, 4)))

            def kill_database(_: object) -> None:
                if len(server.taken) == 2:
                    pid = (wh.settings.server_dir / "data" / "postmaster.pid").read_text().split()[0]
                    backends = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
                    for process in (pid, *backends):
                        os.kill(int(process), signal.SIGKILL)

            server.deeds["dot"] = kill_database  # type: ignore[assignment]
            with pytest.raises(Exception, match="数据库连接中断"):
                pipeline.deliver(wh)
        server.deeds.clear()
        with Warehouse(Settings(home=home, smtp_url=url)) as wh:
            pipeline.deliver(wh)
            assert states(wh) == ["accepted", "unknown", "accepted"]
            assert sorted(mail.message_id for mail in server.taken) == ["<m1@x>", "<m2@x>", "<m3@x>"]
            assert story(wh, 2) == ["planned", "sending", "sending", "unknown"]
