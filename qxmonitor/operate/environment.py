"""The environment Airflow's processes run in: one function, so that a demo, `up`, tests and a service file agree.

Everything lies in ``<home>/airflow``; its metadata is the database ``airflow`` on the same server as the warehouse.
Keys and passwords are made once and kept in a file only its owner reads.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets
from pathlib import Path

from qxmonitor.delivery.files import write_private
from qxmonitor.settings import ROOT, Settings

USER = "admin"
PORT = 8080


def folder(settings: Settings) -> Path:
    """``AIRFLOW_HOME`` of an installation."""
    return settings.home / "airflow"


def secret(settings: Settings, name: str) -> str:
    """A key or password of this installation: ``fernet``, ``api``, ``jwt`` or ``password``; made on first use."""
    try:
        known: dict[str, str] = json.loads((folder(settings) / "secrets.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        known = _make_secrets(folder(settings))
    return known[name]


def _make_secrets(home: Path) -> dict[str, str]:
    """Make the secrets, or take those that another process made meanwhile; the secrets' file comes last."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(home, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        path = home / "secrets.json"
        if path.exists():
            known: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
            return known
        known = {
            "fernet": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "api": secrets.token_urlsafe(32),
            "jwt": secrets.token_urlsafe(48),
            "password": secrets.token_urlsafe(12),
        }
        write_private(home / "passwords.json", json.dumps({USER: known["password"]}).encode())
        write_private(path, json.dumps(known).encode())
        return known
    finally:
        os.close(handle)


def airflow_environment(settings: Settings, port: int = PORT) -> dict[str, str]:
    """The variables to run any Airflow process of this installation with; those set outside win.

    Args:
        settings: the installation; its server must have been started once.
        port: of the API server and the UI, on loopback.
    """
    home = folder(settings)
    ours = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__DEFAULT_TIMEZONE": "Asia/Shanghai",
        "AIRFLOW__CORE__DEFAULT_TASK_RETRIES": "4",
        "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "60",
        "AIRFLOW__CORE__FERNET_KEY": secret(settings, "fernet"),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": settings.dsn("airflow", "airflow"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": settings.dsn("airflow", "airflow"),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__SECRET_KEY": secret(settings, "api"),
        "AIRFLOW__API_AUTH__JWT_SECRET": secret(settings, "jwt"),
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "60",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "60",
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "QXMONITOR_HOME": str(settings.home),
        "QXMONITOR_SFTP_URL": settings.sftp_url or "",
        "QXMONITOR_QUIET_SECONDS": f"{settings.quiet:.0f}",
        "QXMONITOR_LARGEST_MIB": str(settings.largest >> 20),
        "PYTHONPATH": os.pathsep.join([str(ROOT / "config"), *filter(None, [os.environ.get("PYTHONPATH")])]),
        "PYTHONUNBUFFERED": "1",
        "SPT_NOENV": "1",  # process titles must not be written over the environment, which carries our mark
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }
    if settings.database_url:
        ours["QXMONITOR_DATABASE_URL"] = settings.database_url
    outside = {key: value for key, value in os.environ.items() if key.startswith("AIRFLOW__")}
    return {**os.environ, **ours, **outside}
