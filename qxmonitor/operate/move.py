"""Moving an installation from the embedded server to one of the office's own: dump, restore, compare."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import closing, suppress
from dataclasses import replace
from urllib.parse import urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from qxmonitor.errors import QxError, one_line
from qxmonitor.operate.environment import folder
from qxmonitor.operate.processes import marked
from qxmonitor.settings import SCHEMES, Settings
from qxmonitor.warehouse import Warehouse, sql
from qxmonitor.warehouse.server import DATABASES, tool


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
        QxError: the URL is no PostgreSQL URL, the scheduler runs, a database over there is missing or not empty, or
            the copies differ.
    """
    if settings.database_url:
        raise QxError("QXMONITOR_DATABASE_URL 已设置，本安装不在内置数据库上，无需迁移")
    if urlsplit(url).scheme.partition("+")[0] not in SCHEMES:
        raise QxError("--to 应为目标数据库的地址，以 postgresql:// 开头")
    if marked(folder(settings)):
        raise QxError("调度服务正在运行，请先停止再迁移")
    outside = replace(settings, database_url=url)
    with Warehouse(settings):
        rows: list[dict[str, str | int]] = []
        ways = {name: (settings.dsn("psycopg", name), outside.dsn("psycopg", name)) for name in DATABASES}
        ways = {name: way for name, way in ways.items() if _counts(way[0])}  # Airflow may never have been started
        for database, (_, there) in ways.items():  # all of them before anything is written
            if _counts(there):
                raise QxError(f"目标数据库 {database} 不是空的，请换一个空库")
        for database, (here, there) in ways.items():
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
    """``pg_dump | psql`` in one transaction; what is not whole over there is nothing over there.

    The commit is written only after ``pg_dump`` ended well: psql takes the end of its input for the end of the work,
    so that with ``--single-transaction`` it would commit what a dump that was killed had written until then.
    """
    with tempfile.TemporaryFile() as dump_said, tempfile.TemporaryFile() as load_said:
        dump_words, dump_environment = _client("pg_dump", here, "--no-owner", "--no-privileges")
        load_words, load_environment = _client("psql", there, "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1")
        with (
            subprocess.Popen(dump_words, env=dump_environment, stdout=subprocess.PIPE, stderr=dump_said) as dump,
            subprocess.Popen(
                load_words, env=load_environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=load_said
            ) as load,
        ):
            assert dump.stdout is not None
            assert load.stdin is not None
            with suppress(BrokenPipeError):  # psql stopped at an error and says which
                load.stdin.write(b"begin;\n")
                shutil.copyfileobj(dump.stdout, load.stdin, 1 << 20)
                dump.stdout.close()
                if dump.wait() == 0:
                    load.stdin.write(b"\ncommit;\n")
                load.stdin.close()
            if load.wait() != 0:
                dump.kill()
        if load.returncode != 0 or dump.returncode != 0:
            load_said.seek(0), dump_said.seek(0)
            said = (load_said.read() or dump_said.read()).decode(errors="replace").strip().splitlines()
            raise QxError(f"迁移未成功：{said[-1][:200] if said else '导出中断'}")


def _client(name: str, dsn: str, *words: str) -> tuple[list[str], dict[str, str]]:
    """Words and environment of a client tool; the password is in the environment, which others cannot read."""
    parts = conninfo_to_dict(dsn)
    password = parts.pop("password", None)
    environment = os.environ | ({"PGPASSWORD": str(password)} if password else {})
    return [str(tool(name)), *words, f"--dbname={make_conninfo('', **parts)}"], environment


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
        raise QxError(f"无法连接数据库：{one_line(str(error).strip().splitlines()[0])[:200]}") from None


def _rows(connection: psycopg.Connection[tuple[int]], table: str) -> int:
    found = connection.execute(sql.query("table_rows", table=table).encode()).fetchone()
    return int(found[0]) if found else 0
