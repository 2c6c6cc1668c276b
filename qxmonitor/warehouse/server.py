"""The embedded PostgreSQL: started by whoever comes first, shared by all, stopped by whoever leaves last.

Oddities this module answers for. A server is alive when it accepts a connection, never because some process has the
number written in ``postmaster.pid`` (numbers are recycled). Every user process holds a shared ``flock`` that the
kernel takes back when the process dies, however it dies, so the last one out is known without lists of pids. The
server listens on a socket in a private folder only and asks for a password; its log carries no statements and no
row values.
"""

from __future__ import annotations

import atexit
import fcntl
import json
import logging
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Self

import psycopg

from qxmonitor.errors import QxError
from qxmonitor.settings import Settings
from qxmonitor.warehouse import sql
from qxmonitor.warehouse._account import PORT, Account, account_for, binaries, place, socket_dir

log = logging.getLogger(__name__)

DATABASES = ("warehouse", "airflow")
USER = "qxmonitor"
_TUNING = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_buffers": "256MB",
    "work_mem": "64MB",
    "maintenance_work_mem": "128MB",
    "max_connections": "100",
    "max_wal_size": "2GB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "jit": "off",
    "random_page_cost": "1.1",
    "timezone": "Asia/Shanghai",
    "log_timezone": "Asia/Shanghai",
    # The log is read by operators, who see no figures: neither statements nor the rows of a violated constraint.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
_LOCK_WAIT, _START_WAIT, _RECOVERY_WAIT = 120.0, 30.0, 600.0
_LOG_LIMIT = 16 << 20
_NO_SUCH_PID = (1 << 22) + 1  # above the kernel's PID_MAX_LIMIT


class Server:
    """A process's share in the running server; :meth:`close` gives it back. Use as a context manager."""

    def __init__(self, instance: _Instance, users: int) -> None:
        self._instance, self._users, self._pid = instance, users, os.getpid()
        atexit.register(self.close)

    @property
    def state(self) -> Path:
        """The server's private folder."""
        return self._instance.state

    def close(self) -> None:
        """Leave; stop the server when nobody else uses it. Does nothing in a forked child or the second time."""
        if self._users < 0 or os.getpid() != self._pid:
            return
        atexit.unregister(self.close)
        users, self._users = self._users, -1
        try:
            with self._instance.starting():
                fcntl.flock(users, fcntl.LOCK_UN)
                try:
                    fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return
                self._instance.stop()
        finally:
            os.close(users)

    def revive(self) -> None:
        """Start the server again if it died.

        Raises:
            QxError: it cannot be started.
        """
        with self._instance.starting():
            self._instance.up()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def ensure(settings: Settings) -> Server | None:
    """Start the home's server, or share the one that runs; None when the settings name an outside server.

    Raises:
        QxError: it cannot be placed, started or reached; the line names the log.
    """
    if settings.database_url:
        return None
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise QxError(f"无法创建目录：{error.filename}") from None
    with _locked(settings.home, os.O_RDONLY | os.O_DIRECTORY):
        account = account_for(settings.server_dir)
        state = place(settings.home.resolve(), settings.server_dir, account)
    instance = _Instance(state, account)
    with instance.starting():
        users = os.open(instance.file("users.lock"), os.O_RDWR)
        try:
            fcntl.flock(users, fcntl.LOCK_SH)
            instance.up()
        except BaseException:
            os.close(users)
            raise
    return Server(instance, users)


def tool(name: str) -> Path:
    """A client tool of the embedded server's own version, such as ``pg_dump``.

    Raises:
        QxError: the server's package is missing.
    """
    return binaries(Account(None, None)) / name


