"""### 运行维护（upkeep）

每周日凌晨清理 Airflow 自身：删除过期的运行记录和任务日志，轮换服务日志。保留天数见 `qxmonitor upkeep --help`。
业务数据（仓库、文件、台账）永不清理。
"""

from __future__ import annotations

from airflow.sdk import dag, task
from airflow.timetables.trigger import CronTriggerTimetable
from qxdags import DEFAULTS, NOW_ONLY


@dag(
    schedule=CronTriggerTimetable("30 3 * * 0", timezone="Asia/Shanghai"),
    dag_display_name="运行维护 upkeep",
    tags=["运维"],
    allowed_run_types=NOW_ONLY,
    doc_md=__doc__,
    **DEFAULTS | {"max_active_runs": 1},
)
def upkeep() -> None:
    @task
    def clean() -> None:
        from qxmonitor.operate.upkeep import clean
        from qxmonitor.settings import Settings

        clean(Settings.from_env())

    clean()


upkeep()
