"""### 值守（watch）

每小时对照发布日历和发送台账检查一遍：哪类报表逾期未到、简报该发未发、邮件被扣下、到文久未入库。
每个问题只告知运维一次；结果写入 `heartbeat.json`，供外部监控判断本系统是否还活着。不看调度器自身的状态，不接受回填。
"""

from __future__ import annotations

from airflow.sdk import dag, task
from airflow.timetables.trigger import CronTriggerTimetable
from qxdags import DEFAULTS, NOW_ONLY, warehouse


@dag(
    schedule=CronTriggerTimetable("25 * * * *", timezone="Asia/Shanghai"),
    dag_display_name="值守 watch",
    tags=["即时"],
    allowed_run_types=NOW_ONLY,
    doc_md=__doc__,
    **DEFAULTS | {"max_active_runs": 1},
)
def watch() -> None:
    @task
    def look() -> list[str]:
        from qxmonitor import datadocs, pipeline

        with warehouse() as wh:
            found = [str(row["finding"]) for row in pipeline.watch(wh)]
            datadocs.build(wh, datadocs.folder(wh.settings))  # after it: pages must not keep a finding from being told
            return found

    look()


watch()
