"""### 监测（monitor）

任一来源的某一期有了变化即重算该期：指标、判定、风险提示；数据因此过时的后续月份一并重算。
该期是最新发布期、上报率达标且到文均已入库时，把风险提示邮件列入发送台账（只列一次）。补跑、重跑不会重复发送。
要按月份回填重算，用 `rebuild`。
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import PartitionedAssetTimetable, dag, task
from qxdags import BONDED, CUSTOMS, DEFAULTS, KNOWN_AT, MONITORED, NOTIFY, PERIOD, STATISTICS, compute


@dag(
    schedule=PartitionedAssetTimetable(assets=STATISTICS | CUSTOMS | BONDED),
    dag_display_name="监测 monitor",
    tags=["按期"],
    params={"period": PERIOD, "known_at": KNOWN_AT, "notify": NOTIFY},
    doc_md=__doc__,
    **DEFAULTS,
)
def monitor() -> None:
    @task(outlets=[MONITORED])
    def run(partition_key: Any = None, params: Any = None, outlet_events: Any = None) -> str:
        return compute(partition_key, params, outlet_events)

    run()


monitor()
