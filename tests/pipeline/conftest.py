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
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """36 firms, October 2024 to May 2025: over a January, with re-filings and staged events."""
    folder = tmp_path_factory.mktemp("town") / "town"
    first, last = Period("2024-10"), Period("2025-05")
    write_town(folder, firms=36, first=first, last=last, seed=11, staged=staged_for_show(36))
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
def new_module_database(
    embedded: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Settings]]:
    """Like ``new_database``, for a warehouse that the tests of a module share; by a name of its own."""
    made: list[str] = []
    with psycopg.connect(embedded.dsn("psycopg", "postgres"), autocommit=True) as connection:

        def new(name: str, template: str = "warehouse") -> Settings:
            made.append(f"shared_{name}")
            connection.execute(f"create database {made[-1]} template {template}".encode())
            return Settings(home=tmp_path_factory.mktemp(name), database_url=embedded.dsn("psycopg", made[-1]))

        yield new
        for name in made:
            connection.execute(f"drop database {name} with (force)".encode())


@dataclass(frozen=True)
class TakenIn:
    """The whole town taken in once; only ever copied."""

    settings: Settings
    receipts: list[dict[str, Any]]

    def copy_to(self, settings: Settings) -> Settings:
        """The settings of a warehouse made from this one's database, with its files and its clock."""
        shutil.copytree(self.settings.home, settings.home, copy_function=os.link, dirs_exist_ok=True)
        return replace(settings, fixed_now=self.settings.fixed_now)


@pytest.fixture(scope="session")
def taken_in(town: Town, embedded: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TakenIn]:
    """The database ``taken_in`` holds the town, taken in at once by a clock a day after its last release."""
    with psycopg.connect(embedded.dsn("psycopg", "postgres"), autocommit=True) as connection:
        connection.execute("create database taken_in template warehouse")
    settings = Settings(
        home=tmp_path_factory.mktemp("taken_in"), database_url=embedded.dsn("psycopg", "taken_in"),
        fixed_now=release_calendar().released_at(town.last) + timedelta(days=1),
    )  # fmt: skip
    with Warehouse(settings) as wh:
        receipts = pipeline.ingest(wh, [town.landing])
    yield TakenIn(settings, receipts)
    with psycopg.connect(embedded.dsn("psycopg", "postgres"), autocommit=True) as connection:
        connection.execute("drop database taken_in with (force)")


@pytest.fixture(scope="module")
def ingested(town: Town, taken_in: TakenIn, new_module_database: Callable[..., Settings]) -> Iterator[Ingested]:
    """The whole town taken in at once; nothing run yet. Tests of a module share it and only add runs."""
    with Warehouse(taken_in.copy_to(new_module_database("ingested", "taken_in"))) as wh:
        yield Ingested(wh, town, taken_in.receipts)


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
    taken_in: TakenIn, embedded: Settings, tmp_path_factory: pytest.TempPathFactory, live: Callable[[Warehouse], None]
) -> Iterator[Callable[[], dict[str, Any]]]:
    """The end state of an undisturbed run, computed once on first use."""
    known: list[dict[str, Any]] = []

    def state() -> dict[str, Any]:
        if not known:
            with psycopg.connect(embedded.dsn("psycopg", "postgres"), autocommit=True) as connection:
                connection.execute("create database reference_state template taken_in")
            url = embedded.dsn("psycopg", "reference_state")
            settings = Settings(home=tmp_path_factory.mktemp("reference"), database_url=url)
            with Warehouse(taken_in.copy_to(settings)) as wh:
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
