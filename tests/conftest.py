"""Fixtures for all: one embedded server for the session, and for each test a home and a database of its own."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from qxmonitor.settings import Settings
from qxmonitor.warehouse import Warehouse

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def embedded() -> Iterator[Settings]:
    """A home with a running embedded server whose database ``warehouse`` is migrated and stays empty."""
    home = Path(tempfile.mkdtemp(prefix="qxm-"))
    home.chmod(0o755)  # so that root's server user can pass; figures lie in private folders below
    settings = Settings(home=home)
    with Warehouse(settings) as wh:
        wh.init()
        wh.engine.dispose()
        _hasten(settings)
        yield settings
    shutil.rmtree(settings.server_dir.resolve(), ignore_errors=True)
    shutil.rmtree(home, ignore_errors=True)


def _hasten(settings: Settings) -> None:
    """Let the server wait for no disk: no test pulls the plug of the machine, and killed processes lose nothing."""
    with psycopg.connect(settings.dsn("psycopg", "postgres"), autocommit=True) as connection:
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(f"alter system set {name} = off".encode())
        connection.execute(b"select pg_reload_conf()")


@pytest.fixture
def new_database(embedded: Settings, tmp_path: Path) -> Iterator[Callable[[], Settings]]:
    """Make settings with a fresh home and a fresh, migrated database on the session's server (as an outside server).

    A subprocess reaches the same by ``QXMONITOR_HOME`` and ``QXMONITOR_DATABASE_URL``.
    """
    made: list[str] = []
    with psycopg.connect(embedded.dsn("psycopg", "postgres"), autocommit=True) as connection:

        def new() -> Settings:
            made.append(f"t{next(_numbers)}")
            connection.execute(f"create database {made[-1]} template warehouse".encode())
            return Settings(home=tmp_path / f"home-{made[-1]}", database_url=embedded.dsn("psycopg", made[-1]))

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
