"""Moving an installation from the embedded server to one of the office's own: dump, restore, compare."""

from __future__ import annotations

import subprocess
from contextlib import closing
from dataclasses import replace

import psycopg

from qxmonitor.errors import QxError
from qxmonitor.operate.environment import folder
from qxmonitor.operate.processes import marked
from qxmonitor.settings import Settings
from qxmonitor.warehouse import Warehouse, sql
from qxmonitor.warehouse.server import DATABASES, tool

_SECONDS = 3600


def move(settings: Settings, url: str) -> list[dict[str, str | int]]:
    """Copy the embedded server's databases to an outside server and compare them row count by row count.

    The embedded server stays as it is; the move takes effect when ``QXMONITOR_DATABASE_URL`` is set to the same URL.

    Args:
        settings: the installation, on its embedded server and with no scheduler running.
        url: of the outside server's warehouse database, which must be there and empty; so must one called
            ``airflow`` on the same server.

    Returns:
        A row per table: database, table, rows here, rows there.

    Raises:
        QxError: the scheduler runs, a database over there is missing or not empty, or the copies differ.
    """
    if settings.database_url:
        raise QxError("QXMONITOR_DATABASE_URL 已设置，本安装不在内置数据库上，无需迁移")
    if marked(folder(settings)):
        raise QxError("调度服务正在运行，请先停止再迁移")
    outside = replace(settings, database_url=url)
    with Warehouse(settings):
        rows: list[dict[str, str | int]] = []
        for database in DATABASES:
            here, there = settings.dsn("psycopg", database), outside.dsn("psycopg", database)
            if not _counts(here):
                continue  # Airflow was never started
            if _counts(there):
                raise QxError(f"目标数据库 {database} 不是空的，请换一个空库")
            _copy(here, there)
            now_here, now_there = _counts(here), _counts(there)
            rows += [
                {"database": database, "table": name, "here": count, "there": now_there.get(name, -1)}
                for name, count in now_here.items()
            ]
    if wrong := [f"{row['database']}.{row['table']}" for row in rows if row["here"] != row["there"]]:
        raise QxError(f"迁移后行数不一致：{'、'.join(wrong[:5])}")
    return rows


def _copy(here: str, there: str) -> None:
    """``pg_dump | psql`` in one transaction; what is not whole over there is nothing over there."""
    dump = subprocess.Popen(
        [tool("pg_dump"), "--no-owner", "--no-privileges", f"--dbname={here}"], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    load = subprocess.run(
        [tool("psql"), "--quiet", "--no-psqlrc", "--single-transaction", "--set=ON_ERROR_STOP=1", f"--dbname={there}"],
        stdin=dump.stdout, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=_SECONDS, check=False,
    )  # fmt: skip
    _, said = dump.communicate(timeout=60)
    if load.returncode != 0 or dump.returncode != 0:
        raise QxError(f"迁移未成功：{(load.stderr or said.decode(errors='replace')).strip().splitlines()[-1][:200]}")


def _counts(dsn: str) -> dict[str, int]:
    """Rows by table, the warehouse's and Airflow's own schemas alike.

    Raises:
        QxError: the database cannot be reached.
    """
    try:
        with closing(psycopg.connect(dsn, connect_timeout=10)) as connection:
            tables = [name for (name,) in connection.execute(sql.query("tables").encode())]
            return {name: _rows(connection, name) for name in tables}
    except psycopg.OperationalError as error:
        raise QxError(f"无法连接数据库：{str(error).strip().splitlines()[-1][:200]}") from None


def _rows(connection: psycopg.Connection[tuple[int]], table: str) -> int:
    found = connection.execute(sql.query("table_rows", table=table).encode()).fetchone()
    return int(found[0]) if found else 0
