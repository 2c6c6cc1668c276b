"""### 到文登记（land）

每十分钟先从 SFTP 服务器取回新文件（配置了的话），再查看一次收件目录：把已写完的新到文件封存、识别、登记，
并对每个有文件待入库的月份发出一个 `landed` 分区，由各入库流程接办。还在写的文件留到下一次。
SFTP 取不回不影响收件目录；下一次再取，长时间不通由值守告知。
没有新文件时跳过。被中断或暂停期间漏掉的月份，下一次会再次发出，不会丢失；同一文件重复出现只登记一次。
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from airflow.sdk import TriggerRule, dag, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from airflow.timetables.trigger import CronTriggerTimetable
from qxdags import DEFAULTS, LANDED, NOW_ONLY, sftp_server, warehouse

from qxmonitor.errors import QxError


@dag(
    schedule=CronTriggerTimetable("*/10 * * * *", timezone="Asia/Shanghai"),
    dag_display_name="到文登记 land",
    tags=["即时"],
    allowed_run_types=NOW_ONLY,
    doc_md=__doc__,
    **DEFAULTS | {"max_active_runs": 1},
)
def land() -> None:
    @task
    def fetch() -> dict[str, int]:
        from qxmonitor import pipeline

        with warehouse() as wh:
            try:
                states = [row["state"] for row in pipeline.fetch(wh, sftp_server())]
            except QxError as error:  # not again and again: the next run comes in ten minutes
                raise AirflowFailException(str(error)) from None
        if not states:
            raise AirflowSkipException("没有要取回的文件")
        return dict(Counter(states))

    @task(outlets=[LANDED], trigger_rule=TriggerRule.ALL_DONE)
    def look(outlet_events: Any = None) -> list[str]:
        from qxmonitor import pipeline

        with warehouse() as wh:
            periods = [str(period) for period in pipeline.land(wh)]
        if not periods:
            raise AirflowSkipException("没有待入库的文件")
        outlet_events[LANDED].add_partitions(periods)
        return periods

    fetch() >> look()


land()
