"""Settings: times, and the one place that writes database URLs."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import psycopg
import pytest
from adbc_driver_postgresql import dbapi
from sqlalchemy import create_engine, text

from qxmonitor.errors import QxError
from qxmonitor.period import SHANGHAI
from qxmonitor.settings import Settings, parse_time

OUTSIDE = "postgresql://u:p%40w@db.example:6543/town?sslmode=require"


@pytest.mark.parametrize(
    ("driver", "database", "expected"),
    [
        ("sqlalchemy", "warehouse", "postgresql+psycopg://u:p%40w@db.example:6543/town?sslmode=require"),
        ("airflow", "airflow", "postgresql+psycopg://u:p%40w@db.example:6543/airflow?sslmode=require"),
        ("psycopg", "warehouse", OUTSIDE),
        ("adbc", "warehouse", OUTSIDE),
        ("psycopg2", "airflow", "postgresql+psycopg2://u:p%40w@db.example:6543/airflow?sslmode=require"),
        ("asyncpg", "airflow", "postgresql+asyncpg://u:p%40w@db.example:6543/airflow?ssl=require"),
    ],
)
def test_an_outside_server_is_named_in_each_drivers_way(driver, database, expected):
    assert Settings(home=Path("var"), database_url=OUTSIDE).dsn(driver, database) == expected


def test_a_url_without_a_database_means_warehouse():
    assert Settings(Path("var"), "postgresql://u@h").dsn("adbc") == "postgresql://u@h/warehouse"


def test_what_is_no_postgres_url_is_refused():
    with pytest.raises(QxError, match="postgresql://"):
        Settings(Path("var"), "sqlite:///x").dsn("adbc")


def test_a_server_never_started_has_no_url(tmp_path):
    with pytest.raises(QxError, match="qxmonitor init"):
        Settings(tmp_path).dsn("psycopg")


def test_every_driver_at_hand_reaches_the_embedded_server(embedded):
    engine = create_engine(embedded.dsn("sqlalchemy"))
    with engine.connect() as connection:
        assert connection.scalar(text("select current_database()")) == "warehouse"
    engine.dispose()
    with psycopg.connect(embedded.dsn("psycopg", "airflow")) as connection:
        assert connection.info.dbname == "airflow"
    with dbapi.connect(embedded.dsn("adbc")) as connection, connection.cursor() as cursor:
        cursor.execute("select 1 as one")
        assert cursor.fetchone() == (1,)


def test_home_and_clock_come_from_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("QXMONITOR_HOME", str(tmp_path))
    monkeypatch.setenv("QXMONITOR_NOW", "2026-11-18T10:00+08:00")
    monkeypatch.delenv("QXMONITOR_DATABASE_URL", raising=False)
    settings = Settings.from_env()
    assert settings.home == tmp_path and settings.database_url is None
    assert settings.now() == datetime(2026, 11, 18, 10, tzinfo=SHANGHAI)


def test_times_without_offset_are_shanghais_and_nonsense_is_refused():
    assert parse_time("2026-11-18") == datetime(2026, 11, 18, tzinfo=SHANGHAI)
    with pytest.raises(QxError, match="时间写法不对"):
        parse_time("昨天")


@pytest.mark.parametrize("text", ["0", "4097", "-1", "1.5", "１", "1e2", "9" * 5000, "x"])
def test_a_size_limit_that_is_no_number_of_mib_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QXMONITOR_LARGEST_MIB", text)
    with pytest.raises(QxError, match="QXMONITOR_LARGEST_MIB 应为 1 至 4096 的整数"):
        Settings.from_env()


def test_the_size_limit_and_the_quiet_time_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QXMONITOR_LARGEST_MIB", raising=False)
    monkeypatch.delenv("QXMONITOR_QUIET_SECONDS", raising=False)
    assert (Settings.from_env().largest, Settings.from_env().quiet) == (256 << 20, 20.0)
    monkeypatch.setenv("QXMONITOR_LARGEST_MIB", "7")
    monkeypatch.setenv("QXMONITOR_QUIET_SECONDS", "0")
    assert (Settings.from_env().largest, Settings.from_env().quiet) == (7 << 20, 0.0)
    monkeypatch.setenv("QXMONITOR_QUIET_SECONDS", "3601")
    with pytest.raises(QxError, match="QXMONITOR_QUIET_SECONDS 应为 0 至 3600 的整秒数"):
        Settings.from_env()
