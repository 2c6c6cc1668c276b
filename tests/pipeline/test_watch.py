"""The watch tells each finding once, and again only when it is a new one."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from qxmonitor import pipeline
from qxmonitor.delivery import watch_mail
from qxmonitor.delivery.mail import readable
from qxmonitor.period import Period
from qxmonitor.settings import Settings
from qxmonitor.warehouse import Warehouse
from tests.delivery.post import NOW, message, planned

pytestmark = pytest.mark.slow

BY = {"who": "李主任", "why": "待核实"}


@pytest.fixture
def settings(new_database: Callable[[], Settings]) -> Settings:
    return replace(new_database(), fixed_now=NOW)


def mails(wh: Warehouse) -> int:
    return len(wh.frame("select message_id from message where kind = 'watch'"))


def later(wh: Warehouse, minutes: int) -> None:
    wh.settings = replace(wh.settings, fixed_now=NOW + timedelta(minutes=minutes))


def test_an_installation_that_has_not_begun_is_well(warehouse: Warehouse) -> None:
    assert pipeline.watch(warehouse) == []
    assert mails(warehouse) == 0
    beat = json.loads(warehouse.settings.heartbeat.read_text(encoding="utf-8"))
    assert beat == {"at": NOW.isoformat(), "state": "ok", "findings": []}
    assert stat.S_IMODE(warehouse.settings.heartbeat.stat().st_mode) == 0o600


def test_a_simulated_town_is_named_in_the_operators_mail_too() -> None:
    for simulated in (True, False):
        mail = watch_mail.message([("到文未入库", NOW)], Period("2026-10"), NOW, simulated=simulated)
        assert ("模拟数据" in mail.subject) == simulated
        assert (readable(mail.body).count("模拟数据") > 1) == simulated


def test_held_is_told_once_and_again_when_it_is_held_again(warehouse: Warehouse) -> None:
    planned(warehouse, message(1))
    pipeline.hold(warehouse, "<m1@x>", **BY)
    assert [row["told"] for row in pipeline.watch(warehouse)] == [True]
    assert [row["told"] for row in pipeline.watch(warehouse)] == [False]
    assert mails(warehouse) == 1
    later(warehouse, 1)
    pipeline.release(warehouse, "<m1@x>", **BY)
    assert pipeline.watch(warehouse) == []
    later(warehouse, 2)
    pipeline.hold(warehouse, "<m1@x>", **BY)
    assert [row["told"] for row in pipeline.watch(warehouse)] == [True]
    assert mails(warehouse) == 2, "the same words, but another finding"


def test_two_at_once_tell_it_in_one_mail(warehouse: Warehouse) -> None:
    planned(warehouse, message(1), message(2))
    for name in ("<m1@x>", "<m2@x>"):
        pipeline.hold(warehouse, name, **BY)

    def look(_: int) -> int:
        with Warehouse(warehouse.settings) as wh:
            return sum(row["told"] for row in pipeline.watch(wh))

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(look, range(4))) == [0, 0, 0, 2]
    assert mails(warehouse) == 1


def test_its_own_mail_is_no_finding(warehouse: Warehouse) -> None:
    planned(warehouse, message(1))
    pipeline.hold(warehouse, "<m1@x>", **BY)
    pipeline.watch(warehouse)
    own = str(warehouse.frame("select message_id from message where kind = 'watch'")["message_id"].iloc[0])
    pipeline.hold(warehouse, own, **BY)
    assert len(pipeline.watch(warehouse)) == 1
