"""Creating and upgrading the tables."""

from __future__ import annotations

import multiprocessing

import psycopg
import pytest

from qxmonitor.errors import QxError
from qxmonitor.settings import Settings
from qxmonitor.warehouse import Warehouse, sql
from qxmonitor.warehouse.core import fetch


def _init(settings, barrier, answers):
    with Warehouse(settings) as wh:
        barrier.wait(60)
        wh.init()
        answers.put("fine")


@pytest.mark.slow
def test_two_processes_create_the_tables_at_once(embedded, tmp_path):
    with psycopg.connect(embedded.dsn("psycopg", "postgres"), autocommit=True) as connection:
        connection.execute("create database two_at_once")
        settings = Settings(tmp_path, embedded.dsn("psycopg", "two_at_once"))
        context = multiprocessing.get_context("spawn")
        barrier, answers = context.Barrier(2), context.Queue()
        workers = [context.Process(target=_init, args=(settings, barrier, answers)) for _ in range(2)]
        for worker in workers:
            worker.start()
        assert [answers.get(timeout=90), answers.get(timeout=90)] == ["fine", "fine"]
        for worker in workers:
            worker.join(30)
        connection.execute("drop database two_at_once with (force)")


def test_views_are_made_anew_when_they_changed_and_left_alone_when_not(warehouse):
    oid = "select 'reads.receipt'::regclass::oid::bigint as oid"
    before = warehouse.frame(oid)["oid"][0]
    warehouse.init()
    assert warehouse.frame(oid)["oid"][0] == before
    with psycopg.connect(warehouse.settings.dsn("psycopg")) as connection:
        connection.execute("update meta set value = 'old' where key = 'views'")
    warehouse.init()
    assert warehouse.frame(oid)["oid"][0] != before


def test_tables_of_a_newer_version_are_refused(warehouse):
    with psycopg.connect(warehouse.settings.dsn("psycopg")) as connection:
        connection.execute("update alembic_version set version_num = '9999'")
    with pytest.raises(QxError, match="更新程序"):
        warehouse.init()


def test_a_server_that_is_not_there_is_said_in_one_line(tmp_path):
    with Warehouse(Settings(tmp_path, f"postgresql://u@/x?host={tmp_path}")) as wh:
        with pytest.raises(QxError, match="无法连接数据库"):
            wh.init()
        with pytest.raises(QxError, match="无法连接数据库"):
            wh.frame("select 1")


def test_a_connection_is_kept_rolled_back_and_renewed(warehouse):
    with warehouse.adbc() as connection:
        pid = fetch(connection, "select pg_backend_pid() as pid")["pid"][0].as_py()
        fetch(connection, "insert into meta values ('lost', 'x') returning key")
    assert warehouse.frame("select count(*) as n from meta where key = 'lost'")["n"].tolist() == [0]
    assert warehouse.frame("select pg_backend_pid() as pid")["pid"].tolist() == [pid]
    with psycopg.connect(warehouse.settings.dsn("psycopg")) as other:
        other.execute("select pg_terminate_backend(%s)", (pid,))
    assert warehouse.frame("select 1 as one")["one"].tolist() == [1]


def test_queries_take_plain_identifiers_only():
    assert "from trade_line f" in sql.query("panel_trade")
    with pytest.raises(ValueError, match="not an identifier"):
        sql.query("asof_single", table="file; drop table file")
