"""A small town, simulated once, and the end state of a warehouse as plain comparable values."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from qxmonitor import pipeline
from qxmonitor.catalog.release import release_calendar
from qxmonitor.period import Period, months
from qxmonitor.settings import Settings
from qxmonitor.simulate import write_town
from qxmonitor.warehouse import Warehouse, asof, store

FACTS = (
    "register_entry", "authorisation", "chain_node", "output_return", "finance_return", "self_report", "trade_line",
    "bonded_line", "reference_point",
)  # fmt: skip


@dataclass(frozen=True)
class Town:
    """A simulated town on disk."""

    folder: Path
    first: Period
    last: Period
    truth: dict[str, Any]

    @property
    def landing(self) -> Path:
        return self.folder / "landing"

    @property
    def folders(self) -> list[Path]:
        return sorted(self.landing.iterdir())

    @property
    def periods(self) -> tuple[Period, ...]:
        return months(self.first, self.last)


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """36 firms, October 2024 to May 2025: over a January, with re-filings."""
    folder = tmp_path_factory.mktemp("town") / "town"
    first, last = Period("2024-10"), Period("2025-05")
    write_town(folder, firms=36, first=first, last=last, seed=11)
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


@pytest.fixture(scope="session")
def live(town: Town) -> Callable[[Warehouse], None]:
    """Runs every month as known on its release day, then the newest as known now, and delivers."""

    def run(wh: Warehouse) -> None:
        for period in town.periods:
            pipeline.run(wh, period, known_at=release_calendar().released_at(period))
        pipeline.run(wh, town.last)
        pipeline.deliver(wh)

    return run


@pytest.fixture(scope="session")
def reference_state(
    town: Town, embedded: Settings, tmp_path_factory: pytest.TempPathFactory, live: Callable[[Warehouse], None]
) -> Iterator[Callable[[], dict[str, Any]]]:
    """The end state of an undisturbed run, computed once on first use."""
    import psycopg

    known: list[dict[str, Any]] = []

    def state() -> dict[str, Any]:
        if not known:
            with psycopg.connect(embedded.dsn("psycopg", "postgres"), autocommit=True) as connection:
                connection.execute("create database reference_state template warehouse")
            now = release_calendar().released_at(town.last) + timedelta(days=1)
            url = embedded.dsn("psycopg", "reference_state")
            settings = Settings(home=tmp_path_factory.mktemp("reference"), database_url=url, fixed_now=now)
            with Warehouse(settings) as wh:
                pipeline.ingest(wh, [town.landing])
                live(wh)
                known.append(end_state(wh))
        return known[0]

    yield state
    if known:
        with psycopg.connect(embedded.dsn("psycopg", "postgres"), autocommit=True) as connection:
            connection.execute("drop database reference_state with (force)")


def end_state(wh: Warehouse) -> dict[str, Any]:
    """Everything that must not depend on order, repetition or kills: facts, quarantine, values, verdicts, mails."""
    contents = wh.frame("select file_id, sha256 from file")
    names = dict(zip(contents["file_id"], contents["sha256"], strict=True))
    facts = {table: _rows(_by_content(asof.read(wh, table), names).drop(columns=["known_at"])) for table in FACTS}
    return {
        **facts,
        "stored": {table: _rows(_by_content(wh.frame(f"select * from {table}"), names)) for table in FACTS},
        "quarantine": _rows(_by_content(store.read_quarantine(wh), names).drop(columns=["file"])),
        "indicators": _rows(store.read_indicators(wh).drop(columns=["run_id"])),
        "verdicts": _rows(store.read_verdicts(wh).drop(columns=["run_id"])),
        "alerts": _rows(store.read_alerts(wh)),
        "ledger": _rows(wh.frame("select message_id, recipient, subject, body, state from message")),
        "outbox": {
            path.parent.parent.name + "/" + path.name: path.read_bytes() for path in wh.settings.maildir.glob("*/new/*")
        },
    }


def _by_content(frame: pd.DataFrame, names: dict[int, str]) -> pd.DataFrame:
    return frame.assign(file_id=frame["file_id"].map(names)) if "file_id" in frame else frame


def _rows(frame: pd.DataFrame) -> list[str]:
    """Rows as text, in an order of their own."""
    return sorted(frame.astype(object).where(frame.notna(), None).apply(lambda row: repr(tuple(row)), axis=1).tolist())
