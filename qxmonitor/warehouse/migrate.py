"""Creates and upgrades tables (Alembic, ``sql/migrations``) and reads (``sql/views``), all in one transaction."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Engine, text

from qxmonitor.errors import QxError
from qxmonitor.warehouse import sql
from qxmonitor.warehouse.core import LOCK_INIT


def upgrade(engine: Engine, head: str, views: str) -> None:
    """Bring the tables to ``head`` and, if their hash changed, the views; others wait for the same lock.

    Raises:
        QxError: the database is at a revision that this version does not know.
    """
    config = Config()
    config.set_main_option("script_location", str(sql.FOLDER / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        connection.execute(text(sql.query("init_lock")), {"lock": LOCK_INIT})
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, head)
        except CommandError:
            raise QxError("数据库的版本比本程序新，请更新程序") from None
        there = connection.scalar(text(sql.query("views_mark")))
        if there == views:
            return
        for script in sql.scripts("views"):
            connection.execution_options(no_parameters=True).exec_driver_sql(script.read_text(encoding="utf-8"))
        connection.execute(text(sql.query("views_marked")), {"views": views})
