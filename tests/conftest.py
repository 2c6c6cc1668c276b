"""Fixtures for all: one embedded server for the run, and for each test a home and a database of its own.

The workers of a run share the server and what takes long to make: the first to need a thing makes it (``once``).
"""

from __future__ import annotations

import fcntl
import itertools
import pickle
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import psycopg
import pytest

from qxmonitor.settings import Settings
from qxmonitor.warehouse import Warehouse

_numbers = itertools.count(1)

Made = TypeVar("Made")


LONGEST = ("test_landing.py", "test_trace.py", "test_letters.py", "test_issuing.py")
"""Files of the long tests that would leave the other worker idle if they came last."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first, so that the workers end together; the order within a file stays."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}

    def turn(item: pytest.Item) -> tuple[bool, bool]:
        return item.path.name not in LONGEST or item.path not in slow, item.path not in slow

    items.sort(key=turn)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all workers of this run see, and no other run."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


def once(folder: Path, name: str, make: Callable[[], Made]) -> Made:
    """Make something when the first worker asks for it; the others wait and are given what was made, by pickle."""
    kept = folder / f"{name}.pickle"
    with (folder / f"{name}.lock").open("ab") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)  # a worker that is killed holds nothing
        if not kept.exists():
            kept.write_bytes(pickle.dumps(make()))
    made: Made = pickle.loads(kept.read_bytes())
    return made


@pytest.fixture(scope="session")
def embedded(testrun_uid: str, shared: Path) -> Iterator[Settings]:
    """A home with a running embedded server whose database ``warehouse`` is migrated and stays empty.

    The workers share it; the last one out takes the folder away, and what was made once in it.
    """
    home = Path(tempfile.gettempdir()) / f"qxm-{testrun_uid}"
    settings = Settings(home=home)
    with (shared / "embedded.users").open("ab") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        home.mkdir(exist_ok=True)
        home.chmod(0o755)  # so that root's server user can pass; figures lie in private folders below
        with Warehouse(settings) as wh:
            once(home, "embedded", lambda: _prepare(wh))
            yield settings
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        shutil.rmtree(settings.server_dir.resolve(), ignore_errors=True)
        shutil.rmtree(home, ignore_errors=True)


def _prepare(wh: Warehouse) -> None:
    wh.init()
    wh.engine.dispose()
    _hasten(wh.settings)


def _hasten(settings: Settings) -> None:
    """Let the server wait for no disk: no test pulls the plug of the machine, and killed processes lose nothing."""
    with psycopg.connect(settings.dsn("psycopg", "postgres"), autocommit=True) as connection:
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(f"alter system set {name} = off".encode())
        connection.execute(b"select pg_reload_conf()")


def database(connection: psycopg.Connection, name: str, of: Settings | None = None) -> None:
    """Create a database: migrated and empty, or a copy of another warehouse that nobody has open.

    Files are copied, since that costs the server half as much as writing them anew through its log.
    """
    template = "warehouse" if of is None else urlsplit(str(of.database_url)).path.strip("/")
    connection.execute(f"create database {name} template {template} strategy file_copy".encode())


def filled(settings: Settings, of: Settings | None) -> Settings:
    """Put another warehouse's files and clock beside a copy of its database."""
    if of is None:
        return settings
    shutil.copytree(of.home, settings.home, dirs_exist_ok=True)
    return replace(settings, fixed_now=of.fixed_now)


@pytest.fixture
def new_database(embedded: Settings, tmp_path: Path, worker_id: str) -> Iterator[Callable[..., Settings]]:
    """Make settings with a fresh home and a fresh, migrated database on the run's server (as an outside server).

    Given the settings of another warehouse, it begins as a copy of that. A subprocess reaches the same by
    ``QXMONITOR_HOME`` and ``QXMONITOR_DATABASE_URL``.
    """
    made: list[str] = []
    with psycopg.connect(embedded.dsn("psycopg", "postgres"), autocommit=True) as connection:

        def new(of: Settings | None = None) -> Settings:
            made.append(f"{worker_id}_{next(_numbers)}")
            database(connection, made[-1], of)
            home = tmp_path / f"home-{made[-1]}"
            return filled(Settings(home=home, database_url=embedded.dsn("psycopg", made[-1])), of)

        yield new
        for name in made:
            connection.execute(f"drop database {name} with (force)".encode())


@pytest.fixture
def settings(new_database: Callable[[], Settings]) -> Settings:
    """Settings with a fresh home and database."""
    return new_database()


@pytest.fixture
def warehouse(settings: Settings) -> Iterator[Warehouse]:
    """An open, migrated, empty warehouse."""
    with Warehouse(settings) as wh:
        yield wh
