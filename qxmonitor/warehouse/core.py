"""The warehouse as a handle: the server is up while it is open, and both ways into the database hang on it.

SQLAlchemy (psycopg 3) for the few rows that change, ADBC and Arrow for everything in bulk.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import psycopg
import pyarrow as pa
from adbc_driver_postgresql import dbapi

from qxmonitor.errors import QxError
from qxmonitor.settings import Settings
from qxmonitor.warehouse import server, sql
from qxmonitor.warehouse.files import FileStore

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy import Engine

FOREVER = datetime.fromisoformat("9999-12-31T00:00:00+00:00")
"""Stands for "newest" where a query wants a known_at or recorded_at."""

LOCK_INIT, LOCK_LOAD, LOCK_RUN, LOCK_ALERT, LOCK_MONTHS, LOCK_DRAFT, LOCK_WATCH = (0x71786D00 + n for n in range(7))
"""Advisory locks, one for each thing only one process may do at a time."""
LOCK_READING = 0x71786D07
"""Held shared by whoever reads and loads files, alone by who decides how they are to be read."""


class Warehouse:
    """The town's database and file store; a context manager that starts or shares the embedded server.

    Attributes:
        settings: where it lies.
        files: the store of originals.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.files = FileStore(settings)
        self._server: server.Server | None = None
        self._engine: Engine | None = None
        self._idle: list[tuple[int, dbapi.Connection]] = []

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> Self:
        """Start or share the server.

        Raises:
            QxError: it cannot be started or reached.
        """
        if self._server is None:
            self._server = server.ensure(self.settings)
        return self

    def close(self) -> None:
        """Give everything back; the last one out stops the embedded server."""
        while self._idle:
            self._idle.pop()[1].close()
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None
        if self._server is not None:
            self._server.close()
            self._server = None

    def revive(self) -> None:
        """Start the embedded server again if it died while we shared it."""
        if self._server is not None:
            self._server.revive()

    @property
    def engine(self) -> Engine:
        """The SQLAlchemy engine, made on first use."""
        if self._engine is None:
            from sqlalchemy import create_engine

            self._engine = create_engine(self.settings.dsn("sqlalchemy"), pool_pre_ping=True)
        return self._engine

    @contextmanager
    def adbc(self) -> Iterator[dbapi.Connection]:
        """An ADBC connection to oneself; what was not committed at the end is rolled back.

        Connections are kept for the next caller, since opening one costs 50 ms (it reads the catalogue of types).

        Raises:
            QxError: the server cannot be reached.
        """
        connection = self._take()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        self._idle.append((os.getpid(), connection))

    @contextmanager
    def alone(self, number: int, *, shared: bool = False) -> Iterator[None]:
        """Hold an advisory lock for a stretch of work that takes connections of its own.

        The lock goes with its connection: a holder that is killed, or whose server restarts, holds nothing.

        Args:
            number: which.
            shared: together with others that hold it shared.
        """
        with self.adbc() as connection:
            fetch(connection, sql.query("lock_shared" if shared else "lock"), number)
            yield
            connection.commit()

    def _take(self) -> dbapi.Connection:
        while self._idle:
            owner, connection = self._idle.pop()
            if owner == os.getpid():  # one inherited by a forked child is the parent's
                try:
                    connection.rollback()
                    return connection
                except dbapi.Error:  # the server was restarted
                    connection.close()
        try:
            return dbapi.connect(self.settings.dsn("adbc"))
        except dbapi.Error as error:
            raise QxError(f"无法连接数据库：{_reason(error)}") from None

    def init(self) -> None:
        """Create or upgrade tables and views; quick when there is nothing to do, safe for several at once.

        Raises:
            QxError: the server cannot be reached, or its tables are newer than this version.
        """
        try:
            with psycopg.connect(self.settings.dsn("psycopg")) as connection:
                if _marks(connection) == self._shipped:
                    return
        except psycopg.OperationalError as error:
            raise QxError(f"无法连接数据库：{_reason(error)}") from None
        from qxmonitor.warehouse.migrate import upgrade

        upgrade(self.engine, *self._shipped)

    @cached_property
    def _shipped(self) -> tuple[str, str]:
        """The newest migration and the hash of the views, as they lie in ``sql/``."""
        head = max(path.name for path in (sql.FOLDER / "migrations" / "versions").glob("[0-9]*.py"))[:4]
        views = hashlib.sha256(b"\0".join(path.read_bytes() for path in sql.scripts("views"))).hexdigest()
        return head, views

    def arrow(self, text: str, *parameters: object) -> pa.Table:
        """Run one query and fetch its rows as Arrow."""
        with self.adbc() as connection:
            return fetch(connection, text, *parameters)

    def frame(self, text: str, *parameters: object) -> pd.DataFrame:
        """Run one query (text from :func:`qxmonitor.warehouse.sql.query`) and fetch its rows as a frame."""
        frame: pd.DataFrame = self.arrow(text, *parameters).to_pandas()
        return frame

    def newest_recorded(self) -> datetime | None:
        """The newest committed ``recorded_at``; freeze reads with this and never with a clock.

        A load takes its time at its start and commits later, so a clock may run ahead of what can be seen. None when
        nothing was loaded yet.
        """
        found: datetime | None = self.arrow(sql.query("newest_recorded"))["recorded_at"][0].as_py()
        return found


def fetch(connection: dbapi.Connection, text: str, *parameters: object) -> pa.Table:
    """Run one query on an open connection and fetch its rows as Arrow; a None parameter of a time means newest."""
    with connection.cursor() as cursor:
        cursor.execute(text, parameters or None)
        return cursor.fetch_arrow_table()


def run(connection: dbapi.Connection, text: str, parameters: Sequence[object] | None = None) -> None:
    """Run one statement that gives no rows."""
    with connection.cursor() as cursor:
        cursor.execute(text, parameters)


def lock(connection: dbapi.Connection, number: int) -> None:
    """Wait for an advisory lock, held to the end of the transaction."""
    fetch(connection, sql.query("lock"), number)


def _marks(connection: psycopg.Connection[Any]) -> tuple[str, str] | None:
    there = connection.execute(sql.query("migrated").encode())
    if not (there.fetchone() or (False,))[0]:
        return None
    marks = connection.execute(sql.query("marks").encode()).fetchone()
    return (marks[0], marks[1]) if marks else None


def _reason(error: Exception) -> str:
    return str(error).strip().splitlines()[-1][:200]
