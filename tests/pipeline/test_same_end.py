"""Twice, in another order, in pieces, or killed and called again: one end state."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from qxmonitor import pipeline
from qxmonitor.catalog.release import release_calendar
from qxmonitor.warehouse import Warehouse
from tests.pipeline.conftest import Town, end_state, environment

pytestmark = [pytest.mark.slow, pytest.mark.long]

State = dict[str, Any]


def assert_same(found: State, expected: State) -> None:
    """Compare part by part, so that a failure names its part."""
    for part, value in expected.items():
        assert found[part] == value, part


def test_the_undisturbed_run_has_something_in_every_part(reference_state: Callable[[], State]) -> None:
    state = reference_state()
    assert all(state[part] for part in state)
    assert len(state["outbox"]) == len(state["ledger"]) > 0


def test_arrivals_in_another_order_with_their_known_at(
    town: Town, open_town: Any, live: Callable[[Warehouse], None], reference_state: Callable[[], State]
) -> None:
    folders = town.folders
    random.Random(3).shuffle(folders)
    with open_town() as wh:
        for folder in folders:
            pipeline.ingest(wh, [folder])
        live(wh)
        assert_same(end_state(wh), reference_state())


def test_months_run_backwards_and_everything_twice(
    town: Town, open_town: Any, live: Callable[[Warehouse], None], reference_state: Callable[[], State]
) -> None:
    with open_town() as wh:
        pipeline.ingest(wh, [town.landing])
        again = pipeline.ingest(wh, [town.landing])
        assert {receipt["state"] for receipt in again} == {"duplicate"}
        for period in reversed(town.periods):
            pipeline.run(wh, period, known_at=release_calendar().released_at(period))
        live(wh)
        live(wh)
        assert_same(end_state(wh), reference_state())


@pytest.mark.system
def test_killed_anywhere_and_called_again(
    town: Town, open_town: Any, live: Callable[[Warehouse], None], reference_state: Callable[[], State]
) -> None:
    """Kill −9 ingest, run and deliver at random moments of their work, then call them again."""
    dice = random.Random(5)
    with open_town() as wh:

        def killed(*words: str, within: float) -> bool:
            process = _start(wh, *words)
            while process.poll() is None and not _connections(wh):
                time.sleep(0.01)
            try:
                process.wait(timeout=dice.uniform(0, within))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
            return process.wait() == -signal.SIGKILL

        assert sum(killed("ingest", str(town.landing), within=5.0) for _ in range(5)) >= 2
        pipeline.ingest(wh, [town.landing])
        kills = 0
        for period in town.periods:
            released = release_calendar().released_at(period)
            kills += killed("run", period, "--known-at", released.isoformat(), within=1.0)
            pipeline.run(wh, period, known_at=released)
        kills += sum(killed("run", town.last, within=3.0) for _ in range(3))
        pipeline.run(wh, town.last)
        assert kills >= 3
        assert sum(killed("deliver", within=0.1) for _ in range(4)) >= 1
        live(wh)
        assert_same(end_state(wh), reference_state())


def _start(wh: Warehouse, *words: str) -> subprocess.Popen[bytes]:
    nothing = subprocess.DEVNULL
    return subprocess.Popen(
        [sys.executable, "-m", "qxmonitor", *words], env=environment(wh.settings), stdout=nothing, stderr=nothing
    )


def _connections(wh: Warehouse) -> int:
    """How many connections others have to this warehouse's database."""
    others = "select count(*) as n from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    wh.engine.dispose()
    return int(wh.frame(others)["n"].iloc[0])
