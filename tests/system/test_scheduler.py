"""A real scheduler on a real PostgreSQL: backfills through REST cascade, may be repeated and reversed, mail once."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from qxmonitor import look, pipeline
from qxmonitor.catalog.release import FAMILIES, release_calendar
from qxmonitor.errors import QxError
from qxmonitor.operate.api import Api
from qxmonitor.operate.environment import folder
from qxmonitor.operate.fingerprint import fingerprint
from qxmonitor.operate.processes import Services, marked
from qxmonitor.operate.up import free_port, wait_ready
from qxmonitor.operate.upkeep import clean
from qxmonitor.period import Period
from qxmonitor.settings import Settings
from qxmonitor.simulate import staged_for_show
from qxmonitor.warehouse import Warehouse, drafts

pytestmark = pytest.mark.system

BACK = 3
"""Months that go through the scheduler; those before are history."""

PATIENCE = 600.0
INGESTS = [f"ingest_{family}" for family in FAMILIES]


@dataclass
class Running:
    """An installation with its scheduler."""

    wh: Warehouse
    services: Services
    api: Api
    last: Period

    @property
    def first(self) -> Period:
        return self.last - (BACK - 1)

    def settle(self) -> None:
        self.api.settle("流程结束", PATIENCE, self.services.watch)

    def land(self) -> None:
        """Index what lies in the landing folder, with nobody listening yet."""
        self.api.pause("land", False)
        self.api.trigger("land")
        self.settle()

    def listen(self) -> None:
        for dag in (*INGESTS, "monitor", "briefing", "rebuild"):
            self.api.pause(dag, False)

    def backfill(self, *, again: bool = False, backwards: bool = False) -> None:
        for dag in INGESTS:
            self.api.backfill(dag, self.first, self.last, again=again, backwards=backwards)
        self.settle()
        self.api.trigger("land")  # re-filed returns of months before these wait as well, and hold the mails back
        self.settle()

    def approve(self) -> int:
        questions = self.api.questions()
        for question in questions:
            self.api.answer(question, "批准", note="核对无误")
        self.settle()
        return len(questions)

    def deliver(self) -> None:
        self.api.pause("deliver", False)
        self.api.trigger("deliver")
        self.settle()

    def mails(self) -> list[str]:
        """What lies in the outbox, by recipient and Message-ID; each mail a file."""
        return sorted(f"{path.parent.parent.name}/{path.name}" for path in self.wh.settings.maildir.glob("*/new/*"))

    def ledger(self) -> list[dict[str, Any]]:
        return look.listing(self.wh, "ledger")

    def failed(self) -> list[str]:
        return [run["dag_run_id"] for run in self.api.runs("~", states=("failed",))]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """30 firms over eight months that end with the newest released one."""
    now = Settings(home=Path("unused")).now()
    last = release_calendar().newest_released(now)
    out = tmp_path_factory.mktemp("town") / "town"
    pipeline.simulate(now, out, firms=30, first=last - 7, last=last, seed=5, staged=staged_for_show(30))
    return out


@contextmanager
def installation(town: Path) -> Iterator[Running]:
    """A fresh one: history loaded in bulk, what arrived since in the landing folder, the scheduler up and paused."""
    base = Path(tempfile.mkdtemp(prefix="qxm-system-"))
    base.chmod(0o755)  # so that root's server user can pass; figures lie in private folders below
    settings = Settings(home=base / "home")
    last = release_calendar().newest_released(settings.now())
    released = f"{release_calendar().released_at(last - BACK):%Y-%m-%d}"
    folders = sorted((town / "landing").iterdir())
    try:
        with Warehouse(settings) as wh:
            wh.init()
            pipeline.ingest(wh, [arrival for arrival in folders if arrival.name <= released])
            for arrival in folders:
                if arrival.name > released:
                    shutil.copytree(arrival, settings.landing_dir / arrival.name)
            port = free_port()
            with Services(settings, port=port, paused=True) as services, Api(settings, port=port) as api:
                wait_ready(services, api, dags=10)
                yield Running(wh, services, api, last)
            assert marked(folder(settings)) == []
    finally:
        shutil.rmtree(settings.server_dir.resolve(), ignore_errors=True)
        shutil.rmtree(base, ignore_errors=True)


@pytest.fixture(scope="module")
def forwards(town: Path) -> dict[str, Any]:
    """A backfill, its briefing approved and delivered; the same again; and what was there each time."""
    with installation(town) as running:
        errors = running.api.import_errors()
        running.land()
        running.listen()
        running.backfill()
        first = fingerprint(running.wh)
        asked, before = running.approve(), running.mails()
        running.deliver()
        mails, ledger = running.mails(), running.ledger()
        running.backfill(again=True)
        running.api.trigger("rebuild", running.last)
        running.settle()
        asked_again = running.approve()
        running.deliver()
        refusals = {}
        for dag in ("deliver", "watch", "land", "upkeep", "monitor"):
            try:
                running.api.backfill(dag, running.first, running.last)
            except QxError as error:
                refusals[dag] = str(error)
        with pytest.raises(QxError, match="No runs to create"):
            running.api.backfill("rebuild", running.last + 1, running.last + 12)
        result = {
            "errors": errors, "first": first, "asked": asked, "before": before, "mails": mails, "ledger": ledger,
            "again": fingerprint(running.wh), "asked again": asked_again, "mails again": running.mails(),
            "ledger again": running.ledger(), "failed": running.failed(), "refusals": refusals,
            "runs": running.api.runs("~"), "drafts": drafts.read(running.wh, running.last),
            "wanted": [str(running.last - back) for back in range(BACK)],
        }  # fmt: skip
        return result | {"upkeep": upkept(running)}


def upkept(running: Running) -> dict[str, Any]:
    """Airflow's records made a year old and cleaned while everything runs: what is there before and after."""
    with psycopg.connect(running.wh.settings.dsn("psycopg", "airflow"), autocommit=True) as connection:
        connection.execute(b"update dag_run set start_date = start_date - interval '1 year' where dag_id = 'monitor'")
        before = len(running.api.runs("monitor")), len(running.api.runs("briefing"))
        clean(running.wh.settings, keep_days=30)
        tables = [name for (name,) in connection.execute(b"select tablename from pg_tables")]
        return {
            "before": before, "after": (len(running.api.runs("monitor")), len(running.api.runs("briefing"))),
            "tables": [name for name in tables if name.startswith("_airflow_")],
            "fingerprint": fingerprint(running.wh), "mails": running.mails(),
        }  # fmt: skip


