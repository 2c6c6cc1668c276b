"""Old logs go, young ones and those of the services stay; a log that is written to is emptied, not replaced."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import pytest

from qxmonitor.operate import upkeep
from qxmonitor.operate.environment import folder
from qxmonitor.settings import Settings


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(upkeep, "airflow", lambda *_, **__: None)
    monkeypatch.setattr(upkeep, "_LOG_LIMIT", 100)
    found = folder(Settings(home=tmp_path)) / "logs"
    (found / "services").mkdir(parents=True)
    return found


def aged(path: Path, days: float) -> Path:
    at = time.time() - days * 86_400
    os.utime(path, (at, at))
    return path


def log_file(path: Path, days: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x", encoding="utf-8")
    return aged(path, days)


def test_old_logs_go_with_their_folder_and_the_rest_stays(logs: Path, tmp_path: Path) -> None:
    old = log_file(logs / "dag_id=land" / "run_id=old" / "attempt=1.log", 91)
    young = log_file(logs / "dag_id=land" / "run_id=young" / "attempt=1.log", 89)
    service = log_file(logs / "services" / "scheduler.log", 400)
    aged(old.parent, 91)
    assert upkeep.clean(Settings(home=tmp_path), keep_days=90) == {"removed": 1, "rotated": 0}
    assert (old.parent.exists(), young.exists(), service.exists()) == (False, True, True)


def test_a_large_service_log_is_put_aside_while_it_is_written_to(logs: Path, tmp_path: Path) -> None:
    path = logs / "services" / "scheduler.log"
    with path.open("ab", buffering=0) as writer:
        for number in range(5):
            writer.write(f"{number}".encode() * 101)
            assert upkeep.clean(Settings(home=tmp_path))["rotated"] == 1
            writer.write(b"more\n")
            assert path.read_bytes() == b"more\n"
    kept = sorted(path.parent.glob("scheduler.log.*"))
    assert [file.name[-1] for file in kept] == ["1", "2", "3"]
    assert [file.read_bytes()[-1:] for file in kept] == [b"4", b"3", b"2"]
    assert stat.S_IMODE(kept[0].stat().st_mode) == 0o600
