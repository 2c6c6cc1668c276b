"""The landing folder: what lies there is kept once, taken in by month and family in any order, and never lost."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from qxmonitor import pipeline
from qxmonitor.catalog.release import FAMILIES, release_calendar
from qxmonitor.errors import QxError
from qxmonitor.period import Period
from qxmonitor.settings import Settings
from qxmonitor.simulate import staged_for_show, write_town
from qxmonitor.warehouse import Warehouse, decided, landed, store
from tests.pipeline.conftest import Town, end_state, environment

pytestmark = [pytest.mark.slow, pytest.mark.long]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """24 firms over four months around a January: these tests live through them again and again."""
    folder = tmp_path_factory.mktemp("small") / "town"
    first, last = Period("2024-12"), Period("2025-03")
    write_town(folder, firms=24, first=first, last=last, seed=7, staged=staged_for_show(24))
    return Town(folder, first, last, json.loads((folder / "truth.json").read_text(encoding="utf-8")))


@pytest.fixture
def open_town(new_database: Callable[[], Settings], town: Town) -> Callable[[], Any]:
    """Opens a fresh warehouse whose clock stands a day after the town's last release."""

    @contextmanager
    def opened() -> Iterator[Warehouse]:
        now = release_calendar().released_at(town.last) + timedelta(days=1)
        with Warehouse(replace(new_database(), fixed_now=now)) as wh:
            yield wh

    return opened


@pytest.fixture(scope="module")
def loaded(town: Town, new_module_database: Callable[..., Settings]) -> Settings:
    """The same, with the whole town taken in at once; only ever copied."""
    now = release_calendar().released_at(town.last) + timedelta(days=1)
    settings = replace(new_module_database("landing"), fixed_now=now)
    with Warehouse(settings) as wh:
        pipeline.ingest(wh, [town.landing])
    return settings


COMPUTED = ("indicators", "verdicts", "alerts", "ledger")


def lay(wh: Warehouse, town: Town, *folders: Path) -> None:
    """Copy a town's arrivals into the landing folder."""
    for folder in folders or town.folders:
        shutil.copytree(folder, wh.settings.landing_dir / folder.name)


def take_in(wh: Warehouse, period: Period, families: tuple[str, ...] = FAMILIES) -> list[dict[str, Any]]:
    return [receipt for family in families for receipt in pipeline.ingest_landed(wh, family, period)]  # type: ignore[arg-type]


def in_order(wh: Warehouse, town: Town, order: list[Period]) -> dict[str, Any]:
    lay(wh, town)
    pipeline.land(wh)
    for period in order:
        take_in(wh, period)
        pipeline.run(wh, period)
    pipeline.deliver(wh)
    return end_state(wh)


@pytest.fixture(scope="module")
def ascending() -> dict[str, Any]:
    return {}


@pytest.fixture
def ascending_state(ascending: dict[str, Any], town: Town, open_town: Any) -> dict[str, Any]:
    """The end state of months taken in and run one after the other."""
    if not ascending:
        with open_town() as wh:
            ascending.update(in_order(wh, town, list(town.periods)))
    return ascending


def test_the_same_facts_as_a_bulk_load(
    loaded: Settings, new_database: Callable[..., Settings], ascending_state: dict[str, Any]
) -> None:
    with Warehouse(new_database(loaded)) as wh:
        expected = end_state(wh)
    for part in ("output_return", "finance_return", "self_report", "trade_line", "bonded_line", "register_entry"):
        assert ascending_state[part] == expected[part], part
    assert ascending_state["quarantine"] == expected["quarantine"]
    assert all(ascending_state[part] for part in COMPUTED)


@pytest.mark.parametrize("seed", [None, 4])
def test_months_in_any_order_end_the_same(
    town: Town, open_town: Any, ascending_state: dict[str, Any], seed: int | None
) -> None:
    """Backwards, and shuffled: later months are computed again when an earlier one changes what they stand on."""
    order = list(reversed(town.periods))
    if seed is not None:
        random.Random(seed).shuffle(order)
    with open_town() as wh:
        found = in_order(wh, town, order)
    for part, value in ascending_state.items():
        assert found[part] == value, part