def test_every_dag_is_read_and_no_run_failed(forwards: dict[str, Any]) -> None:
    assert forwards["errors"] == []
    assert forwards["failed"] == []


def test_a_backfill_cascades_from_taking_in_to_the_draft(forwards: dict[str, Any]) -> None:
    keys = {dag: {run["partition_key"] for run in forwards["runs"] if run["dag_id"] == dag} for dag in
            (*INGESTS, "monitor", "briefing")}  # fmt: skip
    for dag, found in keys.items():
        assert found >= set(forwards["wanted"]), dag
    cascaded = [run for run in forwards["runs"] if run["dag_id"] == "monitor"]
    assert {run["run_type"] for run in cascaded} == {"asset_triggered"}


def test_only_the_newest_month_is_drawn_up_and_mailed(forwards: dict[str, Any]) -> None:
    assert forwards["asked"] == 1
    assert forwards["drafts"]["outcome"].tolist() == ["approved", "approved"]  # both editions
    assert {row["period"] for row in forwards["ledger"]} == {forwards["wanted"][0]}
    assert {row["kind"] for row in forwards["ledger"]} == {"alerts", "briefing"}


def test_nothing_is_in_the_outbox_before_delivery_and_everything_after(forwards: dict[str, Any]) -> None:
    assert forwards["before"] == []
    assert len(forwards["mails"]) == len(forwards["ledger"]) > 4
    assert {row["state"] for row in forwards["ledger"]} == {"accepted"}


def test_the_same_backfill_again_changes_nothing_and_mails_nothing(forwards: dict[str, Any]) -> None:
    ingest = [run for run in forwards["runs"] if run["dag_id"] == "ingest_customs"]
    assert len(ingest) >= 2 * BACK  # it did run again
    assert {**forwards["again"], "ledger": ""} == {**forwards["first"], "ledger": ""}
    assert forwards["asked again"] == 0
    assert forwards["mails again"] == forwards["mails"]
    assert [row["message_id"] for row in forwards["ledger again"]] == [row["message_id"] for row in forwards["ledger"]]


def test_dags_about_now_and_followers_refuse_backfills(forwards: dict[str, Any]) -> None:
    assert set(forwards["refusals"]) == {"deliver", "watch", "land", "upkeep", "monitor"}


def test_a_backfill_of_months_to_come_runs_nothing(forwards: dict[str, Any]) -> None:
    rebuilt = {run["partition_key"] for run in forwards["runs"] if run["dag_id"] == "rebuild"}
    assert rebuilt == {forwards["wanted"][0]}  # the one triggered by hand


def test_upkeep_removes_old_records_of_airflow_and_nothing_of_the_office(forwards: dict[str, Any]) -> None:
    found = forwards["upkeep"]
    assert found["before"][0] > BACK
    assert found["after"] == (1, found["before"][1])  # Airflow keeps the last run of each DAG
    assert found["tables"] == []  # no copies of what was removed are left behind
    assert found["fingerprint"] == forwards["again"]
    assert found["mails"] == forwards["mails again"]


def test_months_in_reverse_order_end_the_same(town: Path, forwards: dict[str, Any]) -> None:
    with installation(town) as running:
        running.land()
        running.listen()
        running.backfill(backwards=True)
        found = fingerprint(running.wh)
        assert running.approve() == 1
        running.deliver()
        assert running.failed() == []
        assert found == forwards["first"]
        sent = [(row["message_id"], row["state"]) for row in running.ledger()]
        assert sent == [(row["message_id"], row["state"]) for row in forwards["ledger"]]
        assert running.mails() == forwards["mails"]
