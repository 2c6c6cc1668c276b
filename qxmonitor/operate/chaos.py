"""``qxmonitor chaos``: months rebuilt, cleared and rebuilt again while things are killed, against an undisturbed run.

A simulated town lives twice. Once quietly, verb by verb. Once through two real schedulers, with every month's mails
asked for and sent to a mail server on loopback that remembers what it took, while schedulers, workers, senders and
PostgreSQL are killed (-9) at moments drawn from the seed. In the end the warehouse must hold the same, and of every
mail the server must have exactly one, or the ledger must say that nobody knows (``unknown``), for a person to settle.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from qxmonitor import pipeline
from qxmonitor.catalog.release import release_calendar
from qxmonitor.errors import QxError
from qxmonitor.operate.api import Api
from qxmonitor.operate.environment import folder
from qxmonitor.operate.fingerprint import fingerprint
from qxmonitor.operate.processes import Services, marked
from qxmonitor.operate.sink import Sink
from qxmonitor.operate.up import free_port, wait_ready
from qxmonitor.period import Period, months
from qxmonitor.settings import Settings
from qxmonitor.simulate import staged_for_show
from qxmonitor.warehouse import Warehouse

T = TypeVar("T")

REASON = "演练：补发各期"
"""The occasion under which every month is mailed, so that there is something to send twice or lose."""

_TARGETS = ("scheduler", "scheduler-2", "worker", "worker", "sender", "sender", "postgres")
_PATIENCE = 1800.0
_QUICK = {
    "AIRFLOW__CORE__DEFAULT_TASK_RETRIES": "100",
    "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "1",
    "AIRFLOW__CORE__MAX_TASK_RETRY_DELAY": "2",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "2",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "12",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "4",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "10",
    "AIRFLOW__SCHEDULER__JOB_HEARTBEAT_SEC": "2",
}
"""An outage is noticed within seconds, so that a rehearsal of many takes minutes."""


@dataclass(frozen=True)
class Outcome:
    """What came of it: all zero but ``unknown`` and ``mails`` when all is well."""

    kills: dict[str, int]
    mails: int
    extra: int
    lost: int
    unknown: int
    different: tuple[str, ...]
    seconds: float

    @property
    def fine(self) -> bool:
        return not (self.extra or self.lost or self.different)


def rehearse(
    settings: Settings, *, length: int, kills: int, seed: int, firms: int, say: Callable[[str], None]
) -> Outcome:
    """Live a town twice and compare.

    Args:
        settings: below whose home both lives lie, in folders of their own that are made anew.
        length: months, the newest released one included.
        kills: how many processes to kill.
        seed: draws whom and when; the same seed draws the same sequence.
        firms: legal entities of the town.
        say: tells the person at the terminal.

    Raises:
        QxError: something did not come to an end.
    """
    last = release_calendar().newest_released(settings.now())
    span = months(last - (length - 1), last)
    base = settings.home / f"chaos-{last}-{length}-{kills}-{seed}-{os.getpid()}"
    base.mkdir(parents=True)
    pipeline.simulate(
        settings.now(), base / "town", firms=firms, first=span[0], last=last, seed=seed, staged=staged_for_show(firms)
    )
    settings = replace(settings, smtp_url=None, sftp_url=None, quiet=0.0)
    quiet = replace(settings, home=base / "quiet")
    stormy = replace(settings, home=base / "stormy")
    say(f"平静运行 {len(span)} 个月……")
    expected, wanted = _quietly(quiet, base / "town" / "landing", span)
    say(f"在 {kills} 次 kill −9 之下重算 {len(span)} 个月三遍……")
    begun = time.monotonic()
    with Sink() as sink:
        found, states, killed = _stormily(
            replace(stormy, smtp_url=f"smtp://127.0.0.1:{sink.port}"), base / "town" / "landing", span,
            random.Random(seed), kills, say,
        )  # fmt: skip
        taken = Counter(sink.taken)
    return Outcome(
        kills=dict(killed),
        mails=len(wanted),
        extra=sum(count - 1 for count in taken.values()) + len(set(taken) - wanted),
        lost=sum(taken[mail] == 0 and states.get(mail) != "unknown" for mail in wanted),
        unknown=sum(state == "unknown" for state in states.values()),
        different=tuple(sorted(part for part in expected if found.get(part) != expected[part])),
        seconds=time.monotonic() - begun,
    )


def _quietly(settings: Settings, landing: Path, span: tuple[Period, ...]) -> tuple[dict[str, str], set[str]]:
    with Warehouse(settings) as wh:
        wh.init()
        pipeline.ingest(wh, [landing])
        for period in span:
            pipeline.run(wh, period, notify=REASON)
        return fingerprint(wh), {str(row["message_id"]) for row in pipeline.deliver(wh)}


def _stormily(
    settings: Settings, landing: Path, span: tuple[Period, ...], dice: random.Random, kills: int,
    say: Callable[[str], None],
) -> tuple[dict[str, str], dict[str, str], Counter[str]]:  # fmt: skip
    """Rebuild, clear and rebuild again in the storm; what the warehouse holds, each mail's state, and the kills."""
    with Warehouse(settings) as wh:
        wh.init()
        pipeline.ingest(wh, [landing])
        environment = {"QXMONITOR_SMTP_URL": settings.smtp_url or "", **_QUICK}
        port = free_port()
        with (
            Services(settings, port=port, schedulers=2, paused=True, extra=environment) as services,
            Api(settings, port=port) as api,
        ):
            wait_ready(services, api)
            api.wait(lambda: "rebuild" in api.dags() and "deliver" in api.dags(), "读取 DAG 文件", 120, services.watch)
            for dag in ("rebuild", "deliver"):
                api.pause(dag, False)
            storm = _Storm(wh, services, dice, kills)
            for number, again in enumerate(("rebuild", "clear", "reprocess")):
                storm.allowed = kills * (number + 1) // 3
                _once(api, storm, span, again)
                say(f"  第 {number + 1} 遍完成，已 kill {sum(storm.killed.values())} 次")
            while sum(storm.killed.values()) < kills:  # a quick machine is done before the storm is over
                storm.allowed = kills
                _once(api, storm, span, "reprocess")
            storm.calm()
        for _ in range(3):  # what a killed sender left half-way is settled by the next
            pipeline.deliver(wh)
        states = {str(row["message_id"]): str(row["state"]) for row in _ledger(wh)}
        return fingerprint(wh), states, storm.killed


