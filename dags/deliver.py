"""### 发送（deliver）

每五分钟把发送台账里到时的邮件发出：每位收件人一次 SMTP 会话，每封只发一次，结果写回台账。
结果不明的扣下待人处理。没有配置 SMTP 时投入本机 Maildir。不接受回填：该不该发只看台账。
在 Airflow 中建有名为 `qxmonitor_smtp` 的连接时用该连接。
"""

from __future__ import annotations

from airflow.sdk import dag, task
from airflow.timetables.trigger import CronTriggerTimetable
from qxdags import DEFAULTS, NOW_ONLY, mail_server, warehouse


@dag(
    schedule=CronTriggerTimetable("*/5 * * * *", timezone="Asia/Shanghai"),
    dag_display_name="发送 deliver",
    tags=["即时"],
    allowed_run_types=NOW_ONLY,
    doc_md=__doc__,
    **DEFAULTS | {"max_active_runs": 1},
)
def deliver() -> None:
    @task
    def drain() -> dict[str, int]:
        from collections import Counter

        from qxmonitor import pipeline

        with warehouse() as wh:
            return Counter(row["state"] for row in pipeline.deliver(wh, server=mail_server()))

    drain()


deliver()
