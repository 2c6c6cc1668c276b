"""A move is whole or nothing, only onto an empty server, and what follows over there goes on counting."""

from __future__ import annotations

import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from qxmonitor.errors import QxError
from qxmonitor.operate import move as moving
from qxmonitor.operate.fingerprint import fingerprint
from qxmonitor.operate.move import move
from qxmonitor.settings import Settings
from qxmonitor.warehouse import Warehouse
from qxmonitor.warehouse.server import tool

pytestmark = pytest.mark.slow

LANDED = (
    b"insert into landed (path, bytes, modified, sha256, known_at) "
    b"select 'f' || n, n, n, repeat('a', 64), now() from generate_series(1, %s) n returning landed_id"
)


@contextmanager
def server() -> Iterator[Warehouse]:
    """A server in a home of its own, empty."""
    home = Path(tempfile.mkdtemp(prefix="qxm-move-"))
    home.chmod(0o755)  # so that root's server user can pass
    settings = Settings(home=home)
    with Warehouse(settings) as wh:
        yield wh
    shutil.rmtree(settings.server_dir.resolve(), ignore_errors=True)
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module")
def moving_out() -> Iterator[Settings]:
    """The server that is moved from: the tables, and nothing in them."""
    with server() as wh:
        wh.init()
        wh.engine.dispose()
        yield wh.settings


@pytest.fixture
def here(moving_out: Settings) -> Iterator[Settings]:
    """That server with some rows, and what looks like Airflow's database."""
    with psycopg.connect(moving_out.dsn("psycopg")) as warehouse:
        warehouse.execute(LANDED, (3,))
    with psycopg.connect(moving_out.dsn("psycopg", "airflow")) as airflow:
        airflow.execute(b"create table dag_run (id bigint generated always as identity, note text)")
        airflow.execute(b"insert into dag_run (note) select repeat('x', 1000) from generate_series(1, 20000)")
    yield moving_out
    with psycopg.connect(moving_out.dsn("psycopg")) as warehouse:
        warehouse.execute(b"truncate landed restart identity")
    with psycopg.connect(moving_out.dsn("psycopg", "airflow")) as airflow:
        airflow.execute(b"drop table dag_run")


@pytest.fixture
def there() -> Iterator[Settings]:
    """Another server in another home, empty."""
    with server() as wh:
        yield wh.settings


def tables(settings: Settings, database: str) -> list[str]:
    with psycopg.connect(settings.dsn("psycopg", database)) as connection:
        found = connection.execute(b"select tablename from pg_tables where schemaname = 'public'").fetchall()
    return [name for (name,) in found]


def test_everything_is_there_and_goes_on_counting(here: Settings, there: Settings) -> None:
    rows = {(row["database"], row["table"]): (row["here"], row["there"]) for row in move(here, there.dsn("psycopg"))}
    assert rows["warehouse", "landed"] == (3, 3)
    assert rows["airflow", "dag_run"] == (20_000, 20_000)
    assert all(one == other for one, other in rows.values())
    moved = Settings(home=here.home, database_url=there.dsn("psycopg"))
    with Warehouse(here) as old, Warehouse(moved) as new:
        new.init()
        assert fingerprint(new) == fingerprint(old)
    with psycopg.connect(moved.dsn("psycopg")) as connection:
        connection.execute(b"update landed set path = 'old' || path")
        assert connection.execute(LANDED, (1,)).fetchall() == [(4,)]
    with pytest.raises(QxError, match="warehouse 不是空的"):
        move(here, there.dsn("psycopg"))


def test_nothing_is_written_when_one_of_the_two_is_not_empty(here: Settings, there: Settings) -> None:
    with psycopg.connect(there.dsn("psycopg", "airflow")) as connection:
        connection.execute(b"create table theirs (n int)")
    with pytest.raises(QxError, match="airflow 不是空的"):
        move(here, there.dsn("psycopg"))
    assert tables(there, "warehouse") == []


def test_a_dump_that_is_killed_leaves_nothing(
    here: Settings, there: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It dies in the middle of the rows of a table, which psql alone would take for the end of the work."""
    broken = tmp_path / "pg_dump"
    broken.write_text(f'#!/bin/sh\n"{tool("pg_dump")}" "$@" | head -c 9000000\nkill -9 $$\n', encoding="utf-8")
    broken.chmod(broken.stat().st_mode | stat.S_IXUSR)
    real: Callable[[str], Path] = moving.tool
    monkeypatch.setattr(moving, "tool", lambda name: broken if name == "pg_dump" else real(name))
    with pytest.raises(QxError, match="迁移未成功"):
        moving._copy(here.dsn("psycopg", "airflow"), there.dsn("psycopg", "airflow"))
    assert tables(there, "airflow") == []


def test_no_password_among_the_words_of_a_process(here: Settings) -> None:
    words, environment = moving._client("psql", here.dsn("psycopg"))
    assert environment["PGPASSWORD"]
    assert environment["PGPASSWORD"] not in " ".join(words)


@pytest.mark.parametrize("url", ["foo", "mysql://a@b/c", ""])
def test_what_is_no_address_is_refused_by_the_name_it_was_given_by(tmp_path: Path, url: str) -> None:
    with pytest.raises(QxError, match="--to 应为目标数据库的地址"):
        move(Settings(home=tmp_path), url)
    assert list(tmp_path.iterdir()) == []


def test_refused_on_an_outside_server(here: Settings) -> None:
    with pytest.raises(QxError, match="无需迁移"):
        move(Settings(home=here.home, database_url=here.dsn("psycopg")), "postgresql://x@127.0.0.1:1/x")