def test_sources_one_by_one_end_the_same(town: Town, open_town: Any, ascending_state: dict[str, Any]) -> None:
    """Every family of every month triggers a run of its own, newest months first, as a cascade may."""
    with open_town() as wh:
        lay(wh, town)
        for period in reversed(town.periods):
            for family in reversed(FAMILIES):
                pipeline.land(wh)
                take_in(wh, period, (family,))
                pipeline.run(wh, period)
                pipeline.run(wh, period)
        pipeline.deliver(wh)
        found = end_state(wh)
    for part, value in ascending_state.items():
        assert found[part] == value, part


def test_nothing_is_mailed_while_something_that_landed_waits(town: Town, open_town: Any) -> None:
    with open_town() as wh:
        lay(wh, town)
        assert set(town.periods) <= set(pipeline.land(wh))
        for period in town.periods[1:]:
            take_in(wh, period)
        found = pipeline.run(wh, town.last)
        assert (found["planned"], "未入库" in found["planning"]) == (0, True)
        take_in(wh, town.first)
        found = pipeline.run(wh, town.first)
        assert found["planned"] > 0  # the newest month's mails, which waited for this
        assert {row["period"] for row in pipeline.deliver(wh)} == {str(town.last)}


def test_landing_again_finds_nothing_new(town: Town, open_town: Any) -> None:
    with open_town() as wh:
        lay(wh, town)
        first = pipeline.land(wh)
        assert pipeline.land(wh) == first  # nothing was taken in meanwhile
        for period in first:
            take_in(wh, period)
        receipts = len(store.read_receipts(wh))
        assert landed.pending(wh).empty
        pipeline.run(wh, town.last)
        assert pipeline.land(wh) == []
        assert [row for period in first for row in take_in(wh, period)] == []
        assert len(store.read_receipts(wh)) == receipts


def test_the_newest_month_comes_up_when_it_is_not_computed_from_all_that_is_known(
    town: Town, loaded: Settings, new_database: Callable[..., Settings]
) -> None:
    with Warehouse(new_database(loaded)) as wh:
        assert pipeline.land(wh) == [town.last]
        pipeline.run(wh, town.last)
        assert pipeline.land(wh) == []


def test_an_empty_installation_has_nothing_to_do(open_town: Any) -> None:
    with open_town() as wh:
        assert pipeline.land(wh) == []


def test_a_file_nobody_recognises_is_refused_once_with_a_receipt(open_town: Any) -> None:
    with open_town() as wh:
        wh.settings.landing_dir.mkdir(parents=True)
        (wh.settings.landing_dir / "会议通知.txt").write_text("明天开会", encoding="utf-8")
        for _ in range(3):
            assert pipeline.land(wh) == []
        receipts = store.read_receipts(wh)
        assert receipts["state"].tolist() == ["refused"]
        assert wh.files.has(receipts["sha256"].iloc[0])


def test_the_same_bytes_under_another_name_are_a_duplicate(town: Town, open_town: Any) -> None:
    with open_town() as wh:
        lay(wh, town)
        for period in pipeline.land(wh):
            take_in(wh, period)
        before, repeats = end_state(wh), (store.read_receipts(wh)["state"] == "duplicate").sum()
        some = sorted(path for path in wh.settings.landing_dir.rglob("*") if path.is_file())[5:8]
        for path in some:
            shutil.copy(path, path.with_name("重发_" + path.name))
        for period in pipeline.land(wh):
            take_in(wh, period)
        after = end_state(wh)
        assert {part: after[part] for part in ("stored", "quarantine")} == {
            part: before[part] for part in ("stored", "quarantine")
        }
        assert (store.read_receipts(wh)["state"] == "duplicate").sum() == repeats + len(some)


def test_a_file_that_changed_after_it_was_kept_is_read_as_kept(town: Town, open_town: Any) -> None:
    with open_town() as wh:
        lay(wh, town)
        pipeline.land(wh)
        shutil.rmtree(wh.settings.landing_dir)  # the sender tidies up, or the disk fails
        receipts = take_in(wh, town.last)
        assert receipts
        assert {receipt["state"] for receipt in receipts} == {"accepted"}


