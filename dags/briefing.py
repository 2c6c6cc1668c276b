"""### 简报（briefing）

某期重算完成后起草该期《经济运行监测简报》的全部版本，提交人工审批：在界面“浏览 → 待操作的任务实例”里选“批准”或“退回”。
批准即把邮件列入发送台账，退回则记录原因；数据更新后会有新的一稿，旧稿不能再批准。
只为最新发布期起草；上报率不足、尚有到文未入库、已发过或同一稿已在审批时跳过。手工运行可为任何已计算的月份起草。
"""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Param, PartitionedAssetTimetable, dag, task
from airflow.sdk.exceptions import AirflowSkipException
from qxdags import DEFAULTS, MONITORED, NOTIFY, PERIOD, PLANNED, decision, period_of, warehouse


@dag(
    schedule=PartitionedAssetTimetable(assets=MONITORED),
    dag_display_name="简报 briefing",
    tags=["按期"],
    params={"period": PERIOD, "notify": NOTIFY},
    doc_md=__doc__,
    **DEFAULTS,
)
def briefing() -> None:
    @task
    def draft(partition_key: Any = None, params: Any = None, dag_run: Any = None) -> str:
        from qxmonitor import pipeline

        with warehouse() as wh:
            period, by_hand = period_of(partition_key, params), dag_run.run_type == "manual"
            found = pipeline.draft(wh, period, by=dag_run.run_id, anew=by_hand)
        if not found["issues"]:
            raise AirflowSkipException(f"{period}：{found['why']}")
        return str(found["issues"])

    approve = HITLOperator(
        task_id="approve",
        subject="审批简报：{{ dag_run.partition_key or params.period }}",
        body="待审稿：`{{ ti.xcom_pull(task_ids='draft') }}`。文件在 documents 目录下同名文件夹中，由统计办核对。",
        options=["批准", "退回"],
        params={"note": Param(None, type=["null", "string"], title="意见", description="退回请写明原因")},
    )

    @task(outlets=[PLANNED])
    def decide(submitted: str, answer: Any, params: Any = None) -> str:
        from qxmonitor import pipeline

        with warehouse() as wh:
            found = pipeline.decide(wh, submitted.split(), notify=params.get("notify") or "", **decision(answer))
        return str(found["state"])

    submitted = draft()
    submitted >> approve
    decide(submitted, approve.output)


briefing()
