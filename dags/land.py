"""### 到文登记（land）

每十分钟查看一次收件目录：把新到文件封存、识别、登记，并对每个有文件待入库的月份发出一个 `landed` 分区，
由各入库流程接办。
没有新文件时跳过。被中断或暂停期间漏掉的月份，下一次会再次发出，不会丢失；同一文件重复出现只登记一次。
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import dag, task
from airflow.sdk.exceptions import AirflowSkipException
from airflow.timetables.trigger import CronTriggerTimetable
from qxdags import DEFAULTS, LANDED, NOW_ONLY, warehouse


@dag(
    schedule=CronTriggerTimetable("*/10 * * * *", timezone="Asia/Shanghai"),
    dag_display_name="到文登记 land",
    tags=["即时"],
    allowed_run_types=NOW_ONLY,
    doc_md=__doc__,
    **DEFAULTS | {"max_active_runs": 1},
)
def land() -> None:
    @task(outlets=[LANDED])
    def look(outlet_events: Any = None) -> list[str]:
        from qxmonitor import pipeline

        with warehouse() as wh:
            periods = [str(period) for period in pipeline.land(wh)]
        if not periods:
            raise AirflowSkipException("没有待入库的文件")
        outlet_events[LANDED].add_partitions(periods)
        return periods

    look()


land()
