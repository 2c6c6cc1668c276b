"""Secrets are made once, whoever comes first, and only their owner reads them."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from qxmonitor.operate.environment import airflow_environment, folder, secret
from qxmonitor.settings import ROOT, Settings

NAMES = ("fernet", "api", "jwt", "password")
URL = "postgresql://someone:pw@db.invalid/warehouse"
_FIRST = """
import sys, time
from pathlib import Path
from qxmonitor.operate.environment import secret
from qxmonitor.settings import Settings
sys.stdin.readline()
print(secret(Settings(home=Path(sys.argv[1])), "jwt"))
"""


@pytest.fixture
def installation(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", database_url=URL)


def test_secrets_are_private_and_stay(installation: Settings) -> None:
    first = {name: secret(installation, name) for name in NAMES}
    assert first == {name: secret(installation, name) for name in NAMES}
    assert len(set(first.values())) == len(NAMES)
    assert stat.S_IMODE(folder(installation).stat().st_mode) == 0o700
    for name in ("secrets.json", "passwords.json"):
        assert stat.S_IMODE((folder(installation) / name).stat().st_mode) == 0o600
    passwords = json.loads((folder(installation) / "passwords.json").read_text(encoding="utf-8"))
    assert passwords == {"admin": first["password"]}


@pytest.mark.slow
def test_processes_that_start_at_once_agree(installation: Settings) -> None:
    started = [
        subprocess.Popen(
            [sys.executable, "-c", _FIRST, str(installation.home)], cwd=ROOT, text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for _ in range(4)
    ]  # fmt: skip
    for process in started:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    said = {process.communicate(timeout=60)[0] for process in started}
    assert said == {secret(installation, "jwt") + "\n"}


def test_what_is_set_outside_wins(installation: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AIRFLOW__")]:  # of the DAGs' tests in this process
        monkeypatch.delenv(name)
    assert airflow_environment(installation)["AIRFLOW__CORE__PARALLELISM"] == "4"
    monkeypatch.setenv("AIRFLOW__CORE__PARALLELISM", "9")
    monkeypatch.setenv("QXMONITOR_HOME", "/elsewhere")
    found = airflow_environment(installation, port=8123)
    assert found["AIRFLOW__CORE__PARALLELISM"] == "9"
    assert found["QXMONITOR_HOME"] == str(installation.home), "the installation asked for, not the one around it"
    assert found["AIRFLOW__API__PORT"] == "8123"
    assert found["QXMONITOR_DATABASE_URL"] == URL
    assert found["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == "postgresql+psycopg://someone:pw@db.invalid/airflow"