def _once(api: Api, storm: _Storm, span: tuple[Period, ...], how: str) -> None:
    """All months once more, until nothing runs."""
    if how == "clear":
        for run in _patiently(api, storm, lambda: api.runs("rebuild")):
            path = f"/dags/rebuild/dagRuns/{run['dag_run_id']}/clear"
            _patiently(api, storm, lambda path=path: api.call("POST", path, json={"dry_run": False}))  # type: ignore[misc]
    else:
        _patiently(
            api, storm,
            lambda: api.backfill("rebuild", span[0], span[-1], again=how == "reprocess", conf={"notify": REASON}),
        )  # fmt: skip
    quiet = 0
    deadline = time.monotonic() + _PATIENCE
    while quiet < 2:
        if time.monotonic() > deadline:
            raise QxError("等待超时：重算没有结束")
        storm.blow()
        try:
            quiet = quiet + 1 if api.idle("rebuild") else 0
        except QxError:  # the API is down with its database, for the moment
            quiet = 0


def _patiently(api: Api, storm: _Storm, ask: Callable[[], T]) -> T:
    """Ask the API until it answers; it may be down with its database."""
    deadline = time.monotonic() + 180
    while True:
        try:
            return ask()
        except QxError:
            if time.monotonic() > deadline:
                raise
            storm.mend()
            time.sleep(1.0)


class _Storm:
    """Kills one thing after the other, and starts again what an owner would start again."""

    def __init__(self, wh: Warehouse, services: Services, dice: random.Random, kills: int) -> None:
        self._wh, self._services, self._dice, self._kills = wh, services, dice, kills
        self.killed: Counter[str] = Counter()
        self.allowed = 0
        self._senders: list[subprocess.Popen[bytes]] = []
        self._next = time.monotonic() + 2.0

    def blow(self) -> None:
        """A second in the storm."""
        self.mend()
        self._send()
        if time.monotonic() >= self._next and sum(self.killed.values()) < self.allowed:
            target = self._dice.choice(_TARGETS)
            if self._kill(target):
                self.killed[target.partition("-")[0]] += 1
            self._next = time.monotonic() + self._dice.uniform(1.0, 6.0)
        time.sleep(self._dice.uniform(0.2, 0.8))

    def mend(self) -> None:
        """What the owner of an installation does every second."""
        self._wh.revive()
        self._services.watch()

    def calm(self) -> None:
        """Let the senders finish."""
        for sender in self._senders:
            sender.wait(timeout=120)

    def _send(self) -> None:
        """Keep two senders of our own going beside the scheduler's, so that there is always one to kill."""
        self._senders = [sender for sender in self._senders if sender.poll() is None]
        while len(self._senders) < 2:
            environment = {
                **os.environ, "QXMONITOR_HOME": str(self._wh.settings.home),
                "QXMONITOR_SMTP_URL": self._wh.settings.smtp_url or "",
            }  # fmt: skip
            self._senders.append(
                subprocess.Popen(
                    [sys.executable, "-m", "qxmonitor", "deliver"], env=environment, stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                )
            )  # fmt: skip

    def _kill(self, target: str) -> bool:
        pids = {
            "scheduler": self._service, "scheduler-2": self._service, "worker": self._workers,
            "sender": self._sending, "postgres": self._postgres,
        }[target](target)  # fmt: skip
        if not pids:
            return False
        try:
            os.kill(self._dice.choice(pids), signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    def _service(self, name: str) -> list[int]:
        pid = self._services.services[name].pid
        return [pid] if pid else []

    def _workers(self, _: str) -> list[int]:
        return sorted(pid for pid in marked(folder(self._wh.settings)) if b"airflow worker" in _cmdline(pid))

    def _sending(self, _: str) -> list[int]:
        return [sender.pid for sender in self._senders if sender.poll() is None]

    def _postgres(self, _: str) -> list[int]:
        try:
            lines = (self._wh.settings.server_dir / "data" / "postmaster.pid").read_text().splitlines()
            return [int(lines[0])]
        except (OSError, ValueError, IndexError):
            return []


def _cmdline(pid: int) -> bytes:
    try:
        return (Path("/proc") / str(pid) / "cmdline").read_bytes()
    except OSError:
        return b""


def _ledger(wh: Warehouse) -> list[dict[str, object]]:
    from qxmonitor import look

    return look.listing(wh, "ledger")
