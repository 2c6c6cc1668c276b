"""Airflow's own upkeep: old runs out of its database, old logs off the disk. Business data is never touched."""

from __future__ import annotations

import logging
import shutil
import stat
import time
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from qxmonitor.operate.environment import folder
from qxmonitor.operate.processes import airflow
from qxmonitor.settings import Settings

log = logging.getLogger(__name__)

KEEP_DAYS = 90
_LOG_LIMIT, _LOG_COPIES = 16 << 20, 3
_DAY = 86_400


def clean(settings: Settings, *, keep_days: int = KEEP_DAYS) -> dict[str, int]:
    """Clean up what is older than some days; safe while everything runs.

    Args:
        settings: the installation.
        keep_days: runs, task logs and their records younger than this stay.

    Returns:
        How many log files were ``removed`` and service logs ``rotated``.

    Raises:
        QxError: Airflow's clean-up failed; the line names its log.
    """
    logs = folder(settings) / "logs"
    before = datetime.now().astimezone() - timedelta(days=keep_days)
    airflow(
        settings, "db", "clean", "--clean-before-timestamp", before.isoformat(), "--skip-archive", "--yes",
        log_file=logs / "services" / "upkeep.log",
    )  # fmt: skip
    return {"removed": _remove_old(logs, keep_days), "rotated": _rotate(logs / "services")}


def _remove_old(logs: Path, keep_days: int) -> int:
    """Remove task logs by age, and the folders that are empty then."""
    limit, removed = time.time() - keep_days * _DAY, 0
    found = []
    for path in sorted(logs.rglob("*"), reverse=True):  # contents before their folder
        with suppress(FileNotFoundError):
            found.append((path, path.lstat()))  # before anything is removed, which makes its folder young
    for path, status in found:
        if logs / "services" in (path, path.parent) or stat.S_ISLNK(status.st_mode) or status.st_mtime >= limit:
            continue
        if stat.S_ISDIR(status.st_mode):
            with suppress(OSError):  # not empty
                path.rmdir()
        else:
            path.unlink(missing_ok=True)
            removed += 1
    return removed


def _rotate(services: Path) -> int:
    """Copy a large service log aside and empty it; its writer appends and goes on."""
    rotated = 0
    for path in services.glob("*.log"):
        if path.stat().st_size > _LOG_LIMIT:
            for number in range(_LOG_COPIES - 1, 0, -1):
                older = path.with_suffix(f".log.{number}")
                if older.exists():
                    older.replace(path.with_suffix(f".log.{number + 1}"))
            shutil.copyfile(path, path.with_suffix(".log.1"))
            path.with_suffix(".log.1").chmod(0o600)
            with path.open("r+b") as stream:
                stream.truncate(0)
            rotated += 1
    return rotated
