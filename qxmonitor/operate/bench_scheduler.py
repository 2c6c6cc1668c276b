"""How long a backfill takes through the scheduler, beside the same shape with empty tasks in the same scheduler.

What is timed is what an operator sees: from the start of the first run to the end of the last, of everything that the
backfill set going. The empty twins lie in ``scripts/bench_dags``. Everything is simulated.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from qxmonitor import pipeline
from qxmonitor.catalog.release import FAMILIES, release_calendar
from qxmonitor.operate.api import Api, Row
from qxmonitor.operate.environment import airflow_environment
from qxmonitor.operate.processes import Services
from qxmonitor.operate.up import free_port, wait_ready
from qxmonitor.period import Period
from qxmonitor.settings import ROOT, Settings
from qxmonitor.warehouse import Warehouse

MONTHS = 36
_PATIENCE = 3600.0
_DAGS = ("monitor", "rebuild", "briefing", *(f"ingest_{family}" for family in FAMILIES))
_PARSE = """
import time, airflow.sdk
from airflow.dag_processing.dagbag import DagBag
begun = time.perf_counter()
bag = DagBag()
print(time.perf_counter() - begun, len(bag.dags), len(bag.import_errors))
"""


def measure(firms: int, say: Callable[[str], None]) -> list[Row]:
    """Time 36 months taken in, monitored and drawn up, and 36 months rebuilt; each beside its empty twin.

    Args:
        firms: legal entities of the simulated town.
        say: tells the person at the terminal.

    Returns:
        Rows of ``what``, ``figure`` and ``unit``.

    Raises:
        QxError: something did not come to an end.
    """
    with tempfile.TemporaryDirectory(prefix="qxm-bench-") as name:
        base = Path(name)
        base.chmod(0o755)  # so that root's server user can pass; figures lie in private folders below
        settings = Settings(home=base / "home")
        last = release_calendar().newest_released(settings.now())
        pipeline.simulate(settings.now(), base / "town", firms=firms, first=last - (MONTHS - 1), last=last, seed=1)
        with Warehouse(settings) as wh:
            wh.init()
            settings.landing_dir.parent.mkdir(exist_ok=True)
            (base / "town" / "landing").rename(settings.landing_dir)
            say("登记到文……")
            pipeline.land(wh)
            extra = {"AIRFLOW__CORE__DAGS_FOLDER": str(_folder(base / "dags"))}
            port = free_port()
            with Services(settings, port=port, paused=True, extra=extra) as services, Api(settings, port=port) as api:
                wait_ready(services, api, dags=2 * len(_DAGS))
                return _timed(api, services, last, say) + _parsing(settings, extra)


def _folder(folder: Path) -> Path:
    """Our DAG files and the empty twins in one folder."""
    folder.mkdir()
    for path in (*(ROOT / "dags").glob("*.py"), *(ROOT / "scripts" / "bench_dags").glob("*.py")):
        (folder / path.name).symlink_to(path)
    (folder / ".airflowignore").symlink_to(ROOT / "dags" / ".airflowignore")
    return folder


def _timed(api: Api, services: Services, last: Period, say: Callable[[str], None]) -> list[Row]:
    first = last - (MONTHS - 1)
    seconds: dict[str, float] = {}
    for kind in ("empty_", ""):
        say(f"回填 {first} 至 {last}{'（空任务）' if kind else ''}……")
        ingests = [f"{kind}ingest_{family}" for family in FAMILIES]
        for dag in (*ingests, f"{kind}monitor", f"{kind}briefing"):
            api.pause(dag, False)
        for dag in ingests:
            api.backfill(dag, first, last)
        api.settle("回填", _PATIENCE, services.watch)
        seconds[f"{kind}cascade"] = _span(api, [*ingests, f"{kind}monitor", f"{kind}briefing"])
    for kind in ("empty_", ""):
        say(f"重算 {first} 至 {last}{'（空任务）' if kind else ''}……")
        api.pause(f"{kind}rebuild", False)
        api.backfill(f"{kind}rebuild", first, last)
        api.settle("重算", _PATIENCE, services.watch)
        seconds[f"{kind}rebuild"] = _span(api, [f"{kind}rebuild"])
    rows: list[Row] = []
    for what, words in (("cascade", "taken in, monitored, drawn up"), ("rebuild", "rebuilt, nothing new")):
        full, empty = seconds[what], seconds[f"empty_{what}"]
        rows += [
            _row(f"scheduler: {MONTHS} months {words}", full, "s"),
            _row(f"scheduler: {MONTHS} months, the same shape with empty tasks", empty, "s"),
            _row(f"scheduler: {words} / empty", full / empty, "times"),
        ]
    return rows


def _span(api: Api, dags: list[str]) -> float:
    """Seconds from the start of the first run to the end of the last; one that waits for a person ended when asked."""
    runs = [run for dag in dags for run in api.runs(dag)]
    begun = min(_time(run["start_date"]) for run in runs if run["start_date"])
    ended = max(_time(run["end_date"]) for run in runs if run["end_date"])
    return (ended - begun).total_seconds()


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _parsing(settings: Settings, extra: dict[str, str]) -> list[Row]:
    """All our DAG files read by a process with Airflow loaded, the median of five; and that process as a whole."""
    folder = {"AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags")}
    inside, whole = [], []
    for _ in range(5):
        begun = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", _PARSE], env={**airflow_environment(settings), **extra, **folder},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        whole.append(time.perf_counter() - begun)
        inside.append(float(done.stdout.split()[-3]))
    return [
        _row("scheduler: all DAG files read, Airflow loaded", statistics.median(inside), "s"),
        _row("scheduler: all DAG files read, whole process", statistics.median(whole), "s"),
    ]


def _row(what: str, figure: float, unit: str) -> Row:
    return {"what": what, "figure": float(f"{figure:.3g}"), "unit": unit}
