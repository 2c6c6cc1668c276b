"""### 分期入库（ingest）

按所属期把已登记的文件读入仓库：逐行校验，合格的入库，不合格的连同原因进隔离区；同一内容只入一次。
三个来源各有一个流程：统计、海关、保税。发布日自动运行当期；`land` 登记了新文件时立即运行相应月份；
可在界面上按月份回填（Backfill）。
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, task
from qxdags import DEFAULTS, FACTS, LANDED, NAMES, PERIOD, on_release, period_of, warehouse

for family, facts in FACTS.items():
    with DAG(
        f"ingest_{family}",
        schedule=on_release(LANDED),
        dag_display_name=f"{NAMES[family]}入库 ingest_{family}",
        tags=["按期"],
        params={"period": PERIOD},
        doc_md=__doc__,
        **DEFAULTS,
    ):

        @task(outlets=[facts])
        def ingest(
            family: str, partition_key: Any = None, params: Any = None, outlet_events: Any = None
        ) -> dict[str, int]:
            from collections import Counter

            from qxmonitor import pipeline

            period = period_of(partition_key, params)
            with warehouse() as wh:
                receipts = pipeline.ingest_landed(wh, family, period)
            outlet_events[FACTS[family]].add_partitions(str(period))
            return Counter(receipt["state"] for receipt in receipts)

        ingest(family)
