"""``qxmonitor up``: an installation kept running in the foreground until it is told to stop."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

from qxmonitor.operate.api import Api
from qxmonitor.operate.environment import USER, folder
from qxmonitor.operate.processes import Services
from qxmonitor.settings import Settings
from qxmonitor.warehouse import Warehouse

READY_SECONDS = 180.0


def keep_up(settings: Settings, *, port: int, say: Callable[[str], None]) -> None:
    """Run database, scheduler, DAG processor and API server until interrupted; what dies is started again.

    Args:
        settings: the installation.
        port: of the UI, on loopback.
        say: tells the person at the terminal.

    Raises:
        QxError: something cannot be started, or does not become healthy.
    """
    with Warehouse(settings) as wh:
        wh.init()
        settings.landing_dir.mkdir(parents=True, exist_ok=True)
        with Services(settings, port=port) as services:
            say("正在启动调度服务……")
            with Api(settings, port=port) as api:
                wait_ready(services, api)
            say(f"已就绪：http://127.0.0.1:{port}（用户 {USER}，口令见 {folder(settings) / 'passwords.json'}）")
            say(f"收件目录：{settings.landing_dir}。按 Ctrl-C 停止。")
            while True:
                wh.revive()
                services.watch()
                time.sleep(1.0)


def wait_ready(services: Services, api: Api, *, dags: int = 1) -> None:
    """Wait until the scheduler is healthy and at least some DAGs are read.

    Raises:
        QxError: they do not become so.
    """
    api.wait(lambda: api.health().get("scheduler") == "healthy", "调度服务启动", READY_SECONDS, services.watch)
    api.wait(lambda: len(api.dags()) >= dags, "读取 DAG 文件", READY_SECONDS, services.watch)


def free_port() -> int:
    """A port of loopback that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
