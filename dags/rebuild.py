"""### 重算（rebuild）

不重新入库，按所属期重算指标、判定和风险提示。
这是操作员回填用的流程：在界面上选“触发 → 回填（Backfill）”，给出起止日期即可。
从不自动运行。默认不发邮件；确需补发某一期的，填写理由。填写回看时点时只用当时已知的数据。
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import dag, task
from qxdags import DEFAULTS, KNOWN_AT, MONITORED, NOTIFY, PERIOD, compute, on_release


@dag(
    schedule=on_release(scheduled=False),
    dag_display_name="重算 rebuild",
    tags=["按期"],
    params={"period": PERIOD, "known_at": KNOWN_AT, "notify": NOTIFY},
    doc_md=__doc__,
    **DEFAULTS,
)
def rebuild() -> None:
    @task(outlets=[MONITORED])
    def run(partition_key: Any = None, params: Any = None, outlet_events: Any = None) -> str:
        return compute(partition_key, params, outlet_events)

    run()


rebuild()
