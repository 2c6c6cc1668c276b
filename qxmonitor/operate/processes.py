"""Airflow's processes, owned: whoever starts them ends them, and restarts one that dies.

Killing the parent of ``airflow standalone`` leaves scheduler, API server and workers running. Here every service is
the head of a process group of its own, carries the home in its environment, and is told by the kernel when its owner
dies. So the owner can end all of it, and what an owner that was killed has left is found and ended by the next.
"""

from __future__ import annotations

import ctypes
import fcntl
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Self

from qxmonitor.errors import QxError
from qxmonitor.operate.environment import PORT, airflow_environment, folder
from qxmonitor.settings import Settings

log = logging.getLogger(__name__)

MARK = "QXMONITOR_SERVICE"
_PR_SET_PDEATHSIG = 1
_POLITE, _RESTART_WAIT = 20.0, (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_WELL = 120.0
"""Who lived so many seconds had started well: its next death is the first in a row."""


class Service:
    """One process of Airflow's, started again when it dies."""

    def __init__(self, name: str, words: tuple[str, ...], environment: dict[str, str], log_file: Path) -> None:
        self.name, self._environment, self._log = name, environment, log_file
        self.command = [sys.executable, "-m", "airflow", *words]
        self.process: subprocess.Popen[bytes] | None = None
        self.deaths = 0
        self._not_before = self._started = 0.0

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process is not None and self.process.poll() is None else None

    def start(self) -> None:
        self._log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _appending(self._log) as out:
            self.process = subprocess.Popen(
                self.command, env=self._environment, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                start_new_session=True, preexec_fn=_end_with_parent, cwd="/",
            )  # fmt: skip
        self._started = time.monotonic()

    def watch(self) -> None:
        """Start it again if it is gone; each time in a row after a longer wait."""
        if self.pid is not None:
            return
        now = time.monotonic()
        if self._not_before == 0.0:
            if self.process is not None:
                log.warning("%s ended with %s", self.name, self.process.returncode)
                end_group(self.process.pid)
                if now - self._started > _WELL:
                    self.deaths = 0
            self._not_before = now + _RESTART_WAIT[min(self.deaths, len(_RESTART_WAIT) - 1)]
            self.deaths += 1
        if now >= self._not_before:
            self._not_before = 0.0
            self.start()


class Services:
    """The processes of one installation; a context manager that ends them all.

    Args:
        settings: the installation; its database server must run as long as this does.
        port: of the API server and the UI.
        schedulers: how many; more than one only to prove that they do not disturb each other.
        paused: DAGs seen for the first time stay paused until someone lets them run.
        extra: further environment.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        port: int = PORT,
        schedulers: int = 1,
        paused: bool = False,
        extra: dict[str, str] | None = None,
    ) -> None:
        self.settings, self.port = settings, port
        self.logs = folder(settings) / "logs" / "services"
        mark = {MARK: str(folder(settings))}
        first = {"AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": str(paused)}
        self._environment = {**airflow_environment(settings, port), **first, **(extra or {}), **mark}
        self._lock: int | None = None
        names = ["scheduler", *(f"scheduler-{number}" for number in range(2, schedulers + 1))]
        self.services = {
            "api-server": self._service("api-server"),
            "dag-processor": self._service("dag-processor"),
            **{name: self._service(name) for name in names},
        }

    def _service(self, name: str) -> Service:
        word = name.partition("-")[0] if name.startswith("scheduler") else name
        more = {"QXMONITOR_PRELOAD": "1"} if word == "scheduler" else {}
        return Service(name, (word,), {**self._environment, **more}, self.logs / f"{name}.log")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Self:
        """Migrate Airflow's database and start everything.

        Raises:
            QxError: another owner runs this installation, or the database cannot be migrated.
        """
        self._own()
        try:
            end_marked(folder(self.settings))
            airflow(self.settings, "db", "migrate", log_file=self.logs / "migrate.log")
            for service in self.services.values():
                service.start()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End all processes, politely first, and whatever they left behind."""
        if self._lock is None:
            return
        for service in self.services.values():
            if service.pid is not None:
                _signal_group(service.pid, signal.SIGTERM)
        deadline = time.monotonic() + _POLITE
        while any(service.pid for service in self.services.values()) and time.monotonic() < deadline:
            time.sleep(0.05)
        end_marked(folder(self.settings))
        for service in self.services.values():
            if service.process is not None:
                service.process.wait()
        os.close(self._lock)
        self._lock = None

    def watch(self) -> None:
        """Start what died again; call it every second or so."""
        for service in self.services.values():
            service.watch()

    def _own(self) -> None:
        path = folder(self.settings)
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path / "owner.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise QxError(f"调度服务已在运行（{path}），请先停止再启动") from None
        self._lock = handle


def airflow(settings: Settings, *words: str, log_file: Path) -> None:
    """Run one Airflow command of an installation to its end.

    Raises:
        QxError: it failed; the line names the log.
    """
    log_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _appending(log_file) as out:
        done = subprocess.run(
            [sys.executable, "-m", "airflow", *words], env=airflow_environment(settings), stdin=subprocess.DEVNULL,
            stdout=out, stderr=subprocess.STDOUT, check=False, cwd="/",
        )  # fmt: skip
    if done.returncode != 0:
        raise QxError(f"airflow {' '.join(words[:2])} 未成功，详见 {log_file}")


def end_group(group: int) -> None:
    """Kill what is left of a process group."""
    _signal_group(group, signal.SIGKILL)


def marked(home: Path) -> list[int]:
    """Processes that carry an installation's mark, whoever their parent is by now."""
    wanted = f"{MARK}={home}".encode()
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            try:
                if wanted in (process / "environ").read_bytes().split(b"\0"):
                    found.append(int(process.name))
            except OSError:  # gone, or another user's
                continue
    return found


def end_marked(home: Path) -> None:
    """End every process that carries the mark, and wait until they are gone."""
    deadline = time.monotonic() + 10.0
    while (pids := marked(home)) and time.monotonic() < deadline:
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.05)


def _signal_group(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@contextmanager
def _appending(path: Path) -> Iterator[IO[bytes]]:
    with path.open("ab") as stream:
        path.chmod(0o600)
        yield stream
