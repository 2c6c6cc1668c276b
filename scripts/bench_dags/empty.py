"""The shape of our DAGs with nothing in them: what the scheduler itself costs, for `qxmonitor bench --scale scheduler`.

Same timetables, assets, tasks and arrows as in `dags/`; the tasks return at once.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Asset, PartitionedAssetTimetable, task
from airflow.sdk.exceptions import AirflowSkipException
from qxdags import DEFAULTS, FACTS, PERIOD, on_release

EMPTY = {family: Asset(f"empty_{family}") for family in FACTS}
EMPTY_LANDED, EMPTY_MONITORED = Asset("empty_landed"), Asset("empty_monitored")
ANY = EMPTY["statistics"] | EMPTY["customs"] | EMPTY["bonded"]
FORM: dict[str, Any] = {"params": {"period": PERIOD}, **DEFAULTS}

for family, facts in EMPTY.items():
    with DAG(f"empty_ingest_{family}", schedule=on_release(EMPTY_LANDED), **FORM):

        @task(outlets=[facts])
        def ingest(family: str, partition_key: Any = None, outlet_events: Any = None) -> None:
            outlet_events[EMPTY[family]].add_partitions(partition_key)

        ingest(family)

for name, schedule in (("monitor", PartitionedAssetTimetable(assets=ANY)), ("rebuild", on_release(scheduled=False))):
    with DAG(f"empty_{name}", schedule=schedule, **FORM):

        @task(outlets=[EMPTY_MONITORED])
        def run(partition_key: Any = None, outlet_events: Any = None) -> None:
            outlet_events[EMPTY_MONITORED].add_partitions(partition_key)

        run()

with DAG("empty_briefing", schedule=PartitionedAssetTimetable(assets=EMPTY_MONITORED), **FORM):

    @task
    def draft() -> None:
        raise AirflowSkipException("nothing to draw up")

    @task
    def decide() -> None:
        return

    draft() >> decide()
