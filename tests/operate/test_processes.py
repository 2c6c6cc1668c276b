"""Services have an owner: it ends them and what they started, finds what a killed owner left, and is the only one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from qxmonitor.errors import QxError
from qxmonitor.operate import processes
from qxmonitor.operate.environment import folder
from qxmonitor.operate.processes import Services, end_marked, marked
from qxmonitor.settings import ROOT, Settings

pytestmark = pytest.mark.slow

URL = "postgresql://nobody@127.0.0.1:1/none"
SHELL = ["/bin/sh", "-c", "sleep 300 & exec sleep 300"]
"""Stands for a service that has a worker."""

_OWNER = """
import sys, time
from pathlib import Path
from qxmonitor.operate import processes
from qxmonitor.settings import Settings
processes.airflow = lambda *_, **__: None
owned = processes.Services(Settings(home=Path(sys.argv[1]), database_url=sys.argv[2]))
for service in owned.services.values():
    service.command = ["/bin/sh", "-c", "setsid sleep 300 & exec sleep 300"]
owned.start()
print("up", flush=True)
time.sleep(300)
"""


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(processes, "airflow", lambda *_, **__: None)
    return Settings(home=tmp_path, database_url=URL)


def services(settings: Settings) -> Services:
    made = Services(settings)
    for service in made.services.values():
        service.command = SHELL
    return made


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_owner_ends_services_and_their_children(installation: Settings) -> None:
    home = folder(installation)
    with services(installation):
        until(lambda: len(marked(home)) == 6)
    assert marked(home) == []


def test_a_second_owner_is_refused_and_disturbs_nothing(installation: Settings) -> None:
    home = folder(installation)
    with services(installation):
        until(lambda: len(marked(home)) == 6)
        before = sorted(marked(home))
        with pytest.raises(QxError, match="已在运行"):
            services(installation).start()
        assert sorted(marked(home)) == before
    with services(installation):
        pass


def test_a_start_that_fails_ends_what_it_started(installation: Settings) -> None:
    made = services(installation)
    made.services["scheduler"].command = ["/no/such/program"]
    with pytest.raises(OSError, match="no/such"):
        made.start()
    assert marked(folder(installation)) == []
    with services(installation):
        pass


def test_what_a_killed_owner_left_is_ended_by_the_next(installation: Settings) -> None:
    home = folder(installation)
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER, str(installation.home), URL], cwd=ROOT, stdout=subprocess.PIPE
    )
    try:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"up\n"
        until(lambda: len(marked(home)) == 6)
        owner.kill()
        owner.communicate()
        until(lambda: len(marked(home)) == 3)  # the services were told by the kernel, their children were not
        left = set(marked(home))
        with services(installation):
            assert left.isdisjoint(marked(home))
        assert marked(home) == []
    finally:
        owner.kill()
        end_marked(home)


def test_one_that_dies_is_started_again_and_its_group_is_gone_first(installation: Settings) -> None:
    home = folder(installation)
    with services(installation) as made:
        until(lambda: len(marked(home)) == 6)
        scheduler = made.services["scheduler"]
        first = scheduler.pid
        assert first is not None
        group = {pid for pid in marked(home) if os.getpgid(pid) == first}
        os.kill(first, signal.SIGKILL)
        until(lambda: scheduler.pid is None)
        made.watch()
        assert scheduler.pid is None, "not at once"
        until(lambda: group.isdisjoint(marked(home)))
        until(lambda: (made.watch(), scheduler.pid is not None)[1])
        assert (scheduler.pid != first, scheduler.deaths) == (True, 1)
        assert made.services["api-server"].deaths == 0
