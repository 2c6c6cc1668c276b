"""A warehouse of an earlier version keeps its mails."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import Engine, create_engine, text

from qxmonitor.delivery import ledger
from qxmonitor.delivery.ledger import Message
from qxmonitor.period import Period
from qxmonitor.settings import Settings
from qxmonitor.warehouse import sql
from qxmonitor.warehouse.migrate import upgrade
from tests.delivery.conftest import DATE

OLD = """
insert into message (message_id, kind, period, reader, recipient, subject, body, state, planned_at, state_at, detail)
values (:id, 'alerts', '2026-10', :reader, :recipient, 's', 'b', :state, :at, :at, 'd')
"""


@pytest.fixture
def first_version(embedded: Settings, worker_id: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """An empty database with the tables of migration 0001, and without the views, which speak of the newest tables."""
    scripts, name = sql.scripts, f"first_version_{worker_id}"
    monkeypatch.setattr(sql, "scripts", lambda folder: [] if folder == "views" else scripts(folder))
    with psycopg.connect(embedded.dsn("psycopg", "postgres"), autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
    engine = create_engine(embedded.dsn("sqlalchemy", name))
    upgrade(engine, "0001", "")
    yield engine
    engine.dispose()
    with psycopg.connect(embedded.dsn("psycopg", "postgres"), autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)".encode())


def test_the_ledger_of_the_first_version(first_version: Engine) -> None:
    with first_version.begin() as conn:
        for number, (reader, recipient, state) in enumerate(
            [
                ("gxj", "a@x.y", "accepted"), ("gxj", "b@x.y", "planned"), ("swj", "c@x.y", "deferred"),
                ("stats", "d@x.y", "sending"),
            ]
        ):  # fmt: skip
            words = {"id": f"<{number}@x>", "reader": reader, "recipient": recipient, "state": state, "at": DATE}
            conn.execute(text(OLD), words)
    upgrade(first_version, "head", "new")

    with first_version.begin() as conn:
        found = {row["message_id"]: row for row in ledger.listing(conn)}
        told = [(row["message_id"], row["state"], row["who"]) for row in ledger.history(conn)]
        again = Message("<new@x>", "alerts", Period("2026-10"), "gxj", "e@x.y", "s", b"b")
        assert ledger.plan(conn, [again], DATE) == []
    assert [found[f"<{n}@x>"]["occasion"] for n in range(4)] == ["", "曾发往 b@x.y", "", ""]
    assert (found["<2@x>"]["state"], found["<2@x>"]["next_try_at"]) == ("deferred", DATE)
    assert told[:4] == [(f"<{n}@x>", "planned", "系统") for n in range(4)]
    assert set(told[4:]) == {("<0@x>", "accepted", "系统"), ("<2@x>", "deferred", "系统"), ("<3@x>", "sending", "系统")}


FIGURES = """
insert into run values (1, '2026-10', now(), now(), 'x');
insert into indicator_value values
    (1, 'output_m', 'firm', 'B', 'returns', 2.5, 'value', 1, 1, 1, 0),
    (1, 'output_m', 'firm', 'A', 'returns', null, 'late', 0, 0, null, 0),
    (1, 'output_m', 'town', 'town', 'returns', null, 'failed', 0.5, 1, 1, 1),
    (1, 'reporting_rate', 'town', 'town', 'returns', 0.5, 'value', null, 2, null, null);
"""


def test_figures_of_the_first_version_are_the_same(first_version: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    with first_version.begin() as conn:
        conn.execute(text(FIGURES))
        before = conn.execute(text("select * from indicator_value order by indicator, entity_kind, entity")).all()
    monkeypatch.undo()
    upgrade(first_version, "head", "new")
    with first_version.begin() as conn:
        found = text("select * from reads.indicator_value order by indicator, entity_kind, entity")
        after = conn.execute(found).all()
    assert [tuple(row)[:-1] for row in after] == [tuple(row)[:-1] for row in before]
    assert [row.hidden_groups for row in after] == [0, 0, 1, 0]