def test_killed_while_landing_and_taking_in(town: Town, open_town: Any, ascending_state: dict[str, Any]) -> None:
    dice = random.Random(8)
    with open_town() as wh:
        lay(wh, town)
        kills = 0
        for _ in range(6):
            process = subprocess.Popen(
                [sys.executable, "-m", "qxmonitor", "land"], env=environment(wh.settings), stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )  # fmt: skip
            time.sleep(dice.uniform(1.0, 3.0))
            process.send_signal(signal.SIGKILL)
            kills += process.wait() == -signal.SIGKILL
        assert kills >= 2
        for period in pipeline.land(wh):
            take_in(wh, period)
        for period in town.periods:
            pipeline.run(wh, period)
        pipeline.deliver(wh)
        found = end_state(wh)
    for part, value in ascending_state.items():
        assert found[part] == value, part


def test_an_older_month_is_mailed_for_a_reason_and_once_for_each(
    town: Town, loaded: Settings, new_database: Callable[..., Settings]
) -> None:
    with Warehouse(new_database(loaded)) as wh:
        pipeline.run(wh, town.last)
        older = town.last - 1
        assert pipeline.run(wh, older)["planned"] == 0
        first = pipeline.run(wh, older, notify="上级要求补发")
        assert first["planned"] > 0
        assert pipeline.run(wh, older, notify="上级要求补发")["planned"] == 0
        assert pipeline.run(wh, older, notify="数据更正后重发")["planned"] == first["planned"]
        sent = pipeline.deliver(wh)
        assert {row["state"] for row in sent} == {"accepted"}
        assert pipeline.deliver(wh) == []


def test_a_mail_for_a_reason_takes_the_place_of_the_regular_one(town: Town, open_town: Any) -> None:
    """Sent early on request, the newest month is not mailed a second time when it becomes ready."""
    with open_town() as wh:
        lay(wh, town)
        pipeline.land(wh)
        take_in(wh, town.last)
        early = pipeline.run(wh, town.last, notify="会议提前召开")
        assert early["planned"] > 0
        for period in town.periods:
            take_in(wh, period)
            pipeline.run(wh, period)
        readers = [(row["reader"], row["occasion"]) for row in pipeline.deliver(wh) if row["kind"] == "alerts"]
        assert len({reader for reader, _ in readers}) == len(readers)


def test_looking_back_and_notifying_do_not_go_together(town: Town, open_town: Any) -> None:
    with open_town() as wh, pytest.raises(QxError, match="回看"):
        pipeline.run(wh, town.last, known_at=wh.settings.now(), notify="补发一次")


def values(wh: Warehouse) -> list[str]:
    """What was computed, whenever it became known."""
    found = store.read_indicators(wh).drop(columns=["run_id", "known_at"])
    return sorted(repr(tuple(row)) for row in found.astype(object).where(found.notna(), None).to_numpy().tolist())


@pytest.mark.system
def test_an_old_file_withdrawn_brings_its_month_up_again_and_ends_as_if_it_had_never_come(
    town: Town, open_town: Any
) -> None:
    """Every month since is computed anew, once, and nobody gets a mail about it; so for a return that counts again."""
    month = town.periods[2]
    with open_town() as wh:
        before = in_order(wh, town, list(town.periods))
        had = values(wh)
        receipts = store.read_receipts(wh)
        [old, *_] = receipts[(receipts["form"] == "export") & (receipts["period"] == month)]["sha256"].tolist()
        assert pipeline.land(wh) == []
        decided.flag(wh, old, "withdraw", who="甲", why="发错", known_at=wh.settings.now())
        assert pipeline.land(wh) == [month, town.last]
        assert pipeline.land(wh) == [month, town.last]  # until it is done
        pipeline.run(wh, month)
        assert pipeline.land(wh) == []
        without = values(wh)
        assert without != had
        pipeline.deliver(wh)
        again = end_state(wh)
        assert (again["ledger"], again["outbox"]) == (before["ledger"], before["outbox"])
        decided.flag(wh, old, "reinstate", who="甲", why="没错", known_at=wh.settings.now() + timedelta(seconds=1))
        assert pipeline.land(wh) == [month, town.last]
        pipeline.run(wh, month)
        assert pipeline.land(wh) == []
        assert values(wh) == had
    with open_town() as wh:
        lay(wh, town)
        for path in wh.settings.landing_dir.rglob("*"):
            if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == old:
                path.unlink()
        pipeline.land(wh)
        for period in town.periods:
            take_in(wh, period)
            pipeline.run(wh, period)
        assert values(wh) == without