class _Instance:
    """One data folder and the server on it. All but :meth:`starting` is called under that lock."""

    def __init__(self, state: Path, account: Account) -> None:
        self.state, self.account = state, account
        self.data, self.log = state / "data", state / "server.log"

    def file(self, name: str) -> Path:
        """A file of the private folder, created empty, 0600 and the server account's."""
        path = self.state / name
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
            self.account.own(path)
        except FileExistsError:
            pass
        return path

    @contextmanager
    def starting(self) -> Iterator[None]:
        """Only one process at a time starts or stops."""
        with _locked(self.file("start.lock"), os.O_RDWR):
            yield

    def up(self) -> None:
        """Bring the server up unless it is, and see to its databases."""
        if not (self.data / "PG_VERSION").exists():
            self._create()
        at = self._connection()
        if (pid := self._living()) is None or not self._reachable(at, pid):
            at = self._start()
        self._databases(at)

    def stop(self) -> None:
        """Stop the server if it runs."""
        if self._living() is not None:
            self._pg_ctl("stop", "-m", "fast", "-w", "-t", "60")

    # -- creating ----------------------------------------------------------------------------------------------

    def _create(self) -> None:
        """``initdb`` beside the final place, so that a killed attempt leaves nothing half made."""
        fresh = self.state / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        password = secrets.token_hex(24)
        secret = self.file("initdb.secret")
        secret.write_text(password, encoding="ascii")
        try:
            done = self.account.run(
                binaries(self.account) / "initdb", "-D", fresh, "-U", USER, f"--pwfile={secret}", "--no-instructions",
                "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
            )  # fmt: skip
        finally:
            secret.unlink()
        if done.returncode != 0:
            raise QxError(f"数据库初始化失败：{_last_line(done.stdout)}")
        self._remember({"host": "", "port": PORT, "user": USER, "password": password})
        fresh.rename(self.data)

    def _databases(self, at: dict[str, Any]) -> None:
        with closing(_connect(at)) as connection:
            there = {name for (name,) in connection.execute(sql.query("databases").encode())}
            for name in DATABASES:
                if name not in there:
                    connection.execute(f'create database "{name}"'.encode())

    # -- liveness ----------------------------------------------------------------------------------------------

    def _living(self) -> int | None:
        """The pid in ``postmaster.pid`` if that process is a server on this very folder."""
        try:
            pid = int((self.data / "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None
        process = Path("/proc") / str(pid)
        try:
            return pid if (process / "cwd").samefile(self.data) else None
        except FileNotFoundError:
            return None
        except PermissionError:  # a container's root may not look into another user's process: trust its arguments
            try:
                return pid if os.fsencode(self.data) in (process / "cmdline").read_bytes().split(b"\0") else None
            except OSError:
                return None

    def _reachable(self, at: dict[str, Any], pid: int) -> bool:
        """Wait for a living server to answer; False when it went away, or was ended since its socket is gone."""
        patience = time.monotonic() + 5.0
        deadline = time.monotonic() + _RECOVERY_WAIT
        while time.monotonic() < deadline:
            try:
                _connect(at).close()
                return True
            except psycopg.OperationalError as error:
                why = str(error)  # libpq gives a failed connection no SQLSTATE; the server speaks English (locale C)
                if "too many clients" in why:
                    return True
                if "authentication failed" in why or "timeout" in why:
                    raise QxError(f"数据库拒绝连接或无响应，详见 {self.log}") from None
                if "the database system is" in why:  # starting up, in recovery, shutting down
                    patience = time.monotonic() + 5.0
                elif time.monotonic() > patience:  # it lives, but its socket was swept away
                    self.stop()
                    return False
            if self._living() != pid:
                return False
            time.sleep(0.02)
        raise QxError(f"数据库迟迟不可用，详见 {self.log}")

    # -- starting ----------------------------------------------------------------------------------------------

    def _start(self) -> dict[str, Any]:
        at = self._connection() | {"host": str(socket_dir(self.state, self.account)), "port": PORT}
        self._remember(at)
        if self.log.exists() and self.log.stat().st_size > _LOG_LIMIT:
            self.log.replace(self.log.with_suffix(".log.1"))
        options = [f"{key}={value}" for key, value in {**_TUNING, "unix_socket_directories": at["host"]}.items()]
        command: list[str | Path] = [binaries(self.account) / "postgres", "-D", self.data, "-p", str(PORT)]
        command += [part for option in options for part in ("-c", option)]
        deadline = time.monotonic() + _START_WAIT
        while True:
            self._disown_recycled_pid(Path(at["host"]))
            # The shell starts it in the background and leaves: nobody's child, so its end leaves no zombie of ours.
            started = self.account.run("/bin/sh", "-c", '"$@" </dev/null >>"$0" 2>&1 & echo $!', self.log, *command)
            if self._came_up(at, int(started.stdout)):
                log.info("embedded server started on %s", self.data)
                return at
            # Children of a server that was killed hold its shared memory for some moments longer.
            if time.monotonic() > deadline or "shared memory block" not in self._log_tail():
                raise QxError(f"数据库启动失败，详见 {self.log}")
            time.sleep(0.2)

    def _came_up(self, at: dict[str, Any], pid: int) -> bool:
        deadline = time.monotonic() + _RECOVERY_WAIT
        while time.monotonic() < deadline:
            try:
                _connect(at).close()
                return True
            except psycopg.OperationalError:
                if _ended(pid):
                    return False
                time.sleep(0.02)
        return False

    def _disown_recycled_pid(self, sockets: Path) -> None:
        """Make stale lock files harmless: their process is gone, a zombie, or somebody else by now.

        The data's is made to name a process that cannot exist, so that its shared-memory line still guards the data
        against survivors of a killed server; the socket's stands in a folder of this server alone and goes.
        """
        if self._living() is not None:
            return
        (sockets / f".s.PGSQL.{PORT}.lock").unlink(missing_ok=True)
        lock = self.data / "postmaster.pid"
        if lock.exists():
            _, _, rest = lock.read_text(encoding="utf-8").partition("\n")
            if rest:
                lock.write_text(f"{_NO_SUCH_PID}\n{rest}", encoding="utf-8")
            else:
                lock.unlink()  # cut off while being written: that server never opened the data

    def _pg_ctl(self, verb: str, *options: str) -> None:
        done = self.account.run(binaries(self.account) / "pg_ctl", verb, "-D", self.data, *options)
        if done.returncode != 0:
            log.warning("pg_ctl %s: %s", verb, _last_line(done.stdout))

    # -- what is remembered ------------------------------------------------------------------------------------

    def _connection(self) -> dict[str, Any]:
        try:
            at: dict[str, Any] = json.loads((self.state / "connection.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            raise QxError(f"数据库口令文件缺失或损坏：{self.state / 'connection.json'}") from None
        return at

    def _remember(self, at: dict[str, Any]) -> None:
        fresh = self.file("connection.json.new")
        fresh.write_text(json.dumps(at), encoding="utf-8")
        fresh.replace(self.state / "connection.json")

    def _log_tail(self) -> str:
        try:
            with self.log.open("rb") as stream:
                stream.seek(max(0, self.log.stat().st_size - 2000))
                return stream.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""


def _connect(at: dict[str, Any]) -> psycopg.Connection[Any]:
    return psycopg.connect(
        host=at["host"], port=at["port"], user=at["user"], password=at["password"], dbname="postgres",
        connect_timeout=10, autocommit=True,
    )  # fmt: skip


def _ended(pid: int) -> bool:
    """Whether a process is gone, or only waits to be reaped (a container's first process often does not)."""
    try:
        return (Path("/proc") / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def _last_line(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "")[:200]


@contextmanager
def _locked(path: Path, flags: int) -> Iterator[None]:
    """An exclusive lock on a file or folder, waited for patiently but not for ever."""
    handle = os.open(path, flags)
    try:
        deadline = time.monotonic() + _LOCK_WAIT
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise QxError(f"等待其他进程启动数据库超时：{path}") from None
                time.sleep(0.02)
        yield
    finally:
        os.close(handle)
