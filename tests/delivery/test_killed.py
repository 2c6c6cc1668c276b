"""Senders killed (−9) at every stage and at any moment, against a server that records what it took.

Extra mails: none. Lost mails: none. What nobody can know is unknown, listed, and never sent by itself.
"""

from __future__ import annotations

import multiprocessing
import random
import threading
import time
from collections import Counter
from multiprocessing.context import ForkServerProcess

import pytest

from qxmonitor.settings import Settings
from qxmonitor.warehouse import Warehouse
from tests.delivery.post import message, planned, rows, send, story
from tests.delivery.smtp_server import DROP, Server, Session

pytestmark = pytest.mark.slow

processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["tests.delivery.post"])


def sender(settings: Settings, server: Server) -> ForkServerProcess:
    process = processes.Process(target=send, args=(settings, server.url))
    process.start()
    return process


def mails(count: int) -> list[str]:
    return [f"<m{n}@x>" for n in range(1, count + 1)]


def plan(warehouse: Warehouse, count: int) -> None:
    planned(warehouse, *(message(n, f"Message-ID: <m{n}@x>\n\n{n}\n".encode()) for n in range(1, count + 1)))


def taken(server: Server) -> Counter[str]:
    return Counter(mail.message_id for mail in server.taken)


def states(warehouse: Warehouse) -> dict[str, str]:
    return {row["message_id"]: row["state"] for row in rows(warehouse)}


@pytest.mark.parametrize("stage", ["greeting", "ehlo", "mail", "rcpt", "data", "body", "dot"])
def test_killed_at_a_stage(warehouse: Warehouse, settings: Settings, stage: str) -> None:
    plan(warehouse, 3)
    reached, dead = threading.Event(), threading.Event()

    def wait(_: Session) -> str | None:
        if server.connections != 2 or reached.is_set():
            return None
        reached.set()
        dead.wait(60)
        return DROP

    with Server() as server:
        server.deeds[stage] = wait
        if stage == "body":  # only the second mail's is cut short
            server.deeds.pop("body")
            server.deeds["mail"] = lambda _: server.deeds.update(body=wait) if server.connections == 2 else None
        process = sender(settings, server)
        assert reached.wait(60)
        process.kill()
        process.join(60)
        dead.set()
        server.deeds.clear()
        assert states(warehouse) == {"<m1@x>": "accepted", "<m2@x>": "sending", "<m3@x>": "planned"}

        send(settings, server.url)
        out = stage in ("body", "dot")
        end = "unknown" if out else "accepted"
        assert states(warehouse) == {"<m1@x>": "accepted", "<m2@x>": end, "<m3@x>": "accepted"}
        assert taken(server) == Counter({"<m1@x>": 1, "<m2@x>": int(stage != "body"), "<m3@x>": 1}) + Counter()
        before = ["planned", "sending"] + (["sending"] if out else ["planned", "sending", "sending"])
        assert story(warehouse, 2) == [*before, end]

        connections = server.connections
        send(settings, server.url)
        assert server.connections == connections, "what is unknown does not go by itself"


def test_killed_at_any_moment(warehouse: Warehouse, settings: Settings) -> None:
    dice, count, kills = random.Random(7), 24, 0
    plan(warehouse, count)

    def dawdle(_: Session) -> None:
        time.sleep(dice.uniform(0, 0.01))

    with Server(deeds=dict.fromkeys(("greeting", "ehlo", "mail", "rcpt", "data", "dot"), dawdle)) as server:
        for _ in range(20):
            connections = server.connections
            process = sender(settings, server)
            while process.is_alive() and server.connections == connections:
                time.sleep(0.002)
            time.sleep(dice.uniform(0, 0.1))
            kills += process.is_alive()
            process.kill()
            process.join(60)
        send(settings, server.url)
        found, took = states(warehouse), taken(server)
    assert kills >= 8
    assert set(found.values()) <= {"accepted", "unknown"}
    assert max(took.values()) == 1, "extra mails"
    lost = [name for name in mails(count) if took[name] == 0 and found[name] != "unknown"]
    assert lost == []
    assert sum(state == "accepted" for state in found.values()) >= count - kills


def test_two_senders_killed_and_restarted_against_each_other(warehouse: Warehouse, settings: Settings) -> None:
    dice, count = random.Random(11), 20
    plan(warehouse, count)

    def dawdle(_: Session) -> None:
        time.sleep(dice.uniform(0, 0.01))

    with Server(deeds={"mail": dawdle, "dot": dawdle}) as server:
        for _ in range(5):
            pair = [sender(settings, server) for _ in range(2)]
            time.sleep(dice.uniform(0.1, 0.4))
            pair[0].kill()
            for process in pair:
                process.join(60)
        send(settings, server.url)
        found, took = states(warehouse), taken(server)
    assert set(found.values()) <= {"accepted", "unknown"}
    assert max(took.values()) == 1
    assert [name for name in mails(count) if took[name] == 0 and found[name] != "unknown"] == []
