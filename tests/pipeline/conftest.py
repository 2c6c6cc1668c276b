"""A small town, simulated once, and the end state of a warehouse as plain comparable values."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg
import pytest
from click.testing import CliRunner

from qxmonitor import pipeline
from qxmonitor.catalog.release import release_calendar
from qxmonitor.cli import cli
from qxmonitor.period import Period, months
from qxmonitor.settings import Settings
from qxmonitor.simulate import staged_for_show, write_town
from qxmonitor.warehouse import Warehouse, asof, store
from qxmonitor.warehouse.tables import TABLES
from tests.conftest import database, filled, once

FACTS = tuple(TABLES)


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


@dataclass(frozen=True)
class Ingested:
    """A warehouse that holds a whole town, and the receipts it gave for it."""

    wh: Warehouse
    town: Town
    receipts: list[dict[str, Any]]


@dataclass(frozen=True)
class Answer:
    """What a command gave."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The one JSON array on standard output."""
        found = json.loads(self.out)
        assert isinstance(found, list)
        assert all(isinstance(row, dict) for row in found)
        return found


def qxmonitor(settings: Settings, *words: object) -> Answer:
    """Run the real command line in a process of its own on a warehouse."""
    found = subprocess.run(
        [sys.executable, "-m", "qxmonitor", *map(str, words)], env=environment(settings), capture_output=True,
        text=True, timeout=120, check=False,
    )  # fmt: skip
    return Answer(found.returncode, found.stdout, found.stderr)


def in_process(settings: Settings, *words: object) -> Answer:
    """The same command line without the start of a process."""
    result = CliRunner(env=environment(settings)).invoke(cli, [str(word) for word in words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return Answer(result.exit_code, result.stdout, result.stderr)


def environment(settings: Settings) -> dict[str, str]:
    """The environment in which a process works on a warehouse with its clock."""
    return {
        **os.environ,
        "QXMONITOR_HOME": str(settings.home),
        "QXMONITOR_DATABASE_URL": str(settings.database_url),
        "QXMONITOR_NOW": settings.now().isoformat(),
        "QXMONITOR_QUIET_SECONDS": f"{settings.quiet:.0f}",
    }


@pytest.fixture(scope="session")
def town(shared: Path) -> Town:
    """36 firms, October 2024 to May 2025: over a January, with re-filings and staged events."""
    first, last = Period("2024-10"), Period("2025-05")

    def written() -> Town:
        folder = shared / "town"
        write_town(folder, firms=36, first=first, last=last, seed=11, staged=staged_for_show(36))
        return Town(folder, first, last, json.loads((folder / "truth.json").read_text(encoding="utf-8")))

    return once(shared, "town", written)


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
def new_module_database(
    embedded: Settings, tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Iterator[Callable[..., Settings]]:
    """Like ``new_database``, for a warehouse that the tests of a module share; by a name of its own."""
    made: list[str] = []
    with psycopg.connect(embedded.dsn("psycopg", "postgres"), autocommit=True) as connection:

        def new(name: str, of: Settings | None = None) -> Settings:
            made.append(f"{worker_id}_{name}")
            database(connection, made[-1], of)
            home = tmp_path_factory.mktemp(name)
            return filled(Settings(home=home, database_url=embedded.dsn("psycopg", made[-1])), of)

        yield new
        for name in made:
            connection.execute(f"drop database {name} with (force)".encode())


@dataclass(frozen=True)
class TakenIn:
    """The town taken in as far as it had arrived by a day; only ever copied."""

    settings: Settings
    receipts: list[dict[str, Any]]


ARRIVALS = ("2025-01-18", "2025-02-20", "2025-05-01", "2025-05-18", "2025-06-30")
"""Days by which tests want the town taken in: releases, days between, and one when all is there."""


@pytest.fixture(scope="session")
def taken_in(town: Town, embedded: Settings, shared: Path) -> dict[str, TakenIn]:
    """The town by each day of ``ARRIVALS``, by a clock a day after its last release."""
    now = release_calendar().released_at(town.last) + timedelta(days=1)
    assert town.folders[-1].name <= ARRIVALS[-1]

    def made() -> dict[str, TakenIn]:
        found: dict[str, TakenIn] = {}
        before = ""
        with psycopg.connect(embedded.dsn("psycopg", "postgres"), autocommit=True) as connection:
            for day in ARRIVALS:
                name = f"taken_in_{day.replace('-', '')}"
                of = found[before] if before else None
                connection.execute(f"drop database if exists {name}".encode())  # of a worker that failed half way
                database(connection, name, of.settings if of else None)
                home = shared / name
                shutil.rmtree(home, ignore_errors=True)
                settings = Settings(home=home, database_url=embedded.dsn("psycopg", name))
                settings = replace(filled(settings, of.settings if of else None), fixed_now=now)
                with Warehouse(settings) as wh:
                    receipts = pipeline.ingest(wh, [f for f in town.folders if before < f.name <= day])
                found[day] = TakenIn(settings, [*(of.receipts if of else ()), *receipts])
                before = day
        return found

    return once(embedded.home, "taken_in", made)


@pytest.fixture(scope="module")
def ingested(
    town: Town, taken_in: dict[str, TakenIn], new_module_database: Callable[..., Settings]
) -> Iterator[Ingested]:
    """The whole town taken in; nothing run yet. Tests of a module share it and only add runs."""
    whole = taken_in[ARRIVALS[-1]]
    with Warehouse(new_module_database("ingested", whole.settings)) as wh:
        yield Ingested(wh, town, whole.receipts)


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
    taken_in: dict[str, TakenIn], embedded: Settings, shared: Path, live: Callable[[Warehouse], None]
) -> Callable[[], dict[str, Any]]:
    """The end state of an undisturbed run, computed once on first use."""
    whole = taken_in[ARRIVALS[-1]].settings

    def made() -> dict[str, Any]:
        with psycopg.connect(embedded.dsn("psycopg", "postgres"), autocommit=True) as connection:
            connection.execute("drop database if exists reference_state")
            database(connection, "reference_state", whole)
        home = shared / "reference_state"
        shutil.rmtree(home, ignore_errors=True)
        settings = Settings(home=home, database_url=embedded.dsn("psycopg", "reference_state"))
        with Warehouse(filled(settings, whole)) as wh:
            live(wh)
            return end_state(wh)

    return lambda: once(embedded.home, "reference_state", made)


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
